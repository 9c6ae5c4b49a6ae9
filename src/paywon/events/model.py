"""Endpoints and deliveries: what they are, when the next try is made, and when an endpoint is given up. Pure."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec

from paywon.base.ids import EndpointId, EventId
from paywon.base.sealing import SealedColumn
from paywon.outbox.model import EventType

# Counted from the first failure: the last try is made 27 hours and a half after the first.
LADDER: Final = tuple(timedelta(seconds=s) for s in (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600))
TIMEOUT_S: Final = 15.0
"""How long an endpoint may take over one delivery, from the first packet to the end of its answer."""
LEASE: Final = timedelta(seconds=60)
"""How long a worker's claim holds: a time-out and what is written about it. One that dies loses its claim then."""
GIVEN_UP_AFTER: Final = timedelta(days=5)
"""An endpoint that has not taken anything for so long is disabled."""
STUMBLES: Final = 3
"""So many failures of one delivery are no reason for that: one bad hour after quiet days is no dead endpoint."""
MAX_KEPT_ANSWER: Final = 500
OVERLAP_HOURS: Final = 24
MAX_OVERLAP_HOURS: Final = 24 * 30
MAX_REDELIVERED: Final = 10_000

# Both are sealed for the same purpose, so that a rotation only moves the bytes.
SEALED_SECRET: Final = SealedColumn(table="event_endpoints", column="sealed_secret")
SEALED_PREVIOUS_SECRET: Final = SealedColumn(table="event_endpoints", column="sealed_previous_secret")
_SECRET_BYTES: Final = 32


class DisabledReason(StrEnum):
    """``GONE``: it answered 410. ``FAILING``: it took nothing for days."""

    OPERATOR = "OPERATOR"
    GONE = "GONE"
    FAILING = "FAILING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of ``event_endpoints``; its secrets are here sealed. While a rotation overlaps, both sign."""

    id: EndpointId
    url: str
    description: str | None
    events: list[str]
    enabled: bool
    subscribed_at: datetime
    sealed_secret: bytes | None = field(repr=False)
    sealed_previous_secret: bytes | None = field(default=None, repr=False)
    previous_secret_until: datetime | None = None
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One row of ``events`` as it is read back."""

    id: EventId
    seq: int
    type: EventType
    stream: UUID
    occurred_at: datetime
    data: dict[str, Any]


class DeliveryStatus(StrEnum):
    """``failed``: the ladder has come to its end. ``canceled``: the endpoint was disabled before it took it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One row of ``event_deliveries`` with its event's type and time.

    ``attempts`` counts every time it was taken up, ``failures`` those that failed since it was last asked for.
    """

    event_id: EventId
    endpoint_id: EndpointId
    type: EventType
    stream: UUID
    seq: int
    occurred_at: datetime
    status: DeliveryStatus
    attempts: int
    failures: int
    next_at: datetime | None
    leased_until: datetime | None
    reason: str | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A delivery that was claimed, with all that is sent. ``lost`` says that the claim before it came to nothing."""

    delivery: Delivery
    data: dict[str, Any]
    url: str
    sealed_secrets: tuple[bytes, ...] = field(repr=False)
    lost: bool


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a delivery. ``sequence`` grows within one order: what has a smaller one is older."""

    id: UUID
    type: str
    timestamp: datetime
    sequence: int
    data: dict[str, Any]


class Trouble(StrEnum):
    """Why there was no answer, or none that counts; or why a delivery was taken back. docs/events.md explains each."""

    REDIRECT = "REDIRECT"
    TIMEOUT = "TIMEOUT"
    NOT_CONNECTED = "NOT_CONNECTED"
    DNS = "DNS"
    TLS = "TLS"
    BROKEN_OFF = "BROKEN_OFF"
    FORBIDDEN_ADDRESS = "FORBIDDEN_ADDRESS"
    SECRET_SEALED = "SECRET_SEALED"  # noqa: S105 - a word for it
    WORKER_LOST = "WORKER_LOST"
    ENDPOINT_DISABLED = "ENDPOINT_DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one try."""

    duration_ms: int
    http_status: int | None = None
    error: Trouble | None = None
    answer: str | None = None

    @property
    def accepted(self) -> bool:
        return self.error is None and self.http_status is not None and 200 <= self.http_status < 300

    @property
    def gone(self) -> bool:
        """Whether the endpoint says that it will never take anything again."""
        return self.http_status == 410

    @property
    def reason(self) -> str | None:
        """Why it was not taken, in a word."""
        return None if self.accepted else self.error or f"HTTP_{self.http_status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One row of ``event_delivery_attempts``. No duration: the worker died over it."""

    event_id: EventId
    endpoint_id: EndpointId
    number: int
    started_at: datetime
    duration_ms: int | None
    http_status: int | None
    error: str | None
    answer: str | None


def next_try(failures: int, now: datetime) -> datetime | None:
    """Answer when a delivery that has failed so often is tried again; None once it has been tried enough."""
    return now + LADDER[failures - 1] if failures <= len(LADDER) else None


def is_given_up(failing_since: datetime, failures: int, now: datetime) -> bool:
    """Whether an endpoint that has just failed once more is disabled."""
    return now - failing_since >= GIVEN_UP_AFTER and failures > STUMBLES


def new_secret() -> str:
    """Make a signing secret as Standard Webhooks has it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
