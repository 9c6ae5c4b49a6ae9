"""What every wire body is made of: amounts, instants, the base of what comes and the base of what goes."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from paywon.toss.body import check_size, check_year

KST = timezone(timedelta(hours=9), "KST")

Amount: TypeAlias = int | Decimal

Key: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
"""What identifies something at Toss: 200 characters at most (toss/api.md 1.5), and some to spare."""

Small: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A count, such as of months."""


def whole(amount: Amount) -> int | None:
    """The amount if it is a whole number, None if it has a fraction (so its currency is not won)."""
    return amount if isinstance(amount, int) else None


def aware(instant: datetime) -> datetime:
    """`instant` with Korean time assumed where Toss names no offset; raises ValueError at the calendar's
    ends.
    """
    check_year(instant)
    return instant if instant.tzinfo else instant.replace(tzinfo=KST)


def korean_time(instant: datetime) -> str:
    """`instant` as Toss takes it: Korean time without offset, milliseconds only if there are any (toss/api.md 1.5, 8).

    Raises ValueError for an instant without offset: nobody could tell which hour it means.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant for Toss needs its offset")
    korean = aware(instant).astimezone(KST).replace(tzinfo=None)
    return korean.isoformat(timespec="milliseconds" if korean.microsecond else "seconds")


def korean_day(day: date) -> str:
    """`day` as `yyyy-MM-dd`; raises ValueError for an instant, whose day depends on where one stands."""
    if isinstance(day, datetime):
        raise ValueError("a day for Toss is a date without a time")
    return day.isoformat()


def _exact(amount: Decimal) -> Amount:
    check_size(amount)
    return int(amount) if amount == amount.to_integral_value() else amount


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of everything that Toss answers; puts amounts and instants into their one form."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                force_setattr(self, name, _exact(value))
            elif isinstance(value, int):
                check_size(value)
            elif isinstance(value, datetime):
                force_setattr(self, name, aware(value))


class Failure(Wire, frozen=True, kw_only=True):
    code: str | None = None
    message: str | None = None


# Request bodies (toss/api.md 5 and Appendix A): what is None is left out of the JSON.


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    def encode(self) -> bytes:
        """The JSON that is sent."""
        return msgspec.json.encode(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """The same body as plain values, for the audit trail (not yet redacted)."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        return body
