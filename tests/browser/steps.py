"""What a customer does, in words."""

import re

from playwright.async_api import Page, expect


async def choose_capsule(page: Page) -> None:
    """From the shop to Toss's window."""
    await page.goto("/demo")
    await page.locator("form[action='/demo/capsule']").get_by_role("button").click()
    await at_toss(page)


async def choose_booking(page: Page) -> None:
    await page.goto("/demo")
    await page.locator("form[action='/demo/booking']").get_by_role("button").click()
    await at_toss(page)


async def at_toss(page: Page) -> None:
    await expect(page).to_have_url(re.compile(r"/v1/payments/[^/]+/checkout$"))


async def press_at_toss(page: Page, outcome: str) -> None:
    """Pay (``approve``), have the card refused (``decline``) or ``close`` the window."""
    if outcome == "decline":
        await page.locator("summary", has_text="테스트 설정").click()
    await page.locator(f"button[name='outcome'][value='{outcome}']").click()


async def have_card_refused_at_confirm(page: Page) -> None:
    await page.locator("summary", has_text="테스트 설정").click()
    await page.locator("[name='declineAtConfirm']").select_option("REJECT_CARD_PAYMENT")
    await press_at_toss(page, "approve")


async def order_is(page: Page, status: str) -> None:
    """See the order page, and wait until it has stopped refreshing itself."""
    await expect(page).to_have_url(re.compile(r"/demo/orders/ORD-"))
    await expect(page.locator("[data-field='order-status']")).to_have_text(status)
    await expect(page.locator("meta[http-equiv='refresh']")).to_have_count(0)


async def refund(page: Page, button: str, *, amount: str | None = None) -> None:
    """Open the refund form, type an amount or press another button, and say yes."""
    await page.get_by_role("link", name=re.compile("환불하기")).click()
    if amount is not None:
        await page.get_by_label("금액").fill(amount)
        # Longer than any page of the shop waits before it looks again.
        await page.wait_for_timeout(3_000)
    await page.get_by_role("button", name=re.compile(button)).click()
    await page.get_by_role("button", name=re.compile("환불하기")).click()


def order_no(page: Page) -> str:
    return page.url.rpartition("/")[2]
