"""What the passing of time does to payments (api.md 2)."""

from __future__ import annotations

from paywon_sandbox.core.errors import special
from paywon_sandbox.core.records import PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Failure
from paywon_sandbox.webhooks.events import announce


def sweep(account: Account) -> None:
    """Expire what is due on the account's clock and announce it."""
    for record in account.due(account.clock.now()):
        if record.payment.status in ("READY", "IN_PROGRESS"):
            _expire(account, record)
        elif record.payment.status == "WAITING_FOR_DEPOSIT":
            _pass_due_date(account, record)


def _expire(account: Account, record: PaymentRecord) -> None:
    payment = record.payment
    payment.status = "EXPIRED"
    # api.md 2, a real record: these are null again on an expired payment.
    payment.method = payment.use_escrow = payment.secret = None
    code = "EXPIRED_PAYMENT"
    payment.failure = Failure(code=code, message=special("Payment.failure", code))
    record.deadline = None
    account.keep_payment(record)
    announce(account, record)


def _pass_due_date(account: Account, record: PaymentRecord) -> None:
    """The status stays and no webhook is sent (api.md 2 [1src])."""
    assert record.payment.virtual_account is not None
    record.payment.virtual_account.expired = True
    record.deadline = None
    account.keep_payment(record)
