"""*Ask*: the call to Toss that an intent stands for. No transaction is open, no connection is held."""

from dataclasses import replace
from typing import Final, assert_never

import msgspec

from paywon.payments.commands.cashier import Body, Cashier, Intent
from paywon.payments.commands.queries import PaymentView, view
from paywon.payments.commands.recording import question_of, with_question
from paywon.payments.commands.settling import error_of, settle
from paywon.payments.model import REFUNDABLE, Attempt, AttemptStatus, AttemptType, Payment
from paywon.toss import wire
from paywon.toss.outcome import Answer
from paywon.toss.wire import CancelPayment, ChargeBillingKey, ConfirmPayment, CreatePayment, IssueVirtualAccount

_SHAPE: Final[dict[AttemptType, type[Body]]] = {
    AttemptType.PAYMENT_REQUEST: CreatePayment,
    AttemptType.PAYMENT_CONFIRMATION: ConfirmPayment,
    AttemptType.PAYMENT_CANCELLATION: CancelPayment,
    AttemptType.REFUND_REQUEST: CancelPayment,
    AttemptType.REFUND_AGAIN: CancelPayment,
    AttemptType.VIRTUAL_ACCOUNT_ISSUE: IssueVirtualAccount,
    AttemptType.BILLING_CHARGE: ChargeBillingKey,
}


async def ask_and_learn(cashier: Cashier, intent: Intent) -> Answer[wire.Payment]:
    """Ask Toss what the intent says, learn from the answer, whatever it is, and return it."""
    asked_at = cashier.clock.now()
    answer = await ask(cashier, intent)
    await settle(cashier, intent.payment, intent.attempt, answer, asked_at=asked_at)
    return answer


async def conclude(cashier: Cashier, attempt: Attempt) -> PaymentView:
    """Answer what an attempt has come to: the payment as it now is, with the attempt open or closed.

    Raises:
        PaywonError: Toss refused it, or it could not be sent.
    """
    assert attempt.payment_id is not None, "what is concluded here is about a payment"
    shown = await view(cashier, payment_id=attempt.payment_id, attempt_id=attempt.id)
    asked = shown.attempt
    if asked is not None and asked.status is AttemptStatus.FAILED and not _is_paid_all_the_same(asked, shown.payment):
        raise error_of(asked)
    return shown


def _is_paid_all_the_same(asked: Attempt, payment: Payment) -> bool:
    """Return whether a refused confirm is of a payment that a read since has shown to be approved under its key."""
    if asked.type is not AttemptType.PAYMENT_CONFIRMATION or asked.payment_key != payment.payment_key:
        return False
    return payment.approved_at is not None or payment.status in REFUNDABLE


async def ask(cashier: Cashier, intent: Intent) -> Answer[wire.Payment]:
    """Ask once, with the attempt's own key."""
    key = intent.attempt.idempotency_key
    assert key is not None, "only writes are asked here"
    body = intent.body
    match body:
        case CreatePayment():
            return await cashier.toss.create_payment(body, idempotency_key=key)
        case ConfirmPayment():
            return await cashier.toss.confirm(body, idempotency_key=key)
        case IssueVirtualAccount():
            return await cashier.toss.issue_virtual_account(body, idempotency_key=key)
        case ChargeBillingKey():
            assert intent.billing_key is not None, "a charge is put to a billing key"
            return await cashier.toss.charge_billing_key(intent.billing_key, body, idempotency_key=key)
        case CancelPayment():
            payment_key = intent.attempt.payment_key
            assert payment_key is not None, "only a payment that Toss has named is cancelled"
            return await cashier.toss.cancel(payment_key, body, idempotency_key=key)
        case _:
            assert_never(body)


def recorded(cashier: Cashier, intent: Intent) -> Intent:
    """Put an intent's question onto its attempt: a repeat sends the same body, whatever our books say by then."""
    attempt = with_question(cashier.ring, intent.attempt, intent.body, billing_key=intent.billing_key)
    return replace(intent, attempt=attempt)


def reopened(cashier: Cashier, payment: Payment, attempt: Attempt) -> Intent | None:
    """Answer the intent of an open attempt as it was recorded; None where its seal cannot be opened any more."""
    whole = question_of(cashier.ring, attempt)
    if whole is None:
        return None
    body = msgspec.convert(whole["body"], _SHAPE[attempt.type])
    return Intent(payment=payment, attempt=attempt, body=body, billing_key=whole["billingKey"])
