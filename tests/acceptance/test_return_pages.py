"""The customer's browser comes back from Toss to paywon itself, and goes on to the shop."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import OpenStack
from tests.support.stack import Http, Reply, Stack

SHOP = "myshop://orders?from=paywon"


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(PAYWON_RETURN_TO=SHOP)


async def _come_back(stack: Stack, page: str, **told: str | int) -> dict[str, str]:
    browser = Http(stack.api_url)
    try:
        query = "&".join(f"{name}={value}" for name, value in told.items())
        reply: Reply = await browser.send("GET", f"/payments/{page}?{query}", allow_redirects=False)
    finally:
        await browser.close()
    assert reply.status == 303, reply
    link = urlsplit(reply.headers["location"])
    assert (link.scheme, link.netloc) == ("myshop", "orders")
    shown = {name: values[0] for name, values in parse_qs(link.query).items()}
    assert shown.pop("from") == "paywon"
    return shown


async def test_a_customer_who_has_authenticated_comes_to_the_shop_with_a_paid_order(stack: Stack) -> None:
    told = await stack.ready_to_confirm()
    number = told["orderId"]
    for _ in range(2):  # once more, as a browser does that goes back
        shown = await _come_back(stack, "success", **told, paymentType="NORMAL", whatever="else")
        assert shown == {"orderId": number, "status": "paid"}
    assert len(await stack.toss_requests("/v1/payments/confirm")) == 1
    assert await _come_back(stack, "fail", orderId=number, code="PAY_PROCESS_CANCELED", message="x") == {
        "orderId": number,
        "status": "paid",
    }


async def test_a_wrong_amount_confirms_nothing(stack: Stack) -> None:
    told = await stack.ready_to_confirm()
    shown = await _come_back(stack, "success", **{**told, "amount": 1})
    assert shown == {"orderId": told["orderId"], "status": "unpaid", "code": "AMOUNT_MISMATCH"}
    assert await stack.toss_requests("/v1/payments/confirm") == []


async def test_a_customer_who_closed_the_window_is_told_nothing_about_money(stack: Stack) -> None:
    assert await _come_back(stack, "fail", code="PAY_PROCESS_CANCELED") == {
        "status": "unknown",
        "code": "PAY_PROCESS_CANCELED",
    }
    assert (await _come_back(stack, "fail", orderId="ORD-nobodys", code="X"))["status"] == "unknown"


async def test_an_unpaid_order_is_told_with_tosss_code(stack: Stack) -> None:
    payment = (await stack.request_payment())["payment"]
    shown = await _come_back(stack, "fail", orderId=payment["orderId"], code="REJECT_CARD_COMPANY")
    assert shown == {"orderId": payment["orderId"], "status": "unpaid", "code": "REJECT_CARD_COMPANY"}


async def test_a_confirm_that_is_in_doubt_is_no_failure(stack: Stack) -> None:
    told = await stack.ready_to_confirm()
    await stack.fault(kind="drop_reply", path="/v1/payments/confirm", times=0)
    await stack.fault(kind="status", path="/v1/payments/*", status=503, times=0)
    for page in ("success", "fail"):
        shown = await _come_back(stack, page, **(told if page == "success" else {"orderId": told["orderId"]}))
        assert shown == {"orderId": told["orderId"], "status": "in_progress"}, page


async def test_without_the_setting_there_are_no_such_pages(open_stack: OpenStack) -> None:
    stack = await open_stack()
    assert (await stack.api.get("/payments/success?paymentKey=a&orderId=ORD-abcdef&amount=1000")).status == 404
