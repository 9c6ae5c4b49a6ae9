"""A new version is rolled out and back while the old one runs: which code may run on which schema."""

import asyncpg
import pytest

from paywon.db.migrate import NewerSchema, migrate, migration_steps, newest_revision
from paywon.db.revision import Step, supported_code
from paywon.terminal.checks import check_database
from paywon.terminal.processes import _migrate as migrate_command
from paywon.terminal.trouble import Trouble
from tests.conftest import FreshDatabase


async def _migrated_by_a_newer_paywon(url: str, *, supports: list[str]) -> None:
    conn = await asyncpg.connect(url)
    try:
        await conn.execute("UPDATE alembic_version SET version_num = '9999'")
        await conn.execute("UPDATE schema_support SET revision = '9999', supported_code = $1", supports)
    finally:
        await conn.close()


async def test_an_old_process_starts_on_a_newer_schema_that_supports_it(database: FreshDatabase) -> None:
    await _migrated_by_a_newer_paywon(database.url, supports=["9999", newest_revision()])
    assert (await check_database(database.url)).revision == "9999"
    assert "9999" in await migrate_command(database.url)


async def test_an_old_process_refuses_a_newer_schema_that_does_not_support_it(database: FreshDatabase) -> None:
    await _migrated_by_a_newer_paywon(database.url, supports=["9999"])
    with pytest.raises(Trouble, match="newer paywon has migrated the database schema to 9999"):
        await check_database(database.url)
    with pytest.raises(Trouble, match="run the newer version"):
        await migrate_command(database.url)
    with pytest.raises(NewerSchema):
        await migrate(database.url)


async def test_what_a_newer_schema_says_of_another_revision_is_not_believed(database: FreshDatabase) -> None:
    conn = await asyncpg.connect(database.url)
    try:
        await conn.execute("UPDATE alembic_version SET version_num = '9999'")
    finally:
        await conn.close()
    with pytest.raises(Trouble, match="newer paywon"):
        await check_database(database.url)


async def test_a_schema_that_is_too_old_is_to_be_migrated(database: FreshDatabase) -> None:
    conn = await asyncpg.connect(database.url)
    try:
        await conn.execute("UPDATE alembic_version SET version_num = '0012'; DROP TABLE schema_support")
    finally:
        await conn.close()
    with pytest.raises(Trouble, match="run paywon migrate"):
        await check_database(database.url)


async def test_the_migrations_say_what_the_database_says(database: FreshDatabase) -> None:
    conn = await asyncpg.connect(database.url)
    try:
        row = await conn.fetchrow("SELECT revision, supported_code FROM schema_support")
    finally:
        await conn.close()
    assert row is not None
    assert (row["revision"], row["supported_code"]) == (newest_revision(), supported_code(migration_steps()))


@pytest.mark.parametrize(
    ("oldest", "supported"),
    [
        # One line a migration: revision and the oldest code that runs on it.
        ("a:a b:b c:c", "c"),
        ("a:a b:a c:b", "c b"),
        ("a:a b:a c:a", "c b a"),
        ("a:a b:b c:a", "c b"),
        ("a:a b:a c:a d:c", "d c"),
        ("a:a", "a"),
    ],
)
def test_code_runs_on_a_schema_if_every_later_migration_lets_it(oldest: str, supported: str) -> None:
    steps = [Step(*pair.split(":")) for pair in oldest.split()]
    assert supported_code(steps) == supported.split()
