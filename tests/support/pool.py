"""Running stacks that one test leaves to the next with the same settings: to start one costs more than most tests do.

What is left to the next test is as good as new: no row but its API key, no payment at the sandbox, nothing under way.
A stack that is not, or whose test failed, is ended.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from paywon.base.clock import SystemClock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.support.databases import Template
from tests.support.stack import Stack

_KEPT = frozenset({"alembic_version", "pgqueuer_schedules"})
# Idle processes look for work all the time, so few of them are kept.
_MOST_IDLE = 2
_REST_WITHIN_S = 2.0
_TRIES = 20
_UNDER_WAY = """
    SELECT (SELECT count(*) FROM payment_transactions WHERE status = 'pending')
      + (SELECT count(*) FROM webhook_events WHERE status = 'received')
      + (SELECT count(*) FROM pgqueuer WHERE status IN ('queued', 'picked')) AS left
    """
Kind = tuple[int, bool, tuple[tuple[str, str], ...]]


@dataclass
class StackPool:
    """Stacks by what they were started with."""

    template: Template
    sandbox_url: str
    new_folder: Callable[[], Path]
    idle: list[tuple[Kind, Stack]] = field(default_factory=list)

    async def take(self, *, apis: int, worker: bool, settings: dict[str, Any], fresh: bool) -> tuple[Kind, Stack]:
        """Answer an idle stack of this kind, or start one; ``fresh`` where memory of earlier requests would matter."""
        kind = (apis, worker, tuple(sorted(settings.items())))
        found = next((place for place, (other, _) in enumerate(self.idle) if other == kind), None)
        if found is None or fresh:
            return kind, await self._start(kind)
        _, stack = self.idle.pop(found)
        await stack.connect()
        return kind, stack

    async def leave(self, kind: Kind, stack: Stack, *, may_be_used_again: bool) -> None:
        """Take a stack back, and keep it if it can be made as good as new."""
        if not may_be_used_again or not await self._cleared(kind, stack):
            await self._end(stack)
            return
        self.idle.append((kind, stack))
        if len(self.idle) > _MOST_IDLE:
            _, oldest = self.idle.pop(0)
            await self._end(oldest)

    def end(self) -> None:
        """End all processes; their databases go with their server."""
        for _, stack in self.idle:
            stack.kill()

    async def _end(self, stack: Stack) -> None:
        await stack.close()
        await self.template.drop(stack.database_url)

    async def _start(self, kind: Kind) -> Stack:
        apis, worker, settings = kind
        url = await self.template.copy()
        stack = Stack(
            database_url=url,
            sandbox_url=self.sandbox_url,
            toss_key=f"test_sk_{secrets.token_hex(12)}",
            api_key=await new_key(url),
            folder=self.new_folder(),
            settings=dict(settings),
        )
        try:
            await stack.open(apis=apis, worker=worker)
        except BaseException:
            stack.kill()
            raise
        return stack

    async def _cleared(self, kind: Kind, stack: Stack) -> bool:
        apis, worker, _ = kind
        whole = (len(stack.apis), stack.worker is not None) == (apis, worker)
        if not whole or any(process.child.poll() is not None for process in stack.processes):
            return False
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            if await self._at_rest(stack):
                await stack.toss.post("/sandbox/reset")
                if not await _forget_rows(stack):
                    return False
                stack.api_key = await new_key(stack.database_url)
                # Clients belong to the loop of their test.
                await stack.disconnect()
                return True
        return False

    async def _at_rest(self, stack: Stack) -> bool:
        await stack.toss.send("DELETE", "/sandbox/faults")
        deadline = time.monotonic() + _REST_WITHIN_S
        while time.monotonic() < deadline:
            delivered = await stack.webhooks_are_in()
            # Without a worker nothing goes on by itself.
            if delivered and (stack.worker is None or not (await stack.row(_UNDER_WAY))["left"]):
                return True
            await asyncio.sleep(0.05)
        return False


async def new_key(database_url: str, *, name: str = "test") -> str:
    """Make an API key that may do everything."""
    db = await Database.connect(database_url, max_connections=1, application_name="test")
    try:
        return await create_api_key(db, name=name, scopes=list(Scope), expires_at=None, clock=SystemClock())
    finally:
        await db.close()


async def _forget_rows(stack: Stack) -> bool:
    """Delete all rows, past every trigger that guards the audit trail; answer whether the worker let us.

    What a schedule of the worker writes meanwhile stays whole, its row and the head of its chain, or is all gone.
    """
    conn = await asyncpg.connect(stack.database_url)
    try:
        rows = await conn.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = {row["tablename"] for row in rows} - _KEPT
        deletions = [f"DELETE FROM {name}" for name in sorted(names)]  # noqa: S608 - our tables
        script = "; ".join(["SET LOCAL session_replication_role = replica", *deletions])
        for _ in range(_TRIES):
            with contextlib.suppress(asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                async with conn.transaction(isolation="repeatable_read"):
                    await conn.execute(script)
                return True
            await asyncio.sleep(0.1)
        return False
    finally:
        await conn.close()
