"""A whole paywon to be harmed: its processes talk to PostgreSQL and to the sandbox through proxies that watch."""

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
import asyncpg
import msgspec

from paywon.base.clock import SystemClock
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.crash.proxy import Proxy
from tests.crash.watch import Watch
from tests.support.databases import Template
from tests.support.processes import Process, free_port
from tests.support.stack import SECRET_KEYS, Http, Reply

ANSWER_WITHIN_S: Final = 20.0
SOURCE: Final = Path(__file__).parents[2] / "src"
# What starts PostgreSQL holds one lock for the whole process, which is not made for two threads.
_PGSERVER: Final = threading.Lock()

# Recovery that a person would wait minutes for, in seconds.
QUICK: Final = {
    "PAYWON_RESOLVE_AFTER_S": "0.5",
    "PAYWON_ANSWER_BUDGET_S": "3",
    "PAYWON_TOSS_CONNECT_TIMEOUT_S": "1",
    "PAYWON_TOSS_READ_TIMEOUT_S": "2",
    "PAYWON_DEPOSIT_HOLD_S": "1",
    "PAYWON_DB_CONNECTIONS": "4",
    "PAYWON_WEBHOOK_LOOKS_PER_MINUTE": "0",
}


@dataclass
class Ground:
    """What worlds stand on: one PostgreSQL and one sandbox."""

    postgres: EmbeddedPostgres
    template: Template
    sandbox: Process
    sandbox_url: str
    folder: Path
    source: Path
    """The copy of ``src`` that runs: what is edited meanwhile does not come into it."""
    restarting: asyncio.Task[None] | None = None

    def crash_postgres(self) -> None:
        """Stop PostgreSQL as a crash would, and have it start again."""
        self.postgres.signal(signal.SIGQUIT)
        self.restarting = asyncio.create_task(self._start_postgres())

    async def _start_postgres(self) -> None:
        while self.postgres.is_running():
            await asyncio.sleep(0.01)
        await asyncio.to_thread(_start, self.postgres)

    async def whole(self) -> None:
        """Wait until PostgreSQL is up again."""
        if self.restarting is not None:
            await self.restarting
            self.restarting = None


def _start(postgres: EmbeddedPostgres) -> None:
    with _PGSERVER:
        postgres.start()


def _stop(postgres: EmbeddedPostgres) -> None:
    with _PGSERVER:
        postgres.stop()


@asynccontextmanager
async def open_ground(source: Path = SOURCE) -> AsyncIterator[Ground]:
    """Start a PostgreSQL and a sandbox of one's own, for a copy of the code in ``source``; ended at the end."""
    folder = Path(tempfile.mkdtemp(prefix="paywon-crash-"))
    folder.chmod(0o755)  # as root the server runs as another user
    postgres = EmbeddedPostgres(folder / "data")
    sandbox: Process | None = None
    starting = asyncio.create_task(asyncio.to_thread(_start, postgres))
    try:
        await asyncio.shield(starting)
        template = await Template.make(postgres)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        arguments = ["-m", "paywon_sandbox", "--port", str(port), "--public-url", url]
        log, ready = folder / "sandbox.log", f"{url}/sandbox/health"
        sandbox = await _started(lambda: Process(arguments, env={}, log=log, ready_url=ready))
        copy = folder / "src"
        shutil.copytree(source, copy)
        yield Ground(postgres=postgres, template=template, sandbox=sandbox, sandbox_url=url, folder=folder, source=copy)
    finally:
        if sandbox is not None:
            sandbox.kill()
        await asyncio.wait({starting})  # a stop from outside may come before it is up
        await asyncio.to_thread(_stop, postgres)
        shutil.rmtree(folder, ignore_errors=True)


async def _started(make: Callable[[], Process]) -> Process:
    """Start a program beside the proxies that it needs; one that is not wanted any more is ended at once."""
    starting = asyncio.ensure_future(asyncio.to_thread(make))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        (await starting).kill()
        raise


@dataclass
class Member:
    """One process of the world, with a proxy to each server and a watch over both."""

    role: str
    pg: Proxy
    toss: Proxy
    watch: Watch
    process: Process | None = None
    was_killed: bool = False

    def kill(self) -> None:
        """End the process at once, without waiting for anything."""
        assert self.process is not None, "a member runs before it is killed"
        with suppress(ProcessLookupError):
            os.killpg(self.process.child.pid, signal.SIGKILL)
        self.was_killed = True

    def pause(self, seconds: float) -> None:
        """Halt the process for a while, as a busy host does; it goes on as if no time had passed."""
        assert self.process is not None, "a member runs before it is halted"
        group = self.process.child.pid
        os.killpg(group, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(seconds, _go_on, group)

    @property
    def is_dead(self) -> bool:
        return self.was_killed or (self.process is not None and self.process.child.poll() is not None)

    async def revive(self) -> None:
        """Start the process again as it was started."""
        assert self.process is not None, "a member runs before it is revived"
        await asyncio.to_thread(self.process.kill)
        await asyncio.to_thread(self.process.start)
        self.was_killed = False


def _go_on(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGCONT)


class Books:
    """Reads the database past all our code, and past the proxies."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._conn: asyncpg.Connection[Any] | None = None
        self._lock = asyncio.Lock()

    async def rows(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Answer rows; empty-handed no longer than PostgreSQL takes to restart."""
        deadline = time.monotonic() + 30
        async with self._lock:
            while True:
                try:
                    return [dict(row) for row in await (await self._opened()).fetch(query, *arguments)]
                except (
                    OSError,
                    asyncpg.InterfaceError,
                    asyncpg.PostgresConnectionError,
                    asyncpg.CannotConnectNowError,
                ):
                    self._conn = None
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(0.1)

    async def close(self) -> None:
        if self._conn is not None:
            await self._conn.close()

    async def _opened(self) -> "asyncpg.Connection[Any]":
        if self._conn is None or self._conn.is_closed():
            self._conn = await asyncpg.connect(self.url, server_settings={"application_name": "crash"})
            await self._conn.set_type_codec(
                "jsonb", schema="pg_catalog", encoder=lambda value: value, decoder=msgspec.json.decode
            )
        return self._conn


@dataclass
class World:
    """One database, one key at the sandbox, one API process and one worker."""

    ground: Ground
    database: str
    toss_key: str
    api_key: str
    books: Books
    source: Path
    members: dict[str, Member] = field(default_factory=dict)
    api_port: int = field(default_factory=free_port)
    api: Http = field(init=False)
    toss: Http = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    async def open(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
        self.api = Http(self.url, headers={"Authorization": f"Bearer {self.api_key}"}, timeout=timeout)
        sender = {"Authorization": aiohttp.encode_basic_auth(self.toss_key, "")}
        self.toss = Http(self.ground.sandbox_url, headers=sender, timeout=timeout)
        for role, command, ready in (("api", "serve", f"{self.url}/ready"), ("worker", "worker", None)):
            member = self.members[role] = await self._member(role)
            member.process = await self._start(member, command, ready)
        await self.toss.post("/sandbox/webhooks", {"url": f"{self.url}/payments/webhook"})

    async def close(self) -> None:
        for client in (self.api, self.toss):
            await client.close()
        for member in self.members.values():
            if member.process is not None:
                await asyncio.to_thread(member.process.kill)
            await member.pg.close()
            await member.toss.close()
        await self.books.close()

    async def make_whole(self) -> None:
        """Start again everything that died."""
        await self.ground.whole()
        for member in self.members.values():
            if member.is_dead:
                await member.revive()
                await self.api.close()  # a kept connection to the dead process would only fail

    async def ask(self, path: str, body: dict[str, Any], *, key: str) -> Reply | None:
        """Send a client's write; None if its connection broke or no answer came in time."""
        try:
            return await self.api.post(path, body, headers={"Idempotency-Key": key})
        except (aiohttp.ClientError, TimeoutError):
            return None

    async def _member(self, role: str) -> Member:
        watch = Watch()
        socket_folder = parse_qs(urlsplit(self.books.url).query)["host"][0]
        sandbox_port = urlsplit(self.ground.sandbox_url).port
        pg = Proxy("pg", lambda: asyncio.open_unix_connection(f"{socket_folder}/.s.PGSQL.5432"), watch)
        toss = Proxy("toss", lambda: asyncio.open_connection("127.0.0.1", sandbox_port), watch)
        await pg.open()
        await toss.open()
        return Member(role=role, pg=pg, toss=toss, watch=watch)

    async def _start(self, member: Member, command: str, ready: str | None) -> Process:
        env = {
            **QUICK,
            "PYTHONPATH": str(self.source),
            "DATABASE_URL": f"postgresql://postgres:@127.0.0.1:{member.pg.port}/{self.database}",
            "TOSS_PAYMENTS_BASE_URL": f"http://127.0.0.1:{member.toss.port}",
            "PAYWON_ENV": "development",
            "TOSS_PAYMENTS_SECRET_KEY": self.toss_key,
            "PAYWON_SECRET_KEYS": SECRET_KEYS,
            "PAYWON_PORT": str(self.api_port),
            "PAYWON_HOME": str(self.ground.folder),
            "APP_BASE_URL": self.url,
        }
        log = self.ground.folder / f"{self.database}-{member.role}.log"
        arguments = ["-m", "paywon", command]
        return await _started(lambda: Process(arguments, env=env, log=log, ready_url=ready))


async def make_database(ground: Ground, sql: Sequence[str] = ()) -> tuple[str, str]:
    """Make a migrated database and run ``sql`` on it; answer its URL and an API key that may do everything."""
    url = await ground.template.copy()
    books = Books(url)
    for statement in sql:
        await books.rows(statement)
    await books.close()
    db = await Database.connect(url, max_connections=1, application_name="proof")
    key = await create_api_key(db, name="proof", scopes=list(Scope), expires_at=None, clock=SystemClock())
    await db.close()
    return url, key


@asynccontextmanager
async def open_world(ground: Ground, *, sql: Sequence[str] = (), source: Path | None = None) -> AsyncIterator[World]:
    """Start processes over a fresh database; ``sql`` is run on it first, ``source`` is the code that runs."""
    url, key = await make_database(ground, sql)
    world = World(
        ground=ground,
        database=urlsplit(url).path.lstrip("/"),
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key=key,
        books=Books(url),
        source=source or ground.source,
    )
    try:
        await world.open()
        yield world
    finally:
        await world.close()
