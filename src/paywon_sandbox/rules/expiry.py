"""What the passing of time does to payments (toss/api.md 2)."""

from __future__ import annotations

from datetime import datetime

from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, special
from paywon_sandbox.core.records import PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Failure, Payment
from paywon_sandbox.rules.cancel import finish
from paywon_sandbox.rules.confirm import finish_approval
from paywon_sandbox.rules.ledger import settle
from paywon_sandbox.rules.payouts import move_on
from paywon_sandbox.rules.receipts import answer_of_the_tax_office
from paywon_sandbox.webhooks.events import announce


def sweep(account: Account) -> None:
    """Do and announce what is due on the account's clock."""
    now = account.clock.now()
    for record in account.due(now):
        if record.deadline is not None and record.deadline <= now:
            _reach_deadline(account, record)
        _run_errands(account, record, now)
    for receipt in account.due_receipts(now):
        answer_of_the_tax_office(account, receipt)
    for payout in account.due_payouts(now):
        move_on(account, payout, now)


def _reach_deadline(account: Account, record: PaymentRecord) -> None:
    if record.payment.status in ("READY", "IN_PROGRESS"):
        _expire(account, record)
    elif record.payment.status == "WAITING_FOR_DEPOSIT":
        _pass_due_date(account, record)


def expire(account: Account, payment_key: str) -> Payment:
    """Control door: time runs out for this payment alone. An account falls due now."""
    record = account.payments.get(payment_key)
    if record is None:
        raise TossError("NOT_FOUND_PAYMENT")
    bank_account = record.payment.virtual_account
    if record.deadline is None or (bank_account is not None and record.payment.status != "WAITING_FOR_DEPOSIT"):
        raise TossError("NOT_WAITING")
    if bank_account is not None:
        bank_account.due_date = toss_instant(account.clock.now())
    _reach_deadline(account, record)
    return record.payment


def _run_errands(account: Account, record: PaymentRecord, now: datetime) -> None:
    """No webhook goes with these but with what a foreign wallet says (toss/webhooks.md "What each flow delivers")."""
    due = [errand for errand in record.errands if errand.at <= now]
    if not due:
        return
    record.errands = tuple(errand for errand in record.errands if errand.at > now)
    bank_account = record.payment.virtual_account
    refunds_left = any(errand.kind == "refund" for errand in record.errands)
    for errand in due:
        if errand.kind == "settle":
            settle(record)
        elif errand.kind == "finish_cancel":
            finish(account, record, now)
        elif errand.kind == "finish_approval":
            finish_approval(account, record)
        elif bank_account is not None and errand.kind == "refund":
            # Of several partial refunds the last one ends it.
            bank_account.refund_status = "PENDING" if refunds_left else record.refund_outcome
        elif bank_account is not None:
            bank_account.refund_receive_account = None
    if not refunds_left and any(errand.kind == "refund" for errand in due):
        record.refund_outcome = "COMPLETED"  # what was asked for holds for one end
    account.keep_payment(record)


def _expire(account: Account, record: PaymentRecord) -> None:
    payment = record.payment
    payment.status = "EXPIRED"
    # toss/api.md 2, a real record: these are null again on an expired payment.
    payment.method = payment.use_escrow = payment.secret = None
    code = "EXPIRED_PAYMENT"
    payment.failure = Failure(code=code, message=special("Payment.failure", code))
    record.deadline = None
    account.keep_payment(record)
    announce(account, record)


def _pass_due_date(account: Account, record: PaymentRecord) -> None:
    """The status stays and no webhook is sent (toss/api.md 2 [1src])."""
    assert record.payment.virtual_account is not None
    record.payment.virtual_account.expired = True
    record.deadline = None
    account.keep_payment(record)
