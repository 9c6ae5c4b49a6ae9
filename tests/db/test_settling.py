"""Every kind of answer × every kind of question × first or repeated ask: what closes, what stays open, and why."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paywon.base.ids import CancelId, PaymentKey, UserId, new_uuid
from paywon.base.money import Krw
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database
from paywon.orders.commands import OrderWish, add_order
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.commands.learning import learn, new_payment
from paywon.payments.commands.settling import settle
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, Cancel, CancelStatus, Payment, PaymentStatus
from paywon.toss import wire
from paywon.toss.client import TossClient
from paywon.toss.errors import Operation, refusal
from paywon.toss.outcome import Answer, Call, No, NotSent, NotSentReason, Unknown, UnknownReason, Yes
from tests.support.evidence import evidence

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
CALL = Call(method="POST", path="/v1/payments/confirm", http_status=200, response_body={"ok": True}, elapsed_ms=12)
KEY = PaymentKey("5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1")
HOLD = timedelta(seconds=150)
RING = KeyRing([bytes(32)])
CONFIRM, REFUND = AttemptType.PAYMENT_CONFIRMATION, AttemptType.REFUND_REQUEST


class StoppedClock:
    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True)
class Asked:
    """A question on record."""

    payment: Payment
    attempt: Attempt


@dataclass
class Desk:
    """A cashier and one open question."""

    db: Database
    cashier: Cashier

    async def ask(self, kind: AttemptType, *, tries: int = 0) -> Asked:
        wish = OrderWish(user_id=UserId("u-1"), order_name="책", amount=Krw(1_000), resource_id="r-1")
        async with self.db.transaction() as conn:
            order = await add_order(conn, wish, now=NOW, time_to_pay=timedelta(minutes=30))
            payment = new_payment(order, NOW)
            await store.insert_payment(conn, payment)
            if kind is REFUND:
                done = evidence("payment-card-done", asked_at=NOW, orderId=order.order_no)
                learned = await learn(conn, done, now=NOW, deposit_hold=HOLD)
                assert learned.payment is not None
                payment = learned.payment
            attempt = new_attempt(self.cashier, kind, payment, Origin(actor="test"), payment_key=KEY)
            await store.open_attempt(conn, replace(attempt, retry_count=tries))
            if kind is REFUND:
                cancel = Cancel(
                    id=CancelId(new_uuid()),
                    payment_id=payment.id,
                    attempt_id=attempt.id,
                    cancel_amount=Krw(1_000),
                    cancel_reason="변심",
                    cancel_status=CancelStatus.PENDING,
                    created_at=NOW,
                )
                await store.insert_cancel(conn, cancel)
        return Asked(payment=payment, attempt=attempt)

    async def settle(self, asked: Asked, answer: Answer[wire.Payment]) -> Attempt:
        await settle(self.cashier, asked.payment, asked.attempt, answer, asked_at=NOW + timedelta(seconds=1))
        async with self.db.connection() as conn:
            attempt = await store.attempt_by_id(conn, asked.attempt.id)
        assert attempt is not None
        return attempt

    async def row(self, table: str) -> dict[str, Any]:
        async with self.db.connection() as conn:
            return dict(await conn.fetchrow(f"SELECT * FROM {table}"))  # type: ignore[arg-type]  # noqa: S608


@pytest.fixture
async def desk(db: Database) -> AsyncIterator[Desk]:
    # Nothing is asked here: the answers are values.
    toss = TossClient(base_url="http://127.0.0.1:9", secret_key="test_sk_nobody")
    cashier = Cashier(
        db=db,
        toss=toss,
        clock=StoppedClock(),
        ring=RING,
        deposit_hold=HOLD,
        app_base_url="http://localhost",
        time_to_pay=timedelta(minutes=30),
        answer_budget_s=1,
        resolve_after=timedelta(seconds=10),
    )
    yield Desk(db=db, cashier=cashier)
    await toss.close()


def no(code: str, operation: Operation = Operation.CONFIRM) -> No:
    kind = refusal(operation, code)
    assert kind is not None, "a code of the explicit list"
    return No(call=CALL, refusal=kind, code=code, message="거절", http_status=400)


def unknown(reason: UnknownReason, *, answered: bool = False) -> Unknown:
    return Unknown(call=CALL, reason=reason, answered=answered)


async def test_yes_closes_and_pays(desk: Desk) -> None:
    intent = await desk.ask(CONFIRM)
    told = evidence("payment-card-done", asked_at=NOW, orderId=intent.payment.order_no)
    attempt = await desk.settle(intent, Yes(call=CALL, value=told.answer, raw=told.raw))
    assert (attempt.status, attempt.outcome, attempt.processing_time_ms) == (AttemptStatus.SUCCESS, "yes", 12)
    assert (await desk.row("orders"))["status"] == "PAID"


@pytest.mark.parametrize(
    "change", [{"totalAmount": 7, "balanceAmount": 7}, {"paymentKey": "x"}, {"orderId": "ORD-OTHER"}]
)
async def test_a_yes_that_shows_something_else_stays_open(desk: Desk, change: dict[str, Any]) -> None:
    intent = await desk.ask(CONFIRM)
    told = evidence("payment-card-done", asked_at=NOW, **{"orderId": intent.payment.order_no, **change})
    attempt = await desk.settle(intent, Yes(call=CALL, value=told.answer, raw=told.raw))
    assert (attempt.status, attempt.error_code) == (AttemptStatus.PENDING, "CONTRADICTION")


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("REJECT_CARD_PAYMENT", PaymentStatus.ABORTED),
        ("EXPIRED_PAYMENT", PaymentStatus.EXPIRED),
        # The customer may not have authenticated yet.
        ("NOT_FOUND_PAYMENT_SESSION", PaymentStatus.READY),
        ("NOT_FOUND_PAYMENT", PaymentStatus.READY),
        ("UNAUTHORIZED_KEY", PaymentStatus.READY),
    ],
)
async def test_a_refused_confirm_closes_and_shows_why(desk: Desk, code: str, status: PaymentStatus) -> None:
    attempt = await desk.settle(await desk.ask(CONFIRM), no(code))
    assert (attempt.status, attempt.outcome, attempt.error_code) == (AttemptStatus.FAILED, "no", code)
    payment = await desk.row("payments")
    assert (payment["status"], payment["fail_code"]) == (status, code)
    assert (await desk.row("orders"))["status"] == "PENDING_PAYMENT"


async def test_a_refused_refund_gives_its_amount_back(desk: Desk) -> None:
    attempt = await desk.settle(await desk.ask(REFUND), no("REFUND_REJECTED", Operation.CANCEL))
    assert attempt.status is AttemptStatus.FAILED
    assert (await desk.row("payment_cancels"))["cancel_status"] == "FAILED"
    payment = await desk.row("payments")
    assert (payment["status"], payment["fail_code"]) == ("DONE", None)


async def test_a_refused_payment_request_frees_its_resource(desk: Desk) -> None:
    attempt = await desk.settle(await desk.ask(AttemptType.PAYMENT_REQUEST), no("INVALID_REQUEST", Operation.CREATE))
    assert attempt.status is AttemptStatus.FAILED
    assert ((await desk.row("orders"))["status"], (await desk.row("payments"))["status"]) == ("CANCELED", "ABORTED")
    await desk.ask(CONFIRM)  # the same resource may be paid for again


@pytest.mark.parametrize("kind", [CONFIRM, REFUND])
async def test_what_was_never_sent_did_nothing(desk: Desk, kind: AttemptType) -> None:
    attempt = await desk.settle(await desk.ask(kind), NotSent(call=CALL, reason=NotSentReason.REFUSED))
    assert (attempt.status, attempt.outcome) == (AttemptStatus.FAILED, "not_sent")


@pytest.mark.parametrize("kind", [CONFIRM, REFUND])
@pytest.mark.parametrize(
    "answer",
    [
        NotSent(call=CALL, reason=NotSentReason.REFUSED),
        No(call=CALL, refusal=no("UNAUTHORIZED_KEY").refusal, code="UNAUTHORIZED_KEY", message="", http_status=401),
    ],
)
async def test_a_repeat_that_was_not_looked_at_proves_nothing_of_the_first_ask(
    desk: Desk, kind: AttemptType, answer: Answer[wire.Payment]
) -> None:
    attempt = await desk.settle(await desk.ask(kind, tries=1), answer)
    assert (attempt.status, attempt.outcome) == (AttemptStatus.PENDING, "unknown")
    if kind is REFUND:
        assert (await desk.row("payment_cancels"))["cancel_status"] == "PENDING"


async def test_a_repeat_that_the_keys_record_refuses_is_settled(desk: Desk) -> None:
    attempt = await desk.settle(await desk.ask(CONFIRM, tries=3), no("REJECT_CARD_PAYMENT"))
    assert attempt.status is AttemptStatus.FAILED


@pytest.mark.parametrize("reason", list(UnknownReason))
@pytest.mark.parametrize("kind", [CONFIRM, REFUND, AttemptType.PAYMENT_REQUEST])
async def test_unknown_stays_open_whatever_the_reason(desk: Desk, reason: UnknownReason, kind: AttemptType) -> None:
    attempt = await desk.settle(await desk.ask(kind, tries=2), unknown(reason, answered=True))
    assert (attempt.status, attempt.outcome, attempt.answered) == (AttemptStatus.PENDING, "unknown", True)
    running = reason is UnknownReason.RUNNING
    assert attempt.retry_count == (1 if running else 2)
    assert attempt.resolve_by == NOW + timedelta(seconds=5 if running else 15)


async def test_an_answer_that_comes_after_the_resolver_is_learned_and_kept(desk: Desk) -> None:
    intent = await desk.ask(CONFIRM)
    await desk.settle(intent, no("REJECT_CARD_PAYMENT"))
    told = evidence("payment-card-done", asked_at=NOW, orderId=intent.payment.order_no)
    attempt = await desk.settle(intent, Yes(call=CALL, value=told.answer, raw=told.raw))
    assert attempt.status is AttemptStatus.FAILED
    assert (await desk.row("orders"))["status"] == "PAID", "where the money is, decides"


async def test_a_cancels_own_answer_names_it_whatever_became_of_the_reason(desk: Desk) -> None:
    intent = await desk.ask(REFUND)
    told = evidence("payment-card-canceled-full", asked_at=NOW, orderId=intent.payment.order_no)
    attempt = await desk.settle(intent, Yes(call=CALL, value=told.answer, raw=told.raw))
    assert attempt.status is AttemptStatus.SUCCESS
    cancel = await desk.row("payment_cancels")
    assert (cancel["cancel_status"], cancel["transaction_key"]) == ("DONE", told.answer.last_transaction_key)


async def test_a_cancel_that_a_webhook_was_first_to_tell_is_known_by_its_own_answer(desk: Desk) -> None:
    """Toss words the reason in its own way, so that the webhook's read takes the cancel for one made elsewhere."""
    intent = await desk.ask(REFUND)
    told = evidence("payment-card-canceled-full", asked_at=NOW, orderId=intent.payment.order_no)
    async with desk.db.transaction() as conn:
        await learn(conn, told, now=NOW, deposit_hold=HOLD)
    attempt = await desk.settle(intent, Yes(call=CALL, value=told.answer, raw=told.raw))
    assert attempt.status is AttemptStatus.SUCCESS
    async with desk.db.connection() as conn:
        (cancel,) = await store.cancels_of(conn, intent.payment.id)
    assert (cancel.attempt_id, cancel.cancel_status) == (attempt.id, "DONE")
