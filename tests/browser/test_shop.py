"""The demo shop, clicked through by a customer whose browser runs no JavaScript."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import OpenPage
from tests.support.stack import Stack


@pytest.mark.parametrize("javascript", [False, True])
async def test_a_time_capsule_is_paid_partly_refunded_and_fully_refunded(
    open_page: OpenPage, shop: Stack, javascript: bool
) -> None:
    page = await open_page(javascript=javascript)
    await steps.choose_capsule(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")
    await expect(page.locator(".capsule .pill")).to_contain_text("잠김")
    await expect(page.locator("[data-field='toss-status']")).to_have_text("DONE")

    await steps.refund(page, "이 금액 환불", amount="4000")
    await steps.order_is(page, "PARTIALLY_REFUNDED")
    await expect(page.locator("[data-field='balance']")).to_have_text("11,000원")
    await expect(page.locator(".capsule .pill")).to_contain_text("잠김")

    await steps.refund(page, "전액 환불")
    await steps.order_is(page, "REFUNDED")
    await expect(page.locator("[data-field='balance']")).to_have_text("0원")
    await expect(page.locator("[data-field='toss-status']")).to_have_text("PARTIAL_CANCELED")
    await expect(page.locator(".capsule .pill")).to_contain_text("취소")
    await expect(page.get_by_text("남은 금액이 0인지를 봅니다")).to_be_visible()

    await expect(page.locator(".timeline li")).to_have_count(6)
    await expect(page.locator(".timeline")).to_contain_text("웹훅이 왔습니다. 장부가 이미 아는 내용입니다")
    kept = await shop.row("SELECT status, fulfilment_status FROM orders WHERE order_no = $1", steps.order_no(page))
    assert kept == {"status": "REFUNDED", "fulfilment_status": "REVERSED"}


async def test_a_booking_shows_card_receipt_and_the_recent_orders(open_page: OpenPage) -> None:
    page = await open_page()
    await steps.choose_booking(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")
    await expect(page.locator("dl").first).to_contain_text("카드 · 국민 · ****")
    await expect(page.locator(".headline")).to_contain_text("50,000원")
    async with page.expect_popup() as popup:
        await page.get_by_role("link", name=re.compile("영수증")).click()
    receipt = await popup.value
    await expect(receipt.locator("body")).to_contain_text("50,000")
    await page.goto("/demo")
    await expect(page.locator(".rows li")).to_have_count(1)
    await expect(page.locator(".rows .pill")).to_contain_text("결제 완료")


async def test_a_card_refused_at_the_window_can_be_tried_again(open_page: OpenPage) -> None:
    page = await open_page()
    await steps.choose_capsule(page)
    await steps.press_at_toss(page, "decline")
    await expect(page.locator("h1")).to_have_text("결제되지 않았습니다")
    await expect(page.locator("[data-field='code']")).to_have_text("REJECT_CARD_COMPANY")
    await page.get_by_role("button", name=re.compile("다시 결제하기")).click()
    await steps.at_toss(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")


async def test_a_closed_window_comes_back_without_the_order_and_is_still_remembered(open_page: OpenPage) -> None:
    page = await open_page()
    await steps.choose_booking(page)
    await steps.press_at_toss(page, "close")
    await expect(page).to_have_url(re.compile(r"/payments/fail\?code=PAY_PROCESS_CANCELED"))
    await expect(page.locator("h1")).to_have_text("결제창을 닫았습니다")
    await page.get_by_role("link", name=re.compile("주문 화면으로")).click()
    await steps.order_is(page, "PENDING_PAYMENT")
    await page.get_by_role("button", name=re.compile("결제하기")).click()
    await steps.at_toss(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")


async def test_a_card_declined_at_confirm_says_why_and_can_be_paid_again(open_page: OpenPage) -> None:
    page = await open_page()
    await steps.choose_booking(page)
    await steps.have_card_refused_at_confirm(page)
    await expect(page.locator("[data-field='code']")).to_have_text("PAYMENT_DECLINED")
    await expect(page.get_by_text("한도초과 혹은 잔액부족")).to_be_visible()
    await page.get_by_role("link", name=re.compile("주문 화면으로")).click()
    await steps.order_is(page, "PENDING_PAYMENT")
    await expect(page.locator("[data-field='toss-status']")).to_have_text("ABORTED")
    await page.get_by_role("button", name=re.compile("결제하기")).click()
    await steps.at_toss(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")


async def test_a_slow_approval_is_shown_as_in_progress_until_it_is_there(open_page: OpenPage, shop: Stack) -> None:
    """Toss answers after the page's patience (9 s) has run out; nobody touches the page meanwhile."""
    page = await open_page()
    await steps.choose_capsule(page)
    fault = {"kind": "delay", "path": "/v1/payments/confirm", "delayMs": 10_500}
    assert (await shop.toss.post("/sandbox/faults", fault)).status == 200
    await steps.press_at_toss(page, "approve")
    await expect(page.locator("h1")).to_have_text("토스의 승인을 기다리고 있습니다")
    await expect(page.get_by_role("button", name=re.compile("결제하기"))).to_have_count(0)
    await expect(page.get_by_role("link", name=re.compile("환불"))).to_have_count(0)
    await expect(page.locator("h1")).to_have_text("결제가 완료되었습니다")
    await steps.order_is(page, "PAID")
    assert len(await shop.toss_requests("/v1/payments/confirm", orderId=steps.order_no(page))) == 1


async def test_coming_back_twice_asks_toss_once(open_page: OpenPage, shop: Stack) -> None:
    page = await open_page()
    came_back: list[str] = []
    page.on("request", lambda sent: came_back.append(sent.url) if "/payments/success" in sent.url else None)
    await steps.choose_booking(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")
    for _ in range(2):
        await page.goto(came_back[0])
        await steps.order_is(page, "PAID")
    assert len(await shop.toss_requests("/v1/payments/confirm", orderId=steps.order_no(page))) == 1


async def test_a_changed_amount_in_the_address_is_refused_and_toss_is_not_asked(
    open_page: OpenPage, shop: Stack
) -> None:
    page = await open_page()
    payment = await shop.ready_to_confirm()
    await page.goto(f"/payments/success?orderId={payment['orderId']}&paymentKey={payment['paymentKey']}&amount=100")
    await expect(page.locator("[data-field='code']")).to_have_text("AMOUNT_MISMATCH")
    assert await shop.toss_requests("/v1/payments/confirm", orderId=payment["orderId"]) == []


@pytest.mark.parametrize("width", [320, 390, 768])
async def test_no_page_scrolls_sideways(open_page: OpenPage, width: int) -> None:
    page = await open_page(width=width, javascript=True)
    await page.goto("/demo")
    await _fits(page)
    await steps.choose_capsule(page)
    await steps.press_at_toss(page, "close")
    await _fits(page)
    await page.get_by_role("button", name=re.compile("다시 결제하기")).click()
    await steps.have_card_refused_at_confirm(page)
    await _fits(page)
    await page.get_by_role("link", name=re.compile("주문 화면으로")).click()
    await page.get_by_role("button", name=re.compile("결제하기")).click()
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")
    await _fits(page)
    await steps.refund(page, "전액 환불")
    await steps.order_is(page, "REFUNDED")
    await _fits(page)


async def _fits(page: Page) -> None:
    """See that nothing is wider than the window, the contents of the cards included."""
    wide = await page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(e => !e.closest('.skip') && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert wide == []
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
