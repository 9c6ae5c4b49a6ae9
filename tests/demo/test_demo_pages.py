"""The demo's pages over plain HTTP: who may send forms, what a page may load, what bad input gets."""

import re
from typing import Any

import aiohttp
import pytest

from tests.conftest import OpenStack
from tests.support.stack import Reply, Stack

HOSTILE = "<script>alert('1')</script>\" onmouseover=\"x"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BOOKING = {"ticket": "demo-1", "petName": "보리", "paymentMethod": "card"}
CAPSULE = {"ticket": "demo-2", "title": "여행", "headcount": "3", "timeOption": "1_YEAR"}


@pytest.fixture
async def shop(open_stack: OpenStack) -> Stack:
    return await open_stack(worker=False, PAYWON_DEV="1")


async def send(shop: Stack, path: str, form: dict[str, str], **headers: str) -> Reply:
    """Send a form as a browser on our own page does, unless ``headers`` say otherwise."""
    told = {"Sec-Fetch-Site": "same-origin", **{name.replace("_", "-"): value for name, value in headers.items()}}
    sent = aiohttp.FormData(form)() if form else None
    return await shop.api.send("POST", path, headers=FORM | told, data=sent, allow_redirects=False)


async def orders(shop: Stack) -> int:
    found = await shop.row("SELECT count(*)::int AS n FROM orders")
    count: int = found["n"]
    return count


async def test_a_refund_is_asked_for_before_it_is_made(shop: Stack) -> None:
    payment = await shop.paid()
    place = f"/demo/orders/{payment['orderId']}/refund"
    for typed, amount in (
        ({"part": "some", "amount": "12,000"}, "12,000"),
        ({"part": "half"}, "25,000"),
        ({"part": "all"}, "50,000"),
    ):
        question = await send(shop, f"{place}/question", {"left": "50000", **typed})
        assert question.status in (200, 201)
        assert f"{amount}원을 돌려드릴까요?" in question.body.decode()
    for typed in ({"part": "some"}, {"part": "some", "amount": "50001"}, {"part": "some", "amount": "many"}):
        assert (await send(shop, f"{place}/question", {"left": "50000", **typed})).status == 400, typed
    assert await shop.rows("SELECT FROM payment_cancels") == []


async def test_a_page_with_a_form_never_reloads_itself(shop: Stack) -> None:
    payment = await shop.paid()
    pages = [
        (await shop.api.get(f"/demo/orders/{payment['orderId']}")).body.decode(),
        (await shop.api.get(f"/demo/orders/{payment['orderId']}/refund")).body.decode(),
    ]
    assert 'name="amount"' in pages[1]
    for html in pages:
        typed = re.search(r"<(input(?! type=\"hidden\")|select|textarea)", html)
        assert not (typed and 'http-equiv="refresh"' in html)


async def test_the_fail_page_says_nothing_about_money_that_it_has_not_looked_up(shop: Stack) -> None:
    payment = await shop.paid()
    query = {"code": "PAY_PROCESS_CANCELED", "orderId": payment["orderId"], "message": "당신의 계좌로 보내세요"}
    paid = await shop.api.send("GET", "/payments/fail", params=query, allow_redirects=False)
    assert (paid.status, paid.headers["location"]) == (303, f"/demo/orders/{payment['orderId']}")

    waiting = (await shop.ready_to_confirm())["orderId"]
    unpaid = (await shop.api.send("GET", "/payments/fail", params=query | {"orderId": waiting})).body.decode()
    assert "결제된 것이 없습니다" in unpaid

    query.pop("orderId")
    for code in ("PAY_PROCESS_CANCELED", "UNKNOWN"):
        unknown = (await shop.api.send("GET", "/payments/fail", params=query | {"code": code})).body.decode()
        assert "말할 수 없습니다" in unknown
        assert "돈은 빠져나가지 않았습니다" not in unknown
        assert "당신의 계좌로" not in unknown


async def test_the_fail_page_of_a_confirm_that_runs_asks_to_wait(shop: Stack) -> None:
    body = await shop.ready_to_confirm()
    await shop.fault(kind="drop_reply", path="/v1/payments/confirm")
    assert (await shop.api.post("/payments/confirm", body)).status == 202
    query = {"code": "PAY_PROCESS_CANCELED", "orderId": body["orderId"]}
    html = (await shop.api.send("GET", "/payments/fail", params=query)).body.decode()
    assert "아직 확인하고 있습니다" in html
    assert "다시 결제하기" not in html


async def test_the_fail_page_of_an_order_whose_time_is_over_does_not_offer_to_pay_again(shop: Stack) -> None:
    order = (await shop.ready_to_confirm())["orderId"]
    await shop.rows("UPDATE orders SET expires_at = now() - interval '1 second' WHERE order_no = $1", order)
    html = (await shop.api.send("GET", "/payments/fail", params={"code": "UNKNOWN", "orderId": order})).body.decode()
    assert "결제할 수 있는 때도 지났습니다" in html
    assert "다시 결제하기" not in html


async def test_a_webhook_is_told_as_what_it_was(open_stack: OpenStack) -> None:
    """One that says what the books hold causes no read: the page says that it came, and waits for nothing more."""
    shop = await open_stack(PAYWON_DEV="1")
    payment = await shop.paid()
    path = f"/demo/orders/{payment['orderId']}"

    async def told() -> str | None:
        html = (await shop.api.get(path)).body.decode()
        return html if "장부가 이미 아는 내용입니다" in html else None

    html = await shop.eventually(told)
    assert "기다리고 있습니다" not in html
    assert 'http-equiv="refresh"' not in html
    assert "다시 읽" not in html
    data = {"orderId": payment["orderId"], "paymentKey": payment["paymentKey"], "status": "CANCELED"}
    forged = {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2026-11-28T00:00:00.000000", "data": data}
    assert (await shop.api.post("/payments/webhook", forged)).status == 200
    trail = (await shop.api.get(path)).body.decode().partition('id="trail"')[2]
    assert "취소" not in trail
    assert "환불했습니다" not in trail


async def test_a_page_waits_for_the_webhook_that_is_on_its_way(shop: Stack) -> None:
    await shop.fault(kind="lose", times=0)
    payment = await shop.paid()
    html = (await shop.api.get(f"/demo/orders/{payment['orderId']}")).body.decode()
    assert "토스의 웹훅을 기다리고 있습니다" in html
    assert "웹훅이 왔습니다" not in html


async def test_an_order_that_is_not_there_offers_no_page_of_its_own(shop: Stack) -> None:
    html = (await shop.api.get("/demo/orders/ORD-nothere")).body.decode()
    assert "/demo/orders/" not in html


async def test_a_receipt_is_offered_once_there_is_something_to_show(shop: Stack) -> None:
    form = BOOKING | {"ticket": "demo-receipt", "paymentMethod": "virtual_account"}
    window = (await send(shop, "/demo/booking", form)).headers["location"]
    back = await shop.authenticate(window.rpartition("/checkout")[0].rpartition("/")[2], method="VIRTUAL_ACCOUNT")
    await shop.api.send("GET", back.removeprefix(shop.api_url), allow_redirects=False)
    waiting = await shop.row("SELECT order_no, receipt_url FROM payments")
    assert waiting["receipt_url"], "Toss has a receipt of what is not paid yet"
    assert "영수증" not in (await shop.api.get(f"/demo/orders/{waiting['order_no']}")).body.decode()
    paid = (await shop.paid())["orderId"]
    assert "영수증" in (await shop.api.get(f"/demo/orders/{paid}")).body.decode()


async def test_a_customer_reads_one_status_and_developers_the_others_below(shop: Stack) -> None:
    payment = await shop.paid()
    path = f"/demo/orders/{payment['orderId']}"
    customer, developer = (await shop.api.get(path)).body.decode().split("개발자 보기")
    for code in ("PAID", "completed", "DONE"):
        assert f">{code}<" not in customer
        assert f">{code}<" in developer
    form = {"ticket": "demo-part", "left": "50000", "amount": "10000"}
    await send(shop, f"{path}/refund", form)
    headline = (await shop.api.get(path)).body.decode().partition("주문과 결제")[0]
    assert "10,000원</strong> · 남은 금액" in headline
    assert "40,000원" in headline


async def test_the_first_address_of_the_banner_is_a_page(shop: Stack) -> None:
    page = await shop.api.get("/")
    assert page.status == 200
    assert 'href="/demo"' in page.body.decode()


async def test_a_deposit_goes_back_to_an_account_that_is_asked_for(shop: Stack) -> None:
    form = BOOKING | {"ticket": "demo-va", "paymentMethod": "virtual_account"}
    window = (await send(shop, "/demo/booking", form)).headers["location"]
    key = window.rpartition("/checkout")[0].rpartition("/")[2]
    back = await shop.authenticate(key, method="VIRTUAL_ACCOUNT")
    await shop.api.send("GET", back.removeprefix(shop.api_url), allow_redirects=False)
    order_no = (await shop.row("SELECT order_no FROM orders"))["order_no"]
    waiting = (await shop.api.get(f"/demo/orders/{order_no}")).body.decode()
    assert "입금을 기다리고 있습니다" in waiting
    assert "50,000</strong>원을" in waiting or "50,000원</strong>을" in waiting
    assert (await send(shop, f"/demo/orders/{order_no}/deposit", {"x": "1"})).status == 303
    payment = await shop.row("SELECT id FROM payments")
    assert (await shop.api.get(f"/payments/{payment['id']}/status")).status == 200
    paid = (await shop.api.get(f"/demo/orders/{order_no}")).body.decode()
    assert "입금되었습니다" in paid

    place, account = f"/demo/orders/{order_no}/refund", {"bank": "06", "accountNumber": "123-456-789012"}
    assert 'name="accountNumber"' in (await shop.api.get(place)).body.decode()
    no_account = await send(shop, f"{place}/question", {"left": "50000", "part": "half"})
    assert no_account.status in (400, 422)
    asked = {"left": "50000", "part": "half", "holderName": "김보호", **account}
    assert "25,000원을 돌려드릴까요?" in (await send(shop, f"{place}/question", asked)).body.decode()
    yes = {"ticket": "demo-yes", "left": "50000", "amount": "25000", "holderName": "김보호", **account}
    assert (await send(shop, place, yes)).status == 303
    assert (await shop.row("SELECT cancel_amount FROM payment_cancels"))["cancel_amount"] == 25_000


async def test_in_production_there_is_no_shop(stack: Stack) -> None:
    for path in ("/demo", "/payments/success", "/payments/fail", "/demo/static/demo.css"):
        assert (await stack.api.get(path)).status in (404, 405)


async def test_every_page_has_strict_headers(shop: Stack) -> None:
    for path in ("/demo", "/payments/fail", "/payments/success", "/demo/orders/ORD-none"):
        headers = (await shop.api.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert f"form-action 'self' {shop.sandbox_url}" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"


async def test_the_pages_carry_no_script_and_no_inline_style(shop: Stack) -> None:
    html = (await shop.api.get("/demo")).body.decode()
    assert not re.search(r"<script|<style| style=| on\w+=", html)


async def test_a_form_from_another_site_does_nothing(shop: Stack) -> None:
    for site in ("cross-site", "same-site", "none"):
        for path, form in (("/demo/booking", BOOKING), ("/demo/capsule", CAPSULE), ("/demo/orders/ORD-1/pay", {})):
            assert (await send(shop, path, form, Sec_Fetch_Site=site)).status == 400
    assert await orders(shop) == 0


async def test_without_sec_fetch_site_the_origin_decides(shop: Stack) -> None:
    async def send_from(origin: dict[str, str]) -> int:
        form = aiohttp.FormData(BOOKING)()
        reply = await shop.api.send("POST", "/demo/booking", headers=FORM | origin, data=form, allow_redirects=False)
        return reply.status

    assert await send_from({"Origin": "https://evil.example"}) == 400
    assert await send_from({"Origin": "null"}) == 400
    assert await send_from({}) == 400
    assert await orders(shop) == 0
    assert await send_from({"Origin": shop.api_url}) == 303


@pytest.mark.parametrize(("path", "form"), [("/demo/booking", BOOKING), ("/demo/capsule", CAPSULE)])
async def test_a_button_pressed_twice_is_one_order(shop: Stack, path: str, form: dict[str, str]) -> None:
    first, second = await send(shop, path, form), await send(shop, path, form)
    assert (first.status, second.status) == (303, 303)
    assert "/checkout" in second.headers["location"]
    assert await orders(shop) == 1


async def test_a_refund_pressed_twice_is_one_refund(shop: Stack) -> None:
    payment = await shop.paid()
    form = {"ticket": "demo-9", "left": "50000", "amount": "10000"}
    for _ in range(2):
        reply = await send(shop, f"/demo/orders/{payment['orderId']}/refund", form)
        assert (reply.status, reply.headers["location"]) == (303, f"/demo/orders/{payment['orderId']}")
    cancels = await shop.rows("SELECT cancel_amount FROM payment_cancels")
    assert cancels == [{"cancel_amount": 10_000}]


BAD_FORMS: list[tuple[str, dict[str, str], dict[str, str]]] = [
    ("/demo/booking", BOOKING, {"petName": ""}),
    ("/demo/booking", BOOKING, {"petName": "가" * 41}),
    ("/demo/booking", BOOKING, {"petName": "a\x00b"}),
    ("/demo/booking", BOOKING, {"paymentMethod": "bitcoin"}),
    ("/demo/booking", BOOKING, {"ticket": "a b"}),
    ("/demo/capsule", CAPSULE, {"headcount": "0"}),
    ("/demo/capsule", CAPSULE, {"headcount": "11"}),
    ("/demo/capsule", CAPSULE, {"headcount": "many"}),
    ("/demo/capsule", CAPSULE, {"timeOption": "SOON"}),
    ("/demo/capsule", CAPSULE, {"timeOption": "CUSTOM"}),
    ("/demo/capsule", CAPSULE, {"timeOption": "CUSTOM", "openOn": "2020-01-01"}),
    ("/demo/capsule", CAPSULE, {"timeOption": "CUSTOM", "openOn": "2030-02-31"}),
    ("/demo/capsule", CAPSULE, {"timeOption": "CUSTOM", "openOn": "tomorrow"}),
]
BAD_ADDRESSES = [
    "/payments/success",
    "/payments/success?orderId=ORD-123456&paymentKey=k&amount=ten",
    "/payments/success?orderId=ORD-123456&paymentKey=k&amount=99999999999999999999",
    "/payments/success?orderId=ORD-123456&paymentKey=k&amount=100",
    "/payments/success?orderId=%00%FF&paymentKey=k&amount=100",
    "/payments/fail?code=%3Cscript%3E&orderId=1",
    "/demo/orders/ORD-none",
    "/demo/orders/%00",
    "/demo/orders/%FF%FE",
    "/demo/static/pages.py",
    "/demo/static/..%2Fpages.py",
]


async def test_bad_input_is_a_page_that_says_so(shop: Stack) -> None:
    for path, base, changes in BAD_FORMS:
        reply = await send(shop, path, base | changes)
        assert 400 <= reply.status < 500, changes
        assert "상점으로" in reply.body.decode()
    assert await orders(shop) == 0


async def test_bad_addresses_are_pages_and_never_a_500(shop: Stack) -> None:
    for path in BAD_ADDRESSES:
        reply = await shop.api.get(path)
        assert 400 <= reply.status < 500, path


async def test_broken_forms_are_refused(shop: Stack) -> None:
    async def raw(body: bytes, content_type: str) -> Any:
        headers = {"Content-Type": content_type, "Sec-Fetch-Site": "same-origin"}
        return (await shop.api.send("POST", "/demo/booking", headers=headers, data=body)).status

    assert await raw(b"petName=\xff\xfe&ticket=%ff", FORM["Content-Type"]) == 400
    assert await raw(b"&".join(b"a%d=1" % number for number in range(100)), FORM["Content-Type"]) == 400
    assert await raw(b"{}", "application/json") == 400
    assert await raw(b"petName=" + b"a" * 600_000, FORM["Content-Type"]) == 413


async def test_what_others_wrote_is_shown_as_text(shop: Stack) -> None:
    answer = await shop.request_payment(orderName=HOSTILE, description=HOSTILE)
    pages = [
        await shop.api.get(f"/demo/orders/{answer['payment']['orderId']}"),
        await shop.api.send("GET", "/payments/fail", params={"code": "X", "message": HOSTILE}),
        await send(shop, "/demo/booking", BOOKING | {"paymentMethod": HOSTILE}),
    ]
    for page in pages:
        html = page.body.decode()
        assert "<script" not in html
        assert 'onmouseover="x' not in html
    assert "&lt;script&gt;" in pages[0].body.decode()


async def test_when_toss_cannot_be_reached_the_page_says_that_nothing_was_charged(shop: Stack) -> None:
    payment = await shop.ready_to_confirm()
    await shop.toss.post("/sandbox/faults", {"kind": "status", "path": "/v1/payments/confirm", "status": 500})
    query = {"orderId": payment["orderId"], "paymentKey": payment["paymentKey"], "amount": str(payment["amount"])}
    back = await shop.api.send("GET", "/payments/success", params=query, allow_redirects=False)
    assert (back.status, back.headers["location"]) == (303, f"/demo/orders/{payment['orderId']}")
    html = (await shop.api.get(back.headers["location"])).body.decode()
    assert '<meta http-equiv="refresh"' in html
    assert "아직 모릅니다" in html


async def test_without_a_sandbox_the_capsule_says_that_it_needs_one(open_stack: OpenStack) -> None:
    shop = await open_stack(worker=False, PAYWON_DEV="1", PAYWON_SANDBOX_URL="")
    page = await shop.api.get("/demo")
    assert "샌드박스로 결제창을 엽니다" in page.body.decode()
    assert "https://*.tosspayments.com" in page.headers["content-security-policy"]
    assert (await send(shop, "/demo/capsule", CAPSULE)).status == 400
    assert await orders(shop) == 0
    assert (await send(shop, "/demo/booking", BOOKING)).status == 303
    order = await shop.row("SELECT order_no FROM orders")
    html = (await shop.api.get(f"/demo/orders/{order['order_no']}")).body.decode()
    assert f'href="{shop.sandbox_url}/v1/payments/' in html


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example"]
)
async def test_a_page_of_the_web_cannot_have_its_name_stand_for_the_shop(shop: Stack, name: str) -> None:
    for path in ("/demo", "/payments/success?paymentKey=x&orderId=y&amount=1"):
        assert (await shop.api.send("GET", path, headers={"Host": name})).status == 400
    assert (await send(shop, "/demo/booking", BOOKING, Host=name)).status == 400
    assert await orders(shop) == 0


@pytest.mark.parametrize(
    "name", ["localhost", "LOCALHOST:3000", "shop.localhost", "127.0.0.1:1", "[::1]:3000", "192.168.0.7:3000"]
)
async def test_the_shop_answers_to_its_own_names(shop: Stack, name: str) -> None:
    assert (await shop.api.send("GET", "/demo", headers={"Host": name})).status == 200


async def test_the_shop_answers_to_the_name_in_its_settings(open_stack: OpenStack) -> None:
    shop = await open_stack(worker=False, PAYWON_DEV="1", APP_BASE_URL="https://shop.example:8443")
    assert (await shop.api.send("GET", "/demo", headers={"Host": "shop.example"})).status == 200
