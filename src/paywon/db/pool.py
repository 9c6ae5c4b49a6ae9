"""Connections and transactions of one process, none of which a sick database can hold for long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import asyncpg
import msgspec
import structlog
from asyncpg.pool import PoolConnectionProxy

from paywon.db.turns import Turns

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

# Whether the running task holds a transaction open. Invariant I11 hangs on it: see forbid_open_transaction.
_transaction_open: Final[ContextVar[bool]] = ContextVar("transaction_open", default=False)
# PostgreSQL notices that we are gone without a word after 15 + 3 x 5 s, and gives up what we held.
_KEEPALIVE: Final = {"idle": 15, "interval": 5, "count": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long this process waits for its database, in seconds, before it says so instead."""

    # For a connection to come about, and for one of the pool to be free.
    connect_s: float = 3.0
    acquire_s: float = 3.0
    # For a row that somebody else holds; and for one statement.
    lock_s: float = 3.0
    statement_s: float = 10.0
    # How long PostgreSQL lets a transaction idle: the process that opened it is frozen, or cut off.
    idle_s: float = 30.0

    def server_settings(self, application_name: str) -> dict[str, str]:
        """Return what PostgreSQL is told at connect.

        At connect, because the reset when a connection goes back to the pool undoes what was SET later. PgBouncer lets
        only some of them through: it needs them in its ``ignore_startup_parameters``, and then ALTER ROLE … SET does.
        """
        return {
            "application_name": application_name,
            "timezone": "UTC",
            "lock_timeout": _milliseconds(self.lock_s),
            "statement_timeout": _milliseconds(self.statement_s),
            "idle_in_transaction_session_timeout": _milliseconds(self.idle_s),
            **{f"tcp_keepalives_{name}": str(value) for name, value in _KEEPALIVE.items()},
        }


# For commands that a person waits for: they read whole tables.
LONG_COMMANDS: Final = Patience(lock_s=30.0, statement_s=3600.0, idle_s=600.0)


# PostgreSQL says these of a COMMIT that it may have carried out; any other error of a COMMIT undid the transaction.
_SERVER_IS_GOING: Final = (asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)

_log = structlog.get_logger()


class CommitUnknownError(ConnectionError):
    """A transaction whose COMMIT was sent and not answered: nobody knows whether it stands."""


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", patience: Patience) -> None:
        self._pool, self._patience = pool, patience
        self._turns = Turns(patience_s=patience.lock_s)

    @classmethod
    async def connect(
        cls, url: str, *, max_connections: int, application_name: str, patience: Patience | None = None
    ) -> "Database":
        """Open a pool.

        Raises:
            OSError, asyncpg.PostgresError: the server cannot be reached or refuses.
        """
        patience = patience or Patience()
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=max_connections,
            init=_prepare,
            timeout=patience.connect_s,
            # PostgreSQL ends a statement first; this one is for a PostgreSQL that does nothing any more.
            command_timeout=patience.statement_s + 1,
            server_settings=patience.server_settings(application_name),
        )
        return cls(pool, patience)

    async def close(self) -> None:
        """Close every connection; those that a sick server does not let go are cut off."""
        try:
            async with asyncio.timeout(self._patience.acquire_s):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The pool itself, for PgQueuer."""
        return self._pool

    @asynccontextmanager
    async def transaction(
        self, *, about: object = None, isolation: Any = None, readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """Hold one connection in one transaction; commit at the end, roll back on any exception.

        ``about`` names what the transaction locks first, an order's number say: of all who want it in this process,
        one at a time holds a connection and waits for its lock, so a held row never takes the whole pool.

        Raises:
            TimeoutError: no connection was free in time; nothing was done.
            asyncpg.LockNotAvailableError: ``about``, or a row, was held by somebody else for too long.
            CommitUnknownError: the answer to COMMIT was lost: what was done may stand.
        """
        token = _transaction_open.set(True)
        try:
            async with self.connection(about=about) as conn:
                transaction = conn.transaction(isolation=isolation, readonly=readonly)
                await transaction.start()
                try:
                    yield conn
                except BaseException as error:
                    await self._undo(conn, transaction, error)
                    raise
                await _commit(transaction)
        finally:
            _transaction_open.reset(token)

    @asynccontextmanager
    async def connection(self, *, about: object = None) -> AsyncIterator[Connection]:
        """Hold one connection without a transaction, for single statements and reads. ``about`` as of a transaction.

        Raises:
            TimeoutError: no connection was free in time.
        """
        async with self._turns.turn(about):
            conn = await self._pool.acquire(timeout=self._patience.acquire_s)
            try:
                yield conn
            except (TimeoutError, CommitUnknownError):
                # The server did not even say that it gave up: nothing more is expected of this connection.
                _cut(conn)
                raise
            finally:
                await self._give_back(conn)

    async def _give_back(self, conn: Any) -> None:
        """Return a connection; that it has died on the way says nothing of what was done over it."""
        try:
            await self._pool.release(conn)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
            _log.warning("a connection could not be given back", error=repr(error))

    async def _undo(self, conn: Connection, transaction: Any, error: BaseException) -> None:
        """Roll back; where PostgreSQL is silent, cut the connection, and it rolls back by itself."""
        if isinstance(error, TimeoutError):
            return  # the connection is about to be cut
        try:
            async with asyncio.timeout(self._patience.acquire_s):
                await transaction.rollback()
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            _cut(conn)


def _cut(conn: Any) -> None:
    with suppress(asyncpg.InterfaceError):  # it is gone already
        conn.terminate()


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


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(seconds * 1000)))
