"""toss/api.md 12: payouts v1 with its sub-malls."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tests.sandbox.client import Toss

MALLS = "/v1/payouts/sub-malls"
ACCOUNT = {"bankCode": "92", "accountNumber": "1234567890123", "holderName": "김토페"}
DAY = 86_400


def mall(**more: object) -> dict[str, object]:
    found = {"subMallId": "mall1", "type": "CORPORATE", "companyName": "테스트 상호", "representativeName": "김토페"}
    found |= {"businessNumber": "1234567890", "email": "def@toss.im", "phoneNumber": "01087654321"}
    return found | {"account": ACCOUNT, "metadata": None} | more


async def business_day(toss: Toss, after: int = 1) -> str:
    day = date.fromisoformat((await toss.get("/sandbox/clock")).json["now"][:10]) + timedelta(days=after)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return day.isoformat()


async def test_a_sub_mall_from_registration_to_deletion(toss: Toss) -> None:
    made = await toss.ok(MALLS, mall())
    assert made["account"] == ACCOUNT | {"bankCode": "092", "accountNumber": "123*****90123"}
    assert (await toss.get(MALLS)).json == [made]
    changed = await toss.ok(f"{MALLS}/mall1", mall(companyName="새 상호"))
    assert changed == made | {"companyName": "새 상호"}
    assert (await toss.post(MALLS, mall())).code == "ALREADY_EXIST_SUBMALL"
    assert (await toss.post(f"{MALLS}/mall1/delete")).json == changed
    assert (await toss.get(MALLS)).json == []
    for path in (f"{MALLS}/mall1", f"{MALLS}/mall1/delete"):
        missing = await toss.post(path, mall())
        assert (missing.status, missing.code) == (404, "NOT_FOUND_SUBMALL")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"subMallId": "mall_1"}, "INVALID_SUBMALL_ID"),
        ({"subMallId": "m" * 21}, "INVALID_SUBMALL_ID"),
        ({"type": "CLUB"}, "INVALID_REQUEST"),
        ({"businessNumber": "12"}, "INVALID_BUSINESS_NUMBER"),
        ({"businessNumber": None}, "INVALID_BUSINESS_NUMBER"),
        ({"representativeName": None}, "INVALID_REQUEST"),
        ({"account": ACCOUNT | {"bankCode": "x"}}, "INVALID_BANK"),
        ({"email": "nobody"}, "INVALID_REQUEST"),
    ],
)
async def test_sub_malls_refused(toss: Toss, more: dict[str, object], code: str) -> None:
    answer = await toss.post(MALLS, mall(**more))
    assert (answer.status, answer.code) == (400, code)


async def test_payouts_take_from_the_balance_and_end_on_their_day(toss: Toss) -> None:
    await toss.ok(MALLS, mall(type="INDIVIDUAL", businessNumber=None))
    day = await business_day(toss)
    wish: dict[str, Any] = {"subMallId": "mall1", "payoutDate": day, "payoutAmount": 5000, "requestId": "r-1"}
    good, bad = await toss.ok(f"{MALLS}/settlements", [wish, wish | {"requestId": "r-2"}])
    assert (good["status"], good["payoutAmount"], good["requestId"]) == ("REQUESTED", 5000, "r-1")
    assert good["account"] == (await toss.get(MALLS)).json[0]["account"]
    assert (await toss.get(f"{MALLS}/settlements/balance")).json == {"balance": 990_000}
    await toss.ok(f"/sandbox/payouts/{bad['payoutKey']}/outcome", {"outcome": "FAILED"})
    await toss.advance(5 * DAY)
    ended = (await toss.get("/sandbox/payouts")).json["payouts"]
    assert ended[0] == good | {"status": "COMPLETED"}
    assert (ended[1]["status"], ended[1]["failure"]["code"]) == ("FAILED", "ACCOUNT_OWNER_CHECK_FAILED")
    assert (await toss.get(f"{MALLS}/settlements/balance")).json == {"balance": 995_000}


@pytest.mark.parametrize(
    ("more", "status", "code"),
    [
        ({"subMallId": "nobody"}, 404, "NOT_FOUND_SUBMALL"),
        ({"payoutAmount": 0}, 400, "BELOW_ZERO_AMOUNT"),
        ({"payoutAmount": 1_000_001}, 400, "NOT_ENOUGH_AMOUNT"),
        ({"payoutDate": "2020-01-02"}, 400, "INVALID_PAYABLE_DATE"),
        ({"payoutDate": None}, 400, "INVALID_REQUEST"),
    ],
)
async def test_payouts_refused(toss: Toss, more: dict[str, object], status: int, code: str) -> None:
    await toss.ok(MALLS, mall())
    wish = {"subMallId": "mall1", "payoutDate": await business_day(toss), "payoutAmount": 5000} | more
    answer = await toss.post(f"{MALLS}/settlements", wish)
    assert (answer.status, answer.code) == (status, code)
    assert (await toss.get("/sandbox/payouts")).json == {"payouts": []}
