"""The published document: valid in itself, and true of every door."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.routes import HTTPRoute

from paywon.base.catalogue import CATALOGUE
from tests.http.doors import Door, app, body_schema, document, doors, resolved
from tests.http.world import OPEN_DOORS, World

BY_DOOR = pytest.mark.parametrize("door", doors(), ids=str)
STATUSES = {code.kind.value for code in CATALOGUE.values()}


def test_the_document_is_served_to_everybody(world: World) -> None:
    answer = world.wire.send("GET", "/schema/openapi.json", key=None)
    assert answer.status == 200
    assert answer.json() == json.loads(msgspec.json.encode(document()))


def test_the_document_is_whole() -> None:
    assert document()["openapi"].startswith("3.1")
    assert document()["components"]["securitySchemes"]["apiKey"] == {"type": "http", "scheme": "bearer"}
    assert document()["security"] == [{"apiKey": []}]
    schemas = document()["components"]["schemas"]
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document())):
        prefix, _, name = reference.rpartition("/")
        assert (prefix, name in schemas) == ("#/components/schemas", True), reference
    for door in doors():
        templated = set(re.findall(r"{(\w+)}", door.path))
        assert {field.spelling for field in door.in_path} == templated, door
    ids = [door.operation["operationId"] for door in doors()]
    assert len(set(ids)) == len(ids)


def test_no_door_is_left_out_of_the_document() -> None:
    """What walks the document, such as the table of who may do what, would not come by there."""
    published = {(door.method, door.path) for door in doors()}
    found = {
        (str(method), route.path_format)
        for route in app().routes
        if isinstance(route, HTTPRoute) and not route.path_format.startswith("/schema")
        for handler in route.route_handlers
        for method in handler.http_methods
        if method != "OPTIONS"
    }
    assert found == published


def test_every_pattern_means_the_same_in_python_and_javascript() -> None:
    """``\\Z`` and ``(?P<`` are Python's alone, and a bare ``$`` lets a line feed through in Python."""
    patterns = set(re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(document())))
    assert patterns
    for pattern in map(json.loads, patterns):
        assert pattern.startswith("^"), pattern
        assert pattern.endswith(r"$(?!\n)"), pattern
        assert not re.search(r"\\[AZ]|\(\?P", pattern), pattern


def test_no_value_fits_two_of_what_it_may_be_one_of() -> None:
    """An integer is a number too: ``oneOf`` both is neither."""
    text = json.dumps(document())
    for options in re.findall(r'"oneOf": \[((?:[^\[\]]|\[[^\]]*\])*)\]', text):
        assert not ('"integer"' in options and '"number"' in options), options


@BY_DOOR
def test_a_door_is_described(door: Door) -> None:
    operation = door.operation
    assert operation["summary"][0].isupper()
    assert operation["tags"]
    assert operation.get("security") == ([] if str(door) in OPEN_DOORS else None)
    if door.path in ("/health", "/ready"):
        assert set(operation["responses"]) == {"200"} | ({"503"} if door.path == "/ready" else set())
        return
    if door.path == "/api/config":
        assert set(operation["responses"]) == {"200", "400", "429"}
        return
    (success,) = [status for status in operation["responses"] if status.startswith("2")]
    assert operation["responses"][success]["content"]["application/json"]["schema"]
    problems = {int(status) for status in operation["responses"]} - {int(success)}
    needed = {400, 401, 503} | ({413, 415, 422} if door.fields else set()) | ({404} if door.in_path else set())
    assert needed <= problems <= STATUSES
    for status in problems:
        content = operation["responses"][str(status)]["content"]
        assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.mark.parametrize("door", [door for door in doors() if "requestBody" in door.operation], ids=str)
def test_the_example_fits_the_schema(door: Door) -> None:
    schema = body_schema(door.operation)
    assert schema is not None
    for example in schema["examples"]:
        assert list(_misfits(example, schema)) == []


def _misfits(value: Any, schema: dict[str, Any], at: str = "$") -> Iterator[str]:
    """A reader of the few words of JSON Schema that the document uses."""
    schema, nullable = resolved(schema)
    if value is None and nullable:
        return
    types: dict[str, type] = {"object": dict, "string": str, "integer": int, "boolean": bool, "array": list}
    if not isinstance(value, types[schema["type"]]):
        yield f"{at} is no {schema['type']}"
    elif isinstance(value, dict):
        yield from _misfits_within(value, schema, at)
    elif isinstance(value, list):
        yield from _misfits_of_list(value, schema, at)
    elif isinstance(value, bool):
        return
    elif isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            yield f"{at} is too long or short"
        if not re.search(schema.get("pattern", ""), value) or value not in schema.get("enum", [value]):
            yield f"{at} has the wrong form"
    elif not schema.get("minimum", 0) <= value <= schema["maximum"]:
        yield f"{at} is too large or small"


def _misfits_of_list(value: list[Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{at} is too long or short"
    for place, item in enumerate(value):
        yield from _misfits(item, schema["items"], f"{at}[{place}]")


def _misfits_within(value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at} lacks {name}" for name in schema.get("required", ()) if name not in value)
    known = schema.get("properties", {})
    for name in value:
        if name in known:
            yield from _misfits(value[name], known[name], f"{at}.{name}")
        elif known:
            yield f"{at} does not know {name}"


def test_an_answer_that_names_an_order_names_it_by_both_words() -> None:
    """``orderId`` is Toss's word for the order's number, ``orderNo`` ours; the UUID is the order's ``id``."""
    schemas = document()["components"]["schemas"]
    one_word = [
        name
        for name, schema in schemas.items()
        if name.endswith(("Out", "Link", "View"))
        and len({"orderId", "orderNo"} & set(schema.get("properties", {}))) == 1
    ]
    assert one_word == []
    for schema in schemas.values():
        word = schema.get("properties", {}).get("orderId", {})
        assert word.get("format") != "uuid"
