"""The same key and body: one effect and the same bytes. The same key and another body: refused (I9)."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from paywon.base.clock import SystemClock
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key
from paywon.operators.model import Scope
from tests.conftest import OpenStack
from tests.support.processes import Process, free_port
from tests.support.stack import Stack


async def raw(stack: Stack, path: str, body: Any, key: str | None) -> tuple[int, bytes, str | None]:
    """Send a write and answer status, bytes and whether it says that it is a repeat."""
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    async with aiohttp.ClientSession() as session:
        data = msgspec.json.encode(body)
        async with session.post(stack.api_url + path, data=data, headers=headers) as reply:
            return reply.status, await reply.read(), reply.headers.get("Idempotent-Replayed")


ORDER = {"orderName": "책", "amount": 9_000, "userId": "u-1"}


async def test_an_order_is_placed_once(stack: Stack) -> None:
    first = await raw(stack, "/api/orders", ORDER, "order-1")
    again = await raw(stack, "/api/orders", ORDER, "order-1")
    assert (first[0], again) == (201, (201, first[1], "true"))
    other = await raw(stack, "/api/orders", ORDER, "order-2")
    assert other[1] != first[1]
    assert len(await stack.rows("SELECT FROM orders")) == 2


async def test_a_refund_is_made_once(stack: Stack) -> None:
    payment = await stack.paid()
    path, body = f"/payments/{payment['id']}/refund", {"refundReason": "일부", "refundAmount": 10_000}
    first = await raw(stack, path, body, "refund-1")
    again = await raw(stack, path, body, "refund-1")
    assert (first[0], again) == (200, (200, first[1], "true"))
    (cancel,) = await stack.rows("SELECT cancel_amount FROM payment_cancels")
    assert cancel["cancel_amount"] == 10_000
    await raw(stack, path, body, "refund-2")
    assert len(await stack.rows("SELECT FROM payment_cancels")) == 2


async def test_a_key_belongs_to_one_request(stack: Stack) -> None:
    await raw(stack, "/api/orders", ORDER, "k")
    for path, body in (("/api/orders", {**ORDER, "amount": 9_001}), ("/payments/request", ORDER)):
        status, answer, _ = await raw(stack, path, body, "k")
        if path == "/api/orders":
            assert (status, msgspec.json.decode(answer)["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    payment = {"userId": "u", "amount": 9_000, "paymentMethod": "card"}
    status, answer, _ = await raw(stack, "/payments/request", payment, "k")
    assert (status, msgspec.json.decode(answer)["field"]) == (422, "Idempotency-Key")
    assert len(await stack.rows("SELECT FROM orders")) == 1


async def test_many_at_once_have_one_effect(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    payment = await stack.paid()
    await stack.fault(path=f"/v1/payments/{payment['paymentKey']}/cancel", kind="delay", delayMs=400)
    body = {"refundReason": "변심", "refundAmount": 5_000}
    path = f"/payments/{payment['id']}/refund"
    answers = await asyncio.gather(*(raw(stack, path, body, "r") for _ in range(12)))
    assert sorted({status for status, _, _ in answers}) in ([200], [200, 409])
    codes = {msgspec.json.decode(answer)["code"] for status, answer, _ in answers if status == 409}
    assert codes <= {"IDEMPOTENCY_KEY_RUNNING"}
    assert len(await stack.rows("SELECT FROM payment_cancels")) == 1


async def test_confirm_and_request_repeat_their_replies(stack: Stack) -> None:
    wish = {"userId": "u", "amount": 9_000, "paymentMethod": "card"}
    first = await raw(stack, "/payments/request", wish, "p")
    assert await raw(stack, "/payments/request", wish, "p") == (201, first[1], "true")
    payment = msgspec.json.decode(first[1])["payment"]
    await stack.authenticate(payment["paymentKey"])
    told = {key: payment[key] for key in ("paymentKey", "orderId", "amount")}
    confirmed = await raw(stack, "/payments/confirm", told, "c")
    assert await raw(stack, "/payments/confirm", told, "c") == (200, confirmed[1], "true")


async def test_a_refusal_before_anything_was_begun_does_not_use_up_a_key(stack: Stack) -> None:
    payment = await stack.paid()
    path = f"/payments/{payment['id']}/refund"
    too_much = await raw(stack, path, {"refundReason": "x", "refundAmount": 50_001}, "k")
    assert too_much[0] == 422
    fits = await raw(stack, path, {"refundReason": "x", "refundAmount": 50_000}, "k")
    assert (fits[0], fits[2]) == (200, None)


async def test_a_repeat_after_the_first_process_died_goes_on_with_its_work(stack: Stack) -> None:
    payment = await stack.paid()
    path, body = f"/payments/{payment['id']}/refund", {"refundReason": "변심", "refundAmount": 5_000}
    await raw(stack, path, body, "dead")
    # As a crash between the work and its reply leaves it, a minute ago.
    await stack.rows(
        "UPDATE idempotency_keys SET status = NULL, sealed_body = NULL, created_at = now() - interval '1 minute'"
    )
    status, answer, replayed = await raw(stack, path, body, "dead")
    assert (status, replayed, msgspec.json.decode(answer)["payment"]["refundedAmount"]) == (200, None, 5_000)
    assert len(await stack.rows("SELECT FROM payment_cancels")) == 1
    assert await raw(stack, path, body, "dead") == (200, answer, "true")


async def test_a_fresh_key_without_a_reply_says_wait(stack: Stack) -> None:
    await raw(stack, "/api/orders", ORDER, "k")
    await stack.rows("UPDATE idempotency_keys SET status = NULL, sealed_body = NULL")
    status, answer, _ = await raw(stack, "/api/orders", ORDER, "k")
    assert (status, msgspec.json.decode(answer)["code"]) == (409, "IDEMPOTENCY_KEY_RUNNING")


# As when PostgreSQL goes away after the work is done and before its reply is kept.
_REFUSE_REPLIES = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'shutting down' USING ERRCODE = 'admin_shutdown'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION refuse()
    """


async def test_a_reply_that_cannot_be_kept_is_not_sent(stack: Stack) -> None:
    for statement in _REFUSE_REPLIES.rsplit(";", 1):
        await stack.rows(statement)
    try:
        status, answer, _ = await raw(stack, "/api/orders", ORDER, "k")
    finally:
        await stack.rows("DROP FUNCTION refuse CASCADE")
    assert (status, msgspec.json.decode(answer)["code"]) == (202, "OUTCOME_UNKNOWN")
    await stack.rows("UPDATE idempotency_keys SET created_at = now() - interval '1 minute'")
    first = await raw(stack, "/api/orders", ORDER, "k")
    assert (first[0], first[2]) == (201, None)
    assert await raw(stack, "/api/orders", ORDER, "k") == (201, first[1], "true")
    assert len(await stack.rows("SELECT FROM orders")) == 1


async def test_a_key_whose_request_never_left_us_may_be_used_again(open_stack: OpenStack, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    stack = await open_stack(worker=False, TOSS_PAYMENTS_BASE_URL=url)
    wish = {"userId": "u", "resourceType": "booking", "resourceId": "b-1", "amount": 9_000, "paymentMethod": "card"}
    for _ in range(2):
        status, answer, replayed = await raw(stack, "/payments/request", wish, "k")
        assert (status, msgspec.json.decode(answer)["code"], replayed) == (503, "PROVIDER_UNAVAILABLE", None)
    arguments = ["-m", "paywon_sandbox", "--port", str(port), "--public-url", url]
    toss = Process(arguments, env={}, log=tmp_path / "toss.log", ready_url=f"{url}/sandbox/health")
    try:
        first = await raw(stack, "/payments/request", wish, "k")
        assert (first[0], first[2]) == (201, None)
        assert await raw(stack, "/payments/request", wish, "k") == (201, first[1], "true")
    finally:
        toss.kill()
    rows = await stack.rows("SELECT status, outcome FROM payment_transactions ORDER BY created_at")
    assert [(row["status"], row["outcome"]) for row in rows] == [("failed", "not_sent")] * 2 + [("success", "yes")]


async def test_keys_of_two_callers_do_not_meet(stack: Stack) -> None:
    await raw(stack, "/api/orders", ORDER, "k")
    db = await Database.connect(stack.database_url, max_connections=1, application_name="test")
    # The same name, on purpose: a holder is a key, not what it is called.
    stack.api_key = await create_api_key(db, name="test", scopes=list(Scope), expires_at=None, clock=SystemClock())
    await db.close()
    status, _, replayed = await raw(stack, "/api/orders", ORDER, "k")
    assert (status, replayed) == (201, None)


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_a_key_that_is_none(stack: Stack, key: str) -> None:
    status, answer, _ = await raw(stack, "/api/orders", ORDER, key)
    assert (status, msgspec.json.decode(answer)["field"]) == (400, "Idempotency-Key")
    assert await stack.rows("SELECT FROM orders") == []
