"""toss/api.md 13: payouts and their way through the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver
from tests.sandbox.sealing import Payouts, approved_seller, new_payout, new_seller
from tests.sandbox.test_sandbox_events import expected, macs, sent_body

HOUR, DAY = 3600, 86_400


@pytest_asyncio.fixture(loop_scope="session")
async def payouts(toss: Toss) -> Payouts:
    return await Payouts.of(toss)


async def today(toss: Toss) -> str:
    return str((await toss.get("/sandbox/clock")).json["now"])[:10]


async def until(toss: Toss, weekday: int, hour: int) -> str:
    """Move the clock to that hour of the next such weekday (0 is Monday) and stop it; returns the date."""
    now = datetime.fromisoformat((await toss.get("/sandbox/clock")).json["now"])
    wanted = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    wanted += timedelta(days=(weekday - now.weekday()) % 7 or 7)
    await toss.ok("/sandbox/clock/freeze")
    await toss.advance(int((wanted - now).total_seconds()) + 1)
    return wanted.date().isoformat()


async def later(toss: Toss, days: int) -> str:
    return (date.fromisoformat(await today(toss)) + timedelta(days=days)).isoformat()


async def status_of(payouts: Payouts, payout: Any) -> str:
    return str((await payouts.get(f"/v2/payouts/{payout['id']}"))["status"])


async def test_an_express_payout_and_its_event(toss: Toss, payouts: Payouts) -> None:
    seller = await approved_seller(payouts)
    day = await until(toss, weekday=2, hour=10)
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": ["payout.changed"]})
        payout = await payouts.ok("/v2/payouts", new_payout(seller))
        assert (payout["status"], payout["payoutDate"], payout["amount"]["value"]) == ("REQUESTED", day, 5000.0)
        await toss.advance(60)
        assert await status_of(payouts, payout) == "IN_PROGRESS"
        await toss.advance(600)
        assert await status_of(payouts, payout) == "COMPLETED"
        await receiver.wait_for(1)
        [headers], [body] = receiver.headers, receiver.bodies
        assert body["entityBody"] == payout | {"status": "COMPLETED"}
        mac = expected(payouts.security_key.encode(), await sent_body(toss), headers)
        assert macs(headers["tosspayments-webhook-signature"]) == [mac]


@pytest.mark.parametrize(("weekday", "hour", "opens_in_days"), [(2, 6, 0), (2, 16, 1), (4, 20, 3), (5, 10, 2)])
async def test_outside_the_hours_express_waits(
    toss: Toss, payouts: Payouts, weekday: int, hour: int, opens_in_days: int
) -> None:
    seller = await approved_seller(payouts)
    await until(toss, weekday, hour)
    payout = await payouts.ok("/v2/payouts", new_payout(seller))
    assert payout["payoutDate"] == await later(toss, opens_in_days)
    await toss.advance((24 * opens_in_days + 8 - hour) * HOUR)
    assert await status_of(payouts, payout) == "REQUESTED"
    await toss.advance(12 * 60)
    assert await status_of(payouts, payout) == "COMPLETED"


async def test_a_scheduled_payout_runs_on_its_day(toss: Toss, payouts: Payouts) -> None:
    seller = await approved_seller(payouts)
    await until(toss, weekday=0, hour=12)
    day = await later(toss, 3)
    payout = await payouts.ok("/v2/payouts", new_payout(seller, scheduleType="SCHEDULED", payoutDate=day))
    assert payout["payoutDate"] == day
    await toss.advance(2 * DAY + 20 * HOUR)
    assert await status_of(payouts, payout) == "REQUESTED"
    await toss.advance(2 * HOUR)
    assert await status_of(payouts, payout) == "COMPLETED"


async def test_a_payout_that_fails(toss: Toss, payouts: Payouts) -> None:
    seller = await approved_seller(payouts)
    await until(toss, weekday=1, hour=9)
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        payout = await payouts.ok("/v2/payouts", new_payout(seller))
        path = f"/sandbox/payouts/{payout['id']}/outcome"
        await toss.ok(path, {"outcome": "FAILED", "code": "NOT_MATCH_PAYEE_NAME"})
        await toss.advance(HOUR)
        failed = await payouts.get(f"/v2/payouts/{payout['id']}")
        assert (failed["status"], failed["error"]) == (
            "FAILED",
            {"code": "NOT_MATCH_PAYEE_NAME", "message": "수취인 성명이 불일치 합니다."},
        )
        await receiver.wait_for(1)
        assert receiver.bodies[-1]["entityBody"] == failed
    for body in ({"outcome": "FAILED"}, {"outcome": "LOST"}):
        assert (await toss.post(path, body)).code == "INVALID_REQUEST"
    # The money is back.
    assert (await payouts.get("/v2/balances"))["availableAmount"]["value"] == 1_000_000


async def test_only_a_requested_payout_is_cancelled(toss: Toss, payouts: Payouts) -> None:
    seller = await approved_seller(payouts)
    await until(toss, weekday=1, hour=9)
    first, second = (
        await payouts.ok("/v2/payouts", new_payout(seller)),
        await payouts.ok("/v2/payouts", new_payout(seller)),
    )
    canceled = (await toss.post(f"/v2/payouts/{first['id']}/cancel")).json["entityBody"]
    assert canceled == first | {"status": "CANCELED"}
    await toss.advance(60)
    late = await toss.post(f"/v2/payouts/{second['id']}/cancel")
    assert (late.status, late.json["error"]["code"]) == (400, "NOT_SUPPORTED_PROCESS")
    await toss.advance(HOUR)
    assert (await status_of(payouts, first), await status_of(payouts, second)) == ("CANCELED", "COMPLETED")
    missing = await toss.post("/v2/payouts/FPA_0/cancel")
    assert (missing.status, missing.json["error"]["code"]) == (404, "PAYOUT_NOT_FOUND")


async def test_an_array_is_taken_whole_or_not_at_all(toss: Toss, payouts: Payouts) -> None:
    seller = await approved_seller(payouts)
    many = [new_payout(seller) for _ in range(100)]
    status, answer = await payouts.post("/v2/payouts", many)
    assert (status, answer["entityType"], len(answer["entityBody"]["items"])) == (200, "payout-list", 100)
    listed = await payouts.get("/v2/payouts?limit=99")
    assert (listed["hasNext"], listed["items"]) == (True, answer["entityBody"]["items"][:99])
    for wrong, code in (
        ([], "INVALID_REQUEST"),
        ([new_payout(seller) for _ in range(101)], "INVALID_REQUEST"),
        ([new_payout(seller), new_payout("nobody")], "NOT_FOUND_SUBMALL"),
        ([new_payout(seller, refPayoutId="twice")] * 2, "DUPLICATED_REQUEST"),
        ([new_payout(seller), many[0]], "DUPLICATED_REQUEST"),
    ):
        assert (await payouts.code("/v2/payouts", wrong))[1] == code
    assert len((await payouts.get("/v2/payouts"))["items"]) == 100


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"refPayoutId": None}, "INVALID_REQUEST"),
        ({"scheduleType": "SOON"}, "INVALID_REQUEST"),
        ({"amount": None}, "INVALID_REQUEST"),
        ({"amount": {"currency": "USD", "value": 1}}, "INVALID_CURRENCY"),
        ({"amount": {"currency": "KRW", "value": 0}}, "BELOW_ZERO_AMOUNT"),
        ({"amount": {"currency": "KRW", "value": 1.5}}, "INVALID_REQUEST"),
        ({"amount": {"currency": "KRW", "value": 1_000_001}}, "NOT_ENOUGH_AMOUNT"),
        ({"transactionDescription": "여덟글자보다길다"}, "INVALID_REQUEST"),
        ({"scheduleType": "SCHEDULED"}, "INVALID_REQUEST"),
        ({"scheduleType": "SCHEDULED", "payoutDate": "someday"}, "INVALID_PAYABLE_DATE"),
        ({"scheduleType": "SCHEDULED", "payoutDate": "2020-01-02"}, "INVALID_PAYABLE_DATE"),
        ({"scheduleType": "SCHEDULED", "payoutDate": "2999-01-02"}, "INVALID_PAYABLE_DATE"),
    ],
)
async def test_payouts_refused(payouts: Payouts, more: dict[str, object], code: str) -> None:
    seller = await approved_seller(payouts)
    assert await payouts.code("/v2/payouts", new_payout(seller, **more)) == (400, code)


async def test_a_weekend_is_no_day_for_a_payout(toss: Toss, payouts: Payouts) -> None:
    seller = await approved_seller(payouts)
    await until(toss, weekday=0, hour=12)
    saturday = new_payout(seller, scheduleType="SCHEDULED", payoutDate=await later(toss, 5))
    assert await payouts.code("/v2/payouts", saturday) == (400, "NOT_ALLOWED_HOLIDAY")
    at_once = new_payout(seller, scheduleType="SCHEDULED", payoutDate=await later(toss, 0))
    assert await payouts.code("/v2/payouts", at_once) == (400, "INVALID_PAYABLE_DATE")


@pytest.mark.parametrize("status", ["APPROVAL_REQUIRED", "KYC_REQUIRED"])
async def test_a_seller_who_may_not_be_paid(payouts: Payouts, status: str) -> None:
    seller = await approved_seller(payouts, status)
    assert await payouts.code("/v2/payouts", new_payout(seller)) == (403, "FORBIDDEN_REQUEST")


async def test_above_ten_million_a_week_a_seller_has_to_be_known(toss: Toss, payouts: Payouts) -> None:
    await toss.ok("/sandbox/settings", {"payoutBalance": 100_000_000})
    seller = await approved_seller(payouts, "PARTIALLY_APPROVED")
    await until(toss, weekday=0, hour=9)
    ten_million = {"amount": {"currency": "KRW", "value": 10_000_000}}
    await payouts.ok("/v2/payouts", new_payout(seller, **ten_million))
    await toss.advance(7 * DAY)
    await payouts.ok("/v2/payouts", new_payout(seller, **ten_million))
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": ["seller.changed"]})
        assert await payouts.code("/v2/payouts", new_payout(seller)) == (403, "FORBIDDEN_REQUEST")
        await receiver.wait_for(1)
    assert receiver.bodies[0]["entityBody"]["status"] == "KYC_REQUIRED"
    await toss.ok(f"/sandbox/sellers/{seller}/status", {"status": "APPROVED"})
    await payouts.ok("/v2/payouts", new_payout(seller, **ten_million))


async def test_the_balance(toss: Toss, payouts: Payouts) -> None:
    async def amounts() -> tuple[int, int]:
        balance = await payouts.get("/v2/balances")
        return balance["pendingAmount"]["value"], balance["availableAmount"]["value"]

    seller = await approved_seller(payouts)
    await until(toss, weekday=0, hour=9)
    assert await amounts() == (0, 1_000_000)
    await payouts.ok("/v2/payouts", new_payout(seller))
    assert await amounts() == (5000, 995_000)
    await toss.advance(HOUR)
    assert await amounts() == (0, 995_000)
    await toss.ok("/sandbox/settings", {"payoutBalance": 5000})
    assert await amounts() == (0, 0)
    assert (await toss.post("/sandbox/settings", {"payoutBalance": -1})).code == "BELOW_ZERO_AMOUNT"


async def test_a_seller_who_went_is_paid_what_was_under_way(toss: Toss, payouts: Payouts) -> None:
    seller = await payouts.ok("/v2/sellers", new_seller(businessType="CORPORATE"))
    await until(toss, weekday=0, hour=9)
    payout = await payouts.ok("/v2/payouts", new_payout(seller["id"]))
    await toss.call("DELETE", f"/v2/sellers/{seller['id']}")
    await toss.advance(HOUR)
    assert await status_of(payouts, payout) == "COMPLETED"
