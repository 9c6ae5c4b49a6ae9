"""What the order page shows, worked out from what paywon knows. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from paywon.base.clock import KST
from paywon.base.money import Krw
from paywon.capsules.model import Capsule
from paywon.demo import words
from paywon.demo.guard import is_web_address
from paywon.demo.words import Words
from paywon.inbox.model import WebhookStatus
from paywon.inbox.store import Stored
from paywon.orders.model import PAID_ONCE, Order, OrderStatus
from paywon.payments.commands.queries import PaymentView, UnpaidView
from paywon.payments.model import (
    APPROVED,
    CANCELLING,
    MONEY_MOVING,
    Attempt,
    AttemptStatus,
    AttemptType,
    Cancel,
    CancelStatus,
    Payment,
    PaymentStatus,
    SimpleStatus,
    refundable_amount,
    simple_status,
)

# Webhooks come within a second.
_WEBHOOK_PATIENCE: Final = timedelta(seconds=6)
_WEEKDAYS: Final = "월화수목금토일"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of the timeline; ``took_ms`` is how long Toss took, ``detail`` the status that it showed or told."""

    said: Words
    who: Words
    at: datetime
    amount: Krw | None
    took_ms: int | None
    trouble: str | None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunds:
    """What went back and what still can, in won; ``needs_account``: a deposit goes back to the customer's account."""

    done: list[Cancel]
    left: Krw
    needs_account: bool
    offered: bool


class Known(Enum):
    """What our books say of an order whose customer came back without paying."""

    PAID = "paid"
    ASKING = "asking"
    NOT_PAID = "not paid"
    OVER = "over"
    NOTHING = "nothing"


def known(view: PaymentView | UnpaidView, now: datetime) -> Known:
    """Return what may be said about the money of an order, and whether it can still be paid."""
    if _has_money(view):
        return Known.PAID
    if isinstance(view, PaymentView) and view.in_doubt:
        return Known.ASKING
    return Known.NOT_PAID if _waits(view.order, now) else Known.OVER


def _has_money(view: PaymentView | UnpaidView) -> bool:
    if view.order.status in PAID_ONCE or isinstance(view, UnpaidView):
        return view.order.status in PAID_ONCE
    return view.payment.approved_at is not None or view.payment.awaits_deposit


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage:
    """Everything that the order page shows. ``refresh_s``: seconds until it looks again, None for never."""

    order: Order
    payment: Payment | None
    capsule: Capsule | None
    headline: Words
    order_words: Words
    simple: str | None
    means: str | None
    refunds: Refunds
    steps: list[Step]
    refresh_s: int | None
    in_doubt: bool
    payable: bool
    receipt_url: str | None
    webhook_awaited: bool
    balance_explained: bool


def unpaid_page(order: Order, now: datetime) -> OrderPage:
    """The page of an order that nobody has tried to pay yet."""
    return OrderPage(
        order=order,
        payment=None,
        capsule=None,
        headline=words.NOT_ASKED_YET if _waits(order, now) else words.PAYMENT_STATUS[SimpleStatus.FAILED],
        order_words=words.ORDER_STATUS[order.status],
        simple=None,
        means=None,
        refunds=Refunds(done=[], left=Krw(0), needs_account=False, offered=False),
        steps=[],
        refresh_s=None,
        in_doubt=False,
        payable=_waits(order, now),
        receipt_url=None,
        webhook_awaited=False,
        balance_explained=False,
    )


def order_page(view: PaymentView, trail: list[Attempt], webhooks: list[Stored], now: datetime) -> OrderPage:
    """The page of an order with its payment; ``trail`` and ``webhooks`` are what happened."""
    payment, order = view.payment, view.order
    in_doubt = view.in_doubt or any(_asks_for_window(attempt) for attempt in trail)
    awaited = not in_doubt and _webhook_awaited(payment, trail, webhooks, now)
    return OrderPage(
        order=order,
        payment=payment,
        capsule=view.capsule,
        headline=_headline(view),
        order_words=words.ORDER_STATUS[order.status],
        simple=simple_status(payment, confirming=view.confirming),
        means=_means(payment),
        refunds=refunds_of(view),
        steps=sorted([*_steps(trail), *_webhook_steps(webhooks)], key=lambda step: step.at),
        refresh_s=2 if in_doubt else 1 if awaited else 3 if _comes_by_itself(view) else None,
        in_doubt=in_doubt,
        payable=_waits(order, now) and not in_doubt and payment.status is not PaymentStatus.WAITING_FOR_DEPOSIT,
        receipt_url=payment.receipt_url if payment.approved_at and is_web_address(payment.receipt_url) else None,
        webhook_awaited=awaited and _webhook_unseen(webhooks),
        balance_explained=payment.status is PaymentStatus.PARTIAL_CANCELED and payment.balance_amount == 0,
    )


def moment(at: datetime) -> str:
    """``2026년 11월 22일 (일) 11:30``, in Korea."""
    day = at.astimezone(KST)
    return f"{day.year}년 {day.month}월 {day.day}일 ({_WEEKDAYS[day.weekday()]}) {day:%H:%M}"


def due(text: str) -> str:
    """Return a due date as Toss wrote it in the words of ``moment``; as it came where it cannot be read."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment(at if at.tzinfo else at.replace(tzinfo=KST))


def time_of_day(at: datetime) -> str:
    """``11:30:05``, in Korea."""
    return f"{at.astimezone(KST):%H:%M:%S}"


def days_until(at: datetime, now: datetime) -> int:
    """Answer how many midnights of Korea lie between now and then."""
    return (at.astimezone(KST).date() - now.astimezone(KST).date()).days


def _waits(order: Order, now: datetime) -> bool:
    return order.status is OrderStatus.PENDING_PAYMENT and order.expires_at > now


def _comes_by_itself(view: PaymentView) -> bool:
    """Whether a deposit, or the end of its hold, is going to change the page."""
    return view.payment.awaits_deposit or view.order.fulfilment_reason == "DEPOSIT_HELD"


def _asks_for_window(attempt: Attempt) -> bool:
    return attempt.type is AttemptType.PAYMENT_REQUEST and attempt.status is AttemptStatus.PENDING


def _headline(view: PaymentView) -> Words:
    if view.attempt is not None and view.in_doubt and view.attempt.type in CANCELLING:
        return words.REFUNDING
    if view.payment.awaits_deposit:
        return words.AWAITS_DEPOSIT
    return words.PAYMENT_STATUS[simple_status(view.payment, confirming=view.confirming)]


def _webhook_awaited(payment: Payment, trail: list[Attempt], webhooks: list[Stored], now: datetime) -> bool:
    """Whether the webhook of the last thing that Toss did is still on its way, so that the page looks again."""
    if payment.approved_at is None:
        return False
    moved = [a for a in trail if a.type in MONEY_MOVING and a.status is AttemptStatus.SUCCESS and a.closed_at]
    if not moved or now - (moved[-1].closed_at or now) > _WEBHOOK_PATIENCE:
        return False
    # A webhook may overtake the answer, so what counts is when Toss was asked.
    news = [webhook for webhook in webhooks if webhook.received_at >= moved[-1].created_at]
    return not news or any(webhook.status is WebhookStatus.RECEIVED for webhook in news)


def _webhook_unseen(webhooks: list[Stored]) -> bool:
    """Whether none stands in the list as being looked into: else the list says it already."""
    return all(webhook.status is not WebhookStatus.RECEIVED for webhook in webhooks)


def _means(payment: Payment) -> str | None:
    """How it was paid: ``카드 · 국민 · **** 1234 · 일시불``."""
    if payment.method is None:
        return None
    parts: list[Any] = [payment.method, payment.easy_pay_provider, payment.card_company]
    if payment.card_last_four_digits:
        parts.append(f"**** {payment.card_last_four_digits}")
    if payment.card_company:
        months = payment.installment_plan_months or 0
        parts.append(f"{months}개월 할부" if months else "일시불")
    return " · ".join(str(part) for part in parts if part)


def refunds_of(view: PaymentView) -> Refunds:
    """Return what of a payment went back, and what can be asked back now."""
    left = refundable_amount(view.payment, view.cancels)
    return Refunds(
        done=[cancel for cancel in view.cancels if cancel.cancel_status == CancelStatus.DONE],
        left=left,
        needs_account=view.payment.virtual_account is not None,
        offered=view.payment.status in APPROVED and left > 0 and not view.in_doubt,
    )


def _steps(trail: list[Attempt]) -> list[Step]:
    """Tell each row of the trail, a read by what had changed since the row before it."""
    steps, shown = [], None
    for attempt in trail:
        if attempt.type is AttemptType.WEBHOOK_RECEIVED:
            continue  # told by what has become of it
        now_shown = _shown(attempt)
        steps.append(_step(attempt, words.step_words(attempt, shown_before=shown)))
        shown = now_shown or shown
    return steps


def _shown(attempt: Attempt) -> str | None:
    """Return the status of the payment in Toss's answer."""
    return (attempt.response_data or {}).get("status") if attempt.status is AttemptStatus.SUCCESS else None


def _webhook_steps(webhooks: list[Stored]) -> list[Step]:
    told = [(webhook, words.webhook_words(webhook.status, webhook.reason)) for webhook in webhooks]
    who = words.actor_words("system:inbox")
    return [
        Step(
            said=said,
            who=who,
            at=webhook.received_at,
            amount=None,
            took_ms=None,
            trouble=None,
            detail=webhook.event_type,
        )
        for webhook, said in told
        if said is not None
    ]


def _step(attempt: Attempt, said: Words) -> Step:
    trouble = attempt.error_message or attempt.error_code if attempt.status is not AttemptStatus.SUCCESS else None
    deposited = (attempt.response_data or {}).get("totalAmount") if said is words.DEPOSITED else None
    return Step(
        said=said,
        who=words.actor_words(attempt.actor),
        at=attempt.created_at,
        amount=attempt.amount if deposited is None else Krw(deposited),
        took_ms=attempt.processing_time_ms,
        trouble=trouble,
        detail=_shown(attempt) if attempt.type is AttemptType.STATUS_READ else None,
    )
