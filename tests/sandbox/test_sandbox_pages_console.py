"""The control page in Chromium, with and without JavaScript."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.conftest import OpenPage
from tests.sandbox.makers import REFUND_ACCOUNT, issue_billing
from tests.sandbox.receiver import Receiver

with_and_without = pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])


async def entered(toss: Toss, page: Page) -> Page:
    """The control page, opened with the test's own key."""
    await page.goto(toss.base_url)  # what a terminal shows to click on
    await page.get_by_label("시크릿 키").fill(toss.key)
    await page.get_by_role("button", name="열기").click()
    await expect(page.get_by_role("heading", name="결제", exact=True)).to_be_visible()
    return page


async def unfold(page: Page, text: str) -> None:
    """Open the row with this text, unless it is open."""
    row = page.locator("details.row", has_text=text).first
    if await row.get_attribute("open") is None:
        await row.locator("> summary").click()


@with_and_without
async def test_a_virtual_account_is_paid_and_taken_back(toss: Toss, open_page: OpenPage, javascript: bool) -> None:
    payment = await toss.paid(method="VIRTUAL_ACCOUNT")
    page = await entered(toss, await open_page(javascript=javascript, width=390))
    for button, status in (("입금하기", "DONE"), ("입금 되돌리기", "WAITING_FOR_DEPOSIT")):
        await unfold(page, payment["orderId"])
        await page.get_by_role("button", name=button).click()
        await expect(page.locator(f".badge.{status}")).to_be_visible()
        assert (await toss.payment(payment["paymentKey"]))["status"] == status
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_what_else_can_happen_to_a_payment(toss: Toss, open_page: OpenPage) -> None:
    """A window and an account expire, goods travel, a refund fails: one button each."""
    window, _ = await toss.opened()
    account = await toss.paid(method="VIRTUAL_ACCOUNT")
    escrow = await toss.paid(method="VIRTUAL_ACCOUNT", useEscrow=True)
    page = await entered(toss, await open_page(javascript=False, width=390))

    async def press(order_id: str, button: str) -> None:
        await unfold(page, order_id)
        await page.get_by_role("button", name=button).click()

    await press((await toss.payment(window))["orderId"], "만료시키기")
    assert (await toss.payment(window))["status"] == "EXPIRED"
    await press(account["orderId"], "기한 지나게 하기")
    assert (await toss.payment(account["paymentKey"]))["virtualAccount"]["expired"] is True
    await press(escrow["orderId"], "입금하기")
    await press(escrow["orderId"], "배송 시작하기")
    assert (await toss.cancel(escrow["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)).status == 403
    await press(escrow["orderId"], "구매 확정하기")
    assert (await toss.cancel(escrow["paymentKey"], refundReceiveAccount=REFUND_ACCOUNT)).status == 200
    await page.reload()
    await press(escrow["orderId"], "환불 실패시키기")
    await toss.advance(3 * 86_400)
    assert (await toss.payment(escrow["paymentKey"]))["virtualAccount"]["refundStatus"] == "FAILED"


@with_and_without
async def test_a_cancel_that_the_shop_did_not_make(toss: Toss, open_page: OpenPage, javascript: bool) -> None:
    """A part of a card payment, and all of an account; what is typed stays though the rows renew themselves."""
    card, account = await toss.paid(), await toss.paid(method="VIRTUAL_ACCOUNT")
    assert (await toss.post(f"/sandbox/virtual-accounts/{account['orderId']}/deposit")).status == 200
    page = await entered(toss, await open_page(javascript=javascript, width=390))
    await unfold(page, card["orderId"])
    await page.get_by_text("상점관리자에서 취소하기").last.click()
    row = page.locator("details.row", has_text=card["orderId"])
    await row.get_by_label("취소 금액").fill("4000")
    if javascript:
        await row.get_by_label("취소 금액").blur()
        await page.wait_for_timeout(2_500)
        await expect(row.get_by_label("취소 금액")).to_have_value("4000")
    await row.get_by_role("button", name="취소하기", exact=True).click()
    await expect(page.locator(".badge.PARTIAL_CANCELED")).to_contain_text("부분 취소")
    assert [cancel["cancelAmount"] for cancel in (await toss.payment(card["paymentKey"]))["cancels"]] == [4_000]
    await page.goto(f"{toss.base_url}/sandbox/console/payments?order={account['orderId']}")
    await unfold(page, account["orderId"])
    await page.get_by_text("상점관리자에서 취소하기").click()
    await page.get_by_label("환불 계좌번호").fill("1234567890")
    await page.get_by_label("예금주").fill("김토스")
    await page.get_by_role("button", name="취소하기", exact=True).click()
    await expect(page.locator(".badge.CANCELED")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_older_rows_are_a_click_away(toss: Toss, open_page: OpenPage) -> None:
    windows = [(await toss.opened())[0] for _ in range(51)]
    first = (await toss.payment(windows[0]))["orderId"]
    page = await entered(toss, await open_page(javascript=False))
    await expect(page.locator("details.row")).to_have_count(50)
    await page.get_by_role("link", name="이전 것 더 보기").click()
    await expect(page.locator("details.row")).to_have_count(51)
    await expect(page.locator("details.row").last).to_contain_text(first)
    await expect(page.get_by_role("link", name="이전 것 더 보기")).to_have_count(0)


async def test_billing_keys_are_seen_and_lost(toss: Toss, open_page: OpenPage) -> None:
    billing = await issue_billing(toss, cardCompany="51")
    page = await entered(toss, await open_page(javascript=False, width=390))
    await page.get_by_role("link", name="빌링키").click()
    await expect(page.locator("details.row")).to_contain_text("삼성 43301234****123*")
    await unfold(page, "삼성")
    await page.get_by_role("button", name="해지하게 하기").click()
    await expect(page.get_by_text("삭제됨")).to_be_visible()
    charge = {"customerKey": billing["customerKey"], "amount": 1000, "orderId": new_order_id(), "orderName": "구독"}
    assert (await toss.post(f"/v1/billing/{billing['billingKey']}", charge)).code == "ALREADY_REMOVED_BILLING_KEY"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_settings_are_changed(toss: Toss, open_page: OpenPage) -> None:
    page = await entered(toss, await open_page(javascript=False, width=390))
    await page.get_by_role("link", name="설정").click()
    await page.get_by_label("API 버전").select_option("2024-06-01")
    await page.get_by_label("지급 가능 금액").fill("5000")
    await page.get_by_role("button", name="저장").click()
    await page.get_by_role("button", name="다시 발급").click()
    await expect(page.get_by_text("이전 키")).to_be_visible()
    settings = (await toss.get("/sandbox/settings")).json
    assert (settings["version"], settings["payoutBalance"]) == ("2024-06-01", 5000)
    await expect(page.get_by_text(settings["securityKeys"][0])).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@with_and_without
async def test_the_clock_stops_and_jumps(toss: Toss, open_page: OpenPage, javascript: bool) -> None:
    key, _ = await toss.opened()
    page = await entered(toss, await open_page(javascript=javascript))
    await page.get_by_role("button", name="멈추기").click()
    await expect(page.get_by_role("button", name="다시 가기")).to_be_visible()
    await page.get_by_role("button", name="+30분").click()
    await expect(page.locator(".badge.EXPIRED")).to_be_visible()
    assert (await toss.payment(key))["status"] == "EXPIRED"
    assert (await toss.get("/sandbox/clock")).json["frozen"] is True
    await page.get_by_role("button", name="다시 가기").click()
    await expect(page.get_by_role("button", name="멈추기")).to_be_visible()


@with_and_without
async def test_webhooks_are_registered_seen_and_sent_again(toss: Toss, open_page: OpenPage, javascript: bool) -> None:
    async with Receiver() as receiver:
        page = await entered(toss, await open_page(javascript=javascript))
        await page.get_by_role("link", name="웹훅").click()
        await page.get_by_label("주소").fill(receiver.url)
        await page.get_by_text("이벤트 고르기").click()
        await page.get_by_label("PAYMENT_STATUS_CHANGED", exact=True).check()
        await page.get_by_role("button", name="등록").click()
        await expect(page.get_by_role("button", name="지우기")).to_be_visible()
        assert (await toss.get("/sandbox/webhooks")).json["webhooks"][0]["events"] == ["PAYMENT_STATUS_CHANGED"]
        payment = await toss.paid()
        await receiver.wait_for(1)
        if not javascript:
            await page.reload()
        await expect(page.locator(".badge.DELIVERED")).to_be_visible()
        await unfold(page, payment["orderId"])
        await expect(page.locator("pre").first).to_contain_text(payment["paymentKey"])
        await page.get_by_role("button", name="다시 보내기").click()
        assert len(await receiver.wait_for(2)) == 2
        await page.get_by_role("button", name="지우기").click()
        await expect(page.get_by_text("등록된 주소가 없습니다.")).to_be_visible()


@with_and_without
async def test_faults_are_ordered_seen_and_called_off(toss: Toss, open_page: OpenPage, javascript: bool) -> None:
    page = await entered(toss, await open_page(javascript=javascript))
    await page.get_by_role("link", name="장애").click()
    for _ in range(2):
        await page.get_by_label("무엇을").select_option("status")
        await page.get_by_label("경로").fill("/v1/payments/confirm")
        await page.get_by_label("오류 코드").fill("PROVIDER_ERROR")
        await page.get_by_role("button", name="넣기", exact=True).click()
        await expect(page.locator(".badge.fault").last).to_be_visible()
    await expect(page.locator(".badge.fault")).to_have_count(2)
    key, order_id = await toss.authenticated()
    assert (await toss.confirm(key, order_id, 15000)).code == "PROVIDER_ERROR"
    await page.reload()
    await expect(page.locator(".badge.fault")).to_have_count(1)
    await page.get_by_role("button", name="지우기", exact=True).click()
    await expect(page.get_by_text("기다리는 장애가 없습니다.")).to_be_visible()
    await page.get_by_label("무엇을").select_option("lose")
    await page.get_by_label("대상").select_option("api")
    await page.get_by_role("button", name="넣기", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("INVALID_REQUEST")


async def test_the_request_log_grows_by_itself(toss: Toss, open_page: OpenPage) -> None:
    page = await entered(toss, await open_page())
    await page.get_by_role("link", name="요청 기록").click()
    await toss.get("/v1/payments/nothing", headers={"idempotency-key": "k"})
    await expect(page.locator("#live")).to_contain_text("NOT_FOUND_PAYMENT")
    payment = await toss.paid()
    row = page.locator("details.row", has_text="/v1/payments/confirm")
    await row.locator("> summary").click()
    await toss.get("/v1/payments/other")
    await expect(page.locator("#live")).to_contain_text("/v1/payments/other")
    asked, answered = row.locator("pre").first, row.locator("pre").last
    await expect(asked).to_be_visible()
    await expect(asked).to_contain_text(payment["paymentKey"])
    await expect(answered).to_contain_text('"status": "DONE"')


async def test_nothing_typed_by_others_becomes_markup(toss: Toss, open_page: OpenPage) -> None:
    await toss.opened(orderName="<img src=x onerror=alert(1)>", metadata={"a": "</pre><script>alert(1)</script>"})
    page = await entered(toss, await open_page())
    await expect(page.get_by_text("<img src=x onerror=alert(1)>").first).to_be_visible()
    assert await page.locator("#live img, #live script").count() == 0


async def test_the_key_stays_in_a_strict_cookie(toss: Toss, open_page: OpenPage) -> None:
    page = await entered(toss, await open_page())
    [cookie] = await page.context.cookies()
    assert (cookie["value"], cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (
        toss.key,
        True,
        "Strict",
        -1,
    )
    await page.get_by_role("button", name="키 바꾸기").click()
    await expect(page.get_by_label("시크릿 키")).to_be_visible()
    assert await page.context.cookies() == []


async def test_forms_of_other_pages_and_wrong_keys_do_nothing(toss: Toss) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}
    cookie = {"cookie": f"paywon_sandbox_key={toss.key}"}
    freeze = b"action=freeze&section=payments"
    path = "/sandbox/console/do/clock"
    await toss.call("POST", path, raw=freeze, headers=form | cookie | {"origin": "http://evil.example"})
    await toss.call("POST", path, raw=freeze, headers=form)
    assert (await toss.get("/sandbox/clock")).json["frozen"] is False
    await toss.call("POST", path, raw=freeze, headers=form | cookie)
    assert (await toss.get("/sandbox/clock")).json["frozen"] is True
    refused = await toss.call("POST", "/sandbox/console/login", raw=b"key=live_sk_1", headers=form)
    assert "set-cookie" not in refused.headers
    assert refused.headers["location"] == "/sandbox/console/payments?problem=UNAUTHORIZED_KEY"
    unknown = await toss.call("POST", "/sandbox/console/do/explode", raw=b"section=x", headers=form | cookie)
    assert re.search("problem=NOT_FOUND$", unknown.headers["location"])
    shown = await toss.get("/sandbox/console/payments", headers=cookie | {"authorization": ""})
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_dollars_are_shown_as_dollars(toss: Toss, open_page: OpenPage) -> None:
    key, order_id = await toss.opened(amount=726.24, currency="USD")  # type: ignore[arg-type]
    await toss.authenticate(key)
    await toss.confirm(key, order_id, 726.24)
    await toss.cancel(key, cancelAmount=0.24)
    page = await entered(toss, await open_page())
    await unfold(page, order_id)
    await expect(page.locator("details.row")).to_contain_text("$726.24")
    await expect(page.locator("details.row")).to_contain_text("남음 $726.00")
    await expect(page.locator("details.row pre")).to_contain_text('"totalAmount": 726.24')
