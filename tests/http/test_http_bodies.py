"""Every field of every body × everything that can be wrong with it: a problem that names it, and nothing written."""

import json

import pytest

from tests.http.bad_values import Bad, bad_values, holder_of, written
from tests.http.doors import Door, Field, doors, taking_json
from tests.http.world import WITHOUT_BODY, World

FIELDS = [(door, field) for door in taking_json() for field in door.fields]
BY_FIELD = pytest.mark.parametrize(("door", "field"), FIELDS, ids=lambda item: getattr(item, "spelling", str(item)))
# A date that has to be near cannot stand in a document that is read for years; tests/http/conftest.py gives it.
NEAR = {("POST /api/orders", "expiresAt")}
BY_DOOR = pytest.mark.parametrize("door", taking_json(), ids=str)


def test_every_door_that_takes_a_body_is_here() -> None:
    assert {str(door) for door in doors() if door.method not in ("GET", "DELETE")} == {
        *(str(door) for door in taking_json()),
        "POST /payments/webhook",  # taken raw: test_http_webhook
        *WITHOUT_BODY,
    }
    assert len(FIELDS) >= 45


@BY_DOOR
def test_the_example_has_every_field(door: Door) -> None:
    assert door.example is not None
    for field in door.fields:
        there = field.path[-1] in holder_of(door.example, field.path)
        assert there is ((str(door), field.spelling) not in NEAR), field.spelling


@BY_FIELD
def test_a_bad_value(world: World, door: Door, field: Field) -> None:
    body = world.body(door)
    for bad in bad_values(field):
        _refused(world, door, written(body, field.path, bad.raw), field, bad)


@BY_FIELD
def test_a_field_that_is_not_there(world: World, door: Door, field: Field) -> None:
    if not field.required:
        return
    body = json.loads(json.dumps(world.body(door)))
    del holder_of(body, field.path)[field.path[-1]]
    _refused(world, door, json.dumps(body).encode(), field, Bad(raw=b"missing"))


@BY_FIELD
def test_a_field_that_is_there_twice(world: World, door: Door, field: Field) -> None:
    body = world.body(door)
    value = json.dumps(holder_of(body, field.path)[field.path[-1]]).encode()
    again = value + b', "%s": ' % field.path[-1].encode() + value
    _refused(world, door, written(body, field.path, again), field, Bad(raw=again))


@BY_FIELD
@pytest.mark.parametrize("spelling", ["snake", "capital", "blank"])
def test_a_misspelt_field(world: World, door: Door, field: Field, spelling: str) -> None:
    name = field.path[-1]
    wrong = {"snake": f"{name}_", "capital": name.upper(), "blank": f" {name}"}[spelling]
    body = json.loads(json.dumps(world.body(door)))
    holder = holder_of(body, field.path)
    holder[wrong] = holder[name]
    misspelt = Field(path=(*field.path[:-1], wrong), schema={}, nullable=False, required=False)
    _refused(world, door, json.dumps(body).encode(), misspelt, Bad(raw=wrong.encode()))


@BY_DOOR
@pytest.mark.parametrize(
    "name", ["", "a\x00", "a\nb`c`d", "한글", "\U0001f600", "x" * 100_000, "__class__", "$", "a.b"]
)
def test_an_unknown_field(world: World, door: Door, name: str) -> None:
    raw = json.dumps({**world.body(door), name: 1}).encode()
    answer = world.refused(door, door.method, world.target(door), raw)
    assert answer.json()["code"] == "INVALID_REQUEST"
    assert answer.json().get("field", "") in (name[:100], "(body)")


NOT_OBJECTS = [b"[]", b"[{}]", b'"text"', b"1", b"1.5", b"true", b"null", b"{}"]
NOT_JSON = [
    b"",
    b" ",
    b"\x00",
    b"{",
    b"}",
    b"nul",
    b"NaN",
    b"{'a': 1}",
    b"a=b&c=d",
    b"<xml/>",
    b"\xef\xbb\xbf{}",
    '{"orderName": "한글"}'.encode("utf-16"),
    '{"orderName": "한글"}'.encode("utf-32"),
    b"\xff\xfe\xfd",
    b"\x1f\x8b\x08\x00",
    b"// comment\n{}",
]


@BY_DOOR
def test_a_body_that_is_no_object_of_ours(world: World, door: Door) -> None:
    for raw in NOT_OBJECTS:
        if raw == b"{}" and not any(field.required for field in door.fields):
            continue  # all of what such a door takes may be left out
        answer = world.refused(door, door.method, world.target(door), raw)
        assert (answer.status, answer.json()["code"]) == (400, "INVALID_REQUEST"), raw
        assert answer.json()["field"] in ("(body)", *(field.spelling for field in door.fields if field.required))


@BY_DOOR
def test_a_body_that_is_no_json(world: World, door: Door) -> None:
    good = world.good(door) or b""
    for raw in [*NOT_JSON, good + b" x", good + good, good + b"\x00", good[:-1]]:
        answer = world.refused(door, door.method, world.target(door), raw)
        assert (answer.status, answer.json()["code"]) == (400, "INVALID_JSON"), raw


@BY_DOOR
def test_a_body_nested_too_deeply(world: World, door: Door) -> None:
    for raw in (b"[" * 200_000, b"[" * 50_000 + b"]" * 50_000, b'{"a":' * 40_000 + b"1" + b"}" * 40_000):
        answer = world.refused(door, door.method, world.target(door), raw)
        assert answer.json()["code"] in ("INVALID_REQUEST", "INVALID_JSON")


MISFITS = [
    ({"currency": "USD"}, "CURRENCY_NOT_SUPPORTED", "currency"),
    ({"taxFreeAmount": 12_001}, "TAX_FREE_ABOVE_AMOUNT", "taxFreeAmount"),
    ({"expiresAt": "2001-01-01T00:00:00Z"}, "EXPIRES_AT_IN_PAST", "expiresAt"),
    ({"fulfilment": {"kind": "time_capsule"}}, "FULFILMENT_FIELDS", "fulfilment.timeOption"),
    ({"fulfilment": {"kind": "time_capsule", "timeOption": "1_WEEK"}}, "FULFILMENT_FIELDS", "fulfilment.headcount"),
    ({"fulfilment": {"kind": "none", "headcount": 1}}, "FULFILMENT_FIELDS", "fulfilment.headcount"),
    ({"fulfilment": {"kind": "event", "title": "a"}}, "FULFILMENT_FIELDS", "fulfilment.title"),
    (
        {"fulfilment": {"kind": "none", "customOpenAt": "2030-01-01T00:00:00Z"}},
        "FULFILMENT_FIELDS",
        "fulfilment.customOpenAt",
    ),
    (
        {"fulfilment": {"kind": "time_capsule", "timeOption": "CUSTOM", "headcount": 1, "title": "a"}},
        "CUSTOM_OPEN_AT_REQUIRED",
        "fulfilment.customOpenAt",
    ),
]


@pytest.mark.parametrize(("changes", "code", "field"), MISFITS)
def test_fields_that_do_not_go_together(world: World, changes: dict[str, object], code: str, field: str) -> None:
    (door,) = [door for door in taking_json() if door.path == "/api/orders"]
    answer = world.refused(door, "POST", "/api/orders", json.dumps({**world.body(door), **changes}).encode())
    assert (answer.status, answer.json()["code"], answer.json()["field"]) == (422, code, field)


def _refused(world: World, door: Door, raw: bytes, field: Field, bad: Bad) -> None:
    answer = world.refused(door, door.method, world.target(door), raw)
    document = answer.json()
    told = (answer.status, document["code"], document.get("field"))
    where = ".".join([*field.path, *([bad.within] if bad.within else [])]).replace(".[", "[")
    expected: set[tuple[int, str, str | None]] = {(400, "INVALID_REQUEST", where)}
    if bad.broken:
        # A field may be found wrong before the text is found to be no JSON: 0x10 begins with a zero.
        expected |= {(400, "INVALID_JSON", None)}
    assert told in expected, f"{field.spelling} = {bad.raw[:200]!r}"
