"""toss/webhooks.md: registration by event type, signed events, events of products that are not built here."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Any

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver

DAY = 86_400
LADDER_MINUTES = (1, 4, 16, 64, 256, 1024, 4096)


def macs(header: str) -> list[bytes]:
    items = [item.partition(":") for item in header.split(",")]
    assert {version for version, _, _ in items} == {"v1"}
    return [base64.b64decode(value, validate=True) for _, _, value in items]


def expected(key: bytes, body: bytes, headers: dict[str, str]) -> bytes:
    signed = body + b":" + headers["tosspayments-webhook-transmission-time"].encode()
    return hmac.new(key, signed, hashlib.sha256).digest()


async def settings(toss: Toss, **change: object) -> Any:
    return await toss.ok("/sandbox/settings", change)


async def sent_body(toss: Toss) -> bytes:
    [delivery] = (await toss.get("/sandbox/webhooks/deliveries")).json["deliveries"]
    return str(delivery["body"]).encode()


@pytest.mark.parametrize("event_type", ["payout.changed", "seller.changed"])
@pytest.mark.parametrize("signature_key", ["text", "hex"])
async def test_signed_events(toss: Toss, event_type: str, signature_key: str) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": [event_type]})
        [key] = (await settings(toss, signatureKey=signature_key))["securityKeys"]
        assert len(bytes.fromhex(key)) == 32
        await toss.ok("/sandbox/events", {"eventType": event_type, "data": {"status": "FAILED"}})
        await receiver.wait_for(1)
    [headers], [body] = receiver.headers, receiver.bodies
    assert body["entityBody"]["status"] == "FAILED"
    assert body["entityType"] == event_type.partition(".")[0]
    raw = key.encode() if signature_key == "text" else bytes.fromhex(key)
    assert macs(headers["tosspayments-webhook-signature"]) == [expected(raw, await sent_body(toss), headers)]


async def test_both_keys_sign_for_seven_days_after_a_re_issue(toss: Toss) -> None:
    async with Receiver(answers=[500]) as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        [old] = (await toss.get("/sandbox/settings")).json["securityKeys"]
        new, kept = (await settings(toss, reissueSecurityKey=True))["securityKeys"]
        assert kept == old
        await toss.ok("/sandbox/events", {"eventType": "payout.changed"})
        await receiver.wait_for(1)
        body = await sent_body(toss)
        await toss.advance(7 * DAY + 60)
        await receiver.wait_for(2)
    first, second = receiver.headers
    both = [expected(new.encode(), body, first), expected(old.encode(), body, first)]
    assert macs(first["tosspayments-webhook-signature"]) == both
    # A retry is signed afresh, with its own time and the keys of that time.
    assert first["tosspayments-webhook-transmission-time"] != second["tosspayments-webhook-transmission-time"]
    assert macs(second["tosspayments-webhook-signature"]) == [expected(new.encode(), body, second)]


async def test_signed_events_climb_the_ladder_too(toss: Toss) -> None:
    async with Receiver(answers=[500] * 7) as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        await toss.ok("/sandbox/clock/freeze")
        await toss.ok("/sandbox/events", {"eventType": "seller.changed"})
        for number, minutes in enumerate(LADDER_MINUTES, start=1):
            await receiver.wait_for(number)
            await until_scheduled(toss, number)
            await toss.advance(minutes * 60)
        await receiver.wait_for(8)
    counts = [headers["tosspayments-webhook-transmission-retried-count"] for headers in receiver.headers]
    assert counts == [str(number) for number in range(8)]
    assert len({headers["tosspayments-webhook-signature"] for headers in receiver.headers}) == 8


async def until_scheduled(toss: Toss, attempts: int) -> None:
    async with asyncio.timeout(8):
        while True:
            [delivery] = (await toss.get("/sandbox/webhooks/deliveries")).json["deliveries"]
            if len(delivery["attempts"]) == attempts:
                return
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "event_type",
    [
        "CANCEL_STATUS_CHANGED",
        "METHOD_UPDATED",
        "CUSTOMER_STATUS_CHANGED",
        "ORDER_PAYMENT_STATUS_CHANGED",
        "ars-reservation.changed",
    ],
)
async def test_other_events_are_not_signed(toss: Toss, event_type: str) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": [event_type]})
        await toss.ok("/sandbox/events", {"eventType": event_type})
        await receiver.wait_for(1)
    assert receiver.bodies[0]["eventType"] == event_type
    assert "tosspayments-webhook-signature" not in receiver.headers[0]


async def test_each_receiver_gets_what_it_registered_for(toss: Toss) -> None:
    async with Receiver() as payments, Receiver() as deposits, Receiver() as all_events:
        await toss.ok("/sandbox/webhooks", {"url": payments.url, "events": ["PAYMENT_STATUS_CHANGED"]})
        await toss.ok("/sandbox/webhooks", {"url": deposits.url, "events": ["DEPOSIT_CALLBACK"]})
        await toss.ok("/sandbox/webhooks", {"url": all_events.url})
        await toss.paid(method="VIRTUAL_ACCOUNT")
        await toss.ok("/sandbox/events", {"eventType": "METHOD_UPDATED"})
        await all_events.wait_for(3)
        await payments.wait_for(1)
        await deposits.wait_for(1)
    assert [body["eventType"] for body in payments.bodies] == ["PAYMENT_STATUS_CHANGED"]
    assert "secret" in deposits.bodies[0]
    unknown = await toss.post("/sandbox/webhooks", {"url": "http://localhost/hook", "events": ["NO_SUCH"]})
    assert unknown.code == "INVALID_REQUEST"


async def test_what_settings_and_events_refuse(toss: Toss) -> None:
    for body in ({"version": "1.4"}, {"signatureKey": "base64"}):
        assert (await toss.post("/sandbox/settings", body)).code == "INVALID_REQUEST"
    async with Toss(toss.base_url, toss.key.replace("test_sk_", "test_gsk_")) as widget:
        # Widget keys are fixed at one version (toss/api.md 1.7).
        assert (await widget.post("/sandbox/settings", {"version": "2024-06-01"})).code == "INVALID_REQUEST"
        assert (await settings(widget, version="2022-11-16"))["version"] == "2022-11-16"
    # These come from payments and billing keys only.
    for name in ("PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "BILLING_DELETED", "NO_SUCH"):
        assert (await toss.post("/sandbox/events", {"eventType": name})).code == "INVALID_REQUEST"
    assert (await toss.post("/sandbox/events", {"eventType": "METHOD_UPDATED", "data": []})).code == "INVALID_REQUEST"
