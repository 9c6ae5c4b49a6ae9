"""Orders of 0 won: paid at once, without a provider and without a payment."""

from dataclasses import replace
from datetime import datetime

from paywon.db.pool import Connection
from paywon.fulfilments.commands import Fulfilments
from paywon.orders import store as orders
from paywon.orders.model import FulfilmentKind, Order, OrderStatus
from paywon.payments.commands import handing_over
from paywon.payments.commands.telling import tell_free


async def settle_free(conn: Connection, order: Order, now: datetime, fulfilments: Fulfilments) -> Order:
    """Make a new order of 0 won PAID and hand over what it is for, within the transaction that places it."""
    assert order.is_free, "whatever costs something is paid at Toss"
    await orders.set_status(conn, order.id, OrderStatus.PAID, now, paid_told_at=now)
    paid = replace(order, status=OrderStatus.PAID, paid_at=now, paid_told_at=now)
    if paid.fulfilment_kind != FulfilmentKind.NONE:
        paid = await handing_over.fulfil(conn, paid, now, fulfilments)
    return await tell_free(conn, order, paid, now)
