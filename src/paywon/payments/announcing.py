"""Which events a change of an order and its payment comes to, from how they were and how they are. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Literal

from paywon.base.money import Krw
from paywon.capsules.model import Capsule
from paywon.orders.announcing import expired_event, order_told
from paywon.orders.model import FulfilmentKind, FulfilmentStatus, Order, OrderStatus
from paywon.outbox.model import (
    DATA,
    CapsuleEvent,
    CapsuleTold,
    DoubtEvent,
    Event,
    EventType,
    OrderMaybePaymentEvent,
    OrderPaymentEvent,
    PaymentTold,
    PayOutTold,
    QuestionTold,
    RefundEvent,
    RefundPayOutEvent,
    RefundTold,
    UnappliedEvent,
    UnappliedTold,
    new_event,
)
from paywon.payments.bank_refunds import RefundStatus
from paywon.payments.model import (
    MONEY_MOVING,
    Attempt,
    AttemptStatus,
    AttemptType,
    Payment,
    PaymentStatus,
    simple_status,
)
from paywon.strays.model import Stray

# An open receipt, billing key or read puts no payment in doubt.
DOUBTS_TOLD: Final = MONEY_MOVING | {AttemptType.PAYMENT_REQUEST}


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """An order with its payment, as they were at one moment."""

    order: Order
    payment: Payment


class _Stage(Enum):
    """How far a payment is, seen from outside."""

    OPEN = "open"
    AWAITS_DEPOSIT = "awaits a deposit"
    PAID = "paid, with or without refunds"
    CANCELED = "canceled before it was paid"
    FAILED = "failed"
    EXPIRED = "expired"


_OUTCOME: Final[dict[AttemptStatus, Literal["success", "failed"] | None]] = {
    AttemptStatus.PENDING: None,
    AttemptStatus.SUCCESS: "success",
    AttemptStatus.FAILED: "failed",
}
_REACHED: Final = {
    _Stage.AWAITS_DEPOSIT: EventType.PAYMENT_WAITING_FOR_DEPOSIT,
    _Stage.PAID: EventType.PAYMENT_COMPLETED,
    _Stage.CANCELED: EventType.PAYMENT_CANCELED,
    _Stage.FAILED: EventType.PAYMENT_FAILED,
    _Stage.EXPIRED: EventType.PAYMENT_EXPIRED,
}


_PAID_OUT: Final[dict[RefundStatus | None, EventType]] = {
    RefundStatus.FAILED: EventType.PAYMENT_REFUND_FAILED,
    RefundStatus.PARTIAL_FAILED: EventType.PAYMENT_REFUND_FAILED,
    RefundStatus.COMPLETED: EventType.PAYMENT_REFUND_COMPLETED,
}


def events_of(before: Books, after: Books, now: datetime, *, capsule: Capsule | None = None) -> list[Event]:
    """Answer what a change is told as: first of the payment, then of the order, then of its capsule.

    ``capsule`` is the order's own; it is wanted where ``moves_capsule`` says so.
    """
    of_capsule = capsule_events(before.order, after.order, capsule, now)
    return [*_of_payment(before, after, now), *_of_order(before, after, now), *of_capsule]


def requested(order: Order, payment: Payment, now: datetime) -> Event:
    """Tell that somebody has begun to pay an order."""
    return _about(EventType.PAYMENT_REQUESTED, Books(order=order, payment=payment), now)


def paid_free(order: Order, now: datetime) -> Event:
    """Tell that an order of 0 won counts as paid: there is no payment."""
    data = OrderMaybePaymentEvent(order=order_told(order), payment=None)
    return new_event(EventType.ORDER_PAID, order.id, data, now)


def refused(before: Books, after: Books, attempt: Attempt, now: datetime) -> list[Event]:
    """Answer what a refusal that ends an attempt's paymentKey is told as.

    A card after a card that was refused is told too, but not what a webhook told of the same paymentKey before.
    """
    events, was = events_of(before, after, now), before.payment
    known = was.payment_key is not None and was.payment_key == attempt.payment_key
    if not events and not known and _stage(after.payment) in (_Stage.FAILED, _Stage.EXPIRED):
        return [_about(_REACHED[_stage(after.payment)], after, now)]
    return events


def unapplied(books: Books, stray: Stray, now: datetime) -> Event:
    """Tell of money that no order can take, and that does not go back by itself."""
    told = UnappliedTold(payment_key=stray.payment_key, amount=stray.balance_amount, reason=stray.reason.value)
    data = UnappliedEvent(order=order_told(books.order), payment=payment_told(books.payment), unapplied=told)
    key = f"unapplied:{stray.payment_key}"
    return new_event(EventType.PAYMENT_UNAPPLIED, books.order.id, data, now, dedupe_key=key)


def doubt(kind: EventType, books: Books, attempt: Attempt, now: datetime) -> Event:
    """Tell that nobody knows what came of a question to Toss, or that it is known now."""
    told = QuestionTold(
        id=attempt.id,
        type=attempt.type.value,  # type: ignore[arg-type]  # one of DOUBTS_TOLD
        since=attempt.created_at,
        outcome=_OUTCOME[attempt.status],
    )
    data = DoubtEvent(order=order_told(books.order), payment=payment_told(books.payment), question=told)
    return new_event(kind, books.order.id, data, now)


def moves_capsule(before: Order, after: Order) -> bool:
    """Whether a change made the order's capsule, or took it back."""
    return after.fulfilment_kind == FulfilmentKind.TIME_CAPSULE and _holds(before) is not _holds(after)


def payment_told(payment: Payment) -> PaymentTold:
    """Answer what may be told of a payment."""
    return PaymentTold(
        id=payment.id,
        payment_number=payment.payment_number,
        payment_key=payment.payment_key,
        status=payment.status.value,
        simple_status=simple_status(payment, confirming=False).value,
        method=payment.payment_method.value if payment.payment_method else None,
        amount=payment.total_amount,
        balance_amount=_balance(payment),
        refunded_amount=payment.refunded_amount,
        currency=payment.currency,
        approved_at=payment.approved_at,
        fail_code=payment.fail_code,
    )


def _stage(payment: Payment) -> _Stage:
    match payment.status:
        case PaymentStatus.READY | PaymentStatus.IN_PROGRESS:
            return _Stage.OPEN
        case PaymentStatus.WAITING_FOR_DEPOSIT:
            return _Stage.EXPIRED if payment.is_past_due else _Stage.AWAITS_DEPOSIT
        case PaymentStatus.ABORTED:
            return _Stage.FAILED
        case PaymentStatus.EXPIRED:
            return _Stage.EXPIRED
        case PaymentStatus.DONE | PaymentStatus.PARTIAL_CANCELED | PaymentStatus.CANCELED:
            return _Stage.PAID if payment.approved_at else _Stage.CANCELED


def _of_payment(before: Books, after: Books, now: datetime) -> list[Event]:
    was, now_is = _stage(before.payment), _stage(after.payment)
    events = []
    if was is _Stage.PAID and now_is in (_Stage.AWAITS_DEPOSIT, _Stage.EXPIRED, _Stage.CANCELED):
        events.append(_about(EventType.PAYMENT_DEPOSIT_REVERSED, after, now))
    if now_is is not was and now_is is not _Stage.OPEN and (was, now_is) != (_Stage.PAID, _Stage.AWAITS_DEPOSIT):
        events.append(_about(_REACHED[now_is], after, now))
    if now_is is _Stage.PAID:
        had = _balance(before.payment) if was is _Stage.PAID else before.payment.total_amount
        went_back = Krw(had - _balance(after.payment))
        if went_back > 0:
            events.append(_refund(after, went_back, now))
    return events + _of_pay_out(before.payment, after, now)


def _of_pay_out(was: Payment, after: Books, now: datetime) -> list[Event]:
    """Answer what is told of a refund to an account: the bank pays it out, or not, days after Toss has counted it."""
    status = after.payment.refund_status
    kind = _PAID_OUT.get(status)
    if status is None or kind is None or kind is _PAID_OUT.get(was.refund_status):
        return []
    told = PayOutTold(status=status.value, amount=after.payment.refunded_amount)  # type: ignore[arg-type]  # see kind
    data = RefundPayOutEvent(order=order_told(after.order), payment=payment_told(after.payment), refund=told)
    return [new_event(kind, after.order.id, data, now)]


def _of_order(before: Books, after: Books, now: datetime) -> list[Event]:
    was, is_ = before.order, after.order
    events = []
    if was.paid_told_at is None and is_.paid_told_at is not None:
        events.append(_about(EventType.ORDER_PAID, after, now))
    if was.paid_told_at is not None and is_.paid_told_at is None:
        events.append(_about(EventType.ORDER_PAYMENT_REVERSED, after, now))
    if was.status is not is_.status:
        match is_.status:
            case OrderStatus.REFUNDED:
                events.append(_about(EventType.ORDER_REFUNDED, after, now))
            case OrderStatus.CANCELED:
                events.append(_about(EventType.ORDER_CANCELED, after, now))
            case OrderStatus.EXPIRED:
                events.append(expired_event(is_, now))
    if is_.fulfilment_status is FulfilmentStatus.BLOCKED is not was.fulfilment_status:
        events.append(_about(EventType.ORDER_FULFILMENT_BLOCKED, after, now))
    return events


def blocked(order: Order, payment: Payment | None, now: datetime) -> Event:
    """Tell that what was ordered cannot be handed over."""
    told = OrderMaybePaymentEvent(order=order_told(order), payment=payment_told(payment) if payment else None)
    return new_event(EventType.ORDER_FULFILMENT_BLOCKED, order.id, told, now)


def capsule_events(before: Order, after: Order, capsule: Capsule | None, now: datetime) -> list[Event]:
    """Return what a change of an order is told as of its capsule, which is wanted where ``moves_capsule`` says so."""
    if not moves_capsule(before, after):
        return []
    assert capsule is not None, "what was made or taken back is there"
    kind = EventType.CAPSULE_CREATED if _holds(after) else EventType.CAPSULE_CANCELED
    told = CapsuleTold(
        id=capsule.id,
        status=capsule.status.value,
        time_option=capsule.time_option.value,
        open_at=capsule.open_at,
        headcount=capsule.headcount,
    )
    return [new_event(kind, after.id, CapsuleEvent(order=order_told(after), capsule=told), now)]


def _holds(order: Order) -> bool:
    return order.fulfilment_status is FulfilmentStatus.FULFILLED


def _balance(payment: Payment) -> Krw:
    """Won that can still go back; nothing of what was never approved."""
    return Krw(payment.balance_amount or 0) if payment.approved_at else Krw(0)


def _refund(books: Books, went_back: Krw, now: datetime) -> Event:
    kind = EventType.PAYMENT_PARTIALLY_REFUNDED if _balance(books.payment) else EventType.PAYMENT_REFUNDED
    data = RefundEvent(
        order=order_told(books.order), payment=payment_told(books.payment), refund=RefundTold(amount=went_back)
    )
    return new_event(kind, books.order.id, data, now)


def _about(kind: EventType, books: Books, now: datetime) -> Event:
    shape = OrderMaybePaymentEvent if DATA[kind] is OrderMaybePaymentEvent else OrderPaymentEvent
    data = shape(order=order_told(books.order), payment=payment_told(books.payment))
    return new_event(kind, books.order.id, data, now)
