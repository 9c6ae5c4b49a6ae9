"""`POST /v1/payments/{paymentKey}/cancel`, every rule of api.md 5.4."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.money import tax_split
from paywon_sandbox.core.records import Errand, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Cancel, Payment
from paywon_sandbox.rules import magic
from paywon_sandbox.rules.ledger import book
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.receipts import cancel_for_payment
from paywon_sandbox.settings import KST, REFUND_TIME
from paywon_sandbox.webhooks.events import announce

CANCELABLE = frozenset({"DONE", "PARTIAL_CANCELED", "WAITING_FOR_DEPOSIT"})
REFUND_DUE = {codes.TRANSFER: timedelta(days=180), codes.VIRTUAL_ACCOUNT: timedelta(days=365)}  # [1src]
_ACCOUNT_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)


class CancelRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a cancel; amounts in KRW, None = all of the balance."""

    reason: str
    amount_krw: int | None = None
    tax_free_krw: int = 0
    tax_exemption_krw: int = 0
    refundable_krw: int | None = None
    currency: str | None = None
    refund_account_number: str | None = None
    cancel_request_id: str | None = None


def read_cancel(params: Params) -> CancelRequest:
    """Raises INVALID_REQUEST and the refund account codes of the cancel table."""
    request_id = params.optional_text("cancelRequestId", longest=64)
    if request_id is not None and len(request_id) < 6:
        raise TossError("INVALID_REQUEST")
    return CancelRequest(
        reason=params.text("cancelReason", longest=200),
        amount_krw=params.optional_positive("cancelAmount"),
        tax_free_krw=params.not_negative("taxFreeAmount"),
        # Not in the public spec file, api.md 16, erratum 6 [1src].
        tax_exemption_krw=params.not_negative("taxExemptionAmount"),
        refundable_krw=params.optional_amount("refundableAmount"),
        currency=params.optional_text("currency", longest=3),
        refund_account_number=_read_refund_account(params.child("refundReceiveAccount")),
        cancel_request_id=request_id,
    )


def _read_refund_account(account: Params | None) -> str | None:
    """The account number. The bank's field is `bank`, not bankCode (api.md 5.4)."""
    if account is None:
        return None
    bank = account.optional_text("bank", code="INVALID_BANK")
    if bank is None or codes.institution(codes.BANKS, bank) is None:
        raise TossError("INVALID_BANK")
    number = account.optional_text("accountNumber", code="INVALID_REFUND_ACCOUNT_NUMBER") or ""
    if not _ACCOUNT_NUMBER.fullmatch(number):
        raise TossError("INVALID_REFUND_ACCOUNT_NUMBER")
    holder = account.optional_text("holderName", longest=60, code="INVALID_REFUND_ACCOUNT_INFO")
    if not holder:
        raise TossError("INVALID_REFUND_ACCOUNT_INFO")
    return number


def cancel(account: Account, payment_key: str, request: CancelRequest) -> PaymentRecord:
    """Cancel all or a part: existence, then state, then amount (api.md Appendix B)."""
    record = account.payments.get(payment_key)
    if record is None:
        raise TossError("NOT_FOUND_PAYMENT")
    now = account.clock.now()
    check_state(record, request, now)
    amount_krw = check_amount(record.payment, request)
    if record.approved_at is not None:
        magic.refuse_refund(request.refund_account_number, partial=amount_krw < record.payment.balance_amount)
    _apply(account, record, request, amount_krw, now)
    account.keep_payment(record)
    announce(account, record)
    return record


def check_state(record: PaymentRecord, request: CancelRequest, now: datetime) -> None:
    """Whether this payment can be cancelled at all, at this time."""
    payment = record.payment
    if payment.status == "CANCELED":
        raise TossError("ALREADY_CANCELED_PAYMENT")  # api.md 5.4 [M]
    if payment.status not in CANCELABLE:
        raise TossError(inferred.CANCEL_WRONG_STATE)
    if request.currency is not None and request.currency != payment.currency:
        raise TossError(inferred.CANCEL_CURRENCY_MISMATCH)
    if record.approved_at is not None and _too_late(payment.method, record.approved_at, now):
        raise TossError("EXCEED_MAX_REFUND_DUE")
    deposited = payment.method == codes.VIRTUAL_ACCOUNT and payment.status != "WAITING_FOR_DEPOSIT"
    if deposited and payment.balance_amount > 0 and request.refund_account_number is None:
        raise TossError(inferred.CANCEL_WITHOUT_REFUND_ACCOUNT)


def _too_late(method: str | None, approved_at: datetime, now: datetime) -> bool:
    if method == codes.MOBILE_PHONE:
        # Phone bills: the calendar month of the payment only (api.md 5.4 [1src]), in KST.
        approved, present = approved_at.astimezone(KST), now.astimezone(KST)
        return (approved.year, approved.month) != (present.year, present.month)
    limit = REFUND_DUE.get(method or "")
    return limit is not None and now - approved_at > limit


def check_amount(payment: Payment, request: CancelRequest) -> int:
    """The KRW to cancel. The guard comes first: on a mismatch nothing is cancelled."""
    balance = payment.balance_amount
    if request.refundable_krw is not None and request.refundable_krw != balance:
        raise TossError("NOT_MATCHES_REFUNDABLE_AMOUNT")
    amount_krw = balance if request.amount_krw is None else request.amount_krw
    # Also after partial cancels emptied the balance, not ALREADY_CANCELED_PAYMENT: api.md 5.4 [M]
    if balance == 0 or amount_krw > balance:
        raise TossError("NOT_CANCELABLE_AMOUNT")
    if amount_krw < balance and payment.status == "WAITING_FOR_DEPOSIT":
        raise TossError("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
    if amount_krw < balance and not payment.is_partial_cancelable:
        raise TossError("NOT_ALLOWED_PARTIAL_REFUND")
    if amount_krw < balance and payment.discount is not None and amount_krw < payment.discount["amount"]:
        raise TossError("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT")
    too_free = request.tax_free_krw > min(amount_krw, payment.tax_free_amount)
    if too_free or request.tax_exemption_krw > min(amount_krw, payment.tax_exemption_amount):
        raise TossError(inferred.CANCEL_TAX_FREE_TOO_HIGH)
    return amount_krw


def _apply(account: Account, record: PaymentRecord, request: CancelRequest, amount_krw: int, now: datetime) -> None:
    payment = record.payment
    entry = _entry(payment, request, amount_krw, now)
    entry.receipt_key = cancel_for_payment(account, record, amount_krw, now)
    payment.cancels = [*(payment.cancels or []), entry]
    payment.balance_amount = entry.refundable_amount
    tax_free = payment.tax_free_amount - request.tax_free_krw
    payment.tax_free_amount = min(tax_free, payment.balance_amount)
    exemption = payment.tax_exemption_amount - request.tax_exemption_krw
    payment.tax_exemption_amount = min(exemption, payment.balance_amount - payment.tax_free_amount)
    untaxed = payment.tax_free_amount + payment.tax_exemption_amount
    payment.supplied_amount, payment.vat = tax_split(payment.balance_amount, untaxed)
    payment.last_transaction_key = entry.transaction_key
    if payment.virtual_account is not None and record.approved_at is not None:
        payment.virtual_account.refund_status = "PENDING"
        record.errands.append(Errand(at=now + REFUND_TIME, kind="refund"))
    # Only one single full cancel gives CANCELED; partials that add up stay PARTIAL_CANCELED: api.md 2 [M]
    single = amount_krw == payment.total_amount
    payment.status = "CANCELED" if single else "PARTIAL_CANCELED"
    record.deadline = None
    # Before the deposit nothing had come in, so nothing moves.
    book(account, record, -amount_krw if record.approved_at is not None else 0, now)


def _entry(payment: Payment, request: CancelRequest, amount_krw: int, now: datetime) -> Cancel:
    whole = amount_krw == payment.balance_amount
    return Cancel(
        transaction_key=ids.transaction_key(payment.method or ""),
        cancel_reason=request.reason,
        canceled_at=toss_instant(now),
        # An instant discount goes back with the last of the money: undocumented.
        card_discount_amount=payment.discount["amount"] if payment.discount and whole else 0,
        easy_pay_discount_amount=_points_part(payment, amount_krw),
        cancel_amount=amount_krw,
        tax_free_amount=request.tax_free_krw,
        tax_exemption_amount=request.tax_exemption_krw,
        refundable_amount=payment.balance_amount - amount_krw,
        cancel_request_id=request.cancel_request_id,
    )


def _points_part(payment: Payment, amount_krw: int) -> int:
    """How much of a cancel gives points back: money first, points last. Undocumented."""
    if payment.easy_pay is None:
        return 0
    returned = sum(entry.easy_pay_discount_amount for entry in payment.cancels or [])
    points_left = payment.easy_pay.discount_amount - returned
    money_left = payment.balance_amount - points_left
    return max(0, amount_krw - money_left)
