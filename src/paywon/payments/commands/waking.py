"""Notices that Toss can be heard again, and makes due what waited for nothing else."""

from datetime import timedelta
from typing import Final

import structlog

from paywon.hearing import store as hearing
from paywon.hearing.store import Waker
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier

# Over how long the questions are spread that become due at once when Toss comes back.
SPREAD: Final = timedelta(seconds=20)
_log = structlog.get_logger()


async def wake_what_waits(cashier: Cashier) -> None:
    """Make every attempt due that waited for Toss to be heard, once it is; while it is not, one in a while."""
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        if await hearing.take_return(conn, Waker.ATTEMPTS, now):
            woken = await store.wake_unheard(conn, now, spread=SPREAD)
            _log.info("Toss is heard again", attempts_due=woken)
        elif await hearing.may_probe(conn, now):
            await store.wake_one_unheard(conn, now)
