"""Payments: their states, what may follow what, and what a fact from Toss means. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import Any, Final

from paywon.base.clock import toss_time
from paywon.base.ids import AttemptId, BillingKeyId, CancelId, OrderId, OrderNo, PaymentId, PaymentKey, UserId
from paywon.base.money import Krw
from paywon.base.sealing import SealedColumn
from paywon.orders.model import OrderStatus
from paywon.payments.bank_refunds import RefundStatus, status_told


class PaymentStatus(StrEnum):
    """Toss's own words (toss/api.md 2)."""

    READY = "READY"
    IN_PROGRESS = "IN_PROGRESS"
    WAITING_FOR_DEPOSIT = "WAITING_FOR_DEPOSIT"
    DONE = "DONE"
    PARTIAL_CANCELED = "PARTIAL_CANCELED"
    CANCELED = "CANCELED"
    ABORTED = "ABORTED"
    EXPIRED = "EXPIRED"


class SimpleStatus(StrEnum):
    """Seed 1's lower-case status."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PARTIAL_REFUNDED = "partial_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    FAILED = "failed"


class PaymentMethod(StrEnum):
    """Seed 1's four means of payment."""

    CARD = "card"
    TRANSFER = "transfer"
    VIRTUAL_ACCOUNT = "virtual_account"
    MOBILE = "mobile"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One row of ``payments``; amounts in won, ``status`` in Toss's words."""

    id: PaymentId
    payment_number: str
    order_id: OrderId
    order_no: OrderNo
    order_name: str | None
    user_id: UserId
    resource_type: str | None
    resource_id: str | None
    provider: str = "toss_payments"
    payment_method: PaymentMethod | None = None
    payment_key: PaymentKey | None = None
    method: str | None = None
    status: PaymentStatus = PaymentStatus.READY
    currency: str = "KRW"
    total_amount: Krw
    balance_amount: Krw | None = None
    vat: int | None = None
    supplied_amount: int | None = None
    tax_free_amount: int | None = None
    tax_exemption_amount: int | None = None
    requested_at: datetime
    approved_at: datetime | None = None
    receipt_url: str | None = None
    checkout_url: str | None = None
    last_transaction_key: str | None = None
    card_type: str | None = None
    card_company: str | None = None
    card_last_four_digits: str | None = None
    card_approval_number: str | None = None
    issuer_code: str | None = None
    acquirer_code: str | None = None
    installment_plan_months: int | None = None
    is_interest_free: bool | None = None
    is_partial_cancelable: bool | None = None
    easy_pay_provider: str | None = None
    virtual_account: dict[str, Any] | None = None
    secret_digest: bytes | None = None
    fail_code: str | None = None
    fail_message: str | None = None
    refund_reason: str | None = None
    description: str | None = None
    customer: dict[str, str] | None = None
    metadata: dict[str, Any] | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    raw_response: dict[str, Any] | None = None
    fact_asked_at: datetime | None = None
    cash_receipts: list[dict[str, Any]] | None = None
    deposited_at: datetime | None = None
    look_again_at: datetime | None = None
    impossible_since: datetime | None = None
    impossible_shown: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def is_past_due(self) -> bool:
        """Whether a virtual account fell due without a deposit.

        Toss leaves its status as it was (toss/api.md 2 [1src]); an EXPIRED account is understood too.
        """
        if self.virtual_account is None:
            return False
        marked = self.status is PaymentStatus.WAITING_FOR_DEPOSIT and bool(self.virtual_account.get("expired"))
        return marked or self.status is PaymentStatus.EXPIRED

    @property
    def due_at(self) -> datetime | None:
        """Until when the deposit of its virtual account may come; None where it has none, or Toss wrote no time."""
        return toss_time((self.virtual_account or {}).get("dueDate"))

    @property
    def awaits_deposit(self) -> bool:
        """Whether a deposit may still come."""
        return self.status is PaymentStatus.WAITING_FOR_DEPOSIT and not self.is_past_due

    @property
    def refund_status(self) -> RefundStatus | None:
        """What the bank made of the last refund; None where Toss says nothing of it that we know."""
        return status_told((self.virtual_account or {}).get("refundStatus"))

    @property
    def refunded_amount(self) -> Krw:
        """Won that went back to the customer so far."""
        if self.approved_at is None or self.balance_amount is None:
            return Krw(0)
        return Krw(self.total_amount - self.balance_amount)


class AttemptType(StrEnum):
    """What a row of ``payment_transactions`` is about."""

    PAYMENT_REQUEST = "payment_request"
    PAYMENT_CONFIRMATION = "payment_confirmation"
    PAYMENT_CANCELLATION = "payment_cancellation"
    REFUND_REQUEST = "refund_request"
    REFUND_AGAIN = "refund_again"
    VIRTUAL_ACCOUNT_ISSUE = "virtual_account_issue"
    BILLING_KEY_ISSUE = "billing_key_issue"
    BILLING_KEY_DELETE = "billing_key_delete"
    BILLING_CHARGE = "billing_charge"
    CASH_RECEIPT_ISSUE = "cash_receipt_issue"
    CASH_RECEIPT_CANCEL = "cash_receipt_cancel"
    STATUS_READ = "status_read"
    WEBHOOK_RECEIVED = "webhook_received"  # no question: it has the id of a webhook that was worked, and no outcome
    LATE_ANSWER = "late_answer"
    ERASURE = "erasure"


class AttemptStatus(StrEnum):
    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"


CANCELLING: Final = frozenset({AttemptType.PAYMENT_CANCELLATION, AttemptType.REFUND_REQUEST})
PAYING: Final = frozenset(
    {AttemptType.PAYMENT_CONFIRMATION, AttemptType.VIRTUAL_ACCOUNT_ISSUE, AttemptType.BILLING_CHARGE}
)
# A refund that the bank did not pay out, sent to another account: nothing more is cancelled, so nothing is reserved.
MONEY_MOVING: Final = CANCELLING | PAYING | {AttemptType.REFUND_AGAIN}
# What the resolver of payments finishes; billing keys and cash receipts are finished in their own rooms.
ABOUT_PAYMENTS: Final = MONEY_MOVING | {AttemptType.PAYMENT_REQUEST, AttemptType.STATUS_READ}


SEALED_REQUEST: Final = SealedColumn(table="payment_transactions", column="sealed_request")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One row of ``payment_transactions``: a question to Toss, from before it is asked until it is settled.

    ``sealed_request`` holds the question whole, for a repeat, until the attempt closes; ``request_data`` shows it
    redacted, for ever.
    """

    id: AttemptId
    payment_id: PaymentId | None
    type: AttemptType
    status: AttemptStatus = AttemptStatus.PENDING
    payment_key: PaymentKey | None = None
    amount: Krw | None = None
    idempotency_key: str | None = None
    request_data: dict[str, Any] | None = None
    sealed_request: bytes | None = field(default=None, repr=False)
    billing_key_id: BillingKeyId | None = None
    billing_period: str | None = None
    response_data: dict[str, Any] | None = None
    http_status: int | None = None
    outcome: str | None = None
    error_code: str | None = None
    error_message: str | None = None
    processing_time_ms: int | None = None
    caused_by: AttemptId | None = None
    actor: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    answered: bool = False
    retry_count: int = 0
    resolve_by: datetime | None = None
    parked_at: datetime | None = None
    in_doubt_at: datetime | None = None
    # When a question was first put, where this row has taken the place of one that was answered with a passing failure.
    began_at: datetime | None = None
    # The paymentKey that the caller of a cancel named, where one was named.
    named_key: PaymentKey | None = None
    # Since when it waits for no other reason than that Toss could not be heard.
    unheard_at: datetime | None = None
    created_at: datetime
    closed_at: datetime | None = None

    @property
    def first_asked_at(self) -> datetime:
        """When the question was put for the first time, under whatever key: its window goes by that."""
        return self.began_at or self.created_at


class CancelStatus(StrEnum):
    """``PENDING`` and ``FAILED`` are ours, the others Toss's (toss/codes.md)."""

    PENDING = "PENDING"
    FAILED = "FAILED"
    DONE = "DONE"
    IN_PROGRESS = "IN_PROGRESS"
    ABORTED = "ABORTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """One row of ``payment_cancels``: reserved at *intend*, named by Toss at *learn*; amounts in won."""

    id: CancelId
    payment_id: PaymentId
    attempt_id: AttemptId | None = None
    transaction_key: str | None = None
    cancel_amount: Krw
    cancel_reason: str
    cancel_status: str
    canceled_at: datetime | None = None
    tax_free_amount: int | None = None
    tax_exemption_amount: int | None = None
    receipt_key: str | None = None
    refundable_amount: int | None = None
    card_discount_amount: int | None = None
    easy_pay_discount_amount: int | None = None
    transfer_discount_amount: int | None = None
    raw_response: dict[str, Any] | None = None
    created_at: datetime


_S = PaymentStatus
UNPAID: Final = frozenset({_S.READY, _S.IN_PROGRESS})
OVER_WITHOUT_MONEY: Final = frozenset({_S.ABORTED, _S.EXPIRED})
APPROVED: Final = frozenset({_S.DONE, _S.PARTIAL_CANCELED})
REFUNDABLE: Final = APPROVED | {_S.WAITING_FOR_DEPOSIT}

# Which status may follow which, for one paymentKey (toss/api.md 2; invariant I5). A refusal that a later read
# contradicts is overruled by the read: what Toss shows is where the money is.
ALLOWED_MOVES: Final[dict[PaymentStatus, frozenset[PaymentStatus]]] = {
    _S.READY: frozenset(_S) - {_S.READY},
    _S.IN_PROGRESS: frozenset(_S) - {_S.READY, _S.IN_PROGRESS},
    _S.WAITING_FOR_DEPOSIT: frozenset({_S.DONE, _S.PARTIAL_CANCELED, _S.CANCELED, _S.EXPIRED}),
    _S.DONE: frozenset({_S.PARTIAL_CANCELED, _S.CANCELED, _S.WAITING_FOR_DEPOSIT, _S.EXPIRED}),
    _S.PARTIAL_CANCELED: frozenset({_S.CANCELED}),
    _S.CANCELED: frozenset(),
    _S.ABORTED: frozenset({_S.WAITING_FOR_DEPOSIT, _S.DONE, _S.PARTIAL_CANCELED, _S.CANCELED, _S.EXPIRED}),
    _S.EXPIRED: frozenset({_S.WAITING_FOR_DEPOSIT, _S.DONE, _S.PARTIAL_CANCELED, _S.CANCELED}),
}

# Only a virtual account takes these, and only a read begun after the last fact can tell them from old news: the bank
# takes a deposit back (toss/webhooks.md), and the account may have fallen due by then.
_STEPS_BACK: Final = frozenset(
    {(_S.DONE, _S.WAITING_FOR_DEPOSIT), (_S.DONE, _S.EXPIRED), (_S.WAITING_FOR_DEPOSIT, _S.EXPIRED)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What Toss said a payment is, and when it was asked; amounts in won."""

    payment_key: PaymentKey
    order_no: OrderNo
    status: PaymentStatus
    total_amount: int
    balance_amount: int
    currency: str
    asked_at: datetime


class Verdict(Enum):
    """What a fact does to the row that it is about."""

    APPLY = "apply"
    STALE = "stale"
    STRAY = "stray"
    CONTRADICTS = "contradicts"


def judge(payment: Payment, fact: Fact) -> Verdict:
    """Decide whether a fact is news, old news, or cannot be true of this payment.

    A fact of another order, amount or currency contradicts: nothing is changed and a person has to look. Money
    under a second paymentKey, beside one that holds money, is stray: it has to go back.
    """
    if contradiction(payment, fact):
        return Verdict.CONTRADICTS
    if payment.payment_key not in (None, fact.payment_key):
        return _judge_other_key(payment, fact)
    if fact.status is payment.status:
        return _judge_same_status(payment, fact)
    if fact.status not in ALLOWED_MOVES[payment.status]:
        return Verdict.STALE
    if (payment.status, fact.status) in _STEPS_BACK:
        is_account = payment.virtual_account is not None
        return Verdict.APPLY if is_account and _asked_later(payment, fact) else Verdict.STALE
    return Verdict.APPLY


def contradiction(payment: Payment, fact: Fact) -> str:
    """Say which field of a fact, by Toss's name, cannot be true of a payment, and why; empty where none is."""
    if fact.order_no != payment.order_no:
        return f"orderId: {fact.order_no} is another order"
    if fact.currency != payment.currency:
        return f"currency: {fact.currency[:20]!r} is not {payment.currency}"
    if fact.total_amount != payment.total_amount:
        return f"totalAmount: {fact.total_amount} is not {payment.total_amount}"
    return ""


def looks_old(payment: Payment, fact: Fact) -> bool:
    """Whether a STALE fact is a step back that a later read may well bear out: only by its time is it old news."""
    same = payment.payment_key == fact.payment_key and payment.virtual_account is not None
    return same and (payment.status, fact.status) in _STEPS_BACK


def _judge_same_status(payment: Payment, fact: Fact) -> Verdict:
    if payment.balance_amount is not None and fact.balance_amount > payment.balance_amount:
        return Verdict.STALE  # a balance only falls
    if payment.balance_amount == fact.balance_amount and not _asked_later(payment, fact):
        return Verdict.STALE
    return Verdict.APPLY


def _judge_other_key(payment: Payment, fact: Fact) -> Verdict:
    """The customer may open the window again after a refusal; the order's row then follows the new key."""
    if payment.status in UNPAID | OVER_WITHOUT_MONEY:
        return Verdict.STALE if fact.status in OVER_WITHOUT_MONEY else Verdict.APPLY
    return Verdict.STRAY if fact.status in REFUNDABLE | {_S.CANCELED} else Verdict.STALE


def _asked_later(payment: Payment, fact: Fact) -> bool:
    return payment.fact_asked_at is None or fact.asked_at > payment.fact_asked_at


def order_status(payment: Payment) -> OrderStatus:
    """Answer what an order is, given its payment. Fully refunded means a balance of 0 (toss/api.md 2 [M])."""
    if payment.is_past_due:
        return OrderStatus.EXPIRED
    if payment.approved_at is None or payment.status in UNPAID | OVER_WITHOUT_MONEY:
        return OrderStatus.CANCELED if payment.status is _S.CANCELED else OrderStatus.PENDING_PAYMENT
    if payment.status is _S.WAITING_FOR_DEPOSIT:
        return OrderStatus.PENDING_PAYMENT
    if payment.balance_amount == 0:
        return OrderStatus.REFUNDED
    return OrderStatus.PARTIALLY_REFUNDED if payment.status is _S.PARTIAL_CANCELED else OrderStatus.PAID


def simple_status(payment: Payment, *, confirming: bool) -> SimpleStatus:
    """Derive seed 1's status; ``confirming`` tells whether a confirm attempt is open."""
    if payment.status is _S.CANCELED or (payment.balance_amount == 0 and payment.status in APPROVED):
        return SimpleStatus.REFUNDED if payment.approved_at else SimpleStatus.CANCELLED
    if payment.status in OVER_WITHOUT_MONEY and not confirming:
        return SimpleStatus.FAILED
    if confirming or payment.status is _S.IN_PROGRESS:
        return SimpleStatus.IN_PROGRESS
    return {
        _S.DONE: SimpleStatus.COMPLETED,
        _S.PARTIAL_CANCELED: SimpleStatus.PARTIAL_REFUNDED,
    }.get(payment.status, SimpleStatus.PENDING)


def refundable_amount(payment: Payment, cancels: list[Cancel]) -> Krw:
    """Answer how many won can still go back: the balance, less what open attempts have reserved."""
    reserved = sum(cancel.cancel_amount for cancel in cancels if cancel.cancel_status == CancelStatus.PENDING)
    return Krw(max(0, (payment.balance_amount or 0) - reserved))


def tax_free_left(payment: Payment, cancels: list[Cancel], ordered: int) -> int:
    """Answer how many of the won that can still go back are free of tax.

    Toss's taxFreeAmount is that of the balance (toss/api.md 1.5); where it names none, what was ordered less what went
    back.
    """
    gone = {CancelStatus.DONE, CancelStatus.IN_PROGRESS} if payment.tax_free_amount is None else set()
    counted = [each for each in cancels if each.cancel_status in {CancelStatus.PENDING, *gone}]
    base = ordered if payment.tax_free_amount is None else payment.tax_free_amount
    left = base - sum(each.tax_free_amount or 0 for each in counted)
    return min(max(0, left), refundable_amount(payment, cancels))


def tax_free_bounds(amount: int, left: int, free_left: int) -> tuple[int, int]:
    """Answer the least and the most of a refund that can be free of tax, so that neither part left turns negative."""
    return max(0, free_left - (left - amount)), min(amount, free_left)


def tax_free_of_refund(amount: int, left: int, free_left: int) -> int:
    """Split a refund that says nothing of tax: in proportion to what is left, half up; the last takes the rest."""
    return (2 * amount * free_left + left) // (2 * left)


# --- Virtual accounts: what Toss does not tell ---------------------------------------------------------

# Toss marks an account as expired some time after its due date, and sends nothing (toss/webhooks.md).
DUE_GRACE: Final = timedelta(minutes=1)
# A lost webhook is found out after this long; Toss refuses who asks about one payment too often (toss/api.md 1.4).
SWEEP: Final = timedelta(hours=1)
# A bank pays a refund out about two days later (toss/api.md 5.4 [1src]).
REFUND_SWEEP: Final = timedelta(hours=6)
# A key whose approval was refused is read once more after this long, in case it was approved after all.
REFUSED_SWEEP: Final = timedelta(minutes=1)
# When a window that was opened is over for certain: 30 minutes to authenticate, 10 to confirm (toss/api.md 2).
WINDOW: Final = timedelta(minutes=41)


# How long after its hold a deposit is read again: a bank may still take it back, and that webhook may be lost.
AFTER_HOLD: Final = (
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    *(timedelta(days=day) for day in range(1, 8)),
)
# When a payment is read again whose last read looked like old news.
LOOK_AGAIN: Final = timedelta(seconds=30)


def deposited_at(before: Payment, fact: Fact, *, by_deposit: bool) -> datetime | None:
    """Answer when the deposit that now stands was first seen, by our clock; None when none does."""
    if not by_deposit or fact.status in (_S.WAITING_FOR_DEPOSIT, _S.EXPIRED):
        return None
    return before.deposited_at or (fact.asked_at if fact.status in APPROVED else None)


def hold_ends_at(payment: Payment, hold: timedelta) -> datetime | None:
    """Answer until when a deposit is not relied on; None for what was not paid by deposit."""
    return None if payment.deposited_at is None else payment.deposited_at + hold


def next_look(payment: Payment, now: datetime, hold: timedelta) -> datetime | None:
    """Decide when to read a payment of our own accord; None when Toss has nothing more to say of it."""
    if payment.awaits_deposit:
        return _next_look_for_deposit(payment.due_at, now)
    held_until = hold_ends_at(payment, hold)
    # By when it was asked, as the hand-over goes: a read that was under way when the hold ended hands nothing over.
    asked_at = payment.fact_asked_at or now
    if payment.status in APPROVED and held_until is not None and asked_at < held_until:
        return max(held_until, now)
    if payment.refund_status is RefundStatus.PENDING:
        return now + REFUND_SWEEP
    if payment.status in APPROVED and held_until is not None and payment.balance_amount != 0:
        return min((held_until + wait for wait in AFTER_HOLD if held_until + wait > now), default=None)
    if payment.status in UNPAID and payment.payment_key is not None:
        over_at = payment.requested_at + WINDOW
        return over_at if now < over_at else now + SWEEP if now < over_at + timedelta(days=1) else None
    return None


def look_at_refused(refused_at: datetime, order_ends_at: datetime) -> datetime:
    """Decide when to read a refused paymentKey once more: soon, and before its order is closed."""
    return max(refused_at, min(refused_at + REFUSED_SWEEP, order_ends_at - REFUSED_SWEEP / 2))


def earliest(*times: datetime | None) -> datetime | None:
    """Return the earliest of the times that are known; None where none is."""
    return min((time for time in times if time is not None), default=None)


def _next_look_for_deposit(due: datetime | None, now: datetime) -> datetime:
    """Hourly, and when it falls due; what Toss does not mark as expired then, ever less often."""
    if due is None:
        return now + SWEEP
    if now < due + DUE_GRACE:
        return min(due + DUE_GRACE, now + SWEEP)
    return now + min(now - due, SWEEP)
