"""Deliveries over a real database and to a real listener: order, ladder, workers that die, secrets, endpoints."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog

from paywon.base.errors import PaywonError
from paywon.base.ids import EventId
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database
from paywon.events import store
from paywon.events.commands import delivering, endpoints, queries
from paywon.events.commands.endpoints import EndpointChange, EndpointWish, Shown
from paywon.events.model import LADDER, LEASE, DeliveryStatus
from tests.support.books import AMOUNT
from tests.support.post import NOTHING, Post, no, open_post, yes


@pytest.fixture
async def post(db: Database) -> AsyncIterator[Post]:
    async with open_post(db) as post:
        yield post


# --- What arrives --------------------------------------------------------------------------------------


async def test_an_event_arrives_signed_and_says_what_the_catalogue_says(post: Post) -> None:
    await post.listen("order.*")
    order = await post.books.paid()
    await post.deliver()
    (heard,) = post.listener.heard
    assert heard.signed_by == post.listener.secrets
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["user-agent"].startswith("paywon/")
    assert list(heard.body) == ["id", "type", "timestamp", "sequence", "data"]
    assert (heard.body["id"], heard.body["type"], heard.order_id) == (heard.id, "order.paid", str(order.id))
    assert heard.body["data"]["payment"]["amount"] == AMOUNT


async def test_one_order_in_its_order_and_orders_beside_each_other(post: Post) -> None:
    await post.listen("*")
    first, second = await post.books.paid(capsule=True), await post.books.paid()
    await post.books.refunded(first, AMOUNT)
    await post.deliver()
    assert post.listener.of(str(first.id)) == [
        "payment.requested", "payment.completed", "order.paid", "capsule.created",
        "payment.refunded", "order.refunded", "capsule.canceled",
    ]  # fmt: skip
    assert post.listener.of(str(second.id)) == ["payment.requested", "payment.completed", "order.paid"]
    sequences = [heard.body["sequence"] for heard in post.listener.heard if heard.order_id == str(first.id)]
    assert sequences == sorted(sequences)


async def test_nothing_overtakes_what_was_not_taken(post: Post) -> None:
    endpoint = await post.listen("*")
    order = await post.books.paid()
    other = await post.books.paid()
    post.listener.answer = lambda heard: 500 if heard.order_id == str(order.id) else 200
    await post.deliver()
    assert post.listener.of(str(order.id)) == ["payment.requested"]
    assert len(post.listener.of(str(other.id))) == 3, "another order is not kept waiting"
    post.wait(LADDER[0])
    await post.deliver()
    assert post.listener.of(str(order.id)) == ["payment.requested"] * 2
    post.listener.answer = yes
    post.wait(LADDER[1])
    await post.deliver()
    assert post.listener.of(str(order.id)) == ["payment.requested"] * 3 + ["payment.completed", "order.paid"]
    assert len({heard.id for heard in post.listener.heard if heard.order_id == str(order.id)}) == 3, "the same id again"
    assert set(await post.statuses(endpoint)) == {"delivered"}


async def test_many_workers_send_each_event_once_and_in_order(post: Post) -> None:
    endpoint = await post.listen("*")
    orders = [await post.books.paid() for _ in range(12)]
    post.listener.answer = lambda _: 0.01

    async def worker() -> None:
        while await delivering.deliver_due(post.room, endpoint.id, limit=3):
            pass

    while await delivering.endpoints_with_work(post.room):
        await asyncio.gather(*(worker() for _ in range(5)))
    for order in orders:
        assert post.listener.of(str(order.id)) == ["payment.requested", "payment.completed", "order.paid"]


# --- The ladder ----------------------------------------------------------------------------------------


async def test_the_ladder_is_climbed_and_then_it_is_over(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    order = await post.books.paid(by_event=True)
    post.listener.answer = no
    for step in LADDER:
        await post.deliver()
        (delivery,) = await queries.list_deliveries(
            post.room, endpoint.id, status=DeliveryStatus.PENDING, before_seq=None, limit=9
        )
        assert delivery.next_at == post.books.clock.now() + step
        assert await post.fulfilment(order) == ("WAITING", None)
        post.wait(step - timedelta(seconds=1))
        await post.deliver()
        assert delivery.attempts == len(post.listener.heard), "not before its time"
        post.wait(timedelta(seconds=1))
    await post.deliver()
    assert len({heard.id for heard in post.listener.heard}) == 1
    assert len(post.listener.heard) == len(LADDER) + 1
    assert await post.statuses(endpoint) == ["failed"]
    assert await post.fulfilment(order) == ("BLOCKED", "NOT_TAKEN")
    (log,) = (await queries.find_event(post.room, EventId(delivery.event_id))).logs
    assert [(one.number, one.http_status, one.answer) for one in log.tries] == [
        (number, 500, "들었습니다") for number in range(len(LADDER) + 1, 0, -1)
    ]
    assert all(one.duration_ms is not None for one in log.tries)


async def test_what_was_given_up_lets_the_next_one_through(post: Post) -> None:
    await post.listen("*")
    order = await post.books.paid()
    post.listener.answer = lambda heard: 500 if heard.type == "payment.requested" else 200
    for step in LADDER:
        await post.deliver()
        post.wait(step)
    await post.deliver()
    assert post.listener.of(str(order.id))[-2:] == ["payment.completed", "order.paid"]


@pytest.mark.parametrize("answer", [301, 400, 404, 429, 500, 503, 2.5])
async def test_whatever_is_not_2xx_in_time_is_tried_again(post: Post, answer: int | float) -> None:
    endpoint = await post.listen("order.paid")
    await post.books.paid()
    post.listener.answer = lambda _: answer
    await post.deliver()
    (delivery,) = await queries.list_deliveries(post.room, endpoint.id, status=None, before_seq=None, limit=9)
    reasons = {301: "REDIRECT", 2.5: "TIMEOUT"}
    assert (delivery.status, delivery.reason) == ("pending", reasons.get(answer, f"HTTP_{answer}"))
    assert (await post.endpoint(endpoint)).failing_since is not None
    post.listener.answer = yes
    post.wait(LADDER[0])
    await post.deliver()
    assert await post.statuses(endpoint) == ["delivered"]
    assert (await post.endpoint(endpoint)).failing_since is None


# --- Workers that die ----------------------------------------------------------------------------------


async def test_a_claim_runs_out_and_the_event_is_sent_again_with_the_same_id(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    await post.books.paid()
    now = post.books.clock.now()
    async with post.books.db.transaction() as conn:
        (claimed,) = await store.claim_due(conn, endpoint.id, now, lease_until=now + LEASE, limit=9)
    await post.deliver()
    assert post.listener.heard == [], "somebody has it"
    post.wait(LEASE)
    await post.deliver()
    (heard,) = post.listener.heard
    assert heard.id == str(claimed.delivery.event_id)
    (log,) = (await queries.find_event(post.room, claimed.delivery.event_id)).logs
    assert [(one.number, one.error, one.http_status) for one in log.tries] == [(2, None, 200), (1, "WORKER_LOST", None)]
    assert log.delivery.failures == 0, "the endpoint is not to blame"


async def test_a_slow_worker_that_has_lost_its_claim_does_not_undo_the_other(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    await post.books.paid()
    post.listener.answer = lambda _: 1.0
    slow = asyncio.create_task(delivering.deliver_due(post.room, endpoint.id))
    await post.listener.eventually(lambda: post.listener.heard)
    post.wait(LEASE)
    post.listener.answer = yes
    await post.deliver()
    await slow
    assert await post.statuses(endpoint) == ["delivered"]
    assert len(post.listener.heard) == 2


async def test_a_late_failure_does_not_undo_what_was_taken(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    order = await post.books.paid(by_event=True)
    post.listener.answer = lambda _: 2.5  # longer than it may take: it ends as a time-out
    slow = asyncio.create_task(delivering.deliver_due(post.room, endpoint.id))
    await post.listener.eventually(lambda: post.listener.heard)
    post.wait(LEASE)
    post.listener.answer = yes
    await post.deliver()
    await slow
    assert await post.statuses(endpoint) == ["delivered"]
    assert await post.fulfilment(order) == ("FULFILLED", None)
    assert (await post.endpoint(endpoint)).failing_since is None


# --- Secrets -------------------------------------------------------------------------------------------


async def test_while_a_rotation_overlaps_both_secrets_verify(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    (old,) = post.listener.secrets
    shown = await endpoints.rotate_secret(post.room, endpoint.id, overlap=timedelta(hours=1), claim=None)
    post.listener.secrets.append(shown.secret)
    await post.books.paid()
    await post.deliver()
    post.wait(timedelta(hours=1))
    await post.books.paid()
    await post.deliver()
    assert [heard.headers["webhook-signature"].count("v1,") for heard in post.listener.heard] == [2, 1]
    # The clock of these books runs ahead of the listener's: only the first is within its five minutes.
    assert post.listener.heard[0].signed_by == [old, shown.secret]


async def test_without_an_overlap_the_old_secret_is_gone_at_once(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    shown = await endpoints.rotate_secret(post.room, endpoint.id, overlap=timedelta(0), claim=None)
    post.listener.secrets.append(shown.secret)
    await post.books.paid()
    await post.deliver()
    assert post.listener.heard[0].signed_by == [shown.secret]


async def test_a_secret_is_sealed_and_opens_in_no_other_row(post: Post) -> None:
    endpoint = await post.listen("*")
    (secret,) = post.listener.secrets
    sealed = (await post.books.row("SELECT sealed_secret FROM event_endpoints"))["sealed_secret"]
    assert secret.encode() not in sealed
    assert post.room.ring.open(sealed, purpose=f"event_endpoints:{endpoint.id}").decode() == secret


async def test_a_secret_whose_key_is_missing_is_no_reason_to_send_unsigned(post: Post) -> None:
    endpoint = await post.listen("order.paid")
    await post.books.paid()
    room = replace(post.room, ring=KeyRing([bytes([7]) * 32]))
    with structlog.testing.capture_logs() as logs:
        await delivering.deliver_due(room, endpoint.id)
    assert post.listener.heard == []
    assert any(log["log_level"] == "error" for log in logs)
    (delivery,) = await queries.list_deliveries(post.room, endpoint.id, status=None, before_seq=None, limit=9)
    assert (delivery.status, delivery.reason) == ("pending", "SECRET_SEALED")


# --- Endpoints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"url": "http://app.example/"}, "ENDPOINT_URL_REFUSED", "url"),
        ({"url": "https://10.0.0.1/"}, "ENDPOINT_URL_REFUSED", "url"),
        ({"events": ["order.paid", "order.sold"]}, "EVENT_FILTER_UNKNOWN", "events"),
        ({"events": ["endpoint.test"]}, "EVENT_FILTER_UNKNOWN", "events"),
    ],
)
async def test_what_is_wrong_is_refused_at_registration_and_at_a_change(
    post: Post, changes: dict[str, Any], code: str, field: str
) -> None:
    room = replace(post.room, dev=False)
    wish = {"url": "https://app.example/", "events": ["*"], "description": None, "enabled": True}
    endpoint = await post.listen("*")
    for command in (
        endpoints.register(room, EndpointWish(**{**wish, **changes}), None),
        endpoints.change(room, endpoint.id, replace(NOTHING, **changes)),
    ):
        with pytest.raises(PaywonError) as refused:
            await command
        assert (refused.value.code, refused.value.field) == (code, field)


async def test_what_is_changed_counts_from_now_on(post: Post) -> None:
    endpoint = await post.listen("capsule.*", "capsule.*")
    assert endpoint.events == ["capsule.*"]
    await post.books.paid()
    changed = await endpoints.change(
        post.room,
        endpoint.id,
        EndpointChange(url=f"{post.listener.url}/v2", events=["order.paid"], description="새 서버", enabled=None),
    )
    assert (changed.events, changed.description, changed.enabled) == (["order.paid"], "새 서버", True)
    await post.books.paid()
    await post.deliver()
    assert post.listener.types == ["order.paid"]


def test_a_secret_does_not_show_in_a_value() -> None:
    shown = Shown(endpoint=None, secret="whsec_x")  # type: ignore[arg-type]
    assert "whsec_x" not in repr(shown)
