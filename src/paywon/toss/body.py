"""JSON bodies from the wire, read defensively: whatever bytes come in, one clear error comes out."""

import json
import math
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin
from urllib.parse import quote

import msgspec

T = TypeVar("T")

MAX_DEPTH = 64
"""Toss's deepest body has 6 levels; more than this is an attack on whoever walks the tree later."""

MAX_INT = 2**63 - 1

_NUL_ESCAPE = b"\\u0000"
_MOST_DIGITS = 20
"""Of an integer of 64 bits, its sign included."""


class MalformedBody(Exception):  # noqa: N818 - it names what was received
    """Bytes that are not the JSON they should be. `reason` quotes no value out of the body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Lost:
    """A value that did not fit its type and was left out: where, as in `cancels[1].canceledAt`, and why.

    `entry` names the entry of a list that was left out whole for it, as in `cancels[1]`; None where only an optional
    field was.
    """

    path: str
    why: str
    entry: str | None = None

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A body as its type, and what of it did not fit."""

    value: T
    lost: tuple[Lost, ...] = ()


class _Unfit(Exception):  # noqa: N818
    def __init__(self, path: str, why: str) -> None:
        super().__init__(path)
        self.path, self.why = path, why


@cache
def _decoder(shape: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def decode(raw: bytes, shape: type[T]) -> T:
    """Return `raw` as `shape`; raises as `read`."""
    return read(raw, shape).value


def read(raw: bytes, shape: type[T]) -> Reading[T]:
    """Return `raw` as `shape`, a wire struct or a list of them.

    Raises `MalformedBody`, which names the field, only where a required field does not fit. Every other field that
    does not fit is left out, as is every entry of a list; what `shape` does not name is skipped.
    """
    key: Any = shape  # mypy does not take a type variable for hashable
    if _NUL_ESCAPE not in raw:
        try:
            return Reading(_decoder(key).decode(raw))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass  # field by field, below
    return read_tree(_parsed(raw, errors="replace"), shape)


def read_tree(tree: object, shape: type[T]) -> Reading[T]:
    """Return a JSON value that was parsed already as `shape`; raises as `read`."""
    kept, lost = fitting(tree, shape)
    try:
        value = msgspec.convert(kept, shape)
    except (msgspec.ValidationError, ValueError) as error:
        raise MalformedBody(f"unexpected shape: {error}") from None
    return Reading(value, lost)


def fitting(tree: object, shape: Any) -> tuple[Any, tuple[Lost, ...]]:
    """Return a JSON value without what does not fit `shape`, and what that was; raises as `read`.

    Members that `shape` does not name stay.
    """
    lost: list[Lost] = []
    try:
        kept = _fitting(tree, shape, "", lost)
    except _Unfit as unfit:
        raise MalformedBody(f"unexpected shape: {unfit.path or '(body)'}: {unfit.why}") from None
    return kept, tuple(lost)


def _fitting(value: Any, kind: Any, path: str, lost: list[Lost]) -> Any:
    arms = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if isinstance(value, dict):
        for arm in arms:
            if isinstance(arm, type) and issubclass(arm, msgspec.Struct):
                return _members(value, arm, path, lost)
    if isinstance(value, list):
        for arm in arms:
            if get_origin(arm) is list:
                return _entries(value, get_args(arm)[0], path, lost)
    return _leaf(value, kind, path)


def _members(value: dict[str, Any], shape: type[msgspec.Struct], path: str, lost: list[Lost]) -> dict[str, Any]:
    kept = dict(value)
    for field in msgspec.structs.fields(shape):
        name = field.encode_name
        place = f"{path}.{name}" if path else name
        if name not in value:
            if field.required:
                raise _Unfit(place, "is missing")
            continue
        below: list[Lost] = []
        try:
            kept[name] = _fitting(value[name], field.type, place, below)
        except _Unfit as unfit:
            if field.required:
                raise
            del kept[name]
            below = [Lost(unfit.path, unfit.why)]
        lost += below
    try:
        msgspec.convert(kept, shape)  # what the shape demands of its fields together
    except (msgspec.ValidationError, ValueError) as error:
        raise _Unfit(path, str(error)) from None
    return kept


def _entries(value: list[Any], kind: Any, path: str, lost: list[Lost]) -> list[Any]:
    kept = []
    for index, entry in enumerate(value):
        place = f"{path}[{index}]"
        below: list[Lost] = []
        try:
            kept.append(_fitting(entry, kind, place, below))
        except _Unfit as unfit:
            below = [Lost(unfit.path, unfit.why, entry=place)]
        lost += below
    return kept


def _leaf(value: Any, kind: Any, path: str) -> Any:
    if _holds_nul(value):
        raise _Unfit(path, "holds NUL")  # PostgreSQL stores it in no text
    try:
        typed = msgspec.convert(value, kind)
        if isinstance(typed, datetime):
            check_year(typed)
        if isinstance(typed, int | Decimal):
            check_size(typed)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise _Unfit(path, str(error)) from None
    return value


def check_year(instant: datetime) -> None:
    """Raise ValueError at the calendar's ends, where a later conversion to UTC would overflow."""
    if not 1 < instant.year < 9999:
        raise ValueError("year out of range")


def check_size(number: int | Decimal) -> None:
    """Raise ValueError for a number that no column and no sum of money holds."""
    if isinstance(number, Decimal) and not number.is_finite():
        raise ValueError("not a finite number")
    if not -MAX_INT <= number <= MAX_INT:
        raise ValueError("beyond 64 bits")


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in name or _holds_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return `raw` as a plain JSON object that can safely be walked and stored; raises `MalformedBody`.

    Refused: no UTF-8, no JSON, no object, deeper than `MAX_DEPTH`. A number that no column holds is kept as its text.
    """
    value = _parsed(raw, errors="strict")
    if not isinstance(value, dict):
        raise MalformedBody("not a JSON object")
    return value


def parse_tree(raw: bytes) -> dict[str, Any] | list[Any]:
    """Return `raw` as a plain JSON object or array that can safely be walked and stored; raises `MalformedBody`.

    As `parse_object`, but what is no UTF-8 becomes U+FFFD.
    """
    value = _parsed(raw, errors="replace")
    if not isinstance(value, dict | list):
        raise MalformedBody("neither a JSON object nor an array")
    return value


def only_list(raw: bytes) -> bytes:
    """The bytes of the one array among the members of the object `raw`; raises `MalformedBody` without one."""
    members = _raw_members(raw)
    lists = [bytes(member) for member in members.values() if bytes(member).lstrip().startswith(b"[")]
    if len(lists) != 1:
        raise MalformedBody(f"an object with {len(lists)} arrays where one list belongs")
    return lists[0]


def _raw_members(raw: bytes) -> dict[str, msgspec.Raw]:
    try:
        members: dict[str, msgspec.Raw] = _decoder(dict[str, msgspec.Raw]).decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise MalformedBody("not a JSON object") from None
    return members


def without(raw: bytes, secret: str) -> bytes:
    """Return the JSON object `raw` with `secret` (as it is or percent-encoded) blanked in every value but an error's
    `code`.

    What is no such object is returned as it is: nothing of it is kept.
    """
    try:
        body = parse_tree(raw)
    except MalformedBody:
        return raw
    if not isinstance(body, dict):
        return raw
    code = {name: body[name] for name in ("code",) if name in body}
    return msgspec.json.encode(_blanked(body, (secret, quote(secret, safe=""))) | code)


def _blanked(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {name: _blanked(item, secrets) for name, item in value.items()}
    if isinstance(value, list):
        return [_blanked(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "…")
    return value


def _parsed(raw: bytes, *, errors: str) -> Any:
    """Return `raw` as JSON, each number that no column holds as its text; raises `MalformedBody`."""
    try:
        value = _decoder(object).decode(raw)
    except RecursionError:
        raise MalformedBody("nested too deeply") from None
    except (msgspec.MsgspecError, ValueError):
        value = _parsed_slowly(raw, errors)
    _check_depth(value)
    return _parsed_slowly(raw, errors) if _holds_huge(value) else value


def _parsed_slowly(raw: bytes, errors: str) -> Any:
    try:
        text = raw.decode("utf-8-sig" if errors == "replace" else "utf-8", errors)
        value = json.loads(text, parse_int=_int, parse_float=_float, parse_constant=str)
        return _without_surrogates(value)
    except RecursionError:
        raise MalformedBody("nested too deeply") from None
    except UnicodeDecodeError:
        raise MalformedBody("not UTF-8") from None
    except ValueError as error:
        # Where it breaks off; the words of a library are nobody's business.
        place = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise MalformedBody(f"not JSON{place}") from None


def _int(text: str) -> int | str:
    number = int(text) if len(text) <= _MOST_DIGITS else None
    return text if number is None or abs(number) > MAX_INT else number


def _float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _holds_huge(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_huge, value.values()))
    if isinstance(value, list):
        return any(map(_holds_huge, value))
    return isinstance(value, int) and abs(value) > MAX_INT


def _without_surrogates(value: Any) -> Any:
    """Copy a JSON value with the halves of characters, which no text column holds, as question marks."""
    if isinstance(value, dict):
        return {_text(name): _without_surrogates(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _check_depth(root: Any) -> None:
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH + 1):
        level = [node for node in level if isinstance(node, dict | list)]
        if not level:
            return
        level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
    raise MalformedBody(f"nested deeper than {MAX_DEPTH} levels")
