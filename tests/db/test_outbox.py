"""What is told, in the very transaction of the change: each event once, in its order, to whoever listens."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from paywon.base.ids import EventId, new_uuid
from paywon.billing import store as billing
from paywon.billing.commands.settling import mark_deleted
from paywon.db.pool import Database
from paywon.orders.commands import expire_overdue_orders
from paywon.orders.model import Order
from paywon.outbox import store
from paywon.outbox.model import BillingKeyEvent, BillingKeyTold, EndpointTold, Event, EventType, PingEvent, new_event
from paywon.payments import store as payments
from paywon.payments.commands.resolving import succeed_attempt
from paywon.payments.commands.settling import close, leave_open
from paywon.payments.model import AttemptStatus, AttemptType
from tests.support.books import AMOUNT, HOLD, Books, open_books, order_book

DONE, WAITING = "payment-virtual-account-done", "payment-virtual-account-waiting"


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as books:
        yield books


async def told(db: Database, stream: Order | UUID | None = None) -> list[str]:
    """The types of what was told, of one order or of all, oldest first."""
    about = stream.id if isinstance(stream, Order) else stream
    async with db.connection() as conn:
        rows = await conn.fetch("SELECT type FROM events WHERE $1::uuid IS NULL OR stream = $1 ORDER BY seq", about)
    return [row["type"] for row in rows]


async def last(db: Database, kind: EventType) -> dict[str, Any]:
    async with db.connection() as conn:
        row = await conn.fetchrow("SELECT * FROM events WHERE type = $1 ORDER BY seq DESC LIMIT 1", kind)
    assert row is not None, kind
    return dict(row)


async def fulfilment(books: Books, order: Order) -> tuple[str, str | None]:
    row = await books.row("SELECT fulfilment_status, fulfilment_reason FROM orders WHERE id = $1", order.id)
    return row["fulfilment_status"], row["fulfilment_reason"]


# --- Writing -------------------------------------------------------------------------------------------


def news(books: Books, stream: UUID, **more: Any) -> Event:
    told = BillingKeyTold(id=stream, status="ACTIVE", authenticated_at=None, deleted_at=None)
    return new_event(EventType.BILLING_KEY_ISSUED, stream, BillingKeyEvent(billing_key=told), books.clock.now(), **more)


async def append(books: Books, *events: Event) -> set[EventId]:
    async with books.db.transaction() as conn:
        return await store.append(conn, list(events), books.clock.now())


async def test_events_take_their_places_in_the_order_given(books: Books) -> None:
    stream = new_uuid()
    events = [news(books, stream) for _ in range(50)]
    await append(books, *events)
    async with books.db.connection() as conn:
        rows = await conn.fetch("SELECT id FROM events WHERE stream = $1 ORDER BY seq", stream)
    assert [row["id"] for row in rows] == [event.id for event in events]


async def test_nothing_is_told_of_what_is_rolled_back(books: Books) -> None:
    await books.listen("*")
    with pytest.raises(ZeroDivisionError):
        async with books.db.transaction() as conn:
            await store.append(conn, [news(books, new_uuid())], books.clock.now())
            raise ZeroDivisionError
    async with books.db.connection() as conn:
        assert (
            await conn.fetchval("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM event_deliveries)") == 0
        )


async def test_what_is_told_once_is_told_once_whoever_finds_it_out(books: Books) -> None:
    await books.listen("*")
    events = [news(books, new_uuid(), dedupe_key="settlement:2026-11-22") for _ in range(8)]
    unheard = await asyncio.gather(*(append(books, event) for event in events))
    assert unheard == [set()] * 8
    async with books.db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM events") == 1
        assert await conn.fetchval("SELECT count(*) FROM event_deliveries") == 1


async def test_a_stored_event_stays(books: Books) -> None:
    await append(books, news(books, new_uuid()))
    for statement in ("UPDATE events SET type = 'x'", "DELETE FROM events", "TRUNCATE events CASCADE"):
        async with books.db.connection() as conn:
            with pytest.raises(Exception, match="is refused: what stands there stays"):
                await conn.execute(statement)


async def test_who_listens_gets_a_delivery_and_who_does_not_gets_none(books: Books) -> None:
    everything = await books.listen("*")
    payments_only = await books.listen("payment.*")
    exact = await books.listen("order.paid", "capsule.created")
    await books.listen("settlement.*", "billing_key.issued")
    await books.listen("*", enabled=False)
    await books.paid(capsule=True)
    async with books.db.connection() as conn:
        rows = await conn.fetch(
            "SELECT d.endpoint_id, e.type FROM event_deliveries d JOIN events e ON e.id = d.event_id ORDER BY d.seq"
        )
    heard: dict[UUID, list[str]] = {}
    for row in rows:
        heard.setdefault(row["endpoint_id"], []).append(row["type"])
    assert heard == {
        everything: ["payment.requested", "payment.completed", "order.paid", "capsule.created"],
        payments_only: ["payment.requested", "payment.completed"],
        exact: ["order.paid", "capsule.created"],
    }


async def test_those_that_nobody_listens_to_are_answered(books: Books) -> None:
    first, second = news(books, new_uuid()), news(books, new_uuid())
    assert await append(books, first, second) == {first.id, second.id}
    await books.listen("billing_key.*")
    assert await append(books, news(books, new_uuid())) == set()


async def test_a_test_is_nobodys_news(books: Books) -> None:
    await books.listen("*")
    test = new_event(
        EventType.ENDPOINT_TEST, new_uuid(), PingEvent(endpoint=EndpointTold(id=new_uuid())), books.clock.now()
    )
    assert await append(books, test) == {test.id}


async def test_a_delivery_waits_as_long_as_the_one_before_it(books: Books) -> None:
    await books.listen("*")
    order = await books.order()
    asked = await books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    async with books.db.connection() as conn:
        await conn.execute("UPDATE event_deliveries SET next_at = next_at + interval '1 hour'")
    await books.answer(asked)
    await books.paid()
    now = books.clock.now()
    async with books.db.connection() as conn:
        rows = await conn.fetch("SELECT stream = $1 AS same, next_at FROM event_deliveries ORDER BY seq", order.id)
    later = [row["next_at"] for row in rows if row["same"]]
    assert later == [now + timedelta(hours=1)] * 3
    assert {row["next_at"] for row in rows if not row["same"]} == {now}


# --- What is told --------------------------------------------------------------------------------------


async def test_a_payment_from_its_request_to_its_refunds(books: Books) -> None:
    order = await books.paid(capsule=True)
    await books.refunded(order, 400)
    paid = await last(books.db, EventType.ORDER_PAID)
    assert paid["data"]["order"]["status"] == "PAID"
    assert paid["data"]["payment"]["simpleStatus"] == "completed"
    assert paid["stream"] == order.id
    part = await last(books.db, EventType.PAYMENT_PARTIALLY_REFUNDED)
    assert (part["data"]["refund"], part["data"]["payment"]["balanceAmount"]) == ({"amount": 400}, AMOUNT - 400)
    assert await told(books.db, order) == [
        "payment.requested", "payment.completed", "order.paid", "capsule.created", "payment.partially_refunded"
    ]  # fmt: skip
    whole = await books.paid(capsule=True)
    await books.refunded(whole, AMOUNT)
    assert (await told(books.db, whole))[4:] == ["payment.refunded", "order.refunded", "capsule.canceled"]


async def test_the_same_answer_again_tells_nothing(books: Books) -> None:
    order = await books.paid()
    before = await told(books.db, order)
    await books.read(order, "payment-card-done")
    await books.read(order, "payment-card-done")
    assert await told(books.db, order) == before


async def test_many_at_once_tell_it_once(books: Books) -> None:
    order = await books.order()
    asked = [await books.ask(AttemptType.STATUS_READ, order) for _ in range(8)]
    await asyncio.gather(*(books.answer(question) for question in asked))
    assert await told(books.db, order) == ["payment.requested", "payment.completed", "order.paid"]


async def test_a_deposit_is_told_as_paid_only_after_the_hold_and_a_fresh_read(books: Books) -> None:
    await books.listen("*")
    order = await books.deposited(by_event=True)
    held = ["payment.requested", "payment.waiting_for_deposit", "payment.completed"]
    assert await told(books.db, order) == held
    assert await fulfilment(books, order) == ("WAITING", "DEPOSIT_HELD")
    books.clock.at += HOLD - timedelta(seconds=2)
    await books.read(order, DONE)
    assert await told(books.db, order) == held, "asked for before the hold was over"
    books.clock.at += timedelta(seconds=1)
    await books.read(order, DONE)
    assert await told(books.db, order) == [*held, "order.paid"]
    assert await fulfilment(books, order) == ("WAITING", None)


async def test_a_bank_that_takes_the_deposit_back_within_the_hold_was_never_told_of_as_paid(books: Books) -> None:
    order = await books.deposited(by_event=True)
    await books.read(order, WAITING)
    types = await told(books.db, order)
    assert types[2:] == ["payment.completed", "payment.deposit_reversed"]
    assert await fulfilment(books, order) == ("REVERSED", "DEPOSIT_REVERSED")


async def test_a_bank_that_takes_the_deposit_back_later_and_a_second_deposit(books: Books) -> None:
    await books.listen("order.paid")
    order = await books.deposited(by_event=True)
    books.clock.at += HOLD
    await books.read(order, DONE)
    await books.read(order, WAITING)
    assert (await told(books.db, order))[3:] == ["order.paid", "payment.deposit_reversed", "order.payment_reversed"]
    await books.read(order, DONE)
    assert await fulfilment(books, order) == ("WAITING", "DEPOSIT_HELD")
    books.clock.at += HOLD
    await books.read(order, DONE)
    assert (await told(books.db, order))[6:] == ["payment.completed", "order.paid"]
    assert await fulfilment(books, order) == ("WAITING", None)


async def test_a_deposit_that_goes_back_past_due_expires_the_order(books: Books) -> None:
    order = await books.deposited()
    books.clock.at += HOLD
    await books.read(order, DONE)
    await books.read(order, "payment-virtual-account-waiting-past-due")
    assert (await told(books.db, order))[4:] == [
        "payment.deposit_reversed", "payment.expired", "order.payment_reversed", "order.expired"
    ]  # fmt: skip


async def test_first_seen_after_its_refund(books: Books) -> None:
    order = await books.order(by_event=True)
    asked = await books.ask(AttemptType.STATUS_READ, order)
    await books.answer(asked, "payment-card-canceled-full", balanceAmount=0, cancels=None)
    assert await told(books.db, order) == [
        "payment.requested", "payment.completed", "payment.refunded", "order.refunded"
    ]  # fmt: skip
    assert (await fulfilment(books, order))[0] == "REVERSED"
    row = await books.row("SELECT status, paid_told_at FROM orders WHERE id = $1", order.id)
    assert (row["status"], row["paid_told_at"]) == ("REFUNDED", None)


async def test_refused_cards_are_told_one_by_one(books: Books) -> None:
    order = await books.order()
    await books.refuse(await books.ask(AttemptType.PAYMENT_CONFIRMATION, order))
    await books.refuse(await books.ask(AttemptType.PAYMENT_CONFIRMATION, order, payment_key="second"))
    assert await told(books.db, order) == ["payment.requested", "payment.failed", "payment.failed"]
    assert (await last(books.db, EventType.PAYMENT_FAILED))["data"]["payment"]["failCode"] == "REJECT_CARD_PAYMENT"


async def test_a_window_that_never_opened_closes_payment_and_order(books: Books) -> None:
    order = await books.order()
    await books.refuse(await books.ask(AttemptType.PAYMENT_REQUEST, order), "INVALID_REQUEST")
    assert await told(books.db, order) == ["payment.requested", "payment.failed", "order.canceled"]


async def test_orders_that_expire_are_told_each(books: Books) -> None:
    orders = [await books.order() for _ in range(3)]
    paid = await books.paid()
    books.clock.at += timedelta(hours=1)
    book = order_book(books)
    assert await expire_overdue_orders(book) == 3
    assert await expire_overdue_orders(book) == 0
    for order in orders:
        assert await told(books.db, order) == ["order.expired"]
    assert "order.expired" not in await told(books.db, paid)


# --- Fulfilment by event -------------------------------------------------------------------------------


async def test_nobody_is_there_to_be_told(books: Books) -> None:
    await books.listen("payment.*", "order.refunded")
    order = await books.paid(by_event=True)
    assert await fulfilment(books, order) == ("BLOCKED", "NO_ENDPOINT")
    assert (await told(books.db, order))[-2:] == ["order.paid", "order.fulfilment_blocked"]


async def test_somebody_is_there(books: Books) -> None:
    await books.listen("order.*")
    order = await books.paid(by_event=True)
    assert await fulfilment(books, order) == ("WAITING", None)
    await books.refunded(order, AMOUNT)
    assert await fulfilment(books, order) == ("REVERSED", None)


# --- Doubts --------------------------------------------------------------------------------------------


async def _try_again(books: Books, attempt_id: Any, tries: int) -> None:
    """As the resolver leaves an attempt that it could not settle."""
    async with books.db.transaction() as conn:
        await payments.update_attempt(conn, attempt_id, retry_count=tries)
        attempt = await payments.lock_attempt(conn, attempt_id)
        await leave_open(conn, books.cashier, attempt, "NO_ANSWER")


async def test_a_doubt_is_told_once_and_so_is_its_end(books: Books) -> None:
    order = await books.order()
    asked = await books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    await books.lose(asked)
    for tries in (1, 2, 3, 4, 5):
        await _try_again(books, asked.attempt.id, tries)
        assert (await told(books.db, order)).count("payment.in_doubt") == (1 if tries >= 3 else 0)
    question = (await last(books.db, EventType.PAYMENT_IN_DOUBT))["data"]["question"]
    assert (question["id"], question["type"], question["outcome"]) == (
        str(asked.attempt.id), "payment_confirmation", None
    )  # fmt: skip
    await books.answer(asked)
    assert (await told(books.db, order))[1:] == [
        "payment.in_doubt", "payment.completed", "order.paid", "payment.doubt_resolved"
    ]  # fmt: skip
    assert (await last(books.db, EventType.PAYMENT_DOUBT_RESOLVED))["data"]["question"]["outcome"] == "success"


async def test_a_question_that_is_old_is_in_doubt_at_its_first_try(books: Books) -> None:
    order = await books.order()
    asked = await books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    books.clock.at += timedelta(minutes=2)
    await books.lose(asked)
    assert (await told(books.db, order))[-1] == "payment.in_doubt"


async def test_a_doubt_goes_on_with_the_attempt_that_takes_its_place(books: Books) -> None:
    order = await books.paid()
    asked = await books.ask(AttemptType.REFUND_REQUEST, order, won=400)
    await _try_again(books, asked.attempt.id, 3)
    async with books.db.transaction() as conn:
        old = await payments.lock_attempt(conn, asked.attempt.id)
        anew = await succeed_attempt(conn, books.cashier, old)
        await payments.open_attempt(conn, anew)
    await _try_again(books, anew.id, 4)
    assert (await told(books.db, order))[3:] == ["payment.in_doubt"]
    async with books.db.transaction() as conn:
        held = await payments.lock_attempt(conn, anew.id)
        await close(conn, books.cashier, held, AttemptStatus.FAILED, outcome="no", code="REFUSED")
    assert (await told(books.db, order))[3:] == ["payment.in_doubt", "payment.doubt_resolved"]
    assert (await last(books.db, EventType.PAYMENT_DOUBT_RESOLVED))["data"]["question"]["outcome"] == "failed"


async def test_a_receipt_in_doubt_is_no_payment_in_doubt(books: Books) -> None:
    order = await books.paid()
    asked = await books.ask(AttemptType.CASH_RECEIPT_ISSUE, order)
    await _try_again(books, asked.attempt.id, 5)
    assert "payment.in_doubt" not in await told(books.db, order)


# --- Billing keys --------------------------------------------------------------------------------------


async def test_a_key_that_is_gone_is_told_once(books: Books) -> None:
    key_id = await books.billing_key()
    for _ in range(2):
        async with books.db.transaction() as conn:
            await mark_deleted(conn, books.cashier, await billing.lock(conn, key_id), reason="박고객의 요청")
    assert await told(books.db, key_id) == ["billing_key.deleted"]
    event = await last(books.db, EventType.BILLING_KEY_DELETED)
    assert set(event["data"]["billingKey"]) == {"id", "status", "authenticatedAt", "deletedAt"}
