"""`GET /v1/transactions` and `GET|POST /v1/settlements`, read from the ledger (toss/api.md 8 and 9)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime
from itertools import islice

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.money import as_number
from paywon_sandbox.core.records import LedgerEntry, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Cancel, Payment, Settlement, SettlementFee, Transaction, VirtualAccount
from paywon_sandbox.rules.ledger import fee, pay_out_date
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import KST

PAGE_DEFAULT, PAGE_LIMIT = 100, 5000  # toss/api.md 1.6
_DATE_TYPES = ("soldDate", "paidOutDate")


def transactions(account: Account, params: Params, lag_ms: int | None = None) -> list[Transaction]:
    """Rows of a range, both ends included, after `startingAfter`; those of `lag_ms` ago, if it lags behind."""
    start, end = _instant(params, "startDate"), _instant(params, "endDate")
    if start > end:
        raise TossError(inferred.BAD_RANGE)
    limit = params.page_limit("limit", PAGE_DEFAULT, PAGE_LIMIT)
    after = params.optional_text("startingAfter", code="INVALID_TRANSACTION_KEY")
    first = bisect_left(account.ledger, start, key=_shown_at)
    last = bisect_right(account.ledger, end, key=_shown_at)
    if after is not None:
        first = max(first, _position(account, after) + 1)
    found = islice(account.ledger, first, last)
    rows = (item for item in found if lag_ms is None or _was_there(account, *item, lag_ms))
    return [_transaction(record, entry) for entry, record in islice(rows, limit)]


def _was_there(account: Account, entry: LedgerEntry, record: PaymentRecord, lag_ms: int) -> bool:
    return entry in record.ledger[: account.past.transactions(record, lag_ms)]


def _shown_at(item: tuple[LedgerEntry, PaymentRecord]) -> datetime:
    """What a client compares with: transactionAt has whole seconds."""
    return item[0].at.replace(microsecond=0)


def _instant(params: Params, name: str) -> datetime:
    """With or without milliseconds, or a bare date for 00:00:00 (toss/api.md 8); KST without an offset."""
    text = params.naming_missing(inferred.BAD_RANGE).text(name, code="INVALID_DATE")
    try:
        # A `+` of an offset arrives as a space when the client did not encode it.
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as problem:
        raise TossError("INVALID_DATE") from problem
    return at if at.tzinfo else at.replace(tzinfo=KST)


def _position(account: Account, transaction_key: str) -> int:
    for index, (entry, _) in enumerate(account.ledger):
        if entry.transaction_key == transaction_key:
            return index
    raise TossError("INVALID_TRANSACTION_KEY")


def _transaction(record: PaymentRecord, entry: LedgerEntry) -> Transaction:
    payment = record.payment
    moved = entry.moved if inferred.NEGATIVE_CANCEL_TRANSACTIONS else abs(entry.moved)
    return Transaction(
        m_id=payment.m_id,
        transaction_key=entry.transaction_key,
        payment_key=payment.payment_key,
        order_id=payment.order_id,
        method=payment.method,
        customer_key=record.customer_key,
        use_escrow=payment.use_escrow,
        receipt_url=payment.receipt.url if payment.receipt else None,
        status=entry.status,
        transaction_at=toss_instant(entry.at),
        currency=payment.currency,
        amount=as_number(moved, payment.currency),
    )


def settlements(account: Account, params: Params) -> list[Settlement]:
    """Rows whose soldDate or paidOutDate is in the range; a day's rows exist from the day after (toss/api.md 9).

    PayPal has no settlement API (toss/api.md 14), so dollars are not here.
    """
    start, end = _date(params, "startDate"), _date(params, "endDate")
    if start > end:
        raise TossError(inferred.BAD_RANGE)
    by = params.optional_text("dateType") or "soldDate"
    if by not in _DATE_TYPES:
        raise TossError("INVALID_REQUEST")
    page, size = params.whole("page", 1), params.page_limit("size", PAGE_DEFAULT, PAGE_LIMIT)
    if page < 1:
        raise TossError("INVALID_REQUEST")
    today = account.clock.now().astimezone(KST).date()
    found = []
    for entry, record in account.ledger:
        sold_on = entry.at.astimezone(KST).date()
        day = sold_on if by == "soldDate" else pay_out_date(sold_on)
        sold = entry.moved != 0 and record.payment.currency == "KRW"
        if sold and sold_on < today and start <= day <= end:
            found.append((day, entry, record))
    found.sort(key=lambda row: row[0])
    shown = found[(page - 1) * size : page * size]
    return [_settlement(record, entry, today) for _, entry, record in shown]


def _date(params: Params, name: str) -> date:
    text = params.naming_missing(inferred.BAD_RANGE).text(name, code="INVALID_DATE")
    try:
        return date.fromisoformat(text)
    except ValueError as problem:
        raise TossError("INVALID_DATE") from problem


def _settlement(record: PaymentRecord, entry: LedgerEntry, today: date) -> Settlement:
    payment = record.payment
    supply, vat = _fee_of(payment.method, entry)
    sold_on = entry.at.astimezone(KST).date()
    paid_out_on = pay_out_date(sold_on)
    return Settlement(
        m_id=payment.m_id,
        payment_key=payment.payment_key,
        transaction_key=entry.transaction_key,
        order_id=payment.order_id,
        currency=payment.currency,
        method=payment.method,
        amount=entry.moved,
        fee=supply + vat,
        fees=[SettlementFee(fee=supply + vat)],
        supply_amount=supply,
        vat=vat,
        pay_out_amount=entry.moved - supply - vat,
        approved_at=entry.approved_at,
        sold_date=sold_on.isoformat(),
        paid_out_date=paid_out_on.isoformat(),
        card=payment.card,
        easy_pay=payment.easy_pay,
        gift_certificate=payment.gift_certificate,
        mobile_phone=payment.mobile_phone,
        transfer=payment.transfer,
        virtual_account=_as_settled(payment.virtual_account, paid_out=paid_out_on <= today),
        cancel=_cancel_of(payment, entry),
    )


def _fee_of(method: str | None, entry: LedgerEntry) -> tuple[int, int]:
    """The difference that this movement makes, so that a payment's rows add up however it was cancelled."""
    supply_before, vat_before = fee(method, entry.balance - entry.moved)
    supply, vat = fee(method, entry.balance)
    return supply - supply_before, vat - vat_before


def _as_settled(bank_account: VirtualAccount | None, *, paid_out: bool) -> VirtualAccount | None:
    if bank_account is None or not paid_out:
        return bank_account
    return msgspec.structs.replace(bank_account, settlement_status="COMPLETED")


def _cancel_of(payment: Payment, entry: LedgerEntry) -> Cancel | None:
    cancels = payment.cancels or []
    return next((item for item in cancels if item.transaction_key == entry.transaction_key), None)


def request_settlement(account: Account, payment_key: str) -> dict[str, bool]:
    """`POST /v1/settlements`: once for each payment that holds money (manual settlement contract)."""
    record = account.payments.get(payment_key)
    if record is None:
        raise TossError("NOT_FOUND_PAYMENT")
    if record.payment.method is None:
        raise TossError("NOT_FOUND_METHOD")
    holds_money = record.approved_at is not None and record.payment.balance_amount > 0
    if record.settlement_requested or not holds_money:
        raise TossError(inferred.SETTLEMENT_REFUSED)
    record.settlement_requested = True
    account.keep_payment(record)
    return {"result": True}
