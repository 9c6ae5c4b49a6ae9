"""All SQL of API keys."""

from datetime import datetime
from typing import Any, Final

from paywon.base.ids import ApiKeyId
from paywon.db.pool import Connection
from paywon.operators.model import ApiKey, Scope

_COLUMNS: Final = "id, holder_id, name, prefix, scopes, created_at, expires_at, revoked_at, rotated_at, last_used_at"


async def insert(conn: Connection, key: ApiKey, digest: bytes) -> None:
    await conn.execute(
        """
        INSERT INTO api_keys (id, holder_id, name, prefix, digest, scopes, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        key.id,
        key.holder_id,
        key.name,
        key.prefix,
        digest,
        list(key.scopes),
        key.created_at,
        key.expires_at,
    )


async def by_digest(conn: Connection, digest: bytes) -> ApiKey | None:
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM api_keys WHERE digest = $1", digest)
    return _key(row) if row else None


async def every(conn: Connection) -> list[ApiKey]:
    """Fetch all keys, oldest first."""
    return [_key(row) for row in await conn.fetch(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at, id")]


async def lock(conn: Connection, key_id: ApiKeyId) -> ApiKey | None:
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM api_keys WHERE id = $1 FOR UPDATE", key_id)
    return _key(row) if row else None


async def retire(conn: Connection, key_id: ApiKeyId, now: datetime, *, ends_at: datetime) -> None:
    """Note that a key was rotated, and when it ends."""
    await conn.execute("UPDATE api_keys SET rotated_at = $2, expires_at = $3 WHERE id = $1", key_id, now, ends_at)


async def note_use(conn: Connection, key_id: ApiKeyId, now: datetime, *, last_before: datetime) -> None:
    """Write down that a key is used, unless somebody has since ``last_before`` or is just doing so."""
    await conn.execute(
        """
        UPDATE api_keys SET last_used_at = $2 WHERE id = (
            SELECT id FROM api_keys WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)
            FOR UPDATE SKIP LOCKED)
        """,
        key_id,
        now,
        last_before,
    )


async def revoke(conn: Connection, key_id: ApiKeyId, now: datetime) -> bool:
    """Revoke a key; answer whether there was one to revoke."""
    done = await conn.execute("UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", key_id, now)
    return bool(done == "UPDATE 1")


def _key(row: Any) -> ApiKey:
    return ApiKey(**{**dict(row), "scopes": tuple(Scope(name) for name in row["scopes"])})
