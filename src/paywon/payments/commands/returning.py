"""망취소: money for an order that cannot take it goes back to the customer, by an attempt of its own."""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, new_uuid
from paywon.orders import store as orders
from paywon.payments import store
from paywon.payments.commands.asking import recorded
from paywon.payments.commands.cancelling import RefundWish, refund_payment
from paywon.payments.commands.cashier import Cashier, Intent, Origin, new_attempt
from paywon.payments.commands.resolving import carry_out
from paywon.payments.commands.telling import tell_unapplied
from paywon.payments.model import AttemptType, Payment
from paywon.strays import store as strays
from paywon.strays.model import CANCEL_REASON, Stray, StrayReason
from paywon.toss.wire import CancelPayment, RefundReceiveAccount

_log = structlog.get_logger()
_ORIGIN: Final = Origin(actor="system:return")
# Another question about the payment is open, or its answer was lost: the claim runs out and it is tried again.
PASSING: Final = frozenset({"PAYMENT_IN_PROGRESS", "PROVIDER_UNAVAILABLE", "OUTCOME_UNKNOWN"})


async def return_due(cashier: Cashier, *, limit: int = 20) -> int:
    """Send back the stray money whose time has come; answer how many payments that were."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        due = await strays.claim_due(conn, now, lease_until=now + cashier.lease, limit=limit)
    outcomes = await asyncio.gather(*(_return(cashier, stray) for stray in due), return_exceptions=True)
    for stray, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            _log.error("stray money could not be sent back", stray=str(stray.id), exc_info=outcome)
    return len(due)


async def _return(cashier: Cashier, stray: Stray) -> None:
    try:
        await return_stray(cashier, stray, _ORIGIN, reason=CANCEL_REASON[stray.reason])
    except PaywonError as error:
        _log.error("stray money waits", stray=str(stray.id), code=error.code)
        if error.code in PASSING:
            return
        async with cashier.db.transaction() as conn:
            await strays.wait_for_person(conn, stray.id, error.code)
            await tell_unapplied(conn, replace(stray, last_error=error.code), cashier.clock.now())


async def return_stray(
    cashier: Cashier, stray: Stray, origin: Origin, *, reason: str, account: RefundReceiveAccount | None = None
) -> None:
    """Have Toss cancel all that is left under a stray paymentKey.

    Raises:
        PaywonError: another question is open on the payment, a deposit needs an account, or Toss refused.
    """
    async with cashier.db.connection() as conn:
        payment = await store.by_id(conn, stray.payment_id)
    assert payment is not None, "payments are never deleted"
    if payment.payment_key == stray.payment_key and stray.reason is not StrayReason.UNFIT:
        wish = RefundWish(
            kind=AttemptType.PAYMENT_CANCELLATION,
            reason=reason,
            amount=None,
            account=account,
            payment_key=stray.payment_key,
        )
        await refund_payment(cashier, payment.id, wish, origin)
    else:
        await _cancel_what_is_left(cashier, payment, stray, origin, reason=reason, account=account)


async def _cancel_what_is_left(
    cashier: Cashier,
    payment: Payment,
    stray: Stray,
    origin: Origin,
    *,
    reason: str,
    account: RefundReceiveAccount | None,
) -> None:
    """Cancel stray money; where a refusal had Toss read, and another balance was found, cancel that, once."""
    try:
        await _cancel_second(cashier, payment, stray, origin, reason=reason, account=account)
    except PaywonError as error:
        async with cashier.db.connection() as conn:
            left = await strays.by_id(conn, stray.id)
        if error.code != "PAYMENT_REFUSED" or left is None or left.balance_amount == stray.balance_amount:
            raise
        if left.returned_at is None:
            again = replace(origin, claim=None)
            await _cancel_second(cashier, payment, left, again, reason=reason, account=account)


async def _cancel_second(
    cashier: Cashier,
    payment: Payment,
    stray: Stray,
    origin: Origin,
    *,
    reason: str,
    account: RefundReceiveAccount | None,
) -> None:
    """Cancel money that our books do not hold: it does not touch the order's own payment, so no amount is reserved."""
    if stray.needs_account and account is None:
        raise PaywonError("REFUND_ACCOUNT_REQUIRED", field="refundReceiveAccount")
    attempt = new_attempt(
        cashier,
        AttemptType.PAYMENT_CANCELLATION,
        payment,
        origin,
        amount=stray.balance_amount,
        payment_key=stray.payment_key,
        attempt_id=AttemptId(new_uuid()),
    )
    # The guard of toss/api.md 5.4, unless Toss's own figures are what does not fit.
    left = None if stray.reason is StrayReason.UNFIT else stray.balance_amount
    body = CancelPayment(cancel_reason=reason, refundable_amount=left, refund_receive_account=account)
    intent = recorded(cashier, Intent(payment=payment, attempt=attempt, body=body))
    async with cashier.db.transaction(about=payment.order_no) as conn:
        await orders.lock_by_no(conn, payment.order_no)
        await store.open_attempt(conn, intent.attempt)
    await carry_out(cashier, intent)
