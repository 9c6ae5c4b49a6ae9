"""The list of payments as seed 1's shop asks for it: how each was paid, and those of one status or one booking."""

from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.field.conftest import Shop
from tests.support.stack import Stack

PAGE = "/payments?userId=u-1"


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack()


async def _means(shop: Shop, query: str = PAGE) -> list[str | None]:
    reply = await shop.api.get(query)
    assert reply.status == 200, reply
    return [payment["paymentMethod"] for payment in reply["payments"]]


@pytest.mark.parametrize(
    ("method", "means"), [("CARD", "card"), ("EASY_PAY", "card"), ("TRANSFER", "transfer"), ("MOBILE_PHONE", "mobile")]
)
async def test_a_payment_of_tosss_window_says_how_it_was_paid(shop: Shop, method: str, means: str) -> None:
    await shop.paid(method=method)
    assert await _means(shop) == [means]


async def test_a_payment_that_only_a_webhook_tells_of_says_how_it_was_paid(shop: Shop) -> None:
    """Its shop died before it could confirm; a customer's own page did, and Toss tells."""
    order = await shop.order()
    key = await shop.window(order, method="TRANSFER")
    body = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    assert (await shop.stack.toss.post("/v1/payments/confirm", body)).status == 200

    async def known() -> bool:
        return await _means(shop) == ["transfer"]

    await shop.stack.eventually(known)


async def test_a_gift_certificate_is_none_of_seed_ones_means_whatever_was_asked_for(stack: Stack) -> None:
    payment = await stack.paid(by="CULTURE_GIFT_CERTIFICATE")
    assert (payment["method"], payment["paymentMethod"]) == ("문화상품권", None)


async def test_a_virtual_account_and_a_billing_charge_say_how_they_are_paid(shop: Shop) -> None:
    order = await shop.order()
    account = {"orderId": order["orderNo"], "bank": "국민은행", "customerName": "홍길동"}
    assert (await shop.api.post("/api/payments/toss/virtual-accounts", account)).status == 201
    await _charged(shop)
    assert await _means(shop) == ["card", "virtual_account"]


async def _charged(shop: Shop) -> dict[str, Any]:
    auth = await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"})
    key = {"authKey": auth["authKey"], "customerKey": "customer-1"}
    issued = await shop.api.post("/api/payments/toss/billing/issue", key)
    order = await shop.order()
    charge = f"/api/payments/toss/billing/{issued['billingKey']['id']}"
    charged = await shop.api.post(charge, {"orderId": order["orderNo"]})
    assert charged.status == 200, charged
    body: dict[str, Any] = charged.body
    return body
