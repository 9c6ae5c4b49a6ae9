"""Amounts, instants, tolerance and the one clear error of the wire bodies."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paywon.toss.body import MAX_DEPTH, MalformedBody, parse_object
from paywon.toss.wire import Payment, aware, decode_payment, whole

pytestmark = pytest.mark.unit

DONE = json.loads((Path(__file__).parents[2] / "fixtures" / "toss" / "payment-virtual-account-done.json").read_text())


def _payment(total: str = "1000", **fields: Any) -> Payment:
    text = json.dumps(DONE | fields).replace(f'"totalAmount": {DONE["totalAmount"]}', f'"totalAmount": {total}')
    return decode_payment(text.encode())


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1000", 1000),
        ("1000.0", 1000),
        ("1e3", 1000),
        ("-1000.00", -1000),
        ("0", 0),
        ("-0.0", 0),
        ("726.24", Decimal("726.24")),
        ("0.1", Decimal("0.1")),
        ("9007199254740993", 9007199254740993),
        ("9007199254740993.01", Decimal("9007199254740993.01")),
        ("123456789012345678.123456789", Decimal("123456789012345678.123456789")),
        ("9223372036854775807", 9223372036854775807),
    ],
)
def test_an_amount_is_an_int_or_keeps_its_fraction(text: str, amount: int | Decimal) -> None:
    total = _payment(text).total_amount
    assert (total, type(total)) == (amount, type(amount))
    assert whole(total) == (amount if isinstance(amount, int) else None)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "null",
        '"NaN"',
        '"Infinity"',
        '"won"',
        "[]",
        "{}",
        "9" * 5000,
        "9223372036854775808",
        "1e999999999",
        "1e400",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(MalformedBody, match="totalAmount: "):
        _payment(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2024-02-13T12:18:14+09:00", datetime(2024, 2, 13, 3, 18, 14, tzinfo=UTC)),
        ("2024-02-13T12:18:14", datetime(2024, 2, 13, 3, 18, 14, tzinfo=UTC)),
        ("2024-02-13T12:18:14Z", datetime(2024, 2, 13, 12, 18, 14, tzinfo=UTC)),
        ("2024-02-13T12:18:14.5", datetime(2024, 2, 13, 3, 18, 14, 500000, tzinfo=UTC)),
        ("2024-02-13T12:18:14.123456789", datetime(2024, 2, 13, 3, 18, 14, 123457, tzinfo=UTC)),
    ],
)
def test_an_instant_is_aware_and_korean_without_an_offset(text: str, instant: datetime) -> None:
    payment = _payment(approvedAt=text, virtualAccount=DONE["virtualAccount"] | {"dueDate": text})
    assert payment.approved_at == instant
    assert payment.virtual_account is not None
    assert payment.virtual_account.due_date == instant


def test_an_instant_without_offset_is_given_plus_nine() -> None:
    assert aware(datetime(2024, 2, 13)).utcoffset() == timedelta(hours=9)  # noqa: DTZ001 - the case itself


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00", "9999-12-31T23:59:59", "2024-02-13", "soon", ""])
def test_an_instant_that_is_none_is_absent(text: str) -> None:
    payment = _payment(approvedAt=text)
    assert (payment.approved_at, payment.status, payment.balance_amount) == (None, "DONE", DONE["balanceAmount"])


@pytest.mark.parametrize("field", ["paymentKey", "orderId", "status", "totalAmount", "balanceAmount", "currency"])
def test_what_names_a_payment_and_its_money_is_required(field: str) -> None:
    with pytest.raises(MalformedBody, match=f"{field}: is missing"):
        decode_payment(json.dumps({name: value for name, value in DONE.items() if name != field}).encode())


def test_a_payment_of_the_bare_minimum_is_read() -> None:
    names = ["paymentKey", "orderId", "status", "totalAmount", "balanceAmount", "currency"]
    payment = decode_payment(json.dumps({name: DONE[name] for name in names}).encode())
    assert (payment.cancels, payment.card, payment.approved_at) == (None, None, None)


def test_a_payment_in_a_log_shows_no_secret_and_no_account() -> None:
    account = {"bankCode": "20", "accountNumber": "110123456789", "holderName": "박토스"}
    payment = _payment(virtualAccount=DONE["virtualAccount"] | {"refundReceiveAccount": account})
    assert payment.virtual_account is not None
    for text in (repr(payment), str([payment]), repr(payment.virtual_account)):
        assert "110123456789" not in text
        assert DONE["secret"] not in text


FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NEW_FIELDS = st.dictionaries(st.text(min_size=1).map(lambda name: f"new_{name}"), JSON, max_size=4)


@given(NEW_FIELDS, NEW_FIELDS)
def test_new_fields_change_nothing(outer: dict[str, Any], inner: dict[str, Any]) -> None:
    grown = outer | DONE | {"virtualAccount": inner | DONE["virtualAccount"]}
    assert decode_payment(json.dumps(grown).encode()) == decode_payment(json.dumps(DONE).encode())


WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


@given(WORDS, WORDS, WORDS, WORDS)
def test_new_members_of_enumerations_are_read(status: str, method: str, kind: str, refund: str) -> None:
    account = DONE["virtualAccount"] | {"refundStatus": refund, "accountType": refund}
    payment = _payment(status=status, method=method, type=kind, virtualAccount=account)
    assert (payment.status, payment.method, payment.type) == (status, method, kind)
    assert payment.virtual_account is not None
    assert payment.virtual_account.refund_status == refund


@given(st.binary() | st.text().map(str.encode) | JSON.map(lambda value: json.dumps(value).encode()))
@example(b"")
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf{}")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'{"paymentKey":"\\ud800"}')
@example(b'{"a":1e999}')
@example(b'{"a":' + b"9" * 5000 + b"}")
@example(b"null")
def test_any_bytes_give_the_one_error(raw: bytes) -> None:
    for read in (decode_payment, parse_object):
        try:
            value = read(raw)
        except MalformedBody as error:
            assert error.reason
        else:
            assert isinstance(value, Payment | dict)


@given(st.sampled_from(sorted(DONE)), JSON)
def test_any_value_in_any_field_is_read_or_gives_the_one_error(field: str, value: object) -> None:
    try:
        payment = decode_payment(json.dumps(DONE | {field: value}).encode())
    except MalformedBody:
        return
    assert payment.requested_at is None or payment.requested_at.utcoffset() is not None


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"[]", "not a JSON object"),
        (b"{", "not JSON"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested deeper than 64"),
    ],
)
def test_the_reason_is_clear(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedBody, match=reason):
        parse_object(raw)


def test_the_deepest_allowed_body_is_read() -> None:
    assert parse_object(b'{"a":' * MAX_DEPTH + b"9223372036854775807" + b"}" * MAX_DEPTH)
