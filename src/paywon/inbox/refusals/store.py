"""All SQL of ``webhook_refusals``."""

from collections.abc import Sequence
from datetime import date

from paywon.db.pool import Connection
from paywon.inbox.refusals.model import Refusal, Refused


async def add(conn: Connection, counted: Sequence[Refused]) -> None:
    """Add what one process has counted; rows are held in one order, whoever writes."""
    ordered = sorted(counted, key=lambda each: (each.day, each.kind))
    await conn.execute(
        """
        INSERT INTO webhook_refusals AS had (day, kind, count, last_at)
        SELECT * FROM unnest($1::date[], $2::text[], $3::bigint[], $4::timestamptz[])
        ON CONFLICT (day, kind) DO UPDATE
        SET count = had.count + excluded.count, last_at = greatest(had.last_at, excluded.last_at)
        """,
        [each.day for each in ordered],
        [each.kind for each in ordered],
        [each.count for each in ordered],
        [each.last_at for each in ordered],
    )


async def newest(conn: Connection, *, days: int) -> list[Refused]:
    """Fetch the counts of the newest days that have any."""
    rows = await conn.fetch(
        """
        SELECT day, kind, count, last_at FROM webhook_refusals
        WHERE day IN (SELECT DISTINCT day FROM webhook_refusals ORDER BY day DESC LIMIT $1)
        """,
        days,
    )
    return [Refused(**{**dict(row), "kind": Refusal(row["kind"])}) for row in rows]


async def trim(conn: Connection, *, before: date) -> None:
    """Delete the counts of days before."""
    await conn.execute("DELETE FROM webhook_refusals WHERE day < $1", before)
