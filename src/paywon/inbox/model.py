"""What arrived at the webhook door, and when it has us look at Toss. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeAlias

from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId
from paywon.inbox.claims import Claim, Shown, claims_money, claims_more, says_the_same


class WebhookVerdict(StrEnum):
    """How far an event is believed (ADR 0014). ``REFETCHED``: unsigned, so its body is only a hint."""

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


# The events that say something of a payment; what else Toss may send is stored and left alone (toss/webhooks.md).
ABOUT_PAYMENTS: Final = frozenset({"PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "CANCEL_STATUS_CHANGED"})
PROVEN: Final = frozenset({WebhookVerdict.SIGNED, WebhookVerdict.SECRET_MATCHED})

UNKNOWN_ORDER: Final = "UNKNOWN_ORDER"
TOO_MANY_KEYS: Final = "TOO_MANY_KEYS"
WORK_FAILED: Final = "WORK_FAILED"
TOSS_SHOWS_LESS: Final = "TOSS_SHOWS_LESS"
CONTRADICTS: Final = "CONTRADICTS_OUR_BOOKS"
KNOWN_ALREADY: Final = "KNOWN_ALREADY"

MAX_WAITING: Final = 100
"""How many webhooks of one order may wait that nothing proves. Toss sends a dozen in a payment's whole life."""
APART: Final = timedelta(seconds=1)
"""How far two looks at one order are apart, at least."""
MAX_DOUBTED: Final = 5
"""How many unproven webhooks of one order may claim more than Toss shows and be looked for again, and how many of them
may lie parked. Anybody can make such claims up; one read answers all that are genuine."""
LADDER_S: Final = (2, 5, 15, 60, 300, 900)
"""After how many seconds Toss is read again that shows less than a webhook claims. Its reads may lag behind."""
OWN_ANSWER: Final = timedelta(seconds=2)
"""How long an unproven webhook waits for the answer to a question of ours that is under way and may tell the same."""
FRESH: Final = timedelta(seconds=30)
"""How long before a webhook's arrival a fact may have been asked for that answers it without a read. The answer to our
own confirm is asked for before Toss can tell of it; the clocks of two hosts may differ a little too."""
KEPT_REPEATS: Final = 20
"""How many repeats of an event are kept, newest first. Toss sends one eight times at most, and by hand when asked."""
MAX_ON_RECORD: Final = 100
"""How many webhooks that nothing proves are put on the trail of one payment, which keeps them for ever. Toss sends a
dozen in a payment's whole life, and anybody can send more."""
_MOST_PATIENT: Final = 6
_RETRY_S: Final = (1, 5, 15, 60, 300, *[900] * 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How an event came once more; ``headers`` are those of its signature and its transmission."""

    at: datetime
    source_address: str | None
    verdict: WebhookVerdict
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    """One row of ``webhook_events``; ``body`` and ``headers`` are redacted, ``digest`` is of the raw body.

    ``order_no`` is the order of ours that it is about, else the one that it claims. ``look_at`` is when it next asks
    for a look, set while it waits; ``looks`` how many looks have shown less than it claims. ``asked_again_at`` is when
    it came again, or a person (``asked_again_by``) wanted it looked at again. ``repeat_deliveries`` are the newest of
    its ``repeats``.
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
    repeat_deliveries: list[dict[str, Any]] = field(default_factory=list)
    received_at: datetime
    processed_at: datetime | None = None
    claim: Claim | None = None
    secret_digest: bytes | None = field(default=None, repr=False)
    look_at: datetime | None = None
    looks: int = 0
    asked_again_at: datetime | None = None
    asked_again_by: str | None = None


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

    ``proven_at`` and ``hinted_at`` are when the first of those that wait asks for it, proven or not; None where no such
    one waits. ``patient_until`` binds only those that are not proven. ``idle``: how many looks in a row taught nothing;
    ``unheard``: how many could not hear Toss.
    """

    order_no: OrderNo
    waiting: int
    proven_at: datetime | None = None
    hinted_at: datetime | None = None
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
    """What a look needs of a webhook that waits.

    ``proven_late``: by its payment's secret, that was not known when it came. ``again``: somebody wants a look,
    whatever our books say.
    """

    id: WebhookEventId
    payment_key: PaymentKey | None
    proven: bool
    proven_late: bool = False
    claim: Claim = field(default_factory=Claim)
    received_at: datetime
    look_at: datetime
    looks: int = 0
    again: bool = False


def is_known_already(hint: Hint, books: Shown | None, fact_asked_at: datetime | None) -> bool:
    """Whether our books say just what a webhook says, by a fact about as new: a read would teach nothing."""
    if hint.again or books is None or fact_asked_at is None:
        return False
    return fact_asked_at >= hint.received_at - FRESH and says_the_same(hint.claim, books)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one read came to. ``shown`` is None where Toss showed no payment of this order; ``code`` then says why.

    ``missing``: Toss knows no such payment, or does not know it yet.
    """

    shown: Shown | None = None
    contradicts: bool = False
    missing: bool = False
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A webhook waits on, until it asks for a look again at ``look_at``."""

    look_at: datetime
    looks: int


Ending: TypeAlias = tuple[WebhookStatus, str | None]
Outcome: TypeAlias = Ending | Stay


def outcome_of(hint: Hint, heard: Heard, books: Shown | None, now: datetime) -> Outcome:
    """Say what becomes of a webhook, given the read that was made for it and what our books show after it.

    It is answered only by what shows all that it claims: one that claims more is looked for again, at last parked.
    """
    unknown = WebhookStatus.PARKED if hint.proven else WebhookStatus.IGNORED
    if heard.contradicts:
        return WebhookStatus.PARKED, CONTRADICTS
    if heard.shown is None and not (heard.missing and claims_money(hint.claim)):
        # What anybody may have made up, and Toss knows nothing of, is nobody's to look at.
        return unknown, heard.code
    if any(not claims_more(hint.claim, shown) for shown in (heard.shown, books) if shown is not None):
        return WebhookStatus.PROCESSED, None
    if hint.look_at > now:
        return Stay(look_at=hint.look_at, looks=hint.looks)
    if hint.looks < len(LADDER_S):
        return Stay(look_at=now + timedelta(seconds=LADDER_S[hint.looks]), looks=hint.looks + 1)
    return (unknown, heard.code) if heard.shown is None else (WebhookStatus.PARKED, TOSS_SHOWS_LESS)


def within_bounds(
    hints: Sequence[Hint], outcomes: Mapping[WebhookEventId, Outcome], *, parked: int
) -> dict[WebhookEventId, Outcome]:
    """Let only so many unproven webhooks of an order stay, or lie parked, that claim more than Toss shows.

    ``parked`` is how many lie there already. What is too many is ignored.
    """
    bounded = dict(outcomes)
    stay = [hint for hint in hints if not hint.proven and isinstance(outcomes.get(hint.id), Stay)]
    shelved = (WebhookStatus.PARKED, TOSS_SHOWS_LESS)
    park = [hint for hint in hints if not hint.proven and outcomes.get(hint.id) == shelved]
    for hint in [*stay[MAX_DOUBTED:], *park[max(0, MAX_DOUBTED - parked) :]]:
        outcome = outcomes[hint.id]
        unread = isinstance(outcome, Stay) and outcome.looks == 0
        bounded[hint.id] = (WebhookStatus.IGNORED, TOO_MANY_KEYS if unread else TOSS_SHOWS_LESS)
    return bounded


def keys_to_look_under(hints: Collection[Hint], known: Iterable[PaymentKey]) -> list[PaymentKey | None]:
    """Choose under which paymentKeys to look, of those that were named: one of ours and one that is not.

    Where a hint names none, and no key that we know is named, the order's number serves (None). Anybody can name keys,
    and one that Toss does not know costs two calls, so a look tries only one: a proven hint's, else that of the first
    which was looked for the least.
    """
    ours = set(known)
    in_turn = sorted(hints, key=lambda hint: (not hint.proven, hint.looks))
    named = list(dict.fromkeys(hint.payment_key for hint in in_turn))
    by_known = [key for key in named if key in ours][:1]
    by_strange = [key for key in named if key is not None and key not in ours][:1]
    by_order = [None] if None in named and not by_known else []
    return [*by_known, *by_order, *by_strange]
