"""toss/api.md 1.2: Idempotency-Key and TossPayments-Test-Code."""

from __future__ import annotations

import asyncio

import pytest
from tests.sandbox.client import Toss, basic


async def test_the_first_answer_is_repeated_byte_for_byte(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    headers = {"idempotency-key": "한번-1".encode().hex()}
    first = await toss.confirm(key, order_id, 15000, headers=headers)
    await toss.cancel(key)
    second = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (first.status, first.raw) == (second.status, second.raw)
    assert first.json["status"] == "DONE"
    assert second.headers["idempotency-key"] == headers["idempotency-key"]
    # A replay shows two ids: that of the first answer, and its own (toss/api.md 1.2 [M]).
    trace, traces = first.headers["x-tosspayments-trace-id"], second.headers["x-tosspayments-trace-id"].split(", ")
    assert (len(traces), traces[0]) == (2, trace)
    assert traces[1] != trace


async def test_errors_are_stored_too(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    headers = {"idempotency-key": "errors"}
    assert (await toss.confirm(key, order_id, 1, headers=headers)).code == "INVALID_REQUEST"
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).code == "INVALID_REQUEST"
    assert (await toss.confirm(key, order_id, 15000, headers={"idempotency-key": "new"})).status == 200


async def test_a_cancel_repeated_with_its_key_happens_once(toss: Toss) -> None:
    payment = await toss.paid(10000)
    path = f"/v1/payments/{payment['paymentKey']}/cancel"
    body = {"cancelReason": "x", "cancelAmount": 1000}
    answers = [await toss.post(path, body, headers={"idempotency-key": "c1"}) for _ in range(3)]
    assert len({answer.raw for answer in answers}) == 1
    assert (await toss.payment(payment["paymentKey"]))["balanceAmount"] == 9000


async def test_the_scope_is_key_url_and_api_key_without_the_body(toss: Toss) -> None:
    headers = {"idempotency-key": "scope"}
    first = await toss.post("/v1/payments/confirm", {}, headers=headers)
    other_body = await toss.confirm("unknown", "order-000000", 1000, headers=headers)
    assert (first.code, other_body.raw) == ("INVALID_REQUEST", first.raw)
    other_url = await toss.post("/v1/payments/unknown/cancel", {"cancelReason": "x"}, headers=headers)
    assert other_url.code == "NOT_FOUND_PAYMENT"
    other_key = headers | {"authorization": basic("test_sk_idempotencyother:")}
    answer = await toss.confirm("unknown", "order-000000", 1000, headers=other_key)
    assert answer.code == "NOT_FOUND_PAYMENT"


async def test_the_key_is_ignored_on_get(toss: Toss) -> None:
    key, _ = await toss.opened()
    headers = {"idempotency-key": "get"}
    first = await toss.get(f"/v1/payments/{key}", headers=headers)
    await toss.authenticate(key)
    second = await toss.get(f"/v1/payments/{key}", headers=headers)
    assert (first.json["status"], second.json["status"]) == ("READY", "IN_PROGRESS")
    assert "idempotency-key" not in first.headers


@pytest.mark.parametrize(("length", "code"), [(300, "NOT_FOUND_PAYMENT"), (301, "INVALID_IDEMPOTENCY_KEY")])
async def test_the_key_has_at_most_300_characters(toss: Toss, length: int, code: str) -> None:
    answer = await toss.confirm("unknown", "order-000000", 1, headers={"idempotency-key": "k" * length})
    assert answer.code == code


async def test_a_second_request_while_the_first_runs_is_409(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="delay", path="/v1/payments/confirm", delayMs=1500)
    headers = {"idempotency-key": "running"}
    first = asyncio.create_task(toss.confirm(key, order_id, 15000, headers=headers))
    await asyncio.sleep(0.2)
    second = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (second.status, second.code) == (409, "IDEMPOTENT_REQUEST_PROCESSING")
    assert second.json["message"] == "이전 멱등 요청이 처리중입니다."
    done = await first
    assert done.json["status"] == "DONE"
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).raw == done.raw


async def test_many_at_once_with_one_key_have_one_effect(toss: Toss) -> None:
    payment = await toss.paid(10000)
    path = f"/v1/payments/{payment['paymentKey']}/cancel"
    body = {"cancelReason": "x", "cancelAmount": 1000}
    await toss.fault(kind="delay", path="/v1/payments/*/cancel", delayMs=1000)
    send = [toss.post(path, body, headers={"idempotency-key": "many"}) for _ in range(10)]
    statuses = [answer.status for answer in await asyncio.gather(*send)]
    assert sorted(statuses) == [200] + [409] * 9
    assert (await toss.payment(payment["paymentKey"]))["balanceAmount"] == 9000


async def test_the_answer_is_kept_for_15_days(toss: Toss) -> None:
    headers = {"idempotency-key": "days"}
    key, order_id = await toss.authenticated()
    first = await toss.confirm(key, order_id, 15000, headers=headers)
    await toss.advance(15 * 86400 - 60)
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).raw == first.raw
    await toss.advance(120)
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).code == "ALREADY_PROCESSED_PAYMENT"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("REJECT_CARD_COMPANY", 403),
        ("PROVIDER_ERROR", 400),
        ("FAILED_INTERNAL_SYSTEM_PROCESSING", 500),
        ("NOT_FOUND_PAYMENT_SESSION", 404),
        ("IDEMPOTENT_REQUEST_PROCESSING", 409),
    ],
)
async def test_the_test_code_header_fails_a_call_without_touching_it(toss: Toss, code: str, status: int) -> None:
    key, order_id = await toss.authenticated()
    headers = {"tosspayments-test-code": code}
    answer = await toss.confirm(key, order_id, 15000, headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["message"] != code
    assert (await toss.confirm(key, order_id, 15000)).status == 200


async def test_an_unknown_test_code_and_its_place_in_the_order(toss: Toss) -> None:
    unknown = await toss.confirm("x", "order-1", 1, headers={"tosspayments-test-code": "NO_SUCH_CODE"})
    assert (unknown.status, unknown.code) == (400, "INVALID_TEST_CODE")
    before_parameters = await toss.call(
        "POST", "/v1/payments/confirm", raw=b"{", headers={"tosspayments-test-code": "FDS_ERROR"}
    )
    assert before_parameters.code == "FDS_ERROR"
    headers = {"idempotency-key": "replay-first"}
    first = await toss.confirm("x", "order-1", 1, headers=headers)
    both = headers | {"tosspayments-test-code": "FDS_ERROR"}
    assert (await toss.confirm("x", "order-1", 1, headers=both)).raw == first.raw


async def test_endpoints_use_their_own_texts(toss: Toss) -> None:
    headers = {"tosspayments-test-code": "FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING"}
    confirm = await toss.confirm("x", "order-1", 1, headers=headers)
    assert confirm.json["message"] == "결제가 완료되지 않았어요. 다시 시도해주세요."
    created = await toss.post("/v1/payments", {}, headers=headers)
    assert created.json["message"].startswith("결제 기관(카드사")
