"""When a child of ``paywon dev`` does its work, and what is arranged with it then."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from paywon.base.clock import Clock
from paywon.db.clock import database_clock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key, recognise
from paywon.operators.model import Scope
from paywon.terminal.child import Child
from paywon.terminal.trouble import Trouble

READY_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.05
# A worker has no door to knock at; what stops it from starting stops it sooner than this, seldom later.
WORKER_SETTLES_S: Final = 1.5
WEBHOOK_EVENTS: Final = [
    "PAYMENT_STATUS_CHANGED",
    "DEPOSIT_CALLBACK",
    "CANCEL_STATUS_CHANGED",
    "BILLING_DELETED",
    "METHOD_UPDATED",
    "CUSTOMER_STATUS_CHANGED",
    "ORDER_PAYMENT_STATUS_CHANGED",
    "payout.changed",
    "seller.changed",
]


async def answers(child: Child, url: str) -> None:
    """Wait until ``url`` answers that it is ready: 503 is not yet, anything else is.

    Raises:
        Trouble: the child died, or there was no answer within 60 s.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:

        async def knock() -> bool:
            try:
                async with session.get(url, allow_redirects=False) as reply:
                    return reply.status != 503
            except (aiohttp.ClientError, TimeoutError, OSError):
                return False

        await _until(child, knock)


async def settles(child: Child) -> None:
    """Wait until the child has lived for a second and a half.

    Raises:
        Trouble: it died.
    """

    async def old_enough() -> bool:
        return time.monotonic() - child.started_at >= WORKER_SETTLES_S

    await _until(child, old_enough)


async def _until(child: Child, condition: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not child.has_died:
        if await condition():
            return
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_S)
    name = child.program.name
    raise Trouble(
        f"{name} 프로세스가 시작되지 않았습니다. 위의 [{name}] 출력을 보세요",
        f"{name} did not start; see its [{name}] output above",
    )


async def register_webhook(sandbox_url: str, secret_key: str, receiver: str) -> None:
    """Have the sandbox send all events of a key's account to ``receiver``; may be called again.

    Raises:
        Trouble: the sandbox refuses.
    """
    body = {"url": receiver, "events": WEBHOOK_EVENTS}
    async with (
        aiohttp.ClientSession(auth=aiohttp.BasicAuth(secret_key)) as session,
        session.post(f"{sandbox_url}/sandbox/webhooks", json=body) as reply,
    ):
        if reply.status >= 300:
            said = (await reply.text())[:200]
            raise Trouble(f"샌드박스가 웹훅 등록을 거절했습니다: {said}", f"the sandbox refused the webhook: {said}")


async def dev_api_key(database_url: str, kept: str | None, clock: Clock | None = None) -> str:
    """Answer the API key of the last run if it still opens everything, else a new one."""
    db = await Database.connect(database_url, max_connections=2, application_name="paywon dev")
    try:
        clock = clock or await database_clock(db)
        holder = None if kept is None else await recognise(db, clock, kept)
        if kept is not None and holder is not None and holder.scopes >= set(Scope):
            return kept
        return await create_api_key(db, name="paywon dev", scopes=[*Scope], expires_at=None, clock=clock)
    finally:
        await db.close()
