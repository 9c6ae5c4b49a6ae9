"""What the sandbox keeps beside Toss's own objects. Times are aware datetimes on the account's clock."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox.core.values import Payment


class Choice(msgspec.Struct, kw_only=True):
    """What the customer chose in the window, kept until the confirm turns it into details."""

    method: str
    card_company: str = "11"
    card_type: str = "신용"
    installment_plan_months: int = 0
    is_interest_free: bool = False
    easy_pay_provider: str = "토스페이"
    easy_pay_funding: str = "card"
    points_krw: int = 0
    bank_code: str = "92"
    phone: str = "01012345678"
    customer_name: str = "김토스"
    cash_receipt_type: str | None = None
    cash_receipt_number: str = "01012341234"
    partial_cancelable: bool = True
    decline_code: str | None = None
    decline_times: int | None = None


class PaymentRecord(msgspec.Struct, kw_only=True):
    """A Payment with the session of its window."""

    payment: Payment
    sequence: int
    success_url: str
    fail_url: str
    requested_at: datetime
    deadline: datetime | None = None
    approved_at: datetime | None = None
    wanted_method: str | None = None
    customer_name: str | None = None
    customer_phone: str | None = None
    choice: Choice | None = None


class StoredReply(msgspec.Struct, kw_only=True):
    """The first answer to an Idempotency-Key, to be repeated byte for byte."""

    status: int
    body: bytes
    expires_at: datetime


class Webhook(msgspec.Struct, kw_only=True, rename="camel"):
    """A registered receiver; an empty event list means every event."""

    id: str
    url: str
    events: list[str]
    created_at: datetime


class Attempt(msgspec.Struct, kw_only=True, rename="camel"):
    """One transmission of a delivery: the answer's status, or why there was none."""

    at: datetime
    status: int | None
    error: str | None


class Delivery(msgspec.Struct, kw_only=True, rename="camel"):
    """One event on its way to one receiver. state: PENDING, DELIVERED, FAILED, LOST."""

    id: str
    webhook_id: str
    url: str
    event_type: str
    order_id: str
    payment_key: str
    transmission_id: str
    body: str
    created_at: datetime
    state: str = "PENDING"
    retried_count: int = 0
    scheduled_at: datetime
    attempts: list[Attempt]


class Fault(msgspec.Struct, kw_only=True, rename="camel"):
    """A trouble to be played; `times` left, null = until it is deleted."""

    id: str
    kind: str
    target: str
    method: str | None = None
    path: str | None = None
    order_id: str | None = None
    times: int | None = 1
    delay_ms: int = 0
    status: int | None = None
    code: str | None = None


class LoggedRequest(msgspec.Struct, kw_only=True, rename="camel"):
    """One line of the request log; `status` is null while running and when no answer was sent."""

    time: str
    method: str
    path: str
    order_id: str | None
    body: object
    idempotency_key: str | None
    status: int | None = None
    code: str | None = None
    replayed: bool = False
    fault: str | None = None


class ClockState(msgspec.Struct, kw_only=True):
    """How an account's clock differs from the real one."""

    offset_s: float = 0.0
    frozen_at: datetime | None = None
