"""What people do at the desk. Every decision is on record before it is carried out, with its request's key."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, DecisionId, OrderId, PaymentKey, StrayId, new_uuid
from paywon.base.money import Krw
from paywon.base.redaction import redact_text
from paywon.billing import store as keys
from paywon.billing.commands import settling as billing
from paywon.billing.model import ABOUT_KEYS
from paywon.db.pool import Connection
from paywon.desk import store
from paywon.desk.model import (
    Decision,
    DecisionKind,
    Doubt,
    Kind,
    Leftover,
    Place,
    Places,
    Sighting,
    may_second,
    next_places,
    standing_approval,
    step_if_unchanged,
    was_heard,
)
from paywon.idempotency import commands as idempotency
from paywon.orders import store as orders
from paywon.orders.model import FulfilmentKind, FulfilmentStatus, Order
from paywon.payments import store as payments
from paywon.payments.announcing import Books
from paywon.payments.commands import cancelling, handing_over, resolving, returning, settling
from paywon.payments.commands.cancelling import RefundWish
from paywon.payments.commands.cashier import Cashier, Origin, outcome_unknown
from paywon.payments.commands.telling import tell_change
from paywon.payments.model import (
    ABOUT_PAYMENTS,
    APPROVED,
    MONEY_MOVING,
    PAYING,
    REFUNDABLE,
    Attempt,
    AttemptStatus,
    AttemptType,
    Payment,
    PaymentStatus,
)
from paywon.receipts import store as receipts
from paywon.receipts.commands import resolving as receipt_resolving
from paywon.receipts.commands import settling as receipt_settling
from paywon.receipts.model import ABOUT_RECEIPTS
from paywon.receipts.recovery import Seen
from paywon.strays import store as strays
from paywon.strays.model import Stray, StrayReason
from paywon.toss.wire import RefundReceiveAccount

_HEAR_AGAIN_S: Final = 5
# A refund to another account leaves nothing to cancel.
_CANCELABLE: Final = (MONEY_MOVING | {AttemptType.PAYMENT_REQUEST}) - {AttemptType.REFUND_AGAIN}
# When a payment is looked at whose question people took for failed; after that hourly.
LOOK_AFTER_DECISION: Final = timedelta(minutes=1)
# Where a decision whose outcome could not be read is looked up.
_REVIEW: Final = "/api/ops/doubtful"


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
    """A page of all that waits for a person, or may soon; ``next`` is where the next page begins, None at the end."""

    doubts: list[Doubt]
    strays: list[Stray]
    leftovers: list[Leftover]
    next: Places | None


async def look_at_desk(cashier: Cashier, places: Places, *, limit: int) -> Desk:
    """Show what is in doubt, each kind oldest first, up to ``limit`` of each."""
    pages: dict[Kind, list[tuple[Place, Doubt | Stray | Leftover]]] = {}
    async with cashier.db.connection() as conn:
        for kind in Kind:
            rows = [] if kind in places.over else await _page(conn, cashier, kind, places.after.get(kind), limit + 1)
            pages[kind] = rows
    last = {kind: rows[limit - 1][0] if len(rows) > limit else None for kind, rows in pages.items()}
    shown = [row for rows in pages.values() for _, row in rows[:limit]]
    return Desk(
        doubts=[row for row in shown if isinstance(row, Doubt)],
        strays=[row for row in shown if isinstance(row, Stray)],
        leftovers=[row for row in shown if isinstance(row, Leftover)],
        next=next_places(places, last),
    )


async def _page(
    conn: Connection, cashier: Cashier, kind: Kind, after: Place | None, limit: int
) -> list[tuple[Place, Doubt | Stray | Leftover]]:
    if kind is Kind.QUESTION:
        found = await store.doubts(conn, cashier.clock.now(), after=after, limit=limit)
        return [((doubt.since, doubt.attempt_id), await _with_next_step(conn, doubt)) for doubt in found]
    if kind is Kind.STRAY:
        behind = None if after is None else (after[0], StrayId(after[1]))
        return [
            ((stray.found_at, stray.id), stray) for stray in await strays.open_ones(conn, after=behind, limit=limit)
        ]
    return [((left.since, left.id), left) for left in await store.leftovers(conn, kind, after=after, limit=limit)]


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
    with outcome_unknown(_REVIEW):
        await resolving.resolve_now(cashier, attempt_id, may_ask=True)
        async with cashier.db.connection() as conn:
            left = await store.doubt(conn, attempt_id)
            return None if left is None else await _with_next_step(conn, left)


async def mark_failed(cashier: Cashier, attempt_id: AttemptId, who: Decider) -> Decision:
    """Propose to take a question for failed, or, as a second operator, carry that out.

    What Toss was seen to have approved, by any of its answers, cannot be marked as failed; nor can anything while Toss
    is not heard: it is read once more first, and looked at again later.

    Raises:
        PaywonError: DOUBT_NOT_FOUND, SECOND_OPERATOR_NEEDED, TOSS_SAYS_OTHERWISE, TOSS_NOT_HEARD.
    """
    async with cashier.db.connection() as conn:
        found = await payments.attempt_by_id(conn, attempt_id)
    is_open = found is not None and found.status is AttemptStatus.PENDING
    heard_at = await _read_now(cashier, found) if found is not None and is_open else None
    async with cashier.db.transaction(about=attempt_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        if again and (made := await _come_to(conn, attempt_id, decision_id, who)) is not None:
            return made
        if not is_open:
            raise PaywonError("DOUBT_NOT_FOUND")
        proposal = await store.lock_proposal(conn, attempt_id)
        if proposal is None:
            await _lock_unapproved(conn, attempt_id, heard_at)
            return await _record(conn, cashier, who, DecisionKind.MARK_FAILED, decision_id, attempt_id=attempt_id)
        if not may_second(proposal, who.operator, who.origin.actor):
            raise PaywonError("SECOND_OPERATOR_NEEDED", field="operator")
        attempt = await _lock_unapproved(conn, attempt_id, heard_at)
        if heard_at is None:
            raise PaywonError("TOSS_NOT_HEARD", retry_after_s=_HEAR_AGAIN_S)
        await _fail(conn, cashier, attempt, proposal, who)
        return (await store.decisions_of(conn, attempt_id))[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the stored answers show of a question; ``approval`` is the newest one that still stands."""

    payment: Payment | None
    approval: Sighting | None


async def _evidence(conn: Connection, attempt: Attempt, heard_at: datetime | None) -> Evidence:
    payment = await payments.by_id(conn, attempt.payment_id) if attempt.payment_id else None
    seen = await store.sightings(conn, attempt)
    brought_about = attempt.type in PAYING or attempt.type is AttemptType.PAYMENT_REQUEST
    held = payment.payment_key if payment is not None and payment.approved_at is not None else None
    approval = standing_approval(attempt, seen, held=held, heard_at=heard_at) if brought_about else None
    return Evidence(payment=payment, approval=approval)


async def _lock_unapproved(conn: Connection, attempt_id: AttemptId, heard_at: datetime | None) -> Attempt:
    """Lock an open question that nothing shows to have been approved.

    Raises:
        PaywonError: TOSS_SAYS_OTHERWISE; DOUBT_NOT_FOUND, the read just now has shown that it failed.
    """
    found = await payments.attempt_by_id(conn, attempt_id)
    assert found is not None, "attempts are never deleted"
    payment = await payments.by_id(conn, found.payment_id) if found.payment_id else None
    if payment is not None:
        await orders.lock_by_no(conn, payment.order_no)
    attempt = await payments.lock_attempt(conn, attempt_id)
    if attempt.status is AttemptStatus.FAILED:
        raise PaywonError("DOUBT_NOT_FOUND")
    if attempt.status is AttemptStatus.SUCCESS:
        raise PaywonError("TOSS_SAYS_OTHERWISE", shown=attempt.outcome or attempt.status)
    approval = (await _evidence(conn, attempt, heard_at)).approval
    if approval is not None:
        raise PaywonError("TOSS_SAYS_OTHERWISE", shown=_shown(approval))
    return attempt


def _shown(seen: Sighting) -> str:
    return redact_text(seen.status or "")[:50] or f"balanceAmount {seen.balance_amount}"


async def _read_now(cashier: Cashier, attempt: Attempt) -> datetime | None:
    """Read Toss about a question and do what follows, but ask nothing; answer since when, None if it was not heard.

    Of billing keys nothing can be read (toss/api.md 7): they are decided by what people know.
    """
    began = cashier.clock.now()
    if attempt.type in ABOUT_KEYS:
        return began
    if attempt.type in ABOUT_RECEIPTS:
        return None if await receipt_resolving.look_now(cashier, attempt) is Seen.UNREAD else began
    await resolving.resolve_now(cashier, attempt.id, may_ask=False)
    async with cashier.db.connection() as conn:
        return began if was_heard(await store.sightings(conn, attempt), began) else None


async def _come_to(conn: Connection, attempt_id: AttemptId, decision_id: DecisionId, who: Decider) -> Decision | None:
    """Find what a request that died had come to: its own proposal, or another's that it had carried out."""
    decided = await store.decisions_of(conn, attempt_id)
    return next((each for each in decided if each.id == decision_id or each.seconded_by == who.operator), None)


async def _fail(conn: Connection, cashier: Cashier, attempt: Attempt, proposal: Decision, who: Decider) -> None:
    """Take a locked question for failed."""
    why = f"{proposal.reason} ({proposal.operator}, {who.operator})"
    code, now = "MARKED_FAILED", cashier.clock.now()
    payment = await payments.by_id(conn, attempt.payment_id) if attempt.payment_id else None
    if payment is None:
        await settling.close(conn, cashier, attempt, AttemptStatus.FAILED, outcome="decided", code=code, message=why)
    else:
        await settling.give_up(conn, cashier, payment, attempt, outcome="decided", code=code, why=why)
    if payment is not None and attempt.type in ABOUT_PAYMENTS:
        # People may be wrong: what Toss approves after all is found.
        await payments.update_payment(conn, payment.id, now, look_again_at=now + LOOK_AFTER_DECISION)
    if attempt.type is AttemptType.BILLING_KEY_ISSUE and attempt.billing_key_id is not None:
        await billing.mark_failed(conn, cashier, await keys.lock(conn, attempt.billing_key_id))
    if (receipt := await receipts.by_attempt(conn, attempt.id)) is not None:
        # Its amount is free again for another receipt.
        await receipt_settling.mark_failed(conn, await receipts.lock(conn, receipt.id), code, why, now=now)
    await store.carry_out(conn, proposal.id, now, seconded_by=who.operator, second_actor=who.origin.actor)


async def cancel_attempt_at_toss(
    cashier: Cashier, attempt_id: AttemptId, who: Decider, *, account: RefundReceiveAccount | None
) -> bool:
    """Read Toss, and if it shows that the question was carried out, have all of its money go back.

    What our books hold is refunded; what was approved and does not fit them goes back by a cancel of its own, which
    leaves our payment's amounts alone. Answers whether nothing is left; Toss may not have said so yet.

    Raises:
        PaywonError: DOUBT_NOT_FOUND, TOSS_NOT_HEARD, NOTHING_TO_CANCEL, APPROVED_FOR_ANOTHER_ORDER,
            or what a refund raises.
    """
    async with cashier.db.transaction(about=attempt_id) as conn:
        decision_id, again = await _begin(conn, cashier, who)
        asked = await payments.attempt_by_id(conn, attempt_id) if again else await _open_attempt(conn, attempt_id)
        if asked is None or asked.type not in _CANCELABLE:
            raise PaywonError("DOUBT_NOT_FOUND")
        if not again:
            await _record(conn, cashier, who, DecisionKind.CANCEL_AT_TOSS, decision_id, attempt_id=attempt_id)
    heard_at = await _read_now(cashier, asked)
    async with cashier.db.connection() as conn:
        evidence = await _evidence(conn, asked, heard_at)
        begun = await strays.unfit_of(conn, asked.payment_id) if again and asked.payment_id else None
    payment = evidence.payment
    assert payment is not None, "what moves money is about a payment"
    if again and payment.status is PaymentStatus.CANCELED:
        return True
    if begun is not None:
        return await _return_now(cashier, begun, who, account=account)
    if payment.status in REFUNDABLE and asked.payment_key in (None, payment.payment_key):
        wish = RefundWish(
            kind=AttemptType.PAYMENT_CANCELLATION,
            reason=who.reason,
            amount=None,
            account=account,
            payment_key=payment.payment_key,
        )
        with outcome_unknown(f"/payments/{payment.id}"), _as_begun(again):
            return not (await cancelling.refund_payment(cashier, payment.id, wish, who.carrying_out)).in_doubt
        return False
    if heard_at is None:
        raise PaywonError("TOSS_NOT_HEARD", retry_after_s=_HEAR_AGAIN_S)
    if evidence.approval is None:
        raise PaywonError("NOTHING_TO_CANCEL")
    stray = await _take_for_stray(cashier, asked, payment, evidence.approval, who, account=account)
    return await _return_now(cashier, stray, who, account=account)


async def _take_for_stray(
    cashier: Cashier,
    asked: Attempt,
    payment: Payment,
    shown: Sighting,
    who: Decider,
    *,
    account: RefundReceiveAccount | None,
) -> Stray:
    """Close a question whose approval fits none of our books, and write its money down as money that has to go back.

    Raises:
        PaywonError: APPROVED_FOR_ANOTHER_ORDER, REFUND_ACCOUNT_REQUIRED.
    """
    if shown.key is None or shown.order_no != payment.order_no:
        raise PaywonError("APPROVED_FOR_ANOTHER_ORDER", shown=_shown(shown))
    by_deposit = shown.by_account and shown.status in APPROVED
    if by_deposit and account is None:
        raise PaywonError("REFUND_ACCOUNT_REQUIRED", field="refundReceiveAccount")
    now = cashier.clock.now()
    found = Stray(
        id=StrayId(new_uuid()),
        payment_id=payment.id,
        payment_key=PaymentKey(shown.key),
        reason=StrayReason.UNFIT,
        # What it is in won nobody can say where the currency is another; Toss is asked for all of it.
        balance_amount=payment.total_amount if shown.balance_amount is None else Krw(shown.balance_amount),
        needs_account=by_deposit,
        # Whoever dies here has a worker send it back.
        return_at=now + cashier.lease,
        found_at=now,
    )
    async with cashier.db.transaction() as conn:
        await orders.lock_by_no(conn, payment.order_no)
        attempt = await payments.lock_attempt(conn, asked.id)
        if attempt.status is AttemptStatus.PENDING:
            code, why = "CANCELED_AT_TOSS", f"{who.reason} ({who.operator})"
            await settling.close(
                conn, cashier, attempt, AttemptStatus.FAILED, outcome="decided", code=code, message=why
            )
        await strays.note(conn, found)
        return await strays.by_key(conn, found.payment_key)


async def _return_now(cashier: Cashier, stray: Stray, who: Decider, *, account: RefundReceiveAccount | None) -> bool:
    """Have money that fits none of our books go back; answer whether nothing is left of it."""
    if stray.returned_at is not None:
        return True
    bank = cancelling.known_bank(account)
    try:
        await returning.return_stray(cashier, stray, who.carrying_out, reason=who.reason, account=bank)
    except PaywonError as error:
        if error.code not in returning.PASSING:
            async with cashier.db.transaction() as conn:
                await strays.wait_for_person(conn, stray.id, error.code)
        raise
    async with cashier.db.connection() as conn:
        left = await strays.by_id(conn, stray.id)
    return left is not None and left.returned_at is not None


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
    with outcome_unknown(_REVIEW):
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
