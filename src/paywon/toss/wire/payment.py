"""The Payment object and what hangs on it (toss/api.md 4)."""

from datetime import datetime
from typing import Any

from paywon.toss.body import decode
from paywon.toss.wire.base import Amount, Failure, Key, Small, Wire
from paywon.toss.wire.receipts import OwnReceipt


class Card(Wire, frozen=True, kw_only=True):
    """`number` is masked (8 digits, `****`, 3 digits, `*`); `amount` may be below the total (points,
    discounts).
    """

    amount: Amount | None = None
    issuer_code: str | None = None
    acquirer_code: str | None = None
    number: str | None = None
    installment_plan_months: Small | None = None
    approve_no: str | None = None
    use_card_point: bool | None = None
    card_type: str | None = None
    owner_type: str | None = None
    acquire_status: str | None = None
    is_interest_free: bool | None = None
    interest_payer: str | None = None


class RefundAccount(Wire, frozen=True, kw_only=True):
    """What the buyer entered in the window; shown for 30 minutes only (toss/api.md 4)."""

    bank_code: str | None = None
    account_number: str | None = None
    holder_name: str | None = None

    def __repr__(self) -> str:
        return f"RefundAccount(bank_code={self.bank_code!r}, account_number='…', holder_name='…')"


class VirtualAccount(Wire, frozen=True, kw_only=True):
    """`expired` turns true past `due_date` while the payment's status stays (toss/api.md 2 [1src])."""

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
    """`amount` was paid from an account or balance, `discount_amount` by points and coupons (table in toss/api.md
    4).
    """

    provider: str | None = None
    amount: Amount | None = None
    discount_amount: Amount | None = None


class Cancel(Wire, frozen=True, kw_only=True):
    """One cancel; `refundable_amount` is what was left after it."""

    cancel_amount: Amount | None = None
    transaction_key: Key | None = None
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


class Receipt(Wire, frozen=True, kw_only=True):
    url: str | None = None


class Checkout(Wire, frozen=True, kw_only=True):
    """`url` is where the buyer is sent."""

    url: str | None = None


class Discount(Wire, frozen=True, kw_only=True):
    amount: Amount | None = None


class Payment(Wire, frozen=True, kw_only=True):
    """The Payment object. "Fully refunded" is `balance_amount == 0`, not a status (toss/api.md 2 [M]).

    `cancels` is None, not an empty list, when there are none (toss/api.md 4); an entry that is no object is not in it.
    """

    payment_key: Key
    order_id: Key
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
    last_transaction_key: Key | None = None
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
    cash_receipt: OwnReceipt | None = None
    cash_receipts: list[OwnReceipt] | None = None
    discount: Discount | None = None
    metadata: dict[str, Any] | None = None

    @property
    def is_by_account(self) -> bool:
        """Whether it is paid into a virtual account, though the account itself may not be readable."""
        named = self.method in ("가상계좌", "VIRTUAL_ACCOUNT") or self.status == "WAITING_FOR_DEPOSIT"
        return named or self.virtual_account is not None

    def __repr__(self) -> str:
        # Short on purpose: the full value holds the webhook secret and account numbers, and lands in logs.
        return (
            f"Payment(payment_key={self.payment_key!r}, order_id={self.order_id!r}, status={self.status!r}, "
            f"total_amount={self.total_amount!r}, balance_amount={self.balance_amount!r}, "
            f"currency={self.currency!r})"
        )


def decode_payment(raw: bytes) -> Payment:
    """The Payment in `raw`; raises `body.MalformedBody` on anything else."""
    return decode(raw, Payment)
