"""Asks Toss what a payment is, on record, and learns from it."""

from dataclasses import dataclass

from paywon.base.ids import AttemptId, OrderNo, PaymentKey
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.commands.learning import Evidence, Learned, learn, lock_or_open_payment
from paywon.payments.commands.settling import close
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, Payment
from paywon.toss import wire
from paywon.toss.outcome import Answer, No, NotSent, Unknown, Yes


async def payment_of(cashier: Cashier, order_no: OrderNo) -> Payment | None:
    """Find the payment of an order, or make its row; None if the order is not ours."""
    async with cashier.db.transaction(about=order_no) as conn:
        order = await orders.lock_by_no(conn, order_no)
        return None if order is None else await lock_or_open_payment(conn, order, cashier.clock.now())


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What Toss answered to a read, and what came of it; ``learned`` is None unless it showed a payment."""

    answer: Answer[wire.Payment]
    learned: Learned | None


async def read_from_toss(
    cashier: Cashier,
    payment: Payment,
    origin: Origin,
    *,
    payment_key: PaymentKey | None,
    caused_by: AttemptId | None = None,
) -> Reread:
    """Read a payment from Toss by its paymentKey, else by its order number, and learn what it shows.

    A key that Toss does not know is followed by a read by order number (DESIGN 3).
    """
    if payment_key is not None:
        reread = await _read(cashier, payment, origin, payment_key, caused_by)
        if not (isinstance(reread.answer, No) and reread.answer.http_status == 404):
            return reread
    return await _read(cashier, payment, origin, None, caused_by)


async def _read(
    cashier: Cashier,
    payment: Payment,
    origin: Origin,
    payment_key: PaymentKey | None,
    caused_by: AttemptId | None,
) -> Reread:
    attempt = new_attempt(
        cashier, AttemptType.STATUS_READ, payment, origin, payment_key=payment_key, caused_by=caused_by
    )
    async with cashier.db.connection(about=payment.order_no) as conn:
        await store.open_attempt(conn, attempt)
    asked_at = cashier.clock.now()
    if payment_key is not None:
        answer = await cashier.toss.read_payment(payment_key)
    else:
        answer = await cashier.toss.read_payment_by_order(payment.order_no)
    learned = None
    async with cashier.db.transaction(about=payment.order_no) as conn:
        if isinstance(answer, Yes):
            evidence = Evidence(answer=answer.value, raw=answer.raw, asked_at=asked_at, attempt_id=attempt.id)
            learned = await learn(
                conn,
                evidence,
                now=cashier.clock.now(),
                deposit_hold=cashier.deposit_hold,
                fulfilments=cashier.fulfilments,
            )
            await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=answer.call)
        else:
            await close_unread(conn, cashier, attempt, answer)
    return Reread(answer=answer, learned=learned)


async def close_unread(conn: Connection, cashier: Cashier, attempt: Attempt, answer: No | NotSent | Unknown) -> None:
    """Close the attempt of a read that showed nothing."""
    match answer:
        case No():
            code, said = answer.code, answer.message
        case NotSent():
            code, said = str(answer.reason), answer.detail
        case Unknown():
            code, said = answer.code or str(answer.reason), answer.message or ""
    await close(
        conn,
        cashier,
        attempt,
        AttemptStatus.FAILED,
        outcome=answer.kind,
        code=code,
        message=said,
        call=answer.call,
    )
