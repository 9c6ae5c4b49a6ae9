"""Fixtures for every test that needs more than values: a server, a database, a sandbox, a whole stack."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import settings

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.pool import Database
from tests.support.databases import Template
from tests.support.invariants import assert_invariants
from tests.support.pool import Kind, StackPool
from tests.support.processes import Process, free_port
from tests.support.stack import Stack

_ROOM_BYTES = 4 * 1024**3
_CALLED = pytest.StashKey[pytest.TestReport]()
# How long one example takes says something of the machine, and nothing of the code.
settings.register_profile("paywon", deadline=None)
settings.load_profile("paywon")


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of this test process's own."""
    # Not in pytest's folder: as root the server runs as another user, and pytest shuts that folder to others.
    folder = Path(tempfile.mkdtemp(prefix="paywon-test-", dir=_in_memory()))
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "data")
    server.start()
    asyncio.run(_forgo_the_disk(server))
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def _in_memory() -> str | None:
    """Where files need no disk, if there is enough of it: every test of a database copies one, of some 300 files."""
    place = Path("/dev/shm")
    return str(place) if place.is_dir() and shutil.disk_usage(place).free > _ROOM_BYTES else None


async def _forgo_the_disk(server: EmbeddedPostgres) -> None:
    """Have nothing wait for the disk: that matters where the power fails, and no test here pulls a plug."""
    conn = await asyncpg.connect(server.url("postgres"))
    try:
        for setting, value in (("fsync", "off"), ("full_page_writes", "off"), ("max_wal_size", "256MB")):
            await conn.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
        await conn.execute("SELECT pg_reload_conf()")
    finally:
        await conn.close()


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> Template:
    """What the databases of tests are copied from."""
    return asyncio.run(Template.make(postgres))


@dataclass(frozen=True)
class FreshDatabase:
    url: str


@pytest.fixture
async def database(template: Template) -> AsyncIterator[FreshDatabase]:
    """A migrated database for one test, dropped afterwards."""
    url = await template.copy()
    yield FreshDatabase(url=url)
    await template.drop(url)


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


@pytest.fixture(scope="session")
def stacks(template: Template, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackPool]:
    """The stacks that tests leave to one another."""
    pool = StackPool(template, sandbox.url, lambda: tmp_path_factory.mktemp("stack"))
    yield pool
    pool.end()


@pytest.fixture
async def open_stack(stacks: StackPool, request: pytest.FixtureRequest) -> AsyncIterator[OpenStack]:
    """Have a stack of one's own: ``await open_stack(apis=2, worker=False, PAYWON_RESOLVE_AFTER_S="1")``.

    Its processes may have served another test before, unless it is to be ``fresh``. At the end of each test all
    invariants have to hold, while its processes still run.
    """
    taken: list[tuple[Kind, Stack]] = []

    async def take(*, apis: int = 1, worker: bool = True, fresh: bool = False, **settings: Any) -> Stack:
        kind, stack = await stacks.take(apis=apis, worker=worker, settings=settings, fresh=fresh)
        taken.append((kind, stack))
        return stack

    yield take
    sound = request.node.get_closest_marker("breaks_invariants") is None
    try:
        for _, stack in taken if sound else ():
            await assert_invariants(stack.database_url)
    except BaseException:
        sound = False
        raise
    finally:
        for kind, stack in taken:
            await stacks.leave(kind, stack, may_be_used_again=sound and not _failed(request))


def _failed(request: pytest.FixtureRequest) -> bool:
    report: pytest.TestReport | None = request.node.stash.get(_CALLED, None)
    return report is None or report.failed


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one worker run all of a file's tests that use stacks: each kind is then started once, and handed on."""
    for item in items:
        shares = "stacks" in getattr(item, "fixturenames", ())
        if shares and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know how their test went."""
    report = yield
    if report.when == "call":
        item.stash[_CALLED] = report
    return report


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    """One API process, one worker."""
    return await open_stack()
