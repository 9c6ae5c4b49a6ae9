"""``/payments/success`` and ``/payments/fail``: where Toss sends the customer's browser back to.

They are there where ``PAYWON_RETURN_TO`` says where the customer goes on from them. Neither believes what the address
says: the order is looked up, and what is then known is told as ``status``.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from litestar import Controller, Request, get
from litestar.datastructures import State
from litestar.params import Parameter
from litestar.response import Redirect
from litestar.status_codes import HTTP_303_SEE_OTHER

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, PaymentKey
from paywon.base.links import with_query
from paywon.base.money import MAX_KRW, Krw
from paywon.orders.model import STANDING, OrderStatus
from paywon.payments.api.common import Till
from paywon.payments.commands import confirming, queries
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.confirming import Confirmation
from paywon.payments.commands.queries import PaymentView, UnpaidView
from paywon.payments.model import PAYING
from paywon.web.address import client_address
from paywon.web.auth import OPEN
from paywon.web.openapi import OpenOperation, reading
from paywon.web.shapes import END, ORDER_NO, PAYMENT_KEY

OrderQuery = Annotated[str, Parameter(query="orderId", min_length=6, max_length=64, pattern=ORDER_NO)]
MaybeOrderQuery = Annotated[str | None, Parameter(query="orderId", min_length=6, max_length=64, pattern=ORDER_NO)]
KeyQuery = Annotated[str, Parameter(query="paymentKey", min_length=1, max_length=200, pattern=PAYMENT_KEY)]
AmountQuery = Annotated[int, Parameter(ge=1, le=MAX_KRW)]
CodeQuery = Annotated[str | None, Parameter(max_length=100, pattern=r"^[A-Za-z0-9_.-]+" + END)]

_CUSTOMER: Final = "customer:return"


class ReturnStatus(StrEnum):
    """What the customer's app is told of an order; ``unknown``: there is no such order, or nobody could look."""

    PAID = "paid"
    AWAITING_DEPOSIT = "awaiting_deposit"
    IN_PROGRESS = "in_progress"
    UNPAID = "unpaid"
    CLOSED = "closed"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


class ReturnController(Controller):
    path = "/payments"
    tags = ("payments (seed 1)",)

    @get(
        "/success",
        opt={OPEN: True},
        status_code=HTTP_303_SEE_OTHER,
        summary="Confirm what the customer has authenticated, and send the customer on",
        responses=reading(),
        operation_class=OpenOperation,
    )
    async def success(
        self,
        request: Request[Any, Any, Any],
        state: State,
        cashier: Till,
        payment_key: KeyQuery,
        order_id: OrderQuery,
        amount: AmountQuery,
    ) -> Redirect:
        """Toss's successUrl. Coming back twice asks Toss once."""
        origin = Origin(actor=_CUSTOMER, ip_address=client_address(request))
        told = Confirmation(payment_key=PaymentKey(payment_key), order_no=OrderNo(order_id), amount=Krw(amount))
        try:
            await confirming.confirm_payment(cashier, told, origin)
        except PaywonError as error:
            return await _send_on(cashier, state, origin, order_id, str(error.extra.get("providerCode") or error.code))
        return await _send_on(cashier, state, origin, order_id, None)

    @get(
        "/fail",
        opt={OPEN: True},
        status_code=HTTP_303_SEE_OTHER,
        summary="Look up what came of a payment that Toss says failed, and send the customer on",
        responses=reading(),
        operation_class=OpenOperation,
    )
    async def fail(
        self,
        request: Request[Any, Any, Any],
        state: State,
        cashier: Till,
        order_id: MaybeOrderQuery = None,
        code: CodeQuery = None,
    ) -> Redirect:
        """Toss's failUrl. Without orderId (the customer closed the window) nothing is said about any money."""
        origin = Origin(actor=_CUSTOMER, ip_address=client_address(request))
        return await _send_on(cashier, state, origin, order_id, code)


async def _send_on(cashier: Cashier, state: State, origin: Origin, order_no: str | None, code: str | None) -> Redirect:
    """Send the customer to the application with what is known of the order; ``code`` only where it is not paid."""
    status = await _known(cashier, origin, order_no)
    told = {"orderId": order_no or "", "status": status.value}
    if code is not None and status in (ReturnStatus.UNPAID, ReturnStatus.UNKNOWN):
        told["code"] = code
    link = with_query(state.return_to, **{name: value for name, value in told.items() if value})
    return Redirect(path=link, status_code=HTTP_303_SEE_OTHER)


async def _known(cashier: Cashier, origin: Origin, order_no: str | None) -> ReturnStatus:
    if order_no is None:
        return ReturnStatus.UNKNOWN
    try:
        return told_of(await queries.find_by_order(cashier, OrderNo(order_no), origin))
    except PaywonError:
        return ReturnStatus.UNKNOWN


def told_of(view: PaymentView | UnpaidView) -> ReturnStatus:
    """Say in a word how far an order is."""
    order = view.order
    if order.status in STANDING:
        return ReturnStatus.PAID
    if order.status is OrderStatus.REFUNDED:
        return ReturnStatus.REFUNDED
    if isinstance(view, PaymentView):
        if view.in_doubt and view.attempt is not None and view.attempt.type in PAYING:
            return ReturnStatus.IN_PROGRESS
        if view.payment.awaits_deposit:
            return ReturnStatus.AWAITING_DEPOSIT
    return ReturnStatus.UNPAID if order.status is OrderStatus.PENDING_PAYMENT else ReturnStatus.CLOSED
