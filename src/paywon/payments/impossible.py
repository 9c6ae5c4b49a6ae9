"""What Toss shows of a payment that cannot have become so: ABORTED after DONE, a balance that rose. Pure.

A read may lag behind, so one such fact says nothing. It is looked at again, and what stays so is for a person.
"""

from datetime import datetime, timedelta
from typing import Final

from paywon.payments.model import LOOK_AGAIN, Fact, Payment, Verdict, judge

_SELDOM: Final = timedelta(hours=6)


def is_impossible(payment: Payment, fact: Fact) -> bool:
    """Whether a fact, read later than what our books show of money, is none that could have followed it."""
    same = payment.payment_key == fact.payment_key and payment.approved_at is not None
    later = payment.fact_asked_at is not None and fact.asked_at > payment.fact_asked_at
    return same and later and judge(payment, fact) is Verdict.STALE


def look_at(since: datetime, now: datetime) -> datetime:
    """Decide when to look again at what cannot be so: soon, then ever less often."""
    return now + min(max(now - since, LOOK_AGAIN), _SELDOM)
