"""What events say of a billing key. Pure."""

from datetime import datetime

from paywon.billing.model import BillingKey
from paywon.outbox.model import BillingKeyEvent, BillingKeyTold, Event, EventType, new_event


def issued(key: BillingKey, authenticated_at: datetime | None, now: datetime) -> Event:
    """Tell that a key can be charged."""
    told = BillingKeyTold(id=key.id, status="ACTIVE", authenticated_at=authenticated_at, deleted_at=None)
    return new_event(EventType.BILLING_KEY_ISSUED, key.id, BillingKeyEvent(billing_key=told), now)


def deleted(key: BillingKey, now: datetime) -> Event:
    """Tell that a key cannot be charged any more."""
    told = BillingKeyTold(id=key.id, status="DELETED", authenticated_at=key.authenticated_at, deleted_at=now)
    return new_event(EventType.BILLING_KEY_DELETED, key.id, BillingKeyEvent(billing_key=told), now)
