"""Deliveries: the three envelopes, the incomplete, the unknown and the hostile."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paywon.toss.webhooks import DEPOSIT_CALLBACK, MalformedWebhook, Webhook, parse_webhook

pytestmark = pytest.mark.unit

DEPOSIT = {
    "createdAt": "2022-01-01T00:00:00.000000",
    "secret": "DmKQbGzQQcVE3UoFNqWxL",
    "status": "DONE",
    "transactionKey": "9FF15E1A29D0E77C218F57262BFA4986",
    "orderId": "EbUYmJ4Q9EANnTWta8dok",
}
PAYMENT = {"paymentKey": "pk", "orderId": "order-1", "status": "DONE", "secret": None}


def _parse(body: object) -> Webhook:
    return parse_webhook(json.dumps(body).encode())


def _event(event_type: str, **fields: Any) -> dict[str, Any]:
    return {"eventType": event_type, "createdAt": "2024-02-13T12:18:14.123456"} | fields


def test_the_flat_envelope_names_no_payment() -> None:
    webhook = _parse(DEPOSIT)
    assert webhook == Webhook(
        event_type=DEPOSIT_CALLBACK,
        created_at=datetime(2021, 12, 31, 15, tzinfo=UTC),
        order_no="EbUYmJ4Q9EANnTWta8dok",
        status="DONE",
        secret="DmKQbGzQQcVE3UoFNqWxL",
        transaction_key="9FF15E1A29D0E77C218F57262BFA4986",
        raw=DEPOSIT,
    )


@pytest.mark.parametrize("name", ["secret", "transactionKey", "orderId"])
def test_a_flat_body_without_its_marks_is_refused(name: str) -> None:
    with pytest.raises(MalformedWebhook, match="neither eventType nor"):
        _parse({key: value for key, value in DEPOSIT.items() if key != name})


@pytest.mark.parametrize(
    ("text", "micros"),
    [("", 0), (".6", 600000), (".65327", 653270), (".123456", 123456), (".123456789", 123457), (".000000", 0)],
)
def test_created_at_takes_any_fraction(text: str, micros: int) -> None:
    webhook = _parse(_event("PAYMENT_STATUS_CHANGED", data=PAYMENT, createdAt=f"2024-02-13T12:18:59{text}"))
    assert webhook.created_at == datetime(2024, 2, 13, 3, 18, 59, micros, tzinfo=UTC)
    assert webhook.created_at.utcoffset() == timedelta(hours=9)


@pytest.mark.parametrize("value", [None, 5, "soon", "0001-01-01T00:00:00", {}])
def test_an_unreadable_created_at_is_left_out(value: object) -> None:
    assert _parse(DEPOSIT | {"createdAt": value}).created_at is None


def test_an_unknown_event_type_is_read() -> None:
    for fields in ({}, {"data": None}, {"data": [1]}, {"entityBody": "x"}, {"data": {"status": 5}}):
        webhook = _parse(_event("brand.new", **fields))
        assert (webhook.event_type, webhook.payment_key, webhook.status) == ("brand.new", None, None)
    assert _parse(_event("brand.new", data=PAYMENT)).payment_key == "pk"


def test_an_incomplete_payment_is_read_while_it_is_named() -> None:
    assert _parse(_event("PAYMENT_STATUS_CHANGED", data={"orderId": "order-1"})).order_no == "order-1"
    for data in ({}, None, {"paymentKey": 5}, {"paymentKey": ""}):
        with pytest.raises(MalformedWebhook, match="without paymentKey and orderId"):
            _parse(_event("PAYMENT_STATUS_CHANGED", data=data))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"eventType":"\xff"}', "not UTF-8"),
        (b'{"eventType":5}', "eventType is not a text"),
        (b'{"eventType":""}', "eventType is not a text"),
        (b'{"eventType":"x","data":' + b"[" * 500 + b"]" * 500 + b"}", "nested deeper"),
        (b'{"eventType":' * 100_000, "nested too deeply"),
        (b'{"eventType":"x\\u0000"}', "not printable"),
        (b'{"eventType":"x","data":{"orderId":"a\\nb"}}', "orderId is too long or not printable"),
        (b'{"eventType":"x","data":{"orderId":"' + b"a" * 301 + b'"}}', "orderId is too long"),
    ],
)
def test_what_is_no_webhook_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedWebhook, match=reason):
        parse_webhook(body)


@pytest.mark.parametrize("number", ["9" * 300, "9" * 5000, "1e400", "-9223372036854775809"])
def test_a_number_that_no_column_holds_is_kept_as_its_text(number: str) -> None:
    body = f'{{"eventType":"x","data":{{"amount":{number},"orderId":"order-1"}}}}'
    webhook = parse_webhook(body.encode())
    assert (webhook.order_no, webhook.raw["data"]["amount"]) == ("order-1", number)


@pytest.mark.parametrize("value", [None, True, 5, 1.5, "a\nb", "\x00", "x" * 301, [1], {"a": 1}])
@pytest.mark.parametrize("name", ["status", "secret", "lastTransactionKey", "method", "totalAmount"])
def test_what_is_odd_beside_the_names_hides_no_delivery(name: str, value: object) -> None:
    webhook = _parse(_event("PAYMENT_STATUS_CHANGED", data=PAYMENT | {name: value}))
    assert (webhook.payment_key, webhook.order_no) == ("pk", "order-1")
    assert (webhook.status, webhook.secret) == (None if name == "status" else "DONE", None)


def test_the_secret_stays_out_of_logs() -> None:
    assert "DmKQbGzQQcVE3UoFNqWxL" not in repr(_parse(DEPOSIT))


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from([*DEPOSIT, "eventType", "data", "entityBody", "paymentKey", "payment", "eventId"])


@given(st.dictionaries(NAMES, ANY).map(lambda body: json.dumps(body).encode()) | st.binary())
@example(b"[" * 100_000)
def test_any_bytes_are_read_or_give_the_one_error(body: bytes) -> None:
    try:
        webhook = parse_webhook(body)
    except MalformedWebhook as error:
        assert error.reason
    else:
        assert webhook.event_type
