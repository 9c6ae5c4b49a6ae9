"""Sends what is due. At least once: a worker that dies over a delivery loses its claim, and it is sent again.

No transaction is open and no connection held while an endpoint makes up its mind.
"""

import asyncio
from datetime import datetime
from typing import Final

import msgspec
import structlog
from standardwebhooks import Webhook

from paywon import __version__
from paywon.base.ids import EndpointId, EventId
from paywon.base.sealing import CannotOpen
from paywon.db.pool import Connection
from paywon.events import store
from paywon.events.commands.mailroom import Mailroom
from paywon.events.model import (
    LEASE,
    SEALED_SECRET,
    Delivery,
    DisabledReason,
    Envelope,
    Letter,
    Outcome,
    Trouble,
    Try,
    is_given_up,
    next_try,
)
from paywon.orders import store as orders
from paywon.outbox.model import EventType

_log = structlog.get_logger()

# Why an order that the application is told of by event is not handed over.
NOT_TAKEN: Final = "NOT_TAKEN"


async def endpoints_with_work(mailroom: Mailroom) -> list[EndpointId]:
    """Answer the endpoints to which something may be due."""
    async with mailroom.db.connection() as conn:
        return await store.endpoints_with_work(conn, mailroom.clock.now())


async def deliver_due(mailroom: Mailroom, endpoint_id: EndpointId, *, limit: int = 10) -> int:
    """Claim and send what is due to an endpoint, no two of one stream at once; answer how many that were."""
    now = mailroom.clock.now()
    async with mailroom.db.transaction() as conn:
        letters = await store.claim_due(conn, endpoint_id, now, lease_until=now + LEASE, limit=limit)
        for letter in letters:
            if letter.lost:
                await store.insert_try(conn, _lost(letter.delivery, now))
    outcomes = await asyncio.gather(*(_deliver(mailroom, letter) for letter in letters), return_exceptions=True)
    for letter, outcome in zip(letters, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            # Its claim runs out, and it is sent again.
            _log.error("a delivery broke off", event_id=str(letter.delivery.event_id), exc_info=outcome)
    return len(letters)


async def drop_what_waits_for_nobody(mailroom: Mailroom, *, limit: int = 500) -> int:
    """Take back what waits for endpoints that are disabled or deleted; answer how many that were."""
    async with mailroom.db.transaction() as conn:
        dropped = await store.cancel_of_disabled(conn, limit=limit)
        await block_unheard(conn, dropped, Trouble.ENDPOINT_DISABLED, mailroom.clock.now())
    return len(dropped)


async def _deliver(mailroom: Mailroom, letter: Letter) -> None:
    started_at = mailroom.clock.now()
    outcome = await _send(mailroom, letter, started_at)
    async with mailroom.db.transaction() as conn:
        await store.insert_try(conn, _try(letter.delivery, started_at, outcome))
        if outcome.accepted:
            await _note_taken(conn, letter.delivery, mailroom.clock.now())
        else:
            await _note_not_taken(conn, letter, outcome, mailroom.clock.now())


async def _send(mailroom: Mailroom, letter: Letter, at: datetime) -> Outcome:
    """Sign an event with each secret that holds, and send it."""
    delivery = letter.delivery
    purpose = SEALED_SECRET.purpose(delivery.endpoint_id)
    try:
        secrets = [mailroom.ring.open(sealed, purpose=purpose).decode() for sealed in letter.sealed_secrets]
    except CannotOpen:
        endpoint = str(delivery.endpoint_id)
        _log.error("an endpoint's secret cannot be opened; is a key missing in PAYWON_SECRET_KEYS?", id=endpoint)
        return Outcome(duration_ms=0, error=Trouble.SECRET_SEALED)
    body = msgspec.json.encode(
        Envelope(
            id=delivery.event_id,
            type=delivery.type,
            timestamp=delivery.occurred_at,
            sequence=delivery.seq,
            data=letter.data,
        )
    )
    message_id = str(delivery.event_id)
    signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in secrets]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"paywon/{__version__}",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return await mailroom.sender.send(letter.url, headers, body)


async def _note_taken(conn: Connection, delivery: Delivery, now: datetime) -> None:
    await store.mark_delivered(conn, delivery, now)
    await store.wake_followers(conn, delivery, now)
    await store.note_success(conn, delivery.endpoint_id)
    if delivery.type is EventType.ORDER_PAID:
        for _, telling in await store.paid_tellings(conn, [delivery.event_id]):
            await orders.fulfil_by_event(conn, telling, now)


async def _note_not_taken(conn: Connection, letter: Letter, outcome: Outcome, now: datetime) -> None:
    delivery = letter.delivery
    failures = delivery.failures + 1
    again_at = None if outcome.gone else next_try(failures, now)
    if not await store.mark_failed_try(conn, delivery, next_at=again_at, reason=outcome.reason):
        return  # its claim ran out and somebody else has it, or it was taken back
    _log.warning(
        "an event was not taken", endpoint_id=str(delivery.endpoint_id), event_id=str(delivery.event_id),
        type=delivery.type, reason=outcome.reason, failures=failures,
    )  # fmt: skip
    if again_at is not None:
        await store.put_off_followers(conn, delivery, again_at)
    failing_since = await store.note_failure(conn, delivery.endpoint_id, now)
    if outcome.gone:
        await _disable(conn, letter, DisabledReason.GONE, now)
    elif is_given_up(failing_since, failures, now):
        await _disable(conn, letter, DisabledReason.FAILING, now)
    if again_at is None:
        await block_unheard(conn, [delivery.event_id], NOT_TAKEN, now)


async def _disable(conn: Connection, letter: Letter, reason: DisabledReason, now: datetime) -> None:
    if await store.disable_endpoint(conn, letter.delivery.endpoint_id, reason, now):
        _log.error(
            "an endpoint was disabled: it is told nothing any more until somebody enables it",
            endpoint_id=str(letter.delivery.endpoint_id),
            reason=reason,
        )


async def block_unheard(conn: Connection, events: list[EventId], reason: str, now: datetime) -> None:
    """Block the orders that wait for the application to take their ``order.paid``, where nobody is left to take it."""
    for event_id, telling in await store.paid_tellings(conn, events):
        # Two endpoints may give up the same event at once: the order's row is where they meet.
        await orders.lock_by_id(conn, telling.order_id)
        if not await store.is_heard(conn, event_id) and await orders.block_by_event(conn, telling, reason, now):
            _log.error("a paid order is told to nobody", order_id=str(telling.order_id), reason=reason)


def _try(delivery: Delivery, started_at: datetime, outcome: Outcome) -> Try:
    return Try(
        event_id=delivery.event_id,
        endpoint_id=delivery.endpoint_id,
        number=delivery.attempts,
        started_at=started_at,
        duration_ms=outcome.duration_ms,
        http_status=outcome.http_status,
        error=outcome.error,
        answer=outcome.answer,
    )


def _lost(delivery: Delivery, now: datetime) -> Try:
    """What is known of the try before this one: that its worker never came back from it."""
    return Try(
        event_id=delivery.event_id,
        endpoint_id=delivery.endpoint_id,
        number=delivery.attempts - 1,
        started_at=now - LEASE,
        duration_ms=None,
        http_status=None,
        error=Trouble.WORKER_LOST,
        answer=None,
    )
