"""Request bodies: strict JSON into a typed value, and what to say when it is not one.

Litestar by itself would take ``"50000"`` for 50000; where money is asked for, a text is not a number.
"""

import json
import re
from collections.abc import Generator, Sequence
from typing import Any, Final, TypeVar

import msgspec
from litestar.dto import AbstractDTO
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.openapi.spec import Reference, Schema
from litestar.typing import FieldDefinition

from paywon.base.errors import PaywonError
from paywon.base.redaction import without_cards
from paywon.web.cards import refuse_card_data
from paywon.web.choices import choices_at
from paywon.web.closing import close

T = TypeVar("T")

# A name that a caller made up is told back, but not all 200 KB of it.
_MAX_NAME_CHARS: Final = 100
_AT: Final = re.compile(r" - at (?:`key` in )?`(?P<path>[^`]*)`$")
_NAMED: Final = re.compile(
    r"(?:missing required|contains unknown|contains far-off|repeats) field `(?P<field>.*)`$", re.DOTALL
)
_TYPES: Final = {"int": "integer", "str": "string", "bool": "boolean", "float": "number", "datetime": "date-time"}

# msgspec's sentences, and ours: (pattern, Korean, English).
_WORDS: Final = tuple(
    (re.compile(pattern), ko, en)
    for pattern, ko, en in (
        (r"missing required field", "필수 항목입니다.", "It is required."),
        (r"contains unknown field", "알 수 없는 항목입니다.", "It is not a known field."),
        (r"repeats field", "같은 항목이 두 번 있습니다.", "It is there twice."),
        (
            r"contains far-off field",
            "2000년부터 2999년까지의 시각이어야 합니다.",
            "It has to lie in the years 2000 to 2999.",
        ),
        (r"wants digits only", "숫자(0-9)만 쓸 수 있습니다.", "It takes digits (0-9) only."),
        (r"Expected `str` of length >= 1$", "비어 있으면 안 됩니다.", "It must not be empty."),
        (r"Expected `(\w+)` of length <= (\d+)", "최대 {1}자(개)입니다.", "At most {1} characters or items."),
        (r"Expected `(\w+)` of length >= (\d+)", "최소 {1}자(개)입니다.", "At least {1} characters or items."),
        (r"Expected `\w+` >= (-?[\d.]+)", "{0} 이상이어야 합니다.", "It has to be {0} or more."),
        (r"Expected `\w+` <= (-?[\d.]+)", "{0} 이하여야 합니다.", "It has to be {0} or less."),
        (
            r"Expected `str` matching regex",
            "쓸 수 없거나 보이지 않는 문자가 있거나 형식이 다릅니다.",
            "It has characters that are not allowed or cannot be seen, or another form.",
        ),
        (r"Invalid enum value", "허용되지 않는 값입니다.", "It is not one of the allowed values."),
        (r"Expected `([^`]+)`, got `([^`]+)`", "{0} 형식이어야 합니다 (받은 값: {1}).", "It has to be {0}, not {1}."),
        (
            r"Invalid RFC3339|Expected `datetime`",
            "시간대가 있는 ISO 8601 시각이어야 합니다 (2027-01-01T09:00:00+09:00).",
            "It has to be an ISO 8601 time with zone (2027-01-01T09:00:00+09:00).",
        ),
        (
            r"is no day",
            "2000년부터 2999년까지의 날짜(yyyy-MM-dd)여야 합니다.",
            "It has to be a day (yyyy-MM-dd) of the years 2000 to 2999.",
        ),
        (r"out of range|too (?:large|big)", "숫자가 너무 큽니다.", "The number is too large."),
    )
)


class StrictBody(AbstractDTO[T]):
    """Decodes a JSON body without bending types: ``@post(dto=StrictBody[CreateOrder])``."""

    def decode_bytes(self, value: bytes) -> Any:
        if not is_json(self.asgi_connection.headers.get("content-type", "")):
            raise PaywonError("UNSUPPORTED_MEDIA_TYPE", field="Content-Type")
        return decode_strictly(value, self.model_type)

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """Nothing to generate: the model itself is what travels."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        schema: Reference | Schema = schema_creator.for_field_definition(field_definition)
        registered: Schema = schema_creator.schema_registry.get_schema_for_field_definition(field_definition)
        registered.examples = list(field_definition.annotation.examples)
        registry = schema_creator.schema_registry
        close(
            field_definition.annotation,
            lambda model: registry.get_schema_for_field_definition(FieldDefinition.from_annotation(model)),
        )
        return schema

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition, None, None]:
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        return False


def decode_strictly(raw: bytes, model: type[T]) -> T:
    """Decode JSON into ``model``.

    Raises:
        PaywonError: INVALID_JSON, INVALID_REQUEST with the field's path, or as ``refuse_card_data``.
    """
    value, wrong = _decode(raw, model)
    try:
        pairs = json.loads(raw, object_pairs_hook=tuple)
        # First of all: that a field is unknown is no answer to somebody who sends a card's number.
        refuse_card_data(pairs)
    except (ValueError, RecursionError):
        raise wrong or PaywonError("INVALID_JSON") from None
    if wrong is not None:
        raise wrong
    _refuse_repeats(pairs, path="")
    assert value is not None, "it was decoded, or something is wrong with it"
    return value


def _decode(raw: bytes, model: type[T]) -> tuple[T | None, PaywonError | None]:
    """Decode JSON, or say what keeps it from being a ``model``."""
    try:
        return msgspec.json.decode(raw, type=model), None
    except msgspec.ValidationError as error:
        return None, invalid_field(str(error), model=model)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise PaywonError("INVALID_JSON") from None


def is_json(content_type: str) -> bool:
    """Whether a Content-Type announces JSON in UTF-8, the only encoding that JSON has (RFC 8259)."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [part.partition("=")[2].strip('" ') for part in parameters if part.startswith("charset")]
    return media_type == "application/json" and all(charset in ("utf-8", "utf8") for charset in charsets)


def _refuse_repeats(value: object, *, path: str) -> None:
    """``{"amount": 1, "amount": 2}``: two readers would read two amounts. ``value`` has tuples of pairs for objects."""
    if not isinstance(value, tuple):
        return  # a list in a body of ours has texts in it, never objects
    seen = set()
    for name, item in value:
        if name in seen:
            raise invalid_field(f"Object repeats field `{name}` - at `{path}`")
        seen.add(name)
        _refuse_repeats(item, path=f"{path}.{name}")


def invalid_field(
    said: str, *, field: str | None = None, model: type | None = None, choices: Sequence[str] = ()
) -> PaywonError:
    """Turn msgspec's sentence about a value into our error that names the field and says what is right.

    What is right of a field with ``choices``, or with some in its ``model``, is one of them.
    """
    place = _AT.search(said)
    path = place["path"].removeprefix("$").replace("[...]", "").lstrip(".") if place else ""
    sentence = said[: place.start()] if place else said
    if named := _NAMED.search(sentence):
        path = f"{path}.{named['field'][:_MAX_NAME_CHARS]}".lstrip(".")
    ko, en = _hints(sentence)
    if choices := choices or (choices_at(model, path) if model else ()):
        ko, en = f"{', '.join(choices)} 가운데 하나여야 합니다.", f"It has to be one of {', '.join(choices)}."
    # A name is told back to who made it up, and never with a card's number in it.
    name = without_cards(field or path) or "(body)"
    return PaywonError("INVALID_REQUEST", field=name, hint_ko=f"{name}: {ko}", hint_en=f"{name}: {en}")


def _hints(sentence: str) -> tuple[str, str]:
    for pattern, ko, en in _WORDS:
        if found := pattern.search(sentence):
            words = [" | ".join(_TYPES.get(word, word) for word in group.split(" | ")) for group in found.groups()]
            return ko.format(*words), en.format(*words)
    return sentence, sentence
