"""What lies on the desk, and decisions about it. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from paywon.base.ids import AttemptId, DecisionId, OrderId, StrayId
from paywon.billing.model import issue_step
from paywon.payments.model import ABOUT_PAYMENTS, Attempt, AttemptType, PaymentStatus
from paywon.payments.recovery import Reading, Step, next_step


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


def may_second(proposal: Decision, operator: str) -> bool:
    """Whether an operator may carry out what another proposed: nobody seconds themselves."""
    return proposal.operator.strip().casefold() != operator.strip().casefold()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One thing that Toss said about a question: to the question itself, or to a read made for it.

    ``listed``: how many entries a list of Toss's had that was read for it. What is sought was not among them, or the
    question would be settled.
    """

    at: datetime
    type: str
    http_status: int | None
    code: str | None
    outcome: str | None
    shows: str | None
    listed: int | None


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
    status = PaymentStatus.__members__.get(last.shows or "")
    return Reading(status=status, found=last.http_status != 404)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something else that waits for a person: a parked webhook, a blocked fulfilment, a refund the bank refused,
    money at Toss for an order that we do not know, or what no read of Toss explains in its list of transactions.

    ``id`` is the webhook's, the order's, the payment's, or that of the row found in Toss's list.
    """

    kind: str
    id: UUID
    since: datetime
    order_no: str | None
    reason: str | None
    decisions: list[Decision] = field(default_factory=list)
