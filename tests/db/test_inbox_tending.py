"""A stored webhook ends worked or visibly parked, whatever becomes of its job (I4)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest

from paywon.base.ids import WebhookEventId, new_uuid
from paywon.db.pool import Database
from paywon.inbox import store
from paywon.inbox.commands import Inbox, tend
from paywon.inbox.model import WORK_JOB, WebhookEvent, WebhookStatus, WebhookVerdict
from paywon.invariants.commands import look_at
from paywon.invariants.model import Invariant
from paywon.queue.jobs import enqueue
from tests.support.books import Books, open_books


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as books:
        yield books


async def stored(books: Books, *, age: timedelta, job: str | None) -> WebhookEventId:
    """Store an event of this age with a job in this state, or with none."""
    event_id = WebhookEventId(new_uuid())
    event = WebhookEvent(
        id=event_id,
        digest=event_id.bytes,
        transmission_id=None,
        event_type="PAYMENT_STATUS_CHANGED",
        order_no=None,
        payment_key=None,
        transaction_key=None,
        verdict=WebhookVerdict.REFETCHED,
        status=WebhookStatus.RECEIVED,
        headers={},
        body={},
        source_address=None,
        received_at=books.clock.now() - age,
    )
    async with books.db.transaction() as conn:
        assert await store.insert_once(conn, event)
        if job is not None:
            await enqueue(conn, WORK_JOB, {"eventId": str(event_id)})
            await conn.execute("UPDATE pgqueuer SET status = $1::text::pgqueuer_status", job)
    return event_id


async def jobs(books: Books) -> list[str]:
    async with books.db.connection() as conn:
        rows = await conn.fetch("SELECT payload FROM pgqueuer WHERE status = 'queued'")
    return [msgspec.json.decode(row["payload"])["eventId"] for row in rows]


async def test_a_webhook_that_lost_its_job_gets_another(books: Books) -> None:
    event_id = await stored(books, age=timedelta(minutes=2), job=None)
    assert not (await look_at(books.db, Invariant.I4)).holds
    inbox = Inbox(cashier=books.cashier, secret=None)
    assert (await tend(inbox), await tend(inbox)) == (1, 0)
    assert await jobs(books) == [str(event_id)]
    assert (await look_at(books.db, Invariant.I4)).holds


async def test_a_webhook_whose_job_was_given_up_is_parked_for_a_person(books: Books) -> None:
    await stored(books, age=timedelta(hours=5), job="failed")
    assert not (await look_at(books.db, Invariant.I4)).holds
    assert await tend(Inbox(cashier=books.cashier, secret=None)) == 1
    row = await books.row("SELECT status, reason, processed_at FROM webhook_events")
    assert (row["status"], row["reason"], row["processed_at"]) == ("parked", "WORK_FAILED", books.clock.now())
    assert (await look_at(books.db, Invariant.I4)).holds


@pytest.mark.parametrize(
    ("age", "job"),
    [
        (timedelta(hours=1), "queued"),
        (timedelta(hours=1), "picked"),
        (timedelta(seconds=30), None),
    ],
)
async def test_a_webhook_that_somebody_works_is_left_alone(books: Books, age: timedelta, job: str | None) -> None:
    await stored(books, age=age, job=job)
    assert await tend(Inbox(cashier=books.cashier, secret=None)) == 0
    assert (await books.row("SELECT status FROM webhook_events"))["status"] == "received"
