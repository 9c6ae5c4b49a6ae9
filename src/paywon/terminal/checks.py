"""What is made sure of before anything starts, so that trouble is told in one line and early."""

import asyncio
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from paywon.db.revision import revision_of, supported_by
from paywon.terminal.trouble import (
    Trouble,
    database_trouble,
    newer_schema,
    no_permission,
    not_migrated,
    old_server,
    port_taken,
)

CONNECT_TIMEOUT_S: Final = 5.0
DATABASE_PATIENCE_S: Final = 30.0
OLDEST_SERVER: Final = 150000
DATABASE_ERRORS: Final = (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a database says of itself."""

    version: str
    revision: str | None
    supported_code: frozenset[str]


def check_port(host: str, port: int, setting: str) -> None:
    """Make sure that nobody listens on a port; ``setting`` names the variable that chooses another.

    Raises:
        Trouble: the port is taken.
    """
    # Granian shares a port (SO_REUSEPORT) without a word, so it is tried here without sharing.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            raise port_taken(port, host, setting) from None


def check_plugins() -> None:
    """Make sure that every installed plug-in can be used.

    Raises:
        Trouble: one cannot.
    """
    from paywon.fulfilments.plugins import BadPlugin, installed  # loads what plug-ins import

    try:
        installed()
    except BadPlugin as error:
        raise Trouble(f"플러그인을 쓸 수 없습니다: {error}", "mend or uninstall it") from None


def make_home(home: Path) -> bool:
    """Make PAYWON_HOME unless it is there, make sure that it can be written, and return whether only paywon uses it.

    Raises:
        Trouble: it cannot.
    """
    probe = home / f".write-{os.getpid()}"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_ours = _is_ours(home)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise no_permission(home, error) from None
    return is_ours


def close_home(home: Path) -> None:
    """Let nobody else look into PAYWON_HOME. Whoever does that holds its lock: a server that runs in it is let through.

    Raises:
        Trouble: it cannot be done.
    """
    try:
        # As root, the user that PostgreSQL runs as is let through when it starts, and nobody else.
        home.chmod(0o700)
    except OSError as error:
        raise no_permission(home, error) from None


def _is_ours(home: Path) -> bool:
    """Tell a folder that only paywon uses from one that was there before, such as a whole project's."""
    names = {file.name for file in home.iterdir()}
    return not names or "dev.lock" in names


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection.

    Raises:
        Trouble: the database cannot be reached, refuses, or is too old.
    """
    try:
        conn = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
    except DATABASE_ERRORS as error:
        raise database_trouble(error, url) from None
    version = conn.get_server_version()
    if int(version.major) * 10000 < OLDEST_SERVER:
        await conn.close()
        raise old_server(f"{version.major}.{version.minor}")
    return conn


async def wait_for_database(url: str) -> None:
    """Wait until the database takes connections, but no longer than 30 s: who needs it says best what is wrong."""
    deadline = time.monotonic() + DATABASE_PATIENCE_S
    while time.monotonic() < deadline:
        try:
            conn = await connect(url)
        except Trouble:
            await asyncio.sleep(0.2)
        else:
            await conn.close()
            return


async def look_at_database(url: str) -> DatabaseState:
    """Ask the database at ``url`` for its version and revision.

    Raises:
        Trouble: it cannot be reached, refuses, or is too old.
    """
    conn = await connect(url)
    try:
        version = conn.get_server_version()
        revision = await revision_of(conn)
        supported = await supported_by(conn, revision)
        return DatabaseState(version=f"{version.major}.{version.minor}", revision=revision, supported_code=supported)
    except DATABASE_ERRORS as error:
        raise database_trouble(error, url) from None
    finally:
        await conn.close()


async def check_database(url: str) -> DatabaseState:
    """Make sure that the database at ``url`` has the schema of this version, or a newer one that it can run on.

    Raises:
        Trouble: it cannot be reached, refuses, is too old, or has a schema that this version cannot run on.
    """
    # Alembic takes most of a second to import, and a database that does not answer is told without it.
    state = await look_at_database(url)
    if (trouble := schema_trouble(state)) is not None:
        raise trouble
    return state


def schema_trouble(state: DatabaseState) -> Trouble | None:
    """Return why this version cannot run on a schema, if it cannot."""
    from paywon.db.migrate import migration_steps

    known = [step.revision for step in migration_steps()]
    if known[-1] in state.supported_code:
        return None
    if state.revision is None or state.revision in known:
        return not_migrated(state.revision, known[-1])
    return newer_schema(state.revision, known[-1])
