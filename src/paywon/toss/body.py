"""JSON bodies from the wire, read defensively: whatever bytes come in, one clear error comes out."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MAX_DEPTH = 64
"""Toss's deepest body has 6 levels; more than this is an attack on whoever walks the tree later."""

MAX_INT = 2**63 - 1


class MalformedBody(Exception):  # noqa: N818 - it names what was received
    """Bytes that are not the JSON they should be. `reason` quotes no value out of the body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@cache
def _decoder(shape: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape)


def decode(raw: bytes, shape: type[T]) -> T:
    """`raw` as `shape`, a wire struct or a list of them; raises `MalformedBody`.

    Fields that `shape` does not name are skipped.
    """
    key: Any = shape  # mypy does not take a type variable for hashable
    try:
        value: T = _decoder(key).decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise MalformedBody(_reason(error)) from None
    return value


def parse_object(raw: bytes) -> dict[str, Any]:
    """`raw` as a plain JSON object that can safely be walked and stored; raises `MalformedBody`.

    Refused: no UTF-8, no JSON, no object, deeper than `MAX_DEPTH`, integers beyond 64 bits.
    """
    value = decode(raw, object)
    if not isinstance(value, dict):
        raise MalformedBody("not a JSON object")
    _check_tree(value)
    return value


def _check_tree(root: dict[str, Any]) -> None:
    level: list[Any] = [root]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for node in level:
            for child in node.values() if isinstance(node, dict) else node:
                if isinstance(child, dict | list):
                    below.append(child)
                elif isinstance(child, int) and abs(child) > MAX_INT:
                    raise MalformedBody("an integer beyond 64 bits")
        if not below:
            return
        level = below
    raise MalformedBody(f"nested deeper than {MAX_DEPTH} levels")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return f"unexpected shape: {error}"
    return f"not JSON: {error}"
