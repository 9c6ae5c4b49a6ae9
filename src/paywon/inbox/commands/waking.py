"""Makes the looks due that waited for Toss to be heard, once it is."""

from paywon.hearing import store as hearing
from paywon.hearing.store import Waker
from paywon.inbox import store
from paywon.inbox.commands.receiving import Inbox
from paywon.payments.commands.waking import SPREAD


async def wake_looks(inbox: Inbox) -> int:
    """Make looks due that waited for nothing else; return how many."""
    cashier = inbox.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        if not await hearing.take_return(conn, Waker.LOOKS, now):
            return 0
        return await store.wake_unheard(conn, now, spread=SPREAD)
