"""toss/api.md 1.1: who may call."""

from __future__ import annotations

import base64

import pytest
from tests.sandbox.client import Toss, basic

PATH = "/v1/payments/nothing"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer test_sk_abc",
        "Basic %%%",
        "Basic " + base64.b64encode(b"\xff\xfe\x00").decode(),
        basic("test_ck_abc:"),
        basic("live_sk_abc:"),
        basic("test_sk_:"),
        basic("﻿test_sk_abc:"),
        basic("test_sk_abc:password"),
        basic("nonsense"),
    ],
)
async def test_what_is_no_test_secret_key_is_401(toss: Toss, header: str) -> None:
    answer = await toss.get(PATH, headers={"authorization": header})
    assert (answer.status, answer.code) == (401, "UNAUTHORIZED_KEY")
    assert answer.json["message"] == "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다."


async def test_a_key_without_its_colon_is_403(toss: Toss) -> None:
    answer = await toss.get(PATH, headers={"authorization": basic("test_sk_abc")})
    assert (answer.status, answer.code) == (403, "INCORRECT_BASIC_AUTH_FORMAT")


@pytest.mark.parametrize("key", ["test_sk_abcd", "test_sk_abcde", "test_sk_abcdef", "test_gsk_docs_1"])
@pytest.mark.parametrize("padded", [True, False])
async def test_padded_and_unpadded_base64_are_accepted(toss: Toss, key: str, padded: bool) -> None:
    header = basic(f"{key}:") if padded else basic(f"{key}:").rstrip("=")
    answer = await toss.get(PATH, headers={"authorization": header})
    assert (answer.status, answer.code) == (404, "NOT_FOUND_PAYMENT")


async def test_keys_do_not_see_each_other(toss: Toss) -> None:
    payment = await toss.paid()
    other = {"authorization": basic("test_sk_somebodyelse:")}
    assert (await toss.get(f"/v1/payments/{payment['paymentKey']}", headers=other)).status == 404
    assert (await toss.get(f"/v1/payments/orders/{payment['orderId']}", headers=other)).status == 404
    assert (await toss.get(f"/v1/payments/{payment['paymentKey']}")).status == 200


async def test_authentication_comes_before_everything(toss: Toss) -> None:
    headers = {"authorization": "", "tosspayments-test-code": "REJECT_CARD_COMPANY", "idempotency-key": "x" * 301}
    answer = await toss.call("POST", "/v1/payments/confirm", raw=b"{", headers=headers)
    assert answer.code == "UNAUTHORIZED_KEY"
    assert "x-tosspayments-trace-id" in answer.headers
