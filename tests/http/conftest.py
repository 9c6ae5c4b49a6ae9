"""One API process and one database for all of ``tests/http``."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paywon.base.clock import SystemClock
from paywon.base.ids import ApiKeyId
from paywon.billing.api import IssueIn
from paywon.db.pool import Database
from paywon.operators.commands import create_api_key, list_api_keys, revoke_api_key
from paywon.operators.model import Scope
from tests.conftest import Sandbox
from tests.http.wire import Wire
from tests.http.world import Ledger, Loop, World
from tests.support.databases import Template
from tests.support.stack import NO_LIMITS, Stack
from tests.support.tokens import EVERY_SCOPE, USERS


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def world(
    loop: Loop, template: Template, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    url = loop.run(template.copy())
    keys = loop.run(keys_in(url))
    stack = Stack(
        database_url=url,
        sandbox_url=sandbox.url,
        toss_key=f"test_sk_{secrets.token_hex(12)}",
        api_key=keys["all"],
        folder=tmp_path_factory.mktemp("http"),
        settings={**USERS, "PAYWON_USER_SCOPES": EVERY_SCOPE, **NO_LIMITS},
    )
    loop.run(stack.open(worker=False))
    known, bodies = loop.run(furnish(stack))
    wire, ledger = Wire(stack.ports[0], keys["all"]), Ledger(loop, url)
    yield World(wire=wire, ledger=ledger, stack=stack, keys=keys, known=known, bodies=bodies)
    wire.close()
    ledger.close()
    loop.run(stack.close())


async def keys_in(url: str) -> dict[str, str]:
    db = await Database.connect(url, max_connections=1, application_name="test")
    clock = SystemClock()

    async def made(name: str, *scopes: str, expires_at: datetime | None = None) -> str:
        return await create_api_key(db, name=name, scopes=list(scopes), expires_at=expires_at, clock=clock)

    found = {"all": await made("all", *Scope), "no scope": await made("no scope")}
    found["expired"] = await made("expired", *Scope, expires_at=clock.now() - timedelta(seconds=1))
    found["revoked"] = await made("revoked", *Scope)
    for scope in Scope:
        found[f"only {scope}"] = await made(f"only {scope}", scope)
        found[f"without {scope}"] = await made(f"without {scope}", *(other for other in Scope if other != scope))
    (key_id,) = [ApiKeyId(key.id) for key in await list_api_keys(db) if key.name == "revoked"]
    assert await revoke_api_key(db, key_id=key_id, clock=clock)
    await db.close()
    return found


async def furnish(stack: Stack) -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Pay two orders, one with a capsule, and leave two payments that only wait for their confirm."""
    paid = await _paid_by_transfer(stack)
    cancelable = await stack.paid(resourceId="paid-2")
    capsule = await _paid_capsule(stack)
    confirmable = [await stack.ready_to_confirm(resourceId=f"ready-{number}") for number in (1, 2)]
    unpaid = await stack.api.post("/api/orders", {"orderName": "책", "amount": 1_000, "userId": "user-7"})
    known = {
        "payment_id": paid["id"],
        "payment_key": cancelable["paymentKey"],
        "order_no": cancelable["orderId"],
        "order_id": capsule["order"]["id"],
        "order": unpaid["orderNo"],
        "capsule_id": capsule["capsule"]["id"],
        "billing_key": await _billing_key(stack),
        "receipt_id": await _receipt_id(stack, paid["id"]),
        "endpoint_id": await _endpoint_id(stack),
        "webhook_id": await _webhook_id(stack, paid["orderId"]),
        "event_id": (await stack.api.get("/api/ops/events?limit=1"))["events"][0]["id"],
    }
    now = datetime.now(UTC)
    soon, before = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    bodies = {
        "POST /payments/confirm": confirmable[0],
        "POST /api/payments/toss/confirm": confirmable[1],
        "POST /api/orders": {"expiresAt": soon, "resourceId": "booking-of-order"},
        "POST /api/ops/event-endpoints/{endpoint_id}/redeliver": {"since": before, "until": soon},
        "POST /api/payments/toss/virtual-accounts": {"orderId": await _order_no(stack)},
        "POST /api/payments/toss/billing/issue": {"authKey": await _auth_key(stack)},
        "POST /api/payments/toss/billing/{billing_key}": {"orderId": await _order_no(stack)},
    }
    return known, bodies


async def _paid_by_transfer(stack: Stack) -> dict[str, Any]:
    """A payment that may have a cash receipt: a card's has none."""
    requested = (await stack.request_payment(resourceId="paid-1", paymentMethod="transfer"))["payment"]
    await stack.authenticate(requested["paymentKey"], method="TRANSFER")
    told = {name: requested[name] for name in ("paymentKey", "orderId", "amount")}
    reply = await stack.api.post("/payments/confirm", told)
    assert reply.status == 200, reply
    payment: dict[str, Any] = reply["payment"]
    return payment


async def _auth_key(stack: Stack) -> str:
    customer_key = IssueIn.examples[0]["customerKey"]
    found: str = (await stack.toss.post("/sandbox/billing-auth", {"customerKey": customer_key}))["authKey"]
    return found


async def _billing_key(stack: Stack) -> str:
    """A billing key itself, not our id: it has characters that a path may need encoded."""
    body = {**IssueIn.examples[0], "authKey": await _auth_key(stack)}
    reply = await stack.api.post("/api/payments/toss/billing/issue", body)
    assert reply.status == 201, reply
    found: str = reply["billingKey"]["billingKey"]
    return found


async def _receipt_id(stack: Stack, payment_id: str) -> str:
    body = {"type": "소득공제", "customerIdentityNumber": "0100001234", "amount": 20_000}
    reply = await stack.api.post(f"/payments/{payment_id}/cash-receipts", body)
    assert reply.status == 201, reply
    found: str = reply["cashReceipt"]["id"]
    return found


async def _endpoint_id(stack: Stack) -> str:
    # An address, so that no name has to be looked up.
    reply = await stack.api.post("/api/ops/event-endpoints", {"url": "https://1.1.1.1/paywon", "events": ["*"]})
    assert reply.status == 201, reply
    found: str = reply["endpoint"]["id"]
    return found


async def _webhook_id(stack: Stack, order_no: str) -> str:
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order_no, "status": "IN_PROGRESS"}}
    reply = await stack.api.post("/payments/webhook", body)
    assert reply.status == 200, reply
    return str(
        (await stack.row("SELECT id FROM webhook_events WHERE body -> 'data' ->> 'status' = 'IN_PROGRESS'"))["id"]
    )


async def _order_no(stack: Stack) -> str:
    reply = await stack.api.post("/api/orders", {"orderName": "구독", "amount": 50_000, "userId": "user-7"})
    assert reply.status == 201, reply
    found: str = reply["orderNo"]
    return found


async def _paid_capsule(stack: Stack) -> dict[str, Any]:
    fulfilment = {"kind": "time_capsule", "timeOption": "1_WEEK", "headcount": 4, "title": "우리의 여름"}
    order = (
        await stack.api.post(
            "/api/orders", {"orderName": "캡슐", "amount": 12_000, "userId": "user-7", "fulfilment": fulfilment}
        )
    ).body
    urls = {"successUrl": "https://shop.example/success", "failUrl": "https://shop.example/fail"}
    told = {"orderId": order["orderNo"], "orderName": "캡슐", "amount": 12_000}
    window = await stack.toss.post("/sandbox/checkout", {**told, **urls})
    assert window.status in (200, 201), window
    await stack.authenticate(window["paymentKey"])
    body = {"paymentKey": window["paymentKey"], "orderId": order["orderNo"], "amount": 12_000}
    reply = await stack.api.post("/api/payments/toss/confirm", body)
    assert reply.status == 200, reply
    answered: dict[str, Any] = reply.body
    return answered
