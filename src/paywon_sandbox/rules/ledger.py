"""What moved, written down once; transactions and settlements are read from it (toss/api.md 8 and 9)."""

from __future__ import annotations

from datetime import date, datetime

from paywon_sandbox import inferred
from paywon_sandbox.core import codes
from paywon_sandbox.core.records import Errand, LedgerEntry, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.rules.calendar import at_hour, business_days_after
from paywon_sandbox.settings import KST


def book(account: Account, record: PaymentRecord, moved: int, now: datetime) -> None:
    """Write down the payment's newest transaction."""
    payment = record.payment
    assert payment.last_transaction_key is not None
    balance = (record.ledger[-1].balance if record.ledger else 0) + moved
    earlier = next((entry.approved_at for entry in reversed(record.ledger) if entry.approved_at), None)
    entry = LedgerEntry(
        number=account.next_number(),
        transaction_key=payment.last_transaction_key,
        at=now,
        status=payment.status,
        moved=moved,
        balance=balance,
        approved_at=payment.approved_at or earlier,
    )
    account.book(record, entry)
    if moved > 0 and payment.method in _WITH_SETTLEMENT_STATUS:
        paid_out = at_hour(pay_out_date(now.astimezone(KST).date()), 0)
        record.errands += (Errand(at=paid_out, kind="settle"),)


_WITH_SETTLEMENT_STATUS = (codes.VIRTUAL_ACCOUNT, codes.TRANSFER, codes.MOBILE_PHONE, *codes.GIFT_CERTIFICATES)


def settle(record: PaymentRecord) -> None:
    """The pay-out day has come."""
    payment = record.payment
    for part in (payment.virtual_account, payment.transfer, payment.mobile_phone, payment.gift_certificate):
        if part is not None and payment.balance_amount > 0:
            part.settlement_status = "COMPLETED"


def pay_out_date(sold_on: date) -> date:
    """Some business days later."""
    return business_days_after(sold_on, inferred.PAY_OUT_BUSINESS_DAYS)


def fee(method: str | None, balance_krw: int) -> tuple[int, int]:
    """(before VAT, VAT) of what the merchant still holds. Differences of it add up over partial cancels."""
    if balance_krw <= 0:
        return 0, 0
    flat = inferred.FEE_FLAT_KRW.get(method or "")
    rate = inferred.FEE_PER_MILLE.get(method or "", inferred.FEE_PER_MILLE_OTHERS)
    supply = balance_krw * rate // 1000 if flat is None else flat
    return supply, (supply + 5) // 10
