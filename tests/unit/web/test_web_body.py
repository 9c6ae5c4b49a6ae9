"""Bodies, cursors and times: what is taken, what is refused, and which field is named."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.errors import PaywonError
from paywon.base.readable import is_readable
from paywon.web.body import decode_strictly, invalid_field, is_json
from paywon.web.choices import choices_of
from paywon.web.paging import decode_cursor, encode_cursor
from paywon.web.query import camel
from paywon.web.shapes import (
    Email,
    Input,
    Instant,
    Metadata,
    OrderNoText,
    PaymentKeyText,
    Phone,
    Text100,
    Url,
    Won,
    Word,
)

pytestmark = pytest.mark.unit


class Inner(Input, frozen=True, kw_only=True):
    head_count: Annotated[int, msgspec.Meta(ge=1, le=10)]
    open_at: Instant | None = None


class Outer(Input, frozen=True, kw_only=True):
    order_name: Text100
    amount: Won = 1
    inner_part: Inner | None = None
    metadata: Metadata | None = None


def _refusal(raw: bytes | dict[str, Any]) -> tuple[str, str | None]:
    with pytest.raises(PaywonError) as caught:
        decode_strictly(raw if isinstance(raw, bytes) else json.dumps(raw).encode(), Outer)
    return caught.value.code, caught.value.field


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({}, "orderName"),
        ({"orderName": ""}, "orderName"),
        ({"orderName": " "}, "orderName"),
        ({"orderName": "a\n"}, "orderName"),
        ({"orderName": "a", "amount": "1000"}, "amount"),
        ({"orderName": "a", "order_name": "a"}, "order_name"),
        ({"orderName": "a", "innerPart": {}}, "innerPart.headCount"),
        ({"orderName": "a", "innerPart": {"headCount": 11}}, "innerPart.headCount"),
        ({"orderName": "a", "innerPart": {"headCount": 1, "x": 1}}, "innerPart.x"),
        ({"orderName": "a", "innerPart": {"headCount": 1, "openAt": "9999-12-31T23:59:59-23:59"}}, "innerPart.openAt"),
        ({"orderName": "a", "innerPart": {"headCount": 1, "openAt": "0001-01-01T00:00:00Z"}}, "innerPart.openAt"),
        ({"orderName": "a", "innerPart": {"headCount": 1, "openAt": "2027-01-01T00:00:00"}}, "innerPart.openAt"),
        ({"orderName": "a", "metadata": {"k": 1}}, "metadata"),
        ({"orderName": "a", "metadata": {"k" * 41: "v"}}, "metadata"),
        (b'{"orderName": "a", "orderName": "b"}', "orderName"),
        (b'{"orderName": "a", "amount": 1, "amount": 1}', "amount"),
        (b'{"orderName": "a", "innerPart": {"headCount": 1, "headCount": 1}}', "innerPart.headCount"),
        (b'{"orderName": "a", "metadata": {"k": "1", "\\u006b": "2"}}', "metadata.k"),
        (b"[]", "(body)"),
    ],
)
def test_the_field_is_named(raw: bytes | dict[str, Any], field: str) -> None:
    assert _refusal(raw) == ("INVALID_REQUEST", field)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"orderName": "\xff"}', rb'{"orderName": "\ud800"}', b'{"orderName": "a"} x']
)
def test_what_is_no_json(raw: bytes) -> None:
    assert _refusal(raw) == ("INVALID_JSON", None)


def test_a_name_that_was_made_up_is_not_told_back_whole() -> None:
    code, field = _refusal({"orderName": "a", "x" * 100_000: 1})
    assert (code, field) == ("INVALID_REQUEST", "x" * 100)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_a_text_is_plain_or_refused(text: str) -> None:
    raw = json.dumps({"orderName": text}).encode()
    try:
        taken = decode_strictly(raw, Outer).order_name
    except PaywonError as error:
        assert error.field == "orderName"
        assert not is_readable(text)
    else:
        assert taken == text
        assert "\x00" not in taken and not taken.endswith("\n")


@pytest.mark.parametrize("shape", [Text100, Word, OrderNoText, PaymentKeyText, Url, Email, Phone])
def test_no_text_ends_in_a_line_feed(shape: Any) -> None:
    good = {Url: "https://a.example/", Email: "a@b.example"}.get(shape, "12345678")
    assert msgspec.convert(good, shape) == good
    for end in ("\n", "\r\n", "\x00", "\u2028"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(good + end, shape)


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        ("application/json", True),
        ("APPLICATION/JSON;charset=UTF-8", True),
        ('application/json; charset="utf8"', True),
        ("application/json; profile=x", True),
        ("", False),
        ("text/json", False),
        ("application/json; charset=euc-kr", False),
        ("application/json; charset=utf-8; charset=utf-16", False),
        ("application/json, application/json", False),
    ],
)
def test_which_content_types_are_json(content_type: str, taken: bool) -> None:
    assert is_json(content_type) is taken


def test_every_sentence_of_msgspec_is_translated() -> None:
    for said in (
        "Expected `int`, got `str`",
        "Expected `int` <= 10",
        "Invalid enum value 'x'",
        "Expected `str` of length <= 5",
    ):
        hint = str(invalid_field(f"{said} - at `$.a`").values["hint_ko"])
        assert hint.startswith("a: ") and not hint.isascii(), hint
        assert not re.search(r"`|\bstr\b|\bint\b", hint), hint


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Pen(msgspec.Struct):
    colour: Colour | None = None
    size: Literal["S", "L"] = "S"


class Desk(msgspec.Struct, rename="camel"):
    best_pen: Pen | None = None
    colours: list[Colour] = []


@pytest.mark.parametrize(
    ("raw", "field", "right"),
    [
        (b'{"bestPen": {"colour": "green"}}', "bestPen.colour", "red, blue"),
        (b'{"bestPen": {"colour": 1}}', "bestPen.colour", "red, blue"),
        (b'{"bestPen": {"size": "M"}}', "bestPen.size", "L, S"),
        (b'{"colours": ["green"]}', "colours[0]", None),
        (b'{"bestPen": 1}', "bestPen", None),
    ],
)
def test_an_error_names_the_few_words_that_a_field_takes(raw: bytes, field: str, right: str | None) -> None:
    with pytest.raises(PaywonError) as refused:
        decode_strictly(raw, Desk)
    assert refused.value.field == field
    told = str(refused.value.values["hint_en"])
    assert f"one of {right}." in told if right else "one of red" not in told, told


def test_choices_of_query_parameters() -> None:
    assert choices_of(Colour | None) == ["red", "blue"]
    assert choices_of(list[Colour]) == ["red", "blue"]
    assert choices_of(int) == choices_of(datetime | None) == choices_of(UUID) == []


INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(INSTANTS, st.uuids())
def test_a_cursor_comes_back_as_it_went(instant: datetime, row_id: UUID) -> None:
    cursor = encode_cursor(instant, row_id)
    assert decode_cursor(cursor) == (instant, row_id)
    assert len(cursor) <= 200 and cursor.replace("-", "").replace("_", "").isalnum()


@given(st.text(max_size=200))
def test_any_other_cursor_is_refused(text: str) -> None:
    try:
        found = decode_cursor(text)
    except PaywonError as error:
        assert (error.code, error.field) == ("CURSOR_INVALID", "cursor")
    else:
        assert found is not None and encode_cursor(*found) == text


def test_a_cursor_is_in_utc_whatever_it_is_made_of() -> None:
    row_id = UUID(int=7)
    korean = datetime(2027, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert encode_cursor(korean, row_id) == encode_cursor(korean.astimezone(UTC), row_id)
    assert decode_cursor(None) is None


@pytest.mark.parametrize(("name", "spelt"), [("user_id", "userId"), ("page", "page"), ("a_b_c", "aBC"), ("", "")])
def test_camel(name: str, spelt: str) -> None:
    assert camel(name) == spelt
