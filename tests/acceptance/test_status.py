"""``GET /payments/{paymentId}/status``: fresh from Toss, but Toss is asked at most once a minute."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.stores.memory import MemoryStore

from paywon.base.ids import PaymentId
from paywon.payments.commands.cashier import Origin
from paywon.payments.commands.checking import Checker, check_status
from tests.conftest import OpenStack
from tests.support.stack import Http, Stack
from tests.support.till import MovingClock, open_till
from tests.support.valkey import ValkeyServer


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path)
    yield server
    server.kill()


async def _status(stack: Stack, payment: dict[str, Any], *, via: Http | None = None) -> tuple[str, dict[str, Any]]:
    """Answer what ``Paywon-Cache`` says, and the body."""
    reply = await (via or stack.api).get(f"/payments/{payment['id']}/status")
    assert reply.status == 200, reply
    return reply.headers["paywon-cache"], reply.body


async def _reads(stack: Stack, payment: dict[str, Any]) -> int:
    return len([row for row in await stack.toss_requests("/v1/payments/") if row["method"] == "GET"])


async def _cancel_at_toss(stack: Stack, payment: dict[str, Any], amount: int) -> None:
    """What a shopkeeper does in Toss's own dashboard; without a webhook we cannot know of it."""
    body = {"cancelReason": "대시보드에서 취소", "cancelAmount": amount}
    reply = await stack.toss.post(f"/v1/payments/{payment['paymentKey']}/cancel", body)
    assert reply.status == 200, reply


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    """One API process and nobody else: no webhook is worked, so only a question tells what happened at Toss."""
    return await open_stack(worker=False)


async def test_toss_is_asked_and_then_not_for_a_minute(stack: Stack) -> None:
    payment = await stack.paid()
    await _cancel_at_toss(stack, payment, 10_000)
    assert (await stack.api.get(f"/payments/{payment['id']}"))["status"] == "completed", "our books do not know yet"

    first = await stack.api.get(f"/payments/{payment['id']}/status")
    assert (first.headers["paywon-cache"], first.headers["age"]) == ("miss", "0")
    assert (first["status"], first["tossStatus"], first["live"]) == ("partial_refunded", "PARTIAL_CANCELED", True)
    assert first["payment"]["refundedAmount"] == 10_000
    assert first["payment"]["id"] == payment["id"]

    await _cancel_at_toss(stack, payment, 5_000)
    asked = await _reads(stack, payment)
    state, second = await _status(stack, payment)
    assert (state, second["payment"]["refundedAmount"], second["live"]) == ("hit", 10_000, True)
    assert second["checkedAt"] == first["checkedAt"]
    assert await _reads(stack, payment) == asked, "Toss was not asked again"
    reads = await stack.rows("SELECT actor, status FROM payment_transactions WHERE type = 'status_read'")
    assert reads == [{"actor": "key:test", "status": "success"}], "and the one question is on record"


async def test_after_a_minute_toss_is_asked_again(stack: Stack) -> None:
    payment, clock = await stack.paid(), MovingClock()
    async with open_till(stack, clock) as cashier:
        checker = Checker(cashier=cashier, cache=MemoryStore())

        async def state() -> str:
            found = await check_status(checker, PaymentId(UUID(payment["id"])), Origin(actor="test"))
            return found.state

        assert [await state(), await state()] == ["miss", "hit"]
        clock.advance(59)
        assert await state() == "hit"
        clock.advance(1)
        assert [await state(), await state()] == ["miss", "hit"]
        # One that was not heard is asked again sooner.
        clock.advance(60)
        await stack.fault(path="/v1/payments/", kind="status", status=500)
        assert [await state(), await state()] == ["stale", "stale"]
        clock.advance(10)
        assert await state() == "miss"


async def test_what_we_did_ourselves_is_never_hidden_by_the_cache(stack: Stack) -> None:
    payment = await stack.paid()
    assert (await _status(stack, payment))[1]["status"] == "completed"
    refund = {"refundReason": "변심", "refundAmount": 20_000}
    assert (await stack.api.post(f"/payments/{payment['id']}/refund", refund)).status == 200
    state, shown = await _status(stack, payment)
    assert (state, shown["status"], shown["payment"]["refundedAmount"]) == ("hit", "partial_refunded", 20_000)


async def test_many_at_once_ask_toss_once(stack: Stack) -> None:
    payment = await stack.paid()
    asked = await _reads(stack, payment)
    await stack.fault(path=f"/v1/payments/{payment['paymentKey']}", kind="delay", delayMs=500)
    answers = await asyncio.gather(*(_status(stack, payment) for _ in range(20)))
    assert {state for state, _ in answers} == {"miss"}
    assert all(body["live"] for _, body in answers)
    assert await _reads(stack, payment) == asked + 1


async def test_a_payment_that_toss_never_named_needs_no_question(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, PAYWON_ANSWER_BUDGET_S="0.3", PAYWON_TOSS_READ_TIMEOUT_S="5")
    await stack.fault(path="/v1/payments", kind="delay", delayMs=3000)
    requested = await stack.request_payment()
    assert requested.status == 202, requested
    reply = await stack.api.get(f"/payments/{requested['payment']['id']}/status")
    assert (reply.status, reply.headers["paywon-cache"], reply["live"]) == (200, "none", False)
    assert (reply["checkedAt"], "age" in reply.headers, reply["status"]) == (None, False, "pending")
    assert await stack.rows("SELECT FROM payment_transactions WHERE type = 'status_read'") == []


async def test_a_toss_that_is_not_heard_leaves_what_was_known(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, PAYWON_ANSWER_BUDGET_S="1")
    payment = await stack.paid()
    await stack.fault(path=f"/v1/payments/{payment['paymentKey']}", kind="status", status=500, times=0)
    state, shown = await _status(stack, payment)
    assert (state, shown["status"], shown["live"]) == ("stale", "completed", False)
    assert shown["checkedAt"] is not None, "the confirm's answer was the last that Toss showed"
    asked = await _reads(stack, payment)
    assert (await _status(stack, payment))[0] == "stale"
    assert await _reads(stack, payment) == asked, "and one in trouble is left alone for a moment"


async def test_a_slow_toss_does_not_keep_the_caller(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, PAYWON_ANSWER_BUDGET_S="0.5")
    payment = await stack.paid()
    await _cancel_at_toss(stack, payment, 10_000)
    await stack.fault(path=f"/v1/payments/{payment['paymentKey']}", kind="delay", delayMs=2000)
    began = time.monotonic()
    state, shown = await _status(stack, payment)
    assert (state, shown["status"], shown["live"]) == ("stale", "completed", False)
    assert time.monotonic() - began < 1.5

    async def arrived() -> bool:
        return bool((await _status(stack, payment))[1]["status"] == "partial_refunded")

    await stack.eventually(arrived)


async def test_somebody_elses_payment_is_not_there(stack: Stack) -> None:
    missing = await stack.api.get("/payments/6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001/status")
    assert (missing.status, missing["code"]) == (404, "PAYMENT_NOT_FOUND")


async def test_two_processes_share_a_valkey(open_stack: OpenStack, valkey: ValkeyServer) -> None:
    stack = await open_stack(apis=2, worker=False, REDIS_URL=valkey.url)
    other = stack.client(stack.ports[1])
    payment = await stack.paid()
    assert (await _status(stack, payment))[0] == "miss"
    assert (await _status(stack, payment, via=other))[0] == "hit", "the other process knows of it"


async def test_processes_without_a_valkey_ask_each_for_itself(open_stack: OpenStack) -> None:
    stack = await open_stack(apis=2, worker=False)
    payment = await stack.paid()
    states = [(await _status(stack, payment, via=via))[0] for via in (stack.api, stack.client(stack.ports[1]))]
    assert states == ["miss", "miss"]


@pytest.mark.parametrize("trouble", ["killed", "frozen"])
async def test_a_valkey_in_trouble_breaks_nothing(open_stack: OpenStack, valkey: ValkeyServer, trouble: str) -> None:
    stack = await open_stack(worker=False, REDIS_URL=valkey.url.replace("redis://", "valkey://"))
    first, second = await stack.paid(), await stack.paid()
    assert (await _status(stack, first))[0] == "miss"
    if trouble == "killed":
        valkey.kill()
    else:
        valkey.freeze()
    began = time.monotonic()
    state, shown = await _status(stack, second)
    assert (state, shown["status"], shown["live"]) == ("miss", "completed", True)
    assert time.monotonic() - began < 3
    assert (await _status(stack, second))[0] == "hit", "this process's memory stands in"
    log = (stack.folder / f"api-{stack.ports[0]}.log").read_text()
    assert "Valkey cannot be used" in log
    assert "Traceback" not in log

    if trouble == "killed":
        valkey.start()
    valkey.thaw()

    async def used_again() -> bool:
        third = await stack.paid()
        await _status(stack, third)
        return third["id"] in _keys(valkey)

    await stack.eventually(used_again, within_s=20)


def _keys(valkey: ValkeyServer) -> str:
    from valkey import Valkey

    with Valkey.from_url(valkey.url) as client:
        return " ".join(key.decode() for key in client.keys("*"))
