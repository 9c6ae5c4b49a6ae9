"""Reads payments of our own accord where Toss does not tell, or its word may have been lost.

A deposit's hold ends, an account falls due without a webhook, a bank pays a refund out, a webhook is lost: the
payment's ``look_again_at`` says when, and ``learn`` sets it anew from what the read showed.
"""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from paywon.base.ids import PaymentKey
from paywon.hearing import store as hearing
from paywon.payments import store
from paywon.payments.attempts import store as attempts
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.reading import read_from_toss
from paywon.payments.model import LOOK_AGAIN, OVER_WITHOUT_MONEY, SWEEP, UNPAID, Payment, Verdict
from paywon.toss.outcome import NotSent, Unknown

_log = structlog.get_logger()
# How long a payment is looked at that shows no money, and of which nothing new is learned.
UNPAID_LOOKED_AT_FOR: Final = timedelta(days=3)
# When a look is made again that did not hear Toss.
UNHEARD_AGAIN: Final = timedelta(seconds=60)
_ORIGIN: Final = Origin(actor="system:watch")


async def look_at_due(cashier: Cashier, *, limit: int = 20) -> int:
    """Read the payments whose time to be looked at has come; answer how many."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        # While Toss is silent one look is enough to hear whether it is back; the others stay due until then.
        limit = 1 if await hearing.is_silent(conn) else limit
        due = await store.claim_to_look_at(conn, now, lease_until=now + cashier.lease, limit=limit)
    outcomes = await asyncio.gather(*(_look(cashier, payment) for payment in due), return_exceptions=True)
    for payment, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            _log.error("a payment could not be looked at", payment=str(payment.id), exc_info=outcome)
    return len(due)


async def _look(cashier: Cashier, payment: Payment) -> None:
    key = payment.payment_key
    if payment.status in UNPAID | OVER_WITHOUT_MONEY:
        # What a person took for failed may have been approved under a key that our row never took over.
        async with cashier.db.connection() as conn:
            key = await store.last_asked_key(conn, payment.id) or key
    for refused in await _refused_keys(cashier, payment, key):
        await read_from_toss(cashier, payment, _ORIGIN, payment_key=refused)
    reread = await read_from_toss(cashier, payment, _ORIGIN, payment_key=key)
    if isinstance(reread.answer, NotSent | Unknown):
        await _put_off(cashier, payment, UNHEARD_AGAIN)
    elif reread.learned is not None and reread.learned.verdict is Verdict.APPLY:
        return  # learn has said when
    else:
        over = payment.status in UNPAID | OVER_WITHOUT_MONEY
        over = over and cashier.clock.now() - payment.updated_at > UNPAID_LOOKED_AT_FOR
        # The look's own lease may end before that wish, which then is not in the row.
        soon = reread.learned.look_at if reread.learned is not None else None
        await _put_off(cashier, payment, None if over else SWEEP if soon is None else LOOK_AGAIN)


async def _put_off(cashier: Cashier, payment: Payment, wait: timedelta | None) -> None:
    until = None if wait is None else cashier.clock.now() + wait
    async with cashier.db.transaction(about=payment.order_no) as conn:
        await store.put_off_look(conn, payment, until=until)


async def _refused_keys(cashier: Cashier, payment: Payment, known: PaymentKey | None) -> list[PaymentKey]:
    """Fetch the keys that were refused and never read since, except the one that is read anyway."""
    async with cashier.db.connection() as conn:
        refused = await attempts.refused_unread(conn, payment.id)
    return [key for key, _ in refused if key != known]
