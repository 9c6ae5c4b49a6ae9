"""A whole paywon in the test's own process, so that its clock can be moved together with the sandbox's."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from paywon import worker
from paywon.asgi import build_app
from paywon.base.clock import SystemClock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from paywon.settings import Settings
from tests.support.processes import free_port
from tests.support.stack import EVENTS, NO_LIMITS, SECRET_KEYS, Http, Reply

DAY_S = 86_400
_AT_REST_WITHIN_S = 30.0
# A look that was claimed, and whose read is not on record yet, shows by its lease alone (99 s by default).
_GOING_ON = """
    SELECT 'attempt ' || type || ' ' || coalesce(error_code, '') AS what FROM payment_transactions
      WHERE status = 'pending'
    UNION ALL SELECT 'webhook ' || event_type FROM webhook_events WHERE status = 'received'
    UNION ALL SELECT 'look at ' || order_no FROM payments WHERE look_again_at <= $1
      OR look_again_at BETWEEN $1 + interval '70 s' AND $1 + interval '105 s'
    """


class OffsetClock:
    """Goes as fast as the machine's, and may be put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass
class Shop:
    """Clients of paywon and of Toss, and the one clock that both go by."""

    api: Http
    toss: Http
    db: Database
    clock: OffsetClock = field(default_factory=OffsetClock)

    async def ask(self, path: str, body: dict[str, Any], expect: int | tuple[int, ...] = (200, 201)) -> Reply:
        """POST to paywon, as the host application does."""
        reply = await self.api.post(path, body)
        assert reply.status in ((expect,) if isinstance(expect, int) else expect), (path, reply)
        return reply

    async def steer(self, path: str, body: dict[str, Any] | None = None) -> Reply:
        """Move something at the sandbox."""
        reply = await self.toss.post(f"/sandbox/{path}", body or {})
        assert reply.status in (200, 201), (path, reply)
        return reply

    async def pass_time(self, seconds: float) -> None:
        """Let time pass at Toss and here, and everything come to rest that falls due by it."""
        await self.steer("clock/advance", {"seconds": int(seconds)})
        self.clock.advance(seconds)
        await self.rest()

    async def rest(self) -> None:
        """Wait until no question is open, no webhook is on its way or unworked, and nothing is due to be read."""
        deadline = asyncio.get_running_loop().time() + _AT_REST_WITHIN_S
        while left := await self._going_on():
            assert asyncio.get_running_loop().time() < deadline, left
            await asyncio.sleep(0.02)

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        async with self.db.connection() as conn:
            return [dict(row) for row in await conn.fetch(query, *arguments)]

    async def _going_on(self) -> list[str]:
        sent = (await self.toss.get("/sandbox/webhooks/deliveries"))["deliveries"]
        if on_the_way := [delivery for delivery in sent if delivery["state"] != "DELIVERED"]:
            return [f"{len(on_the_way)} webhooks on their way: {on_the_way[0]}"]
        return [row["what"] for row in await self.rows(_GOING_ON, self.clock.now())]


@asynccontextmanager
async def open_shop(database_url: str, sandbox_url: str) -> AsyncIterator[Shop]:
    """Serve the API and run the worker in this process; everything goes over real sockets all the same."""
    port, toss_key = free_port(), f"test_sk_{secrets.token_hex(12)}"
    url = f"http://127.0.0.1:{port}"
    environment: dict[str, Any] = {
        "_env_file": None,
        "PAYWON_ENV": "development",
        "DATABASE_URL": database_url,
        "TOSS_PAYMENTS_BASE_URL": sandbox_url,
        "TOSS_PAYMENTS_SECRET_KEY": toss_key,
        "PAYWON_SECRET_KEYS": SECRET_KEYS,
        "APP_BASE_URL": url,
        **NO_LIMITS,
    }
    settings = Settings(**environment)
    db = await Database.connect(database_url, max_connections=2, application_name="test")
    key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
    shop = Shop(
        api=Http(url, headers={"Authorization": f"Bearer {key}"}),
        toss=Http(sandbox_url, headers={"Authorization": aiohttp.encode_basic_auth(toss_key, "")}),
        db=db,
    )
    server = Server(
        build_app(settings, clock=shop.clock),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGI,
        log_level=LogLevels.error,
    )
    running = [
        asyncio.create_task(server.serve()),
        asyncio.create_task(worker.run(settings, clock=shop.clock, look_every_s=0.02)),
    ]
    try:
        await _until_served(shop.api)
        await shop.steer("webhooks", {"url": f"{url}/payments/webhook", "events": EVENTS})
        yield shop
    finally:
        server.stop()  # type: ignore[no-untyped-call]
        running[1].cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await shop.api.close()
        await shop.toss.close()
        await db.close()


async def _until_served(api: Http) -> None:
    for _ in range(300):
        with suppress(aiohttp.ClientConnectionError):
            if (await api.get("/ready")).status == 200:
                return
        await asyncio.sleep(0.05)
    raise AssertionError("the API did not come up")
