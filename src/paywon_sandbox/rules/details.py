"""The method-dependent parts of an approved payment: card, easy pay, transfer, phone, account (toss/api.md 4)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.records import Choice, PaymentRecord
from paywon_sandbox.core.values import (
    Card,
    EasyPay,
    GiftCertificate,
    MobilePhone,
    Payment,
    Transfer,
    VirtualAccount,
)
from paywon_sandbox.rules.escrow import protect
from paywon_sandbox.settings import VIRTUAL_ACCOUNT_LIFETIME


def fill_details(record: PaymentRecord, choice: Choice, now: datetime, public_url: str) -> None:
    """Put in what the chosen method shows once it has been asked, approved or not."""
    fill = _FILLERS.get(choice.method, _fill_gift_certificate)
    fill(record.payment, choice, now, public_url)
    protect(record.payment, choice)
    # Cards always have false (toss/api.md 4).
    record.payment.culture_expense = choice.method in _CULTURE and bool(record.wishes and record.wishes.culture_expense)


def receipt_url(payment_key: str, public_url: str) -> str:
    """Where the sandbox shows a receipt; Toss's own is `…/receipt/redirection?transactionId=…&ref=PX`."""
    return f"{public_url}/receipt/redirection?transactionId={payment_key}&ref=PX"


def _fill_card(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    payment.card = _card(choice, payment.total_amount - choice.discount_krw)
    payment.discount = {"amount": choice.discount_krw} if choice.discount_krw else None
    # The type file of Toss's loader: a card payment with an amount exempted from tax is not cancelled in parts.
    payment.is_partial_cancelable = choice.partial_cancelable and not payment.tax_exemption_amount


def _card(choice: Choice, amount_krw: int) -> Card:
    overseas = choice.card_company in codes.OVERSEAS_BRANDS
    free = choice.installment_plan_months > 0 and choice.is_interest_free
    return Card(
        issuer_code=choice.card_company,
        acquirer_code=codes.ACQUIRERS.get(choice.card_company, choice.card_company),
        number=masked_card_number(choice.card_number),
        installment_plan_months=choice.installment_plan_months,
        is_interest_free=free,
        use_card_point=choice.use_card_point,
        interest_payer=_interest_payer(choice, free=free),
        card_type="미확인" if overseas else choice.card_type,  # toss/codes.md: overseas brands [1src]
        owner_type="미확인" if overseas else choice.owner_type,
        amount=amount_krw,
    )


def _interest_payer(choice: Choice, *, free: bool) -> str | None:
    """Who pays for instalments; null without any. Only the names are published (toss/codes.md), not when which."""
    if not choice.installment_plan_months:
        return None
    return inferred.INTEREST_FREE_PAYER if free else inferred.INTEREST_PAYER


def masked_card_number(number: str | None = None) -> str:
    """First 8 digits, ****, next 3, * (toss/api.md 4); of some card when none was entered."""
    if number is None:
        return f"4330{secrets.randbelow(10**4):04d}****{secrets.randbelow(10**3):03d}*"
    return f"{number[:8]}****{number[12:15]:0<3}*"


def _fill_easy_pay(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    """The five cases of toss/api.md 4: card, card + points, account, account + points, points only."""
    paid = payment.total_amount - choice.points_krw
    by_card = choice.easy_pay_funding == "card" and paid > 0
    payment.card = _card(choice, paid) if by_card else None
    payment.easy_pay = EasyPay(
        provider=choice.easy_pay_provider,
        amount=0 if by_card else paid,
        discount_amount=choice.points_krw,
    )
    payment.is_partial_cancelable = choice.partial_cancelable


def _fill_foreign_easy_pay(payment: Payment, choice: Choice, now: datetime, public_url: str) -> None:
    """As in the published PayPal record: `country` is the customer's (toss/api.md 14)."""
    payment.easy_pay = EasyPay(provider=choice.easy_pay_provider, amount=payment.total_amount, discount_amount=0)
    payment.country = choice.country
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
    lifetime = timedelta(hours=choice.valid_hours) if choice.valid_hours else VIRTUAL_ACCOUNT_LIFETIME
    due = choice.due_date or now + lifetime
    payment.virtual_account = VirtualAccount(
        account_number=ids.account_number(),
        bank_code=bank,
        customer_name=choice.customer_name,
        due_date=toss_instant(due),
        refund_receive_account=choice.refund_account,
    )
    payment.is_partial_cancelable = choice.partial_cancelable


_CULTURE = (codes.TRANSFER, codes.VIRTUAL_ACCOUNT)
_FILLERS: dict[str, Callable[[Payment, Choice, datetime, str], None]] = {
    codes.CARD: _fill_card,
    codes.EASY_PAY: _fill_easy_pay,
    codes.FOREIGN_EASY_PAY: _fill_foreign_easy_pay,
    codes.TRANSFER: _fill_transfer,
    codes.MOBILE_PHONE: _fill_phone,
    codes.VIRTUAL_ACCOUNT: _fill_virtual_account,
}
