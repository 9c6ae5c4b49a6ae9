"""What was told, to whom, and what came of it. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from paywon.base.errors import PaywonError
from paywon.base.ids import EndpointId, EventId
from paywon.events import store
from paywon.events.commands.mailroom import Mailroom, endpoint_named
from paywon.events.model import Delivery, DeliveryStatus, Endpoint, StoredEvent, Try

_TRIES_SHOWN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A delivery with its tries, the newest first."""

    delivery: Delivery
    tries: list[Try]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """An event with what came of it at each endpoint."""

    event: StoredEvent
    logs: list[Log]


async def list_endpoints(mailroom: Mailroom, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Endpoint]:
    """List endpoints, oldest first."""
    async with mailroom.db.connection() as conn:
        return await store.endpoints_page(conn, after=after, limit=limit)


async def list_deliveries(
    mailroom: Mailroom,
    endpoint_id: EndpointId,
    *,
    status: DeliveryStatus | None,
    before_seq: int | None,
    limit: int,
) -> list[Delivery]:
    """List an endpoint's deliveries, newest event first.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND.
    """
    async with mailroom.db.connection() as conn:
        await endpoint_named(conn, endpoint_id)
        return await store.deliveries_page(conn, endpoint_id, status=status, before_seq=before_seq, limit=limit)


async def list_events(
    mailroom: Mailroom, *, stream: UUID | None, before_seq: int | None, limit: int
) -> list[StoredEvent]:
    """List events, newest first; ``stream``: those about an order or a billing key."""
    async with mailroom.db.connection() as conn:
        return await store.events_page(conn, stream=stream, before_seq=before_seq, limit=limit)


async def find_event(mailroom: Mailroom, event_id: EventId) -> EventView:
    """Fetch an event with its deliveries and their newest tries.

    Raises:
        PaywonError: EVENT_NOT_FOUND.
    """
    async with mailroom.db.connection() as conn:
        event = await store.event_by_id(conn, event_id)
        if event is None:
            raise PaywonError("EVENT_NOT_FOUND")
        logs = [
            Log(
                delivery=delivery,
                tries=await store.tries_of(conn, event_id, delivery.endpoint_id, limit=_TRIES_SHOWN),
            )
            for delivery in await store.deliveries_of(conn, event_id)
        ]
    return EventView(event=event, logs=logs)
