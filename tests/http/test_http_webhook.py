"""The webhook door: open to everybody, so everything comes to it. What is no webhook is refused and not stored."""

import json
from typing import Any

import pytest

from tests.http.world import World

PATH = "/payments/webhook"


def _event(**changes: Any) -> dict[str, Any]:
    return {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2027-01-01T00:00:00.000000", **changes}


NO_WEBHOOK: list[bytes] = [
    b"",
    b" ",
    b"\x00",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"a=b",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b'{"eventType": "\xff"}',
    b'{"eventType": "A\x00"}',
    rb'{"eventType": "A\u0000"}',
    rb'{"eventType": "\ud800"}',
    rb'{"eventType": "A\n"}',
    b'{"eventType": ""}',
    b'{"eventType": "A"} x',
    b'{"eventType": "A"}{"eventType": "B"}',
    b'{"eventType": "A", "data": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    b'{"eventType": "A", "data": ' + b'{"a":' * 300 + b"1" + b"}" * 300 + b"}",
    json.dumps({"eventType": "A" * 301}).encode(),
    *(b'{"eventType": %s}' % value for value in (b"1", b"null", b"true", b"[]", b"{}", b'["A"]')),
    json.dumps(_event()).encode(),
    *(
        b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": %s}' % data
        for data in (b"null", b"1", b'"x"', b"[]", b"{}", b'[{"orderId": "ORD-123456"}]')
    ),
    json.dumps(_event(data={"orderId": 1, "paymentKey": ["x"]})).encode(),
    json.dumps(_event(data={"orderId": "a\x00b"})).encode(),
    json.dumps(_event(data={"orderId": "ORD-123456\n"})).encode(),
    json.dumps(_event(data={"paymentKey": "k" * 301})).encode(),
    json.dumps({"secret": "s", "transactionKey": "t"}).encode(),
    json.dumps({"secret": 1, "transactionKey": "t", "orderId": "ORD-123456"}).encode(),
]


# Odd, and yet readable: what nobody needs of a webhook may be of any kind (nothing is sent twice, so each is stored).
BEYOND_NUMBERS = [
    b'{"eventType": "ODD_NAN", "data": NaN}',
    b'{"eventType": "ODD_POWER", "data": 1e400}',
    b'{"eventType": "ODD_LONG", "data": ' + b"9" * 5000 + b"}",
    json.dumps({"eventType": "ODD_INT", "data": 10**40}).encode(),
    json.dumps({"eventType": "ODD_STATUS", "data": {"orderId": "ORD-123456", "status": "\x1b[31m"}}).encode(),
]


@pytest.mark.parametrize("raw", BEYOND_NUMBERS, ids=lambda raw: raw[15:22].decode())
def test_a_webhook_with_an_odd_part_is_stored(world: World, raw: bytes) -> None:
    answer = world.wire.send("POST", PATH, raw, key=None, media_type="application/json")
    assert (answer.status, answer.json()["received"]) == (200, True)


def test_what_is_no_webhook(world: World) -> None:
    for raw in NO_WEBHOOK:
        for media_type in ("application/json", "text/plain", None):
            answer = world.refused(None, "POST", PATH, raw, key=None, media_type=media_type)
            assert (answer.status, answer.json()["code"]) == (400, "WEBHOOK_MALFORMED"), raw[:200]


ODD: list[dict[str, Any]] = [
    {"note": "a\x00b"},
    {"a\x00b": "c"},
    {"deep": {"a": [{"b\x00": ["\x00"]}]}},
    {"note": "\uffff\U0010ffff\u202e"},
    {"note": 1e308, "minus": -0.0, "big": 2**63 - 1, "small": -(2**62)},
    {"card": {"number": "4111111111111111"}},
    {"card": {"number": 4111111111111111}},
    {"note": "４１１１１１１１１１１１１１１１ ²²²²²²²²²²²²²²²²"},
    {"a" * 50_000: "b"},
    {str(number): number for number in range(4000)},
    {"customerName": "\x00", "phone": "\x00", "virtualAccount": {"accountNumber": "1\x00"}, "accountNumber": "\x00"},
    {"virtualAccount": {"accountNumber": ["\x00"]}, "secret": {"\x00": "\x00"}, "token": ["\x00"]},
    {"orderId": "한글 / ../ ' OR 1=1"},
    {"status": None, "cancels": None, "secret": ["a"]},
]
TIMES = ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "", "x", 1, None, [], "2027-01-01T00:00:00\x00"]


@pytest.mark.parametrize("odd", [*({"data": odd} for odd in ODD), *({"createdAt": t} for t in TIMES)])
def test_an_odd_webhook_is_stored_as_far_as_it_can_be(world: World, odd: dict[str, Any]) -> None:
    # About an order of ours: of what is nobody's and long nothing is kept.
    data = {"orderId": world.known["order_no"], **odd.get("data", {})}
    raw = json.dumps(_event(**{**odd, "data": data})).encode()
    answer = world.wire.send("POST", PATH, raw, key=None)
    assert (answer.status, answer.json()) == (200, {"received": True, "repeated": False})
    assert world.wire.send("POST", PATH, raw, key=None).json() == {"received": True, "repeated": True}


@pytest.mark.parametrize("chunked", [False, True])
def test_a_webhook_has_64_kilobytes_and_no_more(world: World, chunked: bool) -> None:
    raw = json.dumps(_event(data={"orderId": world.known["order_no"], "chunked": chunked})).encode()
    largest = raw + b" " * (64 * 1024 - len(raw))
    answer = world.refused(None, "POST", PATH, largest + b" ", key=None, chunked=chunked)
    assert (answer.status, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    answer = world.wire.send("POST", PATH, largest, key=None, chunked=chunked)
    assert (answer.status, answer.json()["received"]) == (200, True)


HEADERS: list[bytes] = [
    b"tosspayments-webhook-transmission-id: \xff\xfe",
    b"tosspayments-webhook-transmission-id: " + b"a" * 5000,
    b"tosspayments-webhook-transmission-id:",
    b"tosspayments-webhook-transmission-time: \xed\xa0\x80",
    b"tosspayments-webhook-transmission-retried-count: -1",
    b"tosspayments-webhook-signature: v1:\xff,v1:",
    b"toss-signature: \xed\x95\x9c",
    b"user-agent: \xff" + b"a" * 5000,
    b"x-forwarded-for: \xff",
    b"tosspayments-webhook-" + b"x" * 5000 + b": a",
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.decode("latin-1")[:50])
def test_an_odd_header_comes_with_a_webhook(world: World, header: bytes) -> None:
    raw = json.dumps(_event(data={"orderId": "ORD-123456", "header": header.decode("latin-1")})).encode()
    answer = world.wire.send("POST", PATH, raw, key=None, headers=[header])
    assert (answer.status, answer.json()["received"]) == (200, True)
