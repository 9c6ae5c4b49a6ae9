"""Cash receipts (현금영수증; toss/api.md 4 and 10)."""

from datetime import datetime

from paywon.toss.wire.base import Amount, Failure, Key, Request, Wire


class OwnReceipt(Wire, frozen=True, kw_only=True):
    """A payment's own cash receipt, or one line of their history. Only the second is full."""

    receipt_key: Key | None = None
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


class CashReceipt(OwnReceipt, frozen=True, kw_only=True):
    """A cash receipt that was asked for by itself (toss/api.md 10)."""

    receipt_key: Key


class CashReceiptPage(Wire, frozen=True, kw_only=True):
    """`last_cursor` is the next page's `cursor` (toss/api.md 1.6)."""

    has_next: bool
    last_cursor: int | None = None
    data: list[CashReceipt]


class IssueCashReceipt(Request, frozen=True, kw_only=True):
    """`POST /v1/cash-receipts` (toss/api.md 10): `type` is 소득공제 or 지출증빙.

    `customer_identity_number` is digits only: a phone, a receipt card or a business registration;
    `0100001234` is the anonymous buyer.
    """

    amount: int
    order_id: str
    order_name: str
    customer_identity_number: str
    type: str
    tax_free_amount: int | None = None

    def __repr__(self) -> str:
        return (
            f"IssueCashReceipt(amount={self.amount!r}, order_id={self.order_id!r}, type={self.type!r}, "
            "customer_identity_number='…')"
        )


class CancelCashReceipt(Request, frozen=True, kw_only=True):
    """`POST /v1/cash-receipts/{receiptKey}/cancel` (toss/api.md 10). Without `amount` all of it is cancelled."""

    amount: int | None = None
