"""Takes the answer to an attempt, one of four kinds, into our books."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, new_uuid
from paywon.base.redaction import redact
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import Order, OrderStatus
from paywon.outbox.model import EventType
from paywon.payments import store
from paywon.payments.announcing import Books
from paywon.payments.bank_refunds import proves_another_try
from paywon.payments.commands.cashier import Cashier
from paywon.payments.commands.learning import Evidence, Learned, learn
from paywon.payments.commands.telling import tell_change, tell_doubt, tell_refused
from paywon.payments.facts import keepable, newest_cancel, shows_gone
from paywon.payments.model import (
    APPROVED,
    CANCELLING,
    OVER_WITHOUT_MONEY,
    PAYING,
    REFUNDABLE,
    UNPAID,
    Attempt,
    AttemptStatus,
    AttemptType,
    CancelStatus,
    Payment,
    PaymentStatus,
    Verdict,
    earliest,
    look_at_refused,
)
from paywon.payments.recovery import REQUEST_WINDOW, counted_tries, is_doubtful, most_tries, next_try_at
from paywon.strays import store as strays
from paywon.toss import wire
from paywon.toss.errors import Operation, Refusal, refusal
from paywon.toss.outcome import Answer, Call, No, NotSent, Unknown, UnknownReason, Yes, is_silence

OPERATION: Final = {
    AttemptType.PAYMENT_REQUEST: Operation.CREATE,
    AttemptType.PAYMENT_CONFIRMATION: Operation.CONFIRM,
    AttemptType.PAYMENT_CANCELLATION: Operation.CANCEL,
    AttemptType.REFUND_REQUEST: Operation.CANCEL,
    AttemptType.REFUND_AGAIN: Operation.CANCEL,
    AttemptType.VIRTUAL_ACCOUNT_ISSUE: Operation.VIRTUAL_ACCOUNT,
    AttemptType.BILLING_CHARGE: Operation.BILLING_CHARGE,
    AttemptType.BILLING_KEY_ISSUE: Operation.BILLING_ISSUE,
    AttemptType.BILLING_KEY_DELETE: Operation.BILLING_DELETE,
    AttemptType.CASH_RECEIPT_ISSUE: Operation.CASH_RECEIPT,
    AttemptType.CASH_RECEIPT_CANCEL: Operation.CASH_RECEIPT_CANCEL,
}

# Toss's word for a window that is over, and for one that nobody has authenticated in yet (toss/api.md 5.2).
NO_SESSION: Final = "NOT_FOUND_PAYMENT_SESSION"
# A gateway may say to wait for years; the customer's window closes in minutes.
MOST_TOLD_WAIT_S: Final = 60.0


async def settle(
    cashier: Cashier, payment: Payment, asked: Attempt, answer: Answer[wire.Payment], *, asked_at: datetime
) -> None:
    """Apply an answer to the books and close its attempt, in one transaction. Unknown leaves it open."""
    async with cashier.db.transaction(about=payment.order_no) as conn:
        await orders.lock_by_no(conn, payment.order_no)
        attempt = await store.lock_attempt(conn, asked.id)
        learned = await _learn(conn, cashier, attempt, answer, asked_at) if isinstance(answer, Yes) else None
        gone = await _is_gone(conn, cashier, attempt, answer)
        if attempt.status is not AttemptStatus.PENDING:
            await note_late_answer(conn, cashier, attempt, answer.kind, answer.call)
            return
        match answer:
            case Yes() | Unknown() if gone:
                await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=answer.call)
            case Yes() if learned is not None and await _carried_out(conn, attempt, learned, answer.value):
                await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=answer.call)
            case Yes():
                why = learned.why if learned else ""
                await leave_open(
                    conn, cashier, attempt, "CONTRADICTION", message=why or None, call=answer.call, answered=True
                )
            case No() | NotSent() | Unknown():
                refused = refused_for_good(attempt, answer)
                if refused is None:
                    await leave_unsettled(conn, cashier, attempt, answer)
                    return
                no = {"outcome": refused.outcome, "code": refused.code, "why": refused.why}
                await give_up(conn, cashier, payment, attempt, call=answer.call, **no)
                if isinstance(answer, No):
                    await _mark_refused(conn, cashier, payment, attempt, answer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a question certainly did nothing, as the audit trail has it."""

    outcome: str
    code: str
    why: str


def refused_for_good(attempt: Attempt, answer: No | NotSent | Unknown) -> Refused | None:
    """Take an answer as proof that the attempt did nothing; None where it may have done something."""
    match answer:
        case No() if proves_nothing_happened(attempt, answer):
            return Refused(outcome="no", code=answer.code, why=answer.message)
        case NotSent() if first_ask(attempt):
            return Refused(outcome="not_sent", code="NOT_SENT", why=str(answer.reason))
    return None


async def leave_unsettled(conn: Connection, cashier: Cashier, attempt: Attempt, answer: No | NotSent | Unknown) -> None:
    """Leave an attempt open whose answer proves nothing."""
    match answer:
        case NotSent():
            await leave_open(conn, cashier, attempt, "NOT_SENT", call=answer.call, unheard=True)
        case No():
            await leave_open(conn, cashier, attempt, answer.code, message=answer.message, call=answer.call)
        case Unknown():
            await leave_open(
                conn,
                cashier,
                attempt,
                answer.code or str(answer.reason),
                # Where Toss says nothing itself: which field could not be read.
                message=answer.message or answer.detail or None,
                call=answer.call,
                answered=answer.answered,
                counts=answer.reason is not UnknownReason.RUNNING,
                not_before_s=answer.retry_after_s,
                unheard=is_silence(answer) and not answer.answered,
            )


def first_ask(attempt: Attempt) -> bool:
    """Whether this was the only time that the attempt's question was, or may have been, sent."""
    return attempt.retry_count == 0 and attempt.outcome is None


def proves_nothing_happened(attempt: Attempt, answer: No) -> bool:
    """A refusal of a repeat comes from the key's record, but for one of our own credentials.

    Toss checks those before it looks the key up (toss/api.md, Appendix B), so it may have acted on the first ask.
    """
    return first_ask(attempt) or answer.refusal is not Refusal.MERCHANT


async def _is_gone(conn: Connection, cashier: Cashier, attempt: Attempt, answer: Answer[wire.Payment]) -> bool:
    """See that the cancel of money that our books do not hold, so that nothing is reserved, leaves nothing of it."""
    if (
        attempt.type not in CANCELLING
        or attempt.payment_key is None
        or not shows_gone(attempt.payment_key, answer.call)
    ):
        return False
    if await store.cancel_of_attempt(conn, attempt.id) is not None:
        return False
    await strays.note_returned(conn, attempt.payment_key, cashier.clock.now())
    return True


async def _learn(
    conn: Connection, cashier: Cashier, attempt: Attempt, answer: Yes[wire.Payment], asked_at: datetime
) -> Learned:
    evidence = Evidence(answer=answer.value, raw=answer.raw, asked_at=asked_at, attempt_id=attempt.id)
    return await learn(
        conn,
        evidence,
        now=cashier.clock.now(),
        deposit_hold=cashier.deposit_hold,
        fulfilments=cashier.fulfilments,
    )


async def _carried_out(conn: Connection, attempt: Attempt, learned: Learned, answer: wire.Payment) -> bool:
    """See that the Payment which came back fits our books and shows what was asked for."""
    if learned.verdict is Verdict.CONTRADICTS or learned.payment is None or learned.payment.id != attempt.payment_id:
        return False  # the second: what came back is about another order
    if learned.verdict is Verdict.STRAY:
        # A second payment of a paid order: it was approved.
        return answer.payment_key == attempt.payment_key
    if attempt.type is AttemptType.PAYMENT_CONFIRMATION:
        money = answer.approved_at is not None or answer.status in REFUNDABLE
        return money and answer.payment_key == attempt.payment_key
    if attempt.type in CANCELLING:
        cancel = await store.cancel_of_attempt(conn, attempt.id)
        named = None if cancel is None else cancel.transaction_key
        return named is not None and named == newest_cancel(answer)
    if attempt.type is AttemptType.REFUND_AGAIN:
        return answer.virtual_account is not None and proves_another_try(answer.virtual_account.refund_status)
    if attempt.type is AttemptType.VIRTUAL_ACCOUNT_ISSUE:
        return answer.is_by_account
    if attempt.type is AttemptType.BILLING_CHARGE:
        return answer.approved_at is not None or answer.status in APPROVED
    return True


async def close(
    conn: Connection,
    cashier: Cashier,
    attempt: Attempt,
    status: AttemptStatus,
    *,
    outcome: str,
    call: Call | None = None,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """Close an attempt with what the call showed; one that somebody has closed meanwhile stays as it is."""
    closed = await store.close_attempt(
        conn,
        attempt.id,
        **(call_columns(call) if call else {}),
        status=status,
        outcome=outcome,
        error_code=code,
        error_message=redact(message),
        closed_at=cashier.clock.now(),
        resolve_by=None,
        parked_at=None,
        in_doubt_at=None,
        began_at=None,
        unheard_at=None,
        sealed_request=None,
    )
    if not closed and call is not None:
        await note_late_answer(conn, cashier, attempt, outcome, call)
    if closed and attempt.in_doubt_at is not None:
        known = replace(attempt, status=status)
        await tell_doubt(conn, EventType.PAYMENT_DOUBT_RESOLVED, known, cashier.clock.now())


async def note_late_answer(conn: Connection, cashier: Cashier, attempt: Attempt, outcome: str, call: Call) -> None:
    """Put an answer on record that came after its attempt was closed: a closed row never changes (ADR 0016)."""
    now = cashier.clock.now()
    late = Attempt(
        id=AttemptId(new_uuid()),
        payment_id=attempt.payment_id,
        billing_key_id=attempt.billing_key_id,
        type=AttemptType.LATE_ANSWER,
        status=AttemptStatus.SUCCESS if outcome == "yes" else AttemptStatus.FAILED,
        payment_key=attempt.payment_key,
        outcome=outcome,
        caused_by=attempt.id,
        actor=attempt.actor,
        created_at=now,
        closed_at=now,
    )
    await store.open_attempt(conn, replace(late, **call_columns(call)))


async def leave_open(
    conn: Connection,
    cashier: Cashier,
    attempt: Attempt,
    code: str,
    *,
    message: str | None = None,
    call: Call | None = None,
    answered: bool | None = None,
    counts: bool = True,
    not_before_s: float | None = None,
    unheard: bool = False,
) -> None:
    """Note what came back and leave the attempt to the resolver: unknown is a state, not an error.

    ``answered`` None keeps what was known; ``counts`` False is for a 409 while the first ask still runs;
    ``not_before_s`` is how long Toss asked us to wait, of which a minute counts; ``unheard`` tells that we wait only
    because Toss was not heard.
    """
    plan, now = cashier.retries, cashier.clock.now()
    tries = counted_tries(plan, attempt, attempt.retry_count if counts else max(0, attempt.retry_count - 1), now)
    again_at = next_try_at(plan, attempt, tries, now, chance=random.random())  # noqa: S311 - no secret
    again_at = max(again_at, now + timedelta(seconds=min(not_before_s or 0, MOST_TOLD_WAIT_S)))
    parked = tries >= most_tries(plan)
    in_doubt = parked or is_doubtful(tries, attempt.first_asked_at, now)
    await store.update_attempt(
        conn,
        attempt.id,
        **(call_columns(call) if call else {}),
        **({} if answered is None else {"answered": answered}),
        outcome="unknown",
        error_code=code,
        error_message=redact(message),
        retry_count=tries,
        resolve_by=None if parked else again_at,
        unheard_at=now if unheard and not parked else None,
        parked_at=now if parked else None,
        in_doubt_at=attempt.in_doubt_at or (now if in_doubt else None),
    )
    if in_doubt and attempt.in_doubt_at is None:
        await tell_doubt(conn, EventType.PAYMENT_IN_DOUBT, attempt, now)


def call_columns(call: Call) -> dict[str, Any]:
    """Answer the columns of the audit trail that a call fills, redacted."""
    return {
        "http_status": call.http_status,
        "response_data": keepable(call.response_body) if call.response_body is not None else None,
        "processing_time_ms": call.elapsed_ms,
    }


async def release(conn: Connection, attempt: Attempt) -> None:
    """Give back the amount that a cancel attempt had reserved; a listed cancel that looked like its own is not."""
    for cancel in await store.cancels_of(conn, attempt.payment_id):  # type: ignore[arg-type]
        if cancel.attempt_id != attempt.id:
            continue
        if cancel.transaction_key is not None:
            await store.update_cancel(conn, cancel, attempt_id=None)
        elif cancel.cancel_status == CancelStatus.PENDING:
            await store.update_cancel(conn, cancel, cancel_status=CancelStatus.FAILED)


async def give_up(
    conn: Connection,
    cashier: Cashier,
    payment: Payment,
    attempt: Attempt,
    *,
    outcome: str,
    code: str,
    why: str,
    call: Call | None = None,
) -> None:
    """Close an attempt that certainly did nothing, and undo what was reserved for it."""
    now = cashier.clock.now()
    await close(conn, cashier, attempt, AttemptStatus.FAILED, outcome=outcome, code=code, message=why, call=call)
    if attempt.type in CANCELLING:
        await release(conn, attempt)
    if attempt.type is AttemptType.PAYMENT_REQUEST:
        await _close_unopened(conn, payment, now, fail_code=code, fail_message=redact(why))


async def _close_unopened(conn: Connection, about: Payment, now: datetime, **failure: Any) -> None:
    """Close an order whose payment window never opened: nobody can pay it, and its resource is free again."""
    order, payment = await orders.lock_by_id(conn, about.order_id), await store.lock_by_order(conn, about.order_id)
    assert order is not None and payment is not None, "neither is ever deleted"
    if not _placed_for_window(order, payment):
        return
    await orders.set_status(conn, order.id, OrderStatus.CANCELED, now, paid_told_at=None)
    over = await store.update_payment(conn, payment.id, now, status=PaymentStatus.ABORTED, **failure)
    closed = Books(order=replace(order, status=OrderStatus.CANCELED), payment=over)
    await tell_change(conn, Books(order=order, payment=payment), closed, now)


def _placed_for_window(order: Order, payment: Payment) -> bool:
    """Whether an open order was placed for a window that has never been there; else it can be paid another way."""
    fresh = order.status is OrderStatus.PENDING_PAYMENT and order.created_at == payment.created_at
    return fresh and payment.payment_key is None


async def _mark_refused(conn: Connection, cashier: Cashier, about: Payment, attempt: Attempt, answer: No) -> None:
    """Show on the payment that paying was refused; what Toss's status then is stands in toss/api.md 2."""
    if attempt.type not in PAYING:
        return
    payment = await store.lock_by_order(conn, about.order_id)
    assert payment is not None, "an attempt has a payment"
    if payment.status not in UNPAID | OVER_WITHOUT_MONEY:
        return
    columns: dict[str, Any] = {"fail_code": answer.code, "fail_message": redact(answer.message)}
    over = {Refusal.DECLINED: PaymentStatus.ABORTED, Refusal.EXPIRED: PaymentStatus.EXPIRED}.get(answer.refusal)
    now = cashier.clock.now()
    if answer.code == NO_SESSION and now < payment.requested_at + REQUEST_WINDOW:
        over = None  # the customer may not have authenticated yet, so the window may still be used
    if over is not None and payment.payment_key in (None, attempt.payment_key):
        columns["status"] = over
    order = await orders.by_id(conn, about.order_id)
    assert order is not None, "a payment has its order (foreign key)"
    # A card company may approve what its answer refused: the key is read once, before the order is closed.
    columns["look_again_at"] = earliest(payment.look_again_at, look_at_refused(now, order.expires_at))
    refused = await store.update_payment(conn, payment.id, now, **columns)
    if over is not None:
        await tell_refused(conn, order, payment, refused, attempt, now)


def is_over(attempt: Attempt) -> bool:
    """Whether Toss has refused an attempt in a way that ends its paymentKey: that key cannot be confirmed again.

    That there is no session is no such refusal: the customer may not have authenticated yet.
    """
    kind = refusal(OPERATION[attempt.type], attempt.error_code or "")
    return attempt.outcome == "no" and kind is Refusal.DECLINED


def uses_up_token(attempt: Attempt) -> bool:
    """Whether a failed attempt was refused by Toss for what was asked: not for our credentials, and not unsent."""
    kind = refusal(OPERATION[attempt.type], attempt.error_code or "")
    return attempt.outcome == "no" and kind is not Refusal.MERCHANT


def error_of(attempt: Attempt) -> PaywonError:
    """Say what a failed attempt means to the one who asked."""
    code, said = attempt.error_code or "", attempt.error_message
    if attempt.outcome == "not_sent":
        return PaywonError("PROVIDER_UNAVAILABLE", retry_after_s=5)
    return refusal_told(refusal(OPERATION[attempt.type], code), code, said)


def refusal_told(kind: Refusal | None, code: str, said: str | None) -> PaywonError:
    """Say what a refusal by Toss means; ``code`` and ``said`` are Toss's own."""
    told = {
        Refusal.MERCHANT: "PROVIDER_MISCONFIGURED",
        Refusal.DECLINED: "PAYMENT_DECLINED",
        Refusal.EXPIRED: "PAYMENT_EXPIRED",
    }
    ours = "PAYMENT_REFUSED" if kind is None else told.get(kind, "PAYMENT_REFUSED")
    return PaywonError(ours, original_message=said, provider_code=code, extra={"providerCode": code})
