"""Counting deliveries that the door did not take. Pure.

Anybody can send such a thing, as often as the rate limit lets them, so one costs no statement: each process counts in
memory and writes the sums every few seconds, all in one statement. A process that is killed loses those seconds.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from paywon.base.clock import KST

KEPT_DAYS: Final = timedelta(days=366)


class Refusal(StrEnum):
    """What was the matter with a delivery. ``FAILED``: with us, and not with it."""

    MALFORMED = "malformed"
    REJECTED = "rejected"
    OVER_LIMIT = "over_limit"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """One row of ``webhook_refusals``: how many deliveries of a Korean day were not taken for the same reason."""

    day: date
    kind: Refusal
    count: int
    last_at: datetime


def refusal_of(status: int) -> Refusal | None:
    """Say why a delivery was not taken, given what it was answered; None where it was taken."""
    if status < 400:
        return None
    if status >= 500:
        return Refusal.FAILED
    return {401: Refusal.REJECTED, 429: Refusal.OVER_LIMIT}.get(status, Refusal.MALFORMED)


def day_at(at: datetime) -> date:
    return at.astimezone(KST).date()


class RefusedCounts:
    """What one process has counted and not yet written. It holds a number for each day and kind."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[date, Refusal]] = Counter()
        self._last_at: dict[tuple[date, Refusal], datetime] = {}

    def add(self, kind: Refusal, at: datetime, count: int = 1) -> None:
        """Count deliveries that were not taken."""
        place = day_at(at), kind
        self._counts[place] += count
        self._last_at[place] = max(at, self._last_at.get(place, at))

    def shown(self) -> list[Refused]:
        """Return what is counted and not yet written."""
        return [
            Refused(day=day, kind=kind, count=count, last_at=self._last_at[day, kind])
            for (day, kind), count in self._counts.items()
        ]

    def take(self) -> list[Refused]:
        """Take out what is counted, to write it down."""
        taken = self.shown()
        self._counts.clear()
        self._last_at.clear()
        return taken

    def put_back(self, taken: Iterable[Refused]) -> None:
        """Count again what could not be written down."""
        for each in taken:
            self.add(each.kind, each.last_at, each.count)


def together(*several: Iterable[Refused]) -> list[Refused]:
    """Add up counts of the same day and kind, newest day first."""
    sums: dict[tuple[date, Refusal], Refused] = {}
    for each in (each for some in several for each in some):
        place = each.day, each.kind
        had = sums.get(place)
        count, last_at = (had.count, had.last_at) if had else (0, each.last_at)
        sums[place] = Refused(
            day=each.day, kind=each.kind, count=count + each.count, last_at=max(last_at, each.last_at)
        )
    return sorted(sums.values(), key=lambda each: (each.day, each.kind), reverse=True)
