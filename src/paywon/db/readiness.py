"""Whether the database can be written, asked so that nothing in it grows."""

import asyncio
from typing import Final

import asyncpg

from paywon.db.pool import Database

READY_WITHIN_S: Final = 1.0
_TROUBLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# A message in the write-ahead log, which nobody reads, proves that the log has room and is written to the disk. Rows
# beyond work_mem prove that the disk of the data has room: they lie in a file that ends with the statement.
_CAN_WRITE: Final = "pg_logical_emit_message(true, 'paywon', 'ready')"
_SPILL: Final = "SELECT count(*) FROM (SELECT repeat('.', 64) FROM generate_series(1, 4000) OFFSET 0) spilt"
_IS_READ_ONLY: Final = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"


class Readiness:
    """Asks the database whether it takes writes, by one connection at most, however many want to know."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._asking: asyncio.Task[str | None] | None = None

    async def trouble(self) -> str | None:
        """Return what keeps the database from being written, within a second; None where nothing does."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        asked, _ = await asyncio.wait({self._asking}, timeout=READY_WITHIN_S)
        return self._asking.result() if asked else f"it has not answered within {READY_WITHIN_S:g} s"

    async def _ask(self) -> str | None:
        try:
            async with self._db.transaction() as conn:
                if await conn.fetchval(_IS_READ_ONLY):
                    return "it can only be read"
                await conn.execute("SET LOCAL work_mem = '64kB'")
                await conn.execute(_SPILL)
                await conn.execute(f"SELECT {_CAN_WRITE}")
        except _TROUBLE as error:
            return f"{type(error).__name__}: {error}"
        return None
