"""``/payments``: seed 1's doors."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import UNSET, UnsetType

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, PaymentId, UserId
from paywon.base.money import Krw
from paywon.base.redaction import last_four_in
from paywon.orders.commands import OrderWish
from paywon.orders.model import Maker
from paywon.payments.api.common import Asker, RefundAccountIn, Till, answered, shown
from paywon.payments.api.seed2 import ConfirmIn, account_out, confirmation
from paywon.payments.commands import cancelling, confirming, queries, requesting
from paywon.payments.commands.cancelling import RefundWish
from paywon.payments.commands.queries import PaymentView
from paywon.payments.commands.requesting import PaymentWish
from paywon.payments.history import store as history
from paywon.payments.model import (
    OVER_WITHOUT_MONEY,
    Attempt,
    AttemptType,
    Payment,
    PaymentMethod,
    SimpleStatus,
    simple_status,
)
from paywon.web.auth import needs, needs_of_user, only_own, user_of
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.paging import decode_cursor, encode_cursor
from paywon.web.query import exact_query
from paywon.web.shapes import (
    ORDER_NO,
    WORD,
    Email,
    Input,
    Metadata,
    Output,
    Phone,
    Text100,
    Text200,
    Url,
    Whose,
    Won,
    WonOrZero,
    Word,
)

UserQuery = Annotated[str | None, Parameter(query="userId", max_length=64, pattern=WORD)]
ResourceTypeQuery = Annotated[str | None, Parameter(query="resourceType", min_length=1, max_length=64, pattern=WORD)]
ResourceIdQuery = Annotated[str | None, Parameter(query="resourceId", min_length=1, max_length=64, pattern=WORD)]
OrderNoQuery = Annotated[str | None, Parameter(query="orderNo", min_length=6, max_length=64, pattern=ORDER_NO)]
PageQuery = Annotated[int, Parameter(ge=1, le=10_000)]
LimitQuery = Annotated[int, Parameter(ge=1, le=100)]
CursorQuery = Annotated[str | None, Parameter(max_length=200)]


class RequestIn(Input, frozen=True, kw_only=True):
    """Seed 1's payment request; an order is created with it."""

    examples: ClassVar = (
        {
            "userId": "6f1c0f0e-7a54-4d7e-9a51-0c5d3c6f0001",
            "amount": 50_000,
            "paymentMethod": "card",
            "resourceType": "booking",
            "resourceId": "booking-1",
            "customerName": "홍길동",
            "customerEmail": "hong@example.com",
            "customerMobilePhone": "01012345678",
            "description": "병원 예약 결제",
            "orderName": "병원 예약",
            "taxFreeAmount": 0,
            "metadata": {"hospital": "서울"},
            "successUrl": "https://shop.example/success",
            "failUrl": "https://shop.example/fail",
        },
    )

    user_id: Whose | None = None
    amount: Won
    payment_method: PaymentMethod
    resource_type: Word | None = None
    resource_id: Word | None = None
    customer_name: Text100 | None = None
    customer_email: Email | None = None
    customer_mobile_phone: Phone | None = None
    description: Text200 | None = None
    order_name: Text100 | None = None
    tax_free_amount: WonOrZero = 0
    metadata: Metadata | None = None
    success_url: Url | None = None
    fail_url: Url | None = None


class RefundIn(Input, frozen=True, kw_only=True):
    """No ``refundAmount`` means all that is left; null is refused, for a client's bug must not refund everything."""

    examples: ClassVar = (
        {
            "refundReason": "일정 변경",
            "refundAmount": 10_000,
            "taxFreeAmount": 0,
            "refundReceiveAccount": {"bank": "국민은행", "accountNumber": "12345678901", "holderName": "홍길동"},
            "allowDuplicate": False,
        },
    )

    refund_reason: Text200
    refund_amount: Won | UnsetType = UNSET
    tax_free_amount: WonOrZero | None = None
    refund_receive_account: RefundAccountIn | None = None
    allow_duplicate: bool = False


class PaymentOut(Output, frozen=True, kw_only=True):
    """Seed 1's payment. ``orderId`` and ``orderNo`` are the order's number, ``status`` is lower-case.

    ``openRequest`` names the question to Toss that is still open (``payment_confirmation``, ``refund_request``, …);
    poll until it is null. A list only knows of confirmations.
    """

    id: UUID
    payment_number: str
    user_id: str
    resource_type: str | None
    resource_id: str | None
    amount: int
    currency: str
    payment_method: str | None
    provider: str
    status: str
    open_request: str | None
    order_id: str
    order_no: str
    payment_key: str | None
    method: str | None
    refunded_amount: int
    refundable_amount: int | None
    refund_reason: str | None
    card_company: str | None
    card_last_four_digits: str | None
    card_type: str | None
    approval_number: str | None
    installment_plan_months: int | None
    easy_pay_provider: str | None
    virtual_account: dict[str, Any] | None
    receipt_url: str | None
    cash_receipts: list[dict[str, Any]] | None
    checkout_url: str | None
    failure_code: str | None
    failure_reason: str | None
    description: str | None
    metadata: dict[str, Any] | None
    approved_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RequestOut(Output, frozen=True, kw_only=True):
    payment: PaymentOut
    checkout_url: str | None


class PaymentAnswer(Output, frozen=True, kw_only=True):
    payment: PaymentOut


class PaymentList(Output, frozen=True, kw_only=True):
    payments: list[PaymentOut]
    total: int
    page: int
    limit: int
    next_cursor: str | None


class TransactionOut(Output, frozen=True, kw_only=True):
    """One row of the audit trail, redacted."""

    id: UUID
    type: str
    status: str
    amount: int | None
    outcome: str | None
    http_status: int | None
    error_code: str | None
    error_message: str | None
    request_data: dict[str, Any] | None
    response_data: dict[str, Any] | None
    processing_time_ms: int | None
    retry_count: int
    caused_by: UUID | None
    actor: str | None
    ip_address: str | None
    user_agent: str | None
    created_at: datetime
    closed_at: datetime | None


class TransactionList(Output, frozen=True, kw_only=True):
    transactions: list[TransactionOut]
    next_cursor: str | None


class ReceiptOut(Output, frozen=True, kw_only=True):
    receipt_url: str


class PaymentsController(Controller):
    path = "/payments"
    tags = ("payments (seed 1)",)
    guards = (exact_query,)

    @post(
        "/request",
        dto=StrictBody[RequestIn],
        return_dto=None,
        guards=[needs("payments:write"), needs_of_user("orders:write")],
        summary="Request a payment",
        responses=writing(409, 502),
    )
    async def request_payment(self, data: RequestIn, cashier: Till, origin: Asker) -> Response[RequestOut]:
        """Create an order with its payment and open Toss's payment window at ``checkoutUrl``.

        Where the resource has an unpaid order of the same user and amount, a new window is opened for that order.
        It places an order with an amount, so a user's token needs ``orders:write`` too.
        """
        user_id = user_of(origin.owner, data.user_id)
        made_by = Maker.SERVER if origin.owner is None else Maker.USER
        view = await requesting.request_payment(cashier, _wish(data, user_id, made_by), origin)
        payment = seed1_view(view)
        body = RequestOut(payment=payment, checkout_url=payment.checkout_url)
        return answered(view, body, status_code=HTTP_201_CREATED, poll_at=_place(view))

    @post(
        "/confirm",
        dto=StrictBody[ConfirmIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("payments:write")],
        summary="Confirm a payment",
        responses=writing(402, 404, 409, 502),
    )
    async def confirm(self, data: ConfirmIn, cashier: Till, origin: Asker) -> Response[PaymentAnswer]:
        view = await confirming.confirm_payment(cashier, confirmation(data), origin)
        return answered(view, PaymentAnswer(payment=seed1_view(view)), status_code=HTTP_200_OK, poll_at=_place(view))

    @post(
        "/{payment_id:uuid}/refund",
        dto=StrictBody[RefundIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("refunds:write")],
        summary="Refund all or part of a payment",
        responses=writing(402, 404, 409, 502),
    )
    async def refund(self, payment_id: UUID, data: RefundIn, cashier: Till, origin: Asker) -> Response[PaymentAnswer]:
        wish = RefundWish(
            allow_duplicate=data.allow_duplicate,
            kind=AttemptType.REFUND_REQUEST,
            reason=data.refund_reason,
            amount=None if data.refund_amount is UNSET else Krw(data.refund_amount),
            tax_free_amount=Krw(data.tax_free_amount) if data.tax_free_amount is not None else None,
            account=data.refund_receive_account.for_toss() if data.refund_receive_account else None,
        )
        view = await cancelling.refund_payment(cashier, PaymentId(payment_id), wish, origin)
        return answered(view, PaymentAnswer(payment=seed1_view(view)), status_code=HTTP_200_OK, poll_at=_place(view))

    @get("/{payment_id:uuid}", guards=[needs("payments:read")], summary="Read a payment", responses=reading(404))
    async def read(self, payment_id: UUID, cashier: Till, origin: Asker) -> Response[PaymentOut]:
        """``Retry-After`` says when to look again while a question to Toss is open."""
        view = await queries.find_by_id(cashier, PaymentId(payment_id), origin)
        return shown(view, seed1_view(view))

    @get("/", guards=[needs("payments:read")], summary="List payments, newest first", responses=reading())
    async def list_payments(
        self,
        cashier: Till,
        origin: Asker,
        user_id: UserQuery = None,
        status: SimpleStatus | None = None,
        resource_type: ResourceTypeQuery = None,
        resource_id: ResourceIdQuery = None,
        order_no: OrderNoQuery = None,
        page: PageQuery = 1,
        limit: LimitQuery = 20,
        cursor: CursorQuery = None,
    ) -> PaymentList:
        """By ``page`` and ``limit``, or from ``nextCursor``, which stays fast however far it goes."""
        only_own(origin.owner, user_id)
        after = decode_cursor(cursor)
        wanted = history.PageFilter(
            user_id=UserId(user_id) if user_id else origin.owner,
            status=status,
            resource_type=resource_type,
            resource_id=resource_id,
            order_no=OrderNo(order_no) if order_no else None,
            after=(after[0], PaymentId(after[1])) if after else None,
            limit=limit,
            offset=0 if after else (page - 1) * limit,
        )
        found = await queries.list_payments(cashier, wanted)
        last = found.payments[-1] if len(found.payments) == limit else None
        return PaymentList(
            payments=[_listed(payment, confirming=payment.id in found.confirming) for payment in found.payments],
            total=found.total,
            page=page,
            limit=limit,
            next_cursor=encode_cursor(last.created_at, last.id) if last else None,
        )

    @get(
        "/{payment_id:uuid}/transactions",
        guards=[needs("payments:read")],
        summary="Read the audit trail",
        responses=reading(404),
    )
    async def transactions(
        self,
        payment_id: UUID,
        cashier: Till,
        origin: Asker,
        limit: LimitQuery = 100,
        cursor: CursorQuery = None,
    ) -> TransactionList:
        """Every question to Toss about this payment, what came of it, and the webhooks worked, oldest first.

        A ``webhook_received`` row has its webhook's id, and no outcome, for it is no answer.
        """
        rows = await queries.list_transactions(
            cashier, PaymentId(payment_id), origin, after=decode_cursor(cursor), limit=limit
        )
        last = rows[-1] if len(rows) == limit else None
        return TransactionList(
            transactions=[transaction_out(row, origin) for row in rows],
            next_cursor=encode_cursor(last.created_at, last.id) if last else None,
        )

    @get(
        "/{payment_id:uuid}/receipt",
        guards=[needs("payments:read")],
        summary="Find the receipt",
        responses=reading(404),
    )
    async def receipt(self, payment_id: UUID, cashier: Till, origin: Asker) -> ReceiptOut:
        view = await queries.find_by_id(cashier, PaymentId(payment_id), origin)
        if view.payment.receipt_url is None:
            raise PaywonError("RECEIPT_NOT_AVAILABLE")
        return ReceiptOut(receipt_url=view.payment.receipt_url)


def _wish(data: RequestIn, user_id: UserId, made_by: Maker) -> PaymentWish:
    customer = {
        "name": data.customer_name,
        "email": data.customer_email,
        "mobilePhone": data.customer_mobile_phone,
    }
    return PaymentWish(
        order=OrderWish(
            user_id=user_id,
            order_name=data.order_name or (data.description or "결제")[:100],
            amount=Krw(data.amount),
            tax_free_amount=Krw(data.tax_free_amount),
            resource_type=data.resource_type,
            resource_id=data.resource_id,
            metadata=data.metadata,
            made_by=made_by,
        ),
        method=data.payment_method,
        customer={name: value for name, value in customer.items() if value},
        description=data.description,
        success_url=data.success_url,
        fail_url=data.fail_url,
    )


def _place(view: PaymentView) -> str:
    return f"/payments/{view.payment.id}"


def seed1_view(view: PaymentView) -> PaymentOut:
    open_request = view.attempt.type if view.attempt is not None and view.in_doubt else None
    payment = replace(view.payment, payment_key=view.payment_key)
    return payment_out(payment, confirming=view.confirming, open_request=open_request)


def payment_out(payment: Payment, *, confirming: bool, open_request: str | None) -> PaymentOut:
    renamed: dict[str, Any] = {
        "amount": payment.total_amount,
        "status": simple_status(payment, confirming=confirming),
        "open_request": open_request,
        "order_id": payment.order_no,
        "virtual_account": account_out(payment),
        # Nobody is sent to a window that is over.
        "checkout_url": None if payment.status in OVER_WITHOUT_MONEY else payment.checkout_url,
        "refundable_amount": payment.balance_amount if payment.approved_at else None,
        "approval_number": payment.card_approval_number,
        "failure_code": payment.fail_code,
        "failure_reason": payment.fail_message,
    }
    same = {name: getattr(payment, name) for name in PaymentOut.__struct_fields__ if name not in renamed}
    return PaymentOut(**same, **renamed)


def _listed(payment: Payment, *, confirming: bool) -> PaymentOut:
    open_request = AttemptType.PAYMENT_CONFIRMATION if confirming else None
    return payment_out(payment, confirming=confirming, open_request=open_request)


def transaction_out(row: Attempt, origin: Asker) -> TransactionOut:
    shown = {name: getattr(row, name) for name in TransactionOut.__struct_fields__}
    shown["response_data"] = last_four_in(row.response_data)
    if origin.owner is not None and row.actor != origin.actor:
        # Who else touched a user's payment, and from where, is the shop's business and not theirs.
        shown |= dict.fromkeys(("actor", "ip_address", "user_agent"))
    return TransactionOut(**shown)
