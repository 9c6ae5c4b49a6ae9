"""``/api/payments/toss/virtual-accounts``: seed 2's door for accounts that the server has issued."""

from typing import Annotated, ClassVar, Literal

from litestar import Controller, Response, post
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Meta

from paywon.base.ids import OrderNo
from paywon.base.money import Krw
from paywon.payments.api.common import Asker, Till, answered
from paywon.payments.api.seed2 import TossView, place_of, toss_view
from paywon.payments.commands import issuing
from paywon.payments.commands.issuing import AccountWish
from paywon.toss.wire import VirtualAccountReceipt
from paywon.web.auth import needs
from paywon.web.body import StrictBody
from paywon.web.openapi import writing
from paywon.web.query import exact_query
from paywon.web.shapes import Digits30, Email, Input, Instant, OrderNoText, Phone, Text20, Text100, Won

ValidHours = Annotated[int, Meta(ge=1, le=2160, description="hours until the account closes (toss/api.md 6)")]


class CashReceiptIn(Input, frozen=True, kw_only=True):
    """The cash receipt that Toss issues after the deposit (toss/api.md 6)."""

    type: Literal["소득공제", "지출증빙", "미발행"]
    registration_number: Digits30 | None = None


class AccountIn(Input, frozen=True, kw_only=True):
    """What account to issue for an order; ``validHours`` or ``dueDate``, not both (168 hours without either)."""

    examples: ClassVar = (
        {
            "orderId": "ORD-1737120000000-7K3M9QW2",
            "amount": 50_000,
            "bank": "국민은행",
            "customerName": "홍길동",
            "orderName": "병원 예약",
            "validHours": 24,
            "customerEmail": "hong@example.com",
            "customerMobilePhone": "01012345678",
            "cashReceipt": {"type": "소득공제", "registrationNumber": "01012345678"},
        },
    )

    order_id: OrderNoText
    bank: Text20
    customer_name: Text100
    amount: Won | None = None
    order_name: Text100 | None = None
    valid_hours: ValidHours | None = None
    due_date: Instant | None = None
    customer_email: Email | None = None
    customer_mobile_phone: Phone | None = None
    cash_receipt: CashReceiptIn | None = None


class VirtualAccountsController(Controller):
    path = "/api/payments/toss/virtual-accounts"
    tags = ("payments (seed 2)",)
    guards = (exact_query,)

    @post(
        "/",
        dto=StrictBody[AccountIn],
        return_dto=None,
        status_code=HTTP_201_CREATED,
        guards=[needs("payments:write")],
        summary="Issue a virtual account",
        responses=writing(402, 404, 409, 502),
    )
    async def issue(self, data: AccountIn, cashier: Till, origin: Asker) -> Response[TossView]:
        """The customer transfers exactly the order's amount to ``payment.virtualAccount`` before its due date."""
        view = await issuing.issue_account(cashier, _wish(data), origin)
        return answered(view, toss_view(view), status_code=HTTP_201_CREATED, poll_at=place_of(view))


def _wish(data: AccountIn) -> AccountWish:
    receipt = data.cash_receipt
    return AccountWish(
        order_no=OrderNo(data.order_id),
        bank=data.bank,
        customer_name=data.customer_name,
        amount=None if data.amount is None else Krw(data.amount),
        order_name=data.order_name,
        valid_hours=data.valid_hours,
        due_date=data.due_date,
        customer_email=data.customer_email,
        customer_mobile_phone=data.customer_mobile_phone,
        cash_receipt=(
            VirtualAccountReceipt(type=receipt.type, registration_number=receipt.registration_number)
            if receipt
            else None
        ),
    )
