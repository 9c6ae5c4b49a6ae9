"""Business days. Korean holidays are not known here, weekends are."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from paywon_sandbox.settings import KST

_SATURDAY = 5


def is_business_day(day: date) -> bool:
    """Monday to Friday."""
    return day.weekday() < _SATURDAY


def business_days_after(day: date, count: int) -> date:
    """The day that many business days later."""
    while count:
        day += timedelta(days=1)
        count -= is_business_day(day)
    return day


def at_hour(day: date, hour: int) -> datetime:
    """That hour of a day in Korea."""
    return datetime.combine(day, time(hour), tzinfo=KST)


def next_opening(now: datetime, opens: int, closes: int) -> datetime:
    """`now` within the hours of a business day, else the next opening."""
    here = now.astimezone(KST)
    if is_business_day(here.date()) and opens <= here.hour < closes:
        return now
    day = here.date()
    if not is_business_day(day) or here.hour >= closes:
        day = business_days_after(day, 1)
    return at_hour(day, opens)
