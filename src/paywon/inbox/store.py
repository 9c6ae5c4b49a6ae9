"""All SQL of webhooks in. Whose they are is looked up in the tables of other rooms."""

from collections.abc import Collection
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from typing import Final

from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId
from paywon.db.pool import Connection
from paywon.inbox.model import Budget, Look, Timing, WebhookEvent, WebhookStatus, WebhookVerdict

_COLUMNS: Final = tuple(field.name for field in fields(WebhookEvent))
_LOOK: Final = ", ".join(field.name for field in fields(Look))

# The order of ours that an event is about: by its number, its paymentKey, a key that we asked Toss about, its cancel.
_ORDER_OF: Final = """
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
    sought = _ORDER_OF.format(order_no="$1::text", payment_key="$2::text", transaction_key="$3::text")
    found: OrderNo | None = await conn.fetchval(f"SELECT {sought}", order_no, payment_key, transaction_key)
    return found


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
        UPDATE webhook_events SET status = $2, reason = $3, processed_at = $4
        WHERE id = ANY ($1) AND status = 'received'
        """,
        list(events),
        status,
        reason,
        now,
    )


# --- Looks ----------------------------------------------------------------------------------------------


async def ask_for_look(conn: Connection, order_no: OrderNo, now: datetime, *, proven: bool) -> int:
    """Note that one more event of an order waits, and hold the order's row; answer how many that makes."""
    waiting: int = await conn.fetchval(
        """
        INSERT INTO webhook_looks (order_no, waiting, proven, not_before, patient_until) VALUES ($1, 1, $3, $2, $2)
        ON CONFLICT (order_no) DO UPDATE SET waiting = webhook_looks.waiting + 1, proven = webhook_looks.proven OR $3
        RETURNING waiting
        """,
        order_no,
        now,
        proven,
    )
    return waiting


async def due(conn: Connection, now: datetime, *, limit: int) -> list[Look]:
    """Fetch and hold the looks whose time has come: the proven first, then as long as they have waited."""
    rows = await conn.fetch(
        f"""
        SELECT {_LOOK} FROM webhook_looks
        WHERE waiting > 0 AND not_before <= $1 AND (proven OR patient_until <= $1)
        ORDER BY proven DESC, not_before LIMIT $2 FOR UPDATE SKIP LOCKED
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
    """What is kept of an event that waits for a look."""

    id: WebhookEventId
    payment_key: PaymentKey | None
    verdict: WebhookVerdict
    source_address: str | None


async def waiting_for(conn: Connection, order_no: OrderNo) -> list[Waiting]:
    """Fetch the events of an order that wait, oldest first."""
    rows = await conn.fetch(
        """
        SELECT id, payment_key, verdict, source_address FROM webhook_events
        WHERE order_no = $1 AND status = 'received' ORDER BY received_at, id
        """,
        order_no,
    )
    return [Waiting(**{**dict(row), "verdict": WebhookVerdict(row["verdict"])}) for row in rows]


async def hold_look(conn: Connection, order_no: OrderNo) -> None:
    """Hold an order's row: until the transaction ends no event of the order is added."""
    await conn.execute("SELECT FROM webhook_looks WHERE order_no = $1 FOR UPDATE", order_no)


async def end_look(conn: Connection, order_no: OrderNo, timing: Timing, *, waiting: int, proven: bool) -> None:
    """Note when an order may be looked at again, and what waits for that."""
    await conn.execute(
        """
        UPDATE webhook_looks SET not_before = $2, patient_until = $3, idle = $4, unheard = $5, waiting = $6, proven = $7
        WHERE order_no = $1
        """,
        order_no,
        *astuple(timing),
        waiting,
        proven,
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
    """Fetch and hold the events of unknown orders, received since, whose order is known by now."""
    sought = _ORDER_OF.format(order_no="e.order_no", payment_key="e.payment_key", transaction_key="e.transaction_key")
    rows = await conn.fetch(
        f"""
        SELECT e.id, e.verdict, e.source_address, found.order_no
        FROM webhook_events e CROSS JOIN LATERAL (SELECT {sought} AS order_no) found
        WHERE e.status IN ('ignored', 'parked') AND e.reason = 'UNKNOWN_ORDER' AND e.received_at >= $1
          AND found.order_no IS NOT NULL
        ORDER BY e.received_at LIMIT $2 FOR UPDATE OF e SKIP LOCKED
        """,
        since,
        limit,
    )
    return [Found(**{**dict(row), "verdict": WebhookVerdict(row["verdict"])}) for row in rows]


async def receive_again(conn: Connection, event_id: WebhookEventId, order_no: OrderNo) -> None:
    """Have an event wait for a look after all."""
    await conn.execute(
        """
        UPDATE webhook_events SET status = 'received', reason = NULL, processed_at = NULL, order_no = $2 WHERE id = $1
        """,
        event_id,
        order_no,
    )
