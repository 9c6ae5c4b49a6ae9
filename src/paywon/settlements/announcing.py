"""What events say of settlements. Pure."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from paywon.outbox.model import Event, EventType, PayoutEvent, PayoutTold, new_event
from paywon.settlements.model import Span

# All payouts are one stream: they are told in the order of their days.
_STREAM: Final = UUID("00000000-0000-0000-0000-000000000001")
LOOK_BACK: Final = timedelta(days=7)
"""How many days are looked at again, so that mornings without a worker, or without Toss, are made up for."""


@dataclass(slots=True)
class Payout:
    """The settlement rows of one day, added up; won."""

    count: int = 0
    amount: int = 0
    fee: int = 0
    pay_out_amount: int = 0

    def add(self, *, amount: int, fee: int, pay_out_amount: int) -> None:
        self.count += 1
        self.amount += amount
        self.fee += fee
        self.pay_out_amount += pay_out_amount


def days_to_tell(today: date) -> Span:
    """Answer the days that are over and may not have been told yet."""
    return Span(today - LOOK_BACK, today - timedelta(days=1))


def paid_out(day: date, payout: Payout, now: datetime) -> Event:
    """Tell what Toss paid out on a day; once for each day, whoever reads it."""
    told = PayoutTold(
        day=day,
        count=payout.count,
        amount=payout.amount,
        fee=payout.fee,
        pay_out_amount=payout.pay_out_amount,
        currency="KRW",
    )
    key = f"{EventType.SETTLEMENT_PAID_OUT}:{day.isoformat()}"
    return new_event(EventType.SETTLEMENT_PAID_OUT, _STREAM, PayoutEvent(payout=told), now, dedupe_key=key)
