"""The resolver: finishes every question whose outcome nobody knows, because a reply or a process was lost."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from paywon.base.ids import AttemptId, PaymentId, PaymentKey, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.payments import store
from paywon.payments.attempts import store as attempts
from paywon.payments.bank_refunds import proves_another_try
from paywon.payments.commands.asking import ask_and_learn, conclude, recorded, reopened
from paywon.payments.commands.cashier import Cashier, Intent, Origin
from paywon.payments.commands.queries import PaymentView
from paywon.payments.commands.reading import Reread, is_missing, read_from_toss
from paywon.payments.commands.settling import OPERATION, close, give_up, leave_open
from paywon.payments.facts import shows_gone
from paywon.payments.model import (
    ABOUT_PAYMENTS,
    CANCELLING,
    OVER_WITHOUT_MONEY,
    Attempt,
    AttemptStatus,
    AttemptType,
    Cancel,
    Payment,
    PaymentStatus,
    Verdict,
)
from paywon.payments.recovery import Reading, Step, is_refused_part, next_step
from paywon.strays import store as strays
from paywon.toss import wire
from paywon.toss.errors import ALREADY_DONE, shows_stale_books
from paywon.toss.outcome import No, NotSent, Unknown, Yes, is_silence

_log = structlog.get_logger()
_ORIGIN: Final = Origin(actor="system:resolver")
_UNHEARD_AGAIN: Final = timedelta(seconds=30)
_CLOCKS_APART: Final = timedelta(minutes=1)
# Why a refund came to nothing: a cancel that nothing proves to be its own took its place.
CANCELED_OTHERWISE: Final = "CANCELED_OTHERWISE"


async def resolve_due(cashier: Cashier) -> int:
    """Take up the open attempts whose time has come, and do the next step for each; answer how many."""
    return await take_up_due(cashier, ABOUT_PAYMENTS, _resolve)


async def take_up_due(
    cashier: Cashier, types: Collection[AttemptType], resolve: Callable[[Cashier, Attempt], Awaitable[None]]
) -> int:
    """Claim the open attempts of a room that are due, and resolve each; one that breaks off comes again by itself."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        due = await store.claim_due(conn, types, now, lease_until=now + cashier.lease, limit=cashier.resolve_at_once)
    outcomes = await asyncio.gather(*(resolve(cashier, attempt) for attempt in due), return_exceptions=True)
    for attempt, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            _log.error("an attempt could not be resolved", attempt=str(attempt.id), exc_info=outcome)
    return len(due)


async def resolve_now(cashier: Cashier, attempt_id: AttemptId, *, may_ask: bool) -> None:
    """Do the next step for an attempt at once, parked or not, because a person asks; a closed one is left alone.

    ``may_ask`` False only reads, and puts the question to Toss no more.
    """
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        attempt = await store.lock_attempt(conn, attempt_id)
        if attempt.status is not AttemptStatus.PENDING:
            return
        ours = attempt.type in ABOUT_PAYMENTS
        # What other rooms finish is made due for them at once.
        due_at = now + cashier.lease if ours else now
        await store.update_attempt(conn, attempt_id, resolve_by=due_at, parked_at=None, unheard_at=None)
    if ours:
        await _resolve(cashier, replace(attempt, resolve_by=due_at, parked_at=None), may_ask=may_ask)


async def _resolve(cashier: Cashier, attempt: Attempt, *, may_ask: bool = True) -> None:
    if attempt.type is AttemptType.STATUS_READ:
        await _close_abandoned(cashier, attempt)
        return
    payment = await _payment_of(cashier, attempt)
    reread = await read_from_toss(cashier, payment, _ORIGIN, payment_key=attempt.payment_key, caused_by=attempt.id)
    await _decide(cashier, payment, attempt, reread, may_ask=may_ask)


async def _decide(cashier: Cashier, payment: Payment, attempt: Attempt, reread: Reread, *, may_ask: bool) -> None:
    """Do what follows for an open attempt from what a read has just shown."""
    async with cashier.db.connection() as conn:
        cancel = await store.cancel_of_attempt(conn, attempt.id)
        earlier = await store.keys_before(conn, payment.id, attempt.first_asked_at)
        refusals = await attempts.refusals_in_line(conn, attempt) if attempt.answered else 0
    reading, now = _reading(payment, attempt, cancel, reread, earlier), cashier.clock.now()
    reading = replace(reading, refusals=refusals, done_already=attempt.error_code in ALREADY_DONE)
    step = next_step(attempt, reading, now, margin=cashier.retries.margin)
    intent = reopened(cashier, payment, attempt)
    asks = step in (Step.ASK_AGAIN, Step.ASK_ANEW)
    if asks and not may_ask:
        step = Step.WAIT
    elif asks and intent is None:
        _log.error(
            "an attempt's question cannot be opened; is a key missing in PAYWON_SECRET_KEYS?", id=str(attempt.id)
        )
        step = Step.WAIT
    _log.info("resolving", attempt=str(attempt.id), type=attempt.type, step=step.value)
    if step is Step.ASK_AGAIN and intent is not None:
        await ask_and_recheck(cashier, intent)
    elif (anew := await _do(cashier, step, payment, attempt, cancel, intent, reread)) is not None:
        await ask_and_recheck(cashier, anew)


async def carry_out(cashier: Cashier, intended: Intent | Attempt) -> PaymentView:
    """Ask what was intended, unless it is asked already, and answer what it has come to; raises as ``conclude``."""
    attempt = intended.attempt if isinstance(intended, Intent) else intended
    work = ask_and_recheck(cashier, intended) if isinstance(intended, Intent) else None
    poll_at = f"/payments/{attempt.payment_id}"
    return await cashier.see_through(work, lambda: conclude(cashier, attempt), poll_at=poll_at)


async def ask_and_recheck(cashier: Cashier, intent: Intent) -> None:
    """Ask and learn; where the refusal proves our books stale, read the payment at once and learn that too."""
    answer = await ask_and_learn(cashier, intent)
    code = answer.code if isinstance(answer, No | Unknown) else None
    if code is None or not shows_stale_books(OPERATION[intent.attempt.type], code):
        return
    payment, key = await _payment_of(cashier, intent.attempt), intent.attempt.payment_key
    reread = await read_from_toss(cashier, payment, _ORIGIN, payment_key=key, caused_by=intent.attempt.id)
    async with cashier.db.transaction() as conn:
        if isinstance(reread.answer, NotSent | Unknown):
            await store.look_soon(conn, payment.id, cashier.clock.now() + _UNHEARD_AGAIN)
        attempt = await store.attempt_by_id(conn, intent.attempt.id)
    if attempt is not None and attempt.status is AttemptStatus.PENDING:
        await _decide(cashier, payment, attempt, reread, may_ask=False)


async def make_way(cashier: Cashier, payment_id: PaymentId, amount: Krw | None) -> bool:
    """Close the open cancel of a part that Toss refused with a final answer, if a fresh read shows it undone.

    Only a refund of all that is left, by its ``amount`` or without one, takes its place. Return whether the payment is
    free for it.
    """
    async with cashier.db.connection() as conn:
        attempt = await store.open_attempt_of(conn, payment_id)
        payment = await store.by_id(conn, payment_id)
    if attempt is None or payment is None:
        return attempt is None
    is_whole = amount in (None, payment.balance_amount)
    if not is_whole or attempt.type not in CANCELLING or not is_refused_part(attempt, payment):
        return False
    reread = await read_from_toss(cashier, payment, _ORIGIN, payment_key=attempt.payment_key, caused_by=attempt.id)
    answer = reread.answer
    if not isinstance(answer, Yes) or wire.whole(answer.value.balance_amount) != payment.balance_amount:
        return False
    async with cashier.db.transaction() as conn:
        await orders.lock_by_no(conn, payment.order_no)
        held = await store.lock_attempt(conn, attempt.id)
        if held.status is AttemptStatus.PENDING and is_refused_part(held, payment):
            code, why = held.error_code or "NOT_CANCELED", held.error_message or ""
            await give_up(conn, cashier, payment, held, outcome="no", code=code, why=why)
    return True


async def _do(
    cashier: Cashier,
    step: Step,
    payment: Payment,
    claimed: Attempt,
    cancel: Cancel | None,
    intent: Intent | None,
    reread: Reread,
) -> Intent | None:
    """Close, put off or replace the attempt; answer the intent that replaces it and may now be asked."""
    async with cashier.db.transaction(about=payment.order_no) as conn:
        await orders.lock_by_no(conn, payment.order_no)
        attempt = await store.lock_attempt(conn, claimed.id)
        if attempt.status is not AttemptStatus.PENDING:
            return None  # its own process came back and closed it
        if step is Step.SUCCEEDED:
            await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes")
            if attempt.type in CANCELLING and cancel is None and attempt.payment_key is not None:
                await strays.note_returned(conn, attempt.payment_key, cashier.clock.now())
        elif step is Step.FAILED:
            code, why = _evidence_of_failure(payment, attempt, reread, cancel)
            await give_up(conn, cashier, payment, attempt, outcome="no", code=code, why=why)
        elif step is Step.ASK_ANEW and intent is not None:
            return await _replace_attempt(conn, cashier, intent, cancel)
        else:
            said, unheard = _unread(reread) or attempt.error_message, is_silence(reread.answer)
            code = attempt.error_code or "NO_ANSWER"
            await leave_open(conn, cashier, attempt, code, message=said, unheard=unheard)
    return None


def _unread(reread: Reread) -> str | None:
    """Say which field keeps a read from settling anything, if one does."""
    if reread.learned is not None:
        return reread.learned.why or None
    return reread.answer.detail or None if isinstance(reread.answer, Unknown) else None


async def _replace_attempt(conn: Connection, cashier: Cashier, intent: Intent, cancel: Cancel | None) -> Intent:
    """Close an attempt that Toss answered with a passing failure, and open the next one with its own key."""
    attempt = await succeed_attempt(conn, cashier, intent.attempt)
    anew = recorded(cashier, replace(intent, attempt=attempt))
    await store.open_attempt(conn, anew.attempt)
    if cancel is not None:
        await store.update_cancel(conn, cancel, attempt_id=attempt.id)
    return anew


async def succeed_attempt(conn: Connection, cashier: Cashier, old: Attempt) -> Attempt:
    """Close an attempt and answer the one that takes its place, with a key of its own; the caller writes it."""
    code, said = old.error_code, old.error_message
    # A doubt about it is not over: it goes on with the one that takes its place.
    closing = replace(old, in_doubt_at=None)
    await close(conn, cashier, closing, AttemptStatus.FAILED, outcome="no", code=code, message=said)
    attempt_id, now = AttemptId(new_uuid()), cashier.clock.now()
    return replace(
        old,
        id=attempt_id,
        idempotency_key=str(attempt_id),
        status=AttemptStatus.PENDING,
        response_data=None,
        http_status=None,
        outcome=None,
        answered=False,
        error_code=None,
        error_message=None,
        caused_by=old.id,
        actor=_ORIGIN.actor,
        resolve_by=now + cashier.resolve_after,
        began_at=old.first_asked_at,
        unheard_at=None,
        created_at=now,
    )


async def _payment_of(cashier: Cashier, attempt: Attempt) -> Payment:
    assert attempt.payment_id is not None, "only reads and key issues have no payment"
    async with cashier.db.connection() as conn:
        payment = await store.by_id(conn, attempt.payment_id)
    assert payment is not None, "payments are never deleted"
    return payment


async def _close_abandoned(cashier: Cashier, attempt: Attempt) -> None:
    """A read changes nothing at Toss; its process died, and somebody has read since."""
    async with cashier.db.transaction() as conn:
        held = await store.lock_attempt(conn, attempt.id)
        if held.status is AttemptStatus.PENDING:
            await close(conn, cashier, held, AttemptStatus.FAILED, outcome="unknown", code="ABANDONED")


def _reading(
    payment: Payment, attempt: Attempt, cancel: Cancel | None, reread: Reread, earlier: Collection[PaymentKey]
) -> Reading:
    answer = reread.answer
    if isinstance(answer, Yes):
        # What contradicts our books settles nothing: the attempt stays open for a person.
        fits = reread.learned is not None and reread.learned.verdict is not Verdict.CONTRADICTS
        return Reading(
            status=PaymentStatus(answer.value.status) if fits else None,
            same_order=answer.value.order_id == payment.order_no,
            same_key=_is_about(payment, attempt, answer.value, earlier),
            balance=wire.whole(answer.value.balance_amount) if fits else None,
            cancel_seen=_cancel_seen(cancel),
            cancel_is_older=_is_older(cancel, attempt),
            # The cancel of money that our books do not hold has nothing reserved.
            paid_again=proves_another_try(answer.value.virtual_account and answer.value.virtual_account.refund_status),
            returned=cancel is None and attempt.type in CANCELLING and shows_gone(attempt.payment_key, answer.call),
        )
    return Reading(status=None, found=not is_missing(answer))


def _is_older(cancel: Cancel | None, attempt: Attempt) -> bool:
    """Whether a listed cancel was made well before it was asked for: by Toss's clock, which may differ from ours."""
    made_at = cancel.canceled_at if cancel is not None else None
    return made_at is not None and made_at < attempt.first_asked_at - _CLOCKS_APART


def _cancel_seen(cancel: Cancel | None) -> bool:
    return cancel is not None and cancel.transaction_key is not None


def _is_about(before: Payment, attempt: Attempt, shown: wire.Payment, earlier: Collection[PaymentKey]) -> bool:
    """Whether the payment that Toss shows is the one that an attempt was to bring about.

    Toss makes the paymentKey of a charge and of an account that we ask for, so these are told by their kind, and
    from an earlier refusal on the same order by its key. A window is told from the earlier windows of its order, whose
    keys are ``earlier``.
    """
    if attempt.type is AttemptType.BILLING_CHARGE:
        return shown.type in (None, "BILLING") and not _known_refusal(before, shown)
    if attempt.type is AttemptType.VIRTUAL_ACCOUNT_ISSUE:
        return shown.is_by_account and not _known_refusal(before, shown)
    if attempt.type is AttemptType.PAYMENT_REQUEST:
        return shown.payment_key not in earlier
    return attempt.payment_key in (None, shown.payment_key)


def _known_refusal(before: Payment, shown: wire.Payment) -> bool:
    return before.status in OVER_WITHOUT_MONEY and before.payment_key == shown.payment_key


def _evidence_of_failure(payment: Payment, attempt: Attempt, reread: Reread, cancel: Cancel | None) -> tuple[str, str]:
    answer = reread.answer
    if attempt.type is AttemptType.REFUND_AGAIN and isinstance(answer, Yes):
        return attempt.error_code or "NOT_PAID_OUT", attempt.error_message or ""
    if attempt.type in CANCELLING and isinstance(answer, Yes):
        # The read shows what became of the money; what was refused stands on the attempt.
        code = CANCELED_OTHERWISE if cancel is not None and cancel.transaction_key else attempt.error_code
        return code or "NOT_CANCELED", attempt.error_message or ""
    if isinstance(answer, Yes) and answer.value.order_id != payment.order_no:
        return "KEY_OF_ANOTHER_ORDER", ""
    if isinstance(answer, Yes) and answer.value.failure is not None:
        return answer.value.failure.code or answer.value.status, answer.value.failure.message or ""
    if isinstance(answer, No):
        return answer.code, answer.message
    return "NOT_APPROVED", ""
