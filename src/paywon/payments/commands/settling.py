"""Takes the answer to an attempt, one of four kinds, into our books."""

from datetime import datetime, timedelta
from typing import Any

from paywon.base.errors import PaywonError
from paywon.base.redaction import redact
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import OrderStatus
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Intent
from paywon.payments.commands.learning import Evidence, learn
from paywon.payments.facts import keepable
from paywon.payments.model import (
    CANCELLING,
    OVER_WITHOUT_MONEY,
    UNPAID,
    Attempt,
    AttemptStatus,
    AttemptType,
    CancelStatus,
    Payment,
    PaymentStatus,
    Verdict,
)
from paywon.toss import wire
from paywon.toss.errors import Operation, Refusal, refusal
from paywon.toss.outcome import Answer, Call, No, NotSent, Unknown, Yes

_OPERATION = {
    AttemptType.PAYMENT_REQUEST: Operation.CREATE,
    AttemptType.PAYMENT_CONFIRMATION: Operation.CONFIRM,
    AttemptType.PAYMENT_CANCELLATION: Operation.CANCEL,
    AttemptType.REFUND_REQUEST: Operation.CANCEL,
}


async def settle(cashier: Cashier, intent: Intent, answer: Answer[wire.Payment], *, asked_at: datetime) -> None:
    """Apply an answer to the books and close its attempt, in one transaction. Unknown leaves it open."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        await orders.lock_by_no(conn, intent.payment.order_no)
        attempt = await store.lock_attempt(conn, intent.attempt.id)
        if attempt.status is not AttemptStatus.PENDING:
            return  # the resolver was faster
        match answer:
            case Yes():
                evidence = Evidence(answer=answer.value, raw=answer.raw, asked_at=asked_at, attempt_id=attempt.id)
                learned = await learn(conn, evidence, now=now)
                if learned.verdict is Verdict.CONTRADICTS or not _carried_out(attempt, answer.value):
                    await leave_open(conn, cashier, attempt, answer.call, "CONTRADICTION")
                else:
                    await close(conn, cashier, attempt, answer.call, AttemptStatus.SUCCESS, outcome="yes")
            case No():
                await _refused(conn, cashier, intent, answer)
            case NotSent():
                await give_up(conn, cashier, intent, outcome="not_sent", code="NOT_SENT", why=str(answer.reason))
                await store.update_attempt(conn, attempt.id, **call_columns(answer.call))
            case Unknown():
                await leave_open(conn, cashier, attempt, answer.call, answer.code or str(answer.reason), answer.message)
                await store.update_attempt(conn, attempt.id, answered=answer.answered)


async def close(
    conn: Connection,
    cashier: Cashier,
    attempt: Attempt,
    call: Call | None,
    status: AttemptStatus,
    *,
    outcome: str,
    code: str | None = None,
    message: str | None = None,
) -> None:
    """Close an attempt with what the call showed."""
    await store.update_attempt(
        conn,
        attempt.id,
        **(call_columns(call) if call else {}),
        status=status,
        outcome=outcome,
        error_code=code,
        error_message=message,
        closed_at=cashier.clock.now(),
        resolve_by=None,
    )


async def leave_open(
    conn: Connection,
    cashier: Cashier,
    attempt: Attempt,
    call: Call | None,
    code: str,
    message: str | None = None,
) -> None:
    """Note what came back and leave the attempt to the resolver: unknown is a state, not an error."""
    await store.update_attempt(
        conn,
        attempt.id,
        **(call_columns(call) if call else {}),
        outcome="unknown",
        error_code=code,
        error_message=message,
        resolve_by=cashier.clock.now() + timedelta(seconds=ladder_s(attempt.retry_count)),
    )


# Seconds until the next try (DESIGN 3), then hourly.
_LADDER_S = (2, 5, 15, 60, 300, 1800)


def ladder_s(tries: int) -> int:
    """Answer how many seconds the resolver waits after so many tries."""
    return _LADDER_S[tries] if tries < len(_LADDER_S) else 3600


def call_columns(call: Call) -> dict[str, Any]:
    """Answer the columns of the audit trail that a call fills, redacted."""
    return {
        "http_status": call.http_status,
        "response_data": keepable(call.response_body) if call.response_body is not None else None,
        "processing_time_ms": call.elapsed_ms,
    }


async def release(conn: Connection, attempt: Attempt) -> None:
    """Give back the amount that a cancel attempt had reserved."""
    for cancel in await store.cancels_of(conn, attempt.payment_id):  # type: ignore[arg-type]
        if cancel.attempt_id == attempt.id and cancel.cancel_status == CancelStatus.PENDING:
            await store.update_cancel(conn, cancel, cancel_status=CancelStatus.FAILED)


async def _refused(conn: Connection, cashier: Cashier, intent: Intent, answer: No) -> None:
    await give_up(conn, cashier, intent, outcome="no", code=answer.code, why=answer.message)
    await store.update_attempt(conn, intent.attempt.id, **call_columns(answer.call))
    if intent.attempt.type in CANCELLING:
        return
    payment = await store.lock_by_order(conn, intent.payment.order_id)
    assert payment is not None, "an attempt has a payment"
    columns: dict[str, Any] = {"fail_code": answer.code, "fail_message": redact(answer.message)}
    if (over := _status_after(answer.refusal, intent, payment)) is not None:
        columns["status"] = over
    await store.update_payment(conn, payment.id, cashier.clock.now(), **columns)


def _status_after(kind: Refusal, intent: Intent, payment: Payment) -> PaymentStatus | None:
    """What a refusal makes of the payment (api.md 2); None where it stays as it was."""
    about_this_key = payment.payment_key in (None, intent.attempt.payment_key)
    if not about_this_key or payment.status not in UNPAID | OVER_WITHOUT_MONEY:
        return None
    if intent.attempt.type is AttemptType.PAYMENT_REQUEST or kind is Refusal.DECLINED:
        return PaymentStatus.ABORTED
    return PaymentStatus.EXPIRED if kind is Refusal.EXPIRED else None


async def give_up(conn: Connection, cashier: Cashier, intent: Intent, *, outcome: str, code: str, why: str) -> None:
    """Close an attempt that certainly did nothing."""
    attempt = intent.attempt
    await close(conn, cashier, attempt, None, AttemptStatus.FAILED, outcome=outcome, code=code, message=redact(why))
    if attempt.type in CANCELLING:
        await release(conn, attempt)
    if attempt.type is AttemptType.PAYMENT_REQUEST:
        # Nobody can pay an order whose payment window never opened; its resource is free again.
        await orders.set_status(conn, intent.payment.order_id, OrderStatus.CANCELED, cashier.clock.now())


def _carried_out(attempt: Attempt, answer: wire.Payment) -> bool:
    """See that the Payment which came back shows what was asked for."""
    if attempt.type is AttemptType.PAYMENT_CONFIRMATION:
        money = answer.approved_at is not None or answer.status == PaymentStatus.WAITING_FOR_DEPOSIT
        return money and answer.payment_key == attempt.payment_key
    return True


def error_of(attempt: Attempt) -> PaywonError:
    """Say what a failed attempt means to the one who asked."""
    code, said = attempt.error_code or "", attempt.error_message
    if attempt.outcome == "not_sent":
        return PaywonError("PROVIDER_UNAVAILABLE", retry_after_s=5)
    kind = refusal(_OPERATION[attempt.type], code)
    if kind is Refusal.MERCHANT:
        return PaywonError("PROVIDER_MISCONFIGURED", original_message=said, provider_code=code)
    if kind is Refusal.DECLINED:
        return PaywonError("PAYMENT_DECLINED", original_message=said, extra={"providerCode": code})
    if kind is Refusal.EXPIRED:
        return PaywonError("PAYMENT_EXPIRED", original_message=said, extra={"providerCode": code})
    return PaywonError("PAYMENT_REFUSED", original_message=said, provider_code=code, extra={"providerCode": code})
