"""All SQL of the audit trail's chains. The database itself makes them: see the trigger ``chain_attempt``."""

from collections.abc import AsyncIterator
from typing import Any, Final
from uuid import UUID

from paywon.audit.model import Head, Link, day_of
from paywon.db.pool import Connection

_LINK: Final = """
    SELECT audit_anchor(t) AS anchor, t.id, t.chain_position, t.chain_hash, audit_digest_of_record(t) AS digest,
           t.closed_at
    FROM payment_transactions t
"""
# A row that was opened again keeps its place in the chain, where it is then found changed.
_IN_CHAIN: Final = "(t.closed_at IS NOT NULL OR t.chain_hash IS NOT NULL)"


async def heads_after(conn: Connection, anchor: UUID | None, *, limit: int) -> list[Head]:
    """Fetch a page of heads in the order of their anchors; None begins."""
    rows = await conn.fetch(
        "SELECT anchor, length, hash FROM audit_heads WHERE $1::uuid IS NULL OR anchor > $1 ORDER BY anchor LIMIT $2",
        anchor,
        limit,
    )
    return [Head(**dict(row)) for row in rows]


async def heads_of(conn: Connection, anchor: UUID) -> list[Head]:
    """Fetch the head of one chain; none if nothing of it was ever closed."""
    rows = await conn.fetch("SELECT anchor, length, hash FROM audit_heads WHERE anchor = $1", anchor)
    return [Head(**dict(row)) for row in rows]


async def links_of(conn: Connection, anchors: list[UUID]) -> AsyncIterator[tuple[UUID, Link]]:
    """Stream the rows of these chains; within the caller's transaction, for the database holds a cursor."""
    # Three ways to the rows, each by its index.
    query = f"""
        {_LINK} WHERE t.payment_id = ANY ($1) AND {_IN_CHAIN}
        UNION ALL
        {_LINK} WHERE t.payment_id IS NULL AND t.billing_key_id = ANY ($1) AND {_IN_CHAIN}
        UNION ALL
        {_LINK} JOIN unnest($2::date[]) AS day (day)
                ON t.created_at >= day.day AT TIME ZONE 'UTC' AND t.created_at < (day.day + 1) AT TIME ZONE 'UTC'
        WHERE t.payment_id IS NULL AND t.billing_key_id IS NULL AND {_IN_CHAIN}
    """
    days = [day for anchor in anchors if (day := day_of(anchor)) is not None]
    async for row in conn.cursor(query, anchors, days, prefetch=500):
        yield row["anchor"], _link(row)


async def links_without_head(conn: Connection, anchor: UUID | None) -> AsyncIterator[tuple[UUID, Link]]:
    """Stream the closed rows whose chain has no head, of one anchor or of all."""
    query = f"""
        {_LINK} LEFT JOIN audit_heads h ON h.anchor = audit_anchor(t)
        WHERE h.anchor IS NULL AND {_IN_CHAIN} AND ($1::uuid IS NULL OR audit_anchor(t) = $1)
    """
    async for row in conn.cursor(query, anchor, prefetch=500):
        yield row["anchor"], _link(row)


def _link(row: Any) -> Link:
    return Link(
        row_id=row["id"],
        position=row["chain_position"],
        stored=row["chain_hash"],
        digest=row["digest"],
        closed_at=row["closed_at"],
    )
