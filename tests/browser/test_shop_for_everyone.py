"""The demo shop without a mouse, in the dark, and read aloud."""

import pytest
from playwright.async_api import Page, expect

from tests.browser import steps
from tests.browser.conftest import OpenPage

# WCAG 2.2: 4.5 to 1 for text, 3 to 1 for large text. Colours are read as the browser has worked them out.
_CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const back = (e) => {
    for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; }
    return [255, 255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const text = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!text || !e.getClientRects().length || e.closest('.skip')) continue;
    const style = getComputedStyle(e);
    const [a, b] = [light(rgb(style.color)), light(back(e))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${e.outerHTML.slice(0, 90)}`);
  }
  return poor;
}"""
_UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, button, a')]
    .filter(e => !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label')))
    .map(e => e.outerHTML)"""
_SMALL = """() => [...document.querySelectorAll('input:not([type=hidden]), select, button, .button')]
    .filter(e => e.getClientRects().length && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_can_be_read_and_used(open_page: OpenPage, scheme: str) -> None:
    page = await open_page(width=390, javascript=True, color_scheme=scheme)
    await page.goto("/demo")
    await _is_well_made(page)
    await steps.choose_capsule(page)
    await steps.have_card_refused_at_confirm(page)
    await expect(page.locator("h1")).to_be_visible()
    await _is_well_made(page)
    await page.goto("/demo")
    await steps.choose_capsule(page)
    await steps.press_at_toss(page, "approve")
    await steps.order_is(page, "PAID")
    await _is_well_made(page)


async def test_a_capsule_can_be_bought_with_the_keyboard_alone(open_page: OpenPage) -> None:
    page = await open_page(javascript=True)
    await page.goto("/demo")
    await page.keyboard.press("Tab")
    await expect(page.locator(".skip")).to_be_focused()
    await expect(page.locator(".skip")).to_be_in_viewport()
    await page.locator("[name='title']").focus()
    for _ in range(3):
        await page.keyboard.press("Tab")
    button = page.locator("form[action='/demo/capsule'] button")
    await expect(button).to_be_focused()
    assert await button.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await steps.at_toss(page)


async def _is_well_made(page: Page) -> None:
    assert await page.evaluate(_CONTRASTS) == []
    assert await page.evaluate(_UNNAMED) == []
    assert await page.evaluate(_SMALL) == []
    assert await page.locator("h1").count() == 1
    assert await page.locator("html").get_attribute("lang") == "ko"
