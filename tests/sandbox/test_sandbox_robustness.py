"""Nonsense gets a Toss-shaped 4xx, never a 5xx by accident."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import pytest
from tests.sandbox.client import FAIL_URL, SUCCESS_URL, Answer, Toss, basic

POSTS = ["/v1/payments", "/v1/payments/confirm", "/v1/payments/any/cancel"]
BODIES = [
    b"",
    b"{",
    b"[]",
    b'"text"',
    b"1",
    b"null",
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"\xff\xfe\x00",
    b'{"cancelReason":"\xed\xa0\x80"}',
    b'{"cancelReason":"\\ud800"}',
    b'{"amount":1e999}',
    b'{"amount":NaN}',
    b'{"paymentKey":"x","orderId":"order-1","amount":' + b"9" * 5000 + b"}",
    b'{"paymentKey":"x","orderId":"order-1","amount":"' + b"9" * 50 + b'"}',
    b'{"paymentKey":"x","orderId":"order-1","amount":"\xd9\xa1"}',
]


def is_toss_refusal(answer: Answer) -> bool:
    return 400 <= answer.status < 500 and set(answer.json) == {"code", "message"}


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", BODIES, ids=[str(body[:20]) for body in BODIES])
async def test_malformed_bodies(toss: Toss, path: str, body: bytes) -> None:
    answer = await toss.call("POST", path, raw=body)
    assert is_toss_refusal(answer), (answer.status, answer.raw)
    assert answer.status == 400


@pytest.mark.parametrize("path", [*POSTS, "/sandbox/checkout", "/sandbox/faults", "/sandbox/reset"])
async def test_huge_bodies(toss: Toss, path: str) -> None:
    answer = await toss.call("POST", path, raw=b'{"cancelReason":"' + b"x" * 3_000_000 + b'"}')
    assert is_toss_refusal(answer), (answer.status, answer.raw)


@pytest.mark.parametrize("path", [*POSTS, "/sandbox/checkout", "/sandbox/faults", "/sandbox/console/do/clock"])
async def test_a_refusal_is_heard_by_who_is_still_sending(toss: Toss, path: str) -> None:
    answer = await toss.call("POST", path, raw=b"x" * 15_000_000, headers={"authorization": basic("nobody:")})
    assert answer.status in (303, 401)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/unknown", "NOT_FOUND"),
        ("GET", "/nowhere", "NOT_FOUND"),
        ("DELETE", "/v1/payments/confirm", "NOT_FOUND_HTTP_METHOD"),
        ("PUT", "/v1/payments/any/cancel", "NOT_FOUND_HTTP_METHOD"),
        ("GET", "/v1/payments/%ff%fe", "NOT_FOUND_PAYMENT"),
        ("GET", "/v1/payments/orders/%00", "NOT_FOUND_PAYMENT"),
        ("GET", "/v1/payments/" + "k" * 3000, "NOT_FOUND_PAYMENT"),
    ],
)
async def test_strange_addresses(toss: Toss, method: str, path: str, code: str) -> None:
    answer = await toss.call(method, path)
    assert (answer.status, answer.code) == (404, code)
    assert "x-tosspayments-trace-id" in answer.headers


@pytest.mark.parametrize("path", ["/sandbox/checkout", "/sandbox/webhooks", "/sandbox/faults"])
async def test_the_control_door_is_as_strict(toss: Toss, path: str) -> None:
    assert is_toss_refusal(await toss.call("POST", path, raw=b"\xff{"))
    nobody = await toss.post(path, {}, headers={"authorization": basic("nobody:")})
    assert (nobody.status, nobody.code) == (401, "UNAUTHORIZED_KEY")


FORMS = [
    b"\xff\xfe",
    b"&" * 5000,
    b"outcome=" + b"x" * 2_000_000,
    b"outcome=approve&method=%00",
    b"outcome=approve&method=%EC%B9%B4%EB%93%9C&installmentPlanMonths=" + b"9" * 30,
    b"outcome=approve&method=true&bank=false",
    b"outcome=approve&pointsAmount=1e400",
    b"outcome=approve&cardNumber=" + b"9" * 500,
    b"action=advance&seconds=9999999999999",
    b"kind=%ff&times=x&status=99999&code=%00",
    b"url=http://%ED%95%9C/&event:PAYMENT_STATUS_CHANGED=true",
    b"section=%E3%85%8B&order=%0d%0aset-cookie:x&id=%00",
    b"key=test_sk_a%0d%0a",
]
PAGES = ["login", "do/clock", "do/deposit", "do/reverse", "do/register-webhook", "do/remove-webhook", "do/resend"]
PAGES += ["do/order-fault", "do/remove-fault"]


async def test_malformed_forms(toss: Toss) -> None:
    key, _ = await toss.opened(60000)
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}
    headers |= {"cookie": f"paywon_sandbox_key={toss.key}"}
    asked = urlencode({"key": "test_ck_a", "customerKey": "aa", "successUrl": SUCCESS_URL, "failUrl": FAIL_URL})
    paths = [f"/v1/payments/{key}/checkout", "/v1/payments/none/checkout", f"/sandbox/billing-window?{asked}"]
    paths += ["/sandbox/billing-window", *(f"/sandbox/console/{page}" for page in PAGES)]
    for path in paths:
        for form in FORMS:
            assert (await toss.call("POST", path, raw=form, headers=headers)).status < 500, (path, form[:60])


async def test_pages_asked_for_nonsense(toss: Toss) -> None:
    headers = {"cookie": f"paywon_sandbox_key={toss.key}", "authorization": ""}
    await toss.paid()
    for section in ("payments", "webhooks", "faults", "requests", "none"):
        for query in ("order=%00", "order=%ff", "problem=%ff", "problem=<x>", "order=" + "x" * 5000):
            assert (await toss.get(f"/sandbox/console/{section}?{query}", headers=headers)).status < 500
    for path in ("/receipt/redirection?transactionId=%ff", "/sandbox/static/..%2fx", "/sandbox/billing-window?key=%ff"):
        assert (await toss.get(path)).status < 500


async def test_korean_addresses(toss: Toss) -> None:
    """A browser sends them quoted, and a host name as the DNS knows it."""
    urls: dict[str, object] = {
        "successUrl": "https://연필.kr:8443/성공?순서=가#나",
        "failUrl": "http://shop.example/실패%20",
    }
    key, order_id = await toss.opened(15000, **urls)
    path = f"/v1/payments/{key}/checkout"
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": ""}
    closed = await toss.call("POST", path, raw=b"outcome=close", headers=headers)
    assert closed.headers["location"].startswith("http://shop.example/%EC%8B%A4%ED%8C%A8%20?code=PAY_PROCESS_CANCELED&")
    paid = await toss.call("POST", path, raw=b"outcome=approve&method=%EC%B9%B4%EB%93%9C", headers=headers)
    assert paid.headers["location"] == (
        "https://xn--ej5bi4z.kr:8443/%EC%84%B1%EA%B3%B5?%EC%88%9C%EC%84%9C=%EA%B0%80&paymentType=NORMAL"
        f"&orderId={order_id}&paymentKey={key}&amount=15000#%EB%82%98"
    )


async def test_headers_that_make_no_sense(toss: Toss) -> None:
    for name in ("idempotency-key", "tosspayments-test-code", "accept-language", "content-type", "cookie", "origin"):
        for value in ("é", "한글".encode().decode("latin-1"), "x" * 6000):
            answer = await toss.post("/v1/payments/confirm", {}, headers={name: value})
            assert is_toss_refusal(answer), (name, value)
    for value in ("Basic é", "Basic", "Basic " + "A" * 8000, "Bearer x", "\t"):
        answer = await toss.get("/v1/payments/any", headers={"authorization": value})
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED_KEY")


async def test_text_that_is_hard_to_store_comes_back_unchanged(toss: Toss) -> None:
    name = "상품 \u0000 \U0001f600 ' \" <>&"
    key, _ = await toss.opened(orderName=name)
    assert (await toss.payment(key))["orderName"] == name


async def test_two_confirms_at_once_approve_once(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    answers = await asyncio.gather(*(toss.confirm(key, order_id, 15000) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 19
