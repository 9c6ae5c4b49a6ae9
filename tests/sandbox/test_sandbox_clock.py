"""toss/api.md 2: windows and expiry on the sandbox's own clock; the rest of the control door."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver


async def test_30_minutes_to_authenticate(toss: Toss, receiver: Receiver) -> None:
    key, order_id = await toss.opened()
    await toss.advance(29 * 60)
    assert (await toss.payment(key))["status"] == "READY"
    await toss.advance(61)
    payment = await toss.payment(key)
    assert payment["status"] == "EXPIRED"
    assert payment["failure"] == {
        "code": "EXPIRED_PAYMENT",
        "message": "결제가 만료되었습니다. 다시 시도해주세요.",
    }
    late = await toss.confirm(key, order_id, 15000)
    assert (late.status, late.code) == (404, "NOT_FOUND_PAYMENT_SESSION")
    refused = await toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "approve"})
    assert refused.code == "NOT_FOUND_PAYMENT_SESSION"
    [event] = await receiver.wait_for(1)
    assert event["data"] == payment


async def test_10_minutes_to_confirm(toss: Toss, receiver: Receiver) -> None:
    early, late = await toss.authenticated(), await toss.authenticated()
    await toss.advance(9 * 60)
    assert (await toss.confirm(*early, 15000)).status == 200
    await toss.advance(61)
    answer = await toss.confirm(*late, 15000)
    assert (answer.status, answer.code) == (404, "NOT_FOUND_PAYMENT_SESSION")
    payment = await toss.payment(late[0])
    assert (payment["status"], payment["method"], payment["secret"]) == ("EXPIRED", None, None)
    await toss.advance(86400)
    assert (await toss.payment(early[0]))["status"] == "DONE"
    await receiver.wait_for(2)
    assert receiver.statuses == ["DONE", "EXPIRED"]


async def test_the_confirm_window_starts_with_the_authentication(toss: Toss) -> None:
    key, order_id = await toss.opened()
    await toss.advance(29 * 60)
    await toss.authenticate(key)
    await toss.advance(9 * 60)
    assert (await toss.confirm(key, order_id, 15000)).status == 200


async def test_a_frozen_clock_stands_still_and_can_be_advanced(toss: Toss) -> None:
    await toss.ok("/sandbox/clock/freeze")
    first = (await toss.get("/sandbox/clock")).json
    await asyncio.sleep(0.05)
    assert (await toss.get("/sandbox/clock")).json == first
    assert first["frozen"] is True
    await toss.advance(60)
    moved = datetime.fromisoformat((await toss.get("/sandbox/clock")).json["now"])
    assert (moved - datetime.fromisoformat(first["now"])).total_seconds() == 60
    resumed = await toss.ok("/sandbox/clock/resume")
    assert resumed["frozen"] is False
    assert 0 <= (datetime.fromisoformat(resumed["now"]) - moved).total_seconds() < 2


async def test_clocks_of_two_keys_are_separate(toss: Toss) -> None:
    await toss.advance(86400)
    async with Toss(toss.base_url, "test_sk_otherclock") as other:
        mine, theirs = [(await who.get("/sandbox/clock")).json["now"] for who in (toss, other)]
    assert (datetime.fromisoformat(mine) - datetime.fromisoformat(theirs)).total_seconds() > 86000


@pytest.mark.parametrize("body", [{}, {"seconds": 0}, {"seconds": -1}, {"seconds": "x"}, {"seconds": 10**12}])
async def test_the_clock_only_goes_forward(toss: Toss, body: dict[str, object]) -> None:
    assert (await toss.post("/sandbox/clock/advance", body)).status == 400


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("decline", "code=REJECT_CARD_COMPANY&message=%EA%B2%B0%EC%A0%9C%20%EC%8A%B9%EC%9D%B8"),
        ("abort", "code=PAY_PROCESS_ABORTED&message=%EA%B2%B0%EC%A0%9C%20%EC%A7%84%ED%96%89"),
        ("close", "code=PAY_PROCESS_CANCELED&message=%EC%82%AC%EC%9A%A9%EC%9E%90"),
    ],
)
async def test_the_customer_may_decline_fail_or_close(toss: Toss, outcome: str, expected: str) -> None:
    key, order_id = await toss.opened(failUrl="http://shop.example/fail?cart=1#top")
    path = f"/sandbox/payments/{key}/authenticate"
    redirect = (await toss.ok(path, {"outcome": outcome}))["redirectUrl"]
    assert redirect.startswith(f"http://shop.example/fail?cart=1&{expected}")
    assert redirect.endswith("#top")
    assert (f"orderId={order_id}" in redirect) is (outcome != "close")
    assert (await toss.payment(key))["status"] == "READY"


@pytest.mark.parametrize(
    ("choice", "code"),
    [
        ({"outcome": "later"}, "INVALID_REQUEST"),
        ({"outcome": None}, "INVALID_REQUEST"),
        ({"method": "COINS"}, "INVALID_REQUEST"),
        ({"cardCompany": "99"}, "INVALID_CARD_COMPANY"),
        ({"easyPayProvider": "NOPAY"}, "INVALID_EASY_PAY"),
        ({"bank": "00"}, "INVALID_BANK"),
        ({"installmentPlanMonths": 1}, "INVALID_CARD_INSTALLMENT_PLAN"),
        ({"installmentPlanMonths": 3}, "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT"),
        ({"pointsAmount": 15001}, "INVALID_REQUEST"),
        ({"declineAtConfirm": "NO_SUCH_CODE"}, "INVALID_TEST_CODE"),
        ({"cashReceiptType": "x"}, "INVALID_CASH_RECEIPT_INFO"),
    ],
)
async def test_impossible_choices_are_refused(toss: Toss, choice: dict[str, object], code: str) -> None:
    key, _ = await toss.opened()
    answer = await toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "approve"} | choice)
    assert (answer.status, answer.code) == (400, code)
    assert (await toss.payment(key))["status"] == "READY"


async def test_a_payment_is_authenticated_once(toss: Toss) -> None:
    key, _ = await toss.authenticated()
    again = await toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "close"})
    assert again.code == "ALREADY_PROCESSED_PAYMENT"
    unknown = await toss.post("/sandbox/payments/unknown/authenticate", {"outcome": "approve"})
    assert unknown.status == 404


async def test_reset_forgets_this_key_only(toss: Toss, receiver: Receiver) -> None:
    payment = await toss.paid()
    async with Toss(toss.base_url, "test_sk_untouched") as other:
        kept = await other.paid()
        await toss.fault(kind="refuse", path="/nowhere")
        await toss.advance(1000)
        await toss.ok("/sandbox/reset")
        assert (await toss.get(f"/v1/payments/{payment['paymentKey']}")).status == 404
        assert (await other.payment(kept["paymentKey"]))["status"] == "DONE"
    assert (await toss.get("/sandbox/webhooks")).json == {"webhooks": []}
    assert (await toss.get("/sandbox/faults")).json == {"faults": []}
    assert (await toss.get("/sandbox/clock")).json["offsetSeconds"] == 0
    assert (await toss.get(f"/v1/payments/{payment['paymentKey']}/checkout")).status == 404
