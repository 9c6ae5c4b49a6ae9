"""*Ask*: the call to Toss that an intent stands for. No transaction is open, no connection is held."""

from dataclasses import replace
from typing import Any, assert_never

from paywon.base.redaction import redact
from paywon.payments.commands.cashier import Cashier, Intent
from paywon.payments.commands.queries import PaymentView, view
from paywon.payments.commands.settling import error_of, settle
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, Payment, PaymentMethod
from paywon.toss import wire
from paywon.toss.outcome import Answer
from paywon.toss.wire import CancelPayment, ConfirmPayment, CreatePayment

# Seed 1's words for the means of payment, and Toss's (api.md 5.1, codes.md).
_TOSS_METHOD = {
    PaymentMethod.CARD: "CARD",
    PaymentMethod.TRANSFER: "TRANSFER",
    PaymentMethod.VIRTUAL_ACCOUNT: "VIRTUAL_ACCOUNT",
    PaymentMethod.MOBILE: "MOBILE_PHONE",
}


async def ask_and_learn(cashier: Cashier, intent: Intent) -> None:
    """Ask Toss what the intent says and learn from the answer, whatever it is."""
    asked_at = cashier.clock.now()
    answer = await ask(cashier, intent)
    await settle(cashier, intent, answer, asked_at=asked_at)


async def conclude(cashier: Cashier, attempt: Attempt) -> PaymentView:
    """Answer what an attempt has come to: the payment as it now is, with the attempt open or closed.

    Raises:
        PaywonError: Toss refused it, or it could not be sent.
    """
    assert attempt.payment_id is not None, "what is concluded here is about a payment"
    shown = await view(cashier, payment_id=attempt.payment_id, attempt_id=attempt.id)
    if shown.attempt is not None and shown.attempt.status is AttemptStatus.FAILED:
        raise error_of(shown.attempt)
    return shown


async def ask(cashier: Cashier, intent: Intent) -> Answer[wire.Payment]:
    """Ask once, with the attempt's own key; asking again with it sends the same body (I10)."""
    key = intent.attempt.idempotency_key
    assert key is not None, "only writes are asked here"
    body = body_of(intent)
    match body:
        case CreatePayment():
            return await cashier.toss.create_payment(body, idempotency_key=key)
        case ConfirmPayment():
            return await cashier.toss.confirm(body, idempotency_key=key)
        case CancelPayment():
            payment_key = intent.attempt.payment_key
            assert payment_key is not None, "only a payment that Toss has named is cancelled"
            return await cashier.toss.cancel(payment_key, body, idempotency_key=key)
        case _:
            assert_never(body)


def body_of(intent: Intent) -> CreatePayment | ConfirmPayment | CancelPayment:
    """Build the request body from what is on record, so that a repeat after a crash is the same."""
    payment, attempt, cancel = intent.payment, intent.attempt, intent.cancel
    if attempt.type is AttemptType.PAYMENT_REQUEST:
        return _create_body(payment, attempt.request_data or {})
    if attempt.type is AttemptType.PAYMENT_CONFIRMATION:
        assert attempt.payment_key is not None, "a confirmation names its payment"
        return ConfirmPayment(payment_key=attempt.payment_key, order_id=payment.order_no, amount=payment.total_amount)
    assert cancel is not None, "a cancellation has its reserved row"
    expected_balance = (attempt.request_data or {}).get("refundableAmount")
    return CancelPayment(
        cancel_reason=cancel.cancel_reason,
        # Absent means all of the balance, and only one single full cancel makes Toss say CANCELED (api.md 2 [M]).
        cancel_amount=None if cancel.cancel_amount == expected_balance else cancel.cancel_amount,
        tax_free_amount=cancel.tax_free_amount or None,
        # The guard of api.md 5.4: if the balance is not what we think, Toss cancels nothing.
        refundable_amount=expected_balance,
        refund_receive_account=intent.refund_account,
    )


def recorded(intent: Intent) -> Intent:
    """Copy an intent with its body, redacted, as the attempt's ``request_data``."""
    body: dict[str, Any] = redact(body_of(intent).as_dict())
    return replace(intent, attempt=replace(intent.attempt, request_data=body))


def _create_body(payment: Payment, request_data: dict[str, Any]) -> CreatePayment:
    customer = payment.customer or {}
    assert payment.payment_method is not None, "a payment request names its means of payment"
    return CreatePayment(
        method=_TOSS_METHOD[payment.payment_method],
        amount=payment.total_amount,
        order_id=payment.order_no,
        order_name=payment.order_name or payment.order_no,
        success_url=request_data["successUrl"],
        fail_url=request_data["failUrl"],
        customer_name=customer.get("name"),
        customer_email=customer.get("email"),
        tax_free_amount=payment.tax_free_amount or None,
    )
