"""What the sandbox keeps beside Toss's own objects. Times are aware datetimes on the account's clock.

What there are thousands of is kept out of the garbage collector's sight (`gc=False`): none of it is in a cycle.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from paywon_sandbox.core.values import Billing, CashReceiptEntry, Payment, RefundAccount
from paywon_sandbox.settings import API_VERSION


class Choice(msgspec.Struct, kw_only=True, gc=False):
    """What the customer chose in the window, kept until the confirm turns it into details."""

    method: str
    card_company: str = "11"
    card_type: str = "신용"
    owner_type: str = "개인"
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
    use_card_point: bool = False
    partial_cancelable: bool = True
    decline_code: str | None = None
    decline_times: int | None = None
    valid_hours: int | None = None
    due_date: datetime | None = None
    use_escrow: bool = False
    refund_account: RefundAccount | None = None
    card_number: str | None = None
    discount_krw: int = 0
    country: str = "US"


class Wishes(msgspec.Struct, kw_only=True, gc=False):
    """What the shop asked of the window; see rules/wishes.py."""

    card_company: str | None = None
    bank_code: str | None = None
    easy_pay: str | None = None
    months: int | None = None
    highest_months: int | None = None
    use_card_point: bool = False
    discount_code: str | None = None
    valid_hours: int | None = None
    due_date: datetime | None = None
    use_escrow: bool = False
    cash_receipt_type: str | None = None
    refund_account: RefundAccount | None = None
    culture_expense: bool = False
    carriers: tuple[str, ...] = ()
    country: str | None = None


class Errand(msgspec.Struct, kw_only=True, gc=False):
    """What the clock will do to a payment.

    `refund`, `settle`, `hide_refund_account`, `finish_approval` or `finish_cancel`.
    """

    at: datetime
    kind: str


class LedgerEntry(msgspec.Struct, kw_only=True, gc=False):
    """One movement of a payment, from which transactions and settlements are made; in smallest units.

    `moved` is what changed hands (0 when an account is issued), `balance` what the merchant holds afterwards.
    """

    number: int
    transaction_key: str
    at: datetime
    status: str
    moved: int
    balance: int
    approved_at: str | None


class PaymentRecord(msgspec.Struct, kw_only=True, gc=False):
    """A Payment with the session of its window."""

    payment: Payment
    sequence: int
    success_url: str
    fail_url: str
    pending_url: str | None = None
    requested_at: datetime
    deadline: datetime | None = None
    approved_at: datetime | None = None
    wanted_method: str | None = None
    customer_name: str | None = None
    customer_phone: str | None = None
    wishes: Wishes | None = None
    choice: Choice | None = None
    customer_key: str | None = None
    errands: tuple[Errand, ...] = ()
    ledger: tuple[LedgerEntry, ...] = ()
    refund_outcome: str = "COMPLETED"
    settlement_requested: bool = False
    in_delivery: bool = False
    cancel_outcome: str = "DONE"

    def due_times(self) -> list[datetime]:
        """When the clock has something to do here."""
        times = [errand.at for errand in self.errands]
        return times if self.deadline is None else [self.deadline, *times]


class BillingAuth(msgspec.Struct, kw_only=True):
    """What the customer registered in the billing window, until its authKey is used."""

    auth_key: str
    customer_key: str
    method: str
    card_company: str = "61"
    card_number: str = "4330123412341234"
    card_type: str = "신용"
    owner_type: str = "개인"
    bank_code: str = "92"
    issue_decline_code: str | None = None
    charge_decline_code: str | None = None
    charge_decline_times: int | None = None


class BillingRecord(msgspec.Struct, kw_only=True):
    """An issued billing key with what is registered behind it; kept after its deletion, to be told apart."""

    billing: Billing
    registered: BillingAuth
    deleted: bool = False


class ReceiptRecord(msgspec.Struct, kw_only=True):
    """A cash receipt, or its cancel. An automatic one lives in its payment: `entry` is None then."""

    number: int
    receipt_key: str
    requested_on: str
    due_at: datetime | None
    payment_key: str | None = None
    entry: CashReceiptEntry | None = None
    failure: str | None = None
    canceled_krw: int = 0


class AccountSettings(msgspec.Struct, kw_only=True, rename="camel"):
    """What a merchant sets in Toss's developer centre. `signature_key`: `text` or `hex`, see inferred.py.

    `payout_balance` is what there is to pay out, in KRW; `requests_per_minute` of one endpoint and
    `requests_per_payment` of one payment or order a minute, 0 for no limit.
    """

    version: str = API_VERSION
    signature_key: str
    security_keys: list[str]
    reissued_at: datetime | None = None
    payout_balance: int = 1_000_000
    requests_per_minute: int = 0
    requests_per_payment: int = 0


class StoredReply(msgspec.Struct, kw_only=True, gc=False):
    """The first answer to an Idempotency-Key, to be repeated byte for byte."""

    status: int
    body: bytes
    expires_at: datetime
    content_type: str = "application/json"
    trace_id: str = ""


class Webhook(msgspec.Struct, kw_only=True, rename="camel"):
    """A registered receiver; an empty event list means every event."""

    id: str
    url: str
    events: list[str]
    created_at: datetime


class Attempt(msgspec.Struct, kw_only=True, rename="camel", gc=False):
    """One transmission of a delivery: the answer's status, or why there was none."""

    at: datetime
    status: int | None
    error: str | None


class Delivery(msgspec.Struct, kw_only=True, rename="camel", gc=False):
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
    """A trouble to be played; `times` left, null = until it is deleted; `ends_at` in real time.

    `field` of a body becomes `value`, or goes where there is none.
    """

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
    ends_at: datetime | None = None
    field: str | None = None
    value: Any = msgspec.UNSET


class LoggedRequest(msgspec.Struct, kw_only=True, gc=False):
    """One line of the request log; `status` is None while running and when no answer was sent.

    Bodies stand here as they travelled, cut: they are laid out only when somebody looks.
    """

    at: datetime
    method: str
    path: str
    order_id: str | None
    body: bytes
    idempotency_key: str | None
    status: int | None = None
    code: str | None = None
    answer: bytes | None = None
    replayed: bool = False
    fault: str | None = None


class ClockState(msgspec.Struct, kw_only=True):
    """How an account's clock differs from the real one."""

    offset_s: float = 0.0
    frozen_at: datetime | None = None
