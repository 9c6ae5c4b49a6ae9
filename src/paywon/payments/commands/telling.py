"""Writes the events of payments, within the transaction of the change that they tell of."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from paywon.capsules import store as capsules
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import FulfilmentKind, FulfilmentStatus, Order
from paywon.outbox import store as outbox
from paywon.outbox.model import Event, EventType
from paywon.payments import store
from paywon.payments.announcing import (
    DOUBTS_TOLD,
    Books,
    blocked,
    capsule_events,
    doubt,
    events_of,
    moves_capsule,
    paid_free,
    refused,
    requested,
    unapplied,
)
from paywon.payments.model import Attempt, Payment
from paywon.strays.model import Stray

# Why an order that the application is told of by event is not handed over: nobody listens to order.paid.
NO_ENDPOINT: Final = "NO_ENDPOINT"


async def tell_requested(conn: Connection, order: Order, payment: Payment, now: datetime) -> None:
    """Tell that somebody has begun to pay an order."""
    await outbox.append(conn, [requested(order, payment, now)], now)


async def tell_change(conn: Connection, before: Books, after: Books, now: datetime) -> Order:
    """Tell what became of a locked order and its payment; answer the order, blocked where nobody is there to be told.

    Costs one statement where there is anything to tell, and one more where a capsule is among it.
    """
    capsule = None
    if moves_capsule(before.order, after.order):
        capsule = await capsules.by_order(conn, after.order.id)
    return await _tell(conn, after.order, after.payment, events_of(before, after, now, capsule=capsule), now)


async def tell_free(conn: Connection, before: Order, after: Order, now: datetime) -> Order:
    """Tell that an order of 0 won is paid, and of its capsule; return the order as ``tell_change`` does."""
    capsule = await capsules.by_order(conn, after.id) if moves_capsule(before, after) else None
    events = [paid_free(after, now), *capsule_events(before, after, capsule, now)]
    if after.fulfilment_status is FulfilmentStatus.BLOCKED:
        events.append(blocked(after, None, now))
    return await _tell(conn, after, None, events, now)


async def _tell(conn: Connection, order: Order, payment: Payment | None, events: list[Event], now: datetime) -> Order:
    unheard = await outbox.append(conn, events, now)
    paid = [event.id for event in events if event.type is EventType.ORDER_PAID]
    if not unheard.intersection(paid) or order.fulfilment_kind != FulfilmentKind.EVENT:
        return order
    stuck = replace(order, fulfilment_status=FulfilmentStatus.BLOCKED, fulfilment_reason=NO_ENDPOINT)
    await orders.set_fulfilment(conn, order.id, stuck.fulfilment_status, stuck.fulfilment_reason, now)
    await outbox.append(conn, [blocked(stuck, payment, now)], now)
    return stuck


async def tell_refused(
    conn: Connection, order: Order, before: Payment, after: Payment, attempt: Attempt, now: datetime
) -> None:
    """Tell that Toss refused an attempt to pay."""
    was, is_ = Books(order=order, payment=before), Books(order=order, payment=after)
    await outbox.append(conn, refused(was, is_, attempt, now), now)


async def tell_unapplied(conn: Connection, stray: Stray, now: datetime) -> None:
    """Tell once of money that no order can take and that waits for a person to send it back."""
    if stray.last_error is None:
        return
    payment = await store.by_id(conn, stray.payment_id)
    order = await orders.by_id(conn, payment.order_id) if payment else None
    assert payment is not None and order is not None, "neither is ever deleted"
    await outbox.append(conn, [unapplied(Books(order=order, payment=payment), stray, now)], now)


async def tell_doubt(conn: Connection, kind: EventType, attempt: Attempt, now: datetime) -> None:
    """Tell that an open question has become a case for the desk, or has ceased to be one."""
    if attempt.type not in DOUBTS_TOLD or attempt.payment_id is None:
        return
    payment = await store.by_id(conn, attempt.payment_id)
    order = await orders.by_id(conn, payment.order_id) if payment else None
    assert payment is not None and order is not None, "neither is ever deleted"
    await outbox.append(conn, [doubt(kind, Books(order=order, payment=payment), attempt, now)], now)
