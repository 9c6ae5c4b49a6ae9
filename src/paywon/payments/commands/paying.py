"""What every way to pay an order has in common: confirm, virtual account, billing charge."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, order_named
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import Order, check_payable
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Intent, Origin
from paywon.payments.commands.learning import lock_or_open_payment
from paywon.payments.commands.queries import PaymentView, view
from paywon.payments.commands.resolving import carry_out
from paywon.payments.model import Attempt, AttemptStatus, Payment

# What has to be asked, the attempt that asks it already, the payment that needs no more asking, or why not to ask.
Intended: TypeAlias = Intent | Attempt | Payment | PaywonError


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """A locked order with its locked payment."""

    order: Order
    payment: Payment


async def order_no_of(cashier: Cashier, name: OrderNo) -> OrderNo:
    """Return the number of an order that was named by its number or its UUID; what names none stays as it is."""
    order_id = order_named(name)
    if isinstance(order_id, str):
        return name
    async with cashier.db.connection() as conn:
        return await orders.number_of(conn, order_id) or name


async def lock_to_pay(conn: Connection, cashier: Cashier, order_no: OrderNo, origin: Origin) -> Payable:
    """Lock an order and its payment; the payment's row is made the first time.

    Raises:
        PaywonError: ORDER_NOT_FOUND, also for somebody else's; ORDER_ALREADY_PAID for one of 0 won.
    """
    order = await orders.lock_by_no(conn, order_no)
    if order is None or origin.owner not in (None, order.user_id):
        raise PaywonError("ORDER_NOT_FOUND", field="orderId")
    if order.is_free:
        raise PaywonError("ORDER_ALREADY_PAID")  # of 0 won: it has no payment, and never gets one
    return Payable(order=order, payment=await lock_or_open_payment(conn, order, cashier.clock.now()))


def check_can_pay(payable: Payable, now: datetime) -> None:
    """See that nothing stands in the way of paying.

    Raises:
        PaywonError: the order is over, or the deposit of an account that was issued may still come.
    """
    if payable.payment.awaits_deposit:
        raise PaywonError("DEPOSIT_AWAITED")
    check_payable(payable.order, now)


async def go_on(cashier: Cashier, intended: Intended) -> PaymentView:
    """Ask what was intended and answer what is then known; or what is known already, where there is nothing to ask.

    Raises:
        PaywonError: it was refused before Toss was asked, or Toss refused.
    """
    match intended:
        case PaywonError():
            raise intended  # its audit row had to be committed first
        case Attempt() | Intent():
            return await carry_out(cashier, intended)
        case Payment():
            shown = await view(cashier, payment_id=intended.id)
            # What else may be running on it, say a refund, is not this caller's question.
            return shown if shown.confirming else replace(shown, attempt=None)


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
