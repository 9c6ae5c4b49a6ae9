"""All SQL of endpoints and of deliveries that go on; ``outbox`` writes an event's first ones."""

from dataclasses import astuple, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from paywon.base.ids import EndpointId, EventId, OrderId
from paywon.db.pool import Connection
from paywon.events.model import Delivery, DeliveryStatus, DisabledReason, Endpoint, Letter, StoredEvent, Try
from paywon.orders.store import Telling
from paywon.outbox.model import EventType

_ENDPOINT: Final = tuple(field.name for field in fields(Endpoint))
_SELECT_ENDPOINT: Final = f"SELECT {', '.join(_ENDPOINT)} FROM event_endpoints "
_OF_EVENT: Final = ("type", "occurred_at")
_DELIVERY: Final = ", ".join(f"{'e' if f.name in _OF_EVENT else 'd'}.{f.name}" for f in fields(Delivery))
_EVENT: Final = ", ".join(field.name for field in fields(StoredEvent))
_TRY: Final = ", ".join(field.name for field in fields(Try))


# --- Endpoints -----------------------------------------------------------------------------------------


async def insert_endpoint(conn: Connection, endpoint: Endpoint) -> None:
    marks = ", ".join(f"${place}" for place in range(1, len(_ENDPOINT) + 1))
    query = f"INSERT INTO event_endpoints ({', '.join(_ENDPOINT)}) VALUES ({marks})"
    await conn.execute(query, *(getattr(endpoint, column) for column in _ENDPOINT))


async def endpoint_by_id(conn: Connection, endpoint_id: EndpointId) -> Endpoint | None:
    """Fetch an endpoint that has not been deleted."""
    return _endpoint(await conn.fetchrow(_SELECT_ENDPOINT + "WHERE id = $1 AND deleted_at IS NULL", endpoint_id))


async def deleted_endpoint(conn: Connection, endpoint_id: EndpointId) -> Endpoint | None:
    """Fetch what is left of an endpoint that has been deleted."""
    return _endpoint(await conn.fetchrow(_SELECT_ENDPOINT + "WHERE id = $1 AND deleted_at IS NOT NULL", endpoint_id))


async def lock_endpoint(conn: Connection, endpoint_id: EndpointId) -> Endpoint | None:
    """Fetch an endpoint that has not been deleted, and hold its row."""
    query = _SELECT_ENDPOINT + "WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE"
    return _endpoint(await conn.fetchrow(query, endpoint_id))


async def endpoints_page(conn: Connection, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Endpoint]:
    """Fetch a page of endpoints, oldest first."""
    after_time, after_id = after or (None, None)
    rows = await conn.fetch(
        _SELECT_ENDPOINT
        + """
        WHERE deleted_at IS NULL AND ($1::timestamptz IS NULL OR (created_at, id) > ($1, $2::uuid))
        ORDER BY created_at, id LIMIT $3
        """,
        after_time,
        after_id,
        limit,
    )
    return [endpoint for row in rows if (endpoint := _endpoint(row))]


async def update_endpoint(conn: Connection, endpoint_id: EndpointId, now: datetime, **columns: Any) -> Endpoint:
    """Set the named columns of an endpoint and answer the row as it then is."""
    names = [*columns, "updated_at"]
    assert set(names) <= set(_ENDPOINT), "only columns of event_endpoints"
    settings = ", ".join(f"{name} = ${place}" for place, name in enumerate(names, start=2))
    query = f"UPDATE event_endpoints SET {settings} WHERE id = $1 RETURNING {', '.join(_ENDPOINT)}"
    endpoint = _endpoint(await conn.fetchrow(query, endpoint_id, *columns.values(), now))
    assert endpoint is not None, "the endpoint was locked by the caller"
    return endpoint


async def note_success(conn: Connection, endpoint_id: EndpointId) -> None:
    """Forget an endpoint's failures; one that has none is not written, so that its row is no bottleneck."""
    await conn.execute(
        "UPDATE event_endpoints SET failing_since = NULL WHERE id = $1 AND failing_since IS NOT NULL", endpoint_id
    )


async def note_failure(conn: Connection, endpoint_id: EndpointId, now: datetime) -> datetime:
    """Answer since when an endpoint has been failing; from now on, if it has not been."""
    since: datetime = await conn.fetchval(
        """
        UPDATE event_endpoints SET failing_since = coalesce(failing_since, $2) WHERE id = $1 RETURNING failing_since
        """,
        endpoint_id,
        now,
    )
    return since


async def disable_endpoint(conn: Connection, endpoint_id: EndpointId, reason: DisabledReason, now: datetime) -> bool:
    """Disable an endpoint; answer whether it was enabled."""
    done = await conn.execute(
        """
        UPDATE event_endpoints SET enabled = false, disabled_at = $3, disabled_reason = $2, updated_at = $3
        WHERE id = $1 AND enabled
        """,
        endpoint_id,
        reason,
        now,
    )
    return bool(done == "UPDATE 1")


# --- Delivering ----------------------------------------------------------------------------------------


async def endpoints_with_work(conn: Connection, now: datetime) -> list[EndpointId]:
    """Answer the endpoints to which something may be due."""
    rows = await conn.fetch(
        """
        SELECT x.id FROM event_endpoints x
        WHERE x.enabled AND EXISTS (
            SELECT FROM event_deliveries d
            WHERE d.endpoint_id = x.id AND d.status = 'pending' AND d.next_at <= $1
              AND (d.leased_until IS NULL OR d.leased_until <= $1))
        """,
        now,
    )
    return [EndpointId(row["id"]) for row in rows]


async def claim_due(
    conn: Connection, endpoint_id: EndpointId, now: datetime, *, lease_until: datetime, limit: int
) -> list[Letter]:
    """Take deliveries whose time has come; nobody else gets them before ``lease_until``.

    One waits while an earlier one of the same stream has not been taken or given up: so they arrive in their order.
    """
    rows = await conn.fetch(
        f"""
        WITH due AS (
            SELECT d.event_id, d.leased_until IS NOT NULL AS lost FROM event_deliveries d
            WHERE d.endpoint_id = $1 AND d.status = 'pending' AND d.next_at <= $2
              AND (d.leased_until IS NULL OR d.leased_until <= $2)
              AND NOT EXISTS (SELECT FROM event_deliveries before
                              WHERE before.endpoint_id = d.endpoint_id AND before.stream = d.stream
                                AND before.status = 'pending' AND before.seq < d.seq)
            ORDER BY d.next_at, d.seq LIMIT $4 FOR UPDATE SKIP LOCKED)
        UPDATE event_deliveries d SET leased_until = $3, attempts = d.attempts + 1
        FROM due, events e, event_endpoints x
        WHERE d.event_id = due.event_id AND d.endpoint_id = $1 AND e.id = d.event_id AND x.id = $1 AND x.enabled
        RETURNING {_DELIVERY}, due.lost, e.data, x.url, x.sealed_secret,
                  CASE WHEN x.previous_secret_until > $2 THEN x.sealed_previous_secret END AS previous
        """,
        endpoint_id,
        now,
        lease_until,
        limit,
    )
    return [_letter(row) for row in rows]


def _letter(row: Any) -> Letter:
    values = dict(row)
    secrets = (values.pop("sealed_secret"), values.pop("previous"))
    extra = {name: values.pop(name) for name in ("lost", "data", "url")}
    return Letter(delivery=_delivery(values), sealed_secrets=tuple(one for one in secrets if one), **extra)


async def insert_try(conn: Connection, done: Try) -> None:
    """Write down what came of a try; what its worker has to say counts, even if it was taken for lost meanwhile."""
    marks = ", ".join(f"${place}" for place in range(1, len(fields(Try)) + 1))
    await conn.execute(
        f"""
        INSERT INTO event_delivery_attempts ({_TRY}) VALUES ({marks})
        ON CONFLICT (event_id, endpoint_id, number) DO UPDATE
        SET started_at = EXCLUDED.started_at, duration_ms = EXCLUDED.duration_ms, http_status = EXCLUDED.http_status,
            error = EXCLUDED.error, answer = EXCLUDED.answer
        WHERE EXCLUDED.duration_ms IS NOT NULL
        """,
        *astuple(done),
    )


async def mark_delivered(conn: Connection, letter: Delivery, now: datetime) -> None:
    """Note that an endpoint has taken an event; also where it was disabled meanwhile, for it has."""
    await conn.execute(
        """
        UPDATE event_deliveries SET status = 'delivered', delivered_at = $3, next_at = NULL, leased_until = NULL,
               reason = NULL
        WHERE event_id = $1 AND endpoint_id = $2
        """,
        letter.event_id,
        letter.endpoint_id,
        now,
    )


async def mark_failed_try(conn: Connection, letter: Delivery, *, next_at: datetime | None, reason: str | None) -> bool:
    """Put a delivery off to its next try, or give it up; answer whether the claim still stood."""
    done = await conn.execute(
        """
        UPDATE event_deliveries SET failures = failures + 1, leased_until = NULL, reason = $5, next_at = $4,
               status = CASE WHEN $4::timestamptz IS NULL THEN 'failed' ELSE 'pending' END
        WHERE event_id = $1 AND endpoint_id = $2 AND attempts = $3 AND status = 'pending'
        """,
        letter.event_id,
        letter.endpoint_id,
        letter.attempts,
        next_at,
        reason,
    )
    return bool(done == "UPDATE 1")


async def put_off_followers(conn: Connection, letter: Delivery, until: datetime) -> None:
    """Have what stands behind a delivery wait as long; it would only stand in the way of each look for work."""
    await conn.execute(
        """
        UPDATE event_deliveries SET next_at = $4
        WHERE endpoint_id = $1 AND stream = $2 AND seq > $3 AND status = 'pending' AND next_at < $4
        """,
        letter.endpoint_id,
        letter.stream,
        letter.seq,
        until,
    )


async def wake_followers(conn: Connection, letter: Delivery, now: datetime) -> None:
    """Have what stood behind a delivery wait no longer."""
    await conn.execute(
        """
        UPDATE event_deliveries SET next_at = $4
        WHERE endpoint_id = $1 AND stream = $2 AND seq > $3 AND status = 'pending' AND next_at > $4 AND failures = 0
        """,
        letter.endpoint_id,
        letter.stream,
        letter.seq,
        now,
    )


async def cancel_of_disabled(conn: Connection, *, limit: int) -> list[EventId]:
    """Take back what waits for endpoints that are disabled or deleted; answer the events."""
    rows = await conn.fetch(
        """
        WITH idle AS (
            SELECT d.event_id, d.endpoint_id FROM event_deliveries d
            JOIN event_endpoints x ON x.id = d.endpoint_id AND NOT x.enabled
            WHERE d.status = 'pending' LIMIT $1 FOR UPDATE OF d SKIP LOCKED)
        UPDATE event_deliveries d SET status = 'canceled', reason = 'ENDPOINT_DISABLED', next_at = NULL,
               leased_until = NULL
        FROM idle WHERE (d.event_id, d.endpoint_id) = (idle.event_id, idle.endpoint_id)
        RETURNING d.event_id
        """,
        limit,
    )
    return [EventId(row["event_id"]) for row in rows]


async def paid_tellings(conn: Connection, events: list[EventId]) -> list[tuple[EventId, Telling]]:
    """Pick those that tell of a paid order, with what they tell."""
    rows = await conn.fetch(
        """
        SELECT id, stream, occurred_at FROM events WHERE id = ANY ($1) AND type = 'order.paid' ORDER BY stream, id
        """,
        events,
    )
    return [(EventId(row["id"]), Telling(OrderId(row["stream"]), row["occurred_at"])) for row in rows]


async def is_heard(conn: Connection, event_id: EventId) -> bool:
    """Whether anybody has taken an event, or still may."""
    found: bool = await conn.fetchval(
        """
        SELECT EXISTS (SELECT FROM event_deliveries
                       WHERE event_id = $1 AND (delivered_at IS NOT NULL OR status = 'pending'))
        """,
        event_id,
    )
    return found


# --- Sending again, and looking ------------------------------------------------------------------------

_AGAIN: Final = """
    INSERT INTO event_deliveries (event_id, endpoint_id, stream, seq, next_at, created_at)
    SELECT e.id, $1, e.stream, e.seq, $2, $2 FROM events e WHERE {which} ORDER BY e.seq
    ON CONFLICT (event_id, endpoint_id) DO UPDATE SET status = 'pending', failures = 0, next_at = $2, reason = NULL
    RETURNING event_id
    """
_IN_SPAN: Final = """
    e.occurred_at >= $3 AND e.occurred_at <= $4 AND e.type <> 'endpoint.test'
    AND (SELECT x.events FROM event_endpoints x WHERE x.id = $1)
        && ARRAY[e.type, split_part(e.type, '.', 1) || '.*', '*']
    """


async def send_again(conn: Connection, endpoint_id: EndpointId, event_id: EventId, now: datetime) -> bool:
    """Have an event delivered, again if it has been; answer whether there is one. A test is the endpoint's own."""
    rows = await conn.fetch(
        _AGAIN.format(
            which="e.id = $3 AND (e.type <> 'endpoint.test' OR e.stream = $1)",
        ),
        endpoint_id,
        now,
        event_id,
    )
    return bool(rows)


async def count_in_span(
    conn: Connection, endpoint_id: EndpointId, since: datetime, until: datetime, *, most: int
) -> int:
    """Count the events of a span that an endpoint listens to, no further than ``most`` and one."""
    found: int = await conn.fetchval(
        f"SELECT count(*) FROM (SELECT FROM events e WHERE $2::int > 0 AND {_IN_SPAN} LIMIT $2) found",
        endpoint_id,
        most + 1,
        since,
        until,
    )
    return found


async def send_span_again(
    conn: Connection, endpoint_id: EndpointId, since: datetime, until: datetime, now: datetime
) -> list[EventId]:
    """Have every event of a span delivered that the endpoint listens to, whether or not it was before."""
    rows = await conn.fetch(_AGAIN.format(which=_IN_SPAN), endpoint_id, now, since, until)
    return [EventId(row["event_id"]) for row in rows]


async def deliveries_page(
    conn: Connection, endpoint_id: EndpointId, *, status: DeliveryStatus | None, before_seq: int | None, limit: int
) -> list[Delivery]:
    """Fetch a page of an endpoint's deliveries, newest event first."""
    rows = await conn.fetch(
        f"""
        SELECT {_DELIVERY} FROM event_deliveries d JOIN events e ON e.id = d.event_id
        WHERE d.endpoint_id = $1 AND ($2::text IS NULL OR d.status = $2) AND ($3::bigint IS NULL OR d.seq < $3)
        ORDER BY d.seq DESC LIMIT $4
        """,
        endpoint_id,
        status,
        before_seq,
        limit,
    )
    return [_delivery(dict(row)) for row in rows]


async def deliveries_of(conn: Connection, event_id: EventId) -> list[Delivery]:
    """Fetch an event's deliveries, in the order in which its endpoints were registered."""
    rows = await conn.fetch(
        f"""
        SELECT {_DELIVERY} FROM event_deliveries d JOIN events e ON e.id = d.event_id
        JOIN event_endpoints x ON x.id = d.endpoint_id
        WHERE d.event_id = $1 ORDER BY x.created_at, x.id
        """,
        event_id,
    )
    return [_delivery(dict(row)) for row in rows]


async def tries_of(conn: Connection, event_id: EventId, endpoint_id: EndpointId, *, limit: int) -> list[Try]:
    """Fetch what came of each try of a delivery, newest first."""
    rows = await conn.fetch(
        f"""
        SELECT {_TRY} FROM event_delivery_attempts WHERE event_id = $1 AND endpoint_id = $2
        ORDER BY number DESC LIMIT $3
        """,
        event_id,
        endpoint_id,
        limit,
    )
    return [Try(**dict(row)) for row in rows]


async def event_by_id(conn: Connection, event_id: EventId) -> StoredEvent | None:
    row = await conn.fetchrow(f"SELECT {_EVENT} FROM events WHERE id = $1", event_id)
    return _stored(row) if row else None


async def events_page(
    conn: Connection, *, stream: UUID | None, before_seq: int | None, limit: int
) -> list[StoredEvent]:
    """Fetch a page of events, newest first; ``stream`` limits it to those about an order or a billing key."""
    rows = await conn.fetch(
        f"""
        SELECT {_EVENT} FROM events
        WHERE ($1::uuid IS NULL OR stream = $1) AND ($2::bigint IS NULL OR seq < $2) ORDER BY seq DESC LIMIT $3
        """,
        stream,
        before_seq,
        limit,
    )
    return [_stored(row) for row in rows]


def _stored(row: Any) -> StoredEvent:
    return StoredEvent(**{**dict(row), "type": EventType(row["type"])})


def _endpoint(row: Any) -> Endpoint | None:
    if row is None:
        return None
    reason = row["disabled_reason"]
    return Endpoint(**{**dict(row), "disabled_reason": DisabledReason(reason) if reason else None})


def _delivery(values: dict[str, Any]) -> Delivery:
    return Delivery(**{**values, "type": EventType(values["type"]), "status": DeliveryStatus(values["status"])})
