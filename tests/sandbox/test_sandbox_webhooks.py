"""toss/webhooks.md: what is sent, how, and again."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.process import free_port
from tests.sandbox.receiver import Receiver

LADDER_MINUTES = [1, 4, 16, 64, 256, 1024, 4096]


async def deliveries(toss: Toss) -> list[Any]:
    return list((await toss.get("/sandbox/webhooks/deliveries")).json["deliveries"])


async def until_state(toss: Toss, state: str, *, attempts: int) -> Any:
    """The one delivery, once it has that state after that many attempts."""
    async with asyncio.timeout(8):
        while True:
            [delivery] = await deliveries(toss)
            if delivery["state"] == state and len(delivery["attempts"]) >= attempts:
                return delivery
            await asyncio.sleep(0.02)


async def test_envelope_and_headers(toss: Toss, receiver: Receiver) -> None:
    payment = await toss.paid()
    [body] = await receiver.wait_for(1)
    assert list(body) == ["eventType", "createdAt", "data"]
    assert body["eventType"] == "PAYMENT_STATUS_CHANGED"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", body["createdAt"])
    assert body["createdAt"][:16] == payment["approvedAt"][:16]
    assert body["data"] == payment
    [headers] = receiver.headers
    assert headers["content-type"] == "application/json"
    assert headers["tosspayments-webhook-transmission-retried-count"] == "0"
    assert headers["tosspayments-webhook-transmission-time"].endswith("+09:00")
    assert headers["tosspayments-webhook-transmission-id"].startswith("whtrans_")
    assert "tosspayments-webhook-signature" not in headers


async def test_one_event_for_each_reported_status(toss: Toss, receiver: Receiver) -> None:
    key = (await toss.paid(10000))["paymentKey"]
    await receiver.wait_for(1)
    await toss.cancel(key, cancelAmount=1000)
    await receiver.wait_for(2)
    await toss.cancel((await toss.paid())["paymentKey"])
    await receiver.wait_for(4)
    aborted = await toss.authenticated(declineAtConfirm="REJECT_CARD_PAYMENT")
    await toss.confirm(*aborted, 15000)
    await receiver.wait_for(5)
    assert sorted(receiver.statuses) == ["ABORTED", "CANCELED", "DONE", "DONE", "PARTIAL_CANCELED"]


async def test_nothing_is_sent_for_ready_in_progress_or_a_closed_window(toss: Toss, receiver: Receiver) -> None:
    key, _ = await toss.opened()
    await toss.ok(f"/sandbox/payments/{key}/authenticate", {"outcome": "close"})
    await toss.authenticate(key)
    await toss.confirm(key, "another-order", 15000)
    await asyncio.sleep(0.4)
    assert receiver.bodies == []
    assert await deliveries(toss) == []


async def test_a_virtual_account_is_told_twice(toss: Toss) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        payment = await toss.paid(method="VIRTUAL_ACCOUNT")
        await receiver.wait_for(2)
    flat = next(body for body in receiver.bodies if "eventType" not in body)
    assert flat == {
        "createdAt": flat["createdAt"],
        "secret": payment["secret"],
        "status": "WAITING_FOR_DEPOSIT",
        "transactionKey": payment["lastTransactionKey"],
        "orderId": payment["orderId"],
    }


async def test_the_retry_ladder_on_the_sandbox_clock(toss: Toss, receiver: Receiver) -> None:
    await toss.ok("/sandbox/clock/freeze")
    receiver.answers = [500, 201, 302, 404, 500, 500, 500, 500]
    await toss.paid()
    await until_state(toss, "PENDING", attempts=1)
    for number, minutes in enumerate(LADDER_MINUTES, start=1):
        await toss.advance(minutes * 60 - 1)
        await asyncio.sleep(0.05)
        assert len(receiver.bodies) == number
        await toss.advance(1)
        last = number == len(LADDER_MINUTES)
        await until_state(toss, "FAILED" if last else "PENDING", attempts=number + 1)
    await toss.advance(30 * 86400)
    await asyncio.sleep(0.1)
    counts = [head["tosspayments-webhook-transmission-retried-count"] for head in receiver.headers]
    assert counts == [str(n) for n in range(8)]
    assert len({head["tosspayments-webhook-transmission-id"] for head in receiver.headers}) == 1
    times = [head["tosspayments-webhook-transmission-time"] for head in receiver.headers]
    assert len(set(times)) == 8
    assert len({str(body) for body in receiver.bodies}) == 1


async def test_a_retry_that_succeeds_ends_the_ladder(toss: Toss, receiver: Receiver) -> None:
    receiver.answers = [503]
    await toss.paid()
    await until_state(toss, "PENDING", attempts=1)
    await toss.advance(61)
    delivery = await until_state(toss, "DELIVERED", attempts=2)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [503, 200]


async def test_no_answer_in_time_is_a_failure(toss: Toss, receiver: Receiver) -> None:
    receiver.answers = [-1]
    await toss.paid()
    delivery = await until_state(toss, "PENDING", attempts=1)
    assert delivery["attempts"][0]["status"] is None
    assert "1 s" in delivery["attempts"][0]["error"]


async def test_a_dead_receiver_does_not_slow_the_api(toss: Toss, receiver: Receiver) -> None:
    receiver.answers = [-1] * 100
    await toss.ok("/sandbox/webhooks", {"url": f"http://127.0.0.1:{free_port()}/gone"})
    await toss.paid()
    started = time.monotonic()
    for _ in range(20):
        await toss.paid()
    assert time.monotonic() - started < 3


async def test_registering_the_same_url_replaces(toss: Toss, receiver: Receiver) -> None:
    first = (await toss.get("/sandbox/webhooks")).json["webhooks"][0]
    again = await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": ["BILLING_DELETED"]})
    assert again["id"] == first["id"]
    assert len((await toss.get("/sandbox/webhooks")).json["webhooks"]) == 1
    await toss.paid()
    await toss.ok("/sandbox/webhooks", {"url": receiver.url})
    await toss.paid()
    await receiver.wait_for(1)
    await asyncio.sleep(0.2)
    assert len(receiver.bodies) == 1
    assert (await toss.call("DELETE", f"/sandbox/webhooks/{first['id']}")).status == 200
    assert (await toss.get("/sandbox/webhooks")).json == {"webhooks": []}
    assert (await toss.call("DELETE", f"/sandbox/webhooks/{first['id']}")).status == 404


@pytest.mark.parametrize("body", [{}, {"url": "nowhere"}, {"url": "http://a/", "events": ["NO_SUCH_EVENT"]}])
async def test_impossible_registrations_are_refused(toss: Toss, body: dict[str, object]) -> None:
    assert (await toss.post("/sandbox/webhooks", body)).status == 400


async def test_resend_by_hand(toss: Toss, receiver: Receiver) -> None:
    await toss.paid()
    delivery = await until_state(toss, "DELIVERED", attempts=1)
    await toss.ok(f"/sandbox/webhooks/deliveries/{delivery['id']}/resend")
    first, second = await receiver.wait_for(2)
    assert first == second
    assert (await toss.post("/sandbox/webhooks/deliveries/unknown/resend", {})).status == 404


async def test_a_lost_event_never_comes(toss: Toss, receiver: Receiver) -> None:
    await toss.fault(kind="lose")
    await toss.paid()
    await until_state(toss, "LOST", attempts=0)
    second = await toss.paid()
    [body] = await receiver.wait_for(1)
    assert body["data"]["paymentKey"] == second["paymentKey"]


async def test_a_doubled_event_comes_twice(toss: Toss, receiver: Receiver) -> None:
    await toss.fault(kind="double")
    await toss.paid()
    first, second = await receiver.wait_for(2)
    assert first == second
    ids = {head["tosspayments-webhook-transmission-id"] for head in receiver.headers}
    assert len(ids) == 1


async def test_a_reordered_event_comes_after_the_next(toss: Toss, receiver: Receiver) -> None:
    await toss.fault(kind="reorder")
    key = (await toss.paid())["paymentKey"]
    await toss.cancel(key)
    await receiver.wait_for(2)
    assert receiver.statuses == ["CANCELED", "DONE"]


async def test_a_delayed_event_comes_late(toss: Toss, receiver: Receiver) -> None:
    await toss.fault(kind="delay", target="webhook", delayMs=500)
    started = time.monotonic()
    await toss.paid()
    await receiver.wait_for(1)
    assert time.monotonic() - started >= 0.5


async def test_webhook_faults_can_name_an_order(toss: Toss, receiver: Receiver) -> None:
    first, second = await toss.authenticated(), await toss.authenticated()
    await toss.fault(kind="lose", orderId=first[1])
    await toss.confirm(*second, 15000)
    await toss.confirm(*first, 15000)
    [body] = await receiver.wait_for(1)
    await asyncio.sleep(0.3)
    assert [body["data"]["orderId"]] == [second[1]]
    assert len(receiver.bodies) == 1
