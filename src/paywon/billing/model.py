"""Billing keys: their states, what may be done in which, and what the resolver does next. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from paywon.base.errors import PaywonError
from paywon.base.ids import BillingKeyId, UserId
from paywon.base.sealing import SealedColumn
from paywon.payments.model import Attempt, AttemptStatus, AttemptType
from paywon.payments.recovery import Step

# What the resolver of this room finishes; charges are attempts on a payment and finished with the others.
ABOUT_KEYS: Final = frozenset({AttemptType.BILLING_KEY_ISSUE, AttemptType.BILLING_KEY_DELETE})
# Toss knows an idempotency key for 15 days (toss/api.md 1.2); of these we use one, as for a cancel.
ISSUE_WINDOW: Final = timedelta(days=1)
# What Toss says of a key that was deleted (toss/api.md 7 [M]).
GONE: Final = "ALREADY_REMOVED_BILLING_KEY"
# Our own word on an attempt: Toss issued a key that another row of ours holds.
EXISTS: Final = "BILLING_KEY_EXISTS"
# Binds the digest under which a key is found to this use.
DIGEST_PURPOSE: Final = "billing_keys"
# The same for the authKey that a key was asked for with.
AUTH_PURPOSE: Final = "billing_auth_keys"
SEALED_KEY: Final = SealedColumn(
    table="billing_keys", column="sealed_key", digest_column="key_digest", digest_purpose=DIGEST_PURPOSE
)
_SHOWN: Final = 4


class KeyStatus(StrEnum):
    """``ISSUING``: Toss has been asked and nobody knows yet. ``FAILED``: no key came of it, for certain."""

    ISSUING = "ISSUING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingKey:
    """One row of ``billing_keys``. The key itself lets its holder charge the card: it is here sealed, or not at all."""

    id: BillingKeyId
    user_id: UserId | None
    customer_key: str
    sealed_key: bytes | None = field(default=None, repr=False)
    key_digest: bytes | None = field(default=None, repr=False)
    auth_digest: bytes | None = field(default=None, repr=False)
    key_hint: str | None = None
    method: str | None = None
    card_meta: dict[str, Any] | None = None
    status: KeyStatus = KeyStatus.ISSUING
    authenticated_at: datetime | None = None
    deleted_at: datetime | None = None
    delete_reason: str | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A billing key with the newest attempt to issue or delete it.

    ``secret`` is the key in full, only where its issue is answered.
    """

    key: BillingKey
    attempt: Attempt | None
    secret: str | None = field(default=None, repr=False)

    @property
    def open_request(self) -> AttemptType | None:
        """The question to Toss that is still open, if one is; a key that is gone leaves none, whoever told of it."""
        attempt = self.attempt
        if attempt is None or attempt.status is not AttemptStatus.PENDING or self.key.status is KeyStatus.DELETED:
            return None
        return attempt.type

    @property
    def failure(self) -> tuple[str | None, str | None]:
        """Code and message of an issue or deletion that came to nothing."""
        attempt = self.attempt
        if attempt is not None and (attempt.status is AttemptStatus.FAILED or attempt.error_code == EXISTS):
            return attempt.error_code, attempt.error_message
        return None, None


def hint_of(secret: str) -> str:
    """Show a key by its ends, as people tell keys apart; a key too short for that not at all."""
    return f"{secret[:_SHOWN]}…{secret[-_SHOWN:]}" if len(secret) >= 4 * _SHOWN else "…"


def check_chargeable(view: KeyView) -> None:
    """See that a key may be charged; one whose deletion was asked for may not, whether or not Toss has answered.

    Raises:
        PaywonError: BILLING_KEY_DELETED or BILLING_KEY_NOT_READY.
    """
    if view.key.status is KeyStatus.DELETED or view.open_request is AttemptType.BILLING_KEY_DELETE:
        raise PaywonError("BILLING_KEY_DELETED")
    check_issued(view.key)


def check_issued(key: BillingKey) -> None:
    """See that there is a key.

    Raises:
        PaywonError: BILLING_KEY_NOT_READY, it is still being issued or could not be.
    """
    if key.status in (KeyStatus.ISSUING, KeyStatus.FAILED):
        raise PaywonError("BILLING_KEY_NOT_READY", status=key.status)


def issue_step(attempt: Attempt, now: datetime) -> Step:
    """Decide what becomes of an issue whose outcome is unknown. No call reads a billing key (toss/api.md 7).

    Unanswered: the same idempotency key brings the key, if it was made, or the refusal. Answered with a failure that
    may pass: that key would only replay it, so once more with a new one. An authKey works once, so this makes no
    second key; and a key that was made behind the failure is known to nobody, and charges nobody. After two such
    answers the issue has failed, by Toss's own word. What was never answered within the window stays open.
    """
    if attempt.error_code == "CONTRADICTION":
        return Step.WAIT
    if attempt.answered:
        return Step.ASK_ANEW if attempt.caused_by is None else Step.FAILED
    return Step.ASK_AGAIN if now - attempt.created_at < ISSUE_WINDOW else Step.WAIT
