"""Trouble, told as ``application/problem+json`` (RFC 9457) that also carries seed 1's fields."""

from typing import Any, Final

import asyncpg
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)
from litestar.types import ExceptionHandlersMap

from paywon.base.catalogue import kind_of, message_of
from paywon.base.errors import ErrorKind, PaywonError
from paywon.web.body import invalid_field

_log = structlog.get_logger()
_DATABASE_TROUBLE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.QueryCanceledError,
    ConnectionError,
    TimeoutError,
)


def problem(request: Request[Any, Any, Any], error: PaywonError) -> Response[dict[str, Any]]:
    """Answer an error as a problem document, in Korean unless English is asked for."""
    english = prefers_english(request.headers.get("accept-language", ""))
    status = kind_of(error).value
    message = message_of(error, english=english)
    document: dict[str, Any] = {
        "type": f"urn:paywon:error:{error.code}",
        "title": error.code.replace("_", " ").capitalize(),
        "status": status,
        "detail": message,
        "code": error.code,
        "message": message,
    }
    if error.original_message:
        document["originalMessage"] = error.original_message
    if error.field:
        document["field"] = error.field
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else None
    return Response(
        document | error.extra,
        status_code=status,
        media_type="application/problem+json",
        headers=headers,
        type_encoders=None,
    )


def prefers_english(accept_language: str) -> bool:
    """Whether English stands before Korean in an Accept-Language header; Korean where neither does."""
    for part in accept_language.lower().split(","):
        language = part.partition(";")[0].strip()
        if language.startswith("ko"):
            return False
        if language.startswith("en"):
            return True
    return False


def translate(error: Exception) -> PaywonError:
    """Find our error for whatever was raised on the way to or in a handler."""
    match error:
        case PaywonError():
            return error
        case ValidationException(extra=[{"key": str() as field, "message": str() as said}, *_]):
            return invalid_field(said, field=field)
        case NotFoundException():
            return PaywonError("NOT_FOUND")
        case MethodNotAllowedException():
            return PaywonError("METHOD_NOT_ALLOWED")
        case SerializationException():
            return PaywonError("INVALID_JSON")
        case HTTPException(status_code=413):
            return PaywonError("PAYLOAD_TOO_LARGE")
        case HTTPException(status_code=429):
            return PaywonError("TOO_MANY_REQUESTS")
        case ClientException() as client:
            return PaywonError("INVALID_REQUEST", hint_ko=client.detail, hint_en=client.detail)
    if isinstance(error, _DATABASE_TROUBLE):
        return PaywonError("DATABASE_UNAVAILABLE", retry_after_s=2)
    return PaywonError("INTERNAL")


def answer_trouble(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """The one exception handler of the API."""
    told = translate(error)
    kind = kind_of(told)
    if kind in (ErrorKind.INTERNAL, ErrorKind.UNAVAILABLE):
        _log.error("request failed", path=request.url.path, code=told.code, exc_info=error)
    if told.code == "PAYLOAD_TOO_LARGE":
        limit = request.app.request_max_body_size
        told.values["limit_kb"] = limit // 1024 if isinstance(limit, int) else ""
    return problem(request, told)


HANDLERS: Final[ExceptionHandlersMap] = {Exception: answer_trouble, HTTPException: answer_trouble}

__all__ = ["HANDLERS", "MediaType", "answer_trouble", "prefers_english", "problem", "translate"]
