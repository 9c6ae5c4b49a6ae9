"""Walks over Toss's list of transactions, and which of its rows our books explain. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from paywon.base.clock import KST
from paywon.base.ids import OrderNo, PaymentKey
from paywon.payments.model import PaymentStatus

# A list may show a row later than its time: the newest rows of one walk are walked again by the next.
OVERLAP: Final = timedelta(minutes=15)
# How far back the nightly walk goes, and the first one of all.
SOME_DAYS: Final = timedelta(days=3)
# A walk whose page could not be read goes on this much later from where it was.
GO_ON_AFTER: Final = timedelta(seconds=60)
# When a payment is read again whose read did not show what the list did: either may lag behind the other.
_RETRY: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(days=1),
)
# A read begun this long after a row's time that shows another status shows what came of it later.
SUPERSEDED_AFTER: Final = timedelta(hours=1)
# Most walks are done by night in Korea, when shops sell least.
_NIGHT: Final = timedelta(hours=3, minutes=40)
_S = PaymentStatus
_CANCELED: Final = frozenset({_S.CANCELED, _S.PARTIAL_CANCELED})
_OUR_NUMBERS: Final = re.compile(r"ORD-\d{13}-[0-9A-HJKMNP-TV-Z]{8}")


class WalkKind(StrEnum):
    """``RECENT``: the newest rows, every few minutes. ``DAYS``: three days, once a night."""

    RECENT = "recent"
    DAYS = "days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One row of ``reconciliation_walks``: where a walk is, and up to when the list was last walked whole.

    ``cursor`` is the last transactionKey of the rows that were compared; ``rows``, ``differing`` and ``unknown``
    count since the walk began: what was compared, what our books did not explain, what is of no order of ours.
    """

    kind: WalkKind
    next_at: datetime
    leased_until: datetime | None = None
    begun_at: datetime | None = None
    span_start: datetime | None = None
    span_end: datetime | None = None
    cursor: str | None = None
    rows: int = 0
    differing: int = 0
    unknown: int = 0
    failures: int = 0
    last_error: str | None = None
    complete_until: datetime | None = None
    finished_at: datetime | None = None


def span_of(walk: Walk, now: datetime) -> tuple[datetime, datetime]:
    """Return what a walk goes over; one that was broken off keeps its span."""
    if walk.span_start is not None and walk.span_end is not None:
        return walk.span_start, walk.span_end
    if walk.kind is WalkKind.DAYS or walk.complete_until is None:
        return now - SOME_DAYS, now
    return min(walk.complete_until - OVERLAP, now), now


def next_walk_at(kind: WalkKind, now: datetime, *, every: timedelta) -> datetime:
    """Return when the walk after a complete one begins."""
    if kind is WalkKind.RECENT:
        return now + every
    midnight = now.astimezone(KST).replace(hour=0, minute=0, second=0, microsecond=0)
    tonight = midnight + _NIGHT
    return tonight if now < tonight else tonight + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is compared of one row of Toss's list; ``amount_krw`` is None where it is no whole number of won."""

    transaction_key: str
    payment_key: PaymentKey
    order_no: OrderNo
    status: str
    amount_krw: int | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OurBooks:
    """What our books have of an order's payment; ``returned`` tells of each second payment whether it went back."""

    payment_key: str | None = None
    status: str | None = None
    approved_at: datetime | None = None
    transaction_keys: frozenset[str] = frozenset()
    returned: dict[str, bool]


def explains(books: OurBooks, row: Row) -> bool:
    """Whether a row shows nothing that our books do not have."""
    if books.payment_key != row.payment_key:
        return row.payment_key in books.returned and (row.status not in _CANCELED or books.returned[row.payment_key])
    if row.transaction_key in books.transaction_keys:
        return True
    if row.status in _CANCELED:
        return False
    if row.status == books.status or (row.status == _S.DONE and books.status in _CANCELED):
        return True
    # An account's issue lies before its deposit, both by Toss's clock; what lies behind it is a bank's reversal.
    is_issue = row.status == _S.WAITING_FOR_DEPOSIT and books.approved_at is not None
    return is_issue and books.approved_at is not None and row.at < books.approved_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row of ``reconciliation_differences``: a transaction that our books did not explain when it was seen."""

    row: Row
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a read showed because of a difference: the transactions of the payment, and whether it fits our books."""

    asked_at: datetime
    transaction_keys: frozenset[str]
    fits: bool


class Ending(StrEnum):
    """What became of a difference."""

    SETTLED = "settled"
    AGAIN = "again"
    UNEXPLAINED = "unexplained"


def ending_of(difference: Difference, books: OurBooks, seen: Seen | None) -> Ending:
    """Decide after a read that was heard; ``seen`` is None where Toss showed no such payment.

    It is settled when our books explain the row, or when the read showed that very transaction, so that ``learn`` has
    judged it. A read that does not show it lags behind the list, and comes again.
    """
    row = difference.row
    if explains(books, row) or (seen is not None and seen.fits and row.transaction_key in seen.transaction_keys):
        return Ending.SETTLED
    later = seen is not None and seen.fits and seen.asked_at - row.at >= SUPERSEDED_AFTER
    if later and row.status not in _CANCELED:
        return Ending.SETTLED
    return Ending.AGAIN if difference.reads < len(_RETRY) else Ending.UNEXPLAINED


def again_at(difference: Difference, now: datetime) -> datetime:
    """Return when to read once more because of a difference that is still there."""
    return now + _RETRY[min(difference.reads, len(_RETRY) - 1)]


def looks_like_ours(order_no: str) -> bool:
    """Whether an order number that we do not know is one that paywon made; others may share the contract with Toss."""
    return _OUR_NUMBERS.fullmatch(order_no) is not None
