"""What to do about an issue or a cancel whose outcome is unknown. Pure."""

from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final

from paywon.base.clock import KST
from paywon.payments.model import Attempt
from paywon.payments.recovery import MOST_REFUSALS, Step
from paywon.receipts.model import Receipt

# Toss knows an idempotency key for 15 days (toss/api.md 1.2); of these we use one, as for a cancel of a payment.
WINDOW: Final = timedelta(days=1)


class Seen(Enum):
    """What Toss's lists of the days in question showed."""

    FOUND = "found"
    MISSING = "missing"
    UNREAD = "unread"


def key_still_serves(attempt: Attempt, now: datetime) -> bool:
    """Whether to repeat with the same key: Toss then runs it once, or replays its answer (toss/api.md 1.2)."""
    return not attempt.answered and now - attempt.created_at < WINDOW


def next_step(receipt: Receipt, seen: Seen, now: datetime, *, refusals: int = 0) -> Step:
    """Decide from Toss's lists, where the same key serves no longer (I8).

    A receipt that is missing in the complete lists of all days on which it was asked for does not exist. It is asked
    for anew until a day after it was first asked for, or until Toss has given so many keys the same final failure
    (``refusals``).
    """
    if seen is Seen.FOUND:
        return Step.SUCCEEDED
    if seen is Seen.UNREAD:
        return Step.WAIT
    over = now - receipt.created_at >= WINDOW or refusals >= MOST_REFUSALS
    return Step.FAILED if over else Step.ASK_ANEW


def days_of(receipt: Receipt, now: datetime) -> list[date]:
    """Answer the Korean days on which Toss may have been asked for a receipt."""
    first = receipt.created_at.astimezone(KST).date()
    # The last question was asked within the window, and under a key that served for as long again.
    last = min(now, receipt.created_at + 2 * WINDOW).astimezone(KST).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
