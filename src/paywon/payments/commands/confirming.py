"""Confirm: the customer has authenticated at Toss, and now the money moves. Both families of doors end here."""

from dataclasses import dataclass, replace

from paywon.base.ids import AttemptId, OrderNo, PaymentKey, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.orders.model import PAID_ONCE, Order
from paywon.payments import store
from paywon.payments.commands.asking import recorded
from paywon.payments.commands.cashier import Cashier, Intent, Origin, begun_before, new_attempt
from paywon.payments.commands.paying import Intended, amount_refused, check_can_pay, go_on, lock_to_pay, order_no_of
from paywon.payments.commands.queries import PaymentView
from paywon.payments.commands.settling import error_of, is_over
from paywon.payments.model import AttemptStatus, AttemptType, Payment, PaymentStatus
from paywon.toss.wire import ConfirmPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What the browser brings back from Toss. None of it is trusted: the order says what is paid."""

    payment_key: PaymentKey
    order_no: OrderNo
    amount: Krw


async def confirm_payment(cashier: Cashier, told: Confirmation, origin: Origin) -> PaymentView:
    """Have Toss approve a payment, once, and answer what is then known.

    A second confirm of the same payment answers the same; while one is running, the payment is shown as it is
    with its open attempt.

    Raises:
        PaywonError: the order cannot be paid, the amount differs, or Toss refused.
    """
    told = replace(told, order_no=await order_no_of(cashier, told.order_no))
    async with cashier.db.transaction(about=told.order_no) as conn:
        intent = await _intend(conn, cashier, told, origin)
    return await go_on(cashier, intent)


async def _intend(conn: Connection, cashier: Cashier, told: Confirmation, origin: Origin) -> Intended:
    """Write the open attempt; or answer the payment that needs none, or why there can be none."""
    attempt_id = AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        return begun
    payable = await lock_to_pay(conn, cashier, told.order_no, origin)
    order, payment = payable.order, payable.payment
    attempt = new_attempt(
        cashier,
        AttemptType.PAYMENT_CONFIRMATION,
        payment,
        origin,
        amount=told.amount,
        payment_key=told.payment_key,
        attempt_id=attempt_id,
    )
    told_body = {"orderId": told.order_no, "amount": told.amount}
    if (refused := await amount_refused(conn, payable, attempt, told.amount, told_body)) is not None:
        return refused
    if _is_done(order, payment, told):
        return payment
    earlier = await store.last_confirm(conn, payment.id, told.payment_key)
    if earlier is not None and earlier.status is AttemptStatus.PENDING:
        return payment
    if earlier is not None and is_over(earlier):
        raise error_of(earlier)  # Toss would only say ALREADY_PROCESSED_PAYMENT
    check_can_pay(payable, cashier.clock.now())
    body = ConfirmPayment(payment_key=told.payment_key, order_id=order.order_no, amount=order.amount)
    intent = recorded(cashier, Intent(payment=payment, attempt=attempt, body=body))
    await store.open_attempt(conn, intent.attempt)
    return intent


def _is_done(order: Order, payment: Payment, told: Confirmation) -> bool:
    """Whether this very confirmation has been carried out before, as a repeat of it wants to know."""
    paid = order.status in PAID_ONCE
    issued = payment.status is PaymentStatus.WAITING_FOR_DEPOSIT
    same = (payment.payment_key, order.amount) == (told.payment_key, told.amount)
    return (paid or issued) and same
