"""What values look like on the wire: camelCase structs and the constraints that fields share."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, TypeAlias

import msgspec
from msgspec import Meta

from paywon.base.money import MAX_KRW

# Python's $ also matches before a line feed at the end; this one does not, in Python as in JavaScript.
END: Final = r"$(?!\n)"
# No control characters and no line ends anywhere: PostgreSQL refuses NUL, and nobody means the others.
_CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_PLAIN = rf"^[^{_CONTROL}]*" + END
# Spelt out: \s means more in JavaScript than in Python. And no (?=.*\S): nobody can make up a text from that.
_BLANK = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_TEXT = rf"^[{_BLANK}]*[^{_BLANK}{_CONTROL}][^{_CONTROL}]*" + END
WORD: Final = r"^[A-Za-z0-9._:@=+-]+" + END
ORDER_NO: Final = r"^[A-Za-z0-9_-]+" + END
PAYMENT_KEY: Final = r"^[A-Za-z0-9_=.-]+" + END

# Within these a time survives every zone that it is shown in, in Python as in PostgreSQL.
_FIRST_INSTANT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_INSTANT: Final = datetime(2999, 12, 31, tzinfo=UTC)


class Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request body. A misspelt field is refused: ``refundAmuont`` must not mean a full refund.

    ``examples`` go into the OpenAPI document.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ()

    def __post_init__(self) -> None:
        for name, spelling in zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True):
            value = getattr(self, name)
            if isinstance(value, datetime) and not _FIRST_INSTANT <= value <= _LAST_INSTANT:
                raise ValueError(f"contains far-off field `{spelling}`")


class Output(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A response body."""


Won: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_KRW, description="won, a whole number")]
# Litestar 2.25 leaves a limit of 0 out of the document where null is allowed beside; said twice, it is there.
_FROM_ZERO: Final = {"description": "won, a whole number", "extra": {"minimum": 0}}
WonOrZero: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_KRW, extra_json_schema=_FROM_ZERO)]
Figure: TypeAlias = float
"""A number of Toss's: whole for won, with a fraction for other money and for rates. A whole one stays whole.

Not ``int | float``: to JSON Schema an integer is a number too, so it would fit both of a ``oneOf``, which is none.
"""
Text20: TypeAlias = Annotated[str, Meta(min_length=1, max_length=20, pattern=_TEXT)]
Text60: TypeAlias = Annotated[str, Meta(min_length=1, max_length=60, pattern=_TEXT)]
Text100: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=_TEXT)]
Text200: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=_TEXT)]
Digits20: TypeAlias = Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9]+" + END)]
Digits30: TypeAlias = Annotated[str, Meta(min_length=1, max_length=30, pattern=r"^[0-9]+" + END)]
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
"""An id of the host application: a user, a resource."""
OrderNoText: TypeAlias = Annotated[str, Meta(min_length=6, max_length=64, pattern=ORDER_NO)]
PaymentKeyText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=PAYMENT_KEY)]
"""Toss's paymentKey: opaque, case-sensitive, up to 200 (api.md 1.5); the alphabet is what has been seen."""
Currency: TypeAlias = Annotated[str, Meta(min_length=3, max_length=3, pattern=r"^[A-Z]+" + END)]
Url: TypeAlias = Annotated[str, Meta(min_length=8, max_length=2000, pattern=rf"^https?://[^\s{_CONTROL}]+" + END)]
Email: TypeAlias = Annotated[
    str, Meta(min_length=3, max_length=100, pattern=rf"^[^@\s{_CONTROL}]+@[^@\s{_CONTROL}]+" + END)
]
Phone: TypeAlias = Annotated[str, Meta(min_length=8, max_length=15, pattern=r"^[0-9]+" + END)]
Instant: TypeAlias = Annotated[
    datetime, Meta(tz=True, extra_json_schema={"extra": {"pattern": r"^2[0-9]{3}-.*" + END}})
]
Options: TypeAlias = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40, pattern=_PLAIN)],
        Annotated[str, Meta(max_length=2000, pattern=_PLAIN)]
        | Annotated[int, Meta(ge=-(2**53), le=2**53)]
        | bool
        | None,
    ],
    Meta(max_length=20),
]
"""What a plug-in is told of an order; which options there are, it says itself."""
Metadata: TypeAlias = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40, pattern=_PLAIN)],
        Annotated[str, Meta(max_length=2000, pattern=_PLAIN)],
    ],
    Meta(max_length=20),
]
