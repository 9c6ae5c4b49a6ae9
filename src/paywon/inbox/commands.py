"""Taking webhooks in and working them."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

import structlog
from pydantic import SecretStr

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, PaymentKey, WebhookEventId, new_uuid
from paywon.base.redaction import redact
from paywon.billing.commands.forgetting import forget_deleted
from paywon.db.pool import Connection
from paywon.inbox import store
from paywon.inbox.model import ABOUT_PAYMENTS, WORK_JOB, WebhookEvent, WebhookStatus, WebhookVerdict
from paywon.payments import store as payments
from paywon.payments.commands import reading
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.facts import digest_of_secret
from paywon.payments.model import Payment, Verdict
from paywon.queue.jobs import TryLater, enqueue
from paywon.toss.outcome import No, Yes
from paywon.toss.signature import is_signed_by_toss, is_signed_with_secret
from paywon.toss.webhooks import DEPOSIT_CALLBACK, MalformedWebhook, Webhook, parse_webhook

_ORIGIN: Final = Origin(actor="system:inbox")
# An event and its job come in one transaction, so one without a job has lost it.
_UNTENDED_AFTER: Final = timedelta(minutes=1)
_log = structlog.get_logger()
_KEPT_HEADERS: Final = ("content-type", "user-agent", "x-forwarded-for")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbox:
    """What the commands of the inbox work with; ``secret`` verifies signed webhooks, if there is one."""

    cashier: Cashier
    secret: SecretStr | None


class Receipt(Enum):
    """What became of a delivery at the door."""

    NEW = "new"
    REPEAT = "repeat"


async def receive(inbox: Inbox, raw: bytes, headers: Mapping[str, str], *, source_address: str | None) -> Receipt:
    """Store a webhook and leave its work to the queue, in one transaction.

    Raises:
        PaywonError: WEBHOOK_MALFORMED, or WEBHOOK_REJECTED for a signature or a secret that does not fit.
    """
    try:
        told = parse_webhook(raw)
    except MalformedWebhook as error:
        raise PaywonError("WEBHOOK_MALFORMED", field="(body)", hint_ko=error.reason, hint_en=error.reason) from None
    async with inbox.cashier.db.transaction() as conn:
        verdict = await _verdict(conn, inbox, told, raw, headers)
        event = _event(told, raw, headers, verdict, source_address, inbox.cashier.clock.now())
        if not await store.insert_once(conn, event):
            await store.count_repeat(conn, event)
            return Receipt.REPEAT
        if event.status is WebhookStatus.RECEIVED and await _is_gone_key_of_ours(conn, inbox, told):
            now = inbox.cashier.clock.now()
            await store.finish(conn, event.id, WebhookStatus.PROCESSED, "BILLING_KEY_DELETED", now)
        elif event.status is WebhookStatus.RECEIVED:
            await enqueue(conn, WORK_JOB, {"eventId": str(event.id)})
    if verdict is WebhookVerdict.REJECTED:
        raise PaywonError("WEBHOOK_REJECTED")
    return Receipt.NEW


async def _is_gone_key_of_ours(conn: Connection, inbox: Inbox, told: Webhook) -> bool:
    """Forget the billing key that a BILLING_DELETED names; answer whether it was ours.

    It is done at the door, because what is stored has no key in it. No call confirms such an event; it is believed
    because it names the whole key, which only Toss and we know.
    """
    data = told.raw.get("data")
    if (
        told.event_type != "BILLING_DELETED"
        or not isinstance(data, dict)
        or not isinstance(data.get("billingKey"), str)
    ):
        return False
    reason = data.get("reason")
    return await forget_deleted(
        conn, inbox.cashier, data["billingKey"], reason=redact(reason) if isinstance(reason, str) else None
    )


async def work(inbox: Inbox, event_id: WebhookEventId) -> None:
    """Do what a stored webhook calls for: read its payment from Toss and learn what it shows.

    Raises:
        TryLater: Toss could not be read; the job comes again.
    """
    cashier = inbox.cashier
    async with cashier.db.connection() as conn:
        event = await store.by_id(conn, event_id)
    if event is None or event.status is not WebhookStatus.RECEIVED:
        return
    status, reason = await _work(cashier, event)
    async with cashier.db.connection() as conn:
        await store.finish(conn, event.id, status, reason, cashier.clock.now())


async def tend(inbox: Inbox, *, limit: int = 100) -> int:
    """See to the events that nobody works, so that each ends worked or visibly parked (I4); answer how many.

    One whose job was lost gets another; one whose job was given up is parked for a person.
    """
    now = inbox.cashier.clock.now()
    async with inbox.cashier.db.transaction() as conn:
        found = await store.untended(conn, now - _UNTENDED_AFTER, limit=limit)
        for event_id, is_held in found:
            _log.warning("a webhook has nobody who works it", webhook=str(event_id), given_up=is_held)
            if is_held:
                await store.finish(conn, event_id, WebhookStatus.PARKED, "WORK_FAILED", now)
            else:
                await enqueue(conn, WORK_JOB, {"eventId": str(event_id)})
    return len(found)


async def _work(cashier: Cashier, event: WebhookEvent) -> tuple[WebhookStatus, str | None]:
    if event.event_type not in ABOUT_PAYMENTS:
        return WebhookStatus.IGNORED, "NOT_ABOUT_PAYMENTS"
    payment = await _payment_of(cashier, event)
    if payment is None:
        return WebhookStatus.PARKED, "UNKNOWN_ORDER"
    reread = await reading.read_from_toss(cashier, payment, _ORIGIN, payment_key=event.payment_key)
    match reread.answer:
        case Yes() if reread.learned is not None and reread.learned.verdict is not Verdict.CONTRADICTS:
            return WebhookStatus.PROCESSED, None
        case Yes():
            return WebhookStatus.PARKED, "CONTRADICTS_OUR_BOOKS"
        case No() as no:
            return WebhookStatus.PARKED, no.code
        case unheard:
            raise TryLater(f"Toss could not be read: {unheard.reason}")


async def _payment_of(cashier: Cashier, event: WebhookEvent) -> Payment | None:
    """Find the payment that an event is about; a CANCEL_STATUS_CHANGED names only its cancel (webhooks.md)."""
    if event.order_no is None and event.payment_key is None and event.transaction_key is not None:
        async with cashier.db.connection() as conn:
            return await payments.by_cancel(conn, event.transaction_key)
    return await reading.payment_of(cashier, event.order_no, event.payment_key)


async def _verdict(
    conn: Connection, inbox: Inbox, told: Webhook, raw: bytes, headers: Mapping[str, str]
) -> WebhookVerdict:
    """Say how far an event is to be believed: what comes with a signature or a secret has to come with the right one.

    Toss signs no payment event; a DEPOSIT_CALLBACK carries its payment's ``secret`` instead (webhooks.md). A payment
    that we have not learned of yet has none to compare with.
    """
    verdict = _verdict_of_signature(inbox, raw, headers)
    if verdict is not WebhookVerdict.REFETCHED or told.secret is None or told.order_no is None:
        return verdict
    known = await payments.secret_digest(conn, OrderNo(told.order_no))
    if known is None:
        return verdict
    if hmac.compare_digest(known, digest_of_secret(told.secret)):
        return WebhookVerdict.SECRET_MATCHED
    return WebhookVerdict.REJECTED if told.event_type == DEPOSIT_CALLBACK else verdict


def _verdict_of_signature(inbox: Inbox, raw: bytes, headers: Mapping[str, str]) -> WebhookVerdict:
    by_toss = headers.get("tosspayments-webhook-signature")
    by_us = headers.get("toss-signature")
    if by_toss is None and by_us is None:
        return WebhookVerdict.REFETCHED
    secret = inbox.secret.get_secret_value() if inbox.secret else ""
    if not secret:
        # Nothing to verify with: believe it no more than an unsigned one.
        return WebhookVerdict.REFETCHED
    if by_us is not None:
        genuine = is_signed_with_secret(raw, signature=by_us, secret=secret)
    else:
        genuine = is_signed_by_toss(
            raw,
            signature_header=by_toss or "",
            transmission_time=headers.get("tosspayments-webhook-transmission-time", ""),
            security_keys=[secret],
        )
    return WebhookVerdict.SIGNED if genuine else WebhookVerdict.REJECTED


def _event(
    told: Webhook,
    raw: bytes,
    headers: Mapping[str, str],
    verdict: WebhookVerdict,
    source_address: str | None,
    now: datetime,
) -> WebhookEvent:
    rejected = verdict is WebhookVerdict.REJECTED
    kept = {
        name: value[:300].replace("\x00", "")
        for name, value in headers.items()
        if name in _KEPT_HEADERS or name.startswith("tosspayments-webhook-")
    }
    transmission_id = headers.get("tosspayments-webhook-transmission-id")
    return WebhookEvent(
        id=WebhookEventId(new_uuid()),
        # A forged copy must not stand in the way of the genuine event.
        digest=hashlib.sha256(b"rejected:" * rejected + raw).digest(),
        transmission_id=transmission_id[:200] if transmission_id and not rejected else None,
        event_type=told.event_type,
        order_no=OrderNo(told.order_no) if told.order_no else None,
        payment_key=PaymentKey(told.payment_key) if told.payment_key else None,
        transaction_key=told.transaction_key,
        verdict=verdict,
        status=WebhookStatus.REJECTED if rejected else WebhookStatus.RECEIVED,
        headers=kept,
        body=redact(told.raw),
        source_address=source_address,
        received_at=now,
    )
