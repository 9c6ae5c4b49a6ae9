"""Has a paid order's fulfilment wait, run, or be taken back, within the transaction that holds the order."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from paywon.db.pool import Connection
from paywon.fulfilments.commands import Fulfilments
from paywon.orders import store as orders
from paywon.orders.model import STANDING, FulfilmentKind, FulfilmentStatus, Order, OrderStatus

# Why a paid order's fulfilment waits, and why it was taken back.
DEPOSIT_HELD: Final = "DEPOSIT_HELD"
DEPOSIT_REVERSED: Final = "DEPOSIT_REVERSED"


async def await_fulfilment(conn: Connection, order: Order, now: datetime, *, reason: str | None) -> Order:
    """Have a paid order's fulfilment wait; again, where a bank had taken an earlier deposit back."""
    same = (order.fulfilment_status, order.fulfilment_reason) == (FulfilmentStatus.WAITING, reason)
    if order.fulfilment_kind == FulfilmentKind.NONE or same:
        return order
    return await _set(conn, order, FulfilmentStatus.WAITING, reason, now)


async def fulfil(conn: Connection, order: Order, now: datetime, fulfilments: Fulfilments) -> Order:
    """Hand over what a paid order is for; answer the order, BLOCKED where that cannot be done."""
    if order.fulfilment_kind == FulfilmentKind.EVENT:
        # The application hands over: it is told by order.paid, and the order waits until somebody has taken that.
        return await await_fulfilment(conn, order, now, reason=None)
    obstacle = await fulfilments.fulfil(conn, order, now)
    status = FulfilmentStatus.BLOCKED if obstacle else FulfilmentStatus.FULFILLED
    return await _set(conn, order, status, obstacle, now)


async def reverse(
    conn: Connection, order: Order, now: datetime, fulfilments: Fulfilments, *, reason: str | None
) -> Order:
    """Take back what was handed over, if anything was; answer the order, BLOCKED where that cannot be done."""
    if order.fulfilment_kind == FulfilmentKind.NONE:
        return order
    handed_over = order.fulfilment_status is FulfilmentStatus.FULFILLED
    if handed_over and order.fulfilment_kind != FulfilmentKind.EVENT:
        return await _take_back(conn, order, now, fulfilments, reason=reason)
    return await _set(conn, order, FulfilmentStatus.REVERSED, reason, now)


async def try_again(conn: Connection, order: Order, now: datetime, fulfilments: Fulfilments) -> Order:
    """Do what a BLOCKED order waits for: hand over where it stands paid, take back where it does not."""
    if order.status in STANDING:
        return await fulfil(conn, order, now, fulfilments)
    reason = None if order.status is OrderStatus.REFUNDED else DEPOSIT_REVERSED
    return await _take_back(conn, order, now, fulfilments, reason=reason)


async def _take_back(
    conn: Connection, order: Order, now: datetime, fulfilments: Fulfilments, *, reason: str | None
) -> Order:
    trouble = await fulfilments.reverse(conn, order, now, reason)
    if trouble is not None:
        return await _set(conn, order, FulfilmentStatus.BLOCKED, trouble, now)
    return await _set(conn, order, FulfilmentStatus.REVERSED, reason, now)


async def _set(conn: Connection, order: Order, status: FulfilmentStatus, reason: str | None, now: datetime) -> Order:
    await orders.set_fulfilment(conn, order.id, status, reason, now)
    return replace(order, fulfilment_status=status, fulfilment_reason=reason)
