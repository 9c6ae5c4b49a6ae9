"""What values look like on the wire: camelCase structs and the constraints that fields share."""

from datetime import datetime
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from paywon.base.money import MAX_KRW

# No control characters anywhere: PostgreSQL refuses NUL, and nobody means the others.
_PLAIN = r"^[^\x00-\x1f\x7f]*$"


class Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request body. A misspelt field is refused: ``refundAmuont`` must not mean a full refund."""


class Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A response body."""


Won: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_KRW, description="won, a whole number")]
WonOrZero: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_KRW, description="won, a whole number")]
Text100: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=_PLAIN)]
Text200: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=_PLAIN)]
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:@=+-]+$")]
"""An id of the host application: a user, a resource."""
OrderNoText: TypeAlias = Annotated[str, Meta(min_length=6, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
PaymentKeyText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_=.-]+$")]
"""Toss's paymentKey: opaque, case-sensitive, up to 200 (api.md 1.5); the alphabet is what has been seen."""
Url: TypeAlias = Annotated[str, Meta(min_length=8, max_length=2000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")]
Email: TypeAlias = Annotated[
    str, Meta(min_length=3, max_length=100, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")
]
Phone: TypeAlias = Annotated[str, Meta(min_length=8, max_length=15, pattern=r"^[0-9]+$")]
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Metadata: TypeAlias = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40, pattern=_PLAIN)],
        Annotated[str, Meta(max_length=2000, pattern=_PLAIN)],
    ],
    Meta(max_length=20),
]
