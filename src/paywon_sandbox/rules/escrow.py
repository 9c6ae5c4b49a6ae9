"""Escrow: no partial cancels, and none at all while the goods travel (toss/api.md 5.4 and 15)."""

from __future__ import annotations

from paywon_sandbox.core import codes
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.records import Choice
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import Payment

METHODS = (codes.CARD, codes.TRANSFER, codes.VIRTUAL_ACCOUNT)


def protect(payment: Payment, choice: Choice) -> None:
    """As the customer or the shop chose."""
    if choice.use_escrow and choice.method in METHODS:
        payment.use_escrow, payment.is_partial_cancelable = True, False


def deliver(account: Account, payment_key: str, *, received: bool) -> Payment:
    """Control door: the goods are on their way, or the customer says they came. Toss has no API for it in its core."""
    record = account.payments.get(payment_key)
    if record is None:
        raise TossError("NOT_FOUND_PAYMENT")
    paid = record.payment.use_escrow and record.approved_at is not None
    if not paid or record.in_delivery is not received:
        raise TossError("NOT_IN_ESCROW" if not paid else "NOT_IN_DELIVERY" if received else "ALREADY_IN_DELIVERY")
    record.in_delivery = not received
    account.keep_payment(record)
    return record.payment
