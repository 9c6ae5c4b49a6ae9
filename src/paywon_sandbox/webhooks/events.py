"""Which events a change of a payment produces, and their bodies (toss/webhooks.md)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import toss_instant, webhook_instant
from paywon_sandbox.core.codes import VIRTUAL_ACCOUNT
from paywon_sandbox.core.money import as_sent, in_currency
from paywon_sandbox.core.payouts import Payout, Seller
from paywon_sandbox.core.records import Delivery, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Cancel, Payment

PAYMENT_STATUS_CHANGED = "PAYMENT_STATUS_CHANGED"
DEPOSIT_CALLBACK = "DEPOSIT_CALLBACK"
BILLING_DELETED = "BILLING_DELETED"
CANCEL_STATUS_CHANGED = "CANCEL_STATUS_CHANGED"
PAYOUT_CHANGED, SELLER_CHANGED = "payout.changed", "seller.changed"
SIGNED = frozenset({PAYOUT_CHANGED, SELLER_CHANGED})  # toss/webhooks.md "Which events are signed" [2src]
EVENT_TYPES = SIGNED | {
    PAYMENT_STATUS_CHANGED,
    DEPOSIT_CALLBACK,
    BILLING_DELETED,
    CANCEL_STATUS_CHANGED,
    "METHOD_UPDATED",
    "CUSTOMER_STATUS_CHANGED",
    "ORDER_PAYMENT_STATUS_CHANGED",
    "ars-reservation.changed",
}


def announce(account: Account, record: PaymentRecord, *, callback_only: bool = False) -> None:
    """Queue the events of a payment's present status for every receiver that wants them.

    Opening and authenticating do not come here: READY and IN_PROGRESS are not sent (toss/webhooks.md [2src]).
    """
    payment = record.payment
    now = account.clock.now()
    about = (payment.order_id, payment.payment_key)
    if payment.method == VIRTUAL_ACCOUNT and payment.secret is not None:
        queue(account, DEPOSIT_CALLBACK, deposit_callback(payment, now), about)
    if not callback_only:
        queue(account, PAYMENT_STATUS_CHANGED, envelope(PAYMENT_STATUS_CHANGED, now, as_sent(payment)), about)


def announce_cancel(account: Account, record: PaymentRecord, cancel: Cancel) -> None:
    """An asynchronous cancel has ended: one Cancel, without the payment it belongs to (toss/webhooks.md)."""
    data = in_currency(cancel, record.payment.currency)
    about = (record.payment.order_id, record.payment.payment_key)
    queue(account, CANCEL_STATUS_CHANGED, envelope(CANCEL_STATUS_CHANGED, account.clock.now(), data), about)


def announce_deleted_billing(account: Account, billing_key: str, reason: str | None) -> None:
    """A billing key is gone; sent also for a deletion by API (toss/webhooks.md)."""
    data = {"billingKey": billing_key, "reason": reason}
    queue(account, BILLING_DELETED, envelope(BILLING_DELETED, account.clock.now(), data))


def announce_payout(account: Account, payout: Payout) -> None:
    """A payout has ended; signed (toss/webhooks.md)."""
    _queue_v2(account, PAYOUT_CHANGED, payout)


def announce_seller(account: Account, seller: Seller) -> None:
    """What Toss knows of a seller has changed; signed (toss/webhooks.md)."""
    _queue_v2(account, SELLER_CHANGED, seller)


def _queue_v2(account: Account, event_type: str, entity: Payout | Seller) -> None:
    queue(account, event_type, envelope_v2(event_type, account.clock.now(), account.settings.version, entity))


def envelope(event_type: str, at: datetime, data: object) -> dict[str, object]:
    """Envelope A."""
    return {"eventType": event_type, "createdAt": webhook_instant(at), "data": data}


def envelope_v2(event_type: str, at: datetime, version: str, entity: object) -> dict[str, object]:
    """Envelope C, of the events that are named with a dot."""
    return {
        "eventType": event_type,
        "createdAt": toss_instant(at),
        "version": version,
        "eventId": ids.event_id(),
        "entityType": event_type.partition(".")[0],
        "entityBody": entity,
    }


def deposit_callback(payment: Payment, at: datetime) -> dict[str, object]:
    """Envelope B: flat, without eventType."""
    return {
        "createdAt": webhook_instant(at),
        "secret": payment.secret,
        "status": payment.status,
        "transactionKey": payment.last_transaction_key,
        "orderId": payment.order_id,
    }


def queue(account: Account, event_type: str, body: dict[str, object], about: tuple[str, str] = ("", "")) -> None:
    """One delivery for each receiver that wants this event; `about` is (orderId, paymentKey)."""
    now = account.clock.now()
    encoded: str | None = None
    for webhook in account.webhooks.values():
        if webhook.events and event_type not in webhook.events:
            continue
        encoded = encoded or msgspec.json.encode(body).decode()
        delivery = Delivery(
            id=ids.control_id("dlv"),
            webhook_id=webhook.id,
            url=webhook.url,
            event_type=event_type,
            order_id=about[0],
            payment_key=about[1],
            transmission_id=ids.transmission_id(),
            body=encoded,
            created_at=now,
            scheduled_at=now,
            attempts=[],
        )
        account.keep_delivery(delivery)
