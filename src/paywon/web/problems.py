"""Trouble, told as ``application/problem+json`` (RFC 9457) that also carries seed 1's fields."""

import re
from typing import Any, Final

import asyncpg
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import (
    ClientException,
    HTTPException,
    InternalServerException,
    ValidationException,
)
from litestar.handlers import HTTPRouteHandler
from litestar.types import ExceptionHandlersMap

from paywon.base.catalogue import kind_of, message_of
from paywon.base.errors import ErrorKind, PaywonError
from paywon.base.redaction import redact_text
from paywon.db.pool import CommitUnknownError
from paywon.web.body import invalid_field
from paywon.web.query import camel

PROBLEM_JSON: Final = "application/problem+json"
# Where a request's state tells middleware which code was answered.
ERROR_CODE: Final = "paywon_error_code"

_log = structlog.get_logger()
_WEIGHT: Final = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")
_CODE_OF_STATUS: Final = {
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "PAYLOAD_TOO_LARGE",
    429: "TOO_MANY_REQUESTS",
}
# It is down, starting, full, read-only, dropped, not letting us in, or undid our transaction: later may be better.
_DATABASE_TROUBLE: Final = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says of a connection that the server ended while it lay idle
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # it is set to let nobody in
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
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
        document["originalMessage"] = redact_text(error.original_message)
    if error.field:
        document["field"] = error.field
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    if error.location is not None:
        headers["Location"] = error.location
    if error.code in ("UNAUTHENTICATED", "TOKEN_EXPIRED"):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        document | error.extra,
        status_code=status,
        media_type=PROBLEM_JSON,
        headers=headers,
        type_encoders=None,
    )


def prefers_english(accept_language: str) -> bool:
    """Whether an Accept-Language header wants English more than Korean, or as much and names it first."""
    wishes = [_wish(part) for part in accept_language.lower().split(",")]
    ranked = sorted(
        (-weight, place, language)
        for place, (language, weight) in enumerate(wishes)
        if weight > 0 and language in ("ko", "en")
    )
    return bool(ranked) and ranked[0][2] == "en"


def _wish(part: str) -> tuple[str, float]:
    """``en-US;q=0.8`` → the language and how much it is wanted."""
    tag, _, parameter = part.partition(";")
    weight = _WEIGHT.fullmatch(parameter.strip())
    return tag.strip().partition("-")[0], float(weight[1]) if weight else 1.0


def translate(error: Exception) -> PaywonError:
    """Find our error for whatever was raised on the way to or in a handler."""
    match error:
        case PaywonError():
            return error
        case InternalServerException(detail="client disconnected prematurely"):
            return PaywonError("INVALID_JSON")  # the body broke off; nobody hears this, and it is no fault of ours
        case ClientException():
            return _client_error(error)
    if isinstance(error, asyncpg.LockNotAvailableError):
        return PaywonError("BUSY", retry_after_s=1)
    if isinstance(error, CommitUnknownError):
        return PaywonError("OUTCOME_UNKNOWN", retry_after_s=2)
    if isinstance(error, _DATABASE_TROUBLE):
        return PaywonError("DATABASE_UNAVAILABLE", retry_after_s=2)
    return PaywonError("INTERNAL")


def _client_error(error: ClientException) -> PaywonError:
    """Find our error for one of Litestar's own."""
    match error:
        case ValidationException(extra=[{"key": "data"}, *_]):
            return PaywonError("INVALID_JSON")  # no body at all
        case ValidationException(extra=[{"key": str() as name, "message": str() as said}, *_]):
            return invalid_field(said, field=camel(name))
    if code := _CODE_OF_STATUS.get(error.status_code):
        return PaywonError(code)
    return PaywonError("INVALID_REQUEST", hint_ko=error.detail, hint_en=error.detail)


def answer_trouble(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """The one exception handler of the API."""
    told = translate(error)
    kind = kind_of(told)
    request.scope["state"][ERROR_CODE] = told.code
    # The door, not the address: a billing key may stand in a path.
    door = f"{request.method} {request.scope.get('path_template', '')}"
    if kind is ErrorKind.INTERNAL:
        _log.error("request failed", door=door, code=told.code, exc_info=error)
    elif kind in (ErrorKind.UNAVAILABLE, ErrorKind.OUTCOME_UNKNOWN):
        _log.warning("request turned away", door=door, code=told.code, error=repr(error.__cause__ or error))
    if told.code == "PAYLOAD_TOO_LARGE":
        told.values["limit_kb"] = _most_bytes(request) // 1024
    answer = problem(request, told)
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})  # Allow with 405, Retry-After with 429
    return answer


def _most_bytes(request: Request[Any, Any, Any]) -> int:
    """The largest body that the door takes; the application's own limit where there is no door."""
    handler = request.scope.get("route_handler")
    if isinstance(handler, HTTPRouteHandler) and (limit := handler.resolve_request_max_body_size()):
        return limit
    general = request.app.request_max_body_size
    return general if isinstance(general, int) else 0


HANDLERS: Final[ExceptionHandlersMap] = {Exception: answer_trouble, HTTPException: answer_trouble}

__all__ = [
    "ERROR_CODE",
    "HANDLERS",
    "PROBLEM_JSON",
    "MediaType",
    "answer_trouble",
    "prefers_english",
    "problem",
    "translate",
]
