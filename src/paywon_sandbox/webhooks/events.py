"""Which events a change of a payment produces, and their bodies (webhooks.md)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import webhook_instant
from paywon_sandbox.core.codes import VIRTUAL_ACCOUNT
from paywon_sandbox.core.records import Delivery, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Payment

PAYMENT_STATUS_CHANGED = "PAYMENT_STATUS_CHANGED"
DEPOSIT_CALLBACK = "DEPOSIT_CALLBACK"
EVENT_TYPES = frozenset(
    {PAYMENT_STATUS_CHANGED, DEPOSIT_CALLBACK, "CANCEL_STATUS_CHANGED", "BILLING_DELETED", "METHOD_UPDATED"}
    | {"CUSTOMER_STATUS_CHANGED", "ORDER_PAYMENT_STATUS_CHANGED", "payout.changed", "seller.changed"}
)


def announce(account: Account, record: PaymentRecord) -> None:
    """Queue the events of a payment's present status for every receiver that wants them.

    Opening and authenticating do not come here: READY and IN_PROGRESS are not sent (webhooks.md [2src]).
    """
    payment = record.payment
    now = account.clock.now()
    if payment.method == VIRTUAL_ACCOUNT and payment.secret is not None:
        _queue(account, payment, DEPOSIT_CALLBACK, deposit_callback(payment, now))
    _queue(account, payment, PAYMENT_STATUS_CHANGED, payment_status_changed(payment, now))


def payment_status_changed(payment: Payment, at: datetime) -> dict[str, object]:
    """Envelope A with the whole Payment as data."""
    return {"eventType": PAYMENT_STATUS_CHANGED, "createdAt": webhook_instant(at), "data": payment}


def deposit_callback(payment: Payment, at: datetime) -> dict[str, object]:
    """Envelope B: flat, without eventType."""
    return {
        "createdAt": webhook_instant(at),
        "secret": payment.secret,
        "status": payment.status,
        "transactionKey": payment.last_transaction_key,
        "orderId": payment.order_id,
    }


def _queue(account: Account, payment: Payment, event_type: str, body: dict[str, object]) -> None:
    now = account.clock.now()
    for webhook in account.webhooks.values():
        if webhook.events and event_type not in webhook.events:
            continue
        delivery = Delivery(
            id=ids.control_id("dlv"),
            webhook_id=webhook.id,
            url=webhook.url,
            event_type=event_type,
            order_id=payment.order_id,
            payment_key=payment.payment_key,
            transmission_id=ids.transmission_id(),
            body=msgspec.json.encode(body).decode(),
            created_at=now,
            scheduled_at=now,
            attempts=[],
        )
        account.keep_delivery(delivery)
