"""How far a webhook is to be believed.

Toss signs no payment event (toss/webhooks.md). What comes with a signature or a secret has to come with the right one;
what comes with neither is a hint, and in strict mode has to come from an address of Toss's.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final

from pydantic import SecretStr

from paywon.base.networks import Network
from paywon.inbox.model import PROVEN, WebhookVerdict
from paywon.payments.facts import digest_of_secret
from paywon.toss.signature import is_signed_by_toss, is_signed_with_secret
from paywon.toss.webhooks import ALWAYS_SIGNED, DEPOSIT_CALLBACK, Webhook, instant

_BY_TOSS: Final = "tosspayments-webhook-signature"
_SENT_AT: Final = "tosspayments-webhook-transmission-time"
_BY_US: Final = "toss-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What the door asks of a webhook; all of it settings.

    ``secrets``: any of them may have signed. ``max_age``: how far a signed time of transmission may be from now,
    zero for any. ``strict``: what nothing proves is refused.
    """

    secrets: tuple[SecretStr, ...] = ()
    sources: tuple[Network, ...] = ()
    strict: bool = False
    max_age: timedelta = timedelta(0)

    def is_proven(self, verdict: WebhookVerdict, source_address: str | None) -> bool:
        """Whether an event is Toss's beyond doubt: signed, with the right secret, or from an address of Toss's."""
        return verdict in PROVEN or (verdict is WebhookVerdict.REFETCHED and self.knows(source_address))

    def knows(self, source_address: str | None) -> bool:
        """Whether an address is one that Toss sends from."""
        if source_address is None or not self.sources:
            return False
        address = ip_address(source_address)
        return any(address in network for network in self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, and for a rejection why; the reason is for who runs it, and never told to the sender."""

    verdict: WebhookVerdict
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What our books say of what an event names: its payment's secret, and whether it names a billing key of ours."""

    secret_digest: bytes | None
    names_key_of_ours: bool


def judge(
    trust: Trust,
    told: Webhook,
    raw: bytes,
    headers: Mapping[str, str],
    *,
    known: Known,
    source_address: str | None,
    now: datetime,
) -> Judged:
    """Say how far an event is to be believed."""
    judged = _by_signature(trust, told, raw, headers, now) or _by_secret(told, known)
    if judged is not None:
        return judged
    if trust.strict and not trust.knows(source_address):
        return _rejected("NOT_PROVEN")
    return Judged(verdict=WebhookVerdict.REFETCHED)


def _by_signature(trust: Trust, told: Webhook, raw: bytes, headers: Mapping[str, str], now: datetime) -> Judged | None:
    """Judge by signatures; None where there is none, or nothing to verify it with: then it proves nothing."""
    if not trust.secrets:
        return None
    by_toss, by_us = headers.get(_BY_TOSS), headers.get(_BY_US)
    if by_toss is None and by_us is None:
        return _rejected("SIGNATURE_MISSING") if told.event_type in ALWAYS_SIGNED else None
    secrets = [secret.get_secret_value() for secret in trust.secrets]
    if by_us is not None and not any(is_signed_with_secret(raw, signature=by_us, secret=key) for key in secrets):
        return _rejected("SIGNATURE_WRONG")
    if by_toss is not None:
        sent_at = headers.get(_SENT_AT, "")
        if not is_signed_by_toss(raw, signature_header=by_toss, transmission_time=sent_at, security_keys=secrets):
            return _rejected("SIGNATURE_WRONG")
        if _is_stale(trust, sent_at, now):
            return _rejected("SIGNATURE_STALE")
    return Judged(verdict=WebhookVerdict.SIGNED)


def _is_stale(trust: Trust, sent_at: str, now: datetime) -> bool:
    """Each retry is signed afresh (toss/webhooks.md), so what is old was kept by somebody. Clocks differ both ways."""
    if not trust.max_age:
        return False
    sent = instant(sent_at)
    return sent is None or abs(now - sent) > trust.max_age


def _by_secret(told: Webhook, known: Known) -> Judged | None:
    """Judge by what only Toss and we know. A payment that we have not learned of yet has no secret to compare with."""
    if known.names_key_of_ours:
        return Judged(verdict=WebhookVerdict.SECRET_MATCHED)
    if told.secret is None or known.secret_digest is None:
        return None
    if hmac.compare_digest(known.secret_digest, digest_of_secret(told.secret)):
        return Judged(verdict=WebhookVerdict.SECRET_MATCHED)
    # Another payment of the same order has another secret; a deposit is the order's one payment.
    return _rejected("SECRET_WRONG") if told.event_type == DEPOSIT_CALLBACK else None


def _rejected(reason: str) -> Judged:
    return Judged(verdict=WebhookVerdict.REJECTED, reason=reason)
