"""toss/api.md 14: PayPal in dollars, and wallets whose cancels end later."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.receiver import Receiver

DAY = 86_400
EVER = "startDate=2020-01-01&endDate=2099-01-01"
DOLLARS: dict[str, object] = {"method": "FOREIGN_EASY_PAY", "currency": "USD"}


async def opened(toss: Toss, amount: object) -> tuple[str, str]:
    return await toss.opened(amount=amount, **DOLLARS)  # type: ignore[arg-type]


async def paid(toss: Toss, amount: object = 726.24, **choice: object) -> Any:
    key, order_id = await opened(toss, amount)
    await toss.authenticate(key, **choice)
    answer = await toss.confirm(key, order_id, amount)
    assert answer.status == 200, answer.raw
    return answer.json


async def test_dollars_and_cents(toss: Toss) -> None:
    payment = await paid(toss)
    assert (payment["totalAmount"], payment["suppliedAmount"], payment["vat"]) == (726.24, 660.22, 66.02)
    assert payment["easyPay"] == {"provider": "PAYPAL", "amount": 726.24, "discountAmount": 0}
    assert (payment["receipt"], payment["useEscrow"], payment["country"]) == (None, None, "US")
    part = (await toss.cancel(payment["paymentKey"], cancelAmount=0.24, currency="USD", refundableAmount=726.24)).json
    assert (part["balanceAmount"], part["status"]) == (726, "PARTIAL_CANCELED")
    assert (part["cancels"][0]["cancelAmount"], part["cancels"][0]["refundableAmount"]) == (0.24, 726.0)
    rest = (await toss.cancel(payment["paymentKey"])).json
    assert (rest["balanceAmount"], rest["cancels"][1]["cancelAmount"]) == (0, 726)
    rows = (await toss.get(f"/v1/transactions?{EVER}")).json
    assert [(row["currency"], row["amount"]) for row in rows] == [("USD", 726.24), ("USD", -0.24), ("USD", -726.0)]
    await toss.advance(DAY)
    assert (await toss.get(f"/v1/settlements?{EVER}")).json == []  # no settlement API (toss/api.md 14)


async def test_the_redirect_and_the_webhook_speak_dollars(toss: Toss, receiver: Receiver) -> None:
    for amount, text in ((726.24, "726.24"), (50, "50"), (0.1, "0.10")):
        key, order_id = await opened(toss, amount)
        redirect = await toss.authenticate(key, easyPayProvider="PAYPAL", country="KR")
        assert parse_qs(urlsplit(redirect).query)["amount"] == [text]
        assert (await toss.confirm(key, order_id, text)).json["country"] == "KR"
    await receiver.wait_for(3)
    assert sorted(body["data"]["totalAmount"] for body in receiver.bodies) == [0.1, 50.0, 726.24]


@pytest.mark.parametrize("amount", [726.23, 726, 72624, "726.240001", 726.241])
async def test_another_amount_is_refused(toss: Toss, amount: object) -> None:
    key, order_id = await opened(toss, 726.24)
    await toss.authenticate(key)
    assert (await toss.confirm(key, order_id, amount)).code == "INVALID_REQUEST"
    assert (await toss.confirm(key, order_id, 726.24)).status == 200


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"method": "FOREIGN_EASY_PAY", "currency": "KRW"}, "INVALID_CURRENCY"),
        ({"method": "FOREIGN_EASY_PAY", "currency": "PHP"}, "INVALID_CURRENCY"),
        ({"method": "CARD", "currency": "USD"}, "NOT_SUPPORTED_USD"),
        ({"method": "FOREIGN_EASY_PAY", "amount": 1.005}, "INVALID_REQUEST"),
        ({"method": "CARD", "amount": 1.5}, "INVALID_REQUEST"),
    ],
)
async def test_currencies_refused(toss: Toss, more: dict[str, object], code: str) -> None:
    request = {
        "orderId": new_order_id(),
        "orderName": "셔츠",
        "amount": 50,
        "successUrl": "http://a/",
        "failUrl": "http://a/",
    }
    answer = await toss.post("/v1/payments", request | more)
    assert (answer.status, answer.code) == (400, code)


async def test_money_and_method_must_fit_in_the_window_too(toss: Toss) -> None:
    dollars, _ = await opened(toss, 50)
    won, _ = await toss.opened()
    for key, choice, code in (
        (dollars, {"method": "CARD"}, "NOT_SUPPORTED_USD"),
        (dollars, {"easyPayProvider": "KAKAOPAY"}, "INVALID_EASY_PAY"),
        (won, {"method": "FOREIGN_EASY_PAY"}, "INVALID_CURRENCY"),
        (won, {"method": "EASY_PAY", "easyPayProvider": "PAYPAL"}, "INVALID_EASY_PAY"),
    ):
        answer = await toss.post(f"/sandbox/payments/{key}/authenticate", {"outcome": "approve"} | choice)
        assert (answer.status, answer.code) == (400, code)


async def test_paypal_gives_back_for_180_days(toss: Toss) -> None:
    first, second = await paid(toss), await paid(toss)
    assert (await toss.cancel(first["paymentKey"], currency="KRW")).code == "INVALID_CURRENCY"
    await toss.advance(180 * DAY - 60)
    assert (await toss.cancel(first["paymentKey"])).status == 200
    await toss.advance(120)
    assert (await toss.cancel(second["paymentKey"])).code == "EXCEED_MAX_REFUND_DUE"


@pytest.mark.parametrize(("decline", "status"), [(None, "DONE"), ("REJECT_ACCOUNT_PAYMENT", "ABORTED")])
async def test_a_wallet_that_approves_later(toss: Toss, receiver: Receiver, decline: str | None, status: str) -> None:
    """To pendingUrl, IN_PROGRESS, and the outcome ten minutes later by webhook (toss/api.md 3 and 14)."""
    pending = "http://shop.example/pending?cart=1"
    key, order_id = await toss.opened(amount=50, **DOLLARS, pendingUrl=pending)
    redirect = await toss.authenticate(key, easyPayProvider="GCASH", declineAtConfirm=decline)
    assert redirect == f"{pending}&paymentType=NORMAL&orderId={order_id}&paymentKey={key}&amount=50"
    waiting = (await toss.confirm(key, order_id, 50)).json
    assert (waiting["status"], waiting["approvedAt"], waiting["easyPay"]["provider"]) == ("IN_PROGRESS", None, "GCASH")
    assert (await toss.confirm(key, order_id, 50)).code == "ALREADY_PROCESSED_PAYMENT"
    assert (await toss.cancel(key)).code == "NOT_CANCELABLE_PAYMENT"
    await toss.advance(599)
    assert (await toss.payment(key))["status"] == "IN_PROGRESS"
    await toss.advance(2)
    ended = await toss.payment(key)
    assert (ended["status"], (ended["failure"] or {}).get("code")) == (status, decline)
    [told] = await receiver.wait_for(1)
    assert told["data"] == ended
    rows = (await toss.get(f"/v1/transactions?{EVER}")).json
    assert [row["amount"] for row in rows] == ([50] if decline is None else [])


async def test_paypal_and_shops_without_a_pending_url_approve_at_once(toss: Toss) -> None:
    assert (await paid(toss, 50, easyPayProvider="GCASH"))["status"] == "DONE"
    key, order_id = await toss.opened(amount=50, **DOLLARS, pendingUrl="http://shop.example/pending")
    assert (await toss.authenticate(key)).startswith("http://shop.example/success?")
    assert (await toss.confirm(key, order_id, 50)).json["status"] == "DONE"


async def wallet_cancel(toss: Toss, key: str, outcome: str) -> tuple[Any, Any]:
    """(the running cancel, the payment once the wallet has answered)"""
    await toss.ok(f"/sandbox/payments/{key}/cancel-outcome", {"outcome": outcome})
    running = (await toss.cancel(key, cancelAmount=20.5, cancelRequestId="cancel-req-000001")).json
    assert (running["status"], running["balanceAmount"]) == ("DONE", 50)
    again = await toss.cancel(key, cancelRequestId="cancel-req-000002")
    assert (again.status, again.code) == (400, "ALREADY_REFUNDING_PAYMENT")
    await toss.advance(601)
    return running["cancels"][-1], await toss.payment(key)


async def test_a_wallet_that_cancels_later(toss: Toss) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        key = (await paid(toss, 50, easyPayProvider="ALIPAY"))["paymentKey"]
        await receiver.wait_for(1)
        assert (await toss.cancel(key)).code == "INVALID_REQUEST"  # cancelRequestId is missing
        running, aborted = await wallet_cancel(toss, key, "ABORTED")
        assert running["cancelStatus"] == "IN_PROGRESS"
        assert (aborted["status"], aborted["balanceAmount"]) == ("DONE", 50)
        _, done = await wallet_cancel(toss, key, "DONE")
        assert (done["status"], done["balanceAmount"]) == ("PARTIAL_CANCELED", 29.5)
        assert [cancel["cancelStatus"] for cancel in done["cancels"]] == ["ABORTED", "DONE"]
        await receiver.wait_for(3)
    told = [body for body in receiver.bodies if body["eventType"] == "CANCEL_STATUS_CHANGED"]
    assert [body["data"] for body in told] == done["cancels"]
    rows = (await toss.get(f"/v1/transactions?{EVER}")).json
    assert [row["amount"] for row in rows] == [50, -20.5]


async def test_what_the_wallet_lever_refuses(toss: Toss) -> None:
    assert (await toss.post("/sandbox/payments/none/cancel-outcome", {"outcome": "DONE"})).code == "NOT_FOUND_PAYMENT"
    key = (await paid(toss, 50))["paymentKey"]
    assert (await toss.post(f"/sandbox/payments/{key}/cancel-outcome", {"outcome": "LATER"})).code == "INVALID_REQUEST"
