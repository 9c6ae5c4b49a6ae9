"""API keys: what they look like and what they may do. Pure."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from paywon.base.ids import ApiKeyId

KEY_PREFIX: Final = "pwk_"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One row of ``api_keys``. The key itself is shown once and never stored, only its digest."""

    id: ApiKeyId
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def usable(self, now: datetime) -> bool:
        """Whether the key opens anything now."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_key() -> str:
    """Make a key of 256 random bits, such as ``pwk_9f…``."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest_of(key: str) -> bytes:
    """Answer what is stored of a key. Plain SHA-256 serves: a key has too much chance in it to be guessed."""
    return hashlib.sha256(key.encode()).digest()
