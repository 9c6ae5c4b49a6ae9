"""Which days a list is about, and where it left off. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from paywon.base.clock import KST
from paywon.base.errors import PaywonError

MAX_DAYS: Final = 92
"""A quarter: what a closing of the books asks for. Toss names no maximum of its own."""
DEFAULT_DAYS: Final = 7
FIRST_DAY: Final = date(2000, 1, 1)
LAST_DAY: Final = date(2999, 12, 31)
MAX_SKIP: Final = 10_000_000

# Opaque, at most 64 (toss/api.md 1.5).
_TRANSACTION_KEY: Final = re.compile(r"[!-~]{1,64}")
_ROWS: Final = re.compile(r"[0-9]{1,8}")


class DateKind(StrEnum):
    """Which day of a settlement counts (toss/api.md 9)."""

    SOLD = "soldDate"
    PAID_OUT = "paidOutDate"


@dataclass(frozen=True, slots=True)
class Span:
    """Korean days, the last one included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment of the first day."""
        return datetime.combine(self.first, time(), KST)

    @property
    def end(self) -> datetime:
        """The first moment that is no longer in it."""
        return datetime.combine(self.last + timedelta(days=1), time(), KST)


def span_of(first: date | None, last: date | None, *, today: date) -> Span:
    """Make a span of what was asked for; without days, the last week up to ``today``.

    Raises:
        PaywonError: DATE_RANGE_INVALID, it ends before it starts, or is longer than ``MAX_DAYS``.
    """
    last = today if last is None else last
    first = last - timedelta(days=DEFAULT_DAYS - 1) if first is None else first
    if first > last or (last - first).days >= MAX_DAYS:
        raise PaywonError("DATE_RANGE_INVALID", field="startDate", max_days=MAX_DAYS)
    return Span(first, last)


def day_of(text: str) -> date:
    """Read ``yyyy-MM-dd``.

    Raises:
        ValueError: it is no day between ``FIRST_DAY`` and ``LAST_DAY``.
    """
    day = date.fromisoformat(text)
    if day.isoformat() != text or not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError("another spelling, or a far-off day")
    return day


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Where a list left off: which list, and behind what. A cursor is these words.

    ``behind`` is a transactionKey, or how many settlements have been read.
    """

    span: Span
    kind: DateKind | None
    behind: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.kind or "transactions", self.span.first.isoformat(), self.span.last.isoformat(), self.behind)


WORDS: Final = 4


def bookmark_of(words: list[str]) -> Bookmark:
    """Read a bookmark's words back.

    Raises:
        ValueError: they are none.
    """
    name, first, last, behind = words
    kind = None if name == "transactions" else DateKind(name)
    form = _TRANSACTION_KEY if kind is None else _ROWS
    if not form.fullmatch(behind) or (kind is not None and int(behind) > MAX_SKIP):
        raise ValueError("behind nothing")
    return Bookmark(span=Span(day_of(first), day_of(last)), kind=kind, behind=behind)
