"""Charges an order to a billing key: the customer authorised it once and is not asked again.

No webhook tells of a charge that came through (toss/api.md 7), so only the answer or a read can.
"""

from dataclasses import dataclass, field, replace

from paywon.base.ids import AttemptId, BillingKeyId, OrderNo, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.payments import store
from paywon.payments.commands.asking import recorded
from paywon.payments.commands.cashier import Cashier, Intent, Origin, begun_before, new_attempt
from paywon.payments.commands.paying import (
    Intended,
    Payable,
    amount_refused,
    check_can_pay,
    go_on,
    lock_to_pay,
    order_no_of,
)
from paywon.payments.commands.queries import PaymentView
from paywon.payments.minima import check_minimum
from paywon.payments.model import AttemptStatus, AttemptType, PaymentMethod
from paywon.toss.wire import ChargeBillingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeWish:
    """Which order is charged to which key. ``period`` is charged once per key (I12), such as ``2026-11``."""

    order_no: OrderNo
    billing_key_id: BillingKeyId
    billing_key: str = field(repr=False)
    customer_key: str
    method: PaymentMethod = PaymentMethod.CARD
    amount: Krw | None = None
    order_name: str | None = None
    period: str | None = None
    customer_email: str | None = None
    customer_name: str | None = None
    customer_ip: str | None = None


async def charge_order(cashier: Cashier, wish: ChargeWish, origin: Origin) -> PaymentView:
    """Have Toss charge an order to a billing key, once; a second wish with the same key answers the same payment.

    Raises:
        PaywonError: the order cannot be paid, the amount differs, the period is charged, or Toss refused.
    """
    wish = replace(wish, order_no=await order_no_of(cashier, wish.order_no))
    async with cashier.db.transaction(about=wish.order_no) as conn:
        intent = await _intend(conn, cashier, wish, origin)
    return await go_on(cashier, intent)


async def _intend(conn: Connection, cashier: Cashier, wish: ChargeWish, origin: Origin) -> Intended:
    attempt_id = AttemptId(new_uuid())
    if (begun := await begun_before(conn, cashier, origin, attempt_id)) is not None:
        return begun
    payable = await lock_to_pay(conn, cashier, wish.order_no, origin)
    attempt = replace(
        new_attempt(
            cashier,
            AttemptType.BILLING_CHARGE,
            payable.payment,
            origin,
            amount=payable.order.amount,
            attempt_id=attempt_id,
        ),
        billing_key_id=wish.billing_key_id,
        billing_period=wish.period,
    )
    told = {"orderId": wish.order_no, "amount": wish.amount}
    if (refused := await amount_refused(conn, payable, attempt, wish.amount, told)) is not None:
        return refused
    earlier = await store.last_charge(conn, payable.payment.id, wish.billing_key_id)
    if earlier is not None and earlier.status is AttemptStatus.PENDING:
        return earlier
    if earlier is not None and earlier.status is AttemptStatus.SUCCESS:
        return payable.payment
    check_minimum(payable.order.amount, wish.method)
    check_can_pay(payable, cashier.clock.now())
    body = _body(payable, wish)
    intent = recorded(
        cashier, Intent(payment=payable.payment, attempt=attempt, body=body, billing_key=wish.billing_key)
    )
    await store.open_attempt(conn, intent.attempt)
    return intent


def _body(payable: Payable, wish: ChargeWish) -> ChargeBillingKey:
    return ChargeBillingKey(
        amount=payable.order.amount,
        customer_key=wish.customer_key,
        order_id=payable.order.order_no,
        order_name=wish.order_name or payable.order.order_name,
        customer_email=wish.customer_email,
        customer_name=wish.customer_name,
        customer_ip=wish.customer_ip,
        tax_free_amount=payable.order.tax_free_amount or None,
    )
