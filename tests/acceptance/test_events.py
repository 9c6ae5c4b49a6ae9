"""The door outward over real processes: a host application is told, in order, signed, once more after every trouble."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conftest import OpenStack
from tests.docs.pages import blocks, page
from tests.support.listener import Heard, Listener, open_listener
from tests.support.outside import lacking
from tests.support.processes import Process, free_port
from tests.support.stack import Reply, Stack

ENDPOINTS: Final = "/api/ops/event-endpoints"
# Recovery that a person would wait minutes for, in seconds; events may go to this machine.
QUICK: Final = {"PAYWON_DEV": "true", "PAYWON_DEPOSIT_HOLD_S": "2", "PAYWON_RESOLVE_AFTER_S": "1"}


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(**QUICK)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    async with open_listener() as listener:
        yield listener


async def register(stack: Stack, listener: Listener, *events: str, path: str = "") -> dict[str, Any]:
    reply = await stack.api.post(ENDPOINTS, {"url": listener.url + path, "events": list(events)})
    assert reply.status == 201, reply
    listener.secrets.append(reply["secret"])
    endpoint: dict[str, Any] = reply["endpoint"]
    return endpoint


async def place(stack: Stack) -> dict[str, Any]:
    """An order that the application hands over itself, once it is told."""
    wish = {"orderName": "책", "amount": 9_000, "userId": "user-7", "fulfilment": {"kind": "event"}}
    reply = await stack.api.post("/api/orders", wish)
    assert reply.status == 201, reply
    order: dict[str, Any] = reply.body
    return order


async def pay(stack: Stack, order: dict[str, Any]) -> Reply:
    urls = {"successUrl": "https://shop.example/success", "failUrl": "https://shop.example/fail"}
    told = {"orderId": order["orderNo"], "orderName": "책", "amount": order["amount"]}
    window = await stack.toss.post("/sandbox/checkout", {**told, **urls})
    await stack.authenticate(window["paymentKey"])
    confirm = {"paymentKey": window["paymentKey"], "orderId": order["orderNo"], "amount": order["amount"]}
    reply = await stack.api.post("/api/payments/toss/confirm", confirm)
    assert reply.status == 200, reply
    return reply


async def fulfilment(stack: Stack, order: dict[str, Any]) -> tuple[str, str | None]:
    shown = (await stack.api.get(f"/api/orders/{order['id']}"))["fulfilment"]
    return shown["status"], shown["reason"]


PAID: Final = ["payment.requested", "payment.completed", "order.paid"]


async def test_a_host_is_told_from_the_first_step_to_the_last(stack: Stack, listener: Listener) -> None:
    blocked = await place(stack)
    await pay(stack, blocked)
    assert await fulfilment(stack, blocked) == ("BLOCKED", "NO_ENDPOINT")
    (leftover,) = (await stack.api.get("/api/ops/doubtful"))["leftovers"]
    assert (leftover["kind"], leftover["orderNo"], leftover["reason"]) == (
        "fulfilment",
        blocked["orderNo"],
        "NO_ENDPOINT",
    )

    endpoint = await register(stack, listener, "*")
    test = await stack.api.post(f"{ENDPOINTS}/{endpoint['id']}/test")
    assert test.status == 202
    await listener.eventually(lambda: listener.types == ["endpoint.test"])
    assert listener.heard[0].id == test["eventId"]

    order = await place(stack)
    payment = (await pay(stack, order))["payment"]
    await listener.eventually(lambda: listener.of(order["id"]) == PAID)

    async def fulfilled() -> bool:
        return await fulfilment(stack, order) == ("FULFILLED", None)

    await stack.eventually(fulfilled)
    cancel = f"/api/payments/toss/{payment['paymentKey']}/cancel"
    for won in (2_000, 7_000):
        assert (await stack.api.post(cancel, {"cancelReason": "변심", "cancelAmount": won})).status == 200
    told = [*PAID, "payment.partially_refunded", "payment.refunded", "order.refunded"]
    await listener.eventually(lambda: listener.of(order["id"]) == told)
    assert (await fulfilment(stack, order))[0] == "REVERSED"
    assert all(heard.signed_by == listener.secrets for heard in listener.heard)

    # What nobody was told of is told now, by hand.
    again = await stack.api.post(f"{ENDPOINTS}/{endpoint['id']}/redeliver", {"since": blocked["createdAt"]})
    assert again.status == 202, again
    await listener.eventually(lambda: listener.of(blocked["id"]) == [*PAID, "order.fulfilment_blocked"])

    async def made_up_for() -> bool:
        return await fulfilment(stack, blocked) == ("FULFILLED", None)

    await stack.eventually(made_up_for)


async def test_a_deposit_is_told_as_paid_after_the_hold_and_taken_back_if_the_bank_does(
    stack: Stack, listener: Listener
) -> None:
    await register(stack, listener, "*")
    order = await place(stack)
    account = {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    assert (await stack.api.post("/api/payments/toss/virtual-accounts", account)).status == 201
    bank = f"/sandbox/virtual-accounts/{order['orderNo']}"
    assert (await stack.toss.post(f"{bank}/deposit")).status == 200
    begun = ["payment.requested", "payment.waiting_for_deposit", "payment.completed"]
    await listener.eventually(lambda: listener.of(order["id"])[:3] == begun)
    await listener.eventually(lambda: len(listener.of(order["id"])) > 3)
    assert listener.of(order["id"])[3] == "order.paid"
    seen, paid = [heard for heard in listener.heard if heard.type in ("payment.completed", "order.paid")]
    held = await stack.row("SELECT extract(epoch FROM paid_told_at - deposited_at)::float AS s FROM orders, payments")
    assert held["s"] >= 2, (seen, paid)
    last_read = (await stack.rows("SELECT * FROM payment_transactions WHERE actor = 'system:watch'"))[-1]
    assert last_read["status"] == "success", "a fresh read came before order.paid"

    assert (await stack.toss.post(f"{bank}/reverse")).status == 200
    await listener.eventually(
        lambda: listener.of(order["id"])[4:] == ["payment.deposit_reversed", "order.payment_reversed"]
    )
    assert await fulfilment(stack, order) == ("REVERSED", "DEPOSIT_REVERSED")


async def test_a_host_that_stumbles_hears_the_rest_in_order_and_keeps_nobody_else_waiting(
    stack: Stack, listener: Listener
) -> None:
    first, second, third = [await place(stack) for _ in range(3)]
    endpoint = await register(stack, listener, "*")
    stumbled: list[Heard] = []

    def stumble_once(heard: Heard) -> int:
        if heard.order_id != first["id"] or stumbled:
            return 200
        stumbled.append(heard)
        return 503

    listener.answer = stumble_once
    await pay(stack, first)
    await pay(stack, second)
    await listener.eventually(lambda: listener.of(second["id"]) == PAID)
    assert listener.of(first["id"]) == ["payment.requested"], "nothing overtakes what was not taken"
    await listener.eventually(lambda: listener.of(first["id"]) == ["payment.requested", *PAID])
    assert listener.heard[-3].at - stumbled[0].at >= 4.5, "the ladder's first step"
    (log,) = (await stack.api.get(f"/api/ops/events/{stumbled[0].id}"))["deliveries"]
    assert [(one["number"], one["httpStatus"]) for one in log["tries"]] == [(2, 200), (1, 503)]
    assert (log["status"], log["tries"][1]["answer"]) == ("delivered", "들었습니다")

    listener.answer = lambda _: 410
    await pay(stack, third)

    async def disabled() -> bool:
        shown = await stack.api.get(f"{ENDPOINTS}/{endpoint['id']}")
        return (shown["state"], shown["disabledReason"]) == ("disabled", "GONE")

    await stack.eventually(disabled)

    async def told_to_nobody() -> bool:
        return (await fulfilment(stack, third))[0] == "BLOCKED"

    await stack.eventually(told_to_nobody)
    assert "an endpoint was disabled" in (stack.folder / "worker.log").read_text()


async def test_a_worker_killed_in_the_middle_delivers_again(stack: Stack, listener: Listener) -> None:
    await register(stack, listener, "order.paid")
    listener.answer = lambda _: 30.0
    order = await place(stack)
    await pay(stack, order)
    await listener.eventually(lambda: len(listener.heard) == 1)
    assert stack.worker is not None
    stack.worker.kill()
    listener.answer = lambda _: 200
    await stack.start_worker()
    # A dead worker's claim runs out in a minute; nobody waits for that here.
    await stack.rows("UPDATE event_deliveries SET leased_until = now() WHERE status = 'pending'")
    await listener.eventually(lambda: len(listener.heard) == 2)
    first, again = listener.heard
    assert (first.id, first.body) == (again.id, again.body)

    async def fulfilled() -> bool:
        return await fulfilment(stack, order) == ("FULFILLED", None)

    await stack.eventually(fulfilled)
    (log,) = (await stack.api.get(f"/api/ops/events/{again.id}"))["deliveries"]
    assert [one["error"] for one in log["tries"]] == [None, "WORKER_LOST"]


async def test_a_worker_that_is_stopped_finishes_what_is_on_its_way(stack: Stack, listener: Listener) -> None:
    await register(stack, listener, "order.paid")
    listener.answer = lambda _: 1.5
    order = await place(stack)
    await pay(stack, order)
    await listener.eventually(lambda: len(listener.heard) == 1)
    assert stack.worker is not None
    assert await asyncio.to_thread(stack.worker.stop) == 0
    (delivery,) = await stack.rows("SELECT status, attempts, leased_until FROM event_deliveries")
    assert (delivery["status"], delivery["attempts"], delivery["leased_until"]) == ("delivered", 1, None)


async def test_in_production_nothing_is_sent_into_our_own_network(open_stack: OpenStack, listener: Listener) -> None:
    stack = await open_stack()
    reply = await stack.api.post(ENDPOINTS, {"url": listener.url, "events": ["*"]})
    assert (reply.status, reply["code"], reply["field"]) == (422, "ENDPOINT_URL_REFUSED", "url")
    made = await stack.api.post(ENDPOINTS, {"url": "https://1.1.1.1/", "events": ["endpoint.test", "*"]})
    assert (made.status, made["code"]) == (422, "EVENT_FILTER_UNKNOWN")
    made = await stack.api.post(ENDPOINTS, {"url": "https://1.1.1.1/", "events": ["*"]})
    # As if the check at the door had been got round: the worker looks at the address that it connects to.
    await stack.rows("UPDATE event_endpoints SET url = $1", listener.url)
    test = await stack.api.post(f"{ENDPOINTS}/{made['endpoint']['id']}/test")

    async def tried() -> list[dict[str, Any]]:
        (log,) = (await stack.api.get(f"/api/ops/events/{test['eventId']}"))["deliveries"]
        tries: list[dict[str, Any]] = log["tries"]
        return tries

    await stack.eventually(tried)
    (only,) = await tried()
    assert (only["error"], only["httpStatus"]) == ("FORBIDDEN_ADDRESS", None)
    assert listener.heard == []


# --- A receiver that somebody else's library verifies --------------------------------------------------


def install_standardwebhooks(folder: Path) -> str:
    """The library for Node, from npm, by name; answers where node is."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        lacking("node or npm was not found")
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    command = [str(npm), "install", *quiet, "standardwebhooks"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if ended.returncode:
        lacking(f"npm could not install standardwebhooks ({ended.stderr.strip()[-200:]})")
    return str(node)


async def test_the_receiver_of_the_documentation_verifies_by_the_library_of_another_language(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three of it: one has the secret from before a rotation, one the secret after it, one somebody else's."""
    folder = tmp_path_factory.mktemp("node")
    node = await asyncio.to_thread(install_standardwebhooks, folder)
    (script,) = blocks(page("docs/events.md"), "js")
    (folder / "receiver.js").write_text(script, encoding="utf-8")
    receivers, made = [], {}
    try:
        for name in ("old", "new", "stranger"):
            port = free_port()
            body = {"url": f"http://127.0.0.1:{port}/", "events": ["order.*"], "description": name}
            made[name] = (await stack.api.post(ENDPOINTS, body)).body
            path = f"{ENDPOINTS}/{made[name]['endpoint']['id']}"
            rotated = (await stack.api.post(f"{path}/rotate-secret", {"overlapHours": 1}))["secret"]
            secret = {"old": made[name]["secret"], "new": rotated, "stranger": made["old"]["secret"]}[name]
            env = {"PAYWON_EVENT_SECRET": secret, "PORT": str(port)}
            receivers.append(Process([str(folder / "receiver.js")], env=env, log=folder / name, program=node))
        order = await place(stack)
        await pay(stack, order)

        async def outcomes() -> dict[str, str]:
            (event,) = await stack.rows("SELECT id FROM events WHERE type = 'order.paid'")
            logs = (await stack.api.get(f"/api/ops/events/{event['id']}"))["deliveries"]
            names = {one["endpoint"]["id"]: name for name, one in made.items()}
            found = {names[log["endpointId"]]: log["reason"] or log["status"] for log in logs if log["attempts"]}
            return found if sorted(found.values()) == ["HTTP_401", "delivered", "delivered"] else {}

        # One that was not up yet is tried again after five seconds.
        found = await stack.eventually(outcomes, within_s=30)
    finally:
        for receiver in receivers:
            receiver.kill()
    assert found == {"old": "delivered", "new": "delivered", "stranger": "HTTP_401"}
    for name in ("old", "new"):
        assert (folder / name).read_text() == f"order.paid {order['orderNo']}\n"
    assert (folder / "stranger").read_text() == ""
