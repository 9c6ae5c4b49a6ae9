"""What the commands of events work with."""

from dataclasses import dataclass

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.base.ids import EndpointId
from paywon.base.sealing import KeyRing
from paywon.db.pool import Connection, Database
from paywon.events import store
from paywon.events.model import Endpoint
from paywon.events.sending import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailroom:
    """Database, clock, the keys that seal secrets, and what sends; ``dev`` lets events into private networks."""

    db: Database
    clock: Clock
    ring: KeyRing
    sender: Sender
    dev: bool


async def endpoint_named(conn: Connection, endpoint_id: EndpointId) -> Endpoint:
    """Fetch an endpoint.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND.
    """
    endpoint = await store.endpoint_by_id(conn, endpoint_id)
    if endpoint is None:
        raise PaywonError("EVENT_ENDPOINT_NOT_FOUND")
    return endpoint


async def enabled_endpoint(conn: Connection, endpoint_id: EndpointId) -> Endpoint:
    """Fetch an endpoint that something can be sent to.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND, EVENT_ENDPOINT_DISABLED.
    """
    endpoint = await endpoint_named(conn, endpoint_id)
    if not endpoint.enabled:
        raise PaywonError("EVENT_ENDPOINT_DISABLED", reason=endpoint.disabled_reason)
    return endpoint
