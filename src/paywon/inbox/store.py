"""All SQL of webhooks in. Whose they are is looked up in the tables of other rooms."""

from collections.abc import Collection
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId
from paywon.db.pool import Connection
from paywon.inbox.claims import Claim
from paywon.inbox.model import (
    KEPT_REPEATS,
    TOSS_SHOWS_LESS,
    Budget,
    Look,
    Repeat,
    Stay,
    Timing,
    WebhookEvent,
    WebhookStatus,
    WebhookVerdict,
)

_COLUMNS: Final = tuple(field.name for field in fields(WebhookEvent))
_LOOK: Final = ", ".join(field.name for field in fields(Look))

# The order of ours that an event is about: by its number, its paymentKey, a key that we asked Toss about, its cancel.
ORDER_OF: Final = """
    coalesce(
        (SELECT order_no FROM orders WHERE order_no = {order_no}),
        (SELECT order_no FROM payments WHERE payment_key = {payment_key}),
        (SELECT p.order_no FROM payment_transactions t JOIN payments p ON p.id = t.payment_id
         WHERE t.payment_key = {payment_key} AND t.type = 'payment_confirmation' ORDER BY t.created_at DESC LIMIT 1),
        (SELECT p.order_no FROM payment_cancels c JOIN payments p ON p.id = c.payment_id
         WHERE c.transaction_key = {transaction_key}))
    """


async def order_of(
    conn: Connection, order_no: str | None, payment_key: str | None, transaction_key: str | None
) -> OrderNo | None:
    """Find the order of ours that Toss speaks of; None if it is none of ours."""
    sought = ORDER_OF.format(order_no="$1::text", payment_key="$2::text", transaction_key="$3::text")
    found: OrderNo | None = await conn.fetchval(f"SELECT {sought}", order_no, payment_key, transaction_key)
    return found


async def insert_once(conn: Connection, event: WebhookEvent) -> bool:
    """Add an event unless it has been here before; answer whether it is new.

    The same transmission id or the same bytes are the same event.
    """
    marks = ", ".join(f"${place}" for place in range(1, len(_COLUMNS) + 1))
    values = {name: getattr(event, name) for name in _COLUMNS} | {"claim": msgspec.to_builtins(event.claim)}
    done = await conn.execute(
        f"INSERT INTO webhook_events ({', '.join(_COLUMNS)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
        *(values[column] for column in _COLUMNS),
    )
    return bool(done == "INSERT 0 1")


async def count_repeat(conn: Connection, event: WebhookEvent, repeat: Repeat) -> list[WebhookStatus]:
    """Note that an event came once more, when and from where; answer what it, or they, had come to."""
    rows = await conn.fetch(
        """
        UPDATE webhook_events
        SET repeats = repeats + 1,
            repeat_deliveries = $3::jsonb || CASE WHEN jsonb_array_length(repeat_deliveries) < $4 THEN repeat_deliveries
                                                  ELSE repeat_deliveries - -1 END
        WHERE digest = $1 OR transmission_id = $2 RETURNING status
        """,
        event.digest,
        event.transmission_id,
        [msgspec.to_builtins(repeat)],
        KEPT_REPEATS,
    )
    return [WebhookStatus(row["status"]) for row in rows]


async def wait_again(conn: Connection, event: WebhookEvent) -> None:
    """Have an event that came once more wait for a look, with what it claims this time, whatever had become of it.

    One that waits for its first look goes on doing so.
    """
    await conn.execute(
        """
        UPDATE webhook_events
        SET status = 'received', reason = NULL, processed_at = NULL, order_no = $3, look_at = $5, looks = 0,
            asked_again_at = $5, verdict = CASE WHEN verdict = 'refetched' THEN $6 ELSE verdict END,
            claim = CASE WHEN verdict = 'refetched' OR $6 <> 'refetched' THEN $4 ELSE claim END
        WHERE (digest = $1 OR transmission_id = $2) AND status <> 'rejected' AND (status <> 'received' OR looks > 0)
        """,
        event.digest,
        event.transmission_id,
        event.order_no,
        msgspec.to_builtins(event.claim),
        event.received_at,
        event.verdict,
    )


async def end_repeat(conn: Connection, event: WebhookEvent) -> None:
    """Say what has become of an event that came once more and was worked at the door."""
    await conn.execute(
        """
        UPDATE webhook_events SET status = $3, reason = $4, processed_at = $5, verdict = $6
        WHERE (digest = $1 OR transmission_id = $2) AND status = 'ignored'
        """,
        event.digest,
        event.transmission_id,
        event.status,
        event.reason,
        event.processed_at,
        event.verdict,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a person is shown of one stored event; ``order_no`` is the order of ours that it is about, if any."""

    id: WebhookEventId
    event_type: str
    verdict: WebhookVerdict
    status: WebhookStatus
    reason: str | None
    order_no: OrderNo | None
    received_at: datetime
    look_at: datetime | None


async def by_id(conn: Connection, event_id: WebhookEventId) -> Stored | None:
    """Fetch an event, and the order of ours that it is about as far as we know by now."""
    sought = ORDER_OF.format(order_no="e.order_no", payment_key="e.payment_key", transaction_key="e.transaction_key")
    row = await conn.fetchrow(
        f"""
        SELECT id, event_type, verdict, status, reason, {sought} AS order_no, received_at, look_at
        FROM webhook_events e WHERE id = $1
        """,
        event_id,
    )
    return None if row is None else _stored(dict(row))


def _stored(row: dict[str, Any]) -> Stored:
    return Stored(**{**row, "verdict": WebhookVerdict(row["verdict"]), "status": WebhookStatus(row["status"])})


async def look_again(
    conn: Connection, event_id: WebhookEventId, order_no: OrderNo, by: str, now: datetime
) -> WebhookStatus:
    """Have an event wait for a look that a person asked for; return what it was before."""
    was: str = await conn.fetchval(
        """
        UPDATE webhook_events e
        SET status = 'received', reason = NULL, processed_at = NULL, order_no = $2, look_at = $4, looks = 0,
            asked_again_at = $4, asked_again_by = $3
        FROM (SELECT id, status FROM webhook_events WHERE id = $1 FOR UPDATE) before
        WHERE e.id = before.id RETURNING before.status
        """,
        event_id,
        order_no,
        by,
        now,
    )
    return WebhookStatus(was)


async def finish(
    conn: Connection,
    events: Collection[WebhookEventId],
    status: WebhookStatus,
    reason: str | None,
    now: datetime,
) -> None:
    """Say what has become of events that waited."""
    await conn.execute(
        """
        UPDATE webhook_events SET status = $2, reason = $3, processed_at = $4, look_at = NULL
        WHERE id = ANY ($1) AND status = 'received'
        """,
        list(events),
        status,
        reason,
        now,
    )


async def let_stay(conn: Connection, event_id: WebhookEventId, stay: Stay) -> None:
    """Have an event that waits ask for its next look later."""
    await conn.execute(
        "UPDATE webhook_events SET look_at = $2, looks = $3 WHERE id = $1 AND status = 'received'",
        event_id,
        stay.look_at,
        stay.looks,
    )


async def believe(conn: Connection, events: Collection[WebhookEventId]) -> None:
    """Note that events are proven by their payment's secret, which was not known when they came."""
    await conn.execute(
        "UPDATE webhook_events SET verdict = 'secret_matched' WHERE id = ANY ($1) AND verdict = 'refetched'",
        list(events),
    )


async def count_doubted(conn: Connection, order_no: OrderNo) -> int:
    """Count the unproven events of an order that lie parked because Toss shows less."""
    found: int = await conn.fetchval(
        """
        SELECT count(*) FROM webhook_events
        WHERE order_no = $1 AND status = 'parked' AND reason = $2 AND verdict = 'refetched'
        """,
        order_no,
        TOSS_SHOWS_LESS,
    )
    return found


async def told_at(conn: Connection, order_no: OrderNo, transaction_key: str) -> datetime | None:
    """Fetch when a transition happened, by Toss's clock, as a webhook told it; None if none did."""
    at: datetime | None = await conn.fetchval(
        """
        SELECT max((claim ->> 'at')::timestamptz) FROM webhook_events
        WHERE order_no = $1 AND transaction_key = $2 AND status <> 'rejected'
        """,
        order_no,
        transaction_key,
    )
    return at


# --- Looks ----------------------------------------------------------------------------------------------


async def ask_for_look(conn: Connection, order_no: OrderNo, now: datetime, *, proven: bool, more: int = 1) -> int:
    """Note that an order asks for a look, for ``more`` events than before, and hold its row; answer how many wait."""
    waiting: int = await conn.fetchval(
        """
        INSERT INTO webhook_looks (order_no, waiting, proven_at, hinted_at, not_before, patient_until)
        VALUES ($1, $4, CASE WHEN $3 THEN $2::timestamptz END, CASE WHEN NOT $3 THEN $2 END, $2, $2)
        ON CONFLICT (order_no) DO UPDATE
        SET waiting = webhook_looks.waiting + excluded.waiting,
            proven_at = least(webhook_looks.proven_at, excluded.proven_at),
            hinted_at = least(webhook_looks.hinted_at, excluded.hinted_at)
        RETURNING waiting
        """,
        order_no,
        now,
        proven,
        more,
    )
    return waiting


async def due(conn: Connection, now: datetime, *, limit: int) -> list[Look]:
    """Fetch and hold the looks whose time has come: the proven first, then as long as they have waited."""
    rows = await conn.fetch(
        f"""
        SELECT {_LOOK} FROM webhook_looks
        WHERE waiting > 0 AND not_before <= $1
          AND (proven_at <= $1 OR (hinted_at <= $1 AND patient_until <= $1))
        ORDER BY coalesce(proven_at <= $1, false) DESC, least(proven_at, hinted_at)
        LIMIT $2 FOR UPDATE SKIP LOCKED
        """,
        now,
        limit,
    )
    return [Look(**dict(row)) for row in rows]


async def hold_budget(conn: Connection, now: datetime) -> Budget:
    """Fetch and hold what all workers together have been granted in the newest minute that one of them began."""
    await conn.execute("INSERT INTO webhook_budget (minute, granted) VALUES ($1, 0) ON CONFLICT DO NOTHING", now)
    row = await conn.fetchrow("SELECT minute, granted FROM webhook_budget FOR UPDATE")
    assert row is not None, "it was just added"
    return Budget(**dict(row))


async def set_budget(conn: Connection, budget: Budget) -> None:
    await conn.execute("UPDATE webhook_budget SET minute = $1, granted = $2", budget.minute, budget.granted)


async def lease(conn: Connection, orders: Collection[OrderNo], until: datetime) -> None:
    """Keep others from looking at these orders for a while."""
    await conn.execute("UPDATE webhook_looks SET not_before = $2 WHERE order_no = ANY ($1)", list(orders), until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is kept of an event that waits for a look. ``secret_known``: it has its payment's secret, we know by now."""

    id: WebhookEventId
    event_type: str
    payment_key: PaymentKey | None
    verdict: WebhookVerdict
    source_address: str | None
    claim: Claim
    received_at: datetime
    look_at: datetime
    looks: int
    asked_again_at: datetime | None
    asked_again_by: str | None
    secret_known: bool


async def waiting_for(conn: Connection, order_no: OrderNo) -> list[Waiting]:
    """Fetch the events of an order that wait, oldest first."""
    rows = await conn.fetch(
        """
        SELECT e.id, e.event_type, e.payment_key, e.verdict, e.source_address, coalesce(e.claim, '{}') AS claim,
               e.received_at, coalesce(e.look_at, e.received_at) AS look_at, e.looks, e.asked_again_at,
               e.asked_again_by, coalesce(e.secret_digest = p.secret_digest, false) AS secret_known
        FROM webhook_events e LEFT JOIN payments p ON p.order_no = e.order_no
        WHERE e.order_no = $1 AND e.status = 'received' ORDER BY e.received_at, e.id
        """,
        order_no,
    )
    return [_waiting(dict(row)) for row in rows]


def _waiting(row: dict[str, Any]) -> Waiting:
    verdict, claim = WebhookVerdict(row["verdict"]), msgspec.convert(row["claim"], Claim)
    return Waiting(**{**row, "verdict": verdict, "claim": claim})


async def hold_look(conn: Connection, order_no: OrderNo) -> None:
    """Hold an order's row: until the transaction ends no event of the order is added."""
    await conn.execute("SELECT FROM webhook_looks WHERE order_no = $1 FOR UPDATE", order_no)


async def end_look(
    conn: Connection,
    order_no: OrderNo,
    timing: Timing,
    *,
    waiting: int,
    proven_at: datetime | None,
    hinted_at: datetime | None,
) -> None:
    """Note when an order may be looked at again, and what waits for that."""
    await conn.execute(
        """
        UPDATE webhook_looks
        SET not_before = $2, patient_until = $3, idle = $4, unheard = $5, waiting = $6, proven_at = $7, hinted_at = $8
        WHERE order_no = $1
        """,
        order_no,
        *astuple(timing),
        waiting,
        proven_at,
        hinted_at,
    )


async def wake_unheard(conn: Connection, now: datetime, *, spread: timedelta) -> int:
    """Make due, within ``spread``, the looks that wait because Toss was not heard; return how many."""
    done: str = await conn.execute(
        """
        UPDATE webhook_looks SET not_before = again.at, patient_until = least(patient_until, again.at)
        FROM (SELECT order_no, $1::timestamptz + random() * $2::interval AS at FROM webhook_looks
              WHERE waiting > 0 AND unheard > 0 AND not_before > $1::timestamptz + $2::interval
              FOR UPDATE SKIP LOCKED) again
        WHERE webhook_looks.order_no = again.order_no
        """,
        now,
        spread,
    )
    return int(done.removeprefix("UPDATE "))


# --- Housekeeping ---------------------------------------------------------------------------------------


async def trim_order(conn: Connection, order_no: OrderNo, *, keep: int) -> int:
    """Delete all but the newest events of an order that nothing proves and that are over; answer how many."""
    done: str = await conn.execute(
        """
        DELETE FROM webhook_events WHERE id IN (
            SELECT id FROM webhook_events
            WHERE order_no = $1 AND verdict = 'refetched' AND status IN ('processed', 'ignored')
            ORDER BY received_at DESC OFFSET $2)
        """,
        order_no,
        keep,
    )
    return int(done.removeprefix("DELETE "))


async def trim_nobodys(conn: Connection, *, older_than: datetime, keep: int, limit: int) -> int:
    """Delete events that nobody misses: the old, and the oldest beyond ``keep``; answer how many."""
    done: str = await conn.execute(
        """
        DELETE FROM webhook_events WHERE id IN (
            SELECT id FROM (
                SELECT id, received_at, row_number() OVER (ORDER BY received_at DESC) AS place FROM webhook_events
                WHERE status IN ('ignored', 'rejected') AND verdict IN ('refetched', 'rejected')) nobodys
            WHERE received_at < $1 OR place > $2 ORDER BY received_at LIMIT $3)
        """,
        older_than,
        keep,
        limit,
    )
    return int(done.removeprefix("DELETE "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An event whose order was not known when it came, and is now."""

    id: WebhookEventId
    verdict: WebhookVerdict
    source_address: str | None
    order_no: OrderNo


async def found_since(conn: Connection, since: datetime, *, limit: int) -> list[Found]:
    """Fetch the events of unknown orders, received since, whose order is known by now."""
    sought = ORDER_OF.format(order_no="e.order_no", payment_key="e.payment_key", transaction_key="e.transaction_key")
    rows = await conn.fetch(
        f"""
        SELECT e.id, e.verdict, e.source_address, found.order_no
        FROM webhook_events e CROSS JOIN LATERAL (SELECT {sought} AS order_no) found
        WHERE e.status IN ('ignored', 'parked') AND e.reason = 'UNKNOWN_ORDER' AND e.received_at >= $1
          AND found.order_no IS NOT NULL
        ORDER BY e.received_at LIMIT $2
        """,
        since,
        limit,
    )
    return [Found(**{**dict(row), "verdict": WebhookVerdict(row["verdict"])}) for row in rows]


async def receive_again(conn: Connection, event_id: WebhookEventId, order_no: OrderNo, now: datetime) -> bool:
    """Have an event wait for a look whose order was not known; answer whether it was still so."""
    done = await conn.execute(
        """
        UPDATE webhook_events SET status = 'received', reason = NULL, processed_at = NULL, order_no = $2, look_at = $3
        WHERE id = $1 AND status IN ('ignored', 'parked') AND reason = 'UNKNOWN_ORDER'
        """,
        event_id,
        order_no,
        now,
    )
    return bool(done == "UPDATE 1")
