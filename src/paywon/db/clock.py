"""The database's time, in every process: hosts' clocks may differ by minutes, and facts are ordered by time.

A process counts on from what PostgreSQL said, by its monotonic clock, and asks again every few seconds. What the wall
clock of its host shows, and every step of it, matters nowhere.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from paywon.db.pool import Database

MEASURE_EVERY_S: Final = 10.0
_log = structlog.get_logger()


class DatabaseClock:
    """Knows the database's time to within half a round trip, without asking for it each time."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._offset_s: float | None = None

    def now(self) -> datetime:
        assert self._offset_s is not None, "it is measured before it is handed out"
        return datetime.fromtimestamp(self._ticks() + self._offset_s, UTC)

    async def measure(self, db: Database) -> None:
        """Ask PostgreSQL for its time, which lies between the question and the answer.

        A slow answer proves little, so the clock moves no further than it is proven wrong.
        """
        async with db.connection() as conn:
            before = self._ticks()
            seconds: float = await conn.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
            after = self._ticks()
        least, most = seconds - after, seconds - before
        known = (least + most) / 2 if self._offset_s is None else self._offset_s
        self._offset_s = min(max(known, least), most)


async def database_clock(db: Database) -> DatabaseClock:
    """Return a clock for a short run, measured once."""
    clock = DatabaseClock()
    await clock.measure(db)
    return clock


@asynccontextmanager
async def running_clock(db: Database) -> AsyncIterator[DatabaseClock]:
    """Hold a clock that is measured again every few seconds."""
    clock = await database_clock(db)
    measuring = asyncio.create_task(_measure_forever(clock, db))
    try:
        yield clock
    finally:
        measuring.cancel()
        with suppress(asyncio.CancelledError):
            await measuring


async def _measure_forever(clock: DatabaseClock, db: Database) -> None:
    while True:
        await asyncio.sleep(MEASURE_EVERY_S)
        try:
            await clock.measure(db)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # It counts on; its host's oscillator is good enough until PostgreSQL is back.
            _log.warning("the database's time could not be asked for", error=repr(error))
