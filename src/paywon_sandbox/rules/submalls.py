"""Payouts v1 with its sub-malls: frozen at Toss (toss/api.md 12)."""

from __future__ import annotations

from paywon_sandbox import inferred
from paywon_sandbox.core import ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.payouts import Submall, SubmallPayout, SubmallPayoutRecord, SubmallRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.payouts import (
    available_krw,
    check_payout_date,
    read_payout_date,
    refuse_above_balance,
    schedule,
)
from paywon_sandbox.rules.sellers import read_account
from paywon_sandbox.settings import MAX_PAYOUTS

TYPES = ("CORPORATE", "INDIVIDUAL")
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"


def listed(account: Account) -> list[Submall]:
    """Every sub-mall, oldest first."""
    return [record.submall for record in account.submalls.values()]


def register(account: Account, params: Params) -> Submall:
    """A new sub-mall under an id of the merchant's: letters and digits, up to 20 (site-wide error text)."""
    submall_id = params.required_pattern("subMallId", r"[A-Za-z0-9]{1,20}", code="INVALID_SUBMALL_ID")
    submall = _read(submall_id, params)
    if submall_id in account.submalls:
        raise TossError("ALREADY_EXIST_SUBMALL")
    account.keep_submall(SubmallRecord(number=account.next_number(), submall=submall))
    return submall


def edit(account: Account, submall_id: str, params: Params) -> Submall:
    """All of it anew; the id stays."""
    submall = _read(submall_id, params)
    record = _find(account, submall_id)
    record.submall = submall
    account.keep_submall(record)
    return submall


def delete(account: Account, submall_id: str) -> Submall:
    """What was deleted."""
    submall = _find(account, submall_id).submall
    account.drop_submall(submall_id)
    return submall


def balance(account: Account) -> dict[str, int]:
    """The same money as that of payouts v2."""
    return {"balance": available_krw(account)}


def request(account: Account, wishes: list[Params]) -> list[SubmallPayout]:
    """Payouts to sub-malls, all or none."""
    if not 1 <= len(wishes) <= MAX_PAYOUTS:
        raise TossError("INVALID_REQUEST")
    records = [_read_payout(account, params) for params in wishes]
    refuse_above_balance(account, sum(record.amount_krw for record in records))
    for record in records:
        account.keep_payout(record)
    return [record.payout for record in records]


def _read_payout(account: Account, params: Params) -> SubmallPayoutRecord:
    now = account.clock.now()
    amount_krw, day = params.positive("payoutAmount"), read_payout_date(params)
    submall = _find(account, params.text("subMallId", longest=20))
    check_payout_date(day, now)
    payout = SubmallPayout(
        payout_key=ids.payout_id(),
        request_id=params.optional_text("requestId", longest=64),
        sub_mall_id=submall.submall.sub_mall_id,
        payout_date=day.isoformat(),
        payout_amount=amount_krw,
        account=submall.submall.account,
        requested_at=toss_instant(now),
        transfer_summary=params.optional_text("transferSummary"),
        metadata=params.metadata(),
    )
    starts_at = schedule(day, now)
    return SubmallPayoutRecord(
        number=account.next_number(),
        payout=payout,
        amount_krw=amount_krw,
        starts_at=starts_at,
        ends_at=starts_at + inferred.PAYOUT_TIME,
    )


def _find(account: Account, submall_id: str) -> SubmallRecord:
    record = account.submalls.get(submall_id)
    if record is None:
        raise TossError("NOT_FOUND_SUBMALL")
    return record


def _read(submall_id: str, params: Params) -> Submall:
    kind = params.text("type")
    if kind not in TYPES:
        raise TossError("INVALID_REQUEST")
    business_number = params.pattern("businessNumber", r"[0-9]{10}", code="INVALID_BUSINESS_NUMBER")
    if kind == "CORPORATE" and business_number is None:
        raise TossError("INVALID_BUSINESS_NUMBER")
    return Submall(
        sub_mall_id=submall_id,
        type=kind,
        status=inferred.SUBMALL_STATUS,
        company_name=params.optional_text("companyName", longest=100),
        representative_name=params.text("representativeName", longest=100),
        business_number=business_number,
        account=read_account(params.child("account")),
        email=params.required_pattern("email", _EMAIL, code="INVALID_REQUEST"),
        phone_number=params.required_pattern("phoneNumber", r"[0-9]{8,15}", code="INVALID_REQUEST"),
        metadata=params.metadata(),
    )
