"""From an HTTP answer to a verdict; pure, so that every rule can be tested without a socket."""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import NoneType
from typing import Any, TypeAlias, TypeVar, get_origin

from paywon.toss.body import MalformedBody, decode, only_list, parse_tree, read
from paywon.toss.errors import ALREADY_DONE, MAY_PASS, Operation, refusal
from paywon.toss.outcome import Answer, Call, No, Unknown, UnknownReason, Yes

T = TypeVar("T")

_Tree: TypeAlias = dict[str, Any] | list[Any] | None

MAX_CODE_CHARS = 100
"""The longest that is known has 59; it goes into a column and into log lines."""

_RUNNING = "IDEMPOTENT_REQUEST_PROCESSING"


def judge(
    operation: Operation, shape: type[T], *, call: Call, raw: bytes, headers: Mapping[str, str], now: datetime
) -> Answer[T]:
    """The verdict on a complete HTTP answer: `call.http_status` is set, `raw` is the whole body.

    `shape` is a wire struct, a list of them, or NoneType where Toss answers with an empty body.
    """
    tree = _tree_or_none(raw)
    body = tree if isinstance(tree, dict) else None
    call = replace(call, response_body=body)
    status = call.http_status or 0
    if 200 <= status < 300:
        return _success(operation, shape, call=call, raw=raw, tree=tree)
    retry_after_s = retry_after(headers, now=now)
    code, message = _error_of(body)
    if code is not None and 400 <= status < 500 and status not in (409, 429):
        kind = refusal(operation, code)
        if kind is not None:
            return No(call=call, refusal=kind, code=code, message=message or "", http_status=status)
    return Unknown(
        call=call,
        reason=_reason(status, code),
        code=code,
        message=message,
        answered=_is_final(status, code),
        retry_after_s=retry_after_s,
    )


def _success(operation: Operation, shape: type[T], *, call: Call, raw: bytes, tree: _Tree) -> Answer[T]:
    if shape is NoneType:
        return _emptied(shape, call=call, raw=raw)
    is_list = get_origin(shape) is list
    # Whether the promotions stand in a bare array is not certain (toss/api.md 11 [1src]).
    is_wrapped = operation is Operation.PROMOTIONS and is_list and isinstance(tree, dict)
    if not (is_wrapped or isinstance(tree, list if is_list else dict)):
        # Not what Toss sends: some box between us and it may have spoken, so the key counts as unanswered.
        kind = "array" if is_list else "object"
        return Unknown(call=call, reason=UnknownReason.UNREADABLE, detail=f"2xx without a JSON {kind}")
    try:
        found = read(only_list(raw) if is_wrapped else raw, shape)
    except MalformedBody as error:
        return Unknown(call=call, reason=UnknownReason.UNREADABLE, answered=True, detail=error.reason)
    rows = tree if isinstance(tree, list) else []
    if found.lost and is_list and not found.value:
        # Not one row is what it should be, so the list is none of Toss's that we know.
        return Unknown(call=call, reason=UnknownReason.UNREADABLE, answered=True, detail=str(found.lost[0]))
    return Yes(call=call, value=found.value, raw=call.response_body or {}, rows=rows, lost=found.lost)


def _emptied(shape: type[T], *, call: Call, raw: bytes) -> Answer[T]:
    """Toss answers with no body (toss/api.md 7). An object passes too: fields are added (toss/api.md 1.3)."""
    if raw.strip() and call.response_body is None:
        return Unknown(call=call, reason=UnknownReason.UNREADABLE, detail="2xx with a body that is not Toss's")
    return Yes(call=call, value=decode(b"null", shape), raw=call.response_body or {})


def _tree_or_none(raw: bytes) -> _Tree:
    try:
        return parse_tree(raw)
    except MalformedBody:
        return None


def _error_of(body: dict[str, Any] | None) -> tuple[str | None, str | None]:
    """Code and message of a v1 error body (toss/api.md 1.3); extra members such as `data` are tolerated."""
    code, message = (body or {}).get("code"), (body or {}).get("message")
    if not isinstance(code, str) or not 1 <= len(code) <= MAX_CODE_CHARS or not code.isprintable():
        return None, None
    return code, message if isinstance(message, str) else None


def _reason(status: int, code: str | None) -> UnknownReason:
    if status == 409 or code == _RUNNING:
        return UnknownReason.RUNNING
    if status == 429:
        return UnknownReason.RATE_LIMITED
    if status >= 500:
        return UnknownReason.SERVER_ERROR
    if 300 <= status < 400:
        return UnknownReason.REDIRECTED
    if code is None:
        return UnknownReason.UNREADABLE
    if code in ALREADY_DONE:
        return UnknownReason.ALREADY_DONE
    return UnknownReason.MAY_PASS if code in MAY_PASS else UnknownReason.UNLISTED_CODE


def _is_final(status: int, code: str | None) -> bool:
    """Whether Toss itself gave the key an answer that it stores (toss/api.md 1.2: errors are stored too)."""
    return code is not None and code != _RUNNING and status not in (409, 429)


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds that Retry-After asks for, from its number or its date; None if absent or senseless.

    Toss documents no Retry-After; a gateway before it may send one.
    """
    text = headers.get("Retry-After", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, now)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(http_date: str, now: datetime) -> float:
    try:
        then = parsedate_to_datetime(http_date)
    except (ValueError, OverflowError):
        return math.nan
    return ((then if then.tzinfo else then.replace(tzinfo=UTC)) - now).total_seconds()
