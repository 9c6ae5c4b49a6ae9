"""What can go wrong, in one tree: a kind (which status), a code (which words), and the words.

``PaywonError`` is raised anywhere and turned into a problem document at the door, nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class ErrorKind(Enum):
    """What sort of trouble it is. The value is the HTTP status that a door answers."""

    OUTCOME_UNKNOWN = 202
    INVALID = 400
    UNAUTHENTICATED = 401
    DECLINED = 402
    FORBIDDEN = 403
    NOT_FOUND = 404
    METHOD_NOT_ALLOWED = 405
    REQUEST_TIMEOUT = 408
    CONFLICT = 409
    TOO_LARGE = 413
    UNSUPPORTED_MEDIA_TYPE = 415
    UNPROCESSABLE = 422
    TOO_MANY_REQUESTS = 429
    INTERNAL = 500
    PROVIDER_FAULT = 502
    UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One code's kind and its words; ``{name}`` in them is filled from the error's values."""

    kind: ErrorKind
    ko: str
    en: str


class PaywonError(Exception):
    """Something that the caller is told, with a code of ``catalogue.CATALOGUE``.

    ``field`` names the offending input, ``original_message`` is what Toss said, ``values`` fill the words,
    ``extra`` is added to the problem document; ``location`` is where the outcome can be read.
    """

    def __init__(
        self,
        code: str,
        *,
        field: str | None = None,
        original_message: str | None = None,
        retry_after_s: int | None = None,
        location: str | None = None,
        extra: Mapping[str, Any] | None = None,
        **values: object,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.original_message = original_message
        self.retry_after_s = retry_after_s
        self.location = location
        self.extra = dict(extra or {})
        self.values = values
