"""Writes events and their deliveries. Reading and delivering them is done further up, in ``events``."""

from datetime import datetime

import msgspec

from paywon.base.ids import EventId
from paywon.db.pool import Connection
from paywon.outbox.model import Event

# Both in one statement, so that a change costs one round trip more. An event takes its place in the order of its
# stream by `seq`; a delivery behind one that has to wait waits as long, and not in every poll's way.
_APPEND = """
    WITH told AS (
        INSERT INTO events (id, type, stream, occurred_at, data, dedupe_key)
        SELECT id, type, stream, occurred_at, data, dedupe_key
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::jsonb[], $6::text[]) WITH ORDINALITY
             AS new (id, type, stream, occurred_at, data, dedupe_key, place)
        ORDER BY place
        ON CONFLICT (dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING
        RETURNING id, seq, type, stream
    ), sent AS (
        INSERT INTO event_deliveries (event_id, endpoint_id, stream, seq, next_at, created_at)
        SELECT told.id, e.id, told.stream, told.seq,
               greatest($7, (SELECT max(before.next_at) FROM event_deliveries before
                             WHERE before.endpoint_id = e.id AND before.stream = told.stream
                               AND before.status = 'pending')),
               $7
        FROM told
        JOIN event_endpoints e
          ON e.enabled AND told.type <> 'endpoint.test'
         AND e.events && ARRAY[told.type, split_part(told.type, '.', 1) || '.*', '*']
        RETURNING event_id
    )
    SELECT id FROM told WHERE id NOT IN (SELECT event_id FROM sent)
    """


async def append(conn: Connection, events: list[Event], now: datetime) -> set[EventId]:
    """Write events in their order, within the caller's transaction, and answer those that nobody listens to.

    One of a ``dedupe_key`` that is there already is left out, and is not among the answer either. A test has no
    listeners: who asked for it sends it. Whoever calls holds the row that the stream is named after, so that a
    stream's events stand in the order in which they came about.
    """
    if not events:
        return set()
    rows = await conn.fetch(
        _APPEND,
        [event.id for event in events],
        [event.type.value for event in events],
        [event.stream for event in events],
        [event.occurred_at for event in events],
        [msgspec.to_builtins(event.data) for event in events],
        [event.dedupe_key for event in events],
        now,
    )
    return {EventId(row["id"]) for row in rows}
