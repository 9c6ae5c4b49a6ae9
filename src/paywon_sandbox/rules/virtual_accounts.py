"""Virtual accounts: issue without a window, deposit, reversal (toss/api.md 2 and 6)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.records import Choice, Errand, PaymentRecord
from paywon_sandbox.core.store import Account, Store
from paywon_sandbox.core.values import Payment, Url, VirtualAccount
from paywon_sandbox.rules.create import CreateRequest, create_payment, read_order
from paywon_sandbox.rules.details import receipt_url
from paywon_sandbox.rules.ledger import book
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.receipts import cancel_for_payment, issue_for_payment
from paywon_sandbox.rules.terms import NO_RECEIPT, RECEIPT_TYPES, due_at, read_due_date, read_escrow, read_valid_hours
from paywon_sandbox.settings import MINIMUM_ACCOUNT_KRW, REFUND_ACCOUNT_SHOWN
from paywon_sandbox.webhooks.events import announce

REFUND_OUTCOMES = ("COMPLETED", "FAILED", "PARTIAL_FAILED")
_ACCOUNT_TYPES = {"일반": "일반", "NORMAL": "일반", "고정": "고정", "FIXED": "고정"}


class IssueRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of an account to issue."""

    order: CreateRequest
    customer_name: str
    bank_code: str
    account_key: str | None
    valid_hours: int | None
    due_date: datetime | None
    use_escrow: bool
    cash_receipt_type: str | None
    cash_receipt_number: str


def read_issue(params: Params) -> IssueRequest:
    """Raises the codes of toss/api.md 6."""
    receipt_type, receipt_number = _read_cash_receipt(params.child("cashReceipt"))
    params.email()
    params.pattern("customerMobilePhone", r"[0-9]{8,15}")
    bank = codes.institution(codes.BANKS, params.text("bank", longest=20))
    if bank not in codes.VIRTUAL_ACCOUNT_BANKS:
        raise TossError("INVALID_BANK")
    request = IssueRequest(
        order=read_order(params),
        customer_name=params.text("customerName", longest=100),
        bank_code=bank,
        account_key=_read_account_key(params),
        valid_hours=read_valid_hours(params),
        due_date=read_due_date(params),
        use_escrow=read_escrow(params),
        cash_receipt_type=receipt_type,
        cash_receipt_number=receipt_number,
    )
    if request.order.amount < MINIMUM_ACCOUNT_KRW:
        raise TossError(inferred.ACCOUNT_BELOW_MINIMUM)
    return request


def _read_account_key(params: Params) -> str | None:
    """Only a 고정 account has one. A real request gave it without accountType and got 고정 (toss/api.md 6 [1src])."""
    key = params.optional_text("accountKey", longest=13)
    wanted = params.optional_text("accountType") or ("고정" if key else "일반")
    if wanted not in _ACCOUNT_TYPES:
        raise TossError("INVALID_VIRTUAL_ACCOUNT_TYPE")
    if _ACCOUNT_TYPES[wanted] == "일반":
        return None
    if not key:
        raise TossError("REQUIRED_ACCOUNT_KEY")
    return key


def _read_cash_receipt(receipt: Params | None) -> tuple[str | None, str]:
    if receipt is None:
        return None, ""
    wanted = receipt.text("type")
    if wanted == NO_RECEIPT:
        return None, ""
    if wanted not in RECEIPT_TYPES:
        raise TossError("INVALID_REGISTRATION_NUMBER_TYPE")
    return wanted, receipt.required_pattern("registrationNumber", r"[0-9]{5,30}", code="INVALID_REQUEST")


def issue(store: Store, account: Account, request: IssueRequest, public_url: str) -> PaymentRecord:
    """An account for an order, at once in WAITING_FOR_DEPOSIT."""
    now = account.clock.now()
    due = due_at(now, request.valid_hours, request.due_date)
    record = create_payment(store, account, request.order, public_url)
    payment = record.payment
    record.choice = Choice(
        method=codes.VIRTUAL_ACCOUNT,
        customer_name=request.customer_name,
        cash_receipt_type=request.cash_receipt_type,
        cash_receipt_number=request.cash_receipt_number,
    )
    payment.method = codes.VIRTUAL_ACCOUNT
    payment.secret = ids.payment_secret()
    payment.use_escrow = request.use_escrow
    payment.is_partial_cancelable = not request.use_escrow  # toss/api.md 15
    payment.last_transaction_key = ids.transaction_key(codes.VIRTUAL_ACCOUNT)
    payment.receipt = Url(url=receipt_url(payment.payment_key, public_url))
    payment.virtual_account = _new_account(request, due)
    wait_for_deposit(account, record, now)
    account.keep_payment(record)
    announce(account, record)
    return record


def _new_account(request: IssueRequest, due: datetime) -> VirtualAccount:
    key = request.account_key
    return VirtualAccount(
        account_number=ids.fixed_account_number(key, request.bank_code) if key else ids.account_number(),
        account_type="고정" if key else "일반",
        bank_code=request.bank_code,
        customer_name=request.customer_name,
        due_date=toss_instant(due),
    )


def wait_for_deposit(account: Account, record: PaymentRecord, now: datetime) -> None:
    """Approved and receipted only when the money comes (toss/api.md 2); the due date is the next deadline."""
    bank_account = record.payment.virtual_account
    assert bank_account is not None
    record.payment.status = "WAITING_FOR_DEPOSIT"
    record.deadline = datetime.fromisoformat(bank_account.due_date)
    if bank_account.refund_receive_account is not None:
        record.errands += (Errand(at=now + REFUND_ACCOUNT_SHOWN, kind="hide_refund_account"),)
    book(account, record, 0, now)


def of_order(account: Account, order_id: str) -> tuple[PaymentRecord, VirtualAccount]:
    """The account of an order. Raises NOT_FOUND_PAYMENT."""
    record = account.payment_of_order(order_id)
    if record is None or record.payment.virtual_account is None:
        raise TossError("NOT_FOUND_PAYMENT")
    return record, record.payment.virtual_account


def deposit(account: Account, order_id: str, params: Params, public_url: str) -> Payment:
    """Control door: the customer pays in. The amount must fit exactly; the name need not (toss/api.md 6 [2src])."""
    record, bank_account = of_order(account, order_id)
    payment = record.payment
    amount_krw = params.optional_positive("amount")
    if payment.status != "WAITING_FOR_DEPOSIT":
        raise TossError("NOT_WAITING_FOR_DEPOSIT")
    if bank_account.expired:
        raise TossError("ACCOUNT_EXPIRED")
    if amount_krw not in (None, payment.total_amount):
        raise TossError("DEPOSIT_AMOUNT_DIFFERS")
    now = account.clock.now()
    payment.status = "DONE"
    payment.approved_at = toss_instant(now)
    payment.last_transaction_key = ids.transaction_key(codes.VIRTUAL_ACCOUNT)
    bank_account.depositor_name = params.optional_text("depositorName", longest=100) or bank_account.customer_name
    record.approved_at = now
    record.deadline = None
    book(account, record, payment.total_amount, now)
    issue_for_payment(account, record, now, public_url)
    account.keep_payment(record)
    announce(account, record)
    return payment


def reverse(account: Account, order_id: str) -> Payment:
    """Control door: the bank takes its notice of a deposit back, DONE → WAITING_FOR_DEPOSIT (toss/webhooks.md)."""
    record, bank_account = of_order(account, order_id)
    payment = record.payment
    if payment.status != "DONE":
        raise TossError("NOT_DEPOSITED")
    now = account.clock.now()
    cancel_for_payment(account, record, (payment.total_amount, payment.tax_free_amount), now)
    payment.status = "WAITING_FOR_DEPOSIT"
    payment.approved_at = payment.cash_receipt = bank_account.depositor_name = None
    payment.last_transaction_key = ids.transaction_key(codes.VIRTUAL_ACCOUNT)
    bank_account.settlement_status = "INCOMPLETED"
    record.approved_at = None
    record.errands = tuple(errand for errand in record.errands if errand.kind != "settle")
    record.deadline = datetime.fromisoformat(bank_account.due_date)
    book(account, record, -payment.total_amount, now)
    account.keep_payment(record)
    announce(account, record, callback_only=not inferred.REVERSAL_SENDS_PAYMENT_STATUS_CHANGED)
    return payment


def order_refund_outcome(account: Account, order_id: str, params: Params) -> Payment:
    """Control door: how the next or pending refund ends when its two days are over."""
    record, _ = of_order(account, order_id)
    outcome = params.text("outcome")
    if outcome not in REFUND_OUTCOMES:
        raise TossError("INVALID_REQUEST")
    record.refund_outcome = outcome
    account.keep_payment(record)
    return record.payment
