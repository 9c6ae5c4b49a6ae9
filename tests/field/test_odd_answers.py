"""Sisters of O1: other odd fields, in other answers of Toss's. Nobody's money is lost for what nobody needs."""

from typing import Any

import pytest

from tests.field.conftest import Shop
from tests.field.test_worse_after_done import FIRST, bank, cancel

PAYMENTS = "^/v1/payments/"


@pytest.mark.parametrize("word", ["SUCCESS", "PENDING", "FAILED", "완료", 7, None])
async def test_a_refund_counts_whatever_word_toss_has_for_its_state(shop: Shop, word: Any) -> None:
    payment = await shop.paid(20_000)

    def spoil(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"cancels": [each | {"cancelStatus": word} for each in body["cancels"] or []] or None}

    shop.proxy.add(path=PAYMENTS, change=spoil)
    refund = {"refundReason": "고객", "refundAmount": 5_000}
    reply = await shop.api.post(f"/payments/{payment['id']}/refund", refund)
    assert (reply.status, reply["payment"]["refundedAmount"]) == (200, 5_000), reply
    rest = await shop.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "나머지"})
    assert (rest.status, rest["payment"]["refundedAmount"]) == (200, 20_000), rest
    cancels = await shop.stack.rows("SELECT cancel_amount FROM payment_cancels WHERE cancel_status = 'DONE'")
    assert sorted(row["cancel_amount"] for row in cancels) == [5_000, 15_000]


async def test_a_deposit_is_held_and_refunded_to_an_account_though_its_means_cannot_be_read(shop: Shop) -> None:
    order = await shop.order(15_000)
    issued = await shop.api.post(
        "/api/payments/toss/virtual-accounts", {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    )
    assert issued.status == 201, issued
    shop.proxy.add(path="^/v1/", change=lambda body: body | {"virtualAccount": "국민 123", "method": 7})
    await bank(shop, order["orderNo"], "deposit")

    async def handed_over() -> bool:
        return bool(await shop.stack.rows("SELECT FROM orders WHERE paid_told_at IS NOT NULL"))

    await shop.stack.eventually(handed_over)
    row = await shop.stack.row("SELECT deposited_at, virtual_account FROM payments")
    assert row["deposited_at"] is not None, "the hold of a deposit has been kept"
    assert row["virtual_account"]["bankCode"] == "06"
    payment = issued["payment"]
    unnamed = await cancel(shop, payment, None)
    assert (unnamed.status, unnamed["code"]) == (422, "REFUND_ACCOUNT_REQUIRED")
    assert (await cancel(shop, payment, FIRST)).status == 200


@pytest.mark.parametrize(
    "odd",
    [
        {"customerKey": None},
        {"customerKey": 7},
        {"method": 7, "card": "현대", "cardCompany": [], "cardNumber": 1, "mId": {}},
        {"authenticatedAt": "어제", "transfers": "없음", "easyPay": "토스페이\x00"},
    ],
    ids=lambda odd: ",".join(odd),
)
async def test_a_card_is_registered_whatever_else_is_odd_in_the_answer(shop: Shop, odd: dict[str, Any]) -> None:
    auth = (await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"}))["authKey"]
    shop.proxy.add(path="^/v1/billing/authorizations/issue$", change=lambda body: body | odd)
    issued = await shop.api.post("/api/payments/toss/billing/issue", {"authKey": auth, "customerKey": "customer-1"})
    assert (issued.status, issued["billingKey"]["status"]) == (201, "ACTIVE"), issued
    order = await shop.order(12_000)
    door = f"/api/payments/toss/billing/{issued['billingKey']['id']}"
    charged = await shop.api.post(door, {"orderId": order["orderNo"]})
    assert (charged.status, charged["order"]["status"]) == (200, "PAID"), charged


@pytest.mark.parametrize(
    "odd",
    [
        {"issueStatus": 7, "issueNumber": 1, "receiptUrl": [], "failure": "없음"},
        {"taxFreeAmount": -1, "requestedAt": "어제", "customerIdentityNumber": {}, "orderName": "\x00"},
        {"amount": "많이", "type": 7, "transactionType": None, "businessNumber": 7},
    ],
    ids=lambda odd: ",".join(odd),
)
async def test_a_cash_receipt_is_issued_whatever_else_is_odd_in_the_answer(shop: Shop, odd: dict[str, Any]) -> None:
    order = await shop.order(30_000)
    key = await shop.window(order, method="TRANSFER", cashReceiptType="미발행")
    payment = (await shop.confirm(order, key))["payment"]
    shop.proxy.add(path="^/v1/cash-receipts$", method="POST", change=lambda body: body | odd)
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    door = f"/payments/{payment['id']}/cash-receipts"
    issued = await shop.api.post(door, wish)
    assert issued.status == 201, issued
    again = await shop.api.post(door, wish)
    assert again.status == 409, again


@pytest.mark.parametrize(
    "odd",
    [
        {"cashReceipt": "발행"},
        {"cashReceipt": {"type": "소득공제", "amount": "30000"}},
        {"cashReceipts": [{"amount": "삼만", "transactionType": "CONFIRM"}], "cashReceipt": None},
        {"cashReceipts": "하나"},
    ],
    ids=str,
)
async def test_a_sale_with_a_receipt_that_cannot_be_read_gets_no_second_one(shop: Shop, odd: dict[str, Any]) -> None:
    order = await shop.order(30_000)
    key = await shop.window(order, method="TRANSFER", cashReceiptType="미발행")
    shop.proxy.add(path=PAYMENTS, change=lambda body: body | odd)
    payment = (await shop.confirm(order, key))["payment"]
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    issued = await shop.api.post(f"/payments/{payment['id']}/cash-receipts", wish)
    assert (issued.status, issued["code"]) == (409, "CASH_RECEIPT_NOT_ALLOWED"), issued


@pytest.mark.parametrize(
    "odd", [{"amount": "많이"}, {"currency": 7}, {"amount": None, "transactionAt": "어제"}], ids=str
)
async def test_a_console_cancel_is_found_though_its_row_in_tosss_list_is_odd(shop: Shop, odd: dict[str, Any]) -> None:
    payment = await shop.paid()
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"])
    shop.proxy.add(path="^/v1/transactions", change=lambda rows: [row | odd for row in rows])
    await shop.stack.rows("UPDATE reconciliation_walks SET next_at = now()")

    async def refunded() -> bool:
        return await shop.order_status(payment["orderNo"]) == "REFUNDED"

    await shop.stack.eventually(refunded, within_s=15)
