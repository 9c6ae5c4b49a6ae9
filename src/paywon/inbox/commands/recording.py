"""Puts the webhooks that were worked on the audit trail of their payment, each once, whatever is sent again."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from paywon.base.ids import AttemptId, OrderNo, PaymentId, WebhookEventId
from paywon.db.pool import Connection
from paywon.inbox import store
from paywon.inbox.commands.receiving import Inbox
from paywon.inbox.model import MAX_ON_RECORD
from paywon.inbox.store import Waiting
from paywon.payments.attempts import store as attempts
from paywon.payments.model import Attempt, AttemptStatus, AttemptType

_ACTOR: Final = "webhook"


async def rows_for(
    conn: Connection, inbox: Inbox, order_no: OrderNo, processed: Collection[WebhookEventId]
) -> list[Attempt]:
    """Make the rows that the trail of an order's payment still lacks, and hold the payment's row.

    To be called before the events' own rows are changed, and in the same transaction: then a webhook is on record if,
    and only if, it counts as worked. Without a payment there is no trail.
    """
    if not processed:
        return []
    payment_id = await attempts.hold_trail(conn, order_no)
    if payment_id is None:
        return []
    known = await attempts.webhooks_on_record(conn, payment_id)
    new = [
        event
        for event in await store.waiting_for(conn, order_no)
        if event.id in processed and AttemptId(event.id) not in known
    ]
    room = max(0, MAX_ON_RECORD - len(known))
    proven = [event for event in new if inbox.trust.is_proven(event.verdict, event.source_address)]
    others = [event for event in new if event not in proven][:room]
    now = inbox.cashier.clock.now()
    return [_row(event, payment_id, now) for event in sorted([*proven, *others], key=lambda each: each.received_at)]


def _row(event: Waiting, payment_id: PaymentId, now: datetime) -> Attempt:
    """Make a webhook's row: its id is the webhook's own, so that no second one can be written."""
    told = {"webhookId": str(event.id), "eventType": event.event_type, "verdict": event.verdict.value}
    return Attempt(
        id=AttemptId(event.id),
        payment_id=payment_id,
        type=AttemptType.WEBHOOK_RECEIVED,
        status=AttemptStatus.SUCCESS,
        request_data=told | ({"status": event.claim.status} if event.claim.status else {}),
        actor=_ACTOR,
        ip_address=event.source_address,
        created_at=event.received_at,
        closed_at=now,
    )
