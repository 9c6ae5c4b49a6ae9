"""``/payments/{paymentId}/cash-receipts``: cash receipts (현금영수증) of a payment."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.status_codes import HTTP_201_CREATED, HTTP_202_ACCEPTED
from msgspec import UNSET, Meta, UnsetType

from paywon.base.ids import CashReceiptId, PaymentId
from paywon.base.money import Krw
from paywon.payments.api.common import POLL_AFTER_S, Asker, Till
from paywon.receipts.commands import cancelling, issuing, queries
from paywon.receipts.commands.cancelling import CancelWish
from paywon.receipts.commands.issuing import IssueWish
from paywon.receipts.model import IssueStatus, Receipt, ReceiptType, ReceiptView
from paywon.web.auth import needs
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.query import exact_query
from paywon.web.shapes import Digits30, Input, Output, Won, WonOrZero


class IssueReceiptIn(Input, frozen=True, kw_only=True):
    """No ``amount`` means all of the payment that has no receipt yet."""

    examples: ClassVar = (
        {"type": "소득공제", "customerIdentityNumber": "01012345678", "amount": 5_000, "taxFreeAmount": 0},
    )

    type: ReceiptType
    customer_identity_number: Annotated[
        Digits30, Meta(description="phone, receipt card or business number; 0100001234 is the anonymous buyer")
    ]
    amount: Won | UnsetType = UNSET
    tax_free_amount: WonOrZero | None = None


class CancelReceiptIn(Input, frozen=True, kw_only=True):
    """No ``amount`` means all that the receipt still stands for; null is refused."""

    examples: ClassVar = ({"amount": 1_000},)

    amount: Won | UnsetType = UNSET


class CashReceiptOut(Output, frozen=True, kw_only=True):
    """An issue (``transactionType`` CONFIRM) or a cancel (CANCEL, of the issue ``cancelsId``).

    ``issueStatus``: PENDING until Toss has answered, IN_PROGRESS until the tax office has (1–2 days), then COMPLETED
    or FAILED.
    """

    id: UUID
    payment_id: UUID
    cancels_id: UUID | None
    receipt_key: str | None
    issue_number: str | None
    type: str
    transaction_type: str
    amount: int
    tax_free_amount: int
    issue_status: str
    fail_code: str | None
    fail_message: str | None
    receipt_url: str | None
    customer_hint: str | None
    requested_at: datetime | None
    created_at: datetime
    updated_at: datetime


class CashReceiptAnswer(Output, frozen=True, kw_only=True):
    cash_receipt: CashReceiptOut


class CashReceiptList(Output, frozen=True, kw_only=True):
    """``cashReceipts`` were asked for here; ``ownReceipts`` came with the payment, and Toss alone looks after them.

    ``issuableAmount``: for how many won a receipt may still be issued. ``excessAmount``: for how many won receipts
    stand whose money went back: cancel that much of them.
    """

    cash_receipts: list[CashReceiptOut]
    own_receipts: list[dict[str, Any]]
    issuable_amount: int
    excess_amount: int


class CashReceiptsController(Controller):
    path = "/payments/{payment_id:uuid}/cash-receipts"
    tags = ("cash receipts",)
    guards = (exact_query,)

    @post(
        "/",
        dto=StrictBody[IssueReceiptIn],
        return_dto=None,
        status_code=HTTP_201_CREATED,
        guards=[needs("payments:write")],
        summary="Issue a cash receipt",
        responses=writing(404, 409, 502),
    )
    async def issue(
        self, payment_id: UUID, data: IssueReceiptIn, cashier: Till, origin: Asker
    ) -> Response[CashReceiptAnswer]:
        """202 while Toss has not answered; then look into the list."""
        wish = IssueWish(
            type=data.type,
            customer_identity_number=data.customer_identity_number,
            amount=None if data.amount is UNSET else Krw(data.amount),
            tax_free_amount=data.tax_free_amount,
        )
        return _answered(await issuing.issue_receipt(cashier, PaymentId(payment_id), wish, origin))

    @post(
        "/{receipt_id:uuid}/cancel",
        dto=StrictBody[CancelReceiptIn],
        return_dto=None,
        status_code=HTTP_201_CREATED,
        guards=[needs("payments:write")],
        summary="Cancel a cash receipt, all of it or a part",
        responses=writing(404, 409, 502),
    )
    async def cancel(
        self, payment_id: UUID, receipt_id: UUID, data: CancelReceiptIn, cashier: Till, origin: Asker
    ) -> Response[CashReceiptAnswer]:
        """Answers the cancel, a receipt of its own; 202 while Toss has not answered."""
        wish = CancelWish(
            payment_id=PaymentId(payment_id),
            receipt_id=CashReceiptId(receipt_id),
            amount=None if data.amount is UNSET else Krw(data.amount),
        )
        return _answered(await cancelling.cancel_receipt(cashier, wish, origin))

    @get("/", guards=[needs("payments:read")], summary="List a payment's cash receipts", responses=reading(404))
    async def list_receipts(self, payment_id: UUID, cashier: Till, origin: Asker) -> CashReceiptList:
        """In the order they were asked for, cancels and failed ones included."""
        found = await queries.list_receipts(cashier, PaymentId(payment_id), origin)
        return CashReceiptList(
            cash_receipts=[_out(receipt) for receipt in found.receipts],
            own_receipts=found.payment.cash_receipts or [],
            issuable_amount=found.issuable,
            excess_amount=found.excess,
        )


def _answered(view: ReceiptView) -> Response[CashReceiptAnswer]:
    receipt = view.receipt
    body = CashReceiptAnswer(cash_receipt=_out(receipt))
    if receipt.issue_status is not IssueStatus.PENDING:
        return Response(body, status_code=HTTP_201_CREATED)
    headers = {"Retry-After": str(POLL_AFTER_S), "Location": f"/payments/{receipt.payment_id}/cash-receipts"}
    return Response(body, status_code=HTTP_202_ACCEPTED, headers=headers)


def _out(receipt: Receipt) -> CashReceiptOut:
    return CashReceiptOut(**{name: getattr(receipt, name) for name in CashReceiptOut.__struct_fields__})
