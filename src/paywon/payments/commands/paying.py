"""What every way to pay an order has in common before Toss is asked: confirm, virtual account, billing charge."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import Order, check_payable
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.learning import lock_or_open_payment
from paywon.payments.model import Attempt, AttemptStatus, Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """A locked order with its locked payment."""

    order: Order
    payment: Payment


async def lock_to_pay(conn: Connection, cashier: Cashier, order_no: OrderNo, origin: Origin) -> Payable:
    """Lock an order and its payment; the payment's row is made the first time.

    Raises:
        PaywonError: ORDER_NOT_FOUND, also for somebody else's.
    """
    order = await orders.lock_by_no(conn, order_no)
    if order is None or origin.owner not in (None, order.user_id):
        raise PaywonError("ORDER_NOT_FOUND", field="orderId")
    return Payable(order=order, payment=await lock_or_open_payment(conn, order, cashier.clock.now()))


def check_can_pay(payable: Payable, now: datetime) -> None:
    """See that nothing stands in the way of paying.

    Raises:
        PaywonError: the order is over, or the deposit of an account that was issued may still come.
    """
    if payable.payment.awaits_deposit:
        raise PaywonError("DEPOSIT_AWAITED")
    check_payable(payable.order, now)


async def amount_refused(
    conn: Connection, payable: Payable, attempt: Attempt, told: Krw | None, told_body: dict[str, Any]
) -> PaywonError | None:
    """Compare a told amount with the order's; one that differs goes onto the audit trail, and Toss is never asked."""
    if told is None or told == payable.order.amount:
        return None
    error = PaywonError("AMOUNT_MISMATCH", field="amount", expected_krw=f"{payable.order.amount:,}")
    refused = replace(
        attempt,
        status=AttemptStatus.FAILED,
        idempotency_key=None,
        error_code=error.code,
        request_data=told_body,
        resolve_by=None,
        closed_at=attempt.created_at,
    )
    await store.open_attempt(conn, refused)
    return error
