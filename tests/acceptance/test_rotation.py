"""The keys that seal are replaced while the service works: nothing is lost, and the old key is needed no more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import msgspec

from paywon.base.sealing import new_key
from tests.acceptance.test_billing import BILLING, issue, place
from tests.conftest import OpenStack
from tests.start.running import paywon
from tests.support.stack import SECRET_KEYS, Stack

QUICK = {"PAYWON_RESOLVE_AFTER_S": "0.5", "PAYWON_ANSWER_BUDGET_S": "1.5", "PAYWON_TOSS_READ_TIMEOUT_S": "3"}
ORDER = {"orderName": "책", "amount": 9_000, "userId": "u-1"}


async def test_the_keys_are_replaced_while_the_service_works(open_stack: OpenStack) -> None:
    old, new = new_key(), new_key()
    stack = await open_stack(worker=False, PAYWON_SECRET_KEYS=old, **QUICK)
    billing_key = (await issue(stack))["billingKey"]
    kept = await _placed(stack, "kept")
    open_attempt = await _lost_refund(stack)

    both = f"{new},{old}"
    await _restart(stack, both)
    checked = await _secrets(stack, both, "--check")
    assert checked.returncode == 1
    assert "billing_keys.sealed_key" in checked.stdout and "keep the old ones" in checked.stdout

    rotated, placed = await _while_busy(stack, lambda: _secrets(stack, both))
    assert (rotated.returncode, "sealed anew: " in rotated.stdout) == (0, True), rotated.stdout
    assert "the old keys may go" in rotated.stdout
    assert placed > 0
    assert (await _secrets(stack, both, "--check")).returncode == 0

    await _restart(stack, new)
    assert await _placed(stack, "kept") == kept
    charged = await stack.api.post(f"{BILLING}/{billing_key}", {"orderId": (await place(stack))["orderNo"]})
    assert (charged.status, charged["payment"]["status"]) == (200, "DONE")
    await stack.start_worker()

    async def settled() -> bool:
        row = await stack.row("SELECT status FROM payment_transactions WHERE id = $1", open_attempt)
        return bool(row["status"] == "success")

    await stack.eventually(settled)


async def test_a_key_that_is_missing_is_named_and_nothing_is_said_to_be_done(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False)
    await issue(stack)
    other = new_key()
    ended = await _secrets(stack, other)
    assert ended.returncode == 1
    assert "missing" in ended.stdout and "no key of PAYWON_SECRET_KEYS opens these" in ended.stdout
    for keys, lacking in ((other, True), (f"{other},{SECRET_KEYS}", False)):
        seen = await _run(stack, keys, "doctor", TOSS_PAYMENTS_SECRET_KEY="test_sk_doctor")
        assert ("lacks the key of 1 rows" in seen.stdout) is lacking, seen.stdout


async def _placed(stack: Stack, key: str) -> bytes:
    """Place an order under an Idempotency-Key; answer the bytes of the reply."""
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json", "Idempotency-Key": key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{stack.api_url}/api/orders", data=msgspec.json.encode(ORDER), headers=headers) as reply,
    ):
        assert reply.status == 201
        return await reply.read()


async def _lost_refund(stack: Stack) -> Any:
    """Refund a payment and lose Toss's answer; answer the attempt, whose question is sealed for a repeat."""
    payment = await stack.paid()
    await stack.fault(path=f"/v1/payments/{payment['paymentKey']}/cancel", kind="drop_reply")
    reply = await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "고객 요청"})
    assert reply.status == 202, reply
    row = await stack.row("SELECT id FROM payment_transactions WHERE sealed_request IS NOT NULL")
    return row["id"]


async def _restart(stack: Stack, keys: str) -> None:
    stack.settings["PAYWON_SECRET_KEYS"] = keys
    for process in stack.apis:
        process.stop()
        process.env["PAYWON_SECRET_KEYS"] = keys
        process.start()
    await stack.api.close()


async def _secrets(stack: Stack, keys: str, *options: str) -> Any:
    return await _run(stack, keys, "secrets", "rotate", *options)


async def _run(stack: Stack, keys: str, *words: str, **env: str) -> Any:
    told = {"DATABASE_URL": stack.database_url, "PAYWON_SECRET_KEYS": keys, "PAYWON_ENV": "development", **env}
    return await asyncio.to_thread(lambda: paywon(*words, cwd=stack.folder, COLUMNS="200", **told))


async def _while_busy(stack: Stack, work: Callable[[], Awaitable[Any]]) -> tuple[Any, int]:
    """Go on placing orders and repeating them while something is done; answer what came of it, and how many."""
    done, placed = asyncio.Event(), 0

    async def customers() -> None:
        nonlocal placed
        while not done.is_set():
            first = await _placed(stack, f"busy-{placed}")
            assert await _placed(stack, f"busy-{placed}") == first
            placed += 1

    busy = asyncio.create_task(customers())
    try:
        result = await work()
    finally:
        done.set()
        await busy
    return result, placed
