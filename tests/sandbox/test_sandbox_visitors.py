"""Any page of the web can reach a sandbox on this machine; it may neither steer it nor look into it."""

from __future__ import annotations

import asyncio

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.process import SandboxProcess

FOREIGN = ("evil.example", "evil.example:3900", "localhost.evil.example", "127.0.0.1.evil.example:3900", "[")
OWN = (
    "localhost",
    "LOCALHOST:3900",
    "localhost.:3900",
    "toss.localhost",
    "127.0.0.1:3900",
    "[::1]:3900",
    "192.168.0.7",
)


async def steer(toss: Toss, **headers: str) -> int:
    return (await toss.post("/sandbox/clock/resume", {}, headers=headers)).status


@pytest.mark.parametrize("name", FOREIGN)
async def test_a_foreign_name_neither_steers_nor_sees(toss: Toss, name: str) -> None:
    key, _ = await toss.opened()
    for path in (
        "/",
        "/sandbox",
        "/sandbox/console/payments",
        "/sandbox/requests",
        "/sandbox/settings",
        "/sandbox/billing-window",
        "/sandbox/static/console.js",
        f"/v1/payments/{key}/checkout",
        f"/receipt/redirection?transactionId={key}",
    ):
        refused = await toss.get(path, headers={"host": name})
        assert (refused.status, refused.code) == (403, "FORBIDDEN_HOST"), path
    assert await steer(toss, host=name) == 403
    assert (await toss.get("/sandbox/requests")).status == 200


@pytest.mark.parametrize("name", OWN)
async def test_its_own_names_steer_and_see(toss: Toss, name: str) -> None:
    assert await steer(toss, host=name) == 200
    assert (await toss.get("/sandbox/console/payments", headers={"host": name})).status == 200


@pytest.mark.parametrize("name", [*FOREIGN, *OWN])
async def test_tosss_own_paths_and_the_scripts_take_any_name(toss: Toss, name: str) -> None:
    payment = await toss.paid()
    for path in (f"/v1/payments/{payment['paymentKey']}", "/v1/payment", "/v2/standard", "/sandbox/health"):
        assert (await toss.get(path, headers={"host": name, "origin": "http://shop.example"})).status == 200, path


@pytest.mark.parametrize("origin", ["http://evil.example", "https://evil.example:3900", "null", "http://203.0.113.9"])
async def test_a_foreign_page_steers_nothing(toss: Toss, origin: str) -> None:
    assert await steer(toss, origin=origin) == 403
    removed = await toss.call("DELETE", "/sandbox/faults", headers={"origin": origin})
    assert removed.status == 403
    form = {"content-type": "application/x-www-form-urlencoded", "cookie": f"paywon_sandbox_key={toss.key}"}
    pressed = await toss.call("POST", "/sandbox/console/do/reset", raw=b"", headers=form | {"origin": origin})
    assert pressed.status == 403


@pytest.mark.parametrize("origin", ["", "http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]:3000"])
async def test_programs_and_pages_of_this_machine_steer(toss: Toss, origin: str) -> None:
    assert await steer(toss, origin=origin) == 200
    assert await steer(toss, origin=toss.base_url) == 200


async def test_a_page_that_was_opened_by_address_steers_itself(toss: Toss) -> None:
    """Say, on a phone: the sandbox listens on all addresses, and nobody can make a bare address their own."""
    assert await steer(toss, host="192.168.0.7:3900", origin="http://192.168.0.7:3900") == 200
    assert await steer(toss, host="192.168.0.7:3900", origin="http://192.168.0.8:3900") == 403


@pytest.mark.parametrize("origin", ["https://shop.example", "http://192.168.0.7:8080", "null"])
async def test_the_scripts_open_windows_from_any_shop(toss: Toss, origin: str) -> None:
    order = {"orderId": "order-visit", "orderName": "셔츠", "amount": 1000}
    order |= {"successUrl": "https://shop.example/s", "failUrl": "https://shop.example/f"}
    opened = await toss.post("/sandbox/checkout", order, headers={"origin": origin})
    assert (opened.status, opened.headers["access-control-allow-origin"]) == (200, "*")
    asked = {"origin": origin, "access-control-request-method": "POST"}
    assert (await toss.call("OPTIONS", "/sandbox/checkout", headers=asked)).status == 204


async def test_the_window_takes_its_own_form_which_says_null(toss: Toss) -> None:
    key, _ = await toss.opened()
    form = {"content-type": "application/x-www-form-urlencoded", "origin": "null"}
    pressed = await toss.call("POST", f"/v1/payments/{key}/checkout", raw=b"outcome=close", headers=form)
    assert pressed.status == 303
    foreign = form | {"origin": "http://evil.example"}
    assert (await toss.call("POST", f"/v1/payments/{key}/checkout", raw=b"", headers=foreign)).status == 403


async def test_a_container_has_a_name_of_its_own() -> None:
    more = ("--allow-host", "sandbox", "--allow-host", "Toss.Internal")
    container = await asyncio.to_thread(SandboxProcess, more=more)
    try:
        async with Toss(container.base_url, "test_sk_container") as toss:
            for name in ("sandbox:3900", "toss.internal"):
                assert await steer(toss, host=name, origin=f"http://{name}") == 200
            assert await steer(toss, host="sandbox.evil.example") == 403
    finally:
        container.stop()
