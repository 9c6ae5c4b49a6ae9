"""Reads payments of our own accord where Toss does not tell, or its word may have been lost.

A deposit's hold ends, an account falls due without a webhook, a bank pays a refund out, a webhook is lost: the
payment's ``look_again_at`` says when, and ``learn`` sets it anew from what the read showed.
"""

import asyncio
from typing import Final

import structlog

from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.reading import read_from_toss
from paywon.payments.model import SWEEP, Payment, Verdict
from paywon.toss.outcome import NotSent, Unknown

_log = structlog.get_logger()
_ORIGIN: Final = Origin(actor="system:watch")


async def look_at_due(cashier: Cashier, *, limit: int = 20) -> int:
    """Read the payments whose time to be looked at has come; answer how many."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        due = await store.claim_to_look_at(conn, now, lease_until=now + cashier.lease, limit=limit)
    outcomes = await asyncio.gather(*(_look(cashier, payment) for payment in due), return_exceptions=True)
    for payment, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            _log.error("a payment could not be looked at", payment=str(payment.id), exc_info=outcome)
    return len(due)


async def _look(cashier: Cashier, payment: Payment) -> None:
    reread = await read_from_toss(cashier, payment, _ORIGIN, payment_key=payment.payment_key)
    if isinstance(reread.answer, NotSent | Unknown):
        return  # the claim runs out, and it is looked at again
    if reread.learned is not None and reread.learned.verdict is Verdict.APPLY:
        return  # learn has said when
    async with cashier.db.transaction(about=payment.order_no) as conn:
        await store.put_off_look(conn, payment, until=cashier.clock.now() + SWEEP)
