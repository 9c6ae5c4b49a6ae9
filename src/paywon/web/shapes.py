"""What values look like on the wire: camelCase structs and the constraints that fields share."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from paywon.base.money import MAX_KRW
from paywon.base.readable import END as END
from paywon.base.readable import PLAIN, TEXT, UNSEEN_IN_ADDRESS

WORD: Final = r"^[A-Za-z0-9._:@=+-]+" + END
ORDER_NO: Final = r"^[A-Za-z0-9_-]+" + END
PAYMENT_KEY: Final = r"^[A-Za-z0-9_=.-]+" + END

# Within these a time survives every zone that it is shown in, in Python as in PostgreSQL.
_FIRST_INSTANT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST_INSTANT: Final = datetime(2999, 12, 31, tzinfo=UTC)


class Input(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A request body. A misspelt field is refused: ``refundAmuont`` must not mean a full refund.

    ``examples`` go into the OpenAPI document. A telephone number becomes its digits.
    """

    examples: ClassVar[tuple[dict[str, Any], ...]] = ()

    def __post_init__(self) -> None:
        for name, spelling in zip(self.__struct_fields__, self.__struct_encode_fields__, strict=True):
            value = getattr(self, name)
            if isinstance(value, datetime) and not _FIRST_INSTANT <= value <= _LAST_INSTANT:
                raise ValueError(f"contains far-off field `{spelling}`")
            if isinstance(value, str) and name.endswith("mobile_phone"):
                force_setattr(self, name, value.replace("-", "").replace(" ", ""))


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
Text20: TypeAlias = Annotated[str, Meta(min_length=1, max_length=20, pattern=TEXT)]
Text60: TypeAlias = Annotated[str, Meta(min_length=1, max_length=60, pattern=TEXT)]
Text100: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100, pattern=TEXT)]
Text200: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=TEXT)]
Digits20: TypeAlias = Annotated[str, Meta(min_length=1, max_length=20, pattern=r"^[0-9]+" + END)]
Digits30: TypeAlias = Annotated[str, Meta(min_length=1, max_length=30, pattern=r"^[0-9]+" + END)]
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64, pattern=WORD)]
"""An id of the host application: a user, a resource."""
Whose: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=WORD,
        description="whose it is: required with an API key; with a user token its ``sub`` unless given, and no other",
    ),
]
"""A user of the host application, whom a user's own token names already (``auth.user_of``)."""
OrderNoText: TypeAlias = Annotated[str, Meta(min_length=6, max_length=64, pattern=ORDER_NO)]
PaymentKeyText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200, pattern=PAYMENT_KEY)]
"""Toss's paymentKey: opaque, case-sensitive, up to 200 (toss/api.md 1.5); the alphabet is what has been seen."""
Currency: TypeAlias = Annotated[str, Meta(min_length=3, max_length=3, pattern=r"^[A-Z]+" + END)]
Url: TypeAlias = Annotated[
    str, Meta(min_length=8, max_length=2000, pattern=rf"^https?://[^\s{UNSEEN_IN_ADDRESS}]+" + END)
]
Email: TypeAlias = Annotated[
    str, Meta(min_length=3, max_length=100, pattern=rf"^[^@\s{UNSEEN_IN_ADDRESS}]+@[^@\s{UNSEEN_IN_ADDRESS}]+" + END)
]
Phone: TypeAlias = Annotated[
    str,
    Meta(
        min_length=8,
        max_length=30,
        pattern=r"^ *[0-9](?:[ -]?[0-9]){7,14} *" + END,
        description="8 to 15 digits, with or without dashes and blanks between them",
    ),
]
"""As people write it; a field called ``…mobile_phone`` keeps the digits alone (``Input``)."""
Instant: TypeAlias = Annotated[
    datetime, Meta(tz=True, extra_json_schema={"extra": {"pattern": r"^2[0-9]{3}-.*" + END}})
]
Options: TypeAlias = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40, pattern=PLAIN)],
        Annotated[str, Meta(max_length=2000, pattern=PLAIN)]
        | Annotated[int, Meta(ge=-(2**53), le=2**53)]
        | bool
        | None,
    ],
    Meta(max_length=20),
]
"""What a plug-in is told of an order; which options there are, it says itself."""
Metadata: TypeAlias = Annotated[
    dict[
        Annotated[str, Meta(min_length=1, max_length=40, pattern=PLAIN)],
        Annotated[str, Meta(max_length=2000, pattern=PLAIN)],
    ],
    Meta(max_length=20),
]
