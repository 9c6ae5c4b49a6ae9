"""Typed identifiers and the numbers that people read out on the telephone."""

import re
import secrets
from datetime import datetime
from typing import Final, NewType
from uuid import UUID

import uuid_utils.compat

from paywon.base.clock import KST

OrderId = NewType("OrderId", UUID)
PaymentId = NewType("PaymentId", UUID)
AttemptId = NewType("AttemptId", UUID)
CancelId = NewType("CancelId", UUID)
CapsuleId = NewType("CapsuleId", UUID)
BillingKeyId = NewType("BillingKeyId", UUID)
CashReceiptId = NewType("CashReceiptId", UUID)
StrayId = NewType("StrayId", UUID)
DecisionId = NewType("DecisionId", UUID)
WebhookEventId = NewType("WebhookEventId", UUID)
ApiKeyId = NewType("ApiKeyId", UUID)
EventId = NewType("EventId", UUID)
EndpointId = NewType("EndpointId", UUID)

OrderNo = NewType("OrderNo", str)
PaymentKey = NewType("PaymentKey", str)
UserId = NewType("UserId", str)

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Crockford's base 32: no I, L, O, U, so that nothing is misread.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_uuid() -> UUID:
    """Make a UUIDv7: unique, and sorted by the time it was made."""
    return uuid_utils.compat.uuid7()


def new_order_no(now: datetime) -> OrderNo:
    """Make an order number like ``ORD-1737120000000-7K3M9QW2``.

    It is what Toss calls orderId: 6 to 64 of ``A-Z a-z 0-9 - _`` (toss/api.md 1.5).
    """
    return OrderNo(f"ORD-{int(now.timestamp() * 1000)}-{_random_text(8)}")


def order_named(name: str) -> OrderId | OrderNo:
    """Take the name of an order as its id if it is a UUID, else as its number: no number looks like a UUID."""
    return OrderId(UUID(name)) if _UUID.fullmatch(name) else OrderNo(name)


def new_payment_number(now: datetime) -> str:
    """Make a payment number like ``PAY-20240117-7K3M9QW2XTRB``, dated in Korea."""
    return f"PAY-{now.astimezone(KST):%Y%m%d}-{_random_text(12)}"


def _random_text(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
