"""SQL that shows stored webhooks to people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import OrderNo, PaymentId, WebhookEventId
from paywon.db.pool import Connection
from paywon.inbox.model import WebhookStatus, WebhookVerdict
from paywon.inbox.store import ORDER_OF, Stored

_ORDER: Final = ORDER_OF.format(order_no="e.order_no", payment_key="e.payment_key", transaction_key="e.transaction_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookFilter:
    """Which webhooks a list shows.

    ``order_no`` is what they name, ours or not; ``after`` the (received_at, id) of the last one seen; the last moment
    is no longer in it.
    """

    status: WebhookStatus | None = None
    verdict: WebhookVerdict | None = None
    order_no: OrderNo | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[datetime, WebhookEventId] | None = None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All that is kept of one webhook, as its columns are; ``stored`` is what a list shows of it."""

    stored: Stored
    payment_id: PaymentId | None
    payment_key: str | None
    transaction_key: str | None
    transmission_id: str | None
    source_address: str | None
    headers: dict[str, str]
    body: dict[str, Any]
    repeats: int
    repeat_deliveries: list[dict[str, Any]]
    looks: int
    processed_at: datetime | None
    asked_again_at: datetime | None
    asked_again_by: str | None


async def page(conn: Connection, wanted: WebhookFilter) -> list[Stored]:
    """Fetch one page of webhooks, newest first."""
    after_time, after_id = wanted.after or (None, None)
    rows = await conn.fetch(
        f"""
        SELECT e.id, e.event_type, e.verdict, e.status, e.reason, {_ORDER} AS order_no, e.received_at, e.look_at
        FROM (
            SELECT * FROM webhook_events
            WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR verdict = $2)
              AND ($3::text IS NULL OR order_no = $3)
              AND ($4::timestamptz IS NULL OR received_at >= $4) AND ($5::timestamptz IS NULL OR received_at < $5)
              AND ($6::timestamptz IS NULL OR (received_at, id) < ($6, $7::uuid))
            ORDER BY received_at DESC, id DESC LIMIT $8) e
        ORDER BY e.received_at DESC, e.id DESC
        """,
        wanted.status,
        wanted.verdict,
        wanted.order_no,
        wanted.since,
        wanted.until,
        after_time,
        after_id,
        wanted.limit,
    )
    return [_stored(row) for row in rows]


async def whole(conn: Connection, event_id: WebhookEventId) -> Whole | None:
    """Fetch all that is kept of a webhook, and the payment of ours that it is about as far as we know by now."""
    row = await conn.fetchrow(
        f"""
        SELECT w.*, p.id AS payment_id
        FROM (SELECT e.id, e.event_type, e.verdict, e.status, e.reason, {_ORDER} AS order_no, e.received_at, e.look_at,
                     e.payment_key, e.transaction_key, e.transmission_id, e.source_address, e.headers, e.body,
                     e.repeats, e.repeat_deliveries, e.looks, e.processed_at, e.asked_again_at, e.asked_again_by
              FROM webhook_events e WHERE e.id = $1) w
        LEFT JOIN payments p ON p.order_no = w.order_no
        """,
        event_id,
    )
    if row is None:
        return None
    return Whole(stored=_stored(row), **{name: row[name] for name in Whole.__slots__ if name != "stored"})


def _stored(row: Any) -> Stored:
    values = {name: row[name] for name in Stored.__slots__}
    return Stored(**values | {"verdict": WebhookVerdict(row["verdict"]), "status": WebhookStatus(row["status"])})
