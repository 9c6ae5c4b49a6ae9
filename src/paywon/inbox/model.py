"""What arrived at the webhook door, and when it has us look at Toss. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
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


# The events that say something of a payment; what else Toss may send is stored and left alone (webhooks.md).
ABOUT_PAYMENTS: Final = frozenset({"PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "CANCEL_STATUS_CHANGED"})
PROVEN: Final = frozenset({WebhookVerdict.SIGNED, WebhookVerdict.SECRET_MATCHED})

UNKNOWN_ORDER: Final = "UNKNOWN_ORDER"
TOO_MANY_KEYS: Final = "TOO_MANY_KEYS"
WORK_FAILED: Final = "WORK_FAILED"

MAX_WAITING: Final = 100
"""How many webhooks of one order may wait that nothing proves. Toss sends a dozen in a payment's whole life."""
APART: Final = timedelta(seconds=1)
"""How far two looks at one order are apart, at least."""
_MOST_PATIENT: Final = 6
_RETRY_S: Final = (1, 5, 15, 60, 300, *[900] * 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One row of ``webhook_events``; ``body`` and ``headers`` are redacted, ``digest`` is of the raw body.

    ``order_no`` is the order of ours that it is about, else the one that it claims.
    """

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


def first_status(event_type: str, verdict: WebhookVerdict, *, ours: bool, proven: bool) -> tuple[WebhookStatus, str]:
    """Decide at the door what a new event needs: a look at Toss (RECEIVED) if it is about an order of ours, else none.

    Answers the status and its reason, empty for none. Somebody else's order under the same contract of Toss's is
    nothing for a person to look at; a proven event of an order that we do not know is.
    """
    if verdict is WebhookVerdict.REJECTED:
        return WebhookStatus.REJECTED, ""
    if event_type not in ABOUT_PAYMENTS:
        return WebhookStatus.IGNORED, "NOT_ABOUT_PAYMENTS"
    if not ours:
        return (WebhookStatus.PARKED if proven else WebhookStatus.IGNORED), UNKNOWN_ORDER
    return WebhookStatus.RECEIVED, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One row of ``webhook_looks``: that webhooks ask for a look at an order, and when it may be made.

    ``patient_until`` binds only where none of those that wait is proven. ``idle``: how many looks in a row taught
    nothing; ``unheard``: how many could not hear Toss.
    """

    order_no: OrderNo
    waiting: int
    proven: bool
    not_before: datetime
    patient_until: datetime
    idle: int = 0
    unheard: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When an order may be looked at again."""

    not_before: datetime
    patient_until: datetime
    idle: int
    unheard: int


def after_hearing(look: Look, now: datetime, *, taught: bool) -> Timing:
    """Decide when to look again once Toss has been heard.

    Hints that prove empty are believed ever more slowly: 2, 4, … 64 seconds after the last look. Who floods the door
    about one order gets about a look a minute; one that teaches us something is listened to at once again.
    """
    idle = 0 if taught else min(look.idle + 1, _MOST_PATIENT)
    return Timing(not_before=now + APART, patient_until=now + timedelta(seconds=2**idle), idle=idle, unheard=0)


def after_silence(look: Look, now: datetime) -> Timing | None:
    """Decide when to look again once Toss could not be heard, or our own work failed; None for no more.

    After 1, 5, 15, 60, 300 s, then every quarter hour, for four and a half hours in all.
    """
    if look.unheard >= len(_RETRY_S):
        return None
    again_at = now + timedelta(seconds=_RETRY_S[look.unheard])
    return Timing(not_before=again_at, patient_until=again_at, idle=look.idle, unheard=look.unheard + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What all workers together have been granted in a minute."""

    minute: datetime
    granted: int

    def grant(self, now: datetime, wanted: int, *, per_minute: int) -> tuple["Budget", int]:
        """Take ``wanted`` looks out of what the minute allows; answer what is left of it and how many there were.

        ``per_minute`` 0 is no limit. Clocks differ: one that is behind takes out of the minute that has begun.
        """
        minute = max(self.minute, now.replace(second=0, microsecond=0))
        spent = self.granted if minute == self.minute else 0
        given = wanted if per_minute == 0 else max(0, min(wanted, per_minute - spent))
        return Budget(minute=minute, granted=spent + given), given


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What a look needs of a webhook that waits."""

    id: WebhookEventId
    payment_key: PaymentKey | None
    proven: bool


def keys_to_look_under(hints: Collection[Hint], known: Iterable[PaymentKey]) -> list[PaymentKey | None]:
    """Choose under which paymentKeys to look, of those that were named: one of ours and one that is not.

    Where a hint names none, and no key that we know is named, the order's number serves (None). Anybody can name keys,
    and one that Toss does not know costs two calls, so a look tries only one: a proven hint's, else the first's.
    """
    ours = set(known)
    named = list(dict.fromkeys(hint.payment_key for hint in sorted(hints, key=lambda hint: not hint.proven)))
    by_known = [key for key in named if key in ours][:1]
    by_strange = [key for key in named if key is not None and key not in ours][:1]
    by_order = [None] if None in named and not by_known else []
    return [*by_known, *by_order, *by_strange]
