"""All SQL of capsules."""

from dataclasses import astuple, fields
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import CapsuleId, OrderId, OrderNo, UserId
from paywon.capsules.model import Capsule, CapsuleStatus
from paywon.db.pool import Connection
from paywon.orders.model import TimeOption

_COLUMNS: Final = ", ".join(field.name for field in fields(Capsule))


async def insert(conn: Connection, capsule: Capsule) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(fields(Capsule)) + 1))
    await conn.execute(f"INSERT INTO capsules ({_COLUMNS}) VALUES ({marks})", *astuple(capsule))


async def by_id(conn: Connection, capsule_id: CapsuleId) -> tuple[Capsule, OrderNo] | None:
    """Fetch a capsule with its order's number."""
    columns = ", ".join(f"c.{field.name}" for field in fields(Capsule))
    row = await conn.fetchrow(
        f"SELECT {columns}, o.order_no FROM capsules c JOIN orders o ON o.id = c.order_id WHERE c.id = $1", capsule_id
    )
    if row is None:
        return None
    values = dict(row)
    order_no = OrderNo(values.pop("order_no"))
    capsule = _capsule(values)
    assert capsule is not None, "the row is there"
    return capsule, order_no


async def by_order(conn: Connection, order_id: OrderId) -> Capsule | None:
    query = f"SELECT {_COLUMNS} FROM capsules WHERE order_id = $1"
    return _capsule(await conn.fetchrow(query, order_id))


async def cancel(conn: Connection, order_id: OrderId, now: datetime) -> bool:
    """Cancel the order's capsule; answer whether there was a locked one."""
    done = await conn.execute(
        "UPDATE capsules SET status = 'CANCELED', canceled_at = $2 WHERE order_id = $1 AND status = 'LOCKED'",
        order_id,
        now,
    )
    return bool(done == "UPDATE 1")


async def lock_again(conn: Connection, order_id: OrderId, *, open_at: datetime) -> None:
    """Bring an order's cancelled capsule back, counted anew from now."""
    await conn.execute(
        "UPDATE capsules SET status = 'LOCKED', canceled_at = NULL, open_at = $2 WHERE order_id = $1",
        order_id,
        open_at,
    )


def _capsule(row: Any) -> Capsule | None:
    if row is None:
        return None
    return Capsule(
        **{
            **dict(row),
            "user_id": UserId(row["user_id"]),
            "time_option": TimeOption(row["time_option"]),
            "status": CapsuleStatus(row["status"]),
        }
    )
