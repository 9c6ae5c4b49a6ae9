"""A home of its own for each test, and the database of a module."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.start.running import Dev

from paywon.db.migrate import ensure_database
from paywon.dev.postgres import DevPostgres


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Dev]:
    running = Dev(tmp_path / "home")
    yield running
    running.clear_away()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevPostgres]:
    server = DevPostgres(tmp_path_factory.mktemp("module") / "postgres")
    server.start()
    asyncio.run(ensure_database(server.url("postgres"), "empty"))
    yield server
    server.stop()
