"""Looking payments up, as they are or as they were (toss/api.md 5.3). `lag_ms`: how far behind, None for not."""

from __future__ import annotations

from paywon_sandbox import inferred
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.store import APPROVED, Account
from paywon_sandbox.core.values import Payment


def payment(account: Account, payment_key: str, lag_ms: int | None) -> Payment:
    """One payment by its key. Raises NOT_FOUND_PAYMENT."""
    record = account.payments.get(payment_key)
    shown = None if record is None else account.past.payment(record, lag_ms)
    if shown is None:
        raise TossError("NOT_FOUND_PAYMENT")
    return shown


def payment_of_order(account: Account, order_id: str, lag_ms: int | None) -> Payment:
    """One payment by its orderId: the approved attempt, else the newest. Raises NOT_FOUND_PAYMENT."""
    records = [account.payments[key] for key in account.orders.get(order_id, ())]
    shown = [found for record in records if (found := account.past.payment(record, lag_ms)) is not None]
    if not shown:
        raise TossError("NOT_FOUND_PAYMENT")
    approved = [found for found in shown if found.status in APPROVED]
    return (approved if approved and inferred.PREFER_APPROVED_ATTEMPT else shown)[-1]
