"""The one door for provider truth, against a real database: idempotent, ordered, and never fooled."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from paywon.base.ids import UserId
from paywon.base.money import Krw
from paywon.capsules import store as capsules
from paywon.db.pool import Database
from paywon.orders import store as orders
from paywon.orders.commands import OrderWish, add_order
from paywon.orders.model import CapsuleWish, FulfilmentKind, Order, OrderStatus, TimeOption
from paywon.payments import store
from paywon.payments.commands.learning import Evidence, Learned, learn
from paywon.payments.model import Payment, PaymentStatus, Verdict
from paywon.strays import store as strays
from tests.support.evidence import evidence

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DONE, TWICE = "payment-card-done", "payment-card-partial-canceled-twice"
REST = "payment-card-partial-then-rest-canceled"


def at(seconds: int) -> datetime:
    return NOW + timedelta(seconds=seconds)


HOLD = timedelta(seconds=150)


async def place(db: Database, amount_krw: int, *, capsule: bool = False) -> Order:
    wish = CapsuleWish(time_option=TimeOption.ONE_YEAR, custom_open_at=None, headcount=3, title="졸업")
    order = OrderWish(
        user_id=UserId("u-1"),
        order_name="책",
        amount=Krw(amount_krw),
        fulfilment_kind=FulfilmentKind.TIME_CAPSULE if capsule else FulfilmentKind.NONE,
        fulfilment_options=msgspec.to_builtins(wish) if capsule else None,
    )
    async with db.transaction() as conn:
        return await add_order(conn, order, now=NOW, time_to_pay=timedelta(minutes=30))


async def tell(db: Database, told: Evidence) -> Learned:
    async with db.transaction() as conn:
        return await learn(conn, told, now=NOW, deposit_hold=HOLD)


async def state(db: Database, order: Order) -> tuple[Payment, OrderStatus, list[int]]:
    async with db.connection() as conn:
        payment = await store.by_order_no(conn, order.order_no)
        now = await orders.by_id(conn, order.id)
        assert payment is not None and now is not None
        cancels = await store.cancels_of(conn, payment.id)
    return payment, now.status, [cancel.cancel_amount for cancel in cancels]


def about(order: Order, fixture: str, seconds: int, **changes: Any) -> Evidence:
    return evidence(fixture, asked_at=at(seconds), **{"orderId": order.order_no, **changes})


async def test_the_same_fact_twice_changes_nothing_more(db: Database) -> None:
    order = await place(db, 10_000, capsule=True)
    await tell(db, about(order, REST, 1))
    first = await state(db, order)
    assert (await tell(db, about(order, REST, 1))).verdict is Verdict.STALE
    await tell(db, about(order, REST, 2))
    payment, status, cancels = await state(db, order)
    assert (status, cancels) == (OrderStatus.REFUNDED, [1_000, 1_000, 8_000]) == first[1:]
    assert (payment.status, payment.balance_amount) == (PaymentStatus.PARTIAL_CANCELED, 0)
    async with db.connection() as conn:
        capsule = await capsules.by_order(conn, order.id)
    assert capsule is not None
    assert capsule.status == "CANCELED"


async def test_facts_in_any_order_end_the_same(db: Database) -> None:
    told = [(DONE, 1, {"totalAmount": 10_000, "balanceAmount": 10_000}), (TWICE, 2, {}), (REST, 3, {})]
    for turn in (told, told[::-1], [told[1], told[0], told[2]], [told[2], told[0], told[1]]):
        order = await place(db, 10_000)
        for fixture, seconds, changes in turn:
            await tell(
                db,
                about(
                    order,
                    fixture,
                    seconds,
                    **changes,
                    paymentKey=f"key-{order.order_no}",
                    cancels=_named(fixture, order),
                ),
            )
        payment, status, cancels = await state(db, order)
        assert (payment.balance_amount, status, sorted(cancels)) == (0, OrderStatus.REFUNDED, [1_000, 1_000, 8_000])


def _named(fixture: str, order: Order) -> list[dict[str, Any]] | None:
    """Transaction keys are unique at Toss; a fixture used for several orders needs other ones."""
    cancels = evidence(fixture, asked_at=NOW).raw["cancels"]
    if cancels is None:
        return None
    return [{**cancel, "transactionKey": f"{cancel['transactionKey']}-{order.order_no}"} for cancel in cancels]


@pytest.mark.parametrize("change", [{"totalAmount": 999, "balanceAmount": 999}, {"currency": "USD"}])
async def test_what_cannot_be_true_of_our_order_changes_nothing(db: Database, change: dict[str, Any]) -> None:
    order = await place(db, 1_000)
    learned = await tell(db, about(order, DONE, 1, **change))
    payment, status, _ = await state(db, order)
    assert learned.verdict is Verdict.CONTRADICTS
    assert (payment.status, payment.raw_response, status) == (PaymentStatus.READY, None, OrderStatus.PENDING_PAYMENT)


async def test_an_order_that_is_not_ours_is_told_apart(db: Database) -> None:
    learned = await tell(db, evidence(DONE, asked_at=NOW))
    assert (learned.verdict, learned.order) == (Verdict.CONTRADICTS, None)


async def test_a_second_payment_for_a_paid_order_is_not_taken_in(db: Database) -> None:
    order = await place(db, 1_000)
    await tell(db, about(order, DONE, 1))
    learned = await tell(db, about(order, DONE, 2, paymentKey="second-key"))
    payment, status, _ = await state(db, order)
    assert (learned.verdict, status) == (Verdict.STRAY, OrderStatus.PAID)
    assert payment.payment_key != "second-key"
    async with db.connection() as conn:
        (stray,) = await strays.open_ones(conn, after=None, limit=10)
    assert (stray.payment_key, stray.reason, stray.balance_amount) == ("second-key", "ORDER_PAID_ALREADY", 1_000)


async def test_an_unknown_status_of_toss_is_kept_out(db: Database) -> None:
    order = await place(db, 1_000)
    assert (await tell(db, about(order, DONE, 1, status="ON_THE_MOON"))).verdict is Verdict.CONTRADICTS


async def test_many_at_once_make_one_capsule(db: Database) -> None:
    order = await place(db, 1_000, capsule=True)
    verdicts = await asyncio.gather(*(tell(db, about(order, DONE, second)) for second in range(1, 11)))
    assert {learned.verdict for learned in verdicts} <= {Verdict.APPLY, Verdict.STALE}
    _, status, _ = await state(db, order)
    async with db.connection() as conn:
        made = await conn.fetchval("SELECT count(*) FROM capsules")
        paid_at = await conn.fetchval("SELECT paid_at FROM orders")
    assert (status, made, paid_at) == (OrderStatus.PAID, 1, NOW)


async def test_what_is_stored_of_toss_is_redacted(db: Database) -> None:
    order = await place(db, 1_000)
    await tell(db, about(order, DONE, 1, secret="ps_super_secret", orderName="4111 1111 1111 1111"))
    payment, _, _ = await state(db, order)
    assert payment.raw_response is not None
    assert "ps_super_secret" not in str(payment)
    assert "4111" not in str(payment.raw_response)
    assert payment.secret_digest is not None


async def test_an_order_that_expired_meanwhile_keeps_its_state_and_the_payment_its_truth(db: Database) -> None:
    order = await place(db, 1_000)
    async with db.connection() as conn:
        await orders.set_status(conn, order.id, OrderStatus.EXPIRED, NOW, paid_told_at=None)
    await tell(db, about(order, DONE, 1))
    payment, status, _ = await state(db, order)
    assert (payment.status, status) == (PaymentStatus.DONE, OrderStatus.EXPIRED)


WAITING, DEPOSITED = "payment-virtual-account-waiting", "payment-virtual-account-done"
AMOUNT_KRW = 15_000


async def fulfilment(db: Database, order: Order) -> tuple[str, str, str | None]:
    async with db.connection() as conn:
        row = await conn.fetchrow("SELECT * FROM orders WHERE id = $1", order.id)
        assert row is not None
        capsule = await conn.fetchval("SELECT status FROM capsules WHERE order_id = $1", order.id)
    return row["status"], row["fulfilment_status"], capsule


async def test_a_deposit_is_fulfilled_only_by_a_fact_asked_for_after_the_hold(db: Database) -> None:
    order = await place(db, AMOUNT_KRW, capsule=True)
    await tell(db, about(order, WAITING, 1))
    assert await fulfilment(db, order) == ("PENDING_PAYMENT", "WAITING", None)
    await tell(db, about(order, DEPOSITED, 10))
    assert await fulfilment(db, order) == ("PAID", "WAITING", None)
    await tell(db, about(order, DEPOSITED, 10 + 149))
    assert await fulfilment(db, order) == ("PAID", "WAITING", None)
    await tell(db, about(order, DEPOSITED, 10 + 150))
    assert await fulfilment(db, order) == ("PAID", "FULFILLED", "LOCKED")


async def test_a_deposit_seen_only_after_its_refund_fulfils_nothing_before_the_hold(db: Database) -> None:
    order = await place(db, AMOUNT_KRW, capsule=True)
    await tell(db, about(order, DEPOSITED, 10))
    await tell(db, about(order, "payment-virtual-account-canceled-after-deposit", 20))
    assert await fulfilment(db, order) == ("REFUNDED", "REVERSED", None)


async def test_a_reversal_that_is_past_due_expires_the_order(db: Database) -> None:
    order = await place(db, AMOUNT_KRW, capsule=True)
    await tell(db, about(order, DEPOSITED, 10))
    await tell(db, about(order, DEPOSITED, 200))
    await tell(db, about(order, "payment-virtual-account-waiting-past-due", 300))
    assert await fulfilment(db, order) == ("EXPIRED", "REVERSED", "CANCELED")


@pytest.mark.parametrize("deposited", [False, True])
async def test_an_account_that_toss_calls_expired_expires_the_order(db: Database, deposited: bool) -> None:
    order = await place(db, AMOUNT_KRW, capsule=True)
    await tell(db, about(order, DEPOSITED if deposited else "payment-virtual-account-waiting", 10))
    fallen_due = about(order, "payment-virtual-account-waiting-past-due", 300, status="EXPIRED")
    await tell(db, fallen_due)
    payment, status, _ = await state(db, order)
    assert (payment.status, payment.deposited_at, status) == (PaymentStatus.EXPIRED, None, OrderStatus.EXPIRED)
    assert (await fulfilment(db, order))[1:] == ("REVERSED" if deposited else "WAITING", None)


@pytest.mark.parametrize(("seen_again_s", "capsule"), [(20, None), (200, "CANCELED")])
async def test_a_reversed_account_that_was_cancelled_before_anybody_looked_cancels_the_order(
    db: Database, seen_again_s: int, capsule: str | None
) -> None:
    order = await place(db, AMOUNT_KRW, capsule=True)
    await tell(db, about(order, DEPOSITED, 10))
    await tell(db, about(order, DEPOSITED, seen_again_s))
    await tell(db, about(order, "payment-virtual-account-canceled-before-deposit", 300))
    assert await fulfilment(db, order) == ("CANCELED", "REVERSED", capsule)
