"""What arrived at the webhook door. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId


class WebhookVerdict(StrEnum):
    """How far an event is believed (DESIGN 5). ``REFETCHED``: unsigned, so its body is only a hint."""

    SIGNED = "signed"
    SECRET_MATCHED = "secret_matched"  # noqa: S105
    REFETCHED = "refetched"
    REJECTED = "rejected"


class WebhookStatus(StrEnum):
    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    PARKED = "parked"
    REJECTED = "rejected"


# The queue's name for the work on one event.
WORK_JOB: Final = "inbox.work"
# The events that say something of a payment; what else Toss may send is stored and left alone (webhooks.md).
ABOUT_PAYMENTS: Final = frozenset({"PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "CANCEL_STATUS_CHANGED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One row of ``webhook_events``; ``body`` and ``headers`` are redacted, ``digest`` is of the raw body."""

    id: WebhookEventId
    digest: bytes
    transmission_id: str | None
    event_type: str
    order_no: OrderNo | None
    payment_key: PaymentKey | None
    transaction_key: str | None
    verdict: WebhookVerdict
    status: WebhookStatus
    reason: str | None = None
    headers: dict[str, str]
    body: dict[str, Any]
    source_address: str | None
    repeats: int = 0
    received_at: datetime
    processed_at: datetime | None = None
