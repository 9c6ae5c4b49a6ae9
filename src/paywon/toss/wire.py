"""Toss's bodies, both ways, as typed values (api.md 4, 8–11; version 2022-11-16).

Unknown fields are skipped here (the raw object travels beside the typed value), fields that look like enums
are plain `str` (api.md 1.3: members are added without notice), and only what identifies a payment and its
money is required: a card without an approval number must not make a paid order unreadable.

Amounts are `int` wherever the number is whole (`1000.0` too) and else a `Decimal` without loss. Instants are
aware; one without an offset is Korean time (api.md 1.5).
"""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from paywon.toss.body import decode

KST = timezone(timedelta(hours=9), "KST")

Amount: TypeAlias = int | Decimal

_MAX_AMOUNT_EXPONENT = 18  # a number such as 1e999999999 must not be blown up into an int


def whole(amount: Amount) -> int | None:
    """The amount if it is a whole number, None if it has a fraction (so its currency is not won)."""
    return amount if isinstance(amount, int) else None


def aware(instant: datetime) -> datetime:
    """`instant` with Korean time assumed where Toss names no offset; raises ValueError at the calendar's
    ends.
    """
    if not 1 < instant.year < 9999:  # later conversions to UTC would overflow
        raise ValueError("year out of range")
    return instant if instant.tzinfo else instant.replace(tzinfo=KST)


def _exact(amount: Decimal) -> Amount:
    if not amount.is_finite():
        raise ValueError("not a finite amount")
    if amount.adjusted() > _MAX_AMOUNT_EXPONENT or amount != amount.to_integral_value():
        return amount
    return int(amount)


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of everything that Toss answers; puts amounts and instants into their one form."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal):
                force_setattr(self, name, _exact(value))
            elif isinstance(value, datetime):
                force_setattr(self, name, aware(value))


class Card(Wire, frozen=True, kw_only=True):
    """`number` is masked (8 digits, `****`, 3 digits, `*`); `amount` may be below the total (points,
    discounts).
    """

    amount: Amount | None = None
    issuer_code: str | None = None
    acquirer_code: str | None = None
    number: str | None = None
    installment_plan_months: int | None = None
    approve_no: str | None = None
    use_card_point: bool | None = None
    card_type: str | None = None
    owner_type: str | None = None
    acquire_status: str | None = None
    is_interest_free: bool | None = None
    interest_payer: str | None = None


class RefundAccount(Wire, frozen=True, kw_only=True):
    """What the buyer entered in the window; shown for 30 minutes only (api.md 4)."""

    bank_code: str | None = None
    account_number: str | None = None
    holder_name: str | None = None

    def __repr__(self) -> str:
        return f"RefundAccount(bank_code={self.bank_code!r}, account_number='…', holder_name='…')"


class VirtualAccount(Wire, frozen=True, kw_only=True):
    """`expired` turns true past `due_date` while the payment's status stays (api.md 2 [1src])."""

    account_type: str | None = None
    account_number: str | None = None
    bank_code: str | None = None
    customer_name: str | None = None
    depositor_name: str | None = None
    due_date: datetime | None = None
    refund_status: str | None = None
    expired: bool | None = None
    settlement_status: str | None = None
    refund_receive_account: RefundAccount | None = None


class Transfer(Wire, frozen=True, kw_only=True):
    bank_code: str | None = None
    settlement_status: str | None = None


class MobilePhone(Wire, frozen=True, kw_only=True):
    customer_mobile_phone: str | None = None
    settlement_status: str | None = None
    receipt_url: str | None = None


class GiftCertificate(Wire, frozen=True, kw_only=True):
    approve_no: str | None = None
    settlement_status: str | None = None


class EasyPay(Wire, frozen=True, kw_only=True):
    """`amount` was paid from an account or balance, `discount_amount` by points and coupons (table in api.md
    4).
    """

    provider: str | None = None
    amount: Amount | None = None
    discount_amount: Amount | None = None


class Cancel(Wire, frozen=True, kw_only=True):
    """One cancel; `refundable_amount` is what was left after it."""

    cancel_amount: Amount
    transaction_key: str | None = None
    cancel_reason: str | None = None
    tax_free_amount: Amount | None = None
    tax_exemption_amount: Amount | None = None
    refundable_amount: Amount | None = None
    card_discount_amount: Amount | None = None
    transfer_discount_amount: Amount | None = None
    easy_pay_discount_amount: Amount | None = None
    canceled_at: datetime | None = None
    receipt_key: str | None = None
    cancel_status: str | None = None
    cancel_request_id: str | None = None


class Failure(Wire, frozen=True, kw_only=True):
    code: str | None = None
    message: str | None = None


class CashReceipt(Wire, frozen=True, kw_only=True):
    """A cash receipt: the payment's own, one line of its history, or one of section 10. Only the last two
    are full.
    """

    receipt_key: str
    type: str | None = None
    issue_number: str | None = None
    receipt_url: str | None = None
    amount: Amount | None = None
    tax_free_amount: Amount | None = None
    order_id: str | None = None
    order_name: str | None = None
    business_number: str | None = None
    transaction_type: str | None = None
    issue_status: str | None = None
    failure: Failure | None = None
    customer_identity_number: str | None = None
    requested_at: datetime | None = None


class CashReceiptPage(Wire, frozen=True, kw_only=True):
    has_next: bool
    last_cursor: int | None = None
    data: list[CashReceipt]


class Receipt(Wire, frozen=True, kw_only=True):
    url: str | None = None


class Checkout(Wire, frozen=True, kw_only=True):
    """`url` is where the buyer is sent."""

    url: str | None = None


class Discount(Wire, frozen=True, kw_only=True):
    amount: Amount | None = None


class Payment(Wire, frozen=True, kw_only=True):
    """The Payment object. "Fully refunded" is `balance_amount == 0`, not a status (api.md 2 [M]).

    `cancels` is None, not an empty list, when there are none (api.md 4).
    """

    payment_key: str
    order_id: str
    status: str
    total_amount: Amount
    balance_amount: Amount
    currency: str
    version: str | None = None
    type: str | None = None
    order_name: str | None = None
    m_id: str | None = None
    method: str | None = None
    requested_at: datetime | None = None
    approved_at: datetime | None = None
    use_escrow: bool | None = None
    last_transaction_key: str | None = None
    transaction_key: str | None = None
    supplied_amount: Amount | None = None
    vat: Amount | None = None
    tax_free_amount: Amount | None = None
    tax_exemption_amount: Amount | None = None
    culture_expense: bool | None = None
    cancels: list[Cancel] | None = None
    is_partial_cancelable: bool | None = None
    card: Card | None = None
    virtual_account: VirtualAccount | None = None
    transfer: Transfer | None = None
    mobile_phone: MobilePhone | None = None
    gift_certificate: GiftCertificate | None = None
    secret: str | None = None
    easy_pay: EasyPay | None = None
    easy_pay_amount: Amount | None = None
    easy_pay_discount_amount: Amount | None = None
    country: str | None = None
    failure: Failure | None = None
    receipt: Receipt | None = None
    checkout: Checkout | None = None
    cash_receipt: CashReceipt | None = None
    cash_receipts: list[CashReceipt] | None = None
    discount: Discount | None = None
    metadata: dict[str, Any] | None = None

    def __repr__(self) -> str:
        # Short on purpose: the full value holds the webhook secret and account numbers, and lands in logs.
        return (
            f"Payment(payment_key={self.payment_key!r}, order_id={self.order_id!r}, status={self.status!r}, "
            f"total_amount={self.total_amount!r}, balance_amount={self.balance_amount!r}, "
            f"currency={self.currency!r})"
        )


class BillingTransfer(Wire, frozen=True, kw_only=True):
    bank_name: str | None = None
    bank_account_number: str | None = None


class Billing(Wire, frozen=True, kw_only=True):
    """A billing key. `card_company` and `card_number` are gone from version 2024-06-01 on: read `card`."""

    billing_key: str
    customer_key: str
    m_id: str | None = None
    authenticated_at: datetime | None = None
    method: str | None = None
    card: Card | None = None
    transfers: list[BillingTransfer] | None = None
    easy_pay: Any = None
    card_company: str | None = None
    card_number: str | None = None

    def __repr__(self) -> str:
        # The billing key alone lets its holder charge the card.
        return f"Billing(customer_key={self.customer_key!r}, method={self.method!r}, billing_key='…')"


class Transaction(Wire, frozen=True, kw_only=True):
    """One row of `GET /v1/transactions`; a cancel's `amount` is *inferred* negative (api.md 4)."""

    transaction_key: str
    payment_key: str
    order_id: str
    status: str
    amount: Amount
    currency: str
    transaction_at: datetime
    m_id: str | None = None
    method: str | None = None
    customer_key: str | None = None
    use_escrow: bool | None = None
    receipt_url: str | None = None


class Fee(Wire, frozen=True, kw_only=True):
    type: str | None = None
    fee: Amount | None = None


class Settlement(Wire, frozen=True, kw_only=True):
    """One row of `GET /v1/settlements`: a cancel has negative amounts and one `cancel` (api.md 4 [2src])."""

    payment_key: str
    transaction_key: str
    order_id: str
    currency: str
    amount: Amount
    fee: Amount
    pay_out_amount: Amount
    supply_amount: Amount
    vat: Amount
    interest_fee: Amount | None = None
    fees: list[Fee] | None = None
    m_id: str | None = None
    method: str | None = None
    approved_at: datetime | None = None
    sold_date: date | None = None
    paid_out_date: date | None = None
    card: Card | None = None
    easy_pay: EasyPay | None = None
    gift_certificate: GiftCertificate | None = None
    mobile_phone: MobilePhone | None = None
    transfer: Transfer | None = None
    virtual_account: VirtualAccount | None = None
    cancel: Cancel | None = None


class SettlementRequested(Wire, frozen=True, kw_only=True):
    result: bool


class CardOffer(Wire, frozen=True, kw_only=True):
    """Discount or interest-free offer of a card company; the code's field has had three names (api.md 11)."""

    issuer_code: str | None = None
    company_code: str | None = None
    card_company: str | None = None
    discount_amount: Amount | None = None
    balance: Amount | None = None
    discount_code: str | None = None
    due_date: date | None = None
    minimum_payment_amount: Amount | None = None
    maximum_payment_amount: Amount | None = None
    installment_free_months: list[int] | None = None
    currency: str | None = None

    @property
    def issuer(self) -> str | None:
        """The card company's code under whichever name this API version gives it."""
        return self.issuer_code or self.company_code or self.card_company


class CardPromotions(Wire, frozen=True, kw_only=True):
    discount_cards: list[CardOffer]
    interest_free_cards: list[CardOffer]


class BankOffer(Wire, frozen=True, kw_only=True):
    """`discount_rate` is a share, 0.01–0.3."""

    type: str | None = None
    bank_code: str | None = None
    discount_amount: Amount | None = None
    discount_rate: Amount | None = None
    minimum_payment_amount: Amount | None = None
    maximum_payment_amount: Amount | None = None
    currency: str | None = None
    discount_code: str | None = None
    due_date: date | None = None


class Promotion(Wire, frozen=True, kw_only=True):
    type: str
    pay_type: str | None = None
    card_discount: CardOffer | None = None
    card_interest_free: CardOffer | None = None
    card_point: CardOffer | None = None
    bank_discount: BankOffer | None = None


Promotions = list[Promotion]  # a bare array at the top is *inferred* (api.md 11)


# Request bodies (api.md 5 and Appendix A): what is None is left out of the JSON.


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    def encode(self) -> bytes:
        """The JSON that is sent."""
        return msgspec.json.encode(self)

    def as_dict(self) -> dict[str, Any]:
        """The same body as plain values, for the audit trail (not yet redacted)."""
        body: dict[str, Any] = msgspec.to_builtins(self)
        return body


class CreatePayment(Request, frozen=True, kw_only=True):
    """`POST /v1/payments` (api.md 5.1, little documented). `amount` in won; both URLs absolute http(s)."""

    method: str
    amount: int
    order_id: str
    order_name: str
    success_url: str
    fail_url: str
    currency: str | None = None
    flow_mode: str | None = None
    customer_name: str | None = None
    customer_email: str | None = None
    tax_free_amount: int | None = None
    card_company: str | None = None
    easy_pay: str | None = None
    bank: str | None = None
    app_scheme: str | None = None
    metadata: dict[str, str] | None = None


class ConfirmPayment(Request, frozen=True, kw_only=True):
    """`POST /v1/payments/confirm` (api.md 5.2). Toss does not promise to catch a wrong amount: compare it
    first.
    """

    payment_key: str
    order_id: str
    amount: int


class RefundReceiveAccount(Request, frozen=True, kw_only=True):
    """Where a deposited virtual account is refunded to; the field is `bank`, not bankCode (api.md 5.4)."""

    bank: str
    account_number: str
    holder_name: str

    def __repr__(self) -> str:
        return f"RefundReceiveAccount(bank={self.bank!r}, account_number='…', holder_name='…')"


class CancelPayment(Request, frozen=True, kw_only=True):
    """`POST /v1/payments/{paymentKey}/cancel` (api.md 5.4).

    Without `cancel_amount` all of the balance is cancelled. `refundable_amount` is the balance expected
    before this cancel: Toss cancels nothing if it differs.
    """

    cancel_reason: str
    cancel_amount: int | None = None
    refund_receive_account: RefundReceiveAccount | None = None
    tax_free_amount: int | None = None
    currency: str | None = None
    refundable_amount: int | None = None
    cancel_request_id: str | None = None


def decode_payment(raw: bytes) -> Payment:
    """The Payment in `raw`; raises `body.MalformedBody` on anything else."""
    return decode(raw, Payment)
