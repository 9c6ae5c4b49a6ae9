"""Cash receipts: the automatic ones of payments, and those issued by API (toss/api.md 4 and 10)."""

from __future__ import annotations

import re
from datetime import date, datetime

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, numbered_special
from paywon_sandbox.core.records import PaymentRecord, ReceiptRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import CashReceipt, CashReceiptEntry, Failure
from paywon_sandbox.rules.details import receipt_url
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.terms import RECEIPT_TYPES
from paywon_sandbox.settings import KST, TAX_OFFICE_TIME

BUSINESS_NUMBER = "1234567890"
PAGE_DEFAULT, PAGE_LIMIT = 100, 10_000  # toss/api.md 1.6
_IDENTITY = re.compile(r"[0-9]{1,30}", re.ASCII)


def mask(number: str) -> str:
    """`0101234****`."""
    return f"{number[:-4]}****"


def issue_for_payment(account: Account, record: PaymentRecord, now: datetime, public_url: str) -> None:
    """The automatic receipt, where the customer asked for one and paid in cash; over the whole amount."""
    payment, choice = record.payment, record.choice
    cash = payment.method in (codes.TRANSFER, codes.VIRTUAL_ACCOUNT)
    if choice is None or not choice.cash_receipt_type or not cash:
        return
    payment.cash_receipt = CashReceipt(
        type=choice.cash_receipt_type,
        receipt_key=ids.receipt_key(),
        issue_number=ids.issue_number(),
        receipt_url=f"{receipt_url(payment.payment_key, public_url)}#cash",
        amount=payment.total_amount,
        tax_free_amount=payment.tax_free_amount,
    )
    number = mask(choice.cash_receipt_number)
    money = (payment.total_amount, payment.tax_free_amount)
    _append(account, record, payment.cash_receipt.receipt_key, "CONFIRM", money, number, now)


def cancel_for_payment(account: Account, record: PaymentRecord, money: tuple[int, int], now: datetime) -> str | None:
    """Append the cancel of an automatic receipt; returns its own key, `c_` + original (toss/api.md 10).

    `money` is the amount and what of it is free of tax, in KRW.
    """
    payment = record.payment
    if payment.cash_receipt is None or not payment.cash_receipts:
        return None
    original = payment.cash_receipt.receipt_key
    earlier = sum(entry.receipt_key.startswith(f"c_{original}") for entry in payment.cash_receipts)
    key = _cancel_key(original, earlier)
    _append(account, record, key, "CANCEL", money, payment.cash_receipts[0].customer_identity_number, now)
    return key


def _cancel_key(original: str, earlier: int) -> str:
    """The key of a second partial cancel is undocumented; a number keeps it unique."""
    return f"c_{original}{'' if earlier == 0 else f'_{earlier + 1}'}"


def _append(
    account: Account,
    record: PaymentRecord,
    key: str,
    kind: str,
    money: tuple[int, int],
    masked: str,
    now: datetime,
) -> None:
    payment = record.payment
    receipt = payment.cash_receipt
    assert receipt is not None
    entry = CashReceiptEntry(
        receipt_key=key,
        order_id=payment.order_id,
        order_name=payment.order_name,
        type=receipt.type,
        issue_number=receipt.issue_number,
        receipt_url=receipt.receipt_url,
        business_number=BUSINESS_NUMBER,
        transaction_type=kind,
        amount=money[0],
        tax_free_amount=money[1],
        issue_status="IN_PROGRESS",
        failure=None,
        customer_identity_number=masked,
        requested_at=toss_instant(now),
    )
    payment.cash_receipts = [*(payment.cash_receipts or []), entry]
    _keep(account, key, now, payment_key=payment.payment_key)


def _keep(
    account: Account,
    key: str,
    now: datetime,
    *,
    payment_key: str | None = None,
    entry: CashReceiptEntry | None = None,
) -> None:
    account.keep_receipt(
        ReceiptRecord(
            number=len(account.receipts) + 1,
            receipt_key=key,
            requested_on=now.astimezone(KST).date().isoformat(),
            due_at=now + TAX_OFFICE_TIME,
            payment_key=payment_key,
            entry=entry,
        )
    )


def entry_of(account: Account, record: ReceiptRecord) -> CashReceiptEntry:
    """The receipt itself; an automatic one is looked up in its payment."""
    if record.entry is not None:
        return record.entry
    assert record.payment_key is not None
    entries = account.payments[record.payment_key].payment.cash_receipts or []
    return next(entry for entry in entries if entry.receipt_key == record.receipt_key)


def answer_of_the_tax_office(account: Account, record: ReceiptRecord) -> None:
    """COMPLETED, or FAILED with the reason that was ordered."""
    entry = entry_of(account, record)
    entry.issue_status = "COMPLETED" if record.failure is None else "FAILED"
    if record.failure is not None:
        entry.failure = Failure(code="NTS_ERROR", message=record.failure)
    record.due_at = None
    account.keep_receipt(record)
    if record.payment_key is not None:
        account.keep_payment(account.payments[record.payment_key])


def order_outcome(account: Account, receipt_key: str, params: Params) -> CashReceiptEntry:
    """Control door: what the tax office will answer, COMPLETED or FAILED with a `reason` such as TS1."""
    record = account.receipts.get(receipt_key)
    if record is None:
        raise TossError("NOT_FOUND_RECEIPT")
    outcome = params.text("outcome")
    if record.due_at is None or outcome not in ("COMPLETED", "FAILED"):
        raise TossError("INVALID_REQUEST")
    record.failure = None
    if outcome == "FAILED":
        reason = params.optional_text("reason") or "TS1"
        record.failure = numbered_special("CashReceipt.failure", reason)
        if record.failure is None:
            raise TossError("INVALID_REQUEST")
    account.keep_receipt(record)
    return entry_of(account, record)


class ReceiptRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a receipt; amounts in KRW."""

    amount_krw: int
    tax_free_krw: int
    order_id: str
    order_name: str
    identity: str
    type: str


def read_receipt(params: Params) -> ReceiptRequest:
    """Raises INVALID_REQUEST, INVALID_CASH_RECEIPT_INFO, INVALID_REGISTRATION_NUMBER_TYPE (all inferred)."""
    request = ReceiptRequest(
        amount_krw=params.positive("amount"),
        tax_free_krw=params.not_negative("taxFreeAmount"),
        order_id=params.order_id(),
        order_name=params.text("orderName", longest=100),
        identity=params.text("customerIdentityNumber", longest=30),
        type=params.text("type"),
    )
    if request.type not in RECEIPT_TYPES or not _IDENTITY.fullmatch(request.identity):
        raise TossError("INVALID_CASH_RECEIPT_INFO")
    # toss/codes.md: a business number (10 digits) for 지출증빙 [1src].
    if request.type == "지출증빙" and len(request.identity) != len(BUSINESS_NUMBER):
        raise TossError("INVALID_REGISTRATION_NUMBER_TYPE")
    if request.tax_free_krw > request.amount_krw:
        raise TossError("INVALID_REQUEST")
    return request


def issue(account: Account, request: ReceiptRequest, public_url: str) -> CashReceiptEntry:
    """One receipt for an order; a second one is refused while the first stands."""
    for record in account.receipts.values():
        found = entry_of(account, record)
        standing = found.transaction_type == "CONFIRM" and found.issue_status != "FAILED"
        if found.order_id == request.order_id and standing and record.canceled_krw < found.amount:
            raise TossError("DUPLICATED_CASH_RECEIPT")
    now = account.clock.now()
    entry = CashReceiptEntry(
        receipt_key=ids.receipt_key(),
        order_id=request.order_id,
        order_name=request.order_name,
        type=request.type,
        issue_number=ids.issue_number(),
        receipt_url=f"{receipt_url(request.order_id, public_url)}#cash",
        business_number=BUSINESS_NUMBER,
        transaction_type="CONFIRM",
        amount=request.amount_krw,
        tax_free_amount=request.tax_free_krw,
        issue_status="IN_PROGRESS",
        failure=None,
        customer_identity_number=mask(request.identity),
        requested_at=toss_instant(now),
    )
    _keep(account, entry.receipt_key, now, entry=entry)
    return entry


def cancel(account: Account, receipt_key: str, amount_krw: int | None) -> CashReceiptEntry:
    """All or a part of a receipt issued by API, as an object of its own."""
    record = account.receipts.get(receipt_key)
    if record is None:
        raise TossError("NOT_FOUND_RECEIPT")
    entry = record.entry
    if entry is None or entry.transaction_type == "CANCEL" or entry.issue_status == "FAILED":
        raise TossError(inferred.RECEIPT_NOT_CANCELABLE)
    left = entry.amount - record.canceled_krw
    wanted = left if amount_krw is None else amount_krw
    if left == 0 or wanted > left:
        raise TossError(inferred.RECEIPT_NOT_CANCELABLE)
    now = account.clock.now()
    earlier = sum(key.startswith(f"c_{receipt_key}") for key in account.receipts)
    gone = msgspec.structs.replace(
        entry,
        receipt_key=_cancel_key(receipt_key, earlier),
        issue_number=ids.issue_number(),
        transaction_type="CANCEL",
        issue_status="IN_PROGRESS",
        amount=wanted,
        tax_free_amount=_tax_free_until(record, wanted) - _tax_free_until(record, 0),
        requested_at=toss_instant(now),
    )
    record.canceled_krw += wanted
    account.keep_receipt(record)
    _keep(account, gone.receipt_key, now, entry=gone)
    return gone


def _tax_free_until(record: ReceiptRecord, more_krw: int) -> int:
    """How much of a receipt's tax-free part is cancelled with that much more: first, nobody says (toss/api.md 10)."""
    assert record.entry is not None
    return min(record.entry.tax_free_amount, record.canceled_krw + more_krw)


def page(account: Account, params: Params) -> dict[str, object]:
    """`{hasNext, lastCursor, data}` of one day, after `cursor` (toss/api.md 1.6)."""
    day = _day(params.naming_missing("INVALID_REQUIRED_PARAM").text("requestDate"))
    cursor = params.whole("cursor", 0, code="INVALID_PAGING_KEY")
    limit = params.page_limit("limit", PAGE_DEFAULT, PAGE_LIMIT)
    found = [
        record
        for record in account.receipts.values()
        if record.requested_on == day
        and record.number > cursor
        and (record.entry is not None or inferred.LIST_AUTOMATIC_RECEIPTS)
    ]
    shown = found[:limit]
    return {
        "hasNext": len(found) > limit,
        "lastCursor": shown[-1].number if shown else cursor,
        "data": [entry_of(account, record) for record in shown],
    }


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as problem:
        raise TossError("INVALID_DATE") from problem
