"""Bodies that open, take and give back a payment (toss/api.md 5, 6 and Appendix A)."""

from datetime import datetime
from typing import Any

from paywon.toss.wire.base import Request, korean_time


class CreatePayment(Request, frozen=True, kw_only=True):
    """`POST /v1/payments` (toss/api.md 5.1, little documented). `amount` in won; both URLs absolute http(s)."""

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
    # [inferred] from the payment window, which takes it; the reference's list for this path ends in "…" (toss/api.md
    # 5.1).
    customer_mobile_phone: str | None = None
    tax_free_amount: int | None = None
    card_company: str | None = None
    easy_pay: str | None = None
    bank: str | None = None
    app_scheme: str | None = None
    metadata: dict[str, str] | None = None


class ConfirmPayment(Request, frozen=True, kw_only=True):
    """`POST /v1/payments/confirm` (toss/api.md 5.2). Toss does not promise to catch a wrong amount: compare it
    first.
    """

    payment_key: str
    order_id: str
    amount: int


class RefundReceiveAccount(Request, frozen=True, kw_only=True):
    """Where a deposited virtual account is refunded to; the field is `bank`, not bankCode (toss/api.md 5.4)."""

    bank: str
    account_number: str
    holder_name: str

    def __repr__(self) -> str:
        return f"RefundReceiveAccount(bank={self.bank!r}, account_number='…', holder_name='…')"


class CancelPayment(Request, frozen=True, kw_only=True):
    """`POST /v1/payments/{paymentKey}/cancel` (toss/api.md 5.4).

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


class EscrowProduct(Request, frozen=True, kw_only=True):
    """One of the goods that escrow holds the money for (toss/api.md 15)."""

    id: str
    name: str
    code: str
    unit_price: int
    quantity: int


class VirtualAccountReceipt(Request, frozen=True, kw_only=True):
    """The cash receipt issued after the deposit: `type` is 소득공제, 지출증빙 or 미발행 (toss/api.md 6)."""

    type: str
    registration_number: str | None = None

    def __repr__(self) -> str:
        return f"VirtualAccountReceipt(type={self.type!r}, registration_number='…')"


class IssueVirtualAccount(Request, frozen=True, kw_only=True):
    """`POST /v1/virtual-accounts` (toss/api.md 6). `bank` by code, Korean or English name.

    `valid_hours` (168 if neither is given, at most 2160) or `due_date` (at most 90 days off), not both; an
    account of the kind 고정 needs its `account_key`.
    """

    amount: int
    order_id: str
    order_name: str
    customer_name: str
    bank: str
    account_type: str | None = None
    account_key: str | None = None
    valid_hours: int | None = None
    due_date: datetime | None = None
    customer_email: str | None = None
    customer_mobile_phone: str | None = None
    tax_free_amount: int | None = None
    use_escrow: bool | None = None
    escrow_products: list[EscrowProduct] | None = None
    cash_receipt: VirtualAccountReceipt | None = None

    def as_dict(self) -> dict[str, Any]:
        # Documented without an offset, that is in Korean time (toss/api.md 1.5).
        due = {} if self.due_date is None else {"dueDate": korean_time(self.due_date.replace(microsecond=0))}
        return super().as_dict() | due

    def __repr__(self) -> str:
        return (
            f"IssueVirtualAccount(amount={self.amount!r}, order_id={self.order_id!r}, bank={self.bank!r}, "
            "customer_name='…')"
        )
