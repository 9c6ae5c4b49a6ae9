"""Connection-level and other troubles, seen by a real client."""

from __future__ import annotations

import asyncio
import errno
import time

import aiohttp
import pytest
from tests.sandbox.client import Toss

CONFIRM = "/v1/payments/confirm"


async def test_drop_reply_does_the_work_and_loses_the_answer(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="drop_reply", path=CONFIRM)
    headers = {"idempotency-key": "lost"}
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await toss.confirm(key, order_id, 15000, headers=headers)
    assert (await toss.payment(key))["status"] == "DONE"
    replay = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (replay.status, replay.json["status"]) == (200, "DONE")
    lines = (await toss.get(f"/sandbox/requests?path={CONFIRM}")).json["requests"]
    assert [(line["fault"], line["status"]) for line in lines] == [("drop_reply", None), (None, 200)]


async def test_half_body_cuts_the_answer(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="half_body", path=CONFIRM)
    with pytest.raises(aiohttp.ClientPayloadError):
        await toss.confirm(key, order_id, 15000)
    assert (await toss.payment(key))["status"] == "DONE"


@pytest.mark.parametrize("kind", ["refuse", "reset"])
async def test_refuse_and_reset_do_nothing(toss: Toss, kind: str) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind=kind, path=CONFIRM)
    with pytest.raises(aiohttp.ClientConnectionError) as caught:
        await toss.confirm(key, order_id, 15000)
    if kind == "reset":
        assert isinstance(caught.value, OSError)
        assert caught.value.errno == errno.ECONNRESET
    assert (await toss.payment(key))["status"] == "IN_PROGRESS"
    assert (await toss.confirm(key, order_id, 15000)).status == 200


async def test_other_connections_live_on_while_one_is_dropped(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="delay", path="/v1/payments/orders/", delayMs=1500)
    slow = asyncio.create_task(toss.get(f"/v1/payments/orders/{order_id}"))
    await asyncio.sleep(0.1)
    await toss.fault(kind="drop_reply", path=CONFIRM)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await toss.confirm(key, order_id, 15000)
    assert (await slow).json["status"] == "DONE"


async def test_delay_outlives_an_impatient_client(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="delay", path=CONFIRM, delayMs=1000)
    with pytest.raises(TimeoutError):
        await toss.confirm(key, order_id, 15000, timeout_s=0.15)
    assert (await toss.payment(key))["status"] == "IN_PROGRESS"
    await asyncio.sleep(1.3)
    assert (await toss.payment(key))["status"] == "DONE"


async def test_delay_answers_late(toss: Toss) -> None:
    await toss.fault(kind="delay", delayMs=300)
    started = time.monotonic()
    assert (await toss.get("/v1/payments/unknown")).status == 404
    assert time.monotonic() - started >= 0.3


async def test_a_coded_status_is_tosss_own_error_and_is_stored(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    code = "FAILED_INTERNAL_SYSTEM_PROCESSING"
    await toss.fault(kind="status", path=CONFIRM, code=code)
    headers = {"idempotency-key": "coded"}
    first = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (first.status, first.code) == (500, code)
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).raw == first.raw
    assert (await toss.confirm(key, order_id, 15000, headers={"idempotency-key": "fresh"})).status == 200


@pytest.mark.parametrize("status", [429, 502, 503])
async def test_a_bare_status_comes_from_the_gateway_and_is_not_stored(toss: Toss, status: int) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="status", path=CONFIRM, status=status)
    headers = {"idempotency-key": f"gateway-{status}"}
    first = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (first.status, first.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).json["status"] == "DONE"


async def test_an_unknown_code_with_a_status_of_ones_own(toss: Toss) -> None:
    await toss.fault(kind="status", status=418, code="NEW_CODE_OF_TOMORROW")
    answer = await toss.get("/v1/payments/unknown")
    assert (answer.status, answer.code) == (418, "NEW_CODE_OF_TOMORROW")


async def test_a_fault_meets_only_what_it_names(toss: Toss) -> None:
    first, second = await toss.authenticated(), await toss.authenticated()
    await toss.fault(kind="status", status=500, method="GET")
    await toss.fault(kind="status", status=501, path="/v1/*/cancel")
    await toss.fault(kind="status", status=502, orderId=second[1])
    assert (await toss.confirm(*first, 15000)).status == 200
    assert (await toss.confirm(*second, 15000)).status == 502
    assert (await toss.cancel(first[0], cancelAmount=1)).status == 501
    assert (await toss.get(f"/v1/payments/{first[0]}")).status == 500
    assert (await toss.get("/sandbox/faults")).json == {"faults": []}


async def test_an_order_is_also_recognised_by_its_payment_key(toss: Toss) -> None:
    payment = await toss.paid()
    await toss.fault(kind="status", status=503, orderId=payment["orderId"], times=3)
    assert (await toss.get(f"/v1/payments/{payment['paymentKey']}")).status == 503
    assert (await toss.get(f"/v1/payments/orders/{payment['orderId']}")).status == 503
    assert (await toss.cancel(payment["paymentKey"])).status == 503
    assert (await toss.cancel(payment["paymentKey"])).status == 200


async def test_times_zero_means_until_deleted(toss: Toss) -> None:
    fault_id = await toss.fault(kind="status", status=503, times=0)
    assert [(await toss.get("/v1/payments/x")).status for _ in range(3)] == [503] * 3
    assert (await toss.call("DELETE", f"/sandbox/faults/{fault_id}")).status == 200
    assert (await toss.get("/v1/payments/x")).status == 404
    await toss.fault(kind="refuse", times=0)
    await toss.fault(kind="reset", times=0)
    assert len((await toss.call("DELETE", "/sandbox/faults")).json["deleted"]) == 2
    assert (await toss.get("/v1/payments/x")).status == 404


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "explode"},
        {"kind": "status", "status": 99},
        {"kind": "delay", "delayMs": -1},
        {"kind": "lose", "target": "api"},
        {"kind": "reset", "target": "webhook"},
        {"kind": "delay", "times": -1},
    ],
)
async def test_impossible_faults_are_refused(toss: Toss, fault: dict[str, object]) -> None:
    assert (await toss.post("/sandbox/faults", fault)).status == 400
