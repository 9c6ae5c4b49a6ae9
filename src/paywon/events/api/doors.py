"""The doors of endpoints, events and their deliveries: for operators, by API key."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.params import Dependency, Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_202_ACCEPTED

from paywon.base.errors import PaywonError
from paywon.base.ids import EndpointId, EventId
from paywon.events.api.shapes import (
    DeliveryList,
    EndpointChangeIn,
    EndpointIn,
    EndpointList,
    EndpointOut,
    EndpointSecretOut,
    EventList,
    EventLogOut,
    EventTypeList,
    EventTypeOut,
    RedeliveryIn,
    RedeliveryOut,
    RotationIn,
    TestOut,
    delivery_out,
    endpoint_out,
    event_log_out,
    event_out,
    secret_out,
)
from paywon.events.commands import endpoints, queries, redelivering
from paywon.events.commands.endpoints import EndpointChange, EndpointWish
from paywon.events.commands.mailroom import Mailroom
from paywon.events.model import DeliveryStatus
from paywon.events.schemas import SAYS, schema_of
from paywon.idempotency.model import Claim
from paywon.outbox.model import EventType
from paywon.web.auth import needs
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.paging import cursor_invalid, decode_cursor, decode_words, encode_cursor, encode_words
from paywon.web.query import exact_query

Key = Annotated[Claim | None, Dependency(skip_validation=True)]
Room = Annotated[Mailroom, Dependency(skip_validation=True)]
LimitQuery = Annotated[int, Parameter(ge=1, le=200)]
CursorQuery = Annotated[str | None, Parameter(max_length=200)]
StatusQuery = Annotated[DeliveryStatus | None, Parameter()]
AboutQuery = Annotated[UUID | None, Parameter()]


class EventEndpointsController(Controller):
    path = "/api/ops/event-endpoints"
    tags = ("events",)
    guards = (exact_query,)

    @post(
        dto=StrictBody[EndpointIn],
        return_dto=None,
        guards=[needs("ops:write")],
        summary="Register an endpoint",
        responses=writing(409),
    )
    async def register(self, data: EndpointIn, mailroom: Room, claim: Key) -> EndpointSecretOut:
        """It is told from now on. ``secret`` is shown this once."""
        wish = EndpointWish(url=data.url, events=data.events, description=data.description, enabled=data.enabled)
        return secret_out(await endpoints.register(mailroom, wish, claim))

    @get("/", guards=[needs("ops:read")], summary="List endpoints", responses=reading())
    async def list_all(self, mailroom: Room, limit: LimitQuery = 50, cursor: CursorQuery = None) -> EndpointList:
        """Oldest first."""
        found = await queries.list_endpoints(mailroom, after=decode_cursor(cursor), limit=limit + 1)
        shown = found[:limit]
        more = encode_cursor(shown[-1].created_at, shown[-1].id) if len(found) > limit else None
        return EndpointList(endpoints=[endpoint_out(endpoint) for endpoint in shown], next_cursor=more)

    @get("/{endpoint_id:uuid}", guards=[needs("ops:read")], summary="Read an endpoint", responses=reading(404))
    async def read(self, endpoint_id: UUID, mailroom: Room) -> EndpointOut:
        return endpoint_out(await endpoints.find(mailroom, EndpointId(endpoint_id)))

    @patch(
        "/{endpoint_id:uuid}",
        dto=StrictBody[EndpointChangeIn],
        return_dto=None,
        guards=[needs("ops:write")],
        summary="Change, disable or enable an endpoint",
        responses=writing(404),
    )
    async def change(self, endpoint_id: UUID, data: EndpointChangeIn, mailroom: Room, claim: Key) -> EndpointOut:
        """What waits for it is taken back while it is disabled; ``redeliver`` makes up for that."""
        wish = EndpointChange(url=data.url, events=data.events, description=data.description, enabled=data.enabled)
        return endpoint_out(await endpoints.change(mailroom, EndpointId(endpoint_id), wish, claim))

    @delete(
        "/{endpoint_id:uuid}",
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Delete an endpoint",
        responses=reading(404),
    )
    async def remove(self, endpoint_id: UUID, mailroom: Room, claim: Key) -> EndpointOut:
        """Its secret is wiped and what waits for it taken back; its events' log stays."""
        return endpoint_out(await endpoints.delete(mailroom, EndpointId(endpoint_id), claim))

    @post(
        "/{endpoint_id:uuid}/rotate-secret",
        dto=StrictBody[RotationIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("ops:write")],
        summary="Give an endpoint a new secret",
        responses=writing(404, 409),
    )
    async def rotate(self, endpoint_id: UUID, data: RotationIn, mailroom: Room, claim: Key) -> EndpointSecretOut:
        """Until ``previousSecretUntil`` both sign each delivery. ``secret`` is shown this once."""
        overlap = timedelta(hours=data.overlap_hours)
        return secret_out(
            await endpoints.rotate_secret(mailroom, EndpointId(endpoint_id), overlap=overlap, claim=claim)
        )

    @post(
        "/{endpoint_id:uuid}/test",
        status_code=HTTP_202_ACCEPTED,
        guards=[needs("ops:write")],
        summary="Send a test event",
        responses=writing(404, 409),
    )
    async def test(self, endpoint_id: UUID, mailroom: Room, claim: Key) -> TestOut:
        """A worker sends it at once; ``GET /api/ops/events/{eventId}`` shows what came of it."""
        return TestOut(event_id=await redelivering.send_test(mailroom, EndpointId(endpoint_id), claim))

    @post(
        "/{endpoint_id:uuid}/redeliver",
        dto=StrictBody[RedeliveryIn],
        return_dto=None,
        status_code=HTTP_202_ACCEPTED,
        guards=[needs("ops:write")],
        summary="Send one event, or all of a span, again",
        responses=writing(404, 409),
    )
    async def redeliver(self, endpoint_id: UUID, data: RedeliveryIn, mailroom: Room, claim: Key) -> RedeliveryOut:
        """Whether or not they were taken before, and whether or not there was a delivery of them."""
        if (data.event_id is None) is (data.since is None) or (data.until is not None and data.since is None):
            raise PaywonError("REDELIVERY_FIELDS", field="eventId")
        if data.event_id is not None:
            await redelivering.redeliver(mailroom, EndpointId(endpoint_id), EventId(data.event_id), claim)
            return RedeliveryOut(events=1)
        assert data.since is not None, "either of the two is there"
        if data.until is not None and data.until < data.since:
            raise PaywonError("REDELIVERY_FIELDS", field="until")
        endpoint = EndpointId(endpoint_id)
        return RedeliveryOut(
            events=await redelivering.redeliver_span(mailroom, endpoint, data.since, data.until, claim)
        )

    @get(
        "/{endpoint_id:uuid}/deliveries",
        guards=[needs("ops:read")],
        summary="List an endpoint's deliveries",
        responses=reading(404),
    )
    async def deliveries(
        self,
        endpoint_id: UUID,
        mailroom: Room,
        status: StatusQuery = None,
        limit: LimitQuery = 50,
        cursor: CursorQuery = None,
    ) -> DeliveryList:
        """Newest event first; the tries of one stand at ``GET /api/ops/events/{eventId}``."""
        found = await queries.list_deliveries(
            mailroom, EndpointId(endpoint_id), status=status, before_seq=_seq(cursor), limit=limit + 1
        )
        shown = found[:limit]
        more = encode_words(str(shown[-1].seq)) if len(found) > limit else None
        return DeliveryList(deliveries=[delivery_out(delivery) for delivery in shown], next_cursor=more)


class EventsController(Controller):
    path = "/api/ops"
    tags = ("events",)
    guards = (exact_query,)

    @get("/events", guards=[needs("ops:read")], summary="List what was told", responses=reading())
    async def list_all(
        self, mailroom: Room, about: AboutQuery = None, limit: LimitQuery = 50, cursor: CursorQuery = None
    ) -> EventList:
        """Newest first; ``about`` is the id of an order or of a billing key."""
        found = await queries.list_events(mailroom, stream=about, before_seq=_seq(cursor), limit=limit + 1)
        shown = found[:limit]
        more = encode_words(str(shown[-1].seq)) if len(found) > limit else None
        return EventList(events=[event_out(event) for event in shown], next_cursor=more)

    @get(
        "/events/{event_id:uuid}",
        guards=[needs("ops:read")],
        summary="Read an event and what came of it",
        responses=reading(404),
    )
    async def read(self, event_id: UUID, mailroom: Room) -> EventLogOut:
        """With each endpoint's delivery and its newest tries."""
        return event_log_out(await queries.find_event(mailroom, EventId(event_id)))

    @get(
        "/event-types",
        guards=[needs("ops:read")],
        summary="List the types of events with their JSON Schemas",
        responses=reading(),
    )
    async def types(self) -> EventTypeList:
        return EventTypeList(
            types=[EventTypeOut(type=kind, description=SAYS[kind].en, schema=schema_of(kind)) for kind in EventType]
        )


def _seq(cursor: str | None) -> int | None:
    """Read a cursor back.

    Raises:
        PaywonError: CURSOR_INVALID.
    """
    if cursor is None:
        return None
    (word,) = decode_words(cursor, 1)
    if not word.isascii() or not word.isdigit() or len(word) > 18 or str(int(word)) != word:
        raise cursor_invalid()
    return int(word)
