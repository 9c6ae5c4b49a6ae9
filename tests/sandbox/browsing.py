"""Chromium and a shop's web server, for the tests of what runs in a browser."""

from __future__ import annotations

import functools
import http.server
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from playwright.async_api import FrameLocator, Page

EXAMPLE = Path(__file__).parents[2] / "examples" / "html-shop"
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
ARGUMENTS += ["--disable-sync", "--disable-gpu"]
BLANK = '<!doctype html><html lang="ko"><title>가게</title><div id="methods"></div><div id="terms"></div></html>'


class Chromium:
    """One browser for the session; every test connects to it and has contexts of its own."""

    def __init__(self, program: str, profile: Path) -> None:
        command = [program, "--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}", *ARGUMENTS]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.address = f"http://127.0.0.1:{self._port(profile / 'DevToolsActivePort')}"

    def _port(self, file: Path) -> str:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if file.exists() and (lines := file.read_text(encoding="utf-8").splitlines()):
                return lines[0]
            time.sleep(0.05)
        self.stop()
        raise RuntimeError("Chromium did not start")

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *details: Any) -> None:
        """Say nothing."""


class Shop:
    """The example shop on a port of its own, pointed at one sandbox; `blank.html` is a page with nothing on it."""

    def __init__(self, folder: Path, sandbox_url: str) -> None:
        self.folder = folder / "shop"
        shutil.copytree(EXAMPLE, self.folder)
        for file in self.folder.iterdir():
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("http://localhost:3900", sandbox_url), encoding="utf-8")
        (self.folder / "blank.html").write_text(BLANK, encoding="utf-8")
        handler = functools.partial(_Quiet, directory=str(self.folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def window(page: Page) -> FrameLocator:
    """The frame of the payment window over a shop's page."""
    return page.frame_locator("iframe")


async def start(page: Page, promise: str, **values: object) -> None:
    """Begin something in the page that ends later; `ended` tells how. `values` are what `promise` may use."""
    await page.evaluate(
        """([source, values]) => {
            window.ended = null;
            const run = new Function(...Object.keys(values), `return (async () => (${source}))()`);
            const told = ({ code, name, message }) => ({ code, name, message });
            run(...Object.values(values)).then(
                (value) => { window.ended = { value: value ?? null }; },
                (error) => { window.ended = { error: told(error) }; },
            );
        }""",
        [promise, values],
    )


async def ended(page: Page) -> Any:
    """`{value}` or `{error}` of what was started."""
    await page.wait_for_function("window.ended")
    return await page.evaluate("window.ended")


async def tried(page: Page, promise: str, **values: object) -> Any:
    """Start and wait."""
    await start(page, promise, **values)
    return await ended(page)
