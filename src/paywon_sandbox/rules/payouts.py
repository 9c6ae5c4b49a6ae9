"""Payouts v2 (toss/api.md 13), and the clock that moves payouts of both versions on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, find, texts
from paywon_sandbox.core.payouts import Amount, AnyPayoutRecord, Balance, Payout, PayoutRecord, SellerRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Failure
from paywon_sandbox.rules import sellers
from paywon_sandbox.rules.calendar import at_hour, is_business_day, next_opening
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import (
    EXPRESS_HOURS,
    KST,
    LONGEST_PAYOUT_SCHEDULE,
    MAX_PAYOUTS,
    PARTIALLY_APPROVED_WEEKLY_KRW,
)
from paywon_sandbox.webhooks.events import announce_payout

LIVE = frozenset({"REQUESTED", "IN_PROGRESS"})
GONE = frozenset({"FAILED", "CANCELED"})


class PayoutRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of one payout; no date for EXPRESS."""

    ref_payout_id: str
    destination: str
    day: date | None
    amount_krw: int
    description: str | None
    metadata: dict[str, str] | None


def read_requests(wishes: list[Params]) -> list[PayoutRequest]:
    """One payout or as many as 100 at once (toss/api.md 13)."""
    if not 1 <= len(wishes) <= MAX_PAYOUTS:
        raise TossError("INVALID_REQUEST")
    return [_read_request(params) for params in wishes]


def _read_request(params: Params) -> PayoutRequest:
    amount = params.child("amount")
    if amount is None:
        raise TossError("INVALID_REQUEST")
    if amount.text("currency") != "KRW":
        raise TossError("INVALID_CURRENCY")
    kind = params.text("scheduleType")
    if kind not in ("EXPRESS", "SCHEDULED"):
        raise TossError("INVALID_REQUEST")
    return PayoutRequest(
        ref_payout_id=params.text("refPayoutId", longest=64),
        destination=params.text("destination", longest=35),
        day=read_payout_date(params) if kind == "SCHEDULED" else None,
        amount_krw=amount.positive("value"),
        description=params.optional_text("transactionDescription", longest=7),
        metadata=params.metadata(),
    )


def read_payout_date(params: Params) -> date:
    """`payoutDate`, yyyy-MM-dd."""
    try:
        return date.fromisoformat(params.text("payoutDate", code="INVALID_PAYABLE_DATE"))
    except ValueError as problem:
        raise TossError("INVALID_PAYABLE_DATE") from problem


def request(account: Account, wishes: list[PayoutRequest]) -> list[Payout]:
    """All of them or none: existence, then state, then amounts."""
    now = account.clock.now()
    found = [sellers.find(account, wish.destination) for wish in wishes]
    _refuse_known(account, [wish.ref_payout_id for wish in wishes])
    for wish, seller in zip(wishes, found, strict=True):
        if seller.seller.status not in inferred.PAYABLE_SELLERS:
            raise TossError(inferred.SELLER_NOT_PAYABLE)
        if wish.day is not None:
            check_payout_date(wish.day, now)
    refuse_above_balance(account, sum(wish.amount_krw for wish in wishes))
    for seller in {record.seller.id: record for record in found}.values():
        asked = sum(wish.amount_krw for wish in wishes if wish.destination == seller.seller.id)
        _refuse_above_weekly_limit(account, seller, asked, now)
    records = [_record(account, wish, now) for wish in wishes]
    for record in records:
        account.keep_payout(record)
    return [record.payout for record in records]


def _refuse_known(account: Account, wanted: list[str]) -> None:
    known = {record.payout.ref_payout_id for record in of_v2(account)}
    if len(set(wanted)) < len(wanted) or known & set(wanted):
        raise TossError(inferred.KNOWN_PAYOUT)


def check_payout_date(day: date, now: datetime) -> None:
    """A business day after today, within a year (toss/api.md 13)."""
    today = now.astimezone(KST).date()
    if not today < day <= today + LONGEST_PAYOUT_SCHEDULE:
        raise TossError("INVALID_PAYABLE_DATE")
    if not is_business_day(day):
        raise TossError("NOT_ALLOWED_HOLIDAY")


def refuse_above_balance(account: Account, asked_krw: int) -> None:
    """Raises NOT_ENOUGH_AMOUNT."""
    if asked_krw > available_krw(account):
        raise TossError("NOT_ENOUGH_AMOUNT")


def _refuse_above_weekly_limit(account: Account, record: SellerRecord, asked_krw: int, now: datetime) -> None:
    """Above 10 million KRW a week a partially approved seller has to be known better: KYC_REQUIRED (toss/api.md 13)."""
    if record.seller.status != "PARTIALLY_APPROVED":
        return
    week = _week(now)
    sent = sum(
        payout.amount_krw
        for payout in of_v2(account)
        if payout.payout.destination == record.seller.id
        and payout.payout.status not in GONE
        and _week(datetime.fromisoformat(payout.payout.requested_at)) == week
    )
    if sent + asked_krw > PARTIALLY_APPROVED_WEEKLY_KRW:
        sellers.set_status(account, record, "KYC_REQUIRED")
        raise TossError(inferred.SELLER_NOT_PAYABLE)


def _week(at: datetime) -> tuple[int, int]:
    year, week, _ = at.astimezone(KST).isocalendar()
    return year, week


def _record(account: Account, wish: PayoutRequest, now: datetime) -> PayoutRecord:
    starts_at = schedule(wish.day, now)
    payout = Payout(
        id=ids.payout_id(),
        ref_payout_id=wish.ref_payout_id,
        destination=wish.destination,
        schedule_type="EXPRESS" if wish.day is None else "SCHEDULED",
        payout_date=starts_at.astimezone(KST).date().isoformat(),
        amount=Amount(value=float(wish.amount_krw)),
        transaction_description=wish.description,
        requested_at=toss_instant(now),
        metadata=wish.metadata,
    )
    return PayoutRecord(
        number=account.next_number(),
        payout=payout,
        amount_krw=wish.amount_krw,
        starts_at=starts_at,
        ends_at=starts_at + inferred.PAYOUT_TIME,
    )


def schedule(day: date | None, now: datetime) -> datetime:
    """When the bank is asked: on the day that was named, or soon within the express hours."""
    opens, closes = EXPRESS_HOURS
    if day is not None:
        return at_hour(day, inferred.SCHEDULED_PAYOUT_HOUR)
    return next_opening(now, opens, closes) + inferred.EXPRESS_PICKUP


def of_v2(account: Account) -> Iterable[PayoutRecord]:
    """Payouts of this version."""
    return (record for record in account.payouts.values() if isinstance(record, PayoutRecord))


def listed(account: Account) -> dict[str, Payout]:
    """Every payout by its id, oldest first."""
    return {record.id: record.payout for record in of_v2(account)}


def find_payout(account: Account, payout_id: str) -> PayoutRecord:
    """Raises PAYOUT_NOT_FOUND."""
    record = account.payouts.get(payout_id)
    if not isinstance(record, PayoutRecord):
        raise TossError("PAYOUT_NOT_FOUND")
    return record


def cancel(account: Account, payout_id: str) -> Payout:
    """Only while REQUESTED (toss/api.md 13). No event tells of it."""
    record = find_payout(account, payout_id)
    if record.payout.status != "REQUESTED":
        raise TossError(inferred.PAYOUT_NOT_CANCELABLE)
    record.payout.status = "CANCELED"
    account.keep_payout(record)
    return record.payout


def balance(account: Account) -> Balance:
    """What the merchant may pay out; the control door sets how much there is."""
    pending = sum(record.amount_krw for record in account.payouts.values() if record.payout.status in LIVE)
    return Balance(pending_amount=Amount(value=pending), available_amount=Amount(value=available_krw(account)))


def available_krw(account: Account) -> int:
    """What is not paid out and not asked for."""
    taken = sum(record.amount_krw for record in account.payouts.values() if record.payout.status not in GONE)
    return account.settings.payout_balance - taken


def order_outcome(account: Account, payout_id: str, params: Params) -> object:
    """Control door: how a payout of either version will end: COMPLETED, or FAILED with `code`."""
    record = account.payouts.get(payout_id)
    if record is None:
        raise TossError("PAYOUT_NOT_FOUND")
    outcome = params.text("outcome")
    code = params.optional_text("code", longest=100) or inferred.PAYOUT_FAILURE
    if outcome not in ("COMPLETED", "FAILED") or record.payout.status not in LIVE or find("*", code) is None:
        raise TossError("INVALID_REQUEST")
    record.failure_code = code if outcome == "FAILED" else None
    account.keep_payout(record)
    return record.payout


def move_on(account: Account, record: AnyPayoutRecord, now: datetime) -> None:
    """What the clock does: REQUESTED → IN_PROGRESS → COMPLETED or FAILED; only an end is told (toss/webhooks.md)."""
    record.payout.status = "IN_PROGRESS"
    if record.ends_at <= now:
        record.payout.status = "COMPLETED" if record.failure_code is None else "FAILED"
        if record.failure_code is not None:
            record.fail(Failure(code=record.failure_code, message=texts("*", record.failure_code)[0]))
    account.keep_payout(record)
    if isinstance(record, PayoutRecord) and record.payout.status != "IN_PROGRESS":
        announce_payout(account, record.payout)
