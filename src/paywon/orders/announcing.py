"""What events say of an order. Pure."""

from datetime import datetime

from paywon.orders.model import Order
from paywon.outbox.model import Event, EventType, OrderEvent, OrderMaybePaymentEvent, OrderTold, new_event


def order_told(order: Order) -> OrderTold:
    """Answer what may be told of an order."""
    return OrderTold(
        id=order.id,
        order_no=order.order_no,
        status=order.status.value,
        amount=order.amount,
        currency=order.currency,
        resource_type=order.resource_type,
        resource_id=order.resource_id,
    )


def expired_event(order: Order, now: datetime) -> Event:
    """Tell that nobody can pay an order any more."""
    return new_event(EventType.ORDER_EXPIRED, order.id, OrderEvent(order=order_told(order)), now)


def withdrawn_event(order: Order, now: datetime) -> Event:
    """Tell that an unpaid order was withdrawn or displaced; no payment did it."""
    data = OrderMaybePaymentEvent(order=order_told(order), payment=None)
    return new_event(EventType.ORDER_CANCELED, order.id, data, now)
