"""toss/api.md 5.1 to 5.3: open, confirm, read."""

from __future__ import annotations

import re

import pytest
from tests.sandbox.client import FAIL_URL, SUCCESS_URL, Toss, new_order_id

CREATE = {
    "method": "CARD",
    "amount": 15000,
    "orderName": "토스 티셔츠",
    "successUrl": SUCCESS_URL,
    "failUrl": FAIL_URL,
}


async def test_the_whole_way_of_a_card_payment(toss: Toss) -> None:
    order_id = new_order_id()
    created = (await toss.post("/v1/payments", CREATE | {"orderId": order_id})).json
    key = created["paymentKey"]
    assert (created["status"], created["method"], created["secret"]) == ("READY", None, None)
    assert created["checkout"]["url"] == f"{toss.base_url}/v1/payments/{key}/checkout"
    redirect = await toss.authenticate(key)
    assert redirect == (f"{SUCCESS_URL}?paymentType=NORMAL&orderId={order_id}&paymentKey={key}&amount=15000")
    assert (await toss.payment(key))["status"] == "IN_PROGRESS"
    done = (await toss.confirm(key, order_id, 15000)).json
    assert (done["status"], done["method"], done["type"]) == ("DONE", "카드", "NORMAL")
    assert (done["suppliedAmount"], done["vat"], done["balanceAmount"]) == (13636, 1364, 15000)
    assert re.fullmatch(r"\d{8}\*{4}\d{3}\*", done["card"]["number"])
    assert re.fullmatch(r"[0-9A-F]{32}", done["lastTransactionKey"])
    assert done["secret"].startswith("ps_")
    assert done["approvedAt"].endswith("+09:00")
    assert (await toss.payment(key)) == done
    assert (await toss.get(f"/v1/payments/orders/{order_id}")).json == done


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": None}, "REQUIRED_AMOUNT"),
        ({"amount": 0}, "BELOW_ZERO_AMOUNT"),
        ({"amount": -5}, "BELOW_ZERO_AMOUNT"),
        ({"amount": "many"}, "INVALID_REQUEST"),
        ({"amount": True}, "INVALID_REQUEST"),
        ({"amount": 10.5}, "INVALID_REQUEST"),
        ({"amount": 10**300}, "INVALID_REQUEST"),
        ({"orderId": None}, "INVALID_REQUIRED_PARAM"),
        ({"orderId": "short"}, "INVALID_ORDER_ID"),
        ({"orderId": "a" * 65}, "INVALID_ORDER_ID"),
        ({"orderId": "한글-000001"}, "INVALID_ORDER_ID"),
        ({"orderId": ["a"]}, "INVALID_ORDER_ID"),
        ({"orderName": "가" * 101}, "INVALID_ORDER_NAME"),
        ({"orderName": ""}, "INVALID_REQUIRED_PARAM"),
        ({"method": None}, "INVALID_REQUIRED_PARAM"),
        ({"method": "COINS"}, "INVALID_REQUEST"),
        ({"successUrl": None}, "INVALID_SUCCESS_URL"),
        ({"successUrl": "/relative"}, "INCORRECT_SUCCESS_URL_FORMAT"),
        ({"successUrl": "javascript:alert(1)"}, "INCORRECT_SUCCESS_URL_FORMAT"),
        ({"failUrl": "http://"}, "INCORRECT_FAIL_URL_FORMAT"),
        ({"failUrl": "http://a:99999999/"}, "INCORRECT_FAIL_URL_FORMAT"),
        ({"currency": "USD"}, "NOT_SUPPORTED_USD"),
        ({"currency": "EUR"}, "INVALID_CURRENCY"),
        ({"flowMode": "DIRECT"}, "INVALID_FLOW_MODE_PARAMETERS"),
        ({"taxFreeAmount": 15001}, "INVALID_REQUEST"),
        ({"metadata": {"a[b]": "c"}}, "INVALID_REQUEST"),
        ({"metadata": dict.fromkeys("abcdef", "x")}, "INVALID_REQUEST"),
    ],
)
async def test_create_refuses_with_tosss_codes(toss: Toss, change: dict[str, object], code: str) -> None:
    answer = await toss.post("/v1/payments", CREATE | {"orderId": new_order_id()} | change)
    assert (answer.status, answer.code) == (400, code)


async def test_numeric_strings_numbers_and_nulls_are_read_as_toss_does(toss: Toss) -> None:
    request = CREATE | {"amount": "15000", "orderId": 123456, "customerName": None, "metadata": {"cartId": "1"}}
    created = (await toss.post("/v1/payments", request)).json
    assert (created["totalAmount"], created["orderId"], created["metadata"]) == (15000, "123456", {"cartId": "1"})


async def test_confirm_checks_state_before_amount(toss: Toss) -> None:
    key, order_id = await toss.opened()
    unauthenticated = await toss.confirm(key, order_id, 15000)
    assert (unauthenticated.status, unauthenticated.code) == (404, "NOT_FOUND_PAYMENT_SESSION")
    await toss.authenticate(key)
    for wrong in ((key, order_id, 14999), (key, "another-order", 15000)):
        answer = await toss.confirm(*wrong)
        assert (answer.status, answer.code) == (400, "INVALID_REQUEST")
    assert (await toss.payment(key))["status"] == "IN_PROGRESS"
    assert (await toss.confirm(key, order_id, "15000")).status == 200
    again = await toss.confirm(key, order_id, 1)
    assert (again.status, again.code) == (400, "ALREADY_PROCESSED_PAYMENT")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"paymentKey": "x", "orderId": "order-1"},
        {"paymentKey": "", "orderId": "order-1", "amount": 1},
        {"paymentKey": "x" * 201, "orderId": "order-1", "amount": 1},
        {"paymentKey": {"a": 1}, "orderId": "order-1", "amount": 1},
    ],
)
async def test_confirm_parameters_are_required(toss: Toss, body: dict[str, object]) -> None:
    answer = await toss.post("/v1/payments/confirm", body)
    assert (answer.status, answer.code) == (400, "INVALID_REQUEST")


async def test_an_unknown_payment_is_404_everywhere(toss: Toss) -> None:
    answers = [
        await toss.confirm("unknown", "order-000000", 1000),
        await toss.cancel("unknown"),
        await toss.get("/v1/payments/unknown"),
        await toss.get("/v1/payments/orders/order-000000"),
    ]
    assert [(a.status, a.code) for a in answers] == [(404, "NOT_FOUND_PAYMENT")] * 4
    english = await toss.get("/v1/payments/unknown", headers={"accept-language": "en-US"})
    assert english.json["message"] == "The payment does not exist."


async def test_a_declined_confirm_aborts(toss: Toss) -> None:
    key, order_id = await toss.authenticated(declineAtConfirm="REJECT_CARD_PAYMENT")
    answer = await toss.confirm(key, order_id, 15000)
    assert (answer.status, answer.code) == (403, "REJECT_CARD_PAYMENT")
    payment = await toss.payment(key)
    assert (payment["status"], payment["approvedAt"], payment["receipt"]) == ("ABORTED", None, None)
    assert payment["failure"] == answer.json
    assert (await toss.confirm(key, order_id, 15000)).code == "ALREADY_PROCESSED_PAYMENT"


async def test_a_passing_failure_leaves_the_payment_open(toss: Toss) -> None:
    key, order_id = await toss.authenticated(declineAtConfirm="PROVIDER_ERROR", declineTimes=2)
    codes = [(await toss.confirm(key, order_id, 15000)).json.get("code") for _ in range(3)]
    assert codes == ["PROVIDER_ERROR", "PROVIDER_ERROR", None]
    assert (await toss.payment(key))["status"] == "DONE"


@pytest.mark.parametrize(
    ("amount", "method", "code"),
    [
        (99, "CARD", "BELOW_MINIMUM_AMOUNT"),
        (100, "CARD", None),
        (199, "TRANSFER", "BELOW_MINIMUM_AMOUNT"),
        (200, "TRANSFER", None),
        (10_000_000, "TRANSFER", None),
        (10_000_001, "TRANSFER", "EXCEEDS_TRANSFER_AMOUNT_MAXIMUM"),
    ],
)
async def test_limits_of_the_methods(toss: Toss, amount: int, method: str, code: str | None) -> None:
    key, order_id = await toss.authenticated(amount, method=method)
    assert (await toss.confirm(key, order_id, amount)).json.get("code") == code


async def test_one_order_is_approved_once(toss: Toss) -> None:
    first, order_id = await toss.opened()
    second, _ = await toss.opened(orderId=order_id)
    await toss.authenticate(first)
    await toss.authenticate(second)
    assert (await toss.get(f"/v1/payments/orders/{order_id}")).json["paymentKey"] == second
    assert (await toss.confirm(first, order_id, 15000)).status == 200
    assert (await toss.get(f"/v1/payments/orders/{order_id}")).json["paymentKey"] == first
    assert (await toss.confirm(second, order_id, 15000)).code == "DUPLICATED_ORDER_ID"
    reopened = await toss.post("/v1/payments", CREATE | {"orderId": order_id})
    assert reopened.code == "DUPLICATED_ORDER_ID"


async def test_a_virtual_account_waits_for_its_deposit(toss: Toss) -> None:
    payment = await toss.paid(method="VIRTUAL_ACCOUNT", bank="우리", customerName="박토스")
    account = payment["virtualAccount"]
    assert (payment["status"], payment["approvedAt"]) == ("WAITING_FOR_DEPOSIT", None)
    assert (account["bankCode"], account["customerName"], account["expired"]) == ("20", "박토스", False)
    partial = await toss.cancel(payment["paymentKey"], cancelAmount=1000)
    assert (partial.status, partial.code) == (403, "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT")
    await toss.advance(168 * 3600 + 1)
    late = await toss.payment(payment["paymentKey"])
    assert (late["status"], late["virtualAccount"]["expired"]) == ("WAITING_FOR_DEPOSIT", True)
    canceled = (await toss.cancel(payment["paymentKey"])).json
    assert (canceled["status"], canceled["approvedAt"]) == ("CANCELED", None)


async def test_english_values_and_texts(toss: Toss) -> None:
    payment = await toss.paid(method="EASY_PAY", easyPayProvider="카카오페이")
    path = f"/v1/payments/{payment['paymentKey']}"
    english = (await toss.get(path, headers={"accept-language": "en-US"})).json
    assert (english["method"], english["easyPay"]["provider"]) == ("EASY_PAY", "KAKAOPAY")
    assert english["orderName"] == "토스 티셔츠 외 2건"
    receipted = await toss.paid(method="TRANSFER", cashReceiptType="소득공제")
    path = f"/v1/payments/{receipted['paymentKey']}"
    english = (await toss.get(path, headers={"accept-language": "en-US"})).json
    assert {english["cashReceipt"]["type"], english["cashReceipts"][0]["type"]} == {"INCOME_DEDUCTION"}
    assert english["type"] == "NORMAL"
    assert (await toss.payment(payment["paymentKey"]))["easyPay"]["provider"] == "카카오페이"
