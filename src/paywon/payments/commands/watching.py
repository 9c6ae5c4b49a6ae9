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
    if reread.learned is None or reread.learned.verdict is Verdict.APPLY:
        return  # not heard: the claim runs out and it is looked at again; else learn has said when
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        await store.update_payment(conn, payment.id, now, look_again_at=now + SWEEP)
