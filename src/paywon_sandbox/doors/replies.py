"""Answers as bytes, in Toss's shape."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import Headers
from litestar.exceptions import HTTPException

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.errors import TossError, find, texts
from paywon_sandbox.settings import MAX_BODY_BYTES


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """Status and exact body of an answer; `code` for the log when it is a refusal."""

    status: int
    body: bytes
    code: str | None = None
    content_type: str = "application/json"


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The whole body. Raises a refusal when it is longer than any request of Toss's API can be."""
    try:
        body = await request.body()
    except HTTPException as problem:
        raise TossError(inferred.BODY_TOO_LARGE) from problem
    if len(body) > MAX_BODY_BYTES:
        raise TossError(inferred.BODY_TOO_LARGE)
    return body


def wants_english(headers: Headers) -> bool:
    """Accept-Language: en-US (api.md 1.2)."""
    return headers.get("accept-language", "").lower().startswith("en")


def refusal(endpoint: str, code: str, *, english: bool, status: int | None = None) -> Reply:
    """`{"code", "message"}` with the published status and text; `status` overrides."""
    row = find(endpoint, code)
    message = texts(endpoint, code)[1 if english else 0]
    body = msgspec.json.encode({"code": code, "message": message})
    return Reply(status=status or (row.http_status if row else None) or 400, body=body, code=code)


def success(value: object, *, english: bool = False) -> Reply:
    """200 with an object, or with nothing for None; enumerated values in English if asked for (api.md 1.2 [1src])."""
    if value is None:
        return Reply(status=200, body=b"")
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


def to_response(reply: Reply, idempotency_key: str | None = None) -> Response[bytes]:
    """The HTTP response: a fresh trace id every time, the idempotency key echoed (api.md 1.2 [M])."""
    headers = {"x-tosspayments-trace-id": ids.trace_id()}
    if idempotency_key is not None:
        headers["idempotency-key"] = idempotency_key
    return Response(reply.body, status_code=reply.status, headers=headers, media_type=reply.content_type)
