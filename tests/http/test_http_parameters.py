"""Every query and path parameter × everything that can be wrong with it."""

import base64
import json
from urllib.parse import quote
from uuid import uuid4

import pytest

from paywon.web.query import camel
from tests.http.doors import Door, Field, doors
from tests.http.world import World

QUERY = [(door, field) for door in doors() for field in door.query]
IN_PATH = [(door, field) for door in doors() for field in door.in_path]
BY_QUERY = pytest.mark.parametrize(("door", "field"), QUERY, ids=lambda item: getattr(item, "spelling", str(item)))
BY_PATH = pytest.mark.parametrize(("door", "field"), IN_PATH, ids=lambda item: getattr(item, "spelling", str(item)))
WITH_KEY = pytest.mark.parametrize(
    "door", [door for door in doors() if door.path.startswith(("/api", "/payments"))], ids=str
)

BAD_NUMBERS = ["0", "-1", "1.0", "1e3", "true", "one", "", "+1", "%201", "1%20", "1_0", "0x1", "%D9%A1", "1%0A", "1%00"]
BAD_NUMBERS += ["null", "NaN", "1,2", "[1]", "9" * 5000, str(2**63), str(10**18), str(10**40), "%FF", "%"]
BAD_TEXTS = [
    "",
    "%00",
    "a%00b",
    "a%0A",
    "%0Aa",
    "a%0D%0Ab",
    "a%7F",
    "%C2%85",
    "%20",
    "a%20b",
    "%FF",
    "%ED%A0%80",
    "%C0%80",
]
BAD_TEXTS += ["%ED%95%9C%EA%B8%80", "a%2Fb", "%27%20OR%201=1--", "%zz", "a%u0000", "%F0%9F%98%80"]


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


ID = "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001"
BAD_CURSORS = [
    "zz",
    "====",
    "a" * 481,
    "a" * 199,
    *(
        _cursor(text)
        for text in (
            "x",
            f"x {ID}",
            f" {ID}",
            "2027-01-01T00:00:00+00:00 ",
            "2027-01-01T00:00:00+00:00 x",
            f"2027-01-01T00:00:00 {ID}",
            f"2027-01-01T09:00:00+09:00 {ID}",
            f"0001-01-01T00:00:00+23:59 {ID}",
            f"9999-12-31T23:59:59-23:59 {ID}",
            f"2027-13-01T00:00:00+00:00 {ID}",
            f"2027-01-01T00:00:00+00:00 {ID} {ID}",
            f"2027-01-01T00:00:00+00:00\x00 {ID}",
        )
    ),
]


def _bad_texts(field: Field) -> list[str]:
    if field.spelling == "cursor":
        return BAD_TEXTS + BAD_CURSORS
    if "enum" in field.schema:
        return [
            *BAD_TEXTS,
            "null",
            "NULL",
            "none",
            "DONE",
            field.schema["enum"][0].upper(),
            field.schema["enum"][0] + "%00",
        ]
    if field.schema.get("format") == "uuid":
        return [*BAD_TEXTS, ID[:-1], f"{ID}0", ID.replace("6", "g"), f"{ID}%0A", "0" * 31, "1", "null", "a" * 20_000]
    return [*BAD_TEXTS, "a" * (field.schema["maxLength"] + 1), "a" * 20_000]


@BY_QUERY
def test_a_bad_query_parameter(world: World, door: Door, field: Field) -> None:
    number = field.schema["type"] == "integer"
    values = [*BAD_NUMBERS, str(int(field.schema["maximum"]) + 1)] if number else _bad_texts(field)
    for value in values:
        answer = world.refused(door, door.method, f"{world.target(door)}?{field.spelling}={value}", media_type=None)
        document = answer.json()
        code = "CURSOR_INVALID" if field.spelling == "cursor" and len(value) < 200 else "INVALID_REQUEST"
        assert (answer.status, document["code"], document["field"]) == (400, code, field.spelling), value


@BY_QUERY
def test_a_query_parameter_that_is_there_twice_or_misspelt(world: World, door: Door, field: Field) -> None:
    name = field.spelling
    good = field.schema.get("enum", ["1"])[0]
    for query, blamed in (
        (f"{name}={good}&{name}={good}", name),
        (f"{name.upper()}={good}", name.upper()),
        (f"{name}[]={good}", f"{name}[]"),
        (f"%20{name}={good}", f" {name}"),
    ):
        document = world.refused(door, door.method, f"{world.target(door)}?{query}").json()
        assert (document["code"], document["field"]) == ("INVALID_REQUEST", blamed), query


@WITH_KEY
@pytest.mark.parametrize("query", ["userid=a", "%00=1", "a%0Ab=1", "%ED%95%9C=1", "a" * 20_000 + "=1", "__proto__=1"])
def test_an_unknown_query_parameter(world: World, door: Door, query: str) -> None:
    if door.path == "/payments/webhook":
        return  # its address is registered at Toss, with whatever query the operator likes
    answer = world.refused(door, door.method, f"{world.target(door)}?{query}", world.good(door))
    assert (answer.status, answer.json()["code"]) == (400, "INVALID_REQUEST")
    assert answer.json()["field"]


def test_the_furthest_page_is_only_empty(world: World) -> None:
    answer = world.wire.send("GET", "/payments?page=10000&limit=100")
    assert (answer.status, answer.json()["payments"], answer.json()["nextCursor"]) == (200, [], None)
    for cursor in (f"0001-01-01T00:00:00+00:00 {ID}", f"9999-12-31T23:59:59.999999+00:00 {ID}"):
        for path in ("/payments", world.target(next(door for door in doors() if door.path.endswith("transactions")))):
            assert world.wire.send("GET", f"{path}?cursor={_cursor(cursor)}").status == 200, (path, cursor)


@BY_PATH
def test_a_path_parameter_of_something_that_does_not_exist(world: World, door: Door, field: Field) -> None:
    unknown = str(uuid4()) if field.schema.get("format") == "uuid" else "UNKNOWN-0123456789"
    answer = world.refused(door, door.method, world.target(door, **{field.spelling: unknown}), world.good(door))
    assert answer.status == 404
    assert answer.json()["code"] in (
        "ORDER_NOT_FOUND",
        "PAYMENT_NOT_FOUND",
        "CAPSULE_NOT_FOUND",
        "DOUBT_NOT_FOUND",
        "BILLING_KEY_NOT_FOUND",
        "CASH_RECEIPT_NOT_FOUND",
        "EVENT_ENDPOINT_NOT_FOUND",
        "EVENT_NOT_FOUND",
        "WEBHOOK_NOT_FOUND",
    )


@BY_PATH
def test_a_malformed_path_parameter(world: World, door: Door, field: Field) -> None:
    uuid = field.schema.get("format") == "uuid"
    longest = 5000 if uuid else field.schema["maxLength"] + 1
    values = [*BAD_TEXTS[1:], "a" * longest, "..%2F..%2Fetc", "*", "{}", "a;b=c", "0"]
    values += [ID + "0", ID[:-1], ID.replace("6", "g"), f"{ID}%00", f"{ID}%0A", "0" * 33] if uuid else []
    values += ["a" * (field.schema.get("minLength", 1) - 1)] if field.schema.get("minLength", 1) > 1 else []
    for value in values:
        if not uuid and value == "0" and "minLength" not in field.schema:
            continue  # a paymentKey may well be one character long
        answer = world.refused(door, door.method, world.target(door, **{field.spelling: value}), world.good(door))
        document = answer.json()
        if uuid or "%2F" in value:
            assert answer.status in (404, 405), value
        else:
            assert (answer.status, document["code"]) == (400, "INVALID_REQUEST"), value
            assert document["field"] == camel(field.spelling), value


def test_a_name_is_spelt_as_the_caller_spells_it(world: World) -> None:
    """Wherever a field is named, it is not by its name in Python."""
    names = {field.path[-1] for door in doors() for field in (*door.fields, *door.query)}
    assert not [name for name in names if "_" in name]
    document = world.refused(None, "GET", f"/payments?userId={quote('한글')}").json()
    assert document["field"] == "userId"
    assert "user_id" not in json.dumps(document)
