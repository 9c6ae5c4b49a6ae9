"""What is done with stored webhooks later: some are looked at after all, some are thrown away."""

from datetime import timedelta
from typing import Final

import structlog

from paywon.inbox import store
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.refusals import store as refusals
from paywon.inbox.refusals.model import KEPT_DAYS, day_at

_FOUND_WITHIN: Final = timedelta(hours=1)
"""How long an event of an unknown order may still find its order: a cancel's event may come before the cancel's answer,
which names it to us."""
_NOBODYS_KEPT: Final = timedelta(days=30)
_MOST_OF_NOBODYS: Final = 10_000
_AT_ONCE: Final = 2_000
_ROUNDS: Final = 20
_log = structlog.get_logger()


async def keep_house(inbox: Inbox) -> None:
    """Have events looked at whose order has been found, and delete what nobody misses."""
    await find_orders(inbox)
    await trim(inbox)
    async with inbox.cashier.db.transaction() as conn:
        await refusals.trim(conn, before=day_at(inbox.cashier.clock.now()) - KEPT_DAYS)


async def find_orders(inbox: Inbox) -> None:
    """Have events wait for a look whose order was not known when they came, and is now."""
    now = inbox.cashier.clock.now()
    async with inbox.cashier.db.transaction() as conn:
        found = await store.found_since(conn, now - _FOUND_WITHIN, limit=100)
        # An order's look is held before its events, always, and looks in one order of theirs.
        for event in sorted(found, key=lambda event: event.order_no):
            proven = inbox.trust.is_proven(event.verdict, event.source_address)
            await store.hold_look(conn, event.order_no)
            if await store.receive_again(conn, event.id, event.order_no, now):
                await store.ask_for_look(conn, event.order_no, now, proven=proven)


async def trim(inbox: Inbox, *, keep: int = _MOST_OF_NOBODYS) -> None:
    """Delete rejected events and those about nothing of ours: the old, and all but the newest ``keep``."""
    old = inbox.cashier.clock.now() - _NOBODYS_KEPT
    deleted = 0
    for _ in range(_ROUNDS):
        async with inbox.cashier.db.transaction() as conn:
            found = await store.trim_nobodys(conn, older_than=old, keep=keep, limit=_AT_ONCE)
        deleted += found
        if found < _AT_ONCE:
            break
    if deleted:
        _log.info("webhooks about nothing of ours were deleted", count=deleted)
