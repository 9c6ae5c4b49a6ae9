"""What to do about an attempt whose outcome is unknown, given what a read of Toss showed. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from paywon.payments.model import (
    CANCELLING,
    OVER_WITHOUT_MONEY,
    PAYING,
    UNPAID,
    Attempt,
    AttemptType,
    Payment,
    PaymentStatus,
)

# Toss lets a payment be confirmed within 10 minutes, and the window be used within 30 (toss/api.md 2). A cancel has no
# window; its key is good for 15 days (toss/api.md 1.2), of which we use one.
CONFIRM_WINDOW: Final = timedelta(minutes=10)
REQUEST_WINDOW: Final = timedelta(minutes=40)
CANCEL_WINDOW: Final = timedelta(days=1)
# How long Toss replays what it answered to a key, less a day for clocks and queues (toss/api.md 1.2: 15 days).
KEY_WINDOW: Final = timedelta(days=14)
# After so many keys with a final failure, each followed by a read that shows nothing done, the question is closed: a
# failure that may pass has not passed within a minute or two, and nobody's money is to wait for days, or to move hours
# later when the shop has helped itself.
MOST_REFUSALS: Final = 4
# The same for what we ask for without a window of the buyer's: an account, a charge.
PAYING_WINDOW: Final = timedelta(days=1)
# How much later than our clock says a window has closed for certain, unless a setting says otherwise.
WINDOW_MARGIN: Final = timedelta(minutes=1)
# How long before a window closes a question is put for the last time: an answer takes a few seconds.
LAST_CALL: Final = timedelta(seconds=10)
# How much the steady pace of confirms varies, so that many that began together do not go on together.
JITTER: Final = 0.2
_HOURLY_S: Final = 3600.0


# The only words of Toss's that are evidence of nothing (toss/errors.py; a test compares): by the code, as a 404 is also
# what Toss says of our contract.
NO_SUCH_PAYMENT: Final = frozenset({"NOT_FOUND_PAYMENT"})
# An open question is in doubt once the resolver has read Toss about it this often, or after this long.
DOUBTFUL_AFTER_TRIES: Final = 3
DOUBTFUL_AFTER: Final = timedelta(minutes=2)


class Step(Enum):
    """What the resolver does next."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ASK_AGAIN = "ask again with the same key"
    ASK_ANEW = "ask again as a new attempt with a new key"
    WAIT = "wait and read again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What Toss shows of the payment of an attempt.

    ``status`` is None where Toss was not heard, ``found`` False where it knows no such payment;
    ``same_order`` tells whether what it shows belongs to the attempt's order, ``same_key`` whether it is the payment
    that the attempt was about, ``cancel_seen`` whether a cancel that looks like the attempt's own stands in its list,
    ``cancel_is_older`` whether that one was made before the question was, ``done_already`` whether the attempt's key
    was answered that such a thing had been done already, ``refusals`` how often Toss has given the
    question the same final failure,
    ``returned`` whether nothing is left of money that our books do not hold, ``balance`` how many won are left,
    ``paid_again`` whether a refund that the bank had not paid out is under way once more.
    """

    status: PaymentStatus | None
    found: bool = True
    same_order: bool = True
    same_key: bool = True
    cancel_seen: bool = False
    cancel_is_older: bool = False
    done_already: bool = False
    refusals: int = 0
    returned: bool = False
    paid_again: bool = False
    balance: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPlan:
    """How often an open question is taken up.

    ``ladder_s``: how long to wait after each try, then hourly. ``confirm_every_s``: how far tries of a confirm are
    apart, at most, while its window is open. ``margin``: how long after its end a window counts as closed.
    """

    ladder_s: tuple[float, ...] = (2, 5, 15, 60, 300, 1800)
    confirm_every_s: float = 25
    margin: timedelta = WINDOW_MARGIN


DEFAULT_PLAN: Final = RetryPlan()
# 72 hourly tries are three days; after that a person has to look.
HOURLY_TRIES: Final = 72


def window_of(kind: AttemptType) -> timedelta:
    """Return how long after it was first put a question may still be put to Toss."""
    if kind is AttemptType.PAYMENT_CONFIRMATION:
        return CONFIRM_WINDOW
    return REQUEST_WINDOW if kind is AttemptType.PAYMENT_REQUEST else CANCEL_WINDOW


def next_try_at(plan: RetryPlan, attempt: Attempt, tries: int, now: datetime, *, chance: float) -> datetime:
    """Return when to take up an open question again, after so many tries; ``chance`` is between 0 and 1.

    No wait passes over the end of its window: it is put once more just before, and read at once after.
    """
    closes = attempt.first_asked_at + window_of(attempt.type)
    last_call, closed = closes - LAST_CALL, closes + plan.margin
    at = now + timedelta(seconds=_wait_s(plan, attempt, tries, now, closed, chance=chance))
    if now < last_call:
        return min(at, last_call)
    # A few seconds apart, for many windows may have opened together.
    return closed + timedelta(seconds=5 * chance) if now < closed else at


def _wait_s(plan: RetryPlan, attempt: Attempt, tries: int, now: datetime, closed: datetime, *, chance: float) -> float:
    wait_s = plan.ladder_s[tries] if tries < len(plan.ladder_s) else _HOURLY_S
    if attempt.type is not AttemptType.PAYMENT_CONFIRMATION:
        return wait_s
    if now < closed:
        return min(wait_s, plan.confirm_every_s * (1 + JITTER * (2 * chance - 1)))
    # The customer waits for the end of it: soon at first, then as long as it has been over, up to hourly.
    return min(max(plan.confirm_every_s, (now - closed).total_seconds()), _HOURLY_S)


def counted_tries(plan: RetryPlan, attempt: Attempt, tries: int, now: datetime) -> int:
    """Return how many tries count towards parking: those at the steady pace of a confirm's open window do not."""
    steady = attempt.type is AttemptType.PAYMENT_CONFIRMATION and now < attempt.first_asked_at + CONFIRM_WINDOW
    if steady and len(plan.ladder_s) < tries < most_tries(plan):
        return len(plan.ladder_s)
    return tries


def most_tries(plan: RetryPlan) -> int:
    """Return after how many tries a question is parked."""
    return len(plan.ladder_s) + HOURLY_TRIES


def next_step(attempt: Attempt, reading: Reading, now: datetime, *, margin: timedelta = WINDOW_MARGIN) -> Step:
    """Decide from evidence only: nothing becomes failed because time has passed without a word from Toss (I8)."""
    now -= margin
    if attempt.type is AttemptType.PAYMENT_CONFIRMATION:
        return _after_confirm(attempt, reading, now)
    if attempt.type in CANCELLING:
        return _after_cancel(attempt, reading, now)
    if attempt.type is AttemptType.REFUND_AGAIN:
        return _after_refund_again(attempt, reading, now)
    if attempt.type in PAYING:
        return _after_charge(attempt, reading, now)
    return _after_request(attempt, reading, now)


def _after_confirm(attempt: Attempt, reading: Reading, now: datetime) -> Step:
    if not reading.same_order:
        return Step.FAILED  # Toss binds a paymentKey to its order (toss/api.md 2), so this one pays nothing of ours
    window_open = now - attempt.first_asked_at < CONFIRM_WINDOW
    if not reading.found:
        # "Not found" says something only once nothing can arrive any more.
        return Step.WAIT if window_open else Step.FAILED
    if reading.status is None:
        return Step.WAIT
    if not reading.same_key:
        # The order shows another payment; ours cannot have been approved beside it, once the window closed.
        return Step.WAIT if window_open else Step.FAILED
    if reading.status in OVER_WITHOUT_MONEY:
        return Step.FAILED
    if reading.status not in (PaymentStatus.READY, PaymentStatus.IN_PROGRESS):
        return Step.SUCCEEDED
    return _again(attempt) if window_open else Step.WAIT


def _after_charge(attempt: Attempt, reading: Reading, now: datetime) -> Step:
    """A charge on a billing key, or the issue of a virtual account: Toss makes the paymentKey, we read by order."""
    if reading.status is None and reading.found:
        return Step.WAIT
    if not reading.found or not reading.same_key:
        over = _refused_often(attempt, reading) or now - attempt.first_asked_at >= PAYING_WINDOW
        return Step.FAILED if over else _again(attempt)
    if reading.status in OVER_WITHOUT_MONEY:
        return Step.FAILED
    return Step.WAIT if reading.status in UNPAID else Step.SUCCEEDED


def _after_cancel(attempt: Attempt, reading: Reading, now: datetime) -> Step:
    """A listed cancel proves nothing by its looks; only the answer to its own key does (toss/api.md 1.2, 5.4).

    So the same key is asked again, which Toss answers with what it did under it: the cancel itself, or a refusal of the
    guard (``refundableAmount``) that shows that it did nothing. A key that has its final answer only replays that.
    """
    if reading.returned:
        return Step.SUCCEEDED  # it had to go back, and has; nothing was reserved for it
    if reading.status is None:
        return Step.WAIT
    is_open = now - attempt.first_asked_at < CANCEL_WINDOW
    if not attempt.answered:
        # A key can be asked about for as long as Toss replays it, and asks nothing new then.
        replays = reading.cancel_seen and now - attempt.created_at < KEY_WINDOW
        return Step.ASK_AGAIN if is_open or replays else Step.WAIT
    if reading.cancel_seen:
        return _after_lookalike(attempt, reading)
    if _answered_well(attempt):
        return Step.WAIT
    if reading.balance == 0 or _refused_often(attempt, reading):
        return Step.FAILED
    return Step.ASK_ANEW if is_open else Step.WAIT


def _after_refund_again(attempt: Attempt, reading: Reading, now: datetime) -> Step:
    """A refund that had failed, to another account: what the bank was asked again is under way, or paid out.

    While it still shows as failed a key without an answer is asked again, and one with an answer has done nothing.
    """
    if reading.status is None:
        return Step.WAIT
    if reading.paid_again:
        return Step.SUCCEEDED
    if attempt.answered:
        return Step.FAILED
    return Step.ASK_AGAIN if now - attempt.created_at < KEY_WINDOW else Step.WAIT


def _after_lookalike(attempt: Attempt, reading: Reading) -> Step:
    """A cancel that looks like ours, whose key has its final answer: nothing more can be proven by asking."""
    if _answered_well(attempt):
        return Step.SUCCEEDED  # carried out, in an answer that we could not read
    refused = reading.done_already and attempt.caused_by is None
    # Behind a failure that may pass money may have moved: a person has to say whose cancel it is.
    return Step.FAILED if reading.cancel_is_older or refused else Step.WAIT


def _answered_well(attempt: Attempt) -> bool:
    return 200 <= (attempt.http_status or 0) < 300


def is_refused_part(attempt: Attempt, payment: Payment) -> bool:
    """Return whether an open cancel is of a part, Toss has given its key a final failure, and nothing went back since.

    The balance when it was asked for stands in the question, as its guard.
    """
    balance = payment.balance_amount or 0
    is_part = attempt.amount is not None and attempt.amount < balance
    untouched = (attempt.request_data or {}).get("refundableAmount") == balance
    return is_part and untouched and attempt.answered and not _answered_well(attempt)


def _refused_often(attempt: Attempt, reading: Reading) -> bool:
    """Whether Toss has given key after key the same final failure, and read after read showed that nothing was done."""
    return attempt.answered and not _answered_well(attempt) and reading.refusals >= MOST_REFUSALS


def _after_request(attempt: Attempt, reading: Reading, now: datetime) -> Step:
    if reading.found and reading.status is not None and reading.same_key:
        return Step.SUCCEEDED
    # An earlier window of the same order is no answer.
    missing = not reading.found or (reading.status is not None and not reading.same_key)
    if now - attempt.first_asked_at >= REQUEST_WINDOW:
        return Step.FAILED if missing else Step.WAIT
    if attempt.answered:
        if not missing:
            return Step.WAIT
        return Step.FAILED if _refused_often(attempt, reading) else Step.ASK_ANEW
    return Step.ASK_AGAIN


def _again(attempt: Attempt) -> Step:
    """A key that Toss has answered would only replay that answer (toss/api.md 1.2); without one, it must not change."""
    return Step.ASK_ANEW if attempt.answered else Step.ASK_AGAIN


def is_doubtful(tries: int, asked_at: datetime, now: datetime) -> bool:
    """Whether an open question is a case for the desk."""
    return tries >= DOUBTFUL_AFTER_TRIES or now - asked_at >= DOUBTFUL_AFTER
