"""Reading request parameters the way Toss does: null is absent, numeric strings are numbers (toss/api.md 6)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.rules.addresses import is_app_url, is_http_url

ORDER_ID = re.compile(r"[A-Za-z0-9_-]{6,64}", re.ASCII)  # toss/api.md 1.5; the documented rule, strictly
SCRIPTED_ORDER_ID = re.compile(r"[A-Za-z0-9_=-]{6,64}", re.ASCII)  # toss/api.md 1.5: "SDK docs also allow `=`"
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_MAX_AMOUNT = 10**13


def parse_json(body: bytes) -> object:
    """The body's value. Raises INVALID_REQUEST for what is no JSON, bad UTF-8 and endless nesting included."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise TossError("INVALID_REQUEST") from problem


def parse_json_object(body: bytes) -> dict[str, object]:
    """The body as an object. Raises INVALID_REQUEST for anything else."""
    value = parse_json(body)
    if not isinstance(value, dict):
        raise TossError("INVALID_REQUEST")
    return value


class Params:
    """Typed access to one JSON object; every problem is a TossError with the code of the endpoint's table."""

    def __init__(self, values: Mapping[str, object], *, missing: str = "INVALID_REQUEST") -> None:
        self._sent = values
        self._values = {name: value for name, value in values.items() if value is not None}
        self._missing = missing

    def naming_missing(self, code: str) -> Params:
        """The same parameters, where a missing one is answered with `code`."""
        return Params(self._sent, missing=code)

    def has(self, name: str) -> bool:
        """Whether the parameter was sent and is not null."""
        return name in self._values

    def as_sent(self, name: str, default: object) -> object:
        """Any JSON value, null too, untouched."""
        return self._sent.get(name, default)

    def optional_text(self, name: str, *, longest: int = 500, code: str = "INVALID_REQUEST") -> str | None:
        """A string, or a number where Toss takes it for one ("71" sent as 71 was accepted, toss/api.md 1.5)."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**30 else None
        if not isinstance(value, str) or len(value) > longest:
            raise TossError(code)
        return value

    def text(self, name: str, *, longest: int = 500, code: str = "INVALID_REQUEST") -> str:
        """A required, non-blank string."""
        value = self.optional_text(name, longest=longest, code=code)
        if value is None or not value.strip():
            raise TossError(self._missing)
        return value

    def optional_amount(self, name: str, decimals: int = 0) -> int | None:
        """An amount in a currency's smallest unit, with that many decimals; numeric strings count (toss/api.md 6)."""
        value = self._values.get(name)
        if value is None:
            return None
        amount = _in_smallest_units(value, decimals)
        if amount is None or abs(amount) > _MAX_AMOUNT:
            raise TossError("INVALID_REQUEST")
        return amount

    def optional_positive(self, name: str, decimals: int = 0) -> int | None:
        """An amount above nothing."""
        value = self.optional_amount(name, decimals)
        if value is not None and value <= 0:
            raise TossError(inferred.AMOUNT_NOT_POSITIVE)
        return value

    def positive(self, name: str, decimals: int = 0, *, missing: str | None = None) -> int:
        """A required amount above nothing."""
        value = self.optional_positive(name, decimals)
        if value is None:
            raise TossError(missing or self._missing)
        return value

    def not_negative(self, name: str, decimals: int = 0) -> int:
        """An amount that defaults to 0."""
        value = self.optional_amount(name, decimals) or 0
        if value < 0:
            raise TossError(inferred.AMOUNT_NOT_POSITIVE)
        return value

    def whole(self, name: str, default: int, *, code: str = "INVALID_REQUEST") -> int:
        """A whole number with a default."""
        try:
            value = self.optional_amount(name)
        except TossError as problem:
            raise TossError(code) from problem
        return default if value is None else value

    def one_of(self, name: str, values: tuple[str, ...]) -> str:
        """One of these; the first when nothing is said."""
        value = self.optional_text(name) or values[0]
        if value not in values:
            raise TossError("INVALID_REQUEST")
        return value

    def page_limit(self, name: str, default: int, highest: int) -> int:
        """How many rows a page may have (toss/api.md 1.6)."""
        value = self.whole(name, default)
        if value < 1:
            raise TossError("INVALID_REQUEST")
        if value > highest:
            raise TossError(inferred.ABOVE_PAGE_LIMIT)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A boolean with a default."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise TossError("INVALID_REQUEST")
        return value

    def order_id(self, *, code: str = "INVALID_REQUEST", scripted: bool = False) -> str:
        """A required orderId: 6 to 64 of letters, digits, - and _; `scripted`: a = too, as the SDK's rule has it."""
        value = self.text("orderId", code=code)
        if not (SCRIPTED_ORDER_ID if scripted else ORDER_ID).fullmatch(value):
            raise TossError(code)
        return value

    def url(self, name: str, *, missing: str, malformed: str, scripted: bool = False) -> str:
        """An absolute http(s) address; `scripted`: one of an application's own scheme too."""
        value = self.optional_text(name, longest=2000, code=malformed)
        if value is None or not value:
            raise TossError(missing)
        if not is_http_url(value) and not (scripted and inferred.APP_SCHEMES_FROM_THE_SDK and is_app_url(value)):
            raise TossError(malformed)
        return value

    def child(self, name: str) -> Params | None:
        """A nested object."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise TossError("INVALID_REQUEST")
        return Params(value)

    def mapping(self, name: str) -> dict[str, object]:
        """A nested object as it was sent, empty when absent."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise TossError("INVALID_REQUEST")
        return value

    def children(self, name: str) -> list[Params]:
        """A list of nested objects, empty when absent."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise TossError("INVALID_REQUEST")
        return [Params(item) for item in value]

    def pattern(self, name: str, shape: str, *, code: str = "INVALID_REQUEST") -> str | None:
        """An optional string that fits a regular expression as a whole."""
        value = self.optional_text(name, code=code)
        if value is not None and not re.fullmatch(shape, value, re.ASCII):
            raise TossError(code)
        return value

    def required_pattern(self, name: str, shape: str, *, code: str) -> str:
        """A required string that fits a regular expression as a whole."""
        value = self.pattern(name, shape, code=code)
        if value is None:
            raise TossError(self._missing)
        return value

    def email(self, *, code: str = "INVALID_REQUEST") -> None:
        """`customerEmail`, if given: up to 100 characters with an @ (toss/api.md Appendix A)."""
        value = self.optional_text("customerEmail", longest=100, code=code)
        if value and not _EMAIL.fullmatch(value):
            raise TossError(code)

    def text_list(self, name: str) -> list[str]:
        """A list of strings, empty when absent."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise TossError("INVALID_REQUEST")
        return value

    def metadata(self) -> dict[str, str] | None:
        """At most 5 pairs, keys up to 40 without brackets, values up to 2000 characters (toss/api.md 4)."""
        value = self._values.get("metadata")
        if value is None:
            return None
        if not isinstance(value, dict) or len(value) > 5:
            raise TossError("INVALID_REQUEST")
        for key, item in value.items():
            if len(key) > 40 or "[" in key or "]" in key or not isinstance(item, str) or len(item) > 2000:
                raise TossError("INVALID_REQUEST")
        return value


def _in_smallest_units(value: object, decimals: int) -> int | None:
    """None for what is no number of at most that many decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, int):
        return int(value * 10**decimals)
    text = value.strip() if isinstance(value, str) else repr(value)
    if isinstance(value, str) and not _NUMBER.fullmatch(text):
        return None
    scaled = Decimal(text).scaleb(decimals)
    return int(scaled) if scaled.is_finite() and scaled == scaled.to_integral_value() else None
