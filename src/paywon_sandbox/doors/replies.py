"""Answers as bytes, in Toss's shape."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.errors import TossError, find, texts
from paywon_sandbox.core.money import as_sent
from paywon_sandbox.settings import MAX_BODY_BYTES


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Status and exact body of an answer; for the log the `code` of a refusal, and what an encrypted body says.

    A replay carries the trace id of the first answer beside its own.
    """

    status: int
    body: bytes
    code: str | None = None
    content_type: str = "application/json"
    trace_id: str | None = None
    first_trace_id: str | None = None
    shown: bytes | None = None


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body. Raises a refusal when it is longer than any request of Toss's API can be."""
    try:
        body = await request.body()
    except HTTPException as problem:
        raise TossError(inferred.BODY_TOO_LARGE) from problem
    if len(body) > MAX_BODY_BYTES:
        raise TossError(inferred.BODY_TOO_LARGE)
    return body


async def drain(request: Request[Any, Any, Any]) -> None:
    """Read what an early refusal has not read: a client that is still sending would not hear the answer."""
    with suppress(TossError):
        await read_body(request)


def header(request: Request[Any, Any, Any], name: bytes) -> str | None:
    """The first header of that lower-case name; several times faster than the framework's own way."""
    return next((value.decode("latin-1") for key, value in request.scope["headers"] if key == name), None)


def wants_english(request: Request[Any, Any, Any]) -> bool:
    """Accept-Language: en-US (toss/api.md 1.2)."""
    return (header(request, b"accept-language") or "").lower().startswith("en")


def refusal(endpoint: str, code: str, *, english: bool, status: int | None = None) -> Reply:
    """`{"code", "message"}` with the published status and text; `status` overrides."""
    message, published = message_and_status(endpoint, code, english=english)
    body = msgspec.json.encode({"code": code, "message": message})
    return Reply(status=status or published, body=body, code=code)


def message_and_status(endpoint: str, code: str, *, english: bool) -> tuple[str, int]:
    """What was published for a code; 400 where nothing was."""
    row = find(endpoint, code)
    return texts(endpoint, code)[1 if english else 0], (row.http_status if row else None) or 400


def success(value: object, *, english: bool = False) -> Reply:
    """200 with an object, or nothing for None; enumerated values in English if asked for (toss/api.md 1.2 [1src])."""
    if value is None:
        return Reply(status=200, body=b"")
    value = as_sent(value)
    if english:
        value = _in_english(msgspec.to_builtins(value))
    return Reply(status=200, body=msgspec.json.encode(value))


def _in_english(value: object) -> object:
    if isinstance(value, list):
        return [_in_english(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: inferred.ENGLISH_VALUES.get(item, item)
        if key in inferred.ENGLISH_FIELDS and isinstance(item, str)
        else _in_english(item)
        for key, item in value.items()
        if key != "metadata"
    } | ({"metadata": value["metadata"]} if "metadata" in value else {})


class Answer:
    """One HTTP answer as an ASGI application, which the framework passes on as it is."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self._status, self._headers, self._body = status, headers, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


# Where the connection is gone already.
NOTHING = Answer(200, [], b"")


def to_answer(reply: Reply, idempotency_key: str | None = None, headers: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
    """A fresh trace id, a replay's after the first answer's; the idempotency key echoed (toss/api.md 1.2 [M])."""
    kind = reply.content_type
    own = [
        (b"content-type", (f"{kind}; charset=utf-8" if kind.startswith("text/") else kind).encode()),
        (b"content-length", str(len(reply.body)).encode()),
        *headers,
    ]
    if reply.first_trace_id:
        own.append((b"x-tosspayments-trace-id", reply.first_trace_id.encode()))
    own.append((b"x-tosspayments-trace-id", (reply.trace_id or ids.trace_id()).encode()))
    if idempotency_key is not None:
        own.append((b"idempotency-key", idempotency_key.encode("latin-1")))
    return Answer(reply.status, own, reply.body)
