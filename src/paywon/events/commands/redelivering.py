"""Sending again, by hand: one event, all of a span, or a test."""

from datetime import datetime

from paywon.base.errors import PaywonError
from paywon.base.ids import EndpointId, EventId, new_uuid
from paywon.db.pool import Connection
from paywon.events import store
from paywon.events.commands.mailroom import Mailroom, enabled_endpoint
from paywon.events.model import MAX_REDELIVERED
from paywon.idempotency import commands as idempotency
from paywon.idempotency.model import Claim
from paywon.orders import store as orders
from paywon.outbox import store as outbox
from paywon.outbox.model import EndpointTold, EventType, PingEvent, new_event


async def redeliver(mailroom: Mailroom, endpoint_id: EndpointId, event_id: EventId, claim: Claim | None = None) -> None:
    """Have an event sent to an endpoint as soon as may be, whether or not it has taken it before, or listens to it.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND, EVENT_ENDPOINT_DISABLED, EVENT_NOT_FOUND.
    """
    now = mailroom.clock.now()
    async with mailroom.db.transaction() as conn:
        if await idempotency.take(conn, claim, new_uuid(), now) is not None:
            return
        await enabled_endpoint(conn, endpoint_id)
        if not await store.send_again(conn, endpoint_id, event_id, now):
            raise PaywonError("EVENT_NOT_FOUND", field="eventId")
        await _wait_again(conn, [event_id], now)


async def redeliver_span(
    mailroom: Mailroom, endpoint_id: EndpointId, since: datetime, until: datetime | None, claim: Claim | None = None
) -> int:
    """Have all events of a span sent that an endpoint listens to, in their order; answer how many that are.

    Raises:
        PaywonError: as ``redeliver``, or REDELIVERY_TOO_MANY.
    """
    now = mailroom.clock.now()
    last = until or now
    async with mailroom.db.transaction() as conn:
        begun = await idempotency.take(conn, claim, new_uuid(), now)
        if begun is None:
            await enabled_endpoint(conn, endpoint_id)
        count = await store.count_in_span(conn, endpoint_id, since, last, most=MAX_REDELIVERED)
        if begun is not None:
            return count
        if count > MAX_REDELIVERED:
            raise PaywonError("REDELIVERY_TOO_MANY", field="until", most=f"{MAX_REDELIVERED:,}")
        events = await store.send_span_again(conn, endpoint_id, since, last, now)
        await _wait_again(conn, events, now)
    return len(events)


async def send_test(mailroom: Mailroom, endpoint_id: EndpointId, claim: Claim | None = None) -> EventId:
    """Have a test event sent to an endpoint, whatever it listens to; its log shows what came of it.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND, EVENT_ENDPOINT_DISABLED.
    """
    now = mailroom.clock.now()
    event = new_event(EventType.ENDPOINT_TEST, endpoint_id, PingEvent(endpoint=EndpointTold(id=endpoint_id)), now)
    async with mailroom.db.transaction() as conn:
        if (begun := await idempotency.take(conn, claim, event.id, now)) is not None:
            return EventId(begun)
        await enabled_endpoint(conn, endpoint_id)
        await outbox.append(conn, [event], now)
        await store.send_again(conn, endpoint_id, event.id, now)
    return event.id


async def _wait_again(conn: Connection, events: list[EventId], now: datetime) -> None:
    """Paid orders that nobody was told of wait again for the application to take them."""
    tellings = [telling for _, telling in await store.paid_tellings(conn, events)]
    await orders.wait_by_event(conn, tellings, now)
