"""Jobs of the inbox."""

from contextlib import suppress
from functools import partial
from typing import Final

from pgqueuer import PgQueuer

from paywon.inbox.commands import keeping, waking
from paywon.inbox.commands.looking import claim_looks, look
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.commands.showing import WRITE_EVERY_S, write_refused
from paywon.queue.jobs import every_minute, forever, side_by_side

_AT_ONCE: Final = 20
_LOOK_EVERY_S: Final = 0.25


def register_jobs(pgq: PgQueuer, inbox: Inbox) -> None:
    every_minute(pgq, "inbox.keep_house", partial(keeping.keep_house, inbox))


async def look_forever(inbox: Inbox, *, every_s: float = _LOOK_EVERY_S) -> None:
    """Look at the orders that webhooks speak of, until cancelled."""
    await side_by_side(partial(claim_looks, inbox), partial(look, inbox), most=_AT_ONCE, every_s=every_s)


async def wake_forever(inbox: Inbox, *, every_s: float) -> None:
    """Make the looks due that waited for Toss to be heard, until cancelled."""
    await forever(partial(waking.wake_looks, inbox), every_s=every_s)


async def count_refused_forever(inbox: Inbox, *, every_s: float = WRITE_EVERY_S) -> None:
    """Write down the deliveries that were not taken, until cancelled; then what is left, once."""
    try:
        await forever(partial(write_refused, inbox), every_s=every_s)
    finally:
        with suppress(Exception):  # the database may be away, and a few counts hold up no stop
            await write_refused(inbox)
