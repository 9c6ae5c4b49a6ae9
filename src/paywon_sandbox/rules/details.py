"""The method-dependent parts of an approved payment: card, easy pay, transfer, phone, account, receipts (api.md 4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.records import Choice, PaymentRecord
from paywon_sandbox.core.values import (
    Card,
    CashReceipt,
    CashReceiptEntry,
    EasyPay,
    GiftCertificate,
    MobilePhone,
    Payment,
    Transfer,
    VirtualAccount,
)
from paywon_sandbox.settings import VIRTUAL_ACCOUNT_LIFETIME


def fill_details(record: PaymentRecord, choice: Choice, now: datetime, public_url: str) -> None:
    """Put in what the chosen method shows once it has been asked, approved or not."""
    fill = _FILLERS.get(choice.method, _fill_gift_certificate)
    fill(record.payment, choice, now, public_url)


def add_cash_receipt(record: PaymentRecord, choice: Choice, now: datetime, public_url: str) -> None:
    """A cash receipt, where the customer asked for one and paid in cash."""
    if choice.cash_receipt_type and choice.method in (codes.TRANSFER, codes.VIRTUAL_ACCOUNT):
        issue_cash_receipt(record.payment, choice, now, public_url)


def receipt_url(payment_key: str, public_url: str) -> str:
    """Where the sandbox shows a receipt; Toss's own is `…/receipt/redirection?transactionId=…&ref=PX`."""
    return f"{public_url}/receipt/redirection?transactionId={payment_key}&ref=PX"


def _fill_card(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    payment.card = _card(choice, payment.total_amount)
    payment.is_partial_cancelable = choice.partial_cancelable


def _card(choice: Choice, amount_krw: int) -> Card:
    overseas = choice.card_company in codes.OVERSEAS_BRANDS
    free = choice.installment_plan_months > 0 and choice.is_interest_free
    return Card(
        issuer_code=choice.card_company,
        acquirer_code=codes.ACQUIRERS.get(choice.card_company, choice.card_company),
        number=masked_card_number(),
        installment_plan_months=choice.installment_plan_months,
        is_interest_free=free,
        interest_payer="CARD_COMPANY" if free else None,
        card_type="미확인" if overseas else choice.card_type,  # codes.md: overseas brands [1src]
        owner_type="미확인" if overseas else "개인",
        amount=amount_krw,
    )


def masked_card_number() -> str:
    """First 8 digits, ****, next 3, * (api.md 4)."""
    return f"4330{secrets.randbelow(10**4):04d}****{secrets.randbelow(10**3):03d}*"


def _fill_easy_pay(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    """The five cases of api.md 4: card, card + points, account, account + points, points only."""
    paid = payment.total_amount - choice.points_krw
    by_card = choice.easy_pay_funding == "card" and paid > 0
    payment.card = _card(choice, paid) if by_card else None
    payment.easy_pay = EasyPay(
        provider=choice.easy_pay_provider,
        amount=0 if by_card else paid,
        discount_amount=choice.points_krw,
    )
    payment.is_partial_cancelable = choice.partial_cancelable


def _fill_transfer(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    payment.transfer = Transfer(bank_code=choice.bank_code)
    payment.is_partial_cancelable = choice.partial_cancelable


def _fill_phone(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    payment.mobile_phone = MobilePhone(
        customer_mobile_phone=choice.phone, receipt_url=receipt_url(payment.payment_key, public_url)
    )
    payment.is_partial_cancelable = choice.partial_cancelable


def _fill_gift_certificate(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    payment.gift_certificate = GiftCertificate()
    payment.is_partial_cancelable = False  # as in the published record


def _fill_virtual_account(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    bank = choice.bank_code if choice.bank_code in codes.VIRTUAL_ACCOUNT_BANKS else "20"
    payment.virtual_account = VirtualAccount(
        account_number=ids.account_number(),
        bank_code=bank,
        customer_name=choice.customer_name,
        due_date=toss_instant(now + VIRTUAL_ACCOUNT_LIFETIME),
    )
    payment.is_partial_cancelable = choice.partial_cancelable


_FILLERS: dict[str, Callable[[Payment, Choice, datetime, str], None]] = {
    codes.CARD: _fill_card,
    codes.EASY_PAY: _fill_easy_pay,
    codes.TRANSFER: _fill_transfer,
    codes.MOBILE_PHONE: _fill_phone,
    codes.VIRTUAL_ACCOUNT: _fill_virtual_account,
}


def issue_cash_receipt(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    """One automatic receipt over the whole amount, pending at the tax office."""
    assert choice.cash_receipt_type is not None
    key = ids.receipt_key()
    payment.cash_receipt = CashReceipt(
        type=choice.cash_receipt_type,
        receipt_key=key,
        issue_number=ids.issue_number(),
        receipt_url=f"{receipt_url(payment.payment_key, public_url)}#cash",
        amount=payment.total_amount,
        tax_free_amount=payment.tax_free_amount,
    )
    number = choice.cash_receipt_number
    masked = f"{number[:-4]}****"
    payment.cash_receipts = [_entry(payment, key, "CONFIRM", payment.total_amount, masked, now)]


def cancel_cash_receipt(payment: Payment, amount_krw: int, now: datetime) -> str | None:
    """Append the cancel entry of an automatic receipt; returns its own key, `c_` + original (api.md 10)."""
    if payment.cash_receipt is None or not payment.cash_receipts:
        return None
    earlier = len(payment.cash_receipts) - 1
    # The key of a second partial cancel is undocumented; a number keeps it unique.
    key = f"c_{payment.cash_receipt.receipt_key}{'' if earlier == 0 else f'_{earlier + 1}'}"
    masked = payment.cash_receipts[0].customer_identity_number
    payment.cash_receipts.append(_entry(payment, key, "CANCEL", amount_krw, masked, now))
    return key


def _entry(
    payment: Payment, key: str, transaction_type: str, amount_krw: int, masked_number: str, now: datetime
) -> CashReceiptEntry:
    receipt = payment.cash_receipt
    assert receipt is not None
    return CashReceiptEntry(
        receipt_key=key,
        order_id=payment.order_id,
        order_name=payment.order_name,
        type=receipt.type,
        issue_number=receipt.issue_number,
        receipt_url=receipt.receipt_url,
        business_number="1234567890",
        transaction_type=transaction_type,
        amount=amount_krw,
        tax_free_amount=0,
        issue_status="IN_PROGRESS",
        failure=None,
        customer_identity_number=masked_number,
        requested_at=toss_instant(now),
    )
