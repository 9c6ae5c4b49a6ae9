"""Toss's objects as they travel: the Payment of version 2022-11-16 and its parts (toss/api.md 4).

Field order follows the published sample. Every key is always present, null when it does not apply.
"""

from __future__ import annotations

import msgspec


class Wire(msgspec.Struct, rename="camel", gc=False):
    """Base of everything that is sent in Toss's camelCase. Never part of a cycle, so not for the collector."""


class Failure(Wire, kw_only=True):
    """Why a payment was aborted or expired."""

    code: str
    message: str


class Url(Wire, kw_only=True):
    """A link object, as in `receipt` and `checkout`."""

    url: str


class Card(Wire, kw_only=True):
    """Card details; `amount` in KRW is what the card itself paid."""

    issuer_code: str
    acquirer_code: str | None
    number: str
    installment_plan_months: int = 0
    is_interest_free: bool = False
    interest_payer: str | None = None
    approve_no: str = "00000000"
    use_card_point: bool = False
    card_type: str = "신용"
    owner_type: str = "개인"
    acquire_status: str = "READY"
    amount: int


class RefundAccount(Wire, kw_only=True):
    """Where a deposited virtual account is refunded to, as shown on the Payment."""

    bank_code: str
    account_number: str
    holder_name: str


class VirtualAccount(Wire, kw_only=True):
    """The account that the customer pays into."""

    account_number: str
    account_type: str = "일반"
    bank_code: str
    customer_name: str
    due_date: str
    expired: bool = False
    settlement_status: str = "INCOMPLETED"
    refund_status: str = "NONE"
    refund_receive_account: RefundAccount | None = None
    depositor_name: str | None = None


class Transfer(Wire, kw_only=True):
    """Bank transfer details."""

    bank_code: str
    settlement_status: str = "INCOMPLETED"


class MobilePhone(Wire, kw_only=True):
    """Details of a payment on the phone bill."""

    customer_mobile_phone: str
    settlement_status: str = "INCOMPLETED"
    receipt_url: str


class GiftCertificate(Wire, kw_only=True):
    """Gift certificate details."""

    approve_no: str = "00000000"
    settlement_status: str = "INCOMPLETED"


class EasyPay(Wire, kw_only=True):
    """Easy pay: `amount` paid by account or balance, `discount_amount` by points."""

    provider: str
    amount: int
    discount_amount: int


class CashReceipt(Wire, kw_only=True):
    """The automatic cash receipt of a payment."""

    type: str
    receipt_key: str
    issue_number: str
    receipt_url: str
    amount: int
    tax_free_amount: int = 0


class CashReceiptEntry(Wire, kw_only=True):
    """One issue or cancel in the cash receipt history of a payment."""

    receipt_key: str
    order_id: str
    order_name: str
    type: str
    issue_number: str
    receipt_url: str
    business_number: str
    transaction_type: str
    amount: int
    tax_free_amount: int
    issue_status: str
    failure: Failure | None
    customer_identity_number: str
    requested_at: str


class Cancel(Wire, kw_only=True):
    """One cancel; `refundable_amount` is the balance after it."""

    transaction_key: str
    cancel_reason: str
    tax_exemption_amount: int = 0
    canceled_at: str
    card_discount_amount: int = 0
    transfer_discount_amount: int = 0
    easy_pay_discount_amount: int = 0
    receipt_key: str | None = None
    cancel_amount: int
    tax_free_amount: int
    refundable_amount: int
    cancel_status: str = "DONE"
    cancel_request_id: str | None = None


class BillingCard(Wire, kw_only=True):
    """The card behind a billing key."""

    issuer_code: str
    acquirer_code: str | None
    number: str
    card_type: str = "신용"
    owner_type: str = "개인"


class BillingTransfer(Wire, kw_only=True):
    """The bank account behind a billing key, its number masked."""

    bank_name: str
    bank_account_number: str


class Billing(Wire, kw_only=True):
    """A billing key. `card_company` and `card_number` are gone with version 2024-06-01 (toss/api.md 1.7)."""

    m_id: str
    customer_key: str
    authenticated_at: str
    method: str
    billing_key: str
    card_company: str | msgspec.UnsetType = msgspec.UNSET
    card_number: str | msgspec.UnsetType = msgspec.UNSET
    card: BillingCard | None = None
    transfers: list[BillingTransfer] | None = None
    easy_pay: EasyPay | None = None


class Transaction(Wire, kw_only=True):
    """One row of `GET /v1/transactions`; the amount as it travels."""

    m_id: str
    transaction_key: str
    payment_key: str
    order_id: str
    method: str | None
    customer_key: str | None
    use_escrow: bool | None
    receipt_url: str | None
    status: str
    transaction_at: str
    currency: str
    amount: int | float


class SettlementFee(Wire, kw_only=True):
    """One kind of fee in a settlement row, VAT included."""

    type: str = "BASE"
    fee: int


class Settlement(Wire, kw_only=True):
    """One row of `GET /v1/settlements`; the amounts of a cancel row are negative KRW (toss/api.md 4)."""

    m_id: str
    payment_key: str
    transaction_key: str
    order_id: str
    currency: str
    method: str | None
    amount: int
    interest_fee: int = 0
    fee: int
    fees: list[SettlementFee]
    supply_amount: int
    vat: int
    pay_out_amount: int
    approved_at: str | None
    sold_date: str
    paid_out_date: str
    card: Card | None
    easy_pay: EasyPay | None
    gift_certificate: GiftCertificate | None
    mobile_phone: MobilePhone | None
    transfer: Transfer | None
    virtual_account: VirtualAccount | None
    cancel: Cancel | None


class Payment(Wire, kw_only=True):
    """Toss's Payment object; amounts in the smallest unit of `currency`, see money.py; instants as Toss writes them."""

    m_id: str
    last_transaction_key: str | None = None
    payment_key: str
    order_id: str
    order_name: str
    tax_exemption_amount: int = 0
    status: str
    requested_at: str
    approved_at: str | None = None
    use_escrow: bool | None = None
    culture_expense: bool = False
    card: Card | None = None
    virtual_account: VirtualAccount | None = None
    transfer: Transfer | None = None
    mobile_phone: MobilePhone | None = None
    gift_certificate: GiftCertificate | None = None
    cash_receipt: CashReceipt | None = None
    cash_receipts: list[CashReceiptEntry] | None = None
    discount: dict[str, int] | None = None
    cancels: list[Cancel] | None = None
    secret: str | None = None
    type: str = "NORMAL"
    easy_pay: EasyPay | None = None
    country: str = "KR"
    failure: Failure | None = None
    is_partial_cancelable: bool = True
    receipt: Url | None = None
    checkout: Url | None
    currency: str = "KRW"
    total_amount: int
    balance_amount: int
    supplied_amount: int
    vat: int
    tax_free_amount: int = 0
    metadata: dict[str, str] | None = None
    method: str | None = None
    version: str
