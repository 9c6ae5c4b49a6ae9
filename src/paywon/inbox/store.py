"""All SQL of webhooks in."""

from dataclasses import fields
from datetime import datetime
from typing import Final

from paywon.base.ids import WebhookEventId
from paywon.db.pool import Connection
from paywon.inbox.model import WORK_JOB, WebhookEvent, WebhookStatus, WebhookVerdict

_COLUMNS: Final = tuple(field.name for field in fields(WebhookEvent))


async def insert_once(conn: Connection, event: WebhookEvent) -> bool:
    """Add an event unless it has been here before; answer whether it is new.

    The same transmission id or the same bytes are the same event.
    """
    marks = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
    done = await conn.execute(
        f"INSERT INTO webhook_events ({', '.join(_COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
        *(getattr(event, column) for column in _COLUMNS),
    )
    return bool(done == "INSERT 0 1")


async def count_repeat(conn: Connection, event: WebhookEvent) -> None:
    """Note that an event came once more."""
    await conn.execute(
        "UPDATE webhook_events SET repeats = repeats + 1 WHERE digest = $1 OR transmission_id = $2",
        event.digest,
        event.transmission_id,
    )


async def by_id(conn: Connection, event_id: WebhookEventId) -> WebhookEvent | None:
    row = await conn.fetchrow(f"SELECT {', '.join(_COLUMNS)} FROM webhook_events WHERE id = $1", event_id)
    if row is None:
        return None
    return WebhookEvent(
        **{**dict(row), "verdict": WebhookVerdict(row["verdict"]), "status": WebhookStatus(row["status"])}
    )


async def finish(
    conn: Connection, event_id: WebhookEventId, status: WebhookStatus, reason: str | None, now: datetime
) -> None:
    await conn.execute(
        "UPDATE webhook_events SET status = $2, reason = $3, processed_at = $4 WHERE id = $1",
        event_id,
        status,
        reason,
        now,
    )


async def untended(conn: Connection, received_before: datetime, *, limit: int) -> list[tuple[WebhookEventId, bool]]:
    """Fetch and hold events that nobody works: their job is held for good (True), or there is none (False)."""
    rows = await conn.fetch(
        """
        WITH jobs AS (
            -- Only our own jobs carry such a payload.
            SELECT CASE WHEN entrypoint = $3 THEN convert_from(payload, 'UTF8')::jsonb ->> 'eventId' END AS event_id,
                   bool_and(status = 'failed') AS is_held
            FROM pgqueuer GROUP BY 1)
        SELECT w.id, jobs.is_held IS NOT NULL AS is_held
        FROM webhook_events w LEFT JOIN jobs ON jobs.event_id = w.id::text
        WHERE w.status = 'received' AND w.received_at < $1 AND jobs.is_held IS NOT FALSE
        ORDER BY w.received_at LIMIT $2 FOR UPDATE OF w SKIP LOCKED
        """,
        received_before,
        limit,
        WORK_JOB,
    )
    return [(WebhookEventId(row["id"]), row["is_held"]) for row in rows]
