"""Where a database's schema stands, and whose code runs on it. Apart from ``migrate``, whose imports take a while."""

from collections.abc import Sequence
from dataclasses import dataclass

from paywon.db.pool import Connection


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: its revision, and the oldest one whose code can still run on what it makes."""

    revision: str
    oldest_code: str


def supported_code(steps: Sequence[Step]) -> list[str]:
    """Return the revisions whose code can run on the schema that these steps make, first to last, newest first."""
    place = {step.revision: number for number, step in enumerate(steps)}
    supported, oldest = [], 0
    for step in reversed(steps):
        if place[step.revision] < oldest:
            break
        supported.append(step.revision)
        oldest = max(oldest, place[step.oldest_code])
    return supported


async def revision_of(conn: Connection) -> str | None:
    """Answer the revision of the database behind a connection; None for an empty one."""
    if not await conn.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return None
    revision: str | None = await conn.fetchval("SELECT version_num FROM alembic_version")
    return revision


async def supported_by(conn: Connection, revision: str | None) -> frozenset[str]:
    """Return the revisions whose code can run on the schema, as the migration that made it says."""
    own = frozenset(() if revision is None else (revision,))
    if not await conn.fetchval("SELECT to_regclass('schema_support') IS NOT NULL"):
        return own
    query = "SELECT supported_code FROM schema_support WHERE revision = $1"
    return own | frozenset(await conn.fetchval(query, revision) or ())
