"""Toss's objects of the payout products (toss/api.md 12 and 13), and what the sandbox keeps beside them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox.core.values import Failure, Wire


class Company(Wire, kw_only=True):
    """A seller with a business registration."""

    name: str
    representative_name: str
    business_registration_number: str
    email: str
    phone: str


class Individual(Wire, kw_only=True):
    """A seller without one."""

    name: str
    email: str
    phone: str


class PayoutAccount(Wire, kw_only=True):
    """Where the money goes; the number is masked in answers, `123*****90123`."""

    bank_code: str
    account_number: str
    holder_name: str


class Seller(Wire, kw_only=True):
    """A seller of payouts v2."""

    id: str
    ref_seller_id: str
    business_type: str
    company: Company | None
    individual: Individual | None
    account: PayoutAccount
    status: str
    metadata: dict[str, str] | None


class Amount(Wire, kw_only=True):
    """An amount of payouts v2. A payout's has a point in the published samples, a balance's has none."""

    currency: str = "KRW"
    value: int | float


class Balance(Wire, kw_only=True):
    """What is asked for and not yet paid, and what may still be asked for."""

    pending_amount: Amount
    available_amount: Amount


class Payout(Wire, kw_only=True):
    """A payout of payouts v2."""

    id: str
    ref_payout_id: str
    destination: str
    schedule_type: str
    payout_date: str
    amount: Amount
    transaction_description: str | None
    requested_at: str
    status: str = "REQUESTED"
    error: Failure | None = None
    metadata: dict[str, str] | None


class Submall(Wire, kw_only=True):
    """A sub-mall of payouts v1."""

    sub_mall_id: str
    type: str
    status: str
    company_name: str | None
    representative_name: str
    business_number: str | None
    account: PayoutAccount
    email: str
    phone_number: str
    metadata: dict[str, str] | None


class SubmallPayout(Wire, kw_only=True):
    """A payout of payouts v1."""

    payout_key: str
    request_id: str | None
    sub_mall_id: str
    payout_date: str
    payout_amount: int
    account: PayoutAccount
    requested_at: str
    status: str = "REQUESTED"
    failure: Failure | None = None
    transfer_summary: str | None
    metadata: dict[str, str] | None


class SellerRecord(msgspec.Struct, kw_only=True):
    """A seller; kept after its deletion, because its refSellerId cannot be used again."""

    number: int
    seller: Seller
    deleted: bool = False


class SubmallRecord(msgspec.Struct, kw_only=True):
    """A sub-mall; gone for good when deleted."""

    number: int
    submall: Submall


class ScheduledRecord(msgspec.Struct, kw_only=True):
    """What both kinds of payout have: when the clock moves them on, and how they end.

    `failure_code` is what it will end with, None for COMPLETED.
    """

    number: int
    amount_krw: int
    starts_at: datetime
    ends_at: datetime
    failure_code: str | None = None


class PayoutRecord(ScheduledRecord, kw_only=True):
    """A payout of v2."""

    payout: Payout

    @property
    def id(self) -> str:
        """What Toss calls it."""
        return self.payout.id

    def fail(self, failure: Failure) -> None:
        """Say why it has failed."""
        self.payout.error = failure


class SubmallPayoutRecord(ScheduledRecord, kw_only=True):
    """A payout of v1."""

    payout: SubmallPayout

    @property
    def id(self) -> str:
        """What Toss calls it."""
        return self.payout.payout_key

    def fail(self, failure: Failure) -> None:
        """Say why it has failed."""
        self.payout.failure = failure


AnyPayoutRecord = PayoutRecord | SubmallPayoutRecord


def next_step(record: AnyPayoutRecord) -> datetime | None:
    """When the clock moves a payout on; None when it has ended."""
    return {"REQUESTED": record.starts_at, "IN_PROGRESS": record.ends_at}.get(record.payout.status)
