"""*Learn*: the one door for provider truth.

The confirm response, the webhook job, the resolver, every status read come through here. ``learn`` is
idempotent, knows which state may follow which, and never lets an older fact overwrite a newer one.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from paywon.base.ids import AttemptId, OrderNo, PaymentKey, StrayId, new_payment_number, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.fulfilments.commands import BUNDLED, Fulfilments
from paywon.orders import store as orders
from paywon.orders.model import (
    ALLOWED_MOVES,
    CLOSED_UNPAID,
    PAID_ONCE,
    STANDING,
    FulfilmentStatus,
    Order,
    OrderStatus,
)
from paywon.payments import store
from paywon.payments.announcing import Books
from paywon.payments.attempts import store as attempts
from paywon.payments.commands import handing_over
from paywon.payments.commands.cancels import learn_cancels
from paywon.payments.commands.telling import tell_change, tell_requested, tell_unapplied
from paywon.payments.facts import fact_of, payment_columns, unfit
from paywon.payments.impossible import is_impossible, look_at
from paywon.payments.model import (
    APPROVED,
    LOOK_AGAIN,
    UNPAID,
    Fact,
    Payment,
    PaymentStatus,
    Verdict,
    contradiction,
    deposited_at,
    earliest,
    hold_ends_at,
    judge,
    look_at_refused,
    looks_old,
    next_look,
    order_status,
)
from paywon.strays import store as strays
from paywon.strays.model import Stray, StrayReason
from paywon.toss import wire

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What Toss answered and when it was asked. ``attempt_id``: whose own answer it is, if an attempt's."""

    answer: wire.Payment
    raw: dict[str, Any]
    asked_at: datetime
    attempt_id: AttemptId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What a fact did. ``payment`` and ``order`` are as they now are; None where we have no such order.

    ``why`` says which field contradicts our books, where one does. ``look_at`` is when to read what only looks old.
    """

    verdict: Verdict
    why: str = ""
    order: Order | None = None
    payment: Payment | None = None
    look_at: datetime | None = None


async def learn(
    conn: Connection,
    evidence: Evidence,
    *,
    now: datetime,
    deposit_hold: timedelta,
    fulfilments: Fulfilments = BUNDLED,
) -> Learned:
    """Take what Toss said into our books, within the caller's transaction.

    Locks the order and the payment, moves the payment, its cancels, the order and its fulfilment. What a deposit
    pays for is handed over by the first fact that was asked for ``deposit_hold`` after the deposit was first seen.
    """
    fact = fact_of(evidence.answer, evidence.asked_at)
    if fact is None:
        return Learned(verdict=Verdict.CONTRADICTS, why=unfit(evidence.answer) or "")
    order = await orders.lock_by_no(conn, OrderNo(fact.order_no))
    if order is None or order.is_free:
        return Learned(verdict=Verdict.CONTRADICTS, why="orderId: is no order of ours")
    payment = await lock_or_open_payment(conn, order, now)
    before, verdict = Books(order=order, payment=payment), judge(payment, fact)
    if verdict is Verdict.CONTRADICTS:
        why = contradiction(payment, fact)
        _log.warning("Toss contradicts our books", order_no=order.order_no, status=fact.status, why=why)
        if fact.balance_amount == 0:
            await strays.note_returned(conn, fact.payment_key, now)
        return Learned(verdict=verdict, why=why, order=order, payment=payment)
    if verdict is Verdict.STRAY:
        await _note_second(conn, order, payment, fact, evidence, now)
        return Learned(verdict=verdict, order=order, payment=payment)
    if verdict is Verdict.APPLY:
        payment = await _update(conn, order, payment, evidence, fact, now, deposit_hold)
    if verdict is Verdict.STALE:
        payment = await _look_again(conn, payment, fact, now)
    # A cancel that Toss has listed stays listed, so even an old list may name one that we do not know yet.
    payment = await learn_cancels(conn, payment, evidence.answer, evidence.raw, answered=evidence.attempt_id, now=now)
    if verdict is Verdict.APPLY:
        held_until = hold_ends_at(payment, deposit_hold)
        safe = held_until is None or fact.asked_at >= held_until
        order = await _move_order(conn, order, payment, now, may_fulfil=safe, fulfilments=fulfilments)
        await _plan_next_try(conn, order, payment, now)
        if order.status in CLOSED_UNPAID:
            await _note_stray(conn, order, payment, now)
        order = await tell_change(conn, before, Books(order=order, payment=payment), now)
    look_at = now + LOOK_AGAIN if verdict is Verdict.STALE and looks_old(before.payment, fact) else None
    return Learned(verdict=verdict, order=order, payment=payment, look_at=look_at)


async def _look_again(conn: Connection, payment: Payment, fact: Fact, now: datetime) -> Payment:
    """Have a payment read again whose fact may be no old news, and note a fact that cannot be true."""
    if looks_old(payment, fact):
        await store.look_soon(conn, payment.id, now + LOOK_AGAIN)
    if not is_impossible(payment, fact):
        return payment
    since = payment.impossible_since or now
    _log.warning("Toss shows what cannot be", order_no=payment.order_no, status=fact.status, ours=payment.status)
    return await store.update_payment(
        conn,
        payment.id,
        now,
        impossible_since=since,
        impossible_shown=f"{fact.status} {fact.balance_amount}",
        look_again_at=look_at(since, now),
    )


async def _update(
    conn: Connection,
    order: Order,
    payment: Payment,
    evidence: Evidence,
    fact: Fact,
    now: datetime,
    deposit_hold: timedelta,
) -> Payment:
    columns = payment_columns(evidence.answer, evidence.raw, fact)
    if evidence.answer.approved_at is None and columns["approved_at"] is not None and payment.approved_at is not None:
        columns["approved_at"] = payment.approved_at
    was_account = payment.payment_key == fact.payment_key and payment.virtual_account is not None
    if was_account:
        # An account stays one, though neither the means nor the account can be read this time.
        columns["virtual_account"] = columns["virtual_account"] or payment.virtual_account
    columns |= _payer_told(payment, evidence.answer, fact)
    by_deposit = evidence.answer.is_by_account or was_account
    columns["deposited_at"] = deposited_at(payment, fact, by_deposit=by_deposit)
    look = next_look(replace(payment, **columns), now, deposit_hold)
    if _may_have_refused(payment, fact):
        # A new window is open, or another key has paid; the one that was refused before is still to be read once.
        refused = [at for key, at in await attempts.refused_unread(conn, payment.id) if key != fact.payment_key]
        due = [look_at_refused(at, order.expires_at) for at in refused]
        look = earliest(look, *(at if at > now else now + LOOK_AGAIN for at in due))
    columns |= {"look_again_at": look, "impossible_since": None, "impossible_shown": None}
    return await store.update_payment(conn, payment.id, now, **columns)


def _may_have_refused(payment: Payment, fact: Fact) -> bool:
    """Whether a key of a payment may have been refused that nobody has read since."""
    is_planned = payment.look_again_at is not None and payment.status not in UNPAID
    return fact.status in UNPAID or payment.fail_code is not None or is_planned


def _payer_told(payment: Payment, answer: wire.Payment, fact: Fact) -> dict[str, Any]:
    """Keep for whom an account was issued in Toss's own window: its deposit screen shows the name.

    Toss's answer itself is stored with the name masked.
    """
    known = payment.customer or {}
    account = answer.virtual_account
    if fact.status is not PaymentStatus.WAITING_FOR_DEPOSIT or known.get("name") or account is None:
        return {}
    return {"customer": {**known, "name": account.customer_name}} if account.customer_name else {}


async def lock_or_open_payment(conn: Connection, order: Order, now: datetime) -> Payment:
    """Fetch and hold the payment of a locked order; make its row the first time that anybody pays."""
    payment = await store.lock_by_order(conn, order.id)
    if payment is None:
        payment = new_payment(order, now)
        await open_payment(conn, order, payment, now)
    return payment


async def open_payment(conn: Connection, order: Order, payment: Payment, now: datetime) -> None:
    """Write the row of a payment, and tell that somebody has begun to pay."""
    await store.insert_payment(conn, payment)
    await tell_requested(conn, order, payment, now)


def new_payment(order: Order, now: datetime) -> Payment:
    """Make the payment of an order that nobody has tried to pay yet."""
    return Payment(
        id=new_uuid(),  # type: ignore[arg-type]
        payment_number=new_payment_number(now),
        order_id=order.id,
        order_no=order.order_no,
        order_name=order.order_name,
        user_id=order.user_id,
        resource_type=order.resource_type,
        resource_id=order.resource_id,
        total_amount=order.amount,
        tax_free_amount=order.tax_free_amount,
        metadata=order.metadata,
        requested_at=now,
        created_at=now,
        updated_at=now,
    )


async def _move_order(
    conn: Connection, order: Order, payment: Payment, now: datetime, *, may_fulfil: bool, fulfilments: Fulfilments
) -> Order:
    status = order_status(payment)
    if order.status is OrderStatus.PENDING_PAYMENT and status in PAID_ONCE:
        # A payment that is first seen after its refund has still been paid: the order takes both steps.
        told = may_fulfil and status in STANDING
        order = await _set_status(conn, order, OrderStatus.PAID, now, paid_told_at=now if told else None)
        order = await handing_over.await_fulfilment(
            conn, order, now, reason=None if may_fulfil else handing_over.DEPOSIT_HELD
        )
    stands = order.status in PAID_ONCE and status in PAID_ONCE
    if stands and may_fulfil and order.fulfilment_status is FulfilmentStatus.WAITING:
        order = await handing_over.fulfil(conn, order, now, fulfilments, may_wait=True)
    if stands and may_fulfil and status in STANDING and order.paid_told_at is None:
        order = await _let_paid_be_told(conn, order, now)
    if status is order.status:
        return order
    if status not in ALLOWED_MOVES[order.status]:
        return order
    was_paid = order.status in PAID_ONCE
    since = order.paid_told_at if status in PAID_ONCE else None
    order = await _set_status(conn, order, status, now, paid_told_at=since)
    if status is OrderStatus.REFUNDED:
        return await handing_over.reverse(conn, order, now, fulfilments, reason=None)
    if was_paid and status not in PAID_ONCE:
        _log.warning("a bank took a deposit back", order_no=order.order_no)
        return await handing_over.reverse(conn, order, now, fulfilments, reason=handing_over.DEPOSIT_REVERSED)
    return order


async def _plan_next_try(conn: Connection, order: Order, payment: Payment, now: datetime) -> None:
    """Have a payment read again when a hand-over that only took too long is to be tried again: by what is read."""
    if (at := handing_over.next_try(order, now)) is not None:
        await store.look_soon(conn, payment.id, at)


async def _set_status(
    conn: Connection, order: Order, status: OrderStatus, now: datetime, *, paid_told_at: datetime | None
) -> Order:
    await orders.set_status(conn, order.id, status, now, paid_told_at=paid_told_at)
    return replace(order, status=status, paid_told_at=paid_told_at)


async def _let_paid_be_told(conn: Connection, order: Order, now: datetime) -> Order:
    """The hold of a deposit is over, and a fresh read has shown it: from now on the order counts as paid outside."""
    await orders.set_paid_told(conn, order.id, now)
    return replace(order, paid_told_at=now)


async def _note_second(
    conn: Connection, order: Order, payment: Payment, fact: Fact, evidence: Evidence, now: datetime
) -> None:
    """Write down a second payment of one order, or that it has gone back."""
    if fact.status is PaymentStatus.CANCELED or fact.balance_amount == 0:
        await strays.note_returned(conn, fact.payment_key, now)
        return
    by_deposit = evidence.answer.is_by_account and fact.status in APPROVED
    stray = _stray(payment, fact.payment_key, _why_stray(order), fact.balance_amount, by_deposit, now)
    await strays.note(conn, stray)
    await tell_unapplied(conn, stray, now)


async def _note_stray(conn: Connection, order: Order, payment: Payment, now: datetime) -> None:
    """Write down money for an order that had been closed, or that it has gone back."""
    assert payment.payment_key is not None, "a fact has named it"
    if payment.status not in APPROVED or not payment.balance_amount:
        await strays.note_returned(conn, payment.payment_key, now)
        return
    by_deposit = payment.virtual_account is not None
    stray = _stray(payment, payment.payment_key, _why_stray(order), payment.balance_amount, by_deposit, now)
    await strays.note(conn, stray)
    await tell_unapplied(conn, stray, now)


def _why_stray(order: Order) -> StrayReason:
    closed = {OrderStatus.EXPIRED: StrayReason.ORDER_EXPIRED, OrderStatus.CANCELED: StrayReason.ORDER_CANCELED}
    return closed.get(order.status, StrayReason.ORDER_PAID_ALREADY)


def _stray(
    payment: Payment, payment_key: PaymentKey, reason: StrayReason, amount: int, by_deposit: bool, now: datetime
) -> Stray:
    _log.error("money for an order that cannot take it", order_no=payment.order_no, reason=reason, amount_krw=amount)
    return Stray(
        id=StrayId(new_uuid()),
        payment_id=payment.id,
        payment_key=payment_key,
        reason=reason,
        balance_amount=Krw(amount),
        needs_account=by_deposit,
        return_at=None if by_deposit else now,
        last_error="REFUND_ACCOUNT_REQUIRED" if by_deposit else None,
        found_at=now,
    )
