"""All SQL of orders."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import asyncpg

from paywon.base.clock import toss_time
from paywon.base.errors import PaywonError
from paywon.base.ids import OrderId, OrderNo, UserId
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.orders.model import (
    FulfilmentStatus,
    Maker,
    Obstacle,
    Order,
    OrderStatus,
    OrderView,
)

_COLUMNS: Final = ", ".join(field.name for field in fields(Order))
_ONE_OPEN_PER_RESOURCE: Final = "orders_one_open_per_resource"


async def insert(conn: Connection, order: Order) -> None:
    """Add an order.

    Raises:
        PaywonError: DUPLICATE_PAYMENT, an order for the same resource is open.
    """
    row = {field.name: getattr(order, field.name) for field in fields(Order)}
    marks = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    try:
        await conn.execute(f"INSERT INTO orders ({_COLUMNS}) VALUES ({marks})", *row.values())
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == _ONE_OPEN_PER_RESOURCE:
            raise PaywonError("DUPLICATE_PAYMENT", field="resourceId") from error
        raise


async def by_id(conn: Connection, order_id: OrderId) -> Order | None:
    return _order(await conn.fetchrow(f"SELECT {_COLUMNS} FROM orders WHERE id = $1", order_id))


async def view_of(conn: Connection, name: OrderId | OrderNo) -> OrderView | None:
    """Fetch an order with its capsule's id and what its payment says, by its id or its number, in one round trip."""
    columns = ", ".join(f"o.{field.name}" for field in fields(Order))
    row = await conn.fetchrow(
        f"""
        SELECT {columns}, c.id AS capsule_id, p.payment_key,
               CASE WHEN p.status = 'WAITING_FOR_DEPOSIT' THEN p.virtual_account ->> 'dueDate' END AS due_date
        FROM orders o
        LEFT JOIN capsules c ON c.order_id = o.id
        LEFT JOIN payments p ON p.order_id = o.id
        WHERE o.{_named_by(name)} = $1
        """,
        name,
    )
    if row is None:
        return None
    values = dict(row)
    rest = {column: values.pop(column) for column in ("capsule_id", "payment_key")}
    due = toss_time(values.pop("due_date"))
    order = _order(values)
    assert order is not None, "the row is there"
    return OrderView(order=order, deposit_due=due, **rest)


async def number_of(conn: Connection, order_id: OrderId) -> OrderNo | None:
    number: str | None = await conn.fetchval("SELECT order_no FROM orders WHERE id = $1", order_id)
    return None if number is None else OrderNo(number)


async def lock_named(conn: Connection, name: OrderId | OrderNo) -> Order | None:
    """Fetch an order by its id or its number, and hold its row."""
    query = f"SELECT {_COLUMNS} FROM orders WHERE {_named_by(name)} = $1 FOR UPDATE"
    return _order(await conn.fetchrow(query, name))


def _named_by(name: OrderId | OrderNo) -> str:
    return "order_no" if isinstance(name, str) else "id"


async def by_no(conn: Connection, order_no: OrderNo) -> Order | None:
    return _order(await conn.fetchrow(f"SELECT {_COLUMNS} FROM orders WHERE order_no = $1", order_no))


async def lock_by_no(conn: Connection, order_no: OrderNo) -> Order | None:
    """Fetch an order and hold its row until the transaction ends. Every change of a payment starts here."""
    query = f"SELECT {_COLUMNS} FROM orders WHERE order_no = $1 FOR UPDATE"
    return _order(await conn.fetchrow(query, order_no))


async def lock_by_id(conn: Connection, order_id: OrderId) -> Order | None:
    query = f"SELECT {_COLUMNS} FROM orders WHERE id = $1 FOR UPDATE"
    return _order(await conn.fetchrow(query, order_id))


async def open_for_resource(conn: Connection, resource_type: str | None, resource_id: str) -> Order | None:
    """Fetch the order that is open for a resource; there is one at most."""
    query = f"""
        SELECT {_COLUMNS} FROM orders
        WHERE resource_type IS NOT DISTINCT FROM $1 AND resource_id = $2 AND status = 'PENDING_PAYMENT'
        """
    return _order(await conn.fetchrow(query, resource_type, resource_id))


async def lock_for_resource(conn: Connection, resource_type: str | None, resource_id: str) -> Order | None:
    """Fetch the order that is open for a resource, and hold its row."""
    query = f"""
        SELECT {_COLUMNS} FROM orders
        WHERE resource_type IS NOT DISTINCT FROM $1 AND resource_id = $2 AND status = 'PENDING_PAYMENT' FOR UPDATE
        """
    return _order(await conn.fetchrow(query, resource_type, resource_id))


async def set_status(
    conn: Connection, order_id: OrderId, status: OrderStatus, now: datetime, *, paid_told_at: datetime | None
) -> None:
    """Move an order; the first move to PAID stamps ``paid_at``."""
    await conn.execute(
        """
        UPDATE orders SET status = $2, updated_at = $3, paid_told_at = $4,
               paid_at = CASE WHEN $2 = 'PAID' THEN coalesce(paid_at, $3) ELSE paid_at END
        WHERE id = $1
        """,
        order_id,
        status,
        now,
        paid_told_at,
    )


async def set_paid_told(conn: Connection, order_id: OrderId, now: datetime) -> None:
    await conn.execute("UPDATE orders SET paid_told_at = $2, updated_at = $2 WHERE id = $1", order_id, now)


async def set_fulfilment(
    conn: Connection, order_id: OrderId, status: FulfilmentStatus, reason: str | None, now: datetime
) -> None:
    await conn.execute(
        "UPDATE orders SET fulfilment_status = $2, fulfilment_reason = $3, updated_at = $4 WHERE id = $1",
        order_id,
        status,
        reason,
        now,
    )


@dataclass(frozen=True, slots=True)
class Telling:
    """An ``order.paid``: of which order, and since when that stands. A later one makes it void."""

    order_id: OrderId
    told_at: datetime


# The application hands over, by what stands.
_BY_EVENT: Final = "fulfilment_kind = 'event' AND status IN ('PAID', 'PARTIALLY_REFUNDED')"


async def fulfil_by_event(conn: Connection, telling: Telling, now: datetime) -> None:
    """Note that the application has taken an ``order.paid``: the hand-over is its own from here on."""
    await conn.execute(
        f"""
        UPDATE orders SET fulfilment_status = 'FULFILLED', fulfilment_reason = NULL, updated_at = $3
        WHERE id = $1 AND paid_told_at = $2 AND {_BY_EVENT} AND fulfilment_status IN ('WAITING', 'BLOCKED')
        """,
        telling.order_id,
        telling.told_at,
        now,
    )


async def block_by_event(conn: Connection, telling: Telling, reason: str, now: datetime) -> bool:
    """Note that nobody will tell the application that an order is paid; answer whether it waited for that."""
    done = await conn.execute(
        f"""
        UPDATE orders SET fulfilment_status = 'BLOCKED', fulfilment_reason = $3, updated_at = $4
        WHERE id = $1 AND paid_told_at = $2 AND {_BY_EVENT} AND fulfilment_status = 'WAITING'
        """,
        telling.order_id,
        telling.told_at,
        reason,
        now,
    )
    return bool(done == "UPDATE 1")


async def wait_by_event(conn: Connection, tellings: list[Telling], now: datetime) -> None:
    """Note that the application is going to be told again."""
    await conn.execute(
        f"""
        WITH again AS (
            SELECT o.id FROM orders o
            JOIN unnest($1::uuid[], $2::timestamptz[]) AS told (id, at) ON told.id = o.id AND told.at = o.paid_told_at
            WHERE {_BY_EVENT} AND fulfilment_status = 'BLOCKED' ORDER BY o.id FOR UPDATE OF o)
        UPDATE orders o SET fulfilment_status = 'WAITING', fulfilment_reason = NULL, updated_at = $3
        FROM again WHERE o.id = again.id
        """,
        [telling.order_id for telling in tellings],
        [telling.told_at for telling in tellings],
        now,
    )


# An order that awaits a deposit, or about which Toss is being asked, does not end. `o` is the order's row.
_DEPOSIT_AWAITED: Final = "EXISTS (SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'WAITING_FOR_DEPOSIT')"
_QUESTION_OPEN: Final = """
    EXISTS (SELECT FROM payments p JOIN payment_transactions t ON t.payment_id = p.id
            WHERE p.order_id = o.id AND t.status = 'pending' AND t.type NOT IN ('status_read', 'webhook_received'))
    """


@dataclass(frozen=True, slots=True)
class Ended:
    """What one batch of overdue orders came to: ``seen`` were looked at, ``expired`` are over."""

    seen: int
    expired: list[Order]


async def expire_overdue(
    conn: Connection, now: datetime, *, limit: int, deposit_until: datetime, question_until: datetime
) -> Ended:
    """Expire open orders past their time; one that may not end yet is put off, and stands in nobody's way."""
    # Two statements: only a fresh look, once the rows are held, sees the attempts committed while we waited.
    held = await conn.fetch(
        """
        SELECT id FROM orders WHERE status = 'PENDING_PAYMENT' AND greatest(expires_at, expiry_put_off_until) <= $1
        ORDER BY greatest(expires_at, expiry_put_off_until) LIMIT $2 FOR UPDATE SKIP LOCKED
        """,
        now,
        limit,
    )
    expired = await expire(conn, [row["id"] for row in held], now)
    over = {order.id for order in expired}
    await conn.execute(
        f"""
        UPDATE orders o SET expiry_put_off_until = CASE WHEN {_DEPOSIT_AWAITED} THEN $2::timestamptz ELSE $3 END
        WHERE o.id = ANY ($1)
        """,
        [row["id"] for row in held if row["id"] not in over],
        deposit_until,
        question_until,
    )
    return Ended(seen=len(held), expired=expired)


async def expire(conn: Connection, order_ids: list[OrderId], now: datetime) -> list[Order]:
    """Expire these orders, held by the caller, except what may not end yet; return those that are over."""
    rows = await conn.fetch(
        f"""
        UPDATE orders o SET status = 'EXPIRED', updated_at = $2
        WHERE o.id = ANY ($1) AND o.status = 'PENDING_PAYMENT' AND o.expires_at <= $2
          AND NOT {_DEPOSIT_AWAITED} AND NOT {_QUESTION_OPEN}
        RETURNING {_COLUMNS}
        """,
        order_ids,
        now,
    )
    return [order for row in rows if (order := _order(row))]


async def obstacle_of(conn: Connection, order_id: OrderId) -> Obstacle | None:
    """Return why an order, held by the caller, cannot be closed now; None where nothing stands in the way."""
    row = await conn.fetchrow(
        f"SELECT {_QUESTION_OPEN} AS question, {_DEPOSIT_AWAITED} AS deposit FROM orders o WHERE o.id = $1", order_id
    )
    if row is None:
        return None
    return Obstacle.QUESTION if row["question"] else Obstacle.DEPOSIT if row["deposit"] else None


async def extend(conn: Connection, order_id: OrderId, expires_at: datetime, now: datetime) -> None:
    await conn.execute("UPDATE orders SET expires_at = $2, updated_at = $3 WHERE id = $1", order_id, expires_at, now)


async def count_open_of_user(conn: Connection, user_id: UserId, now: datetime) -> int:
    """Count the unpaid orders that a user has placed and that are not over, or await a deposit.

    Nobody else counts at the same time.
    """
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('orders of ' || $1, 0))", str(user_id))
    found: int = await conn.fetchval(
        f"""
        SELECT count(*) FROM orders o
        WHERE user_id = $1 AND status = 'PENDING_PAYMENT' AND made_by = 'user'
          AND (expires_at > $2 OR {_DEPOSIT_AWAITED})
        """,
        user_id,
        now,
    )
    return found


def _order(row: Any) -> Order | None:
    if row is None:
        return None
    return Order(
        **{
            **dict(row),
            "order_no": OrderNo(row["order_no"]),
            "user_id": UserId(row["user_id"]),
            "amount": Krw(row["amount"]),
            "tax_free_amount": Krw(row["tax_free_amount"]),
            "status": OrderStatus(row["status"]),
            "made_by": Maker(row["made_by"]),
            "fulfilment_status": FulfilmentStatus(row["fulfilment_status"]),
        }
    )
