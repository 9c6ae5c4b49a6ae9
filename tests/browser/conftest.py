"""Chromium, and a stack that serves the demo shop."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import OpenStack
from tests.support.outside import find_chromium
from tests.support.stack import Stack

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
]
# Playwright's own five seconds are shorter than what a busy machine takes to load a page twice.
_PATIENCE_MS = 15_000
expect.set_options(timeout=_PATIENCE_MS)
OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; without one the test is skipped, or fails where everything is required."""
    return find_chromium()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield running
        await running.close()


@pytest.fixture
async def shop(chromium: str, open_stack: OpenStack) -> Stack:
    """A stack as ``paywon dev`` runs it. Asks for Chromium first: without it nothing needs to start."""
    return await open_stack(PAYWON_DEV="1", PAYWON_RESOLVE_AFTER_S="60")


@pytest.fixture
async def open_page(browser: Browser, shop: Stack) -> AsyncIterator[OpenPage]:
    """Open a page of the shop: ``await open_page(width=390, javascript=True)``.

    What the browser complains about, such as our own Content-Security-Policy, fails the test.
    """
    complaints: list[str] = []

    async def start(*, width: int = 1280, javascript: bool = False, **context: Any) -> Page:
        opened = await browser.new_context(
            base_url=shop.api_url,
            viewport={"width": width, "height": 844},
            java_script_enabled=javascript,
            **context,
        )
        page = await opened.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda said: complaints.append(str(said)))
        return page

    yield start
    # Chromium also logs that a page itself came with a status such as 402, which is meant.
    assert [said for said in complaints if "the server responded with a status of" not in said] == []
