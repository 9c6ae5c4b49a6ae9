"""JSON bodies from the wire, read defensively: whatever bytes come in, one clear error comes out."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

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


def parse_tree(raw: bytes) -> dict[str, Any] | list[Any]:
    """`raw` as a plain JSON object or array, under the same conditions; raises `MalformedBody`."""
    value = decode(raw, object)
    if not isinstance(value, dict | list):
        raise MalformedBody("neither a JSON object nor an array")
    _check_tree(value)
    return value


def only_list(raw: bytes) -> bytes:
    """The bytes of the one array among the members of the object `raw`; raises `MalformedBody` without one."""
    members = decode(raw, dict[str, msgspec.Raw])
    lists = [bytes(member) for member in members.values() if bytes(member).lstrip().startswith(b"[")]
    if len(lists) != 1:
        raise MalformedBody(f"an object with {len(lists)} arrays where one list belongs")
    return lists[0]


def without(raw: bytes, secret: str) -> bytes:
    """The JSON object `raw` with `secret` (as it is or percent-encoded) blanked in every value but an error's
    `code`.

    What is no such object is returned as it is: nothing of it is kept.
    """
    try:
        body = parse_object(raw)
    except MalformedBody:
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


def _check_tree(root: dict[str, Any] | list[Any]) -> None:
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
