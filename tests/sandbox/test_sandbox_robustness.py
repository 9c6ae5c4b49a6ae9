"""Nonsense gets a Toss-shaped 4xx, never a 5xx by accident."""

from __future__ import annotations

import asyncio

import pytest
from tests.sandbox.client import Answer, Toss, basic

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


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/unknown", "NOT_FOUND"),
        ("GET", "/", "NOT_FOUND"),
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


async def test_text_that_is_hard_to_store_comes_back_unchanged(toss: Toss) -> None:
    name = "상품 \u0000 \U0001f600 ' \" <>&"
    key, _ = await toss.opened(orderName=name)
    assert (await toss.payment(key))["orderName"] == name


async def test_two_confirms_at_once_approve_once(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    answers = await asyncio.gather(*(toss.confirm(key, order_id, 15000) for _ in range(20)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 19
