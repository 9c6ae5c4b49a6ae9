"""Tells what a payment is after asking Toss, but at most once a minute (seed 1's cached status).

Only *that Toss was asked, and when* is cached. The answer is always made of our rows, so that nothing that this or
another process has learned meanwhile, from a confirm, a refund or a webhook, is ever hidden by an older copy.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec
from litestar.stores.base import Store

from paywon.base.flight import OneFlight
from paywon.base.ids import PaymentId
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.queries import PaymentView, find_by_id
from paywon.payments.commands.reading import read_from_toss
from paywon.payments.model import Payment, Verdict
from paywon.web.cache import CacheState

HEARD_FOR: Final = timedelta(seconds=60)
# Toss refuses who asks about one payment again and again (toss/api.md 1.4), and one that is down is not asked at each
# poll.
UNHEARD_FOR: Final = timedelta(seconds=10)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """That Toss was asked about a payment; ``heard`` tells whether it showed the payment."""

    at: datetime
    heard: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """What checking takes."""

    cashier: Cashier
    cache: Store
    asking: OneFlight[PaymentId, Asked] = field(default_factory=OneFlight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A payment as our books have it, and what they rest on.

    ``checked_at`` is when Toss last showed it; None if it never did.
    """

    view: PaymentView
    state: CacheState
    checked_at: datetime | None

    @property
    def live(self) -> bool:
        """Whether Toss has shown this payment within the last minute."""
        return self.state in (CacheState.MISS, CacheState.HIT)


async def check_status(checker: Checker, payment_id: PaymentId, origin: Origin) -> Checked:
    """Ask Toss what a payment is, unless it was asked a moment ago, and answer what we then know.

    A payment that Toss has never named needs no asking. Where Toss is not heard in time, our own state is the answer.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND, also for somebody else's.
    """
    shown = await find_by_id(checker.cashier, payment_id, origin)
    payment = shown.payment
    if payment.payment_key is None:
        return Checked(view=shown, state=CacheState.NONE, checked_at=None)
    if (asked := await _last_asked(checker, payment.id)) is not None:
        return _checked(shown, asked, CacheState.HIT)
    asked = await _ask_in_time(checker, payment, origin)
    return _checked(await find_by_id(checker.cashier, payment_id, origin), asked, CacheState.MISS)


def _checked(shown: PaymentView, asked: Asked | None, state: CacheState) -> Checked:
    if asked is None or not asked.heard:
        return Checked(view=shown, state=CacheState.STALE, checked_at=shown.payment.fact_asked_at)
    return Checked(view=shown, state=state, checked_at=asked.at)


async def _last_asked(checker: Checker, payment_id: PaymentId) -> Asked | None:
    raw = await checker.cache.get(_place(payment_id))
    try:
        asked = None if raw is None else msgspec.json.decode(raw, type=Asked)
    except msgspec.MsgspecError:
        return None  # of another version of paywon
    if asked is None or checker.cashier.clock.now() - asked.at >= _kept_for(asked):
        return None
    return asked


async def _ask_in_time(checker: Checker, payment: Payment, origin: Origin) -> Asked | None:
    """Ask, together with whoever asks about the same payment now; None if it takes longer than a caller waits."""
    outcome: list[Asked] = []

    async def ask() -> None:
        outcome.append(await checker.asking.share(payment.id, lambda: _ask(checker, payment, origin)))

    await checker.cashier.within_budget(ask())
    return outcome[0] if outcome else None


async def _ask(checker: Checker, payment: Payment, origin: Origin) -> Asked:
    if (asked := await _last_asked(checker, payment.id)) is not None:
        return asked  # somebody's answer came while this one was about to ask
    asked_at = checker.cashier.clock.now()
    reread = await read_from_toss(checker.cashier, payment, origin, payment_key=payment.payment_key)
    # What contradicts our books does not confirm them.
    heard = reread.learned is not None and reread.learned.verdict is not Verdict.CONTRADICTS
    asked = Asked(at=asked_at, heard=heard)
    await checker.cache.set(_place(payment.id), msgspec.json.encode(asked), _kept_for(asked))
    return asked


def _kept_for(asked: Asked) -> timedelta:
    return HEARD_FOR if asked.heard else UNHEARD_FOR


def _place(payment_id: PaymentId) -> str:
    return f"status:{payment_id}"
