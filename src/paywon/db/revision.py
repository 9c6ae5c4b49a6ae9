"""Where a database's schema stands. Apart from ``migrate``, whose imports take a while."""

from paywon.db.pool import Connection


async def revision_of(conn: Connection) -> str | None:
    """Answer the revision of the database behind a connection; None for an empty one."""
    if not await conn.fetchval("SELECT to_regclass('alembic_version') IS NOT NULL"):
        return None
    revision: str | None = await conn.fetchval("SELECT version_num FROM alembic_version")
    return revision
