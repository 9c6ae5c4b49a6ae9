"""What becomes of an order that waits to be told, of an endpoint that takes nothing, and of what is sent again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest
import structlog

from paywon.base.errors import PaywonError
from paywon.base.ids import EventId, new_uuid
from paywon.db.pool import Database
from paywon.events import store
from paywon.events.commands import delivering, endpoints, queries, redelivering
from paywon.events.model import GIVEN_UP_AFTER, LADDER, LEASE
from tests.support.books import AMOUNT, HOLD
from tests.support.listener import open_listener
from tests.support.post import NOTHING, Post, no, open_post, yes

DONE, WAITING = "payment-virtual-account-done", "payment-virtual-account-waiting"


@pytest.fixture
async def post(db: Database) -> AsyncIterator[Post]:
    async with open_post(db) as post:
        yield post


# --- Fulfilment by event -------------------------------------------------------------------------------


async def test_an_order_is_fulfilled_when_an_endpoint_has_taken_it(post: Post) -> None:
    await post.listen("order.paid")
    order = await post.books.paid(by_event=True)
    assert await post.fulfilment(order) == ("WAITING", None)
    await post.deliver()
    assert await post.fulfilment(order) == ("FULFILLED", None)
    await post.books.refunded(order, AMOUNT)
    assert await post.fulfilment(order) == ("REVERSED", None)


async def test_the_test_events_acceptance_fulfils_nothing(post: Post) -> None:
    endpoint = await post.listen("payment.*")
    order = await post.books.paid(by_event=True)
    await redelivering.send_test(post.room, endpoint.id)
    await post.deliver()
    assert "endpoint.test" in post.listener.types
    assert await post.fulfilment(order) == ("BLOCKED", "NO_ENDPOINT")


async def test_one_of_two_endpoints_is_enough_and_only_both_block(post: Post) -> None:
    async with open_listener(answer=no) as other:
        await post.listen("order.paid")
        await post.listen("order.paid", listener=other)
        fulfilled = await post.books.paid(by_event=True)
        await post.deliver()
        assert await post.fulfilment(fulfilled) == ("FULFILLED", None)
        post.listener.answer = no
        order = await post.books.paid(by_event=True)
        for step in LADDER:
            await post.deliver()
            assert await post.fulfilment(order) == ("WAITING", None)
            post.wait(step)
        await post.deliver()
    assert await post.fulfilment(order) == ("BLOCKED", "NOT_TAKEN")
    assert await post.fulfilment(fulfilled) == ("FULFILLED", None)


async def test_two_that_give_up_at_once_do_not_each_think_that_the_other_is_still_at_it(post: Post) -> None:
    endpoints_ = [await post.listen("order.paid"), await post.listen("order.paid")]
    order = await post.books.paid(by_event=True)
    now = post.books.clock.now()
    (event, *_) = await queries.list_events(post.room, stream=order.id, before_seq=None, limit=1)
    async with AsyncExitStack() as opened:
        first, second = [await opened.enter_async_context(post.books.db.connection()) for _ in range(2)]
        transactions = [first.transaction(), second.transaction()]
        for conn, transaction, endpoint in zip((first, second), transactions, endpoints_, strict=True):
            await transaction.start()
            (letter,) = await store.claim_due(conn, endpoint.id, now, lease_until=now + LEASE, limit=1)
            await store.mark_failed_try(conn, letter.delivery, next_at=None, reason="HTTP_500")
        # Each has given up and neither can see it of the other: the order's row is where they meet.
        await delivering.block_unheard(first, [event.id], "NOT_TAKEN", now)
        waiting = asyncio.create_task(delivering.block_unheard(second, [event.id], "NOT_TAKEN", now))
        while not waiting.done() and not await _somebody_waits(post):
            await asyncio.sleep(0.01)
        await transactions[0].commit()
        await waiting
        await transactions[1].commit()
    assert await post.fulfilment(order) == ("BLOCKED", "NOT_TAKEN")


async def _somebody_waits(post: Post) -> bool:
    return bool((await post.books.row("SELECT count(*) FROM pg_locks WHERE NOT granted"))["count"])


async def test_a_refund_before_it_is_taken_stays_a_refund(post: Post) -> None:
    await post.listen("order.*")
    order = await post.books.paid(by_event=True)
    await post.books.refunded(order, AMOUNT)
    await post.deliver()
    assert post.listener.types == ["order.paid", "order.refunded"]
    assert await post.fulfilment(order) == ("REVERSED", None)


async def test_an_order_paid_of_before_the_bank_took_it_back_fulfils_no_second_deposit(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    post.listener.answer = no
    order = await post.books.deposited(by_event=True)
    post.wait(HOLD)
    await post.books.read(order, DONE)
    await post.deliver()
    await post.books.read(order, WAITING)
    await post.books.read(order, DONE)
    assert await post.fulfilment(order) == ("WAITING", "DEPOSIT_HELD")
    post.listener.answer = yes
    post.wait(LADDER[0])
    await post.deliver()
    assert post.listener.types == ["order.paid"] * 2, "the old one, at last"
    assert await post.fulfilment(order) == ("WAITING", "DEPOSIT_HELD")
    post.wait(HOLD)
    await post.books.read(order, DONE)
    await post.deliver()
    assert await post.fulfilment(order) == ("FULFILLED", None)
    assert await post.statuses(endpoint) == ["delivered"] * 2


# --- Endpoints that are disabled -----------------------------------------------------------------------


async def test_gone_is_taken_at_its_word(post: Post) -> None:
    endpoint = await post.listen("*")
    post.listener.answer = lambda _: 410
    order = await post.books.paid(by_event=True)
    with structlog.testing.capture_logs() as logs:
        await post.deliver()
    found = await post.endpoint(endpoint)
    assert (found.enabled, found.disabled_reason) == (False, "GONE")
    assert [log["reason"] for log in logs if log["log_level"] == "error"] == ["GONE", "ENDPOINT_DISABLED"]
    assert len(post.listener.heard) == 1
    assert await post.statuses(endpoint) == ["failed", "canceled", "canceled"]
    assert await post.fulfilment(order) == ("BLOCKED", "ENDPOINT_DISABLED")


async def test_an_endpoint_that_takes_nothing_for_days_is_disabled(post: Post) -> None:
    endpoint = await post.listen("*")
    post.listener.answer = no
    began = post.books.clock.now()
    while (await post.endpoint(endpoint)).enabled:
        if (post.books.clock.now() - began).total_seconds() % 86_400 < 3600:
            await post.books.paid()
        await post.deliver()
        post.wait(timedelta(minutes=30))
        assert post.books.clock.now() - began < GIVEN_UP_AFTER + timedelta(hours=12)
    assert post.books.clock.now() - began >= GIVEN_UP_AFTER
    found = await post.endpoint(endpoint)
    assert (found.disabled_reason, found.failing_since) == ("FAILING", began)


async def test_one_bad_hour_after_quiet_days_disables_nothing(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    post.listener.answer = no
    await post.books.paid()
    await post.deliver()
    post.wait(GIVEN_UP_AFTER + timedelta(days=1))
    await post.books.paid()
    await post.deliver()
    assert (await post.endpoint(endpoint)).enabled


async def test_enabled_again_it_is_told_what_it_missed_by_hand(post: Post) -> None:
    endpoint = await post.listen("*")
    since = post.books.clock.now()
    await endpoints.change(post.room, endpoint.id, replace(NOTHING, enabled=False))
    order = await post.books.paid(by_event=True)
    await post.deliver()
    assert post.listener.heard == []
    assert await post.fulfilment(order) == ("BLOCKED", "NO_ENDPOINT")
    for command in (
        redelivering.send_test(post.room, endpoint.id),
        redelivering.redeliver_span(post.room, endpoint.id, since, None),
        redelivering.redeliver(post.room, endpoint.id, EventId(new_uuid())),
    ):
        with pytest.raises(PaywonError, match="EVENT_ENDPOINT_DISABLED"):
            await command
    await endpoints.change(post.room, endpoint.id, replace(NOTHING, enabled=True))
    assert await redelivering.redeliver_span(post.room, endpoint.id, since, None) == 4
    assert await post.fulfilment(order) == ("WAITING", None)
    await post.deliver()
    assert post.listener.types == [
        "payment.requested",
        "payment.completed",
        "order.paid",
        "order.fulfilment_blocked",
    ]
    assert await post.fulfilment(order) == ("FULFILLED", None)


async def test_a_deleted_endpoint_is_told_nothing_and_its_secret_is_gone(post: Post) -> None:
    endpoint = await post.listen("*")
    order = await post.books.paid(by_event=True)
    await endpoints.delete(post.room, endpoint.id)
    await post.deliver()
    assert post.listener.heard == []
    assert await post.fulfilment(order) == ("BLOCKED", "ENDPOINT_DISABLED")
    row = await post.books.row("SELECT * FROM event_endpoints")
    assert (row["enabled"], row["sealed_secret"], row["deleted_at"]) == (False, None, post.books.clock.now())
    with pytest.raises(PaywonError, match="EVENT_ENDPOINT_NOT_FOUND"):
        await post.endpoint(endpoint)


async def test_an_append_that_crosses_a_deletion_leaves_nothing_waiting(post: Post) -> None:
    """A payment that saw the endpoint while it was being deleted: its delivery is taken back in the next round."""
    endpoint = await post.listen("*")
    order = await post.books.order(by_event=True)
    async with post.books.db.transaction() as conn:
        await store.lock_endpoint(conn, endpoint.id)
        await post.books.paid(by_event=True)
        await conn.execute(
            "UPDATE event_endpoints SET enabled = false, disabled_at = now(), disabled_reason = 'OPERATOR'"
        )
    assert await post.statuses(endpoint) == ["pending"] * 3
    await post.deliver()
    assert await post.statuses(endpoint) == ["canceled"] * 3
    waiting = await post.books.row(
        "SELECT count(*) FROM orders WHERE fulfilment_status = 'WAITING' AND id <> $1", order.id
    )
    assert waiting["count"] == 0


# --- Sending again -------------------------------------------------------------------------------------


async def test_one_event_is_sent_again(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    await post.books.paid()
    await post.deliver()
    event_id = EventId(post.listener.heard[0].body["id"])
    await redelivering.redeliver(post.room, endpoint.id, event_id)
    await post.deliver()
    first, again = post.listener.heard
    assert (first.id, first.body) == (again.id, again.body)


async def test_an_event_that_it_does_not_listen_to_is_sent_if_it_is_asked_for(post: Post) -> None:
    endpoint = await post.listen("capsule.*")
    await post.books.paid()
    (event, *_) = await queries.list_events(post.room, stream=None, before_seq=None, limit=9)
    await redelivering.redeliver(post.room, endpoint.id, event.id)
    await post.deliver()
    assert post.listener.types == ["order.paid"]
    with pytest.raises(PaywonError, match="EVENT_NOT_FOUND"):
        await redelivering.redeliver(post.room, endpoint.id, EventId(new_uuid()))


async def test_a_test_of_one_endpoint_is_not_sent_to_another(post: Post) -> None:
    one, other = await post.listen("*"), await post.listen("*")
    test = await redelivering.send_test(post.room, one.id)
    await post.deliver()
    assert post.listener.types == ["endpoint.test"]
    with pytest.raises(PaywonError, match="EVENT_NOT_FOUND"):
        await redelivering.redeliver(post.room, other.id, test)
    span = await redelivering.redeliver_span(post.room, other.id, post.books.clock.now() - timedelta(days=1), None)
    assert span == 0


async def test_a_span_is_sent_again_in_its_order(post: Post) -> None:
    endpoint = await post.listen("order.*")
    await post.books.paid()
    post.wait(timedelta(hours=1))
    since = post.books.clock.now()
    order = await post.books.paid()
    await post.books.refunded(order, AMOUNT)
    until = post.books.clock.now()
    post.wait(timedelta(hours=1))
    await post.books.paid()
    await post.deliver()
    post.listener.heard.clear()
    assert await redelivering.redeliver_span(post.room, endpoint.id, since, until) == 2
    await post.deliver()
    assert post.listener.of(str(order.id)) == post.listener.types == ["order.paid", "order.refunded"]


async def test_too_long_a_span_is_refused(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = await post.listen("*")
    since = post.books.clock.now()
    await post.books.paid()
    monkeypatch.setattr(redelivering, "MAX_REDELIVERED", 2)
    with pytest.raises(PaywonError, match="REDELIVERY_TOO_MANY"):
        await redelivering.redeliver_span(post.room, endpoint.id, since, None)
