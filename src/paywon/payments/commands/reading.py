"""Asks Toss what a payment is, on record, and learns from it."""

from dataclasses import dataclass, replace

from paywon.base.ids import AttemptId, PaymentKey
from paywon.db.pool import Connection
from paywon.hearing import store as hearing
from paywon.orders.model import Order
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.commands.learning import Evidence, Learned, learn
from paywon.payments.commands.settling import close
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, Payment
from paywon.toss import wire
from paywon.toss.errors import Refusal
from paywon.toss.outcome import Answer, No, NotSent, Unknown, Yes, is_silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """What Toss answered to a read, and what came of it; ``learned`` is None unless it showed a payment."""

    answer: Answer[wire.Payment]
    learned: Learned | None


def is_missing(answer: Answer[wire.Payment]) -> bool:
    """Whether Toss says that it knows no such payment: the only answer that is evidence of nothing.

    By its code, never by its 404, which Toss also says of our contract (NOT_FOUND_MERCHANT).
    """
    return isinstance(answer, No) and answer.refusal is Refusal.NOT_FOUND


async def read_from_toss(
    cashier: Cashier,
    about: Payment | Order,
    origin: Origin,
    *,
    payment_key: PaymentKey | None,
    caused_by: AttemptId | None = None,
) -> Reread:
    """Read a payment from Toss by its paymentKey, else by its order number, and learn what it shows.

    A key that Toss does not know is followed by a read by order number. Of an order that nobody has tried to
    pay there is no payment yet: its row is made by ``learn``, and only if Toss shows one.
    """
    if payment_key is not None:
        reread = await _read(cashier, about, origin, payment_key, caused_by)
        if not is_missing(reread.answer):
            return reread
    return await _read(cashier, about, origin, None, caused_by)


async def _read(
    cashier: Cashier,
    about: Payment | Order,
    origin: Origin,
    payment_key: PaymentKey | None,
    caused_by: AttemptId | None,
) -> Reread:
    attempt = _attempt(cashier, about, origin, payment_key, caused_by)
    async with cashier.db.connection(about=about.order_no) as conn:
        await store.open_attempt(conn, attempt)
    asked_at = cashier.clock.now()
    if payment_key is not None:
        answer = await cashier.toss.read_payment(payment_key)
    else:
        answer = await cashier.toss.read_payment_by_order(about.order_no)
    learned = None
    async with cashier.db.transaction(about=about.order_no) as conn:
        if isinstance(answer, Yes):
            evidence = Evidence(answer=answer.value, raw=answer.raw, asked_at=asked_at, attempt_id=attempt.id)
            learned = await learn(
                conn,
                evidence,
                now=cashier.clock.now(),
                deposit_hold=cashier.deposit_hold,
                fulfilments=cashier.fulfilments,
            )
            if attempt.payment_id is None and learned.payment is not None:
                await store.update_attempt(conn, attempt.id, payment_id=learned.payment.id)
                attempt = replace(attempt, payment_id=learned.payment.id)
            await close(
                conn,
                cashier,
                attempt,
                AttemptStatus.SUCCESS,
                outcome="yes",
                call=answer.call,
                message=learned.why or None,
            )
        else:
            await close_unread(conn, cashier, attempt, answer)
        await hearing.note_read(conn, cashier.clock.now(), heard=not is_silence(answer))
    return Reread(answer=answer, learned=learned)


def _attempt(
    cashier: Cashier,
    about: Payment | Order,
    origin: Origin,
    payment_key: PaymentKey | None,
    caused_by: AttemptId | None,
) -> Attempt:
    payment = about if isinstance(about, Payment) else None
    attempt = new_attempt(
        cashier, AttemptType.STATUS_READ, payment, origin, payment_key=payment_key, caused_by=caused_by
    )
    return attempt if payment else replace(attempt, request_data={"orderId": about.order_no})


async def close_unread(conn: Connection, cashier: Cashier, attempt: Attempt, answer: No | NotSent | Unknown) -> None:
    """Close the attempt of a read that showed nothing."""
    match answer:
        case No():
            code, said = answer.code, answer.message
        case NotSent():
            code, said = str(answer.reason), answer.detail
        case Unknown():
            code, said = answer.code or str(answer.reason), answer.message or answer.detail
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
