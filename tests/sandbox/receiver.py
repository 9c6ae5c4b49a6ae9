"""A webhook receiver on a real socket."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass
class Receiver:
    """Remembers every transmission; answers with `answers` in turn, then 200; -1 means never answering."""

    answers: list[int] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    url: str = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hook", self._receive)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/hook"
        return self

    async def __aexit__(self, *details: object) -> None:
        await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(json.loads(await request.read()))
        status = self.answers.pop(0) if self.answers else 200
        if status == -1:
            await asyncio.sleep(30)
        return web.Response(status=status)

    async def wait_for(self, number: int, timeout_s: float = 8) -> list[Any]:
        """The bodies once at least `number` have come."""
        async with asyncio.timeout(timeout_s):
            while len(self.bodies) < number:
                await asyncio.sleep(0.02)
        return self.bodies

    @property
    def statuses(self) -> list[str]:
        """The payment statuses of what came, in order."""
        return [body.get("data", body)["status"] for body in self.bodies]
