"""A whole paywon of its own: PostgreSQL, sandbox, two API processes, two workers, on free ports."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import asyncpg
import msgspec
import psutil  # type: ignore[import-untyped]
from tests.support.processes import Process, free_port
from tests.support.stack import EVENTS, SECRET_KEYS, Http

from paywon.base.clock import SystemClock
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope

APIS: Final = 2
WORKERS: Final = 2
_DATABASE: Final = "load"
_SOURCE: Final = Path(__file__).parents[2] / "src"
_START_WITHIN_S: Final = 90.0
_MB: Final = 1_000_000

# Times that a person would wait minutes for, in seconds; they are printed with the figures.
SETTINGS: Final = {
    "PAYWON_TOSS_READ_TIMEOUT_S": "3",
    "PAYWON_ANSWER_BUDGET_S": "2",
    "PAYWON_RESOLVE_AFTER_S": "2",
    "PAYWON_DEPOSIT_HOLD_S": "2",
    "PAYWON_DB_CONNECTIONS": "10",
    # One key asks for thousands of customers, and one address tells of them.
    "PAYWON_RATE_PER_MINUTE": "0",
    "PAYWON_RATE_PER_MINUTE_WEBHOOK": "0",
    "PAYWON_WEBHOOK_LOOKS_PER_MINUTE": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Resident memory and processor seconds. PostgreSQL's processes share memory, which counts for each of them."""

    resident_mb: float
    cpu_s: float


@dataclass
class World:
    """Running processes and clients for them."""

    folder: Path
    database_url: str
    books: asyncpg.Pool[asyncpg.Record]
    api_key: str
    timeout_s: float
    settings: Mapping[str, str] = field(default_factory=dict)
    toss_key: str = field(default_factory=lambda: f"test_sk_{secrets.token_hex(12)}")
    ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(APIS)])
    sandbox_port: int = field(default_factory=free_port)
    processes: dict[str, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self.timeout_s)
        sender = {"Authorization": aiohttp.encode_basic_auth(self.toss_key, "")}
        caller = {"Authorization": f"Bearer {self.api_key}"}
        self.toss = Http(_address(self.sandbox_port), headers=sender, timeout=timeout)
        self.apis = [Http(_address(port), headers=caller, timeout=timeout) for port in self.ports]

    async def open(self) -> None:
        """Start all processes, and register the webhook door of the first API at the sandbox."""
        url = _address(self.sandbox_port)
        self._start("sandbox", ["paywon_sandbox", "--port", str(self.sandbox_port), "--public-url", url])
        for number, port in enumerate(self.ports, 1):
            self._start(f"api-{number}", ["paywon", "serve"], port)
        for number in range(1, WORKERS + 1):
            self._start(f"worker-{number}", ["paywon", "worker"])
        await self._await_all()
        hook = {"url": f"{_address(self.ports[0])}/payments/webhook", "events": EVENTS}
        reply = await self.toss.post("/sandbox/webhooks", hook)
        assert reply.status == 200, reply

    async def close(self) -> None:
        """End every process."""
        for process in self.processes.values():
            await asyncio.to_thread(process.kill)
        for client in (*self.apis, self.toss):
            await client.close()

    async def kill(self, name: str) -> None:
        """End a process at once, as a power cut would; its children with it."""
        await asyncio.to_thread(self.processes[name].kill)

    async def revive(self, name: str) -> None:
        """Start a killed process again as it was started."""
        await asyncio.to_thread(self.processes[name].start)

    def environment(self, port: int | None = None) -> dict[str, str]:
        """What a process of paywon is told."""
        return {
            **SETTINGS,
            "PYTHONPATH": str(self.folder / "src"),
            "DATABASE_URL": self.database_url,
            "TOSS_PAYMENTS_BASE_URL": _address(self.sandbox_port),
            "PAYWON_ENV": "development",
            "TOSS_PAYMENTS_SECRET_KEY": self.toss_key,
            "PAYWON_SECRET_KEYS": SECRET_KEYS,
            "PAYWON_PORT": str(port or self.ports[0]),
            "PAYWON_HOME": str(self.folder),
            "PAYWON_LOG_LEVEL": "WARNING",
            "APP_BASE_URL": _address(self.ports[0]),
            **self.settings,
        }

    def costs(self) -> dict[str, Cost]:
        """What each process has come to so far, with its children; a killed one since it was started again."""
        pids = {name: process.child.pid for name, process in self.processes.items()}
        pids["postgres"] = int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        return {name: _cost(pid) for name, pid in sorted(pids.items())}

    def log_lines(self) -> list[dict[str, Any]]:
        """Every warning and error that the processes of paywon wrote."""
        lines = []
        for name in self.processes:
            for line in self._log(name).read_text(errors="replace").splitlines():
                with suppress(msgspec.DecodeError):
                    lines.append({"process": name, **msgspec.json.decode(line, type=dict[str, Any])})
        return lines

    def _start(self, name: str, command: list[str], port: int | None = None) -> None:
        self.processes[name] = Process(["-m", *command], env=self.environment(port), log=self._log(name))

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    async def _await_all(self) -> None:
        """Wait until every process does its work."""
        deadline = time.monotonic() + _START_WITHIN_S
        while not await self._all_up():
            dead = [name for name, process in self.processes.items() if process.child.poll() is not None]
            if dead or time.monotonic() > deadline:
                logs = "\n".join(self._log(name).read_text(errors="replace") for name in dead or self.processes)
                raise RuntimeError(f"not started: {', '.join(dead) or 'not all within the time'}\n{logs}")
            await asyncio.sleep(0.1)

    async def _all_up(self) -> bool:
        query = "SELECT count(DISTINCT pid) FROM pg_stat_activity WHERE application_name = 'paywon-worker'"
        try:
            healthy = [(await api.get("/ready")).status == 200 for api in self.apis]
            healthy.append((await self.toss.get("/sandbox/health")).status == 200)
        except (aiohttp.ClientError, TimeoutError):
            return False
        return all(healthy) and bool(await self.books.fetchval(query) >= WORKERS)


@asynccontextmanager
async def open_world(timeout_s: float, **settings: str) -> AsyncIterator[World]:
    """Start everything; at the end it is all ended and its data deleted.

    ``timeout_s`` is how long callers wait, ``settings`` what paywon is told beside SETTINGS.
    """
    folder = _new_folder()
    postgres = EmbeddedPostgres(folder / "data")
    try:
        # What is edited while a long run goes on does not come into it.
        shutil.copytree(_SOURCE, folder / "src")
        await asyncio.to_thread(postgres.start)
        url = postgres.url(_DATABASE)
        key = await _prepare(postgres, url)
        async with asyncpg.create_pool(url, min_size=1, max_size=4) as books:
            world = World(
                folder=folder, database_url=url, books=books, api_key=key, timeout_s=timeout_s, settings=settings
            )
            try:
                await world.open()
                yield world
            finally:
                await world.close()
    finally:
        await asyncio.to_thread(postgres.stop)
        shutil.rmtree(folder, ignore_errors=True)


def _new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="paywon-load-"))
    folder.chmod(0o755)  # as root the server runs as another user
    return folder


def _address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


async def _prepare(postgres: EmbeddedPostgres, url: str) -> str:
    """Make the database and a key that may do everything."""
    await ensure_database(postgres.url("postgres"), _DATABASE)
    await migrate(url)
    db = await Database.connect(url, max_connections=2, application_name="load")
    try:
        return await create_api_key(db, name="load", scopes=list(Scope), expires_at=None, clock=SystemClock())
    finally:
        await db.close()


def _cost(pid: int) -> Cost:
    resident, cpu_s = 0.0, 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        ended = process.cpu_times()
        cpu_s = float(ended.children_user + ended.children_system)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                cpu_s += float(times.user + times.system)
                resident += float(each.memory_info().rss) / _MB
    return Cost(resident_mb=resident, cpu_s=cpu_s)
