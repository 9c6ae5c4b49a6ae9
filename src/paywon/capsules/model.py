"""Time capsules: when they open. Pure."""

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from paywon.base.clock import KST
from paywon.base.ids import CapsuleId, OrderId, UserId
from paywon.orders.model import CapsuleWish, TimeOption


class CapsuleStatus(StrEnum):
    LOCKED = "LOCKED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capsule:
    """One row of ``capsules``."""

    id: CapsuleId
    order_id: OrderId
    user_id: UserId
    title: str
    headcount: int
    view_limit: int
    time_option: TimeOption
    open_at: datetime
    status: CapsuleStatus
    created_at: datetime
    canceled_at: datetime | None


def open_at(wish: CapsuleWish, paid_at: datetime) -> datetime:
    """Answer when a capsule paid at ``paid_at`` opens, counted in Korea's calendar.

    A month after 31 January is the last day of February.
    """
    if wish.custom_open_at is not None:
        return wish.custom_open_at
    paid_on = paid_at.astimezone(KST)
    if wish.time_option is TimeOption.ONE_WEEK:
        return paid_on + timedelta(weeks=1)
    return _months_later(paid_on, 1 if wish.time_option is TimeOption.ONE_MONTH else 12)


def obstacle(wish: CapsuleWish, now: datetime) -> str | None:
    """Say in a word why a paid capsule cannot be made; None when it can."""
    if wish.custom_open_at is not None and wish.custom_open_at <= now:
        return "CUSTOM_OPEN_AT_PASSED"
    return None


def _months_later(day: datetime, months: int) -> datetime:
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    last_day = calendar.monthrange(year, month0 + 1)[1]
    return day.replace(year=year, month=month0 + 1, day=min(day.day, last_day))
