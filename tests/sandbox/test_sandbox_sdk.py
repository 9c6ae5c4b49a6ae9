"""The drop-in browser script in real Chromium: the example shop, both SDK versions, both ways of ending."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect
from tests.sandbox.browsing import Shop, ended, start, tried, window
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.conftest import OpenPage
from tests.sandbox.process import SandboxProcess

PAY = "TossPayments(key).payment({ customerKey: 'customer-1' }).requestPayment(request)"
PHONE = (
    "Mozilla/5.0 (Linux; Android 15; SM-S936N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)


def card(**more: object) -> dict[str, object]:
    order = {"orderId": new_order_id(), "orderName": "셔츠", "amount": {"value": 60000, "currency": "KRW"}}
    return {"method": "CARD"} | order | more


def client_key(toss: Toss) -> str:
    return toss.key.replace("sk_", "ck_", 1)


async def blank(open_page: OpenPage, shop: Shop, script: str, **options: Any) -> Page:
    """An empty page with one of the sandbox's scripts."""
    page = await open_page(**options)
    await page.goto(f"{shop.url}/blank.html")
    await page.add_script_tag(url=script)
    return page


@pytest.fixture
def v2(sandbox: SandboxProcess) -> str:
    return f"{sandbox.base_url}/v2/standard"


@pytest.fixture
def v1(sandbox: SandboxProcess) -> str:
    return f"{sandbox.base_url}/v1/payment"


@pytest.mark.parametrize("path", ["/v1", "/v1/payment", "/v2/standard"])
async def test_the_scripts_are_javascript_and_never_stale(toss: Toss, path: str) -> None:
    script = await toss.get(path, headers={"authorization": ""})
    assert (script.status, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert script.headers["cache-control"] == "no-cache"


async def test_a_client_key_opens_the_window_of_its_pair(toss: Toss) -> None:
    browser = Toss(toss.base_url, client_key(toss))
    async with browser:
        opened = await browser.post(
            "/sandbox/checkout",
            {
                "orderId": new_order_id(),
                "orderName": "셔츠",
                "amount": 100,
                "successUrl": "http://a.example",
                "failUrl": "http://a.example",
            },
            headers={"origin": "http://a.example"},
        )
        assert (await toss.payment(opened.json["paymentKey"]))["status"] == "READY"
        assert opened.headers["access-control-allow-origin"] == "*"
        refused = await browser.get("/v1/payments/" + opened.json["paymentKey"])
        assert (refused.status, refused.code) == (401, "UNAUTHORIZED_KEY")
        asked = await browser.call("OPTIONS", "/sandbox/checkout", headers={"authorization": ""})
        assert (asked.status, asked.headers["access-control-allow-origin"]) == (204, "*")
    async with Toss(toss.base_url, "test_ck_") as wrong:
        assert (await wrong.post("/sandbox/checkout", {})).status == 401


async def test_the_shop_sells_by_card(open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> None:
    page = await open_page()
    await page.goto(f"{shop.url}/index.html")
    await page.get_by_role("button", name="카드로 결제").click()
    await window(page).get_by_label("카드사").select_option(label="신한")
    await window(page).get_by_role("button", name="15,000원 결제하기").click()
    await page.wait_for_url("**/done.html?*")
    query = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert (query["paymentType"], query["amount"]) == ("NORMAL", "15000")
    await expect(page.locator("#call")).to_contain_text("/v1/payments/confirm")
    async with Toss(sandbox.base_url, "test_sk_html_shop") as server:
        confirmed = await server.confirm(query["paymentKey"], query["orderId"], 15000)
        assert (confirmed.json["status"], confirmed.json["card"]["issuerCode"]) == ("DONE", "41")


async def test_the_shop_sells_by_virtual_account(open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> None:
    page = await open_page()
    await page.goto(f"{shop.url}/index.html")
    await page.get_by_role("button", name="가상계좌로 결제").click()
    frame = window(page)
    await frame.get_by_label("입금 은행").select_option(label="농협")
    await frame.get_by_text("환불 받을 계좌").click()
    await frame.get_by_label("계좌번호").fill("3333012345678")
    await frame.get_by_label("예금주").fill("박토스")
    await frame.get_by_role("button", name="15,000원 결제하기").click()
    await page.wait_for_url("**/done.html?*")
    query = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    async with Toss(sandbox.base_url, "test_sk_html_shop") as server:
        waiting = (await server.confirm(query["paymentKey"], query["orderId"], 15000)).json
        assert (waiting["status"], waiting["virtualAccount"]["bankCode"]) == ("WAITING_FOR_DEPOSIT", "11")
        assert waiting["virtualAccount"]["customerName"] == "김토스"
        assert waiting["virtualAccount"]["refundReceiveAccount"]["holderName"] == "박토스"
        paid = await server.ok(f"/sandbox/virtual-accounts/{query['orderId']}/deposit")
        assert (paid["status"], paid["cashReceipt"]["type"]) == ("DONE", "소득공제")


async def test_the_shop_registers_a_card_for_billing(open_page: OpenPage, shop: Shop, sandbox: SandboxProcess) -> None:
    page = await open_page()
    await page.goto(f"{shop.url}/index.html")
    await page.get_by_role("button", name="정기 배송 카드 등록").click()
    await window(page).get_by_label("카드사").select_option(label="삼성")
    await window(page).get_by_role("button", name="동의하고 등록하기").click()
    await page.wait_for_url("**/done.html?*")
    query = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    assert set(query) == {"customerKey", "authKey"}
    async with Toss(sandbox.base_url, "test_sk_html_shop") as server:
        issued = await server.ok("/v1/billing/authorizations/issue", query)
        assert (issued["customerKey"], issued["card"]["issuerCode"]) == ("customer-0001", "51")
        again = await server.post("/v1/billing/authorizations/issue", query)
        assert again.status == 400


async def test_a_promise_brings_the_outcome(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    wanted = card(card={"cardCompany": "HYUNDAI", "cardInstallmentPlan": 3}, metadata={"color": "blue"})
    await start(page, PAY, key=client_key(toss), request=wanted)
    await window(page).get_by_role("button", name="60,000원 결제하기").click()
    value = (await ended(page))["value"]
    assert value == {
        "paymentKey": value["paymentKey"],
        "orderId": wanted["orderId"],
        "amount": {"value": 60000, "currency": "KRW"},
    }
    payment = (await toss.confirm(value["paymentKey"], value["orderId"], 60000)).json
    assert (payment["card"]["issuerCode"], payment["card"]["installmentPlanMonths"]) == ("61", 3)
    assert payment["metadata"] == {"color": "blue"}
    assert page.url == f"{shop.url}/blank.html"


async def test_paypal_in_dollars(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    paypal = {"provider": "PAYPAL", "country": "KR"}
    request = card(method="FOREIGN_EASY_PAY", amount={"value": 726.24, "currency": "USD"}, foreignEasyPay=paypal)
    told = await tried(page, PAY, key=client_key(toss), request=request)
    assert told["error"]["code"] == "NOT_SUPPORTED_PROMISE"
    request |= {"successUrl": f"{shop.url}/blank.html?way=done", "failUrl": f"{shop.url}/blank.html?f"}
    await start(page, PAY, key=client_key(toss), request=request)
    await expect(window(page).get_by_label("구매자 국가")).to_have_value("KR")
    await window(page).get_by_role("button", name="$726.24 결제하기").click()
    await page.wait_for_url("**/blank.html?way=done&*amount=726.24")
    [key] = parse_qs(urlsplit(page.url).query)["paymentKey"]
    payment = (await toss.confirm(key, str(request["orderId"]), 726.24)).json
    assert (payment["easyPay"]["provider"], payment["country"]) == ("PAYPAL", "KR")
    receipt = await toss.get(f"/receipt/redirection?transactionId={key}", headers={"authorization": ""})
    assert "$726.24" in receipt.raw.decode()


async def test_a_closed_window_is_user_cancel(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    cancelled = {"code": "USER_CANCEL", "name": "UserCancelError", "message": "취소되었습니다."}
    for way in ("button", "escape", "inside"):
        await start(page, PAY, key=client_key(toss), request=card())
        inside = window(page).get_by_role("button", name="닫기")
        await inside.wait_for()
        if way == "button":
            await page.get_by_role("button", name="결제창 닫기").click()
        elif way == "escape":
            await page.get_by_role("button", name="결제창 닫기").press("Escape")
        else:
            await inside.click()
        assert (await ended(page))["error"] == cancelled
        await expect(page.locator("iframe")).to_have_count(0)


async def test_a_refused_card_rejects_or_leads_to_fail_url(
    toss: Toss, open_page: OpenPage, shop: Shop, v2: str
) -> None:
    page = await blank(open_page, shop, v2)
    await start(page, PAY, key=client_key(toss), request=card())
    await window(page).get_by_text("테스트 설정").click()
    await window(page).get_by_role("button", name="거절시키기").click()
    assert (await ended(page))["error"]["code"] == "REJECT_CARD_COMPANY"
    request = card(successUrl=f"{shop.url}/blank.html?s", failUrl=f"{shop.url}/blank.html?way=failed")
    await start(page, PAY, key=client_key(toss), request=request)
    await window(page).get_by_text("테스트 설정").click()
    await window(page).get_by_role("button", name="거절시키기").click()
    await page.wait_for_url("**/blank.html?way=failed&code=REJECT_CARD_COMPANY&message=*&orderId=*")


async def test_the_window_takes_the_place_of_the_page(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    """On a phone always, elsewhere with windowTarget self; there a closed window leads to failUrl."""
    for options, target in (({"user_agent": PHONE, "width": 390}, None), ({}, "self")):
        page = await blank(open_page, shop, v2, **options)
        addresses = {"successUrl": f"{shop.url}/blank.html?s", "failUrl": f"{shop.url}/blank.html?f"}
        await start(page, PAY, key=client_key(toss), request=card(windowTarget=target, **addresses))
        await page.wait_for_url("**/checkout*")
        await page.get_by_role("button", name="닫기").click()
        await page.wait_for_url("**/blank.html?f&code=PAY_PROCESS_CANCELED&message=*")
        assert "orderId" not in page.url
    phone = await blank(open_page, shop, v2, user_agent=PHONE, width=390)
    assert (await tried(phone, PAY, key=client_key(toss), request=card()))["error"]["code"] == "NOT_SUPPORTED_PROMISE"


WRONG: list[tuple[dict[str, object], str]] = [
    ({"method": "BITCOIN"}, "NOT_SUPPORTED_METHOD"),
    ({"amount": {"value": 0, "currency": "KRW"}}, "BELOW_ZERO_AMOUNT"),
    ({"amount": {"value": "100", "currency": "KRW"}}, "INVALID_AMOUNT_VALUE"),
    ({"amount": {"value": 100, "currency": "WON"}}, "INVALID_AMOUNT_CURRENCY"),
    ({"amount": 100}, "INVALID_PARAMETERS"),
    ({"orderName": None}, "INVALID_PARAMETERS"),
    ({"orderId": "짧은"}, "INVALID_PARAMETERS"),
    ({"color": "blue"}, "INVALID_PARAMETERS"),
    ({"metadata": {"a[b]": "c"}}, "INVALID_METADATA"),
    ({"successUrl": "/success", "failUrl": "/fail"}, "INCORRECT_SUCCESS_URL_FORMAT"),
    ({"successUrl": "http://a.example/"}, "INCORRECT_FAIL_URL_FORMAT"),
    ({"card": {"flowMode": "DIRECT"}}, "INVALID_FLOW_MODE_PARAMETERS"),
]


async def test_wrong_parameters_reject(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    for wrong, code in WRONG:
        told = await tried(page, PAY, key=client_key(toss), request=card(**wrong))
        assert told["error"]["code"] == code, wrong
        await expect(page.locator("iframe")).to_have_count(0)


async def test_wrong_keys_throw(open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    for source, code in (
        ("TossPayments('live_ck_1').payment({ customerKey: 'aa' })", "INVALID_CLIENT_KEY"),
        ("TossPayments('test_sk_1').payment({ customerKey: 'aa' })", "INVALID_CLIENT_KEY"),
        ("TossPayments('test_gck_1').payment({ customerKey: 'aa' })", "NOT_SUPPORTED_WIDGET_KEY"),
        ("TossPayments('test_ck_1').widgets({ customerKey: 'aa' })", "NOT_SUPPORTED_API_INDIVIDUAL_KEY"),
        ("TossPayments('test_ck_1').payment({ customerKey: 'a' })", "INVALID_CUSTOMER_KEY"),
        ("TossPayments('test_ck_1').payment({ customerKey: 'test_gsk_1' })", "INSECURE_KEY_USAGE"),
        (
            "TossPayments('test_ck_1').payment({ customerKey: TossPayments.ANONYMOUS }).destroy()",
            "NO_ACTIVE_PAYMENT_REQUEST",
        ),
    ):
        assert (await tried(page, source))["error"]["code"] == code, source


async def test_one_window_at_a_time_and_destroy(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    await start(page, PAY, key=client_key(toss), request=card())
    await window(page).get_by_role("button", name="닫기").wait_for()
    second = await page.evaluate(f"([key, request]) => {PAY}.catch((error) => error.code)", [client_key(toss), card()])
    assert second == "INVALID_METHOD_TRANSACTION"
    await page.evaluate("(key) => TossPayments(key).payment({ customerKey: 'aa' }).destroy()", client_key(toss))
    assert (await ended(page))["error"]["code"] == "PAYMENT_REQUEST_ABORTED"


async def test_an_unreachable_sandbox_is_a_network_error(toss: Toss, open_page: OpenPage, shop: Shop, v2: str) -> None:
    page = await blank(open_page, shop, v2)
    await page.route("**/sandbox/checkout", lambda route: route.fulfill(status=502, body="<html>"))
    told = await tried(page, PAY, key=client_key(toss), request=card())
    assert told["error"]["code"] == "NETWORK_ERROR"


async def test_the_older_script(toss: Toss, open_page: OpenPage, shop: Shop, v1: str) -> None:
    page = await blank(open_page, shop, v1)
    pay = "TossPayments(key).requestPayment(method, request)"
    request = {"amount": 15000, "orderId": new_order_id(), "orderName": "셔츠"}
    await start(page, pay, key=client_key(toss), method="토스페이", request=request)
    await window(page).get_by_role("button", name="15,000원 결제하기").click()
    value = (await ended(page))["value"]
    assert (value["orderId"], value["amount"]) == (request["orderId"], 15000)
    payment = (await toss.confirm(value["paymentKey"], value["orderId"], 15000)).json
    assert payment["easyPay"]["provider"] == "토스페이"
    told = await tried(page, pay, key=client_key(toss), method="카드", request=request | {"amount": -1})
    assert told["error"]["code"] == "BELOW_ZERO_AMOUNT"
    await start(
        page,
        "TossPayments(key).requestPayment(request)",
        key=client_key(toss),
        request=request | {"orderId": new_order_id()},
    )
    await window(page).get_by_role("button", name="닫기").wait_for()
    await page.evaluate("(key) => TossPayments(key).cancelPayment()", client_key(toss))
    assert (await ended(page))["error"]["code"] == "USER_CANCEL"


async def test_the_older_script_asks_for_billing(toss: Toss, open_page: OpenPage, shop: Shop, v1: str) -> None:
    page = await blank(open_page, shop, v1)
    addresses = {"successUrl": f"{shop.url}/blank.html?s", "failUrl": f"{shop.url}/blank.html?f"}
    ask = "TossPayments(key).requestBillingAuth('카드', request)"
    await start(page, ask, key=client_key(toss), request={"customerKey": "customer-1"} | addresses)
    await window(page).get_by_role("button", name="닫기").click()
    await page.wait_for_url("**/blank.html?f&code=PAY_PROCESS_CANCELED&message=*")
    assert re.search("orderId", page.url) is None
