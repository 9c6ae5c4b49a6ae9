"""Connections and transactions of one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec
import structlog
from asyncpg.pool import PoolConnectionProxy

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

# Whether the running task holds a transaction open. Invariant I11 hangs on it: see forbid_open_transaction.
_transaction_open: Final[ContextVar[bool]] = ContextVar("transaction_open", default=False)


# PostgreSQL says these of a COMMIT that it may have carried out; any other error of a COMMIT undid the transaction.
_SERVER_IS_GOING: Final = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)

_log = structlog.get_logger()


class CommitUnknownError(ConnectionError):
    """A transaction whose COMMIT was sent and not answered: nobody knows whether it stands."""


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, max_connections: int, application_name: str) -> "Database":
        """Open a pool.

        Raises:
            OSError, asyncpg.PostgresError: the server cannot be reached or refuses.
        """
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=max_connections,
            init=_prepare,
            command_timeout=30,
            server_settings={"application_name": application_name, "timezone": "UTC"},
        )
        return cls(pool)

    async def close(self) -> None:
        await self._pool.close()

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The pool itself, for PgQueuer."""
        return self._pool

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Hold one connection in one transaction; commit at the end, roll back on any exception.

        Raises:
            CommitUnknownError: the answer to COMMIT was lost: what was done may stand.
        """
        token = _transaction_open.set(True)
        try:
            async with self.connection() as conn:
                transaction = conn.transaction()
                await transaction.start()
                try:
                    yield conn
                except BaseException:
                    await transaction.rollback()
                    raise
                await _commit(transaction)
        finally:
            _transaction_open.reset(token)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Hold one connection without a transaction, for single statements and reads."""
        conn = await self._pool.acquire()
        try:
            yield conn
        finally:
            await self._give_back(conn)

    async def _give_back(self, conn: Any) -> None:
        """Return a connection; that it has died on the way says nothing of what was done over it."""
        try:
            await self._pool.release(conn)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            _log.warning("a connection could not be given back", error=repr(error))


async def _commit(transaction: Any) -> None:
    try:
        await transaction.commit()
    except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, *_SERVER_IS_GOING) as error:
        raise CommitUnknownError("the answer to COMMIT was lost") from error


def forbid_open_transaction() -> None:
    """Refuse to go on while this task holds a transaction open (I11: no provider call inside one).

    Raises:
        RuntimeError: a transaction is open.
    """
    if _transaction_open.get():
        raise RuntimeError("a provider was about to be called inside a database transaction (I11)")


async def _prepare(conn: Connection) -> None:
    for json_type in ("json", "jsonb"):
        await conn.set_type_codec(json_type, schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode)


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
