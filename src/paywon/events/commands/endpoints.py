"""Registering, changing and deleting the addresses that events are sent to."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from yarl import URL

from paywon.base.errors import PaywonError
from paywon.base.ids import EndpointId, new_uuid
from paywon.db.pool import Connection
from paywon.events import store
from paywon.events.commands.mailroom import Mailroom, endpoint_named
from paywon.events.guard import why_refused
from paywon.events.model import SEALED_SECRET, DisabledReason, Endpoint, new_secret
from paywon.idempotency import commands as idempotency
from paywon.idempotency.model import Claim
from paywon.outbox.model import FILTERS

# Of a filter that there is not.
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWish:
    """Where events shall go, and which: types, groups (``payment.*``), or ``*``."""

    url: str
    events: list[str]
    description: str | None
    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChange:
    """What shall be different; None stays as it is."""

    url: str | None
    events: list[str] | None
    description: str | None
    enabled: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An endpoint with its signing secret, which is told this once."""

    endpoint: Endpoint
    secret: str = field(repr=False)


async def register(mailroom: Mailroom, wish: EndpointWish, claim: Claim | None) -> Shown:
    """Register an endpoint; once for one idempotency key.

    Raises:
        PaywonError: ENDPOINT_URL_REFUSED, EVENT_FILTER_UNKNOWN.
    """
    events = _known(wish.events)
    await _check_url(mailroom, wish.url)
    now, endpoint_id, secret = mailroom.clock.now(), EndpointId(new_uuid()), new_secret()
    async with mailroom.db.transaction() as conn:
        begun = await idempotency.take(conn, claim, endpoint_id, now)
        if begun is not None and (made := await store.endpoint_by_id(conn, EndpointId(begun))) is not None:
            return Shown(endpoint=made, secret=_opened(mailroom, made))
        endpoint = Endpoint(
            id=endpoint_id,
            url=wish.url,
            description=wish.description,
            events=events,
            enabled=wish.enabled,
            subscribed_at=now,
            sealed_secret=_sealed(mailroom, endpoint_id, secret),
            disabled_at=None if wish.enabled else now,
            disabled_reason=None if wish.enabled else DisabledReason.OPERATOR,
            created_at=now,
            updated_at=now,
        )
        await store.insert_endpoint(conn, endpoint)
    return Shown(endpoint=endpoint, secret=secret)


async def change(
    mailroom: Mailroom, endpoint_id: EndpointId, wish: EndpointChange, claim: Claim | None = None
) -> Endpoint:
    """Change an endpoint. What it listens to now, it is told from now on; enabling forgets its failures.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND, ENDPOINT_URL_REFUSED, EVENT_FILTER_UNKNOWN.
    """
    columns: dict[str, Any] = {}
    now = mailroom.clock.now()
    if wish.events is not None:
        columns |= {"events": _known(wish.events), "subscribed_at": now}
    if wish.description is not None:
        columns["description"] = wish.description
    if wish.url is not None:
        await _check_url(mailroom, wish.url)
        columns["url"] = wish.url
    async with mailroom.db.transaction() as conn:
        begun = await idempotency.take(conn, claim, new_uuid(), now)
        endpoint = await _locked(conn, endpoint_id)
        if begun is not None:
            return endpoint
        if wish.enabled is True and not endpoint.enabled:
            fresh = {"failing_since": None, "disabled_at": None, "disabled_reason": None}
            columns |= {"enabled": True, "subscribed_at": now, **fresh}
        if wish.enabled is False and endpoint.enabled:
            columns |= {"enabled": False, "disabled_at": now, "disabled_reason": DisabledReason.OPERATOR}
        return await store.update_endpoint(conn, endpoint_id, now, **columns)


async def rotate_secret(
    mailroom: Mailroom, endpoint_id: EndpointId, *, overlap: timedelta, claim: Claim | None
) -> Shown:
    """Give an endpoint a new secret; the old one signs beside it for a while. One before that is gone at once.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND.
    """
    now, secret = mailroom.clock.now(), new_secret()
    async with mailroom.db.transaction() as conn:
        begun = await idempotency.take(conn, claim, new_uuid(), now)
        endpoint = await _locked(conn, endpoint_id)
        if begun is not None:
            return Shown(endpoint=endpoint, secret=_opened(mailroom, endpoint))
        overlaps = overlap > timedelta(0)
        rotated = await store.update_endpoint(
            conn,
            endpoint_id,
            now,
            sealed_secret=_sealed(mailroom, endpoint_id, secret),
            sealed_previous_secret=endpoint.sealed_secret if overlaps else None,
            previous_secret_until=now + overlap if overlaps else None,
        )
    return Shown(endpoint=rotated, secret=secret)


async def delete(mailroom: Mailroom, endpoint_id: EndpointId, claim: Claim | None = None) -> Endpoint:
    """Delete an endpoint: its secrets are wiped, what waits for it is taken back, its log stays.

    Raises:
        PaywonError: EVENT_ENDPOINT_NOT_FOUND.
    """
    now = mailroom.clock.now()
    gone: dict[str, Any] = {"sealed_secret": None, "sealed_previous_secret": None, "previous_secret_until": None}
    async with mailroom.db.transaction() as conn:
        begun = await idempotency.take(conn, claim, new_uuid(), now)
        if begun is not None and (deleted := await store.deleted_endpoint(conn, endpoint_id)) is not None:
            return deleted
        endpoint = await _locked(conn, endpoint_id)
        if endpoint.enabled:
            gone |= {"enabled": False, "disabled_at": now, "disabled_reason": DisabledReason.OPERATOR}
        return await store.update_endpoint(conn, endpoint_id, now, deleted_at=now, **gone)


async def find(mailroom: Mailroom, endpoint_id: EndpointId) -> Endpoint:
    """Fetch an endpoint; raises as ``endpoint_named``."""
    async with mailroom.db.connection() as conn:
        return await endpoint_named(conn, endpoint_id)


async def _locked(conn: Connection, endpoint_id: EndpointId) -> Endpoint:
    endpoint = await store.lock_endpoint(conn, endpoint_id)
    if endpoint is None:
        raise PaywonError("EVENT_ENDPOINT_NOT_FOUND")
    return endpoint


def _known(filters: list[str]) -> list[str]:
    """Answer filters without repeats.

    Raises:
        PaywonError: EVENT_FILTER_UNKNOWN, with all that there are.
    """
    if unknown := [name for name in filters if name not in FILTERS]:
        raise PaywonError("EVENT_FILTER_UNKNOWN", field="events", unknown=unknown[0][:_SHOWN], known=", ".join(FILTERS))
    return list(dict.fromkeys(filters))


async def _check_url(mailroom: Mailroom, url: str) -> None:
    """See that events may be sent to a URL.

    Raises:
        PaywonError: ENDPOINT_URL_REFUSED.
    """
    why = why_refused(url, dev=mailroom.dev)
    if why is None:
        host = URL(url).host
        assert host is not None, "a URL without one is refused"
        why = await mailroom.sender.why_unreachable(host)
    if why is not None:
        raise PaywonError("ENDPOINT_URL_REFUSED", field="url", why=why)


def _sealed(mailroom: Mailroom, endpoint_id: EndpointId, secret: str) -> bytes:
    return mailroom.ring.seal(secret.encode(), purpose=SEALED_SECRET.purpose(endpoint_id))


def _opened(mailroom: Mailroom, endpoint: Endpoint) -> str:
    assert endpoint.sealed_secret is not None, "there is a secret until it is deleted"
    return mailroom.ring.open(endpoint.sealed_secret, purpose=SEALED_SECRET.purpose(endpoint.id)).decode()
