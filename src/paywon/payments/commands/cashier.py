"""What the commands of payments work with, and how long a caller waits for them."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

import structlog

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, PaymentKey, UserId, new_uuid
from paywon.base.money import Krw
from paywon.base.sealing import KeyRing
from paywon.db.pool import Connection, Database
from paywon.fulfilments.commands import BUNDLED, Fulfilments
from paywon.idempotency import commands as idempotency
from paywon.idempotency.model import Claim
from paywon.orders.model import OrderLimits
from paywon.payments.attempts import store as attempts
from paywon.payments.model import Attempt, AttemptType, Payment
from paywon.payments.recovery import DEFAULT_PLAN, RetryPlan
from paywon.toss.client import TossClient
from paywon.toss.wire import CancelPayment, ChargeBillingKey, ConfirmPayment, CreatePayment, IssueVirtualAccount

_log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cashier:
    """Database, provider, clock and the few times that the commands of payments need."""

    db: Database
    toss: TossClient
    clock: Clock
    # Seals what a repeat has to send again and nobody may read.
    ring: KeyRing
    app_base_url: str
    time_to_pay: timedelta
    # How long a caller is kept waiting for Toss; after that the work goes on and the caller polls.
    answer_budget_s: float
    # How long an open attempt is left to the process that asked, before the resolver takes it.
    resolve_after: timedelta
    # How long a deposit is watched before anything is handed over for it.
    deposit_hold: timedelta
    # How often open questions are taken up, and how many at once.
    retries: RetryPlan = DEFAULT_PLAN
    resolve_at_once: int = 20
    # How long a resolver's claim holds: two reads and a repeat. One that dies loses its claim then.
    lease: timedelta = timedelta(seconds=200)
    # What paid orders can ask for; plug-ins among it.
    fulfilments: Fulfilments = BUNDLED
    # How far the orders of payment requests may reach.
    limits: OrderLimits = field(default_factory=OrderLimits)
    # Whether an app's own user may take back money for what has been handed over.
    users_refund_fulfilled: bool = False
    running: set[asyncio.Task[None]] = field(default_factory=set)

    async def within_budget(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work that must go to its end, and wait for it no longer than the answer budget."""
        task = await self._begin(work)
        if task.done():
            task.result()

    async def see_through(
        self, work: Coroutine[Any, Any, None] | None, conclude: Callable[[], Awaitable[T]], *, poll_at: str
    ) -> T:
        """Carry out what a committed intent stands for, and answer what it has come to, as far as it is known.

        From the commit on, trouble of ours is no answer: the question is on record, and may have been asked.

        Raises:
            PaywonError: what the attempt came to; OUTCOME_UNKNOWN, our own books cannot be read.
        """
        with outcome_unknown(poll_at):
            if work is not None:
                await self._begin(work)  # what breaks it off is logged, and the open attempt is the resolver's
            return await conclude()

    async def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._forget)
        await asyncio.wait({task}, timeout=self.answer_budget_s)
        return task

    async def finish(self) -> None:
        """Wait until everything that runs beyond its caller is done; for an orderly stop."""
        await asyncio.gather(*self.running, return_exceptions=True)

    def _forget(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            # The open attempt stays on record, so the resolver finishes it.
            _log.error("work on a payment broke off; the resolver takes over", exc_info=error)


@contextmanager
def outcome_unknown(poll_at: str) -> Iterator[None]:
    """Tell any trouble of ours after a commit as OUTCOME_UNKNOWN, never as if nothing had happened."""
    try:
        yield
    except PaywonError:
        raise
    except Exception as error:
        raise PaywonError("OUTCOME_UNKNOWN", retry_after_s=2, location=poll_at) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who asks, and from where: goes onto the audit trail.

    ``owner`` limits a user to what is theirs; ``claim`` is the idempotency key that came with the request.
    """

    actor: str
    owner: UserId | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    claim: Claim | None = None


Body: TypeAlias = CreatePayment | ConfirmPayment | CancelPayment | IssueVirtualAccount | ChargeBillingKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A question that is on record and may now be asked: ``body``, and for a charge the key that it is put to."""

    payment: Payment
    attempt: Attempt
    body: Body
    billing_key: str | None = field(default=None, repr=False)


async def begun_before(conn: Connection, cashier: Cashier, origin: Origin, attempt_id: AttemptId) -> Attempt | None:
    """Take the request's idempotency key for an attempt that is about to be made.

    Answers the attempt of the first request with this key, when that one died before it could answer; or the one that
    has taken its place since, for the first may be closed as failed while the last one has moved the money.
    Raises as ``idempotency.commands.take``.
    """
    begun = await idempotency.take(conn, origin.claim, attempt_id, cashier.clock.now())
    return None if begun is None else await attempts.last_of_line(conn, AttemptId(begun))


def new_attempt(
    cashier: Cashier,
    kind: AttemptType,
    payment: Payment | None,
    origin: Origin,
    *,
    amount: Krw | None = None,
    payment_key: PaymentKey | None = None,
    caused_by: AttemptId | None = None,
    attempt_id: AttemptId | None = None,
) -> Attempt:
    """Make the row of a question that is about to be asked; its id is its provider idempotency key.

    ``payment`` is None for a question about a billing key.
    """
    now = cashier.clock.now()
    attempt_id = attempt_id or AttemptId(new_uuid())
    return Attempt(
        id=attempt_id,
        payment_id=payment.id if payment else None,
        type=kind,
        payment_key=payment_key,
        amount=amount,
        idempotency_key=None if kind is AttemptType.STATUS_READ else str(attempt_id),
        caused_by=caused_by,
        actor=origin.actor,
        ip_address=origin.ip_address,
        user_agent=origin.user_agent,
        resolve_by=now + cashier.resolve_after,
        created_at=now,
    )
