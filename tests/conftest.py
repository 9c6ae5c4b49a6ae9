"""Fixtures for every test that needs more than values: a server, a database, a sandbox, a whole stack."""

import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from paywon.base.clock import SystemClock
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.support.invariants import assert_invariants
from tests.support.processes import Process, free_port
from tests.support.stack import Stack

TEMPLATE = "paywon_template"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test process's own."""
    # Not in pytest's folder: as root the server runs as another user, and pytest shuts that folder to others.
    folder = Path(tempfile.mkdtemp(prefix="paywon-test-"))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "data")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class FreshDatabase:
    url: str


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[FreshDatabase]:
    """A migrated database for one test, copied from a template and dropped afterwards."""
    admin_url = postgres.url("postgres")
    await ensure_database(admin_url, TEMPLATE)
    await migrate(postgres.url(TEMPLATE))
    name = f"t_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        yield FreshDatabase(url=postgres.url(name))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def db(database: FreshDatabase) -> AsyncIterator[Database]:
    """A pool on the test's database, as paywon opens it."""
    pool = await Database.connect(database.url, max_connections=10, application_name="test")
    yield pool
    await pool.close()


@dataclass(frozen=True)
class Sandbox:
    url: str
    process: Process


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A running sandbox. Every test takes a secret key of its own, so their data are apart."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("sandbox") / "sandbox.log"
    arguments = ["-m", "paywon_sandbox", "--host", "127.0.0.1", "--port", str(port), "--public-url", url]
    process = Process(arguments, env={}, log=log, ready_url=f"{url}/sandbox/health")
    yield Sandbox(url=url, process=process)
    process.kill()


OpenStack = Callable[..., Awaitable[Stack]]


@pytest.fixture
async def open_stack(
    database: FreshDatabase, sandbox: Sandbox, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[OpenStack]:
    """Start a stack: ``await open_stack(apis=2, worker=False, PAYWON_RESOLVE_AFTER_S="1")``.

    At the end of each test all invariants have to hold, while its processes still run.
    """
    stacks: list[Stack] = []

    async def start(*, apis: int = 1, worker: bool = True, **settings: Any) -> Stack:
        db = await Database.connect(database.url, max_connections=1, application_name="test")
        key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
        await db.close()
        stack = Stack(
            database_url=database.url,
            sandbox_url=sandbox.url,
            toss_key=f"test_sk_{secrets.token_hex(12)}",
            api_key=key,
            folder=tmp_path,
            settings=settings,
        )
        stacks.append(stack)
        await stack.open(apis=apis, worker=worker)
        return stack

    yield start
    try:
        if stacks and request.node.get_closest_marker("breaks_invariants") is None:
            await assert_invariants(database.url)
    finally:
        for stack in stacks:
            await stack.close()


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    """One API process, one worker."""
    return await open_stack()
