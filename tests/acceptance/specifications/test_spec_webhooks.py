"""Specification 1, 1.8 to 1.10: what Toss tells by itself, who may tell it, and what is seen of it."""

import base64
import hmac
from typing import Any

import msgspec

from tests.support.inbox import SECRET, signature
from tests.support.stack import Reply, Stack

DOOR = "/payments/webhook"


def _about(payment: dict[str, Any], **more: Any) -> bytes:
    data = {"orderId": payment["orderId"], "paymentKey": payment["paymentKey"], "status": "DONE", **more}
    return msgspec.json.encode({"eventType": "PAYMENT_STATUS_CHANGED", "data": data})


async def _send(stack: Stack, raw: bytes, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stack.api.send("POST", DOOR, data=raw, headers={"Content-Type": "application/json"} | named)


async def _cancelled_at_toss(stack: Stack, payment: dict[str, Any]) -> None:
    """Cancel past paywon, as the merchant's console does; only a webhook tells of it."""
    body = {"cancelReason": "콘솔에서 취소", "cancelAmount": 10_000}
    assert (await stack.toss.post(f"/v1/payments/{payment['paymentKey']}/cancel", body)).status == 200


async def _is(stack: Stack, payment: dict[str, Any], status: str) -> None:
    async def so() -> bool:
        return bool((await stack.api.get(f"/payments/{payment['id']}"))["status"] == status)

    await stack.eventually(so)


async def test_w1_raw_json_is_taken_at_once_and_what_is_none_is_refused(stack: Stack) -> None:
    payment = await stack.paid()
    taken = await _send(stack, _about(payment))
    assert (taken.status, taken.body) == (200, {"received": True, "repeated": False})
    broken = await _send(stack, b"{broken")
    assert broken.status == 400


async def test_w2_f2_se5_pc9_a_signature_is_verified_over_the_raw_body(stack: Stack) -> None:
    payment = await stack.paid()
    for number, sign in enumerate((signature, _base64)):
        raw = _about(payment, n=number)
        assert (await _send(stack, raw, toss_signature=sign(raw))).status == 200
    wrong = await _send(stack, _about(payment, n=7), toss_signature="00" * 32)
    assert (wrong.status, wrong["code"]) == (401, "WEBHOOK_REJECTED")
    assert (await _send(stack, _about(payment, n=8))).status == 200
    verdicts = await stack.rows("SELECT verdict FROM webhook_events WHERE body -> 'data' ? 'n' ORDER BY received_at")
    assert [row["verdict"] for row in verdicts] == ["signed", "signed", "rejected", "refetched"]


def _base64(raw: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), raw, "sha256")).decode()


async def test_f2_a_webhook_without_proof_moves_nothing_that_toss_does_not_show(stack: Stack) -> None:
    payment = await stack.paid()
    assert (await _send(stack, _about(payment, status="CANCELED", balanceAmount=0))).status == 200

    async def looked_at() -> bool:
        row = await stack.row("SELECT looks FROM webhook_events WHERE body -> 'data' ->> 'status' = 'CANCELED'")
        return bool(row["looks"] > 0)

    await stack.eventually(looked_at)
    shown = (await stack.api.get(f"/payments/{payment['id']}")).body
    assert (shown["status"], shown["refundedAmount"]) == ("completed", 0)


async def test_f9_fl7_fl8_te2_o2_what_was_done_at_toss_reaches_our_books_by_its_webhook(stack: Stack) -> None:
    payment = await stack.paid()
    await _cancelled_at_toss(stack, payment)
    await _is(stack, payment, "partial_refunded")
    shown = (await stack.api.get(f"/payments/{payment['id']}")).body
    assert (shown["refundedAmount"], shown["refundReason"]) == (10_000, "콘솔에서 취소")
    event = (await stack.rows("SELECT status, processed_at, received_at FROM webhook_events ORDER BY received_at"))[-1]
    assert event["status"] == "processed"
    assert event["processed_at"] > event["received_at"], "it was stored first, and worked by the worker"


async def test_se7_se8_f4_each_delivery_is_seen_with_its_address_and_counts_once(stack: Stack) -> None:
    payment = await stack.paid()
    raw = _about(payment, n=1)
    for address, repeated in (("203.0.113.5", False), ("203.0.113.6", True)):
        reply = await _send(stack, raw, toss_signature=signature(raw), X_Forwarded_For=address)
        assert (reply.status, reply["repeated"]) == (200, repeated)
    (listed,) = (await stack.api.get("/api/ops/webhooks?verdict=signed"))["webhooks"]
    shown = await stack.api.get(f"/api/ops/webhooks/{listed['id']}")
    assert [each["sourceAddress"] for each in shown["deliveries"]] == ["203.0.113.6", "203.0.113.5"]
    assert shown["deliveries"][0]["headers"]["toss-signature"] == signature(raw), "it can be checked again later"
    await _send(stack, b"{broken")
    assert (await stack.api.get("/api/ops/webhooks/refused"))["days"][-1]["malformed"] >= 1
