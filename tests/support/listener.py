"""An application that is told of events: it verifies what comes, remembers it, and answers as it is told to."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Heard:
    """One delivery as it arrived. ``signed_by``: which of the listener's secrets verified it."""

    id: str
    body: dict[str, Any]
    headers: dict[str, str]
    signed_by: list[str]
    at: float

    @property
    def type(self) -> str:
        found: str = self.body["type"]
        return found

    @property
    def order_id(self) -> str:
        found: str = self.body["data"]["order"]["id"]
        return found


Answer = Callable[[Heard], "int | float | web.StreamResponse"]


@dataclass
class Listener:
    """``answer`` decides: a status, how many seconds to say nothing for (a float), or a whole response."""

    secrets: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    answer: Answer = lambda _: 200
    url: str = ""

    async def receive(self, request: web.Request) -> web.StreamResponse:
        raw, headers = await request.read(), {name.lower(): value for name, value in request.headers.items()}
        signed_by = [secret for secret in self.secrets if _verifies(secret, raw, headers)]
        heard = Heard(
            id=headers.get("webhook-id", ""),
            body=msgspec.json.decode(raw),
            headers=headers,
            signed_by=signed_by,
            at=time.monotonic(),
        )
        self.heard.append(heard)
        answer = self.answer(heard)
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return web.Response()
        return answer if isinstance(answer, web.StreamResponse) else web.Response(status=answer, text="들었습니다")

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.heard]

    def of(self, order_id: str) -> list[str]:
        """The types of what was told of one order, in the order in which it arrived."""
        return [one.type for one in self.heard if "order" in one.body["data"] and one.order_id == order_id]

    async def eventually(self, question: Callable[[], Any], *, within_s: float = 20.0) -> None:
        """Wait until the answer is true."""
        deadline = time.monotonic() + within_s
        while not question():
            assert time.monotonic() < deadline, f"it did not come about in time: {self.types}"
            await asyncio.sleep(0.05)


def _verifies(secret: str, raw: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(raw, headers)
    except WebhookVerificationError:
        return False
    return True


@asynccontextmanager
async def open_listener(**options: Any) -> AsyncIterator[Listener]:
    """Serve a listener at a free port of this machine."""
    listener = Listener(**options)
    app = web.Application()
    app.router.add_post("/{path:.*}", listener.receive)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}/paywon"
    try:
        yield listener
    finally:
        await runner.cleanup()
