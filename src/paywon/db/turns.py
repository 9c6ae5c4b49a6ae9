"""Taking turns for one thing within a process, so that those who wait for it hold nothing meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    wanted_by: int = 0


class Turns:
    """One turn at a time for each thing; nobody waits for theirs longer than ``patience_s``."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._queues: dict[Hashable, _Queue] = {}

    @asynccontextmanager
    async def turn(self, thing: Hashable | None) -> AsyncIterator[None]:
        """Hold the turn for a thing; None is nothing that anybody waits for.

        Raises:
            asyncpg.LockNotAvailableError: it did not come in time, as PostgreSQL says of a row.
        """
        if thing is None:
            yield
            return
        queue = self._queues.setdefault(thing, _Queue())
        queue.wanted_by += 1
        try:
            await self._wait(queue.lock)
            try:
                yield
            finally:
                queue.lock.release()
        finally:
            queue.wanted_by -= 1
            if not queue.wanted_by:
                del self._queues[thing]

    async def _wait(self, lock: asyncio.Lock) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                await lock.acquire()
        except TimeoutError:
            raise asyncpg.LockNotAvailableError("its turn did not come in time") from None
