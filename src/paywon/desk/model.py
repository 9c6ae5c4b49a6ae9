"""What lies on the desk, and decisions about it. Pure."""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, TypeAlias
from uuid import UUID

from paywon.base.ids import AttemptId, DecisionId, OrderId, StrayId
from paywon.billing.model import issue_step
from paywon.payments.model import (
    ABOUT_PAYMENTS,
    OVER_WITHOUT_MONEY,
    REFUNDABLE,
    UNPAID,
    Attempt,
    AttemptType,
    PaymentStatus,
)
from paywon.payments.recovery import NO_SUCH_PAYMENT, Reading, Step, next_step


class DecisionKind(StrEnum):
    REREAD = "reread"
    MARK_FAILED = "mark_failed"
    CANCEL_AT_TOSS = "cancel_at_toss"
    RETRY_FULFILMENT = "retry_fulfilment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One row of ``desk_decisions``. To mark as failed it takes a second operator; till then it is a proposal."""

    id: DecisionId
    attempt_id: AttemptId | None = None
    stray_id: StrayId | None = None
    order_id: OrderId | None = None
    kind: DecisionKind
    reason: str
    operator: str
    actor: str
    created_at: datetime
    seconded_by: str | None = None
    second_actor: str | None = None
    carried_out_at: datetime | None = None


def may_second(proposal: Decision, operator: str, actor: str) -> bool:
    """Whether an operator may carry out what another proposed: two people are two names and two API keys.

    A name is typed by whoever sends the request, so the key is what counts.
    """
    return proposal.actor != actor and _plain(proposal.operator) != _plain(operator)


def _plain(name: str) -> str:
    """Reduce a name to what people see of it: one spelling, no case, and nothing invisible."""
    visible = "".join(each for each in unicodedata.normalize("NFKC", name) if unicodedata.category(each)[0] not in "CZ")
    return unicodedata.normalize("NFKC", visible.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One thing that Toss said about a question: to the question itself, or to a read made for it.

    ``listed``: how many entries a list of Toss's had that was read for it. What is sought was not among them, or the
    question would be settled. ``message`` names the field that could not be read or does not fit our books, where one
    did not.
    """

    at: datetime
    type: str
    http_status: int | None
    code: str | None
    outcome: str | None
    shows: str | None
    listed: int | None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one webhook claimed."""

    at: datetime
    event_type: str
    claims: str | None
    verdict: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An open question with all that is known of it; ``next_at`` is None once only a person goes on.

    ``next_step`` is what is then done if Toss shows no more than it last did; None where that cannot be foretold.
    """

    attempt_id: AttemptId
    type: str
    order_no: str | None
    payment_id: UUID | None
    payment_status: str | None
    payment_key: str | None
    amount: int | None
    since: datetime
    tries: int
    parked_at: datetime | None
    next_at: datetime | None
    next_step: Step | None = None
    code: str | None
    message: str | None
    sent: dict[str, Any] | None
    answers: list[Answer] = field(default_factory=list)
    webhooks: list[Told] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)


def step_if_unchanged(attempt: Attempt, answers: list[Answer], at: datetime | None) -> Step | None:
    """Foretell what the resolver does about a question at its next time, if Toss shows what it last showed."""
    if at is None:
        return None
    if attempt.type is AttemptType.BILLING_KEY_ISSUE:
        return issue_step(attempt, at)
    if attempt.type not in ABOUT_PAYMENTS:
        return None  # a deletion, or a receipt: it depends on what Toss's lists show then
    reads = [answer for answer in answers if answer.type == AttemptType.STATUS_READ]
    return next_step(attempt, _reading(reads[-1] if reads else None), at)


def _reading(last: Answer | None) -> Reading:
    if last is None:
        return Reading(status=None)
    # What could not be read, or contradicts our books, settles nothing, whatever status it shows.
    settles = last.outcome == "yes" and last.message is None
    status = PaymentStatus.__members__.get(last.shows or "") if settles else None
    return Reading(status=status, found=not is_missing(last.outcome, last.code))


def is_missing(outcome: str | None, code: str | None) -> bool:
    """Whether a read was told that Toss knows no such payment; by its code, as NOT_FOUND_MERCHANT is a 404 too."""
    return outcome == "no" and code in NO_SUCH_PAYMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one stored answer of Toss's showed of a payment, whether or not our books could take it.

    ``about_it``: it was an answer to the question itself, to one that it replaced, or to a read made for it.
    ``answered_at`` is None for a question that is still open: it may have been asked more than once.
    """

    type: str
    outcome: str | None
    code: str | None
    asked_key: str | None
    asked_at: datetime
    answered_at: datetime | None
    about_it: bool
    payment_key: str | None
    order_no: str | None
    status: str | None
    balance: str | None
    by_account: bool

    @property
    def key(self) -> str | None:
        """The paymentKey that it is about."""
        return self.payment_key or self.asked_key

    @property
    def balance_amount(self) -> int | None:
        """What was left, where that is a whole number."""
        text = self.balance or ""
        return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None

    @property
    def is_heard(self) -> bool:
        """Whether it is a read that told what the payment is, or that there is none."""
        told = self.outcome == "yes" or self.shows_approval or is_missing(self.outcome, self.code)
        return self.type == AttemptType.STATUS_READ and told

    @property
    def shows_approval(self) -> bool:
        """Whether it shows an approval, an account that waits for its deposit, or any money."""
        if self.status in REFUNDABLE:
            return True
        return self.status not in _WITHOUT_MONEY and (self.balance_amount or 0) > 0


# Toss shows a balance here too, and nobody has paid it (fixtures: READY, ABORTED).
_WITHOUT_MONEY: Final = frozenset({*UNPAID, *OVER_WITHOUT_MONEY})


def standing_approval(
    attempt: Attempt, seen: list[Sighting], *, held: str | None, heard_at: datetime | None
) -> Sighting | None:
    """Find the newest approval that a question was seen to have brought about, and that no later read takes back.

    ``held`` is the paymentKey whose money our books hold: that of another question. ``heard_at`` is when the read
    began that was made just now, None where Toss was not heard: only that one is known to be later than the answer
    to a question that is still open.
    """
    for each in reversed(seen):
        of_its_key = attempt.payment_key is not None and each.key == attempt.payment_key
        concerns = of_its_key or (each.about_it and each.key != held)
        answered_at = each.answered_at or heard_at
        taken_back = answered_at is not None and any(_takes_back(later, each, answered_at) for later in seen)
        if concerns and each.shows_approval and not taken_back:
            return each
    return None


def _takes_back(later: Sighting, shown: Sighting, answered_at: datetime) -> bool:
    if not later.is_heard or later.shows_approval or later.asked_at < answered_at:
        return False
    return later.payment_key == shown.key or (later.payment_key is None and later.asked_key in (None, shown.key))


def was_heard(seen: list[Sighting], since: datetime) -> bool:
    """Whether a read that was made for a question since then told what the payment is."""
    return any(each.is_heard and each.about_it and each.asked_at >= since for each in seen)


Place: TypeAlias = tuple[datetime, UUID]


class Kind(StrEnum):
    """What lies on the desk; each is a list of its own, oldest first."""

    QUESTION = "question"
    STRAY = "stray"
    WEBHOOK = "webhook"
    FULFILMENT = "fulfilment"
    REFUND = "refund"
    CASH_RECEIPT = "cash_receipt"
    IMPOSSIBLE = "impossible"
    DIFFERENCE = "difference"
    UNKNOWN_PAYMENT = "unknown_payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where each kind was left off: behind which row, None at its beginning; ``over``: those that came to their end."""

    after: dict[Kind, Place] = field(default_factory=dict)
    over: frozenset[Kind] = frozenset()

    def words(self) -> list[str]:
        """Write it as words of a cursor, two for each kind."""
        return [word for kind in Kind for word in self._words(kind)]

    def _words(self, kind: Kind) -> tuple[str, str]:
        if kind in self.over:
            return "over", "."
        at, row = self.after[kind]
        return at.astimezone(UTC).isoformat(), str(row)


def places_of(words: list[str]) -> Places:
    """Read the words of a cursor back.

    Raises:
        ValueError: they are none.
    """
    pairs = dict(zip(Kind, zip(words[::2], words[1::2], strict=True), strict=True))
    over = frozenset(kind for kind, (at, _) in pairs.items() if at == "over")
    after = {kind: (datetime.fromisoformat(at), UUID(row)) for kind, (at, row) in pairs.items() if kind not in over}
    found = Places(after=after, over=over)
    if found.words() != words or len(over) == len(Kind):
        raise ValueError("another spelling")
    return found


def next_places(before: Places, last: dict[Kind, Place | None]) -> Places | None:
    """Say where the next page begins, given the last row of each kind, None where it came to its end.

    None when every kind has.
    """
    after = {kind: place for kind, place in last.items() if place is not None}
    over = before.over | {kind for kind in Kind if kind not in after}
    return Places(after=after, over=over) if after else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something else that waits for a person.

    A parked webhook, a blocked fulfilment, a refund the bank refused, a cash receipt for money that went back, what
    Toss shows and cannot be so, money at Toss for an order that we do not know, or what no read of Toss explains in
    its list of transactions.

    ``id`` is the webhook's, the order's, the payment's, or that of the row found in Toss's list. ``next_step`` names
    the door by which a person goes on; ``door`` is what the row itself says of that.
    """

    kind: str
    id: UUID
    since: datetime
    order_no: str | None
    reason: str | None
    door: str | None = None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def next_step(self) -> str | None:
        """Name the door that this is for: a webhook's ``reprocess``, a fulfilment's ``retry``; None outside paywon.

        A refund's is ``refund_again``, to another account, where Toss may take that, else ``pay_by_hand``.
        """
        return self.door or {"webhook": "reprocess", "fulfilment": "retry"}.get(self.kind)
