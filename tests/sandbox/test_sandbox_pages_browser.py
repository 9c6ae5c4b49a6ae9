"""The payment window and the billing authorisation in Chromium, on a phone and without JavaScript."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.async_api import expect
from tests.sandbox.browsing import Shop
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.conftest import OpenPage

Steps = list[tuple[str, str]]
METHODS: list[tuple[str, Steps, dict[str, object]]] = [
    (
        "카드",
        [("카드사", "현대"), ("할부", "3개월"), ("카드 종류", "체크")],
        {"card.issuerCode": "61", "card.cardType": "체크"},
    ),
    (
        "간편결제",
        [("간편결제사", "네이버페이"), ("결제 방법", "계좌 · 충전금"), ("포인트 사용", "5000")],
        {"easyPay.amount": 55000},
    ),
    (
        "계좌이체",
        [("은행", "신한"), ("현금영수증", "지출증빙")],
        {"transfer.bankCode": "88", "cashReceipt.type": "지출증빙"},
    ),
    ("가상계좌", [("입금 은행", "우체국"), ("입금자", "박토스")], {"virtualAccount.bankCode": "71"}),
    ("휴대폰", [("통신사", "KT"), ("휴대폰 번호", "01099998888")], {"mobilePhone.customerMobilePhone": "01099998888"}),
    ("상품권", [("상품권", "게임문화상품권")], {"method": "게임문화상품권"}),
]


def part(payment: Any, path: str) -> object:
    for name in path.split("."):
        payment = payment[name]
    return payment


@pytest.mark.parametrize(("method", "steps", "expected"), METHODS, ids=[name for name, _, _ in METHODS])
async def test_every_method_on_a_phone_without_javascript(
    toss: Toss, open_page: OpenPage, shop: Shop, method: str, steps: Steps, expected: dict[str, object]
) -> None:
    urls = {"successUrl": f"{shop.url}/blank.html?s", "failUrl": f"{shop.url}/blank.html?f"}
    key, order_id = await toss.opened(60000, **urls)
    page = await open_page(width=390, javascript=False)
    await page.goto(f"{toss.base_url}/v1/payments/{key}/checkout")
    await page.get_by_role("radio", name=method).check()
    entry = page.locator(".method").filter(has=page.get_by_role("radio", name=method))
    for label, value in steps:
        chosen = entry.get_by_role("combobox", name=label, exact=True)
        if await chosen.count():
            await chosen.select_option(label=value)
        else:
            await entry.get_by_role("textbox", name=label, exact=True).fill(value)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("button", name="60,000원 결제하기").click()
    await page.wait_for_url("**/blank.html?s&paymentType=NORMAL&*")
    payment = (await toss.confirm(key, order_id, 60000)).json
    assert {path: part(payment, path) for path in expected} == expected


async def test_what_the_shop_asked_for_is_preselected(toss: Toss, open_page: OpenPage) -> None:
    key, order_id = await toss.opened(
        60000, method="CARD", cardCompany="SAMSUNG", cardInstallmentPlan=5, useCardPoint=True
    )
    page = await open_page(javascript=False)
    await page.goto(f"{toss.base_url}/v1/payments/{key}/checkout?only=true")
    await expect(page.get_by_label("카드사")).to_have_value("51")
    await expect(page.get_by_role("combobox", name="할부", exact=True)).to_have_value("5")
    await expect(page.get_by_role("radio")).to_have_count(1)
    await page.get_by_label("카드 포인트 사용").uncheck()
    # The shop's address leads nowhere; what counts is that the payment was authenticated.
    await page.route("http://shop.example/**", lambda route: route.fulfill(body="", content_type="text/html"))
    await page.get_by_role("button", name="60,000원 결제하기").click()
    await page.wait_for_url("http://shop.example/success?*")
    payment = (await toss.confirm(key, order_id, 60000)).json
    assert (payment["card"]["issuerCode"], payment["card"]["useCardPoint"]) == ("51", False)

    key, _ = await toss.opened(60000, easyPay="KAKAOPAY", maxCardInstallmentPlan=6)
    await page.goto(f"{toss.base_url}/v1/payments/{key}/checkout?opener=javascript:1")
    await expect(page.get_by_role("radio", name="간편결제")).to_be_checked()
    await expect(page.get_by_label("간편결제사")).to_have_value("카카오페이")
    await page.get_by_role("radio", name="카드").check()
    await expect(page.get_by_role("combobox", name="할부", exact=True).locator("option")).to_have_count(6)

    key, _ = await toss.opened(60000, method="MOBILE_PHONE", mobileCarriers=["KT", "SK7"])
    await page.goto(f"{toss.base_url}/v1/payments/{key}/checkout")
    await expect(page.get_by_label("통신사").locator("option")).to_have_text(["KT", "SK7모바일"])


async def test_a_mistake_keeps_what_was_entered(toss: Toss, open_page: OpenPage) -> None:
    key, _ = await toss.opened(60000)
    page = await open_page(javascript=False)
    await page.goto(f"{toss.base_url}/v1/payments/{key}/checkout")
    await page.get_by_role("radio", name="가상계좌").check()
    await page.get_by_label("입금자").fill("<박토스>")
    await page.get_by_text("환불 받을 계좌").click()
    await page.get_by_label("계좌번호").fill("123")
    await page.get_by_role("button", name="60,000원 결제하기").click()
    await expect(page.get_by_role("alert")).to_contain_text("환불")
    await expect(page.get_by_role("radio", name="가상계좌")).to_be_checked()
    await expect(page.get_by_label("입금자")).to_have_value("<박토스>")
    await expect(page.get_by_label("계좌번호")).to_have_value("123")


async def test_only_the_page_that_opened_it_may_frame_the_window(toss: Toss) -> None:
    key, _ = await toss.opened()
    path = f"/v1/payments/{key}/checkout"
    form = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}
    for opener, ancestors in (
        ("http://a.example:81", "http://a.example:81"),
        ("javascript:1", "'self'"),
        ("*", "'self'"),
    ):
        shown = await toss.get(f"{path}?opener={quote(opener)}")
        assert f"frame-ancestors {ancestors};" in shown.headers["content-security-policy"]
    closed = await toss.call("POST", f"{path}?opener=http://a.example", raw=b"outcome=close&method=x", headers=form)
    assert (closed.status, "location" in closed.headers) == (200, False)
    assert 'data-origin="http://a.example"' in closed.raw.decode()
    assert "script-src 'self'" in closed.headers["content-security-policy"]


async def billing_window(toss: Toss, shop: Shop, **more: object) -> Any:
    request = {
        "customerKey": "customer-1",
        "successUrl": f"{shop.url}/blank.html?s=1",
        "failUrl": f"{shop.url}/blank.html?f=1",
    }
    return await toss.post("/sandbox/billing-checkout", request | more)


@pytest.mark.parametrize("method", ["CARD", "TRANSFER"])
async def test_billing_yields_an_auth_key_for_one_use(toss: Toss, open_page: OpenPage, shop: Shop, method: str) -> None:
    page = await open_page(width=390, javascript=False)
    await page.goto(
        (await billing_window(toss, shop, method=method)).json["windowUrl"].replace("localhost", "127.0.0.1")
    )
    if method == "CARD":
        await page.get_by_label("카드 번호").fill("4330123412341234")
    await page.get_by_role("button", name="동의하고 등록하기").click()
    await page.wait_for_url("**/blank.html?s=1&customerKey=customer-1&authKey=*")
    auth_key = parse_qs(urlsplit(page.url).query)["authKey"][0]
    wanted = {"authKey": auth_key, "customerKey": "customer-1"}
    billing = await toss.ok("/v1/billing/authorizations/issue", wanted)
    assert billing["method"] == ("카드" if method == "CARD" else "계좌이체")
    assert (await toss.post("/v1/billing/authorizations/issue", wanted)).status == 400
    charged = await toss.ok(
        f"/v1/billing/{billing['billingKey']}",
        {"customerKey": "customer-1", "amount": 9900, "orderId": new_order_id(), "orderName": "정기 배송"},
    )
    assert (charged["status"], charged["type"]) == ("DONE", "BILLING")


async def test_billing_can_be_refused_and_closed(toss: Toss, open_page: OpenPage, shop: Shop) -> None:
    address = (await billing_window(toss, shop)).json["windowUrl"]
    page = await open_page(javascript=False)
    buttons = {
        "거절시키기": "REJECT_CARD_COMPANY",
        "닫기": "PAY_PROCESS_CANCELED",
        "인증 중 실패시키기": "PAY_PROCESS_ABORTED",
    }
    for button, code in buttons.items():
        await page.goto(address)
        await page.get_by_text("테스트 설정").click()
        await page.get_by_role("button", name=button).click()
        await page.wait_for_url(f"**/blank.html?f=1&code={code}&message=*")
        assert "authKey" not in page.url


async def test_the_company_that_the_shop_names_is_preselected(toss: Toss, open_page: OpenPage, shop: Shop) -> None:
    page = await open_page(javascript=False)
    await page.goto((await billing_window(toss, shop, cardCompany="SAMSUNG")).json["windowUrl"])
    await expect(page.get_by_label("카드사")).to_have_value("51")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"cardCompany": "없는카드"}, "INVALID_CARD_COMPANY"),
        ({"customerKey": "a"}, "INVALID_CUSTOMER_KEY"),
        ({"method": "MOBILE_PHONE"}, "NOT_SUPPORTED_METHOD"),
        ({"successUrl": "/relative"}, "INCORRECT_SUCCESS_URL_FORMAT"),
        ({"failUrl": None}, "INCORRECT_FAIL_URL_FORMAT"),
    ],
)
async def test_a_billing_window_wants_good_parameters(
    toss: Toss, shop: Shop, wrong: dict[str, object], code: str
) -> None:
    assert (await billing_window(toss, shop, **wrong)).code == code
    address = "/sandbox/billing-window?key=test_sk_a&customerKey=aa&successUrl=http://a.example&failUrl=javascript:1"
    assert (await toss.get(address)).status == 400


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
async def test_what_pays_is_in_sight_at_once(toss: Toss, open_page: OpenPage, width: int, height: int) -> None:
    window, _ = await toss.opened()
    page = await open_page(javascript=False, width=width)
    await page.set_viewport_size({"width": width, "height": height})
    await page.goto((await toss.payment(window))["checkout"]["url"].replace("localhost", "127.0.0.1"))
    await expect(page.get_by_role("button", name="결제하기")).to_be_in_viewport(ratio=1)
