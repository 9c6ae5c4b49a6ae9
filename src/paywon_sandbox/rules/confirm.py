"""`POST /v1/payments/confirm` (toss/api.md 5.2)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, texts
from paywon_sandbox.core.records import Choice, Errand, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Failure, Url
from paywon_sandbox.rules.details import fill_details, receipt_url
from paywon_sandbox.rules.ledger import book
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.receipts import issue_for_payment
from paywon_sandbox.rules.virtual_accounts import wait_for_deposit
from paywon_sandbox.rules.window import approves_later
from paywon_sandbox.settings import (
    MAXIMUM_PHONE_KRW,
    MAXIMUM_TRANSFER_KRW,
    MINIMUM_ACCOUNT_KRW,
    MINIMUM_CARD_KRW,
    WALLET_TIME,
)
from paywon_sandbox.webhooks.events import announce

ENDPOINT = "POST /v1/payments/confirm"
_NOT_OPEN = {
    "READY": inferred.CONFIRM_BEFORE_AUTHENTICATION,
    "EXPIRED": "NOT_FOUND_PAYMENT_SESSION",  # toss/api.md 2 [2src]
    "ABORTED": inferred.CONFIRM_AFTER_ABORT,
}


class ConfirmRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a confirm; the amount in the smallest unit of the payment's currency."""

    payment_key: str
    order_id: str
    amount: int


def read_confirm(account: Account, params: Params) -> ConfirmRequest:
    """Raises INVALID_REQUEST, the only parameter code of the confirm table."""
    payment_key = params.text("paymentKey", longest=200)
    return ConfirmRequest(
        payment_key=payment_key,
        # Whatever a window could be opened with; it is compared with the window's own.
        order_id=params.order_id(scripted=True),
        amount=params.positive("amount", account.decimals_of(payment_key)),
    )


def confirm(account: Account, request: ConfirmRequest, public_url: str) -> PaymentRecord:
    """Approve, abort or refuse: existence, then state, then amount (toss/api.md Appendix B)."""
    record = account.payments.get(request.payment_key)
    if record is None:
        # The key that opened the window must confirm (toss/api.md 1.1).
        another = account.is_another_keys(request.payment_key)
        raise TossError(inferred.CONFIRM_WITH_ANOTHER_KEY if another else "NOT_FOUND_PAYMENT")
    payment = record.payment
    if payment.status != "IN_PROGRESS" or record.choice is None or _is_confirmed(record):
        raise TossError(_NOT_OPEN.get(payment.status, "ALREADY_PROCESSED_PAYMENT"))
    if payment.order_id != request.order_id or payment.total_amount != request.amount:
        raise TossError(inferred.CONFIRM_MISMATCH)
    _refuse_second_approval(account, record)
    if payment.currency == "KRW":
        _check_limits(record, record.choice)
    if approves_later(record):
        _wait_for_the_wallet(account, record, record.choice, public_url)
    elif record.choice.decline_code is not None:
        _decline(account, record, record.choice, public_url)
    else:
        _approve(account, record, record.choice, public_url)
    return record


def _refuse_second_approval(account: Account, record: PaymentRecord) -> None:
    other = account.payment_of_order(record.payment.order_id)
    if inferred.REFUSE_APPROVED_ORDER_ID and other is not None and other.approved_at is not None:
        raise TossError(inferred.APPROVED_ORDER_ID)


def _check_limits(record: PaymentRecord, choice: Choice) -> None:
    method, amount_krw = choice.method, record.payment.total_amount
    account_like = method in (codes.TRANSFER, codes.VIRTUAL_ACCOUNT)
    if amount_krw < (MINIMUM_ACCOUNT_KRW if account_like else MINIMUM_CARD_KRW):
        raise TossError("BELOW_MINIMUM_AMOUNT")
    if method == codes.TRANSFER and amount_krw > MAXIMUM_TRANSFER_KRW:
        raise TossError("EXCEEDS_TRANSFER_AMOUNT_MAXIMUM")
    if method == codes.MOBILE_PHONE and amount_krw > MAXIMUM_PHONE_KRW:
        raise TossError("EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT")
    highest = record.wishes.highest_months if record.wishes else None
    if highest is not None and choice.installment_plan_months > highest:
        raise TossError("EXCEED_MAX_CARD_INSTALLMENT_PLAN")


def _approve(account: Account, record: PaymentRecord, choice: Choice, public_url: str) -> None:
    now = account.clock.now()
    payment = record.payment
    fill_details(record, choice, now, public_url)
    payment.last_transaction_key = ids.transaction_key(choice.method)
    record.deadline = None
    if choice.method != codes.FOREIGN_EASY_PAY:  # null on PayPal (toss/api.md 14)
        payment.receipt = Url(url=receipt_url(payment.payment_key, public_url))
    if choice.method == codes.VIRTUAL_ACCOUNT:
        wait_for_deposit(account, record, now)
        account.keep_payment(record)
        announce(account, record)
    else:
        issue_for_payment(account, record, now, public_url)
        _finish(account, record, now)


def _finish(account: Account, record: PaymentRecord, now: datetime) -> None:
    payment = record.payment
    payment.status = "DONE"
    payment.approved_at = toss_instant(now)
    record.approved_at = now
    book(account, record, payment.total_amount, now)
    record.choice = None  # all of it is in the payment now
    if not inferred.SECRET_ON_EVERY_APPROVED_PAYMENT:
        payment.secret = None
    account.keep_payment(record)
    announce(account, record)


def _decline(account: Account, record: PaymentRecord, choice: Choice, public_url: str) -> None:
    """Answer with the wanted code. Without `declineTimes` the payment is aborted for good (toss/api.md 2)."""
    assert choice.decline_code is not None
    code = choice.decline_code
    if choice.decline_times is None:
        fill_details(record, choice, account.clock.now(), public_url)
        _abort(account, record, choice)
        raise TossError(code)
    choice.decline_times -= 1
    if choice.decline_times <= 0:
        choice.decline_code = choice.decline_times = None
    account.keep_payment(record)
    raise TossError(code)


def _abort(account: Account, record: PaymentRecord, choice: Choice) -> None:
    assert choice.decline_code is not None
    payment = record.payment
    payment.status = "ABORTED"
    payment.last_transaction_key = ids.transaction_key(choice.method)
    payment.secret = None  # as in the published ABORTED record
    payment.failure = Failure(code=choice.decline_code, message=texts(ENDPOINT, choice.decline_code)[0])
    record.deadline = record.choice = None
    account.keep_payment(record)
    announce(account, record)


def _is_confirmed(record: PaymentRecord) -> bool:
    """Whether a foreign wallet is still at it."""
    return any(errand.kind == "finish_approval" for errand in record.errands)


def _wait_for_the_wallet(account: Account, record: PaymentRecord, choice: Choice, public_url: str) -> None:
    """Answered IN_PROGRESS: the outcome comes by webhook (toss/api.md 14). What it looks like until then: inferred."""
    now = account.clock.now()
    fill_details(record, choice, now, public_url)
    record.deadline = None
    record.errands += (Errand(at=now + WALLET_TIME, kind="finish_approval"),)
    account.keep_payment(record)


def finish_approval(account: Account, record: PaymentRecord) -> None:
    """The wallet has answered; `declineAtConfirm` says how."""
    choice = record.choice
    assert choice is not None
    if choice.decline_code is not None:
        _abort(account, record, choice)
        return
    record.payment.last_transaction_key = ids.transaction_key(choice.method)
    _finish(account, record, account.clock.now())
