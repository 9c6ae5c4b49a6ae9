"""What the database itself guarantees, and that SQL and Python mean the same."""

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, PaymentKey, UserId, new_uuid
from paywon.base.money import Krw
from paywon.db.pool import Connection, Database, forbid_open_transaction
from paywon.orders.commands import OrderWish, add_order
from paywon.payments import store
from paywon.payments.commands.learning import new_payment
from paywon.payments.history import store as history
from paywon.payments.model import (
    Attempt,
    AttemptStatus,
    AttemptType,
    Payment,
    PaymentStatus,
    SimpleStatus,
    simple_status,
)
from paywon.queue.jobs import enqueue

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


async def add_payment(conn: Connection, **changes: object) -> Payment:
    wish = OrderWish(user_id=UserId("u-1"), order_name="책", amount=Krw(1_000))
    order = await add_order(conn, wish, now=NOW, time_to_pay=timedelta(minutes=30))
    payment = replace(new_payment(order, NOW), **changes)  # type: ignore[arg-type]
    await store.insert_payment(conn, payment)
    return payment


def question(payment: Payment, kind: AttemptType = AttemptType.PAYMENT_CONFIRMATION) -> Attempt:
    attempt_id = AttemptId(new_uuid())
    return Attempt(
        id=attempt_id,
        payment_id=payment.id,
        type=kind,
        idempotency_key=str(attempt_id),
        resolve_by=NOW,
        created_at=NOW,
    )


async def test_one_money_moving_question_at_a_time(db: Database) -> None:
    async with db.transaction() as conn:
        payment = await add_payment(conn)
        await store.open_attempt(conn, question(payment))
    for kind in (AttemptType.PAYMENT_CONFIRMATION, AttemptType.REFUND_REQUEST, AttemptType.PAYMENT_CANCELLATION):
        with pytest.raises(PaywonError, match="PAYMENT_IN_PROGRESS"):
            async with db.transaction() as conn:
                await store.open_attempt(conn, question(payment, kind))
    async with db.transaction() as conn:
        await store.open_attempt(conn, question(payment, AttemptType.STATUS_READ))


async def test_two_resolvers_never_take_the_same_attempt(db: Database) -> None:
    async with db.transaction() as conn:
        for _ in range(40):
            await store.open_attempt(conn, question(await add_payment(conn)))

    async def claim() -> list[Attempt]:
        async with db.transaction() as conn:
            return await store.claim_due(conn, list(AttemptType), NOW, lease_until=NOW + timedelta(minutes=2), limit=10)

    claims = await asyncio.gather(*(claim() for _ in range(8)))
    taken = [attempt.id for claimed in claims for attempt in claimed]
    assert (len(taken), len(set(taken))) == (40, 40)
    assert {attempt.retry_count for claimed in claims for attempt in claimed} == {1}


async def test_seed_1s_status_is_the_same_in_sql_and_in_python(db: Database) -> None:
    expected: dict[object, SimpleStatus] = {}
    async with db.transaction() as conn:
        cases = itertools.product(PaymentStatus, (0, 400, 1_000), (None, NOW), (False, True))
        for number, (status, balance, approved_at, confirming) in enumerate(cases):
            payment = await add_payment(
                conn,
                status=status,
                balance_amount=Krw(balance),
                approved_at=approved_at,
                raw_response={},
                payment_key=PaymentKey(f"key-{number}"),
            )
            if confirming:
                await store.open_attempt(conn, question(payment))
            expected[payment.id] = simple_status(payment, confirming=confirming)
    found: dict[object, SimpleStatus] = {}
    for wanted in SimpleStatus:
        page = history.PageFilter(user_id=None, status=wanted, after=None, limit=1_000)
        async with db.connection() as conn:
            payments = await history.page(conn, page)
            assert await history.count(conn, page) == len(payments)
        found |= {payment.id: wanted for payment in payments}
    assert found == expected
    assert set(found.values()) == set(SimpleStatus)


async def test_a_job_exists_only_if_its_transaction_does(db: Database) -> None:
    with pytest.raises(RuntimeError):
        async with db.transaction() as conn:
            await enqueue(conn, "inbox.work", {"eventId": "x"})
            raise RuntimeError("the business rows could not be written")
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 0
    async with db.transaction() as conn:
        await enqueue(conn, "inbox.work", {"eventId": "x"})
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM pgqueuer") == 1


async def test_no_provider_is_called_inside_a_transaction(db: Database) -> None:
    forbid_open_transaction()
    async with db.connection():
        forbid_open_transaction()
    async with db.transaction():
        with pytest.raises(RuntimeError, match="I11"):
            forbid_open_transaction()
    forbid_open_transaction()


async def test_a_closed_attempt_says_when(db: Database) -> None:
    async with db.transaction() as conn:
        attempt = question(await add_payment(conn))
        await store.open_attempt(conn, attempt)
        await store.update_attempt(conn, attempt.id, status=AttemptStatus.SUCCESS, closed_at=NOW, resolve_by=None)
        assert (await store.lock_attempt(conn, attempt.id)).status is AttemptStatus.SUCCESS
