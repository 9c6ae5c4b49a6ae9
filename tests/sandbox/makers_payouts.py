"""The calls that make the recorded bodies of payouts v2 anew."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tests.sandbox.client import Toss
from tests.sandbox.sealing import Payouts, approved_seller, new_payout, new_seller, seal, unseal

DAY = 86_400


async def payout_day(toss: Toss) -> str:
    """The next business day on the key's clock."""
    day = date.fromisoformat((await toss.get("/sandbox/clock")).json["now"][:10]) + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day.isoformat()


async def seller(toss: Toss) -> Any:
    payouts = await Payouts.of(toss)
    registered = await payouts.ok("/v2/sellers", new_seller())
    await toss.ok(f"/sandbox/sellers/{registered['id']}/status", {"status": "KYC_REQUIRED"})
    return (await toss.get(f"/v2/sellers/{registered['id']}")).json


async def seller_list(toss: Toss) -> Any:
    await seller(toss)
    return (await toss.get("/v2/sellers")).json


async def seller_deleted(toss: Toss) -> Any:
    made = await seller(toss)
    return (await toss.call("DELETE", f"/v2/sellers/{made['entityBody']['id']}")).json


async def payout_requested(toss: Toss) -> Any:
    payouts = await Payouts.of(toss)
    wish = new_payout(await approved_seller(payouts), scheduleType="SCHEDULED", payoutDate=await payout_day(toss))
    _, answer = await payouts.post("/v2/payouts", wish)
    return answer


async def payout_list(toss: Toss) -> Any:
    await payout_requested(toss)
    await toss.advance(4 * DAY)
    return (await toss.get("/v2/payouts")).json


async def balance(toss: Toss) -> Any:
    return (await toss.get("/v2/balances")).json


async def error(toss: Toss) -> Any:
    payouts = await Payouts.of(toss)
    answer = await payouts.send("/v2/sellers", seal({}, payouts.security_key))
    assert answer.status == 400
    return unseal(answer.raw, payouts.security_key)
