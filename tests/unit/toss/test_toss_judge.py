"""Every rule that turns a complete HTTP answer into yes, no or unknown."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.toss.errors import Operation, Refusal
from paywon.toss.judge import judge, retry_after
from paywon.toss.outcome import Answer, Call, No, Unknown, UnknownReason, Yes
from paywon.toss.wire import Payment

pytestmark = pytest.mark.unit

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DONE = (Path(__file__).parents[2] / "fixtures" / "toss" / "payment-card-done.json").read_bytes()


def _judge(
    status: int, body: Any, *, operation: Operation = Operation.CONFIRM, headers: dict[str, str] | None = None
) -> Answer[Payment]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = Call(method="POST", path="/v1/payments/confirm", http_status=status)
    return judge(operation, Payment, call=call, raw=raw, headers=headers or {}, now=NOW)


def _error(code: str) -> dict[str, Any]:
    return {"code": code, "message": "메시지", "data": None}


def test_a_payment_is_yes_with_all_that_toss_said() -> None:
    answer = _judge(200, DONE[:-2] + b',"newField":{"a":1.5}}')
    assert isinstance(answer, Yes)
    assert (answer.value.status, answer.value.total_amount) == ("DONE", 1000)
    assert answer.raw["newField"] == {"a": 1.5}
    assert answer.call.response_body == answer.raw


@pytest.mark.parametrize(
    ("status", "code", "refusal"),
    [
        (403, "REJECT_CARD_COMPANY", Refusal.DECLINED),
        (404, "NOT_FOUND_PAYMENT_SESSION", Refusal.EXPIRED),
        (400, "INVALID_REQUEST", Refusal.REJECTED),
        (401, "UNAUTHORIZED_KEY", Refusal.MERCHANT),
        (404, "NOT_FOUND_PAYMENT", Refusal.NOT_FOUND),
        (418, "INVALID_REQUEST", Refusal.REJECTED),
    ],
)
def test_a_listed_code_is_no(status: int, code: str, refusal: Refusal) -> None:
    answer = _judge(status, _error(code))
    assert isinstance(answer, No)
    assert (answer.refusal, answer.code, answer.message) == (refusal, code, "메시지")
    assert answer.http_status == answer.call.http_status == status


@pytest.mark.parametrize(
    ("status", "body", "reason", "answered"),
    [
        # Toss has answered the key for good and will replay it: read, then a new key.
        (400, _error("ALREADY_PROCESSED_PAYMENT"), UnknownReason.ALREADY_DONE, True),
        (400, _error("PROVIDER_ERROR"), UnknownReason.MAY_PASS, True),
        (403, _error("NOT_AVAILABLE_BANK"), UnknownReason.MAY_PASS, True),
        (400, _error("BRAND_NEW_CODE"), UnknownReason.UNLISTED_CODE, True),
        (400, _error("USER_ACCOUNT_ON_HOLD"), UnknownReason.UNLISTED_CODE, True),
        (500, _error("FAILED_INTERNAL_SYSTEM_PROCESSING"), UnknownReason.SERVER_ERROR, True),
        (500, _error("REJECT_CARD_COMPANY"), UnknownReason.SERVER_ERROR, True),
        (200, {"code": "X"}, UnknownReason.UNREADABLE, True),
        (200, {}, UnknownReason.UNREADABLE, True),
        # The key has no answer yet: the same key again.
        (409, _error("IDEMPOTENT_REQUEST_PROCESSING"), UnknownReason.RUNNING, False),
        (400, _error("IDEMPOTENT_REQUEST_PROCESSING"), UnknownReason.RUNNING, False),
        (409, _error("REJECT_CARD_COMPANY"), UnknownReason.RUNNING, False),
        (429, _error("INVALID_REQUEST"), UnknownReason.RATE_LIMITED, False),
        (429, b"", UnknownReason.RATE_LIMITED, False),
        (502, b"<html>Bad Gateway</html>", UnknownReason.SERVER_ERROR, False),
        (403, b"<html>blocked</html>", UnknownReason.UNREADABLE, False),
        (403, {"code": 5, "message": "x"}, UnknownReason.UNREADABLE, False),
        (404, ["REJECT_CARD_COMPANY"], UnknownReason.UNREADABLE, False),
        (200, b"<html>login</html>", UnknownReason.UNREADABLE, False),
        (200, b"", UnknownReason.UNREADABLE, False),
        (200, DONE[: len(DONE) // 2], UnknownReason.UNREADABLE, False),
        (302, b"", UnknownReason.REDIRECTED, False),
    ],
)
def test_everything_else_is_unknown(status: int, body: Any, reason: UnknownReason, answered: bool) -> None:
    answer = _judge(status, body)
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered) == (reason, answered)
    assert answer.call.http_status == status


def test_an_operation_knows_only_its_own_refusals() -> None:
    assert isinstance(_judge(403, _error("NOT_CANCELABLE_AMOUNT"), operation=Operation.CANCEL), No)
    assert isinstance(_judge(403, _error("NOT_CANCELABLE_AMOUNT"), operation=Operation.CONFIRM), Unknown)
    assert isinstance(_judge(404, _error("NOT_FOUND_PAYMENT"), operation=Operation.READ), No)
    assert isinstance(_judge(404, _error("NOT_FOUND"), operation=Operation.READ), Unknown)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60.0),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0.0),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": text}, now=NOW) == seconds
    answer = _judge(429, b"", headers={"Retry-After": text})
    assert isinstance(answer, Unknown)
    assert answer.retry_after_s == seconds


@given(st.integers(100, 599), st.binary() | st.text().map(lambda code: json.dumps(_error(code)).encode()), st.text())
def test_nothing_that_toss_or_anybody_answers_raises(status: int, raw: bytes, retry: str) -> None:
    answer = _judge(status, raw, headers={"Retry-After": retry})
    assert isinstance(answer, Unknown)
