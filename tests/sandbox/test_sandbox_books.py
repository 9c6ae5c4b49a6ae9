"""toss/api.md 8 to 11: transactions, settlements, cash receipts, promotions."""

from __future__ import annotations

from typing import Any

import pytest
from tests.sandbox.client import Toss, new_order_id

DAY = 86_400
EVER = "startDate=2020-01-01&endDate=2099-01-01"
REFUND_ACCOUNT = {"bank": "20", "accountNumber": "1000123456789", "holderName": "박토스"}


async def rows(toss: Toss, path: str) -> Any:
    answer = await toss.get(path)
    assert answer.status == 200, answer.raw.decode()
    return answer.json


async def sold_account(toss: Toss) -> Any:
    payment = await toss.paid(method="VIRTUAL_ACCOUNT")
    return await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")


async def test_every_movement_is_a_transaction(toss: Toss) -> None:
    card = await toss.paid(10000)
    await toss.cancel(card["paymentKey"], cancelAmount=1000)
    await toss.cancel(card["paymentKey"])
    account = await sold_account(toss)
    await toss.ok(f"/sandbox/virtual-accounts/{account['orderId']}/reverse")
    unpaid = await toss.paid(method="VIRTUAL_ACCOUNT")
    await toss.cancel(unpaid["paymentKey"])
    aborted = await toss.authenticated(declineAtConfirm="REJECT_CARD_PAYMENT")
    await toss.confirm(*aborted, 15000)
    found = await rows(toss, f"/v1/transactions?{EVER}")
    assert [(row["status"], row["amount"]) for row in found] == [
        ("DONE", 10000),
        ("PARTIAL_CANCELED", -1000),
        ("PARTIAL_CANCELED", -9000),
        ("WAITING_FOR_DEPOSIT", 0),
        ("DONE", 15000),
        ("WAITING_FOR_DEPOSIT", -15000),
        ("WAITING_FOR_DEPOSIT", 0),
        ("CANCELED", 0),
    ]
    assert len({row["transactionKey"] for row in found}) == 8
    assert {row["paymentKey"] for row in found[:3]} == {card["paymentKey"]}


async def test_transactions_are_paged_and_bounded(toss: Toss) -> None:
    for _ in range(5):
        await toss.paid(1000)
    everything = await rows(toss, f"/v1/transactions?{EVER}")
    first = await rows(toss, f"/v1/transactions?{EVER}&limit=2")
    second = await rows(toss, f"/v1/transactions?{EVER}&limit=2&startingAfter={first[-1]['transactionKey']}")
    third = await rows(toss, f"/v1/transactions?{EVER}&limit=2&startingAfter={second[-1]['transactionKey']}")
    assert first + second + third == everything
    at = everything[0]["transactionAt"][:19]
    bounded = await rows(toss, f"/v1/transactions?startDate={at}&endDate={at}.000")
    assert bounded[0] == everything[0]
    assert await rows(toss, "/v1/transactions?startDate=2020-01-01T00:00:00&endDate=2020-01-02T00:00:00") == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v1/transactions", "INVALID_DATE"),
        ("/v1/transactions?startDate=2024-02-13", "INVALID_DATE"),
        ("/v1/transactions?startDate=yesterday&endDate=2024-02-13", "INVALID_DATE"),
        ("/v1/transactions?startDate=2024-02-14&endDate=2024-02-13", "INVALID_DATE"),
        (f"/v1/transactions?{EVER}&startingAfter=nothing", "INVALID_TRANSACTION_KEY"),
        (f"/v1/transactions?{EVER}&limit=5001", "EXCEED_MAX_QUERY_LIMIT"),
        (f"/v1/transactions?{EVER}&limit=0", "INVALID_REQUEST"),
        ("/v1/settlements?startDate=2024-02-13T00:00:00&endDate=2024-02-14", "INVALID_DATE"),
        (f"/v1/settlements?{EVER}&dateType=approvedAt", "INVALID_REQUEST"),
        (f"/v1/settlements?{EVER}&size=5001", "EXCEED_MAX_QUERY_LIMIT"),
        (f"/v1/settlements?{EVER}&page=0", "INVALID_REQUEST"),
        ("/v1/cash-receipts", "INVALID_REQUIRED_PARAM"),
        ("/v1/cash-receipts?requestDate=today", "INVALID_DATE"),
        ("/v1/cash-receipts?requestDate=2024-02-13&cursor=x", "INVALID_PAGING_KEY"),
        ("/v1/cash-receipts?requestDate=2024-02-13&limit=10001", "EXCEED_MAX_QUERY_LIMIT"),
    ],
)
async def test_bad_queries(toss: Toss, path: str, code: str) -> None:
    answer = await toss.get(path)
    assert (answer.status, answer.code) == (400, code)


async def test_settlements_add_up(toss: Toss) -> None:
    card = await toss.paid(64601)
    await toss.cancel(card["paymentKey"], cancelAmount=333)
    await toss.cancel(card["paymentKey"], cancelAmount=10001)
    account = await sold_account(toss)
    assert await rows(toss, f"/v1/settlements?{EVER}") == []  # from the day after (toss/api.md 9)
    await toss.advance(DAY)
    await toss.cancel(card["paymentKey"])
    await toss.cancel(account["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)
    await toss.advance(DAY)
    found = await rows(toss, f"/v1/settlements?{EVER}")
    assert [row["amount"] for row in found] == [64601, -333, -10001, 15000, -54267, -15000]
    # The published real row: 64,601 by card costs 1,356 and 136 VAT (fixtures/SOURCES.md).
    assert (found[0]["fee"], found[0]["supplyAmount"], found[0]["vat"]) == (1492, 1356, 136)
    assert (found[3]["fee"], found[3]["supplyAmount"], found[3]["vat"]) == (330, 300, 30)
    for row in found:
        assert row["fee"] == row["supplyAmount"] + row["vat"] == sum(fee["fee"] for fee in row["fees"])
        assert row["payOutAmount"] == row["amount"] - row["fee"]
        assert (row["cancel"] is not None) == (row["amount"] < 0)
        assert row["approvedAt"] is not None
        assert row["soldDate"] < row["paidOutDate"]
        if row["cancel"]:
            assert row["cancel"]["cancelAmount"] == -row["amount"]
            assert row["fee"] <= 0
    assert sum(row["fee"] for row in found) == sum(row["payOutAmount"] for row in found) == 0
    assert found[0]["card"]["amount"] == found[4]["card"]["amount"] == 64601


async def test_settlements_follow_the_clock_and_pages(toss: Toss) -> None:
    account = await sold_account(toss)
    for _ in range(3):
        await toss.paid(1000)
    await toss.advance(DAY)
    found = await rows(toss, f"/v1/settlements?{EVER}&size=3")
    rest = await rows(toss, f"/v1/settlements?{EVER}&size=3&page=2")
    assert (len(found), len(rest)) == (3, 1)
    assert await rows(toss, f"/v1/settlements?{EVER}&size=3&page=3") == []
    sold, paid_out = found[0]["soldDate"], found[0]["paidOutDate"]
    assert found[0]["virtualAccount"]["settlementStatus"] == "INCOMPLETED"
    by_sale = await rows(toss, f"/v1/settlements?startDate={sold}&endDate={sold}")
    by_pay_out = await rows(toss, f"/v1/settlements?startDate={paid_out}&endDate={paid_out}&dateType=paidOutDate")
    assert by_sale == by_pay_out == found + rest
    await toss.advance(7 * DAY)
    later = await rows(toss, f"/v1/settlements?{EVER}&size=1")
    assert later[0]["virtualAccount"]["settlementStatus"] == "COMPLETED"
    assert later[0]["paymentKey"] == account["paymentKey"]


async def test_manual_settlement(toss: Toss) -> None:
    payment = await toss.paid()
    body = {"paymentKey": payment["paymentKey"]}
    assert await toss.ok("/v1/settlements", body) == {"result": True}
    again = await toss.post("/v1/settlements", body)
    assert (again.status, again.code) == (403, "FORBIDDEN_REQUEST")
    assert (await toss.post("/v1/settlements", {"paymentKey": "none"})).code == "NOT_FOUND_PAYMENT"
    opened, _ = await toss.opened()
    assert (await toss.post("/v1/settlements", {"paymentKey": opened})).code == "NOT_FOUND_METHOD"
    assert (await toss.post("/v1/settlements", {})).code == "INVALID_REQUEST"


def receipt(**more: object) -> dict[str, object]:
    given = {"amount": 15000, "orderId": new_order_id(), "orderName": "셔츠", "type": "소득공제"}
    return given | {"customerIdentityNumber": "01012341234"} | more


async def listed(toss: Toss, day: str, **more: object) -> Any:
    query = "&".join(f"{name}={value}" for name, value in more.items())
    return await rows(toss, f"/v1/cash-receipts?requestDate={day}&{query}")


async def test_a_receipt_and_its_cancels(toss: Toss) -> None:
    issued = await toss.ok("/v1/cash-receipts", receipt())
    assert (issued["issueStatus"], issued["transactionType"]) == ("IN_PROGRESS", "CONFIRM")
    assert issued["customerIdentityNumber"] == "0101234****"
    path = f"/v1/cash-receipts/{issued['receiptKey']}/cancel"
    part = await toss.ok(path, {"amount": 5000})
    assert (part["receiptKey"], part["transactionType"]) == ("c_" + issued["receiptKey"], "CANCEL")
    too_much = await toss.post(path, {"amount": 10001})
    assert (too_much.status, too_much.code) == (403, "FORBIDDEN_REQUEST")
    rest = await toss.ok(path)
    assert rest["amount"] == 10000
    assert rest["receiptKey"] != part["receiptKey"]
    assert (await toss.post(path, {})).code == "FORBIDDEN_REQUEST"
    unknown = await toss.post("/v1/cash-receipts/none/cancel", {})
    assert (unknown.status, unknown.code) == (404, "NOT_FOUND_RECEIPT")


async def test_the_tax_office_answers_after_a_day(toss: Toss) -> None:
    good = await toss.ok("/v1/cash-receipts", receipt())
    bad = await toss.ok("/v1/cash-receipts", receipt())
    await toss.ok(f"/sandbox/cash-receipts/{bad['receiptKey']}/outcome", {"outcome": "FAILED", "reason": "TSE"})
    automatic = await toss.paid(20000, method="TRANSFER", cashReceiptType="소득공제")
    day = good["requestedAt"][:10]
    assert {row["issueStatus"] for row in (await listed(toss, day))["data"]} == {"IN_PROGRESS"}
    await toss.advance(DAY + 1)
    page = await listed(toss, day)
    assert [row["issueStatus"] for row in page["data"]] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert page["data"][1]["failure"] == {"code": "NTS_ERROR", "message": "[TSE] 사업자등록번호 불일치"}
    paid = await toss.payment(automatic["paymentKey"])
    assert paid["cashReceipts"][0]["issueStatus"] == "COMPLETED"
    late = await toss.post(f"/sandbox/cash-receipts/{bad['receiptKey']}/outcome", {"outcome": "COMPLETED"})
    assert late.code == "INVALID_REQUEST"


async def test_receipts_are_paged_by_cursor(toss: Toss) -> None:
    made = [await toss.ok("/v1/cash-receipts", receipt()) for _ in range(3)]
    day = made[0]["requestedAt"][:10]
    first = await listed(toss, day, limit=2)
    assert (first["hasNext"], first["lastCursor"], len(first["data"])) == (True, 2, 2)
    second = await listed(toss, day, limit=2, cursor=first["lastCursor"])
    assert (second["hasNext"], second["lastCursor"]) == (False, 3)
    assert first["data"] + second["data"] == made


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"type": "아무"}, "INVALID_CASH_RECEIPT_INFO"),
        ({"type": None}, "INVALID_REQUEST"),
        ({"customerIdentityNumber": "010-1234-1234"}, "INVALID_CASH_RECEIPT_INFO"),
        ({"type": "지출증빙"}, "INVALID_REGISTRATION_NUMBER_TYPE"),
        ({"amount": 0}, "BELOW_ZERO_AMOUNT"),
        ({"taxFreeAmount": 15001}, "INVALID_REQUEST"),
    ],
)
async def test_receipts_refused(toss: Toss, more: dict[str, object], code: str) -> None:
    answer = await toss.post("/v1/cash-receipts", receipt(**more))
    assert (answer.status, answer.code) == (400, code)


async def test_one_receipt_for_an_order(toss: Toss) -> None:
    body = receipt()
    issued = await toss.ok("/v1/cash-receipts", body)
    assert (await toss.post("/v1/cash-receipts", body)).code == "DUPLICATED_CASH_RECEIPT"
    await toss.ok(f"/v1/cash-receipts/{issued['receiptKey']}/cancel")
    await toss.ok("/v1/cash-receipts", body)


async def test_promotions(toss: Toss) -> None:
    cards = await rows(toss, "/v1/promotions/card")
    assert {row["issuerCode"] for row in cards["interestFreeCards"]} == {"71", "41"}
    kinds = await rows(toss, "/v1/promotions")
    for row in kinds:
        filled = [name for name in ("cardDiscount", "cardInterestFree", "cardPoint", "bankDiscount") if row[name]]
        assert len(filled) == 1
    assert {row["type"] for row in kinds} == {"CARD_DISCOUNT", "CARD_INTEREST_FREE", "CARD_POINT", "BANK_DISCOUNT"}


async def test_partial_cancels_of_a_receipt_give_back_its_tax_free_part_once(toss: Toss) -> None:
    body = {
        "amount": 15_000,
        "orderId": new_order_id(),
        "orderName": "셔츠",
        "type": "소득공제",
        "taxFreeAmount": 3_000,
    }
    receipt = await toss.ok("/v1/cash-receipts", body | {"customerIdentityNumber": "01012341234"})
    path = f"/v1/cash-receipts/{receipt['receiptKey']}/cancel"
    parts = [await toss.ok(path, {"amount": 2_000}), await toss.ok(path, {"amount": 2_000}), await toss.ok(path)]
    assert [(part["amount"], part["taxFreeAmount"]) for part in parts] == [(2000, 2000), (2000, 1000), (11000, 0)]
