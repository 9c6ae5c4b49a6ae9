"""Databases of one test each, copied from a template that is migrated once a session."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg

from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate

_TEMPLATE = "paywon_template"


@dataclass(frozen=True)
class Template:
    """A migrated database that nobody works in."""

    postgres: EmbeddedPostgres

    @classmethod
    async def make(cls, postgres: EmbeddedPostgres) -> "Template":
        await ensure_database(postgres.url("postgres"), _TEMPLATE)
        await migrate(postgres.url(_TEMPLATE))
        return cls(postgres)

    async def copy(self, name: str | None = None) -> str:
        """Make a database like it, and answer its URL."""
        name = name or f"t_{secrets.token_hex(6)}"
        async with self._admin() as admin:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        return self.postgres.url(name)

    async def drop(self, url: str) -> None:
        """Drop a copy, whoever is connected to it."""
        name = urlsplit(url).path.removeprefix("/")
        async with self._admin() as admin:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def shut(self, url: str) -> None:
        """Have a copy refuse connections, and end those that there are."""
        name = urlsplit(url).path.removeprefix("/")
        async with self._admin() as admin:
            await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)

    @asynccontextmanager
    async def _admin(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        conn = await asyncpg.connect(self.postgres.url("postgres"))
        try:
            yield conn
        finally:
            await conn.close()
