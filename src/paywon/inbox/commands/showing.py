"""Showing what came to the webhook door: what is stored, and what was not taken."""

from typing import Final

from paywon.base.errors import PaywonError
from paywon.base.ids import WebhookEventId
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.refusals import store as refusals
from paywon.inbox.refusals.model import Refused, together
from paywon.inbox.shown import store
from paywon.inbox.shown.store import WebhookFilter, Whole
from paywon.inbox.store import Stored

WRITE_EVERY_S: Final = 5.0


async def list_webhooks(inbox: Inbox, wanted: WebhookFilter) -> list[Stored]:
    """Fetch one page of stored webhooks, newest first."""
    async with inbox.cashier.db.connection() as conn:
        return await store.page(conn, wanted)


async def find_webhook(inbox: Inbox, event_id: WebhookEventId) -> Whole:
    """Fetch all that is kept of a webhook.

    Raises:
        PaywonError: WEBHOOK_NOT_FOUND.
    """
    async with inbox.cashier.db.connection() as conn:
        found = await store.whole(conn, event_id)
    if found is None:
        raise PaywonError("WEBHOOK_NOT_FOUND")
    return found


async def refused_deliveries(inbox: Inbox, *, days: int) -> list[Refused]:
    """Return how many deliveries were not taken, on the newest days that had any.

    With what this process has just counted; what others have is at most ``WRITE_EVERY_S`` late.
    """
    async with inbox.cashier.db.connection() as conn:
        written = await refusals.newest(conn, days=days)
    counted = together(written, inbox.refused.shown())
    newest = sorted({each.day for each in counted}, reverse=True)[:days]
    return [each for each in counted if each.day in newest]


async def write_refused(inbox: Inbox) -> int:
    """Write down what this process has counted; return 0, for there is nothing more to do at once."""
    taken = inbox.refused.take()
    if not taken:
        return 0
    try:
        async with inbox.cashier.db.transaction() as conn:
            await refusals.add(conn, taken)
    except BaseException:
        inbox.refused.put_back(taken)
        raise
    return 0
