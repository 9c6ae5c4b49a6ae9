"""Taking webhooks in: each is judged and stored, and what it calls for is noted, in one transaction."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId, new_uuid
from paywon.base.redaction import redact, redact_text
from paywon.billing.commands.forgetting import forget_deleted, is_ours
from paywon.db.pool import Connection
from paywon.inbox import store
from paywon.inbox.claims import Claim
from paywon.inbox.commands.proving import Judged, Known, Trust, judge
from paywon.inbox.facts import claim_of, storable_name
from paywon.inbox.model import (
    ABOUT_PAYMENTS,
    MAX_WAITING,
    Repeat,
    WebhookEvent,
    WebhookStatus,
    WebhookVerdict,
    first_status,
)
from paywon.inbox.refusals.model import RefusedCounts
from paywon.payments import store as payments
from paywon.payments.commands.cashier import Cashier
from paywon.payments.facts import digest_of_secret
from paywon.toss.webhooks import MalformedWebhook, Webhook, parse_webhook

_KEPT_HEADERS: Final = (
    "content-type",
    "user-agent",
    "x-forwarded-for",
    "tosspayments-webhook-transmission-time",
    "tosspayments-webhook-transmission-retried-count",
    "tosspayments-webhook-transmission-id",
    "tosspayments-webhook-signature",
    "toss-signature",
)
_KEPT_OF_REPEATS: Final = (
    "tosspayments-webhook-transmission-time",
    "tosspayments-webhook-transmission-retried-count",
    "tosspayments-webhook-signature",
    "toss-signature",
)
_MAX_HEADER_CHARS: Final = 300
_MAX_REPEATED_CHARS: Final = 120
"""What is kept of a header of a repeat: two of Toss's signatures fit."""
_MAX_BODY_OF_NOBODYS: Final = 4096
"""What is kept of a webhook that is about nothing of ours, in bytes. A payment's is half of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What the commands of the inbox work with. ``looks_per_minute``: how many that nothing proves; 0 for any.

    ``refused`` counts the deliveries that this process did not take.
    """

    cashier: Cashier
    trust: Trust
    looks_per_minute: int
    refused: RefusedCounts = field(default_factory=RefusedCounts)


class Receipt(Enum):
    """What became of a delivery at the door."""

    NEW = "new"
    REPEAT = "repeat"


async def receive(inbox: Inbox, raw: bytes, headers: Mapping[str, str], *, source_address: str | None) -> Receipt:
    """Store a webhook, and note that it asks for a look at Toss, in one transaction.

    Raises:
        PaywonError: WEBHOOK_MALFORMED; WEBHOOK_REJECTED for a signature or a secret that does not fit, or without
            proof in strict mode; TOO_MANY_REQUESTS, too many that nothing proves wait for one order.
    """
    try:
        told = parse_webhook(raw)
    except MalformedWebhook as error:
        raise PaywonError("WEBHOOK_MALFORMED", field="(body)", hint_ko=error.reason, hint_en=error.reason) from None
    async with inbox.cashier.db.transaction(about=told.order_no or told.payment_key) as conn:
        order_no = await store.order_of(conn, told.order_no, told.payment_key, told.transaction_key)
        judged = judge(
            inbox.trust,
            told,
            raw,
            headers,
            known=await _known(conn, inbox, told, order_no),
            source_address=source_address,
            now=inbox.cashier.clock.now(),
        )
        event = _event(inbox, told, raw, headers, judged, order_no, source_address)
        is_new = await store.insert_once(conn, event)
        if is_new:
            await _begin(conn, inbox, told, event)
        else:
            await _begin_again(conn, inbox, told, event, _repeat(event, headers))
    if event.verdict is WebhookVerdict.REJECTED:
        raise PaywonError("WEBHOOK_REJECTED")
    return Receipt.NEW if is_new else Receipt.REPEAT


async def _known(conn: Connection, inbox: Inbox, told: Webhook, order_no: OrderNo | None) -> Known:
    digest = None if order_no is None or told.secret is None else await payments.secret_digest(conn, order_no)
    key = _deleted_key(told)
    return Known(secret_digest=digest, names_key_of_ours=key is not None and await is_ours(conn, inbox.cashier, key))


async def _begin(conn: Connection, inbox: Inbox, told: Webhook, event: WebhookEvent) -> None:
    """Do what a new event calls for: forget a billing key, or ask for a look at its order."""
    if event.status is WebhookStatus.RECEIVED:
        await _ask_for_look(conn, inbox, event, more=1)
    else:
        await _forget_key(conn, inbox, told, event)


async def _begin_again(conn: Connection, inbox: Inbox, told: Webhook, event: WebhookEvent, repeat: Repeat) -> None:
    """Count an event that came once more. Whoever sends again what is over wishes for another look: it waits again."""
    if event.status is WebhookStatus.RECEIVED and event.order_no is not None:
        await store.hold_look(conn, event.order_no)  # before its event, as whoever ends a look does
    before = await store.count_repeat(conn, event, repeat)
    if event.status is WebhookStatus.RECEIVED:
        await store.wait_again(conn, event)
        await _ask_for_look(conn, inbox, event, more=sum(status is not WebhookStatus.RECEIVED for status in before))
    elif await _forget_key(conn, inbox, told, event):
        await store.end_repeat(conn, event)


async def _ask_for_look(conn: Connection, inbox: Inbox, event: WebhookEvent, *, more: int) -> None:
    assert event.order_no is not None, "what is about nothing of ours is not received"
    now = inbox.cashier.clock.now()
    proven = inbox.trust.is_proven(event.verdict, event.source_address)
    waiting = await store.ask_for_look(conn, event.order_no, now, proven=proven, more=more)
    if waiting > MAX_WAITING and more and not proven:
        # A look is to come that answers this one too; Toss sends it again in a minute.
        raise PaywonError("TOO_MANY_REQUESTS", retry_after_s=60)


async def _forget_key(conn: Connection, inbox: Inbox, told: Webhook, event: WebhookEvent) -> bool:
    """Forget the billing key that an event proves to be gone, if it does; answer whether."""
    key = _deleted_key(told)
    if event.verdict is not WebhookVerdict.SECRET_MATCHED or key is None:
        return False
    # Here and now, because what is stored has no key in it.
    reason = told.raw["data"].get("reason")
    return await forget_deleted(conn, inbox.cashier, key, reason=redact(reason) if isinstance(reason, str) else None)


def _deleted_key(told: Webhook) -> str | None:
    """Answer the billing key that a BILLING_DELETED names."""
    data = told.raw.get("data")
    if told.event_type != "BILLING_DELETED" or not isinstance(data, dict):
        return None
    key = data.get("billingKey")
    return key if isinstance(key, str) else None


def _event(
    inbox: Inbox,
    told: Webhook,
    raw: bytes,
    headers: Mapping[str, str],
    judged: Judged,
    order_no: OrderNo | None,
    source_address: str | None,
) -> WebhookEvent:
    now = inbox.cashier.clock.now()
    rejected = judged.verdict is WebhookVerdict.REJECTED
    proven = inbox.trust.is_proven(judged.verdict, source_address)
    status, reason = first_status(told.event_type, judged.verdict, ours=order_no is not None, proven=proven)
    if judged.verdict is WebhookVerdict.SECRET_MATCHED and _deleted_key(told) is not None:
        status, reason = WebhookStatus.PROCESSED, "BILLING_KEY_DELETED"
    named_order, payment_key = storable_name(told.order_no), storable_name(told.payment_key)
    return WebhookEvent(
        id=WebhookEventId(new_uuid()),
        # A forged copy must not stand in the way of the genuine event.
        digest=hashlib.sha256(b"rejected:" * rejected + raw).digest(),
        transmission_id=None if rejected else storable_name(headers.get("tosspayments-webhook-transmission-id")),
        event_type=redact_text(told.event_type),
        order_no=order_no or (OrderNo(named_order) if named_order else None),
        payment_key=PaymentKey(payment_key) if payment_key else None,
        transaction_key=storable_name(told.transaction_key),
        verdict=judged.verdict,
        status=status,
        reason=judged.reason or reason or None,
        headers=_kept(headers, _KEPT_HEADERS, most=_MAX_HEADER_CHARS),
        body=_kept_body(told, raw, nobodys=rejected or (order_no is None and not proven)),
        source_address=source_address,
        received_at=now,
        processed_at=None if status in (WebhookStatus.RECEIVED, WebhookStatus.REJECTED) else now,
        claim=_claim(told),
        # No digest of what may be a card's number: it could be guessed from it.
        secret_digest=None if rejected or (secret := storable_name(told.secret)) is None else digest_of_secret(secret),
        look_at=now if status is WebhookStatus.RECEIVED else None,
    )


def _repeat(event: WebhookEvent, headers: Mapping[str, str]) -> Repeat:
    """Take what is kept of an event that came once more."""
    kept = _kept(headers, _KEPT_OF_REPEATS, most=_MAX_REPEATED_CHARS)
    return Repeat(at=event.received_at, source_address=event.source_address, verdict=event.verdict, headers=kept)


def _kept(headers: Mapping[str, str], names: Iterable[str], *, most: int) -> dict[str, str]:
    return {name: redact_text(value[:most]) for name in names if (value := headers.get(name)) is not None}


def _claim(told: Webhook) -> Claim | None:
    return claim_of(told) if told.event_type in ABOUT_PAYMENTS else None


def _kept_body(told: Webhook, raw: bytes, *, nobodys: bool) -> dict[str, Any]:
    if nobodys and len(raw) > _MAX_BODY_OF_NOBODYS:
        return {"omitted": f"{len(raw)} bytes"}
    # Anybody may have sent it, so not even a virtual account's own number is taken for one.
    kept: dict[str, Any] = redact(told.raw, show_accounts=False)
    return kept
