"""Has a paid order's fulfilment wait, run, or be taken back, within the transaction that holds the order."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from paywon.db.pool import Connection
from paywon.fulfilments.commands import Fulfilments
from paywon.orders import store as orders
from paywon.orders.model import STANDING, FulfilmentKind, FulfilmentStatus, Order, OrderStatus

# Why a paid order's fulfilment waits, and why it was taken back.
DEPOSIT_HELD: Final = "DEPOSIT_HELD"
DEPOSIT_REVERSED: Final = "DEPOSIT_REVERSED"
# A hand-over that only took too long is tried again, first after this, then after as long as it has been tried already.
TRY_AGAIN: Final = timedelta(seconds=30)
TRIED_FOR: Final = timedelta(minutes=10)


async def await_fulfilment(conn: Connection, order: Order, now: datetime, *, reason: str | None) -> Order:
    """Have a paid order's fulfilment wait; again, where a bank had taken an earlier deposit back."""
    same = (order.fulfilment_status, order.fulfilment_reason) == (FulfilmentStatus.WAITING, reason)
    if order.fulfilment_kind == FulfilmentKind.NONE or same:
        return order
    return await _set(conn, order, FulfilmentStatus.WAITING, reason, now)


async def fulfil(
    conn: Connection, order: Order, now: datetime, fulfilments: Fulfilments, *, may_wait: bool = False
) -> Order:
    """Hand over what a paid order is for; answer the order, BLOCKED where that cannot be done.

    ``may_wait``: somebody tries again at ``next_try``, so what only took too long leaves it WAITING.
    """
    if order.fulfilment_kind == FulfilmentKind.EVENT:
        # The application hands over: it is told by order.paid, and the order waits until somebody has taken that.
        return await await_fulfilment(conn, order, now, reason=None)
    obstacle = await fulfilments.fulfil(conn, order, now)
    if obstacle is None:
        return await _set(conn, order, FulfilmentStatus.FULFILLED, None, now)
    waits = may_wait and obstacle.may_pass and now - _tried_since(order, now) < TRIED_FOR
    status = FulfilmentStatus.WAITING if waits else FulfilmentStatus.BLOCKED
    return await _set(conn, order, status, obstacle.reason, now)


def next_try(order: Order, now: datetime) -> datetime | None:
    """Return when to try a hand-over again that only took too long; None where there is none."""
    reason = order.fulfilment_reason
    if order.fulfilment_status is not FulfilmentStatus.WAITING or reason in (None, DEPOSIT_HELD):
        return None
    return now + max(TRY_AGAIN, now - _tried_since(order, now))


def _tried_since(order: Order, now: datetime) -> datetime:
    """Return when an order was first tried to be handed over: that is when it begins to count as paid outside."""
    return order.paid_told_at or now


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
