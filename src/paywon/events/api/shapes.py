"""What goes in and out at the doors of events."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from msgspec import Meta

from paywon.events.commands.endpoints import Shown
from paywon.events.commands.queries import EventView, Log
from paywon.events.model import MAX_OVERLAP_HOURS, OVERLAP_HOURS, Delivery, Endpoint, StoredEvent, Try
from paywon.web.shapes import Input, Instant, Output, Text200, Url

# What there is to listen to is told by the refusal, all of it: a pattern would only say what it looks like.
Filters = Annotated[list[str], Meta(min_length=1, max_length=50)]


class EndpointIn(Input, frozen=True, kw_only=True):
    """Where events go, and which: types (``order.paid``), groups (``payment.*``), or everything (``*``)."""

    examples: ClassVar = (
        {
            "url": "https://app.example/webhooks/paywon",
            "events": ["order.*", "payment.in_doubt"],
            "description": "예약 서버",
            "enabled": True,
        },
    )

    url: Url
    events: Filters
    description: Text200 | None = None
    enabled: bool = True


class EndpointChangeIn(Input, frozen=True, kw_only=True):
    """What is left out, or null, stays as it is."""

    examples: ClassVar = (
        {
            "url": "https://app.example/webhooks/v2",
            "events": ["*"],
            "description": "예약 서버 2",
            "enabled": True,
        },
    )

    url: Url | None = None
    events: Filters | None = None
    description: Text200 | None = None
    enabled: bool | None = None


class RotationIn(Input, frozen=True, kw_only=True):
    """For how many hours the old secret signs beside the new one; 0 ends it at once."""

    examples: ClassVar = ({"overlapHours": 48},)

    overlap_hours: Annotated[int, Meta(ge=0, le=MAX_OVERLAP_HOURS)] = OVERLAP_HOURS


class RedeliveryIn(Input, frozen=True, kw_only=True):
    """Either one event, or all of a span of time that the endpoint listens to; ``until`` is now unless it is given."""

    examples: ClassVar = ({"since": "2026-11-22T00:00:00+09:00", "until": "2026-11-22T12:00:00+09:00"},)

    event_id: UUID | None = None
    since: Instant | None = None
    until: Instant | None = None


class EndpointOut(Output, frozen=True, kw_only=True):
    """``state``: ``enabled``, ``failing`` (it has taken nothing since ``failingSince``) or ``disabled``."""

    id: UUID
    url: str
    events: list[str]
    description: str | None
    enabled: bool
    state: str
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None
    previous_secret_until: datetime | None
    created_at: datetime
    updated_at: datetime


class EndpointSecretOut(Output, frozen=True, kw_only=True):
    """``secret`` verifies the signatures. It is shown this once."""

    endpoint: EndpointOut
    secret: str


class EndpointList(Output, frozen=True, kw_only=True):
    endpoints: list[EndpointOut]
    next_cursor: str | None


class TryOut(Output, frozen=True, kw_only=True):
    """``durationMs`` is null where the worker died over it."""

    number: int
    started_at: datetime
    duration_ms: int | None
    http_status: int | None
    error: str | None
    answer: str | None


class DeliveryOut(Output, frozen=True, kw_only=True):
    """``nextAt`` is when it is tried next; ``reason`` why it was not taken the last time."""

    event_id: UUID
    endpoint_id: UUID
    type: str
    sequence: int
    occurred_at: datetime
    status: str
    attempts: int
    failures: int
    next_at: datetime | None
    reason: str | None
    delivered_at: datetime | None


class DeliveryLogOut(DeliveryOut, frozen=True, kw_only=True):
    """With its tries, the newest first."""

    tries: list[TryOut]


class DeliveryList(Output, frozen=True, kw_only=True):
    deliveries: list[DeliveryOut]
    next_cursor: str | None


class EventOut(Output, frozen=True, kw_only=True):
    """An event as its receivers see it; ``about`` is the order or the billing key that it is about."""

    id: UUID
    type: str
    timestamp: datetime
    sequence: int
    about: UUID
    data: dict[str, Any]


class EventList(Output, frozen=True, kw_only=True):
    events: list[EventOut]
    next_cursor: str | None


class EventLogOut(EventOut, frozen=True, kw_only=True):
    deliveries: list[DeliveryLogOut]


class RedeliveryOut(Output, frozen=True, kw_only=True):
    """How many events are sent again."""

    events: int


class TestOut(Output, frozen=True, kw_only=True):
    """Whose deliveries show what came of the test."""

    event_id: UUID


class EventTypeOut(Output, frozen=True, kw_only=True):
    """``schema`` is the JSON Schema of a delivery's body."""

    type: str
    description: str
    schema: dict[str, Any]


class EventTypeList(Output, frozen=True, kw_only=True):
    types: list[EventTypeOut]


def endpoint_out(endpoint: Endpoint) -> EndpointOut:
    state = "disabled" if not endpoint.enabled else "failing" if endpoint.failing_since else "enabled"
    same = {name: getattr(endpoint, name) for name in EndpointOut.__struct_fields__ if name != "state"}
    return EndpointOut(**same, state=state)


def secret_out(shown: Shown) -> EndpointSecretOut:
    return EndpointSecretOut(endpoint=endpoint_out(shown.endpoint), secret=shown.secret)


def delivery_out(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(**_delivery(delivery))


def event_out(event: StoredEvent) -> EventOut:
    return EventOut(**_event(event))


def event_log_out(view: EventView) -> EventLogOut:
    return EventLogOut(**_event(view.event), deliveries=[_log_out(log) for log in view.logs])


def _log_out(log: Log) -> DeliveryLogOut:
    return DeliveryLogOut(**_delivery(log.delivery), tries=[_try_out(one) for one in log.tries])


def _delivery(delivery: Delivery) -> dict[str, Any]:
    same = {name: getattr(delivery, name) for name in DeliveryOut.__struct_fields__ if name != "sequence"}
    return {**same, "sequence": delivery.seq}


def _event(event: StoredEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "type": event.type,
        "timestamp": event.occurred_at,
        "sequence": event.seq,
        "about": event.stream,
        "data": event.data,
    }


def _try_out(one: Try) -> TryOut:
    return TryOut(**{name: getattr(one, name) for name in TryOut.__struct_fields__})
