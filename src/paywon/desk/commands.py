"""What people do at the desk. Every decision is on record before it is carried out, with its request's key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, DecisionId, OrderId, StrayId, new_uuid
from paywon.billing import store as keys
from paywon.billing.commands import settling as billing
from paywon.db.pool import Connection
from paywon.desk import store
from paywon.desk.model import Decision, DecisionKind, Doubt, Leftover, may_second, step_if_unchanged
from paywon.idempotency import commands as idempotency
from paywon.orders import store as orders
from paywon.orders.model import FulfilmentKind, FulfilmentStatus, Order
from paywon.payments import store as payments
from paywon.payments.announcing import Books
from paywon.payments.commands import cancelling, handing_over, resolving, returning, settling
from paywon.payments.commands.cancelling import RefundWish
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.telling import tell_change
from paywon.payments.model import APPROVED, PAYING, Attempt, AttemptStatus, AttemptType, PaymentStatus
from paywon.receipts import store as receipts
from paywon.receipts.commands import settling as receipt_settling
from paywon.strays import store as strays
from paywon.strays.model import Stray
from paywon.toss.wire import RefundReceiveAccount


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Who decides, and why. ``operator`` is a person's name; ``origin`` tells the key that was used."""

    operator: str
    reason: str
    origin: Origin

    @property
    def carrying_out(self) -> Origin:
        """Who carries the decision out: its request's idempotency key is taken by then."""
        return replace(self.origin, claim=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that waits for a person, or may soon."""

    doubts: list[Doubt]
    strays: list[Stray]
    leftovers: list[Leftover]


async def look_at_desk(cashier: Cashier, *, limit: int) -> Desk:
    """Show what is in doubt, each kind oldest first."""
    async with cashier.db.connection() as conn:
        found = await store.doubts(conn, cashier.clock.now(), limit=limit)
        return Desk(
            doubts=[await _with_next_step(conn, doubt) for doubt in found],
            strays=await strays.open_ones(conn, after=None, limit=limit),
            leftovers=await store.leftovers(conn, limit=limit),
        )


async def reread(cashier: Cashier, attempt_id: AttemptId, who: Decider) -> Doubt | None:
    """Read Toss at once and do what follows from it; answer what is still in doubt, None when it is settled.

    Raises:
        PaywonError: DOUBT_NOT_FOUND.
    """
    async with cashier.db.transaction(about=attempt_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        if not again:
            await _open_attempt(conn, attempt_id)
            await _record(conn, cashier, who, DecisionKind.REREAD, decision_id, attempt_id=attempt_id)
    await resolving.resolve_now(cashier, attempt_id, may_ask=True)
    async with cashier.db.connection() as conn:
        left = await store.doubt(conn, attempt_id)
        return None if left is None else await _with_next_step(conn, left)


async def mark_failed(cashier: Cashier, attempt_id: AttemptId, who: Decider) -> Decision:
    """Propose to take a question for failed, or, as a second operator, carry that out.

    Toss is read once more first: what it shows as done cannot be marked as failed.

    Raises:
        PaywonError: DOUBT_NOT_FOUND, SECOND_OPERATOR_NEEDED, TOSS_SAYS_OTHERWISE.
    """
    async with cashier.db.transaction(about=attempt_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        if again and (made := await _come_to(conn, attempt_id, decision_id, who)) is not None:
            return made
        await _open_attempt(conn, attempt_id)
        proposal = await store.lock_proposal(conn, attempt_id)
        if proposal is None:
            return await _record(conn, cashier, who, DecisionKind.MARK_FAILED, decision_id, attempt_id=attempt_id)
    if not may_second(proposal, who.operator):
        raise PaywonError("SECOND_OPERATOR_NEEDED", field="operator")
    await resolving.resolve_now(cashier, attempt_id, may_ask=False)
    async with cashier.db.transaction(about=attempt_id) as conn:
        await _fail(conn, cashier, attempt_id, proposal, who)
        return (await store.decisions_of(conn, attempt_id))[-1]


async def _come_to(conn: Connection, attempt_id: AttemptId, decision_id: DecisionId, who: Decider) -> Decision | None:
    """Find what a request that died had come to: its own proposal, or another's that it had carried out."""
    decided = await store.decisions_of(conn, attempt_id)
    return next((each for each in decided if each.id == decision_id or each.seconded_by == who.operator), None)


async def _fail(conn: Connection, cashier: Cashier, attempt_id: AttemptId, proposal: Decision, who: Decider) -> None:
    found = await payments.attempt_by_id(conn, attempt_id)
    assert found is not None, "attempts are never deleted"
    payment = await payments.by_id(conn, found.payment_id) if found.payment_id else None
    if payment is not None:
        await orders.lock_by_no(conn, payment.order_no)
    attempt = await payments.lock_attempt(conn, attempt_id)
    if attempt.status is not AttemptStatus.PENDING:
        raise PaywonError("TOSS_SAYS_OTHERWISE", shown=attempt.outcome or attempt.status)
    why = f"{proposal.reason} ({proposal.operator}, {who.operator})"
    code = "MARKED_FAILED"
    now = cashier.clock.now()
    if payment is None:
        await settling.close(conn, cashier, attempt, AttemptStatus.FAILED, outcome="decided", code=code, message=why)
    else:
        await settling.give_up(conn, cashier, payment, attempt, outcome="decided", code=code, why=why)
    if attempt.type is AttemptType.BILLING_KEY_ISSUE and attempt.billing_key_id is not None:
        await billing.mark_failed(conn, cashier, await keys.lock(conn, attempt.billing_key_id))
    if (receipt := await receipts.by_attempt(conn, attempt_id)) is not None:
        # Its amount is free again for another receipt.
        await receipt_settling.mark_failed(conn, await receipts.lock(conn, receipt.id), code, why, now=now)
    await store.carry_out(conn, proposal.id, now, seconded_by=who.operator, second_actor=who.origin.actor)


async def cancel_attempt_at_toss(
    cashier: Cashier, attempt_id: AttemptId, who: Decider, *, account: RefundReceiveAccount | None
) -> None:
    """Read Toss, and if the question was carried out there, have all of its money go back.

    Raises:
        PaywonError: DOUBT_NOT_FOUND, NOTHING_TO_CANCEL, or what a refund raises.
    """
    async with cashier.db.transaction(about=attempt_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        if not again:
            await _open_attempt(conn, attempt_id)
            await _record(conn, cashier, who, DecisionKind.CANCEL_AT_TOSS, decision_id, attempt_id=attempt_id)
    await resolving.resolve_now(cashier, attempt_id, may_ask=False)
    async with cashier.db.connection() as conn:
        attempt = await payments.attempt_by_id(conn, attempt_id)
        assert attempt is not None, "attempts are never deleted"
        payment = await payments.by_id(conn, attempt.payment_id) if attempt.payment_id else None
    if again and payment is not None and payment.status is PaymentStatus.CANCELED:
        return
    if attempt.type not in PAYING or payment is None or payment.status not in APPROVED:
        raise PaywonError("NOTHING_TO_CANCEL")
    wish = RefundWish(kind=AttemptType.PAYMENT_CANCELLATION, reason=who.reason, amount=None, account=account)
    with _as_begun(again):
        await cancelling.refund_payment(cashier, payment.id, wish, who.carrying_out)


async def return_stray_money(
    cashier: Cashier, stray_id: StrayId, who: Decider, *, account: RefundReceiveAccount | None
) -> Stray:
    """Send stray money back at once; answer what is then left of it.

    Raises:
        PaywonError: DOUBT_NOT_FOUND, or what the cancel raises.
    """
    bank = cancelling.known_bank(account)
    async with cashier.db.transaction(about=stray_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        stray = await strays.by_id(conn, stray_id)
        if again and stray is not None and stray.returned_at is not None:
            return stray
        if stray is None or stray.returned_at is not None:
            raise PaywonError("DOUBT_NOT_FOUND")
        if not again:
            await _record(conn, cashier, who, DecisionKind.CANCEL_AT_TOSS, decision_id, stray_id=stray_id)
    with _as_begun(again):
        await returning.return_stray(cashier, stray, who.carrying_out, reason=who.reason, account=bank)
    async with cashier.db.connection() as conn:
        left = await strays.by_id(conn, stray_id)
    assert left is not None, "strays are never deleted"
    return left


async def retry_fulfilment(cashier: Cashier, order_id: OrderId, who: Decider) -> Order:
    """Try a blocked fulfilment again, whatever it was that blocked it; answer the order as it then is.

    It is handed over if the order stands paid, and taken back if its money went back.

    Raises:
        PaywonError: DOUBT_NOT_FOUND, FULFILLED_BY_EVENT.
    """
    now = cashier.clock.now()
    async with cashier.db.transaction(about=order_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        order = await orders.lock_by_id(conn, order_id)
        if again and order is not None:
            return order
        if order is None or order.fulfilment_status is not FulfilmentStatus.BLOCKED:
            raise PaywonError("DOUBT_NOT_FOUND")
        if order.fulfilment_kind == FulfilmentKind.EVENT:
            raise PaywonError("FULFILLED_BY_EVENT")
        payment = await payments.lock_by_order(conn, order.id)
        assert payment is not None, "what is blocked has been paid"
        await _record(conn, cashier, who, DecisionKind.RETRY_FULFILMENT, decision_id, order_id=order_id)
        tried = await handing_over.try_again(conn, order, now, cashier.fulfilments)
        return await tell_change(conn, Books(order=order, payment=payment), Books(order=tried, payment=payment), now)


async def _with_next_step(conn: Connection, doubt: Doubt) -> Doubt:
    attempt = await payments.attempt_by_id(conn, doubt.attempt_id)
    assert attempt is not None, "attempts are never deleted"
    return replace(doubt, next_step=step_if_unchanged(attempt, doubt.answers, doubt.next_at))


async def _open_attempt(conn: Connection, attempt_id: AttemptId) -> Attempt:
    attempt = await payments.attempt_by_id(conn, attempt_id)
    if attempt is None or attempt.status is not AttemptStatus.PENDING:
        raise PaywonError("DOUBT_NOT_FOUND")
    return attempt


async def _begin(conn: Connection, cashier: Cashier, who: Decider) -> tuple[DecisionId, bool]:
    """Take the request's idempotency key for a decision that is about to be made.

    Answers the decision's id, and whether it is the one of a first request that died before it could answer.
    Raises as ``idempotency.commands.take``.
    """
    decision_id = new_uuid()
    begun = await idempotency.take(conn, who.origin.claim, decision_id, cashier.clock.now())
    return DecisionId(begun or decision_id), begun is not None


@contextmanager
def _as_begun(again: bool) -> Iterator[None]:
    """Let a request that goes on with what another began leave alone what that one has asked already."""
    try:
        yield
    except PaywonError as error:
        if not again or error.code != "PAYMENT_IN_PROGRESS":
            raise


async def _record(
    conn: Connection,
    cashier: Cashier,
    who: Decider,
    kind: DecisionKind,
    decision_id: DecisionId,
    *,
    attempt_id: AttemptId | None = None,
    stray_id: StrayId | None = None,
    order_id: OrderId | None = None,
) -> Decision:
    now: datetime = cashier.clock.now()
    decision = Decision(
        id=decision_id,
        attempt_id=attempt_id,
        stray_id=stray_id,
        order_id=order_id,
        kind=kind,
        reason=who.reason,
        operator=who.operator,
        actor=who.origin.actor,
        created_at=now,
        # Only a failure waits for a second operator.
        carried_out_at=None if kind is DecisionKind.MARK_FAILED else now,
    )
    await store.insert_decision(conn, decision)
    return decision
