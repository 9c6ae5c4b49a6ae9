"""``/api/orders``."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.params import Dependency, Parameter
from litestar.status_codes import HTTP_200_OK
from msgspec import Meta

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId, order_named
from paywon.base.money import Krw
from paywon.idempotency.model import Claim
from paywon.orders import commands
from paywon.orders.commands import OrderBook, OrderWish
from paywon.orders.model import KIND, FulfilmentKind, Maker, Order, OrderView, TimeOption
from paywon.web.auth import Principal, needs, user_of
from paywon.web.body import StrictBody
from paywon.web.openapi import reading, writing
from paywon.web.query import exact_query
from paywon.web.shapes import (
    END,
    ORDER_NO,
    Currency,
    Input,
    Instant,
    Metadata,
    Options,
    Output,
    Text100,
    Whose,
    WonOrZero,
    Word,
)

Key = Annotated[Claim | None, Dependency(skip_validation=True)]
Book = Annotated[OrderBook, Dependency(skip_validation=True)]
OrderName = Annotated[
    str, Parameter(min_length=6, max_length=64, pattern=ORDER_NO, description="the order's UUID, or its number")
]


class FulfilmentIn(Input, frozen=True, kw_only=True):
    """What happens once the order is paid: ``none``, ``event``, ``time_capsule`` or a plug-in's kind.

    ``timeOption`` to ``title`` belong to ``time_capsule`` alone, ``options`` to plug-ins.
    """

    kind: Annotated[str, Meta(min_length=1, max_length=40, pattern=f"^{KIND}{END}")]
    time_option: TimeOption | None = None
    custom_open_at: Instant | None = None
    headcount: Annotated[int, Meta(ge=1, le=10)] | None = None
    title: Text100 | None = None
    options: Options | None = None


class CreateOrder(Input, frozen=True, kw_only=True):
    # Without expiresAt: it may be a month ahead at most, and an example has to work on the day on which it is sent.
    examples: ClassVar = (
        {
            "orderName": "타임캡슐 4인",
            "amount": 12_000,
            "userId": "user-7",
            "taxFreeAmount": 2_000,
            "currency": "KRW",
            "resourceType": "booking",
            "resourceId": "booking-1",
            "metadata": {"campaign": "여름"},
            "fulfilment": {
                "kind": "time_capsule",
                "timeOption": "CUSTOM",
                "customOpenAt": "2999-12-25T09:00:00+09:00",
                "headcount": 4,
                "title": "우리의 여름",
            },
        },
    )

    order_name: Text100
    amount: WonOrZero
    user_id: Whose | None = None
    tax_free_amount: WonOrZero = 0
    currency: Currency = "KRW"
    resource_type: Word | None = None
    resource_id: Word | None = None
    expires_at: Instant | None = None
    metadata: Metadata | None = None
    fulfilment: FulfilmentIn | None = None


class FulfilmentOut(Output, frozen=True, kw_only=True):
    kind: str
    status: str
    reason: str | None
    capsule_id: UUID | None


class OrderOut(Output, frozen=True, kw_only=True):
    """``id`` is the UUID; ``orderId`` is the number, as Toss calls it, and ``orderNo`` the same as we call it.

    ``expiresAt`` is the due date of the virtual account while its deposit is awaited.
    """

    id: UUID
    order_id: str
    order_no: str
    order_name: str
    amount: int
    tax_free_amount: int
    currency: str
    status: str
    user_id: str
    resource_type: str | None
    resource_id: str | None
    fulfilment: FulfilmentOut
    payment_key: str | None
    metadata: dict[str, Any] | None
    expires_at: datetime
    paid_at: datetime | None
    created_at: datetime


class OrdersController(Controller):
    path = "/api/orders"
    tags = ("orders",)
    guards = (exact_query,)

    @post(
        dto=StrictBody[CreateOrder],
        return_dto=None,
        guards=[needs("orders:write")],
        summary="Place an order",
        responses=writing(409),
    )
    async def create(
        self, data: CreateOrder, book: Book, claim: Key, request: Request[Principal, None, Any]
    ) -> OrderOut:
        """Price, buyer and fulfilment of what is going to be paid. Toss's window is opened with ``orderNo``.

        An order of 0 won, which only an API key may place, is paid at once and has no payment.
        """
        owner = request.user.owner
        user_id = user_of(owner, data.user_id)
        made_by = Maker.SERVER if owner is None else Maker.USER
        order = await commands.place_order(book, _wish(data, user_id, made_by), claim)
        if order.is_free:
            return order_out(await commands.find_order(book, order.id, owner=owner))
        return order_out(OrderView(order=order, capsule_id=None, payment_key=None))

    @get("/{order:str}", guards=[needs("orders:read")], summary="Read an order", responses=reading(404))
    async def read(self, order: OrderName, book: Book, request: Request[Principal, None, Any]) -> OrderOut:
        """By its UUID or its number."""
        return order_out(await commands.find_order(book, order_named(order), owner=request.user.owner))

    @post(
        "/{order:str}/cancel",
        status_code=HTTP_200_OK,
        guards=[needs("orders:write")],
        summary="Withdraw an unpaid order",
        responses=writing(404, 409),
    )
    async def cancel(
        self, order: OrderName, book: Book, claim: Key, request: Request[Principal, None, Any]
    ) -> OrderOut:
        """By its UUID or its number. Once withdrawn, a repeat answers the same; a late confirm is refused uncharged.

        409 while Toss is being asked about it, or while a virtual account awaits its deposit: cancel that first.
        """
        return order_out(await commands.withdraw_order(book, order_named(order), owner=request.user.owner, claim=claim))


def order_out(view: OrderView) -> OrderOut:
    order = view.order
    return OrderOut(
        id=order.id,
        order_id=order.order_no,
        order_no=order.order_no,
        order_name=order.order_name,
        amount=order.amount,
        tax_free_amount=order.tax_free_amount,
        currency=order.currency,
        status=order.status,
        user_id=order.user_id,
        resource_type=order.resource_type,
        resource_id=order.resource_id,
        fulfilment=fulfilment_out(order, view.capsule_id),
        payment_key=view.payment_key,
        metadata=order.metadata,
        expires_at=view.expires_at,
        paid_at=order.paid_at,
        created_at=order.created_at,
    )


def fulfilment_out(order: Order, capsule_id: UUID | None) -> FulfilmentOut:
    """Say what an order pays for, how far its hand-over is, and why it is no further."""
    return FulfilmentOut(
        kind=order.fulfilment_kind,
        status=order.fulfilment_status,
        reason=order.fulfilment_reason,
        capsule_id=capsule_id,
    )


def _wish(data: CreateOrder, user_id: UserId, made_by: Maker) -> OrderWish:
    if data.currency != "KRW":
        raise PaywonError("CURRENCY_NOT_SUPPORTED", field="currency")
    asked = data.fulfilment or FulfilmentIn(kind=FulfilmentKind.NONE)
    return OrderWish(
        user_id=user_id,
        order_name=data.order_name,
        amount=Krw(data.amount),
        tax_free_amount=Krw(data.tax_free_amount),
        resource_type=data.resource_type,
        resource_id=data.resource_id,
        fulfilment_kind=asked.kind,
        fulfilment_options=_options(asked),
        expires_at=data.expires_at,
        metadata=data.metadata,
        made_by=made_by,
    )


def _options(asked: FulfilmentIn) -> dict[str, Any] | None:
    """Answer the options of a fulfilment as it takes them, whichever fields they came in."""
    own = {
        "timeOption": asked.time_option,
        "headcount": asked.headcount,
        "title": asked.title,
        "customOpenAt": asked.custom_open_at,
    }
    is_capsule = asked.kind == FulfilmentKind.TIME_CAPSULE
    wrong = [name for name, value in {**own, "options": asked.options}.items() if value is not None]
    if is_capsule:
        wrong = [] if asked.options is None else ["options"]
    elif asked.options is not None:
        wrong.remove("options")
    if wrong:
        raise PaywonError("FULFILMENT_FIELDS", field=f"fulfilment.{wrong[0]}")
    return own if is_capsule else asked.options
