"""`POST /v1/payments/{paymentKey}/cancel`, every rule of toss/api.md 5.4."""

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
from paywon_sandbox.settings import KST, REFUND_TIME, WALLET_TIME
from paywon_sandbox.webhooks.events import announce, announce_cancel

CANCELABLE = frozenset({"DONE", "PARTIAL_CANCELED", "WAITING_FOR_DEPOSIT"})
# toss/api.md 5.4 [1src]; PayPal's 180 days stand for every foreign wallet.
REFUND_DUE = {codes.TRANSFER: 180, codes.FOREIGN_EASY_PAY: 180, codes.VIRTUAL_ACCOUNT: 365}
REFUND_FAILED = frozenset({"FAILED", "PARTIAL_FAILED"})
_ACCOUNT_NUMBER = re.compile(r"[0-9]{1,20}", re.ASCII)


class CancelRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a cancel; amounts in smallest units, None = all of the balance."""

    reason: str
    amount: int | None = None
    tax_free: int = 0
    tax_exemption: int = 0
    refundable: int | None = None
    currency: str | None = None
    refund_account_number: str | None = None
    cancel_request_id: str | None = None


def read_cancel(params: Params, decimals: int = 0) -> CancelRequest:
    """Raises INVALID_REQUEST and the refund account codes of the cancel table."""
    request_id = params.optional_text("cancelRequestId", longest=64)
    if request_id is not None and len(request_id) < 6:
        raise TossError("INVALID_REQUEST")
    return CancelRequest(
        reason=params.text("cancelReason", longest=200),
        amount=params.optional_positive("cancelAmount", decimals),
        tax_free=params.not_negative("taxFreeAmount", decimals),
        # Not in the public spec file, toss/api.md 16, erratum 6 [1src].
        tax_exemption=params.not_negative("taxExemptionAmount", decimals),
        refundable=params.optional_amount("refundableAmount", decimals),
        currency=params.optional_text("currency", longest=3),
        refund_account_number=_read_refund_account(params.child("refundReceiveAccount")),
        cancel_request_id=request_id,
    )


def _read_refund_account(account: Params | None) -> str | None:
    """The account number. The bank's field is `bank`, not bankCode (toss/api.md 5.4)."""
    if account is None:
        return None
    bank = account.optional_text("bank", code="INVALID_BANK")
    if bank is None or not codes.takes_money(bank):
        raise TossError("INVALID_BANK")
    number = account.optional_text("accountNumber", code="INVALID_REFUND_ACCOUNT_NUMBER") or ""
    if not _ACCOUNT_NUMBER.fullmatch(number):
        raise TossError("INVALID_REFUND_ACCOUNT_NUMBER")
    holder = account.optional_text("holderName", longest=60, code="INVALID_REFUND_ACCOUNT_INFO")
    if not holder:
        raise TossError("INVALID_REFUND_ACCOUNT_INFO")
    return number


def cancel(account: Account, payment_key: str, request: CancelRequest) -> PaymentRecord:
    """Cancel all or a part: existence, then state, then amount (toss/api.md Appendix B)."""
    record = account.payments.get(payment_key)
    if record is None:
        raise TossError("NOT_FOUND_PAYMENT")
    now = account.clock.now()
    if _is_another_try(record, request):
        return _refund_again(account, record, request, now)
    check_state(record, request, now)
    amount = check_amount(record.payment, request)
    untaxed = untaxed_parts(record.payment, request, amount)
    if record.approved_at is not None:
        magic.refuse_refund(request.refund_account_number, partial=amount < record.payment.balance_amount)
    payment = record.payment
    entry = _entry(payment, request, amount, untaxed, now)
    payment.cancels = [*(payment.cancels or []), entry]
    if _is_asynchronous(payment):
        entry.cancel_status = "IN_PROGRESS"
        record.errands += (Errand(at=now + WALLET_TIME, kind="finish_cancel"),)
    else:
        _apply(account, record, entry, now)
        announce(account, record)
    account.keep_payment(record)
    return record


def _is_another_try(record: PaymentRecord, request: CancelRequest) -> bool:
    """Whether the bank could not pay out what was cancelled, and this names an account to try instead."""
    payment = record.payment
    failed = payment.virtual_account is not None and payment.virtual_account.refund_status in REFUND_FAILED
    if not (inferred.REFUND_AGAIN_AFTER_FAILURE and failed and payment.balance_amount == 0 and payment.cancels):
        return False
    same_money = request.amount in (None, payment.cancels[-1].cancel_amount) and request.refundable in (None, 0)
    return same_money and request.refund_account_number is not None


def _refund_again(account: Account, record: PaymentRecord, request: CancelRequest, now: datetime) -> PaymentRecord:
    """Send the money to another account; nothing more is cancelled, and nothing is announced."""
    if record.approved_at is not None and _too_late(record.payment.method, record.approved_at, now):
        raise TossError("EXCEED_MAX_REFUND_DUE")
    magic.refuse_refund(request.refund_account_number, partial=False)
    _start_refund(record, now)
    account.keep_payment(record)
    return record


def _start_refund(record: PaymentRecord, now: datetime) -> None:
    """The bank takes its time (toss/api.md 5.4)."""
    assert record.payment.virtual_account is not None
    record.payment.virtual_account.refund_status = "PENDING"
    record.errands += (Errand(at=now + REFUND_TIME, kind="refund"),)


def finish(account: Account, record: PaymentRecord, now: datetime) -> None:
    """The wallet has answered: done, or all stays as it was (toss/api.md 14). Only CANCEL_STATUS_CHANGED is sent."""
    [entry] = [item for item in record.payment.cancels or [] if item.cancel_status == "IN_PROGRESS"]
    entry.cancel_status = record.cancel_outcome
    if entry.cancel_status == "DONE":
        _apply(account, record, entry, now)
    announce_cancel(account, record, entry)


def order_outcome(account: Account, payment_key: str, params: Params) -> Payment:
    """Control door: how the wallet's next or running cancel ends, DONE or ABORTED."""
    record = account.payments.get(payment_key)
    if record is None:
        raise TossError("NOT_FOUND_PAYMENT")
    outcome = params.text("outcome")
    if outcome not in ("DONE", "ABORTED"):
        raise TossError("INVALID_REQUEST")
    record.cancel_outcome = outcome
    account.keep_payment(record)
    return record.payment


def _is_asynchronous(payment: Payment) -> bool:
    return payment.easy_pay is not None and payment.easy_pay.provider in codes.ASYNCHRONOUS_WALLETS


def check_state(record: PaymentRecord, request: CancelRequest, now: datetime) -> None:
    """Whether this payment can be cancelled at all, at this time."""
    payment = record.payment
    if payment.status == "CANCELED":
        raise TossError("ALREADY_CANCELED_PAYMENT")  # toss/api.md 5.4 [M]
    if payment.status not in CANCELABLE:
        raise TossError(inferred.CANCEL_WRONG_STATE)
    if request.currency is not None and request.currency != payment.currency:
        raise TossError(inferred.CANCEL_CURRENCY_MISMATCH)
    if record.in_delivery:
        raise TossError(inferred.CANCEL_IN_DELIVERY)
    if record.approved_at is not None and _too_late(payment.method, record.approved_at, now):
        raise TossError("EXCEED_MAX_REFUND_DUE")
    if _is_asynchronous(payment):
        _check_asynchronous(payment, request)
    deposited = payment.method == codes.VIRTUAL_ACCOUNT and payment.status != "WAITING_FOR_DEPOSIT"
    if deposited and payment.balance_amount > 0 and request.refund_account_number is None:
        raise TossError(inferred.CANCEL_WITHOUT_REFUND_ACCOUNT)


def _check_asynchronous(payment: Payment, request: CancelRequest) -> None:
    """An asynchronous cancel has an id of the merchant's (toss/api.md 14); one at a time: undocumented."""
    if request.cancel_request_id is None:
        raise TossError("INVALID_REQUEST")
    if any(entry.cancel_status == "IN_PROGRESS" for entry in payment.cancels or []):
        raise TossError(inferred.CANCEL_WHILE_ONE_RUNS)


def _too_late(method: str | None, approved_at: datetime, now: datetime) -> bool:
    if method == codes.MOBILE_PHONE:
        # Phone bills: the calendar month of the payment only (toss/api.md 5.4 [1src]), in KST.
        approved, present = approved_at.astimezone(KST), now.astimezone(KST)
        return (approved.year, approved.month) != (present.year, present.month)
    limit = REFUND_DUE.get(method or "")
    return limit is not None and now - approved_at > timedelta(days=limit)


def check_amount(payment: Payment, request: CancelRequest) -> int:
    """What to cancel. The guard comes first: on a mismatch nothing is cancelled."""
    balance = payment.balance_amount
    if request.refundable is not None and request.refundable != balance:
        raise TossError("NOT_MATCHES_REFUNDABLE_AMOUNT")
    amount = balance if request.amount is None else request.amount
    # Also after partial cancels emptied the balance, not ALREADY_CANCELED_PAYMENT: toss/api.md 5.4 [M]
    if balance == 0 or amount > balance:
        raise TossError("NOT_CANCELABLE_AMOUNT")
    if amount < balance and payment.status == "WAITING_FOR_DEPOSIT":
        raise TossError("NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
    if amount < balance and not payment.is_partial_cancelable:
        raise TossError("NOT_ALLOWED_PARTIAL_REFUND")
    if amount < balance and payment.discount is not None and amount < payment.discount["amount"]:
        raise TossError("EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT")
    return amount


def untaxed_parts(payment: Payment, request: CancelRequest, amount: int) -> tuple[int, int]:
    """(taxFreeAmount, taxExemptionAmount) of a cancel; what is left of them, where all is cancelled and nothing said.

    Raises a refusal where the parts are more than what is left of each, the taxed part included: toss/api.md is silent.
    """
    left = (payment.tax_free_amount, payment.tax_exemption_amount)
    parts = (request.tax_free, request.tax_exemption)
    if amount == payment.balance_amount and not any(parts):
        return left
    if any(part > rest for part, rest in zip(parts, left, strict=True)) or sum(parts) > amount:
        raise TossError(inferred.CANCEL_TAX_FREE_TOO_HIGH)
    if amount - sum(parts) > payment.balance_amount - sum(left):
        raise TossError(inferred.CANCEL_TAXABLE_TOO_HIGH)
    return parts


def _apply(account: Account, record: PaymentRecord, entry: Cancel, now: datetime) -> None:
    payment, amount = record.payment, entry.cancel_amount
    entry.receipt_key = cancel_for_payment(account, record, (amount, entry.tax_free_amount), now)
    payment.balance_amount = entry.refundable_amount
    payment.tax_free_amount -= entry.tax_free_amount
    payment.tax_exemption_amount -= entry.tax_exemption_amount
    untaxed = payment.tax_free_amount + payment.tax_exemption_amount
    payment.supplied_amount, payment.vat = tax_split(payment.balance_amount, untaxed)
    payment.last_transaction_key = entry.transaction_key
    if payment.virtual_account is not None and record.approved_at is not None:
        _start_refund(record, now)
    # Only one single full cancel gives CANCELED; partials that add up stay PARTIAL_CANCELED: toss/api.md 2 [M]
    single = amount == payment.total_amount
    payment.status = "CANCELED" if single else "PARTIAL_CANCELED"
    record.deadline = None
    # Before the deposit nothing had come in, so nothing moves.
    book(account, record, -amount if record.approved_at is not None else 0, now)


def _entry(payment: Payment, request: CancelRequest, amount: int, untaxed: tuple[int, int], now: datetime) -> Cancel:
    whole = amount == payment.balance_amount
    return Cancel(
        transaction_key=ids.transaction_key(payment.method or ""),
        cancel_reason=request.reason,
        canceled_at=toss_instant(now),
        # An instant discount goes back with the last of the money: undocumented.
        card_discount_amount=payment.discount["amount"] if payment.discount and whole else 0,
        easy_pay_discount_amount=_points_part(payment, amount),
        cancel_amount=amount,
        tax_free_amount=untaxed[0],
        tax_exemption_amount=untaxed[1],
        refundable_amount=payment.balance_amount - amount,
        cancel_request_id=request.cancel_request_id,
    )


def _points_part(payment: Payment, amount: int) -> int:
    """How much of a cancel gives points back: money first, points last. Undocumented."""
    if payment.easy_pay is None:
        return 0
    returned = sum(entry.easy_pay_discount_amount for entry in payment.cancels or [])
    points_left = payment.easy_pay.discount_amount - returned
    money_left = payment.balance_amount - points_left
    return max(0, amount - money_left)
