"""Charges an order to a billing key that a caller names."""

from dataclasses import dataclass

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, OrderNo, new_uuid
from paywon.base.money import Krw
from paywon.billing.commands.forgetting import forget_gone
from paywon.billing.commands.queries import find_key
from paywon.billing.commands.settling import opened
from paywon.billing.model import GONE, BillingKey, check_chargeable
from paywon.payments.commands.asking import conclude
from paywon.payments.commands.cashier import Cashier, Origin, begun_before
from paywon.payments.commands.charging import ChargeWish, charge_order
from paywon.payments.commands.queries import PaymentView
from paywon.payments.facts import method_of
from paywon.payments.model import PaymentMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a caller wants charged; ``customer_key`` is compared with the key's own, if it is given."""

    order_no: OrderNo
    amount: Krw | None = None
    customer_key: str | None = None
    order_name: str | None = None
    period: str | None = None
    customer_email: str | None = None
    customer_name: str | None = None
    customer_ip: str | None = None


async def charge_key(cashier: Cashier, name: str, charge: Charge, origin: Origin) -> PaymentView:
    """Charge an order to a billing key, by our id or by the key itself; as ``charge_order`` does it, once.

    Raises:
        PaywonError: BILLING_KEY_NOT_FOUND, BILLING_KEY_NOT_READY, BILLING_KEY_DELETED, BILLING_CUSTOMER_MISMATCH,
            or as ``charge_order``.
    """
    found = await find_key(cashier, name, origin)
    if charge.customer_key not in (None, found.key.customer_key):
        raise PaywonError("BILLING_CUSTOMER_MISMATCH", field="customerKey")
    try:
        check_chargeable(found)
    except PaywonError as error:
        return await _answer_again(cashier, origin, error)
    try:
        return await charge_order(cashier, _wish(found.key, opened(cashier, found.key), charge), origin)
    except PaywonError as error:
        if error.extra.get("providerCode") != GONE:
            raise
        await forget_gone(cashier, found.key.id)
        raise PaywonError("BILLING_KEY_DELETED", original_message=error.original_message, extra=error.extra) from error


async def _answer_again(cashier: Cashier, origin: Origin, refusal: PaywonError) -> PaymentView:
    """Answer a repeat of a charge that was begun while the key could still be charged; refuse anything else (I9).

    Raises:
        PaywonError: ``refusal``; what was taken of the idempotency key is rolled back with it.
    """
    async with cashier.db.transaction() as conn:
        begun = await begun_before(conn, cashier, origin, AttemptId(new_uuid()))
        if begun is None:
            raise refusal
    return await conclude(cashier, begun)


def _wish(key: BillingKey, secret: str, charge: Charge) -> ChargeWish:
    return ChargeWish(
        order_no=charge.order_no,
        billing_key_id=key.id,
        billing_key=secret,
        customer_key=key.customer_key,
        method=method_of(key.method) or PaymentMethod.CARD,
        amount=charge.amount,
        order_name=charge.order_name,
        period=charge.period,
        customer_email=charge.customer_email,
        customer_name=charge.customer_name,
        customer_ip=charge.customer_ip,
    )
