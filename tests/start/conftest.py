"""A home of its own for each test, and the database of a module."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.start.running import Dev

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own tmp_path: as root the server runs as another user, and each pytest that starts on this
    # machine closes the folder above every tmp_path to other users again.
    made = Path(tempfile.mkdtemp(prefix="paywon-start-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def dev(folder: Path) -> Iterator[Dev]:
    running = Dev(folder / "home")
    yield running
    running.clear_away()


@pytest.fixture(scope="module")
def postgres() -> Iterator[EmbeddedPostgres]:
    made = Path(tempfile.mkdtemp(prefix="paywon-start-"))
    server = EmbeddedPostgres(made / "postgres")
    server.start()
    for name in ("empty", "fresh", "paywon"):
        asyncio.run(ensure_database(server.url("postgres"), name))
    asyncio.run(migrate(server.url("paywon")))
    yield server
    server.stop()
    shutil.rmtree(made, ignore_errors=True)
