"""Cash receipts: their states, and how much may be issued and cancelled. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from paywon.base.clock import KST
from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, CashReceiptId, OrderNo, PaymentId
from paywon.base.money import Krw
from paywon.payments.model import (
    APPROVED,
    Attempt,
    AttemptType,
    Cancel,
    CancelStatus,
    Payment,
    refundable_amount,
    simple_status,
    tax_free_left,
    tax_free_of_refund,
)

# What the resolver of this room finishes.
ABOUT_RECEIPTS: Final = frozenset({AttemptType.CASH_RECEIPT_ISSUE, AttemptType.CASH_RECEIPT_CANCEL})

# The tax office answers 1–2 days after issue or cancel (toss/api.md 10). Until then the list of that day is read so
# often,
FOLLOW: Final = timedelta(hours=6)
# and, when it takes longer than this, once a day.
FOLLOW_CLOSELY_FOR: Final = timedelta(days=5)
FOLLOW_SLOWLY: Final = timedelta(days=1)
_HINT: Final = 4
# Means of payment in Toss's words, Korean or English (toss/codes.md).
_CASH: Final = frozenset(
    {
        *("계좌이체", "TRANSFER", "가상계좌", "VIRTUAL_ACCOUNT"),
        *("문화상품권", "CULTURE_GIFT_CERTIFICATE", "도서문화상품권", "BOOK_GIFT_CERTIFICATE"),
        *("게임문화상품권", "GAME_GIFT_CERTIFICATE"),
    }
)
_NO_CASH: Final = frozenset(["카드", "CARD", "휴대폰", "MOBILE_PHONE", "해외간편결제", "FOREIGN_EASY_PAY"])
# What Toss calls the receipt of a payment that has none.
_NO_RECEIPT: Final = "미발행"
_EASY_PAY: Final = frozenset(["간편결제", "EASY_PAY"])


class ReceiptType(StrEnum):
    """Toss's own words (toss/api.md 10): a person's tax deduction, a business's proof of expense."""

    DEDUCTION = "소득공제"
    EXPENSE = "지출증빙"


class TransactionType(StrEnum):
    """Issue or cancel (toss/codes.md)."""

    CONFIRM = "CONFIRM"
    CANCEL = "CANCEL"


class IssueStatus(StrEnum):
    """``PENDING`` until Toss has answered, and ``FAILED`` also where it refused; the rest is Toss's (toss/codes.md)."""

    PENDING = "PENDING"
    FAILED = "FAILED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One row of ``cash_receipts``: an issue, or a cancel of the issue ``cancels_id``; amounts in won.

    ``customer_hint`` is all that is kept of the number that it was issued to.
    """

    id: CashReceiptId
    payment_id: PaymentId
    attempt_id: AttemptId | None = None
    cancels_id: CashReceiptId | None = None
    receipt_key: str | None = None
    issue_number: str | None = None
    type: ReceiptType
    transaction_type: TransactionType
    amount: Krw
    tax_free_amount: int = 0
    issue_status: IssueStatus = IssueStatus.PENDING
    fail_code: str | None = None
    fail_message: str | None = None
    receipt_url: str | None = None
    customer_hint: str | None = None
    requested_at: datetime | None = None
    look_again_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptView:
    """A receipt with the attempt that made it, or is making it."""

    receipt: Receipt
    attempt: Attempt | None


def issuable_amount(payment: Payment, cancels: list[Cancel], receipts: list[Receipt]) -> Krw:
    """Answer for how many won a receipt may still be issued: what was paid and not refunded, less what has one.

    What is being refunded or issued counts as if it were done. Only money that came as cash has one: ``cash_part``.
    """
    if payment.status not in APPROVED:
        return Krw(0)
    came = cash_part(payment)
    went_back = sum(each.cancel_amount - (each.easy_pay_discount_amount or 0) for each in cancels if counts(each))
    cash_left = max(0, (came or 0) - went_back)
    has_one = sum(standing_amount(receipt, receipts) for receipt in receipts if receipt.cancels_id is None)
    return Krw(
        max(
            0,
            min(refundable_amount(payment, cancels), cash_left) - has_one - automatic_amount(payment),
        )
    )


def counts(cancel: Cancel) -> bool:
    """Whether a cancel's money went back, or is about to."""
    return cancel.cancel_status not in (CancelStatus.FAILED, CancelStatus.ABORTED)


def cash_part(payment: Payment) -> Krw | None:
    """Answer how many won of a payment came as cash, by its means; None where the means are not known.

    A card, a phone bill, and easy pay by card are reported by others: a receipt beside them would deduct twice. Of easy
    pay only what came from an account or a balance counts, not points (toss/api.md 4). A gift certificate is paid for
    in cash, and toss/api.md 10 forbids it nothing.
    """
    if payment.method in _CASH:
        return payment.total_amount
    if payment.method in _NO_CASH:
        return Krw(0)
    # Toss may leave the method out, or name a new one (toss/api.md 19): then its detail object tells.
    shown = payment.raw_response or {}
    if any(shown.get(name) for name in ("card", "mobilePhone")):
        return Krw(0)
    if payment.method not in _EASY_PAY:
        cash = any(shown.get(name) for name in ("transfer", "virtualAccount", "giftCertificate"))
        return payment.total_amount if cash else None
    easy = shown.get("easyPay")
    amount = easy.get("amount") if isinstance(easy, dict) else None
    return Krw(amount) if isinstance(amount, int) else None


def excess_amount(payment: Payment, cancels: list[Cancel], receipts: list[Receipt]) -> Krw:
    """Answer for how many won receipts stand that were issued here and whose money has gone back since."""
    stand = sum(standing_amount(receipt, receipts) for receipt in receipts if receipt.cancels_id is None)
    return Krw(min(stand, max(0, stand - (payment.balance_amount or 0))))


def check_means(payment: Payment) -> None:
    """See that a payment's means allow a receipt.

    Raises:
        PaywonError: CASH_RECEIPT_NOT_ALLOWED.
    """
    part = cash_part(payment)
    if payment.status in APPROVED and not part:
        raise PaywonError("CASH_RECEIPT_NOT_ALLOWED", status=payment.method or "?")


def standing_amount(issue: Receipt, receipts: Iterable[Receipt]) -> Krw:
    """Answer how many won an issue still stands for; a cancel counts once Toss has taken it."""
    if issue.issue_status is IssueStatus.FAILED:
        return Krw(0)
    taken = (IssueStatus.IN_PROGRESS, IssueStatus.COMPLETED)
    return Krw(issue.amount - sum(row.amount for row in _cancels_of(issue, receipts) if row.issue_status in taken))


def _cancels_of(issue: Receipt, receipts: Iterable[Receipt]) -> list[Receipt]:
    return [row for row in receipts if row.cancels_id == issue.id]


def automatic_amount(payment: Payment) -> int:
    """Answer for how many won the payment itself has receipts, that Toss issued with it (toss/api.md 4).

    One that is there and cannot be read stands for all of the payment: a second proof would deduct twice.
    """
    shown = payment.raw_response or {}
    if payment.cash_receipts is None and (shown.get("cashReceipt") or shown.get("cashReceipts")):
        return payment.total_amount
    total = 0
    for receipt in payment.cash_receipts or []:
        if receipt.get("issueStatus") != IssueStatus.FAILED and receipt.get("type") != _NO_RECEIPT:
            amount = receipt.get("amount")
            cancels = receipt.get("transactionType") == TransactionType.CANCEL
            read = amount if isinstance(amount, int) else 0 if cancels else payment.total_amount
            total += -read if cancels else read
    return max(0, min(total, payment.total_amount))


def amount_to_issue(wanted: Krw | None, payment: Payment, cancels: list[Cancel], receipts: list[Receipt]) -> Krw:
    """Answer the amount of a receipt that is to be issued; None wants all that has none yet.

    Raises:
        PaywonError: CASH_RECEIPT_IN_PROGRESS, CASH_RECEIPT_NOT_ALLOWED, CASH_RECEIPT_EXCEEDS.
    """
    check_means(payment)
    left = issuable_amount(payment, cancels, receipts)
    if left == 0 and any(receipt.issue_status is IssueStatus.PENDING for receipt in receipts):
        raise PaywonError("CASH_RECEIPT_IN_PROGRESS", retry_after_s=2)
    if left == 0:
        raise PaywonError("CASH_RECEIPT_NOT_ALLOWED", status=simple_status(payment, confirming=False))
    return _within(wanted, left)


def amount_to_cancel(wanted: Krw | None, issue: Receipt, receipts: list[Receipt]) -> Krw:
    """Answer how much of an issue is to be cancelled; None wants all of it. One cancel of an issue runs at a time.

    Raises:
        PaywonError: CASH_RECEIPT_IN_PROGRESS, CASH_RECEIPT_NOT_CANCELABLE, CASH_RECEIPT_EXCEEDS.
    """
    running = [issue, *_cancels_of(issue, receipts)]
    if any(row.issue_status is IssueStatus.PENDING for row in running):
        raise PaywonError("CASH_RECEIPT_IN_PROGRESS", retry_after_s=2)
    left = standing_amount(issue, receipts)
    if left <= 0:
        raise PaywonError("CASH_RECEIPT_NOT_CANCELABLE")
    return _within(wanted, left)


def _within(wanted: Krw | None, left: Krw) -> Krw:
    if wanted is not None and wanted > left:
        raise PaywonError("CASH_RECEIPT_EXCEEDS", field="amount", left_krw=f"{left:,}")
    return left if wanted is None else wanted


def tax_free_part(
    wanted: int | None, amount: Krw, payment: Payment, cancels: list[Cancel], receipts: list[Receipt]
) -> int:
    """Answer how much of a receipt is free of tax: as it was told, else in proportion to what has no receipt yet.

    Raises:
        PaywonError: TAX_FREE_ABOVE_AMOUNT.
    """
    if wanted is None:
        left = issuable_amount(payment, cancels, receipts)
        free = tax_free_left(payment, cancels, payment.tax_free_amount or 0)
        for issue in receipts:
            if issue.cancels_id is None:
                free -= issue.tax_free_amount * standing_amount(issue, receipts) // issue.amount
        return tax_free_of_refund(amount, left, min(max(0, free), left)) if left else 0
    if wanted > amount:
        raise PaywonError("TAX_FREE_ABOVE_AMOUNT", field="taxFreeAmount")
    return wanted


def order_no_of(receipt_id: CashReceiptId, order_no: OrderNo) -> str:
    """Make what Toss is told as a receipt's orderId: one of its own, beginning with the payment's.

    Toss takes one receipt for an orderId (DUPLICATED_CASH_RECEIPT), and its list shows nothing else of ours: by this
    word a receipt whose answer was lost is found again, and no other is taken for it.
    """
    return f"{order_no[:50]}-CR{receipt_id.hex[-8:].upper()}"


def hint_of(number: str) -> str:
    """Make what is kept of the number that a receipt is issued to: its end, and never more than half of it."""
    return f"***{number[-min(_HINT, len(number) // 2) :]}" if len(number) > 1 else "***"


def day_of_request(receipt: Receipt) -> date:
    """Answer in which day's list Toss has a receipt: Korean days (toss/api.md 1.5, 10)."""
    return (receipt.requested_at or receipt.created_at).astimezone(KST).date()


def next_look(receipt: Receipt, now: datetime) -> datetime | None:
    """Decide when to look at a receipt in Toss's list; None when nothing more will be said of it."""
    if receipt.issue_status is not IssueStatus.IN_PROGRESS:
        return None
    waited = now - (receipt.requested_at or receipt.created_at)
    return now + (FOLLOW if waited < FOLLOW_CLOSELY_FOR else FOLLOW_SLOWLY)


def is_open(receipt: Receipt) -> bool:
    """Whether what Toss says of a receipt can still change it: the tax office's word is the last one.

    What failed before Toss named it may still turn out to exist: where Toss shows a receipt, there is one.
    """
    if receipt.issue_status is IssueStatus.COMPLETED:
        return False
    return receipt.issue_status is not IssueStatus.FAILED or receipt.receipt_key is None
