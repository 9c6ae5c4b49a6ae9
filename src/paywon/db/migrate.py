"""Brings a database to the newest schema. The migrations themselves are SQL, in ``migrations/``."""

from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from paywon.db.revision import Step, revision_of, supported_code

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x7061_7977  # "payw": only one process migrates at a time


class NewerSchema(Exception):  # noqa: N818 - it is a state of the database
    """The database stands at a revision that this version of paywon does not know."""


async def ensure_database(url: str, name: str) -> None:
    """Create the database ``name`` on the server at ``url`` unless it is there."""
    conn = await asyncpg.connect(url)
    try:
        if not await conn.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await conn.execute(f'CREATE DATABASE "{name}"')
    except asyncpg.DuplicateDatabaseError:
        pass  # another process was first
    finally:
        await conn.close()


async def migrate(url: str) -> str:
    """Run every migration that the database at ``url`` has not had; answer the newest revision.

    Raises:
        NewerSchema: a newer version of paywon has migrated it.
    """
    # The address may name a Unix socket, which SQLAlchemy's own URLs cannot carry: asyncpg connects for it.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url), poolclass=pool.NullPool
    )
    try:
        async with engine.connect() as conn:
            await conn.run_sync(_upgrade)
            await conn.commit()
    finally:
        await engine.dispose()
    return newest_revision()


async def current_revision(url: str) -> str | None:
    """Answer the revision that the database at ``url`` stands at; None for an empty one."""
    conn = await asyncpg.connect(url)
    try:
        return await revision_of(conn)
    finally:
        await conn.close()


def newest_revision() -> str:
    """Answer the revision that this version of paywon needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def migration_steps() -> list[Step]:
    """Return every migration that this version of paywon knows, first to last."""
    walked = ScriptDirectory.from_config(_config()).walk_revisions()
    # Those before 0018 say nothing: no code older than theirs has ever run on what they made.
    steps = [Step(script.revision, getattr(script.module, "oldest_code", script.revision)) for script in walked]
    return steps[::-1]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def _upgrade(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    before = MigrationContext.configure(connection).get_current_revision()
    steps = migration_steps()
    if before is not None and before not in [step.revision for step in steps]:
        raise NewerSchema(before)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.exec_driver_sql(
        """
        INSERT INTO schema_support (revision, supported_code) VALUES ($1, $2) ON CONFLICT (only_row)
        DO UPDATE SET revision = excluded.revision, supported_code = excluded.supported_code
        """,
        (steps[-1].revision, supported_code(steps)),
    )
