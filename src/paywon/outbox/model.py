"""The catalogue of events and what each one says. Pure.

An event carries ids, numbers, amounts in won, statuses and times: no personal data, no secret, no card or account
number, and no free text. Who wants to know more reads it from the API.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from paywon.base.ids import EventId, new_uuid


class EventType(StrEnum):
    PAYMENT_REQUESTED = "payment.requested"
    PAYMENT_WAITING_FOR_DEPOSIT = "payment.waiting_for_deposit"
    PAYMENT_COMPLETED = "payment.completed"
    PAYMENT_PARTIALLY_REFUNDED = "payment.partially_refunded"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_EXPIRED = "payment.expired"
    PAYMENT_CANCELED = "payment.canceled"
    PAYMENT_DEPOSIT_REVERSED = "payment.deposit_reversed"
    PAYMENT_REFUND_FAILED = "payment.refund_failed"
    PAYMENT_REFUND_COMPLETED = "payment.refund_completed"
    PAYMENT_UNAPPLIED = "payment.unapplied"
    PAYMENT_IN_DOUBT = "payment.in_doubt"
    PAYMENT_DOUBT_RESOLVED = "payment.doubt_resolved"
    ORDER_PAID = "order.paid"
    ORDER_PAYMENT_REVERSED = "order.payment_reversed"
    ORDER_REFUNDED = "order.refunded"
    ORDER_FULFILMENT_BLOCKED = "order.fulfilment_blocked"
    ORDER_CANCELED = "order.canceled"
    ORDER_EXPIRED = "order.expired"
    CASH_RECEIPT_REFUSED = "cash_receipt.refused"
    CAPSULE_CREATED = "capsule.created"
    CAPSULE_CANCELED = "capsule.canceled"
    BILLING_KEY_ISSUED = "billing_key.issued"
    BILLING_KEY_DELETED = "billing_key.deleted"
    SETTLEMENT_PAID_OUT = "settlement.paid_out"
    ENDPOINT_TEST = "endpoint.test"

    @property
    def group(self) -> str:
        """What stands before the dot."""
        return self.value.partition(".")[0]


# A test goes to the endpoint that it is asked for, whatever that one listens to.
SUBSCRIBABLE: Final = tuple(kind for kind in EventType if kind is not EventType.ENDPOINT_TEST)
FILTERS: Final = ("*", *dict.fromkeys(f"{kind.group}.*" for kind in SUBSCRIBABLE), *map(str, SUBSCRIBABLE))
"""What an endpoint may listen to: everything, a group, one type."""

Won: TypeAlias = Annotated[int, Meta(description="won, a whole number")]


class Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of an event's data."""


class OrderTold(Told, frozen=True, kw_only=True):
    """An order as it then was. ``resourceId`` is the application's own."""

    id: UUID
    order_no: str
    status: Literal["PENDING_PAYMENT", "PAID", "PARTIALLY_REFUNDED", "REFUNDED", "CANCELED", "EXPIRED"]
    amount: Won
    currency: str
    resource_type: str | None
    resource_id: str | None


class PaymentTold(Told, frozen=True, kw_only=True):
    """A payment as it then was.

    ``status`` is Toss's own word, ``simpleStatus`` that of ``/payments``. Both amounts are 0 until it is approved.
    ``failCode`` is Toss's.
    """

    id: UUID
    payment_number: str
    payment_key: str | None
    status: Literal[
        "READY", "IN_PROGRESS", "WAITING_FOR_DEPOSIT", "DONE", "PARTIAL_CANCELED", "CANCELED", "ABORTED", "EXPIRED"
    ]
    simple_status: Literal["pending", "completed", "partial_refunded", "refunded", "cancelled", "failed", "in_progress"]
    method: Literal["card", "transfer", "virtual_account", "mobile"] | None
    amount: Won
    balance_amount: Won
    refunded_amount: Won
    currency: str
    approved_at: datetime | None
    fail_code: str | None


class RefundTold(Told, frozen=True, kw_only=True):
    """What went back to the customer with this step; more than one refund, if they became known together."""

    amount: Won


class PayOutTold(Told, frozen=True, kw_only=True):
    """What the bank made of a refund to an account: Toss's word, and won that went back so far by Toss's books."""

    status: Literal["COMPLETED", "FAILED", "PARTIAL_FAILED"]
    amount: Won


class UnappliedTold(Told, frozen=True, kw_only=True):
    """Money that no order can take: under which paymentKey, how many won, and why none can."""

    payment_key: str
    amount: Won
    reason: Literal["ORDER_EXPIRED", "ORDER_CANCELED", "ORDER_PAID_ALREADY", "UNFIT"]


class CashReceiptTold(Told, frozen=True, kw_only=True):
    """A cash receipt, or the cancel of one (``cancelsId``), whose answer from the tax office came last."""

    id: UUID
    cancels_id: UUID | None
    amount: Won
    status: Literal["FAILED"]
    fail_code: str | None


class QuestionTold(Told, frozen=True, kw_only=True):
    """A question to Toss whose outcome nobody knew: since when, and what came of it (null while that is open)."""

    id: UUID
    type: Literal[
        "payment_request",
        "payment_confirmation",
        "payment_cancellation",
        "refund_request",
        "refund_again",
        "virtual_account_issue",
        "billing_charge",
    ]
    since: datetime
    outcome: Literal["success", "failed"] | None


class CapsuleTold(Told, frozen=True, kw_only=True):
    id: UUID
    status: Literal["LOCKED", "CANCELED"]
    time_option: Literal["1_WEEK", "1_MONTH", "1_YEAR", "CUSTOM"]
    open_at: datetime
    headcount: int


class BillingKeyTold(Told, frozen=True, kw_only=True):
    """``id`` is ours: the key itself is in no event."""

    id: UUID
    status: Literal["ACTIVE", "DELETED"]
    authenticated_at: datetime | None
    deleted_at: datetime | None


class PayoutTold(Told, frozen=True, kw_only=True):
    """What Toss says it paid out on one Korean day: sums over its settlement rows, in won.

    ``amount`` is what customers paid (refunds are negative), ``fee`` Toss's share, ``payOutAmount`` what is left.
    """

    day: date
    count: int
    amount: Won
    fee: Won
    pay_out_amount: Won
    currency: Literal["KRW"]


class OrderEvent(Told, frozen=True, kw_only=True):
    order: OrderTold


class OrderPaymentEvent(Told, frozen=True, kw_only=True):
    """About an order and its payment."""

    order: OrderTold
    payment: PaymentTold


class OrderMaybePaymentEvent(Told, frozen=True, kw_only=True):
    """About an order. ``payment`` is null where no payment did it: an order of 0 won, or one that was withdrawn."""

    order: OrderTold
    payment: PaymentTold | None


class RefundEvent(Told, frozen=True, kw_only=True):
    order: OrderTold
    payment: PaymentTold
    refund: RefundTold


class RefundPayOutEvent(Told, frozen=True, kw_only=True):
    """About money that Toss counts as refunded, and that the bank did or did not bring to the customer's account."""

    order: OrderTold
    payment: PaymentTold
    refund: PayOutTold


class UnappliedEvent(Told, frozen=True, kw_only=True):
    """About money that came beside an order's payment, or too late for its order."""

    order: OrderTold
    payment: PaymentTold
    unapplied: UnappliedTold


class CashReceiptEvent(Told, frozen=True, kw_only=True):
    order: OrderTold
    cash_receipt: CashReceiptTold


class DoubtEvent(Told, frozen=True, kw_only=True):
    order: OrderTold
    payment: PaymentTold
    question: QuestionTold


class CapsuleEvent(Told, frozen=True, kw_only=True):
    order: OrderTold
    capsule: CapsuleTold


class BillingKeyEvent(Told, frozen=True, kw_only=True):
    billing_key: BillingKeyTold


class PayoutEvent(Told, frozen=True, kw_only=True):
    payout: PayoutTold


class EndpointTold(Told, frozen=True, kw_only=True):
    id: UUID


class PingEvent(Told, frozen=True, kw_only=True):
    """Sent because somebody asked for a test."""

    endpoint: EndpointTold


EventData: TypeAlias = (
    OrderEvent
    | OrderPaymentEvent
    | OrderMaybePaymentEvent
    | RefundEvent
    | RefundPayOutEvent
    | UnappliedEvent
    | CashReceiptEvent
    | DoubtEvent
    | CapsuleEvent
    | BillingKeyEvent
    | PayoutEvent
    | PingEvent
)

_T = EventType
DATA: Final[dict[EventType, type[EventData]]] = {
    **{kind: OrderPaymentEvent for kind in _T if kind.group == "payment"},
    _T.PAYMENT_PARTIALLY_REFUNDED: RefundEvent,
    _T.PAYMENT_REFUNDED: RefundEvent,
    _T.PAYMENT_REFUND_FAILED: RefundPayOutEvent,
    _T.PAYMENT_REFUND_COMPLETED: RefundPayOutEvent,
    _T.PAYMENT_UNAPPLIED: UnappliedEvent,
    _T.CASH_RECEIPT_REFUSED: CashReceiptEvent,
    _T.PAYMENT_IN_DOUBT: DoubtEvent,
    _T.PAYMENT_DOUBT_RESOLVED: DoubtEvent,
    _T.ORDER_PAID: OrderMaybePaymentEvent,
    _T.ORDER_PAYMENT_REVERSED: OrderPaymentEvent,
    _T.ORDER_REFUNDED: OrderPaymentEvent,
    _T.ORDER_FULFILMENT_BLOCKED: OrderMaybePaymentEvent,
    _T.ORDER_CANCELED: OrderMaybePaymentEvent,
    _T.ORDER_EXPIRED: OrderEvent,
    _T.CAPSULE_CREATED: CapsuleEvent,
    _T.CAPSULE_CANCELED: CapsuleEvent,
    _T.BILLING_KEY_ISSUED: BillingKeyEvent,
    _T.BILLING_KEY_DELETED: BillingKeyEvent,
    _T.SETTLEMENT_PAID_OUT: PayoutEvent,
    _T.ENDPOINT_TEST: PingEvent,
}
"""What an event of each type says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of ``events``.

    ``stream`` is what the order of delivery is kept for: an order with its payment and its capsule, a billing key.
    ``dedupe_key`` names what is told only once, whoever finds it out.
    """

    id: EventId
    type: EventType
    stream: UUID
    occurred_at: datetime
    data: EventData
    dedupe_key: str | None = None


def new_event(kind: EventType, stream: UUID, data: EventData, now: datetime, *, dedupe_key: str | None = None) -> Event:
    """Make an event that has just come about."""
    assert isinstance(data, DATA[kind]), f"{kind} says {DATA[kind].__name__}"
    return Event(id=EventId(new_uuid()), type=kind, stream=stream, occurred_at=now, data=data, dedupe_key=dedupe_key)
