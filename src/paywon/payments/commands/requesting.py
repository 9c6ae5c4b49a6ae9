"""Seed 1's ``POST /payments/request``: an order, its payment and the page where the customer pays."""

from dataclasses import dataclass, replace

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, new_uuid
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.commands import OrderWish, add_order
from paywon.payments import store
from paywon.payments.commands.asking import ask_and_learn, conclude, recorded
from paywon.payments.commands.cashier import Cashier, Intent, Origin, begun_before, new_attempt
from paywon.payments.commands.learning import new_payment, open_payment
from paywon.payments.commands.queries import PaymentView
from paywon.payments.model import Attempt, AttemptType, Payment, PaymentMethod
from paywon.toss.wire import CreatePayment

# Seed 1's words for the means of payment, and Toss's (api.md 5.1, codes.md).
_TOSS_METHOD = {
    PaymentMethod.CARD: "CARD",
    PaymentMethod.TRANSFER: "TRANSFER",
    PaymentMethod.VIRTUAL_ACCOUNT: "VIRTUAL_ACCOUNT",
    PaymentMethod.MOBILE: "MOBILE_PHONE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentWish:
    """What a payment request asks for. ``success_url``/``fail_url`` default to pages of the host application."""

    order: OrderWish
    method: PaymentMethod
    customer: dict[str, str]
    description: str | None
    success_url: str | None
    fail_url: str | None


async def request_payment(cashier: Cashier, wish: PaymentWish, origin: Origin) -> PaymentView:
    """Create an order with its payment and open Toss's payment window for it.

    Answers the payment; its ``checkout_url`` is None while Toss has not answered yet.

    Raises:
        PaywonError: DUPLICATE_PAYMENT (with the open payment), or what Toss refused.
    """
    try:
        async with cashier.db.transaction(about=wish.order.resource) as conn:
            intent = await _intend(conn, cashier, wish, origin)
    except PaywonError as error:
        if error.code == "DUPLICATE_PAYMENT":
            error.extra |= await _open_payment(cashier, wish.order)
        raise
    if isinstance(intent, Attempt):
        return await conclude(cashier, intent)
    await cashier.within_budget(ask_and_learn(cashier, intent))
    return await conclude(cashier, intent.attempt)


async def _intend(conn: Connection, cashier: Cashier, wish: PaymentWish, origin: Origin) -> Intent | Attempt:
    now, attempt_id = cashier.clock.now(), AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        return begun
    order = await add_order(conn, wish.order, now=now, time_to_pay=cashier.time_to_pay)
    payment = replace(
        new_payment(order, now),
        payment_method=wish.method,
        customer=wish.customer or None,
        description=wish.description,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
    )
    await open_payment(conn, order, payment, now)
    attempt = new_attempt(
        cashier, AttemptType.PAYMENT_REQUEST, payment, origin, amount=payment.total_amount, attempt_id=attempt_id
    )
    intent = recorded(cashier, Intent(payment=payment, attempt=attempt, body=_body(cashier, payment, wish)))
    await store.open_attempt(conn, intent.attempt)
    return intent


def _body(cashier: Cashier, payment: Payment, wish: PaymentWish) -> CreatePayment:
    return CreatePayment(
        method=_TOSS_METHOD[wish.method],
        amount=payment.total_amount,
        order_id=payment.order_no,
        order_name=payment.order_name or payment.order_no,
        success_url=wish.success_url or f"{cashier.app_base_url}/payments/success",
        fail_url=wish.fail_url or f"{cashier.app_base_url}/payments/fail",
        customer_name=wish.customer.get("name"),
        customer_email=wish.customer.get("email"),
        tax_free_amount=payment.tax_free_amount or None,
    )


async def _open_payment(cashier: Cashier, wish: OrderWish) -> dict[str, object]:
    """Tell the caller which payment is open, so that it can be continued."""
    assert wish.resource_id is not None, "only a resource can have a duplicate"
    async with cashier.db.connection() as conn:
        order = await orders.open_for_resource(conn, wish.resource_type, wish.resource_id)
        payment: Payment | None = await store.by_order_no(conn, order.order_no) if order else None
    if order is None or order.user_id != wish.user_id:
        return {}
    return {
        "orderNo": order.order_no,
        "paymentId": str(payment.id) if payment else None,
        "checkoutUrl": payment.checkout_url if payment else None,
    }
