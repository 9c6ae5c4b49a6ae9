"""One sandbox process for the session; every test speaks with a secret key of its own.

All of these tests share one event loop, so that they can share one connection to Chromium: to start the driver for each
test costs more than most of them do.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright
from tests.sandbox.browsing import Chromium, Shop
from tests.sandbox.client import Toss
from tests.sandbox.packages import LOADER, OLDER_LOADER, from_npm
from tests.sandbox.process import SandboxProcess
from tests.sandbox.receiver import Receiver
from tests.support.outside import find_chromium

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One loop for every test of this folder."""
    for item in items:
        if item.path.parent == HERE and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxProcess]:
    process = SandboxProcess()
    yield process
    process.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def toss(sandbox: SandboxProcess) -> AsyncIterator[Toss]:
    async with Toss(sandbox.base_url, f"test_sk_{secrets.token_hex(12)}") as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(toss: Toss) -> AsyncIterator[Receiver]:
    async with Receiver() as running:
        await toss.ok("/sandbox/webhooks", {"url": running.url, "events": ["PAYMENT_STATUS_CHANGED"]})
        yield running


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    running = Chromium(find_chromium(), tmp_path_factory.mktemp("chromium"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def shop(chromium: Chromium, sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The example shop, as files on a web server of their own."""
    running = Shop(tmp_path_factory.mktemp("shop"), sandbox.base_url)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def loader(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toss's two loaders from npm, served by the shop under /loader and /older-loader; the newer one's folder."""
    modules = from_npm(tmp_path_factory.mktemp("npm"), LOADER, OLDER_LOADER)
    shutil.copytree(modules / LOADER / "dist", shop.folder / "loader")
    shutil.copytree(modules / OLDER_LOADER / "dist", shop.folder / "older-loader")
    return modules / LOADER


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        yield await playwright.chromium.connect_over_cdp(chromium.address)


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """``await open_page(width=390, javascript=False)``; what the browser complains about fails the test."""
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    async def start(*, width: int = 1280, javascript: bool = True, **context: Any) -> Page:
        viewport: Any = {"width": width, "height": 844}
        opened = await browser.new_context(viewport=viewport, java_script_enabled=javascript, **context)
        contexts.append(opened)
        page = await opened.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda said: complaints.append(str(said)))
        return page

    yield start
    for opened in contexts:
        await opened.close()
    # Chromium also logs that a page itself came with a status such as 400, which is meant.
    assert [said for said in complaints if "the server responded with a status of" not in said] == []
