"""Having a stored webhook looked at once more, because a person asks for it."""

import structlog

from paywon.base.errors import PaywonError
from paywon.base.ids import WebhookEventId
from paywon.idempotency import commands as idempotency
from paywon.inbox import store
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.model import ABOUT_PAYMENTS, WebhookStatus
from paywon.inbox.store import Stored
from paywon.payments.commands.cashier import Origin

_log = structlog.get_logger()


async def reprocess(inbox: Inbox, event_id: WebhookEventId, origin: Origin) -> Stored:
    """Have an event wait for a look at once, whatever had become of it; return it as it then is.

    Its look takes nothing out of the budget, and what it claims has the whole ladder of looks again.

    Raises:
        PaywonError: WEBHOOK_NOT_FOUND; WEBHOOK_NOT_REPROCESSABLE, it was rejected or is about no payment of ours.
    """
    now = inbox.cashier.clock.now()
    async with inbox.cashier.db.transaction() as conn:
        begun = await idempotency.take(conn, origin.claim, event_id, now)
        event = await store.by_id(conn, event_id)
        if event is None:
            raise PaywonError("WEBHOOK_NOT_FOUND")
        if begun is not None:
            return event
        if event.order_no is None or event.event_type not in ABOUT_PAYMENTS or event.status is WebhookStatus.REJECTED:
            raise PaywonError("WEBHOOK_NOT_REPROCESSABLE")
        await store.hold_look(conn, event.order_no)
        was = await store.look_again(conn, event_id, event.order_no, origin.actor, now)
        more = int(was is not WebhookStatus.RECEIVED)
        await store.ask_for_look(conn, event.order_no, now, proven=True, more=more)
        _log.info("a webhook is looked at again", webhook=str(event_id), by=origin.actor, was=was)
        found = await store.by_id(conn, event_id)
    assert found is not None, "its row was just written"
    return found
