"""Seed 1's ``POST /payments/request``: an order, its payment and the page where the customer pays."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, new_uuid
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.commands import OrderWish, add_order, close_unpaid, keep_open
from paywon.orders.model import Maker, Order
from paywon.payments import store
from paywon.payments.commands.asking import recorded
from paywon.payments.commands.cashier import Cashier, Intent, Origin, begun_before, new_attempt
from paywon.payments.commands.learning import lock_or_open_payment, new_payment, open_payment
from paywon.payments.commands.queries import PaymentView
from paywon.payments.commands.resolving import carry_out
from paywon.payments.minima import check_minimum
from paywon.payments.model import Attempt, AttemptType, Payment, PaymentMethod
from paywon.toss.wire import CreatePayment

# Seed 1's words for the means of payment, and Toss's (toss/api.md 5.1, toss/codes.md).
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
    """Create an order with its payment and open Toss's payment window for it; or a new window for the order there is.

    Answers the payment; its ``checkout_url`` is None while Toss has not answered yet.

    Raises:
        PaywonError: AMOUNT_BELOW_MINIMUM, DUPLICATE_PAYMENT (with the order that is open), or what Toss refused.
    """
    check_minimum(wish.order.amount, wish.method)
    async with cashier.db.transaction() as conn:
        intent = await _intend(conn, cashier, wish, origin)
    return await carry_out(cashier, intent)


async def _intend(conn: Connection, cashier: Cashier, wish: PaymentWish, origin: Origin) -> Intent | Attempt:
    now, attempt_id = cashier.clock.now(), AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        return begun
    standing = await _standing(conn, wish.order, now)
    if standing is None:
        payment = await _place(conn, cashier, wish, origin, now)
    else:
        payment = await _reopen(conn, cashier, standing, wish, origin, now)
    attempt = new_attempt(
        cashier, AttemptType.PAYMENT_REQUEST, payment, origin, amount=payment.total_amount, attempt_id=attempt_id
    )
    intent = recorded(cashier, Intent(payment=payment, attempt=attempt, body=_body(cashier, payment, wish)))
    await store.open_attempt(conn, intent.attempt)
    return intent


async def _standing(conn: Connection, wish: OrderWish, now: datetime) -> Order | None:
    """Find the open order that a request goes on with; one of another price is closed, and gives way.

    Raises:
        PaywonError: DUPLICATE_PAYMENT, Toss is being asked about that order, or it awaits a deposit.
    """
    if wish.resource_id is None:
        return None
    order = await orders.lock_for_resource(conn, wish.resource_type, wish.resource_id)
    if order is None or order.user_id != wish.user_id or order.expires_at <= now:
        return None  # nothing stands there, or placing the new order says what becomes of it
    if await orders.obstacle_of(conn, order.id) is not None or not _may_go_on(order, wish):
        raise await _duplicate(conn, order)
    if _is_continued(order, wish):
        return order
    await close_unpaid(conn, order, now)
    return None


def _may_go_on(order: Order, wish: OrderWish) -> bool:
    """Whether a request may go on with the open order, or close it: a user's token closes none of a server's."""
    return _is_continued(order, wish) or order.made_by is Maker.USER or wish.made_by is Maker.SERVER


def _is_continued(order: Order, wish: OrderWish) -> bool:
    """Whether a request is about what the open order asks for, so that a new window for it is enough.

    A server does not go on with what a user's token has placed: what that asks for is not the server's word.
    """
    same = (order.amount, order.tax_free_amount) == (wish.amount, wish.tax_free_amount)
    return same and not (order.made_by is Maker.USER and wish.made_by is Maker.SERVER)


async def _place(conn: Connection, cashier: Cashier, wish: PaymentWish, origin: Origin, now: datetime) -> Payment:
    order = await add_order(conn, wish.order, now=now, time_to_pay=cashier.time_to_pay, limits=cashier.limits)
    payment = replace(new_payment(order, now), **_window_columns(wish, origin))
    await open_payment(conn, order, payment, now)
    return payment


async def _reopen(
    conn: Connection, cashier: Cashier, order: Order, wish: PaymentWish, origin: Origin, now: datetime
) -> Payment:
    """Have an order's payment follow a new window; the old window's address is given out no more."""
    await keep_open(conn, order, now=now, time_to_pay=cashier.time_to_pay, limits=cashier.limits)
    payment = await lock_or_open_payment(conn, order, now)
    return await store.update_payment(conn, payment.id, now, checkout_url=None, **_window_columns(wish, origin))


def _window_columns(wish: PaymentWish, origin: Origin) -> dict[str, Any]:
    """Return the columns of a payment that follow its newest window."""
    return {
        "payment_method": wish.method,
        "customer": wish.customer or None,
        "description": wish.description,
        "ip_address": origin.ip_address,
        "user_agent": origin.user_agent,
    }


def _body(cashier: Cashier, payment: Payment, wish: PaymentWish) -> CreatePayment:
    return CreatePayment(
        method=_TOSS_METHOD[wish.method],
        amount=payment.total_amount,
        order_id=toss_order_id(payment),
        order_name=payment.order_name or payment.order_no,
        success_url=wish.success_url or f"{cashier.app_base_url}/payments/success",
        fail_url=wish.fail_url or f"{cashier.app_base_url}/payments/fail",
        customer_name=wish.customer.get("name"),
        customer_email=wish.customer.get("email"),
        customer_mobile_phone=wish.customer.get("mobilePhone"),
        tax_free_amount=wish.order.tax_free_amount or None,
    )


def toss_order_id(payment: Payment) -> str:
    """Return what a payment window is opened with as Toss's orderId: every window of an order has the order's number.

    [inferred] Toss lets an orderId be used for another window until a payment under it was approved: its refusal
    DUPLICATED_ORDER_ID speaks of numbers that were "approved or cancelled" (toss/api.md, error-codes.json). Should it
    refuse a second window, this is the place to make a number for each.
    """
    return payment.order_no


async def _duplicate(conn: Connection, order: Order) -> PaywonError:
    """Say which order is open, so that it can be looked at. No window: it is being paid in, or is not open yet."""
    payment = await store.by_order_no(conn, order.order_no)
    known = {
        "orderId": str(order.id),
        "orderNo": order.order_no,
        "paymentId": str(payment.id) if payment else None,
        "checkoutUrl": None,
    }
    return PaywonError("DUPLICATE_PAYMENT", field="resourceId", extra=known)
