"""What the OpenAPI document says of every door: the problem documents that it may answer."""

from dataclasses import dataclass
from http import HTTPStatus

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Operation

from paywon.web.problems import PROBLEM_JSON
from paywon.web.shapes import Output


class Problem(Output, frozen=True, kw_only=True):
    """RFC 9457, with seed 1's fields. Some codes add fields of their own.

    ``providerCode`` and ``originalMessage`` are Toss's own words, where Toss's answer is the cause.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    field: str | None = None
    original_message: str | None = None
    provider_code: str | None = None


@dataclass
class OpenOperation(Operation):
    """A door that anybody may use: the document names no key for it."""

    def __post_init__(self) -> None:
        self.security = []


_ANYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
_WITH_BODY = (
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def reading(*more: int) -> dict[int, ResponseSpec]:
    """The problems of a door that reads: ``@get(…, responses=reading(404))``."""
    return problems(*_ANYWHERE, *more)


def writing(*more: int) -> dict[int, ResponseSpec]:
    """The problems of a door that takes a body: ``@post(…, responses=writing(409))``."""
    return problems(*_ANYWHERE, *_WITH_BODY, *more)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """These problems and no others."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=PROBLEM_JSON,
        )
        for status in sorted(statuses)
    }
