"""API keys: what they look like and what they may do. Pure."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from paywon.base.ids import ApiKeyId

KEY_PREFIX: Final = "pwk_"
NOTED_EVERY: Final = timedelta(minutes=1)
"""How exact ``last_used_at`` is: a key's use is written down no more often, so that reading costs no write."""


class Scope(StrEnum):
    """What a key may do."""

    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    REFUNDS_WRITE = "refunds:write"
    BILLING_WRITE = "billing:write"
    SETTLEMENTS_READ = "settlements:read"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    OPS_READ = "ops:read"
    OPS_WRITE = "ops:write"


USER_SCOPES: Final = frozenset(
    {Scope.ORDERS_READ, Scope.ORDERS_WRITE, Scope.PAYMENTS_READ, Scope.PAYMENTS_WRITE, Scope.REFUNDS_WRITE}
)
"""What an app's own user may be let do, at most, and only with what is theirs."""
DEFAULT_USER_SCOPES: Final = frozenset({Scope.ORDERS_READ, Scope.PAYMENTS_READ, Scope.PAYMENTS_WRITE})
"""What they may do unless the settings name more: read, and pay what a server has priced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One row of ``api_keys``. The key itself is shown once and never stored, only its digest.

    ``holder_id`` stays the same when a key is rotated: what was sent with the old key and an Idempotency-Key is
    recognised when it is sent again with the new one.
    """

    id: ApiKeyId
    holder_id: ApiKeyId
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_at: datetime | None = None
    last_used_at: datetime | None = None

    def usable(self, now: datetime) -> bool:
        """Whether the key opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def is_use_news(self, now: datetime) -> bool:
        """Whether a use of the key now is worth writing down."""
        return self.last_used_at is None or now - self.last_used_at >= NOTED_EVERY

    def retired(self, now: datetime, *, overlap: timedelta) -> datetime:
        """Answer when the key ends once it is rotated: after the overlap, and never later than it would have."""
        end = now + overlap
        return end if self.expires_at is None else min(end, self.expires_at)

    def lifetime_from(self, now: datetime) -> datetime | None:
        """Answer when a key that is made now ends, if it lives as long as this one was made to."""
        return None if self.expires_at is None else now + (self.expires_at - self.created_at)


def new_key() -> str:
    """Make a key of 256 random bits, such as ``pwk_9f…``."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """Answer what is stored of a key, and what it is looked up by.

    Plain SHA-256 serves: a slow hash makes guesses dear, and 256 random bits are not guessed. The look-up needs no
    comparison in constant time either: how far PostgreSQL's index got tells of a digest, which nobody can aim.
    """
    return hashlib.sha256(key.encode()).digest()
