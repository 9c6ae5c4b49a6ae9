"""``/api/payments/toss``: seed 2's doors.

``orderId`` is what Toss calls so, the order's number, which we call ``orderNo``; a request may also name the order by
its UUID, which answers give as ``order.id``.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.params import Parameter
from litestar.status_codes import HTTP_200_OK
from msgspec import UNSET, UnsetType

from paywon.base.ids import OrderNo, PaymentKey, order_named
from paywon.base.money import Krw
from paywon.capsules.api import CapsuleOut, capsule_out
from paywon.orders.api import FulfilmentOut, OrderName, fulfilment_out
from paywon.payments.api.common import Asker, RefundAccountIn, Till, answered, shown
from paywon.payments.commands import cancelling, confirming, queries
from paywon.payments.commands.cancelling import RefundWish
from paywon.payments.commands.confirming import Confirmation
from paywon.payments.commands.queries import PaymentView, UnpaidView
from paywon.payments.model import AttemptType, Cancel, CancelStatus, Payment, simple_status
from paywon.toss.codes import bank_name, card_company_name
from paywon.web.auth import needs
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.query import exact_query
from paywon.web.shapes import (
    PAYMENT_KEY,
    Input,
    OrderNoText,
    Output,
    PaymentKeyText,
    Text200,
    Won,
    WonOrZero,
)

KeyInPath = Annotated[str, Parameter(max_length=200, pattern=PAYMENT_KEY)]


class ConfirmIn(Input, frozen=True, kw_only=True):
    """What Toss's redirect carried. ``paymentType`` may be sent along; it decides nothing."""

    examples: ClassVar = (
        {
            "paymentKey": "tgen_20260101000000abcd",
            "orderId": "ORD-1737120000000-7K3M9QW2",
            "amount": 50_000,
            "paymentType": "NORMAL",
        },
    )

    payment_key: PaymentKeyText
    order_id: OrderNoText
    amount: Won
    payment_type: Text200 | None = None


class CancelIn(Input, frozen=True, kw_only=True):
    """No ``cancelAmount`` means all that is left; null is refused, for a client's bug must not cancel everything."""

    examples: ClassVar = (
        {
            "cancelReason": "일정 변경",
            "cancelAmount": 1_000,
            "taxFreeAmount": 0,
            "refundReceiveAccount": {"bank": "06", "accountNumber": "12345678901", "holderName": "홍길동"},
            "allowDuplicate": False,
        },
    )

    cancel_reason: Text200
    cancel_amount: Won | UnsetType = UNSET
    tax_free_amount: WonOrZero | None = None
    refund_receive_account: RefundAccountIn | None = None
    allow_duplicate: bool = False


class CancelOut(Output, frozen=True, kw_only=True):
    id: UUID
    transaction_key: str | None
    cancel_amount: int
    cancel_reason: str
    cancel_status: str
    canceled_at: datetime | None
    tax_free_amount: int | None
    tax_exemption_amount: int | None
    receipt_key: str | None
    refundable_amount: int | None
    easy_pay_discount_amount: int | None
    transfer_discount_amount: int | None


class TossPaymentOut(Output, frozen=True, kw_only=True):
    """Every column of seed 2; ``status`` in Toss's words, ``simpleStatus`` in seed 1's.

    ``cancels`` is what was cancelled; ``openCancels`` may still be, and ``refusedCancels`` were not. ``paymentKey`` is
    the one that Toss knows the payment by, or that is being tried.
    """

    id: UUID
    payment_key: str | None
    order_id: str
    order_no: str
    order_name: str | None
    method: str | None
    status: str
    simple_status: str
    open_request: str | None
    currency: str
    balance_amount: int | None
    total_amount: int
    vat: int | None
    tax_free_amount: int | None
    supplied_amount: int | None
    tax_exemption_amount: int | None
    requested_at: datetime
    approved_at: datetime | None
    receipt_url: str | None
    cash_receipts: list[dict[str, Any]] | None
    last_transaction_key: str | None
    card_type: str | None
    issuer_code: str | None
    issuer_name: str | None
    acquirer_code: str | None
    acquirer_name: str | None
    installment_plan_months: int | None
    is_interest_free: bool | None
    easy_pay_provider: str | None
    virtual_account: dict[str, Any] | None
    fail_code: str | None
    fail_message: str | None
    raw_response: dict[str, Any] | None
    cancels: list[CancelOut]
    open_cancels: list[CancelOut]
    refused_cancels: list[CancelOut]


class OrderLink(Output, frozen=True, kw_only=True):
    """The order of a payment. ``id`` is its UUID, ``orderId`` and ``orderNo`` its number.

    ``expiresAt`` is the due date of the virtual account while its deposit is awaited. ``fulfilment`` says how far the
    hand-over is, and in ``reason`` why it is no further.
    """

    id: UUID
    order_id: str
    order_no: str
    order_name: str
    amount: int
    status: str
    expires_at: datetime
    fulfilment: FulfilmentOut


class TossView(Output, frozen=True, kw_only=True):
    """A stored payment with its cancels, and the order and capsule that it belongs to.

    ``isCurrentKey`` is false only where it was read by an earlier paymentKey that Toss declined: the payment shown is
    not the one under that key, and cannot be cancelled by it.
    """

    payment: TossPaymentOut
    order: OrderLink
    capsule: CapsuleOut | None
    is_current_key: bool


class OrderTossView(Output, frozen=True, kw_only=True):
    """As ``TossView``, where the order may have no payment: ``payment`` is null until the first confirm.

    It stays null for an order of 0 won, which is paid without one.
    """

    payment: TossPaymentOut | None
    order: OrderLink
    capsule: CapsuleOut | None
    is_current_key: bool


class TossPaymentsController(Controller):
    path = "/api/payments/toss"
    tags = ("payments (seed 2)",)
    guards = (exact_query,)

    @post(
        "/confirm",
        dto=StrictBody[ConfirmIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("payments:write")],
        summary="Confirm a payment",
        responses=writing(402, 404, 409, 502),
    )
    async def confirm(self, data: ConfirmIn, cashier: Till, origin: Asker) -> Response[TossView]:
        """Have Toss approve the payment; the order becomes PAID. 202 while Toss has not answered."""
        view = await confirming.confirm_payment(cashier, confirmation(data), origin)
        return answered(view, toss_view(view), status_code=HTTP_200_OK, poll_at=place_of(view))

    @get(
        "/orders/{order:str}",
        guards=[needs("payments:read")],
        summary="Read a payment by its order",
        responses=reading(404),
    )
    async def read_by_order(self, order: OrderName, cashier: Till, origin: Asker) -> Response[OrderTossView]:
        """The payment of an order, by the order's number or UUID; null as long as nothing was confirmed.

        ``Retry-After`` says when to look again while a question to Toss is open.
        """
        view = await queries.find_by_order(cashier, order_named(order), origin)
        body = order_toss_view(view)
        return shown(view, body) if isinstance(view, PaymentView) else Response(body)

    @get(
        "/{payment_key:str}",
        guards=[needs("payments:read")],
        summary="Read a payment by paymentKey",
        responses=reading(404),
    )
    async def read_by_key(self, payment_key: KeyInPath, cashier: Till, origin: Asker) -> Response[TossView]:
        """``Retry-After`` says when to look again while a question to Toss is open."""
        view = await queries.find_by_key(cashier, PaymentKey(payment_key), origin)
        return shown(view, toss_view(view))

    @post(
        "/{payment_key:str}/cancel",
        dto=StrictBody[CancelIn],
        return_dto=None,
        status_code=HTTP_200_OK,
        guards=[needs("refunds:write")],
        summary="Cancel all or part of a payment",
        responses=writing(402, 404, 409, 502),
    )
    async def cancel(self, payment_key: KeyInPath, data: CancelIn, cashier: Till, origin: Asker) -> Response[TossView]:
        """The money goes back; 202 while Toss has not answered."""
        payment_id = await queries.payment_to_cancel(cashier, PaymentKey(payment_key), origin)
        wish = RefundWish(
            allow_duplicate=data.allow_duplicate,
            kind=AttemptType.PAYMENT_CANCELLATION,
            reason=data.cancel_reason,
            amount=None if data.cancel_amount is UNSET else Krw(data.cancel_amount),
            tax_free_amount=Krw(data.tax_free_amount) if data.tax_free_amount is not None else None,
            account=data.refund_receive_account.for_toss() if data.refund_receive_account else None,
            amount_field="cancelAmount",
            payment_key=PaymentKey(payment_key),
        )
        view = await cancelling.refund_payment(cashier, payment_id, wish, origin)
        return answered(view, toss_view(view), status_code=HTTP_200_OK, poll_at=place_of(view))


def confirmation(data: ConfirmIn) -> Confirmation:
    return Confirmation(
        payment_key=PaymentKey(data.payment_key), order_no=OrderNo(data.order_id), amount=Krw(data.amount)
    )


def place_of(view: PaymentView) -> str:
    return f"/api/payments/toss/orders/{view.payment.order_no}"


def order_toss_view(view: PaymentView | UnpaidView) -> OrderTossView:
    return OrderTossView(
        payment=_payment_out(view) if isinstance(view, PaymentView) else None,
        order=_order_link(view),
        capsule=capsule_out(view.capsule, view.order.order_no) if view.capsule else None,
        is_current_key=True,
    )


def toss_view(view: PaymentView) -> TossView:
    return TossView(
        payment=_payment_out(view),
        order=_order_link(view),
        capsule=capsule_out(view.capsule, view.order.order_no) if view.capsule else None,
        is_current_key=view.is_current_key,
    )


def _order_link(view: PaymentView | UnpaidView) -> OrderLink:
    order = view.order
    due = view.payment.due_at if isinstance(view, PaymentView) and view.payment.awaits_deposit else None
    return OrderLink(
        id=order.id,
        order_id=order.order_no,
        order_no=order.order_no,
        order_name=order.order_name,
        amount=order.amount,
        status=order.status,
        expires_at=due or order.expires_at,
        fulfilment=fulfilment_out(order, view.capsule.id if view.capsule else None),
    )


def _payment_out(view: PaymentView) -> TossPaymentOut:
    payment = view.payment
    done, still_open, refused = _sorted(view.cancels)
    told: dict[str, Any] = {
        "payment_key": view.payment_key,
        "order_id": payment.order_no,
        "simple_status": simple_status(payment, confirming=view.confirming),
        "open_request": view.attempt.type if view.attempt is not None and view.in_doubt else None,
        "issuer_name": card_company_name(payment.issuer_code) if payment.issuer_code else None,
        "acquirer_name": card_company_name(payment.acquirer_code) if payment.acquirer_code else None,
        "virtual_account": account_out(payment),
        "cancels": done,
        "open_cancels": still_open,
        "refused_cancels": refused,
    }
    same = {name: getattr(payment, name) for name in TossPaymentOut.__struct_fields__ if name not in told}
    return TossPaymentOut(**same, **told)


def account_out(payment: Payment) -> dict[str, Any] | None:
    """Show a virtual account as Toss does, with its bank's name and the payer's."""
    account = payment.virtual_account
    if not account:
        return account
    told = {"bankName": bank_name(str(account["bankCode"])) if account.get("bankCode") else None}
    # What Toss answered is stored masked; the payer is known from when the account was issued, until forgotten.
    payer = (payment.customer or {}).get("name")
    return account | told | ({"customerName": payer} if payer else {})


def _sorted(cancels: list[Cancel]) -> tuple[list[CancelOut], list[CancelOut], list[CancelOut]]:
    """Return what was cancelled, what may still be, and what was not."""
    rows = [_cancel_out(cancel) for cancel in cancels]
    refused = [each for each in rows if each.cancel_status in (CancelStatus.FAILED, CancelStatus.ABORTED)]
    still_open = [each for each in rows if each.cancel_status in (CancelStatus.PENDING, CancelStatus.IN_PROGRESS)]
    return [each for each in rows if each not in refused and each not in still_open], still_open, refused


def _cancel_out(cancel: Cancel) -> CancelOut:
    return CancelOut(**{name: getattr(cancel, name) for name in CancelOut.__struct_fields__})
