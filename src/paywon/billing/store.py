"""All SQL of billing keys."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import BillingKeyId, UserId
from paywon.billing.model import BillingKey, KeyStatus
from paywon.db.pool import Connection

_COLUMNS: Final = tuple(field.name for field in fields(BillingKey))
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM billing_keys "


async def insert(conn: Connection, key: BillingKey) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
    query = f"INSERT INTO billing_keys ({', '.join(_COLUMNS)}) VALUES ({marks})"
    await conn.execute(query, *(getattr(key, column) for column in _COLUMNS))


async def by_id(conn: Connection, key_id: BillingKeyId) -> BillingKey | None:
    return _key(await conn.fetchrow(_SELECT + "WHERE id = $1", key_id))


async def by_digest(conn: Connection, digests: list[bytes]) -> BillingKey | None:
    """Fetch the row of a key by the digests that it may be stored under."""
    return _key(await conn.fetchrow(_SELECT + "WHERE key_digest = ANY ($1)", digests))


async def by_auth(conn: Connection, digests: list[bytes]) -> BillingKey | None:
    """Fetch the row that was made for an authKey, by the digests that it may be stored under."""
    return _key(await conn.fetchrow(_SELECT + "WHERE auth_digest = ANY ($1)", digests))


async def lock(conn: Connection, key_id: BillingKeyId) -> BillingKey:
    """Fetch a billing key and hold its row. It is locked before its attempts, always."""
    key = _key(await conn.fetchrow(_SELECT + "WHERE id = $1 FOR UPDATE", key_id))
    assert key is not None, "billing keys are never deleted"
    return key


async def hold_digest(conn: Connection, digest: bytes) -> None:
    """Wait until no other transaction is giving this key to a row, and keep others waiting until this one ends."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", int.from_bytes(digest[:8], "big", signed=True))


async def update(conn: Connection, key_id: BillingKeyId, now: datetime, **columns: Any) -> None:
    """Set the named columns of a billing key."""
    names = [*columns, "updated_at"]
    assert set(names) <= set(_COLUMNS), "only columns of billing_keys"
    settings = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, start=2))
    await conn.execute(f"UPDATE billing_keys SET {settings} WHERE id = $1", key_id, *columns.values(), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFilter:
    """Which billing keys a list shows; ``after`` is the (created_at, id) of the last one seen."""

    customer_key: str | None
    user_id: UserId | None
    after: tuple[datetime, BillingKeyId] | None
    limit: int


async def page(conn: Connection, wanted: PageFilter) -> list[BillingKey]:
    """Fetch one page of billing keys, newest first."""
    after_time, after_id = wanted.after or (None, None)
    rows = await conn.fetch(
        _SELECT
        + """
        WHERE ($1::text IS NULL OR customer_key = $1)
          AND ($2::text IS NULL OR user_id = $2)
          AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
        ORDER BY created_at DESC, id DESC LIMIT $5
        """,
        wanted.customer_key,
        wanted.user_id,
        after_time,
        after_id,
        wanted.limit,
    )
    return [key for row in rows if (key := _key(row))]


async def refused_as_gone(conn: Connection, code: str, *, limit: int) -> list[BillingKeyId]:
    """Fetch the active keys that a charge has shown to be gone: Toss refused it with this code."""
    rows = await conn.fetch(
        """
        SELECT id FROM billing_keys
        WHERE status = 'ACTIVE' AND id IN (
            SELECT billing_key_id FROM payment_transactions
            WHERE type = 'billing_charge' AND error_code = $1 AND outcome = 'no')
        LIMIT $2
        """,
        code,
        limit,
    )
    return [BillingKeyId(row["id"]) for row in rows]


def _key(row: Any) -> BillingKey | None:
    return None if row is None else BillingKey(**{**dict(row), "status": KeyStatus(row["status"])})
