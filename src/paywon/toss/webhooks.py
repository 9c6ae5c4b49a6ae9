"""What Toss posts to us, reduced to the hints in it (toss/webhooks.md).

Bodies are unsigned, doubled, unordered and sometimes incomplete, so nothing here is the last word: read the
payment.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from paywon.toss.body import MalformedBody, parse_object
from paywon.toss.wire import aware

DEPOSIT_CALLBACK = "DEPOSIT_CALLBACK"

MAX_TEXT_CHARS = 300
"""No identifier of Toss's is longer than 200 (toss/api.md 1.5)."""

ALWAYS_SIGNED = frozenset({"payout.changed", "seller.changed"})
"""The only events that Toss signs (toss/webhooks.md [2src])."""

_FLAT = ("secret", "transactionKey", "orderId")
NEEDS_PAYMENT = frozenset({"PAYMENT_STATUS_CHANGED", "ORDER_PAYMENT_STATUS_CHANGED"})


class MalformedWebhook(MalformedBody):
    """Not a webhook of Toss's. `reason` quotes no value out of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One delivery. Every field but `event_type` is what the body claims, None where it claims nothing.

    `transaction_key` is that of the transition: the deposit's or cancel's own, or a payment's
    lastTransactionKey. `status` is a payment's, cancel's (cancelStatus), seller's … as the event has it.
    `event_id` only v2 events carry.
    """

    event_type: str
    created_at: datetime | None = None
    payment_key: str | None = None
    order_no: str | None = None
    status: str | None = None
    secret: str | None = field(default=None, repr=False)
    transaction_key: str | None = None
    event_id: str | None = None
    raw: dict[str, Any] = field(repr=False)


def parse_webhook(body: bytes) -> Webhook:
    """The delivery in `body`, of any of the three envelopes, event types unknown to us included.

    Raises `MalformedWebhook` for what is no such object, and for a known payment event that names no payment.
    """
    try:
        raw = parse_object(body)
    except MalformedBody as error:
        raise MalformedWebhook(error.reason) from None
    event_type = _text(raw, "eventType") if "eventType" in raw else _flat_type(raw)
    # A sign that no text can hold has become a question mark by now.
    if not event_type or not event_type.isascii() or "?" in event_type:
        raise MalformedWebhook("eventType is not a text of Latin letters and signs")
    subject = _subject(raw, event_type)
    webhook = Webhook(
        event_type=event_type,
        created_at=instant(raw.get("createdAt")),
        payment_key=_text(subject, "paymentKey"),
        order_no=_text(subject, "orderId"),
        status=_claim(subject, "status") or _claim(subject, "cancelStatus"),
        secret=_claim(subject, "secret"),
        transaction_key=_claim(subject, "transactionKey") or _claim(subject, "lastTransactionKey"),
        event_id=_claim(raw, "eventId"),
        raw=raw,
    )
    if event_type in NEEDS_PAYMENT and not (webhook.payment_key or webhook.order_no):
        raise MalformedWebhook(f"{event_type} without paymentKey and orderId")
    return webhook


def _flat_type(raw: dict[str, Any]) -> str:
    """Envelope B has no eventType; secret, transactionKey and orderId tell it (toss/webhooks.md [2src])."""
    texts = [_claim(raw, name) or "" for name in _FLAT]
    if all(text and text.isascii() for text in texts):
        return DEPOSIT_CALLBACK
    raise MalformedWebhook("neither eventType nor secret, transactionKey and orderId")


def _subject(raw: dict[str, Any], event_type: str) -> dict[str, Any]:
    """The object that the event is about: `data` (v1), `entityBody` (v2), the body itself
    (DEPOSIT_CALLBACK).
    """
    if "eventType" not in raw:
        return raw
    subject = raw.get("entityBody", raw.get("data"))
    if event_type == "ORDER_PAYMENT_STATUS_CHANGED" and isinstance(subject, dict):
        subject = subject.get("payment")
    return subject if isinstance(subject, dict) else {}


def _text(holder: dict[str, Any], name: str) -> str | None:
    """Read what says what a delivery is about; it has to be readable if it is there."""
    value = holder.get(name)
    if isinstance(value, str) and not _is_usable(value):
        raise MalformedWebhook(f"{name} is too long or not printable")
    return value or None if isinstance(value, str) else None


def _claim(holder: dict[str, Any], name: str) -> str | None:
    """Read what a delivery says of its subject; what cannot be read is not claimed."""
    value = holder.get(name)
    return value or None if isinstance(value, str) and _is_usable(value) else None


def _is_usable(text: str) -> bool:
    # These go into text columns and log lines; PostgreSQL refuses NUL, and a line break forges a log line.
    return len(text) <= MAX_TEXT_CHARS and text.isprintable()


def instant(text: object) -> datetime | None:
    """Envelope A and B: no offset means Korean time, 0–9 fraction digits. None if unreadable: it decides
    nothing.
    """
    if not isinstance(text, str):
        return None
    try:
        return aware(msgspec.convert(text, datetime))
    except (msgspec.ValidationError, ValueError):
        return None
