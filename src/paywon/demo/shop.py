"""What the demo shop sells, and how it asks paywon for money: the host application's part of the story."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

import aiohttp
import msgspec
from msgspec import Meta

from paywon.base.clock import KST
from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, UserId
from paywon.base.money import Krw
from paywon.orders import store as orders
from paywon.orders.commands import OrderWish, place_order
from paywon.orders.model import FulfilmentKind, Order, TimeOption
from paywon.payments.commands.cashier import Origin
from paywon.payments.commands.requesting import PaymentWish, request_payment
from paywon.payments.model import PaymentMethod
from paywon.web.shapes import Word
from paywon.wiring import House

CUSTOMER: Final = UserId("demo-customer")
BOOKING_PRICE: Final = Krw(50_000)
CAPSULE_PRICE: Final = Krw(15_000)
_ORDER_NO: Final = re.compile(r"[A-Za-z0-9_-]{6,64}", re.ASCII)
_SANDBOX_TIMEOUT_S: Final = 5.0

ShortText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Form(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A form of the shop. ``ticket`` is new with every page: sent twice, it is still one purchase."""

    ticket: Word


class BookingForm(Form, frozen=True, kw_only=True):
    pet_name: ShortText
    payment_method: Literal["card", "transfer", "virtual_account", "mobile"]


class CapsuleForm(Form, frozen=True, kw_only=True):
    """``open_on`` is what a browser's date field sends, and counts with CUSTOM alone."""

    title: ShortText
    headcount: Annotated[int, Meta(ge=1, le=10)]
    time_option: TimeOption
    open_on: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """An order whose customer can now be sent to Toss; ``url`` is None while Toss has not answered."""

    order_no: OrderNo
    url: str | None


async def book_visit(house: House, form: BookingForm, origin: Origin) -> Checkout:
    """Ask paywon for a payment with its window, as ``POST /payments/request`` does.

    Raises:
        PaywonError: what Toss refused.
    """
    wish = PaymentWish(
        order=OrderWish(
            user_id=CUSTOMER,
            order_name=f"동물병원 예약 · {form.pet_name}",
            amount=BOOKING_PRICE,
            resource_type="booking",
            resource_id=form.ticket,
        ),
        method=PaymentMethod(form.payment_method),
        customer={"name": "김보호"},
        description="동물병원 예약",
        success_url=None,
        fail_url=None,
    )
    # Where the button is pressed twice, the order gets a second window.
    view = await request_payment(house.cashier, wish, origin)
    return Checkout(order_no=view.order.order_no, url=view.payment.checkout_url)


async def buy_capsule(house: House, form: CapsuleForm) -> Checkout:
    """Place an order with a fulfilment, and open the window as a page with Toss's script would.

    Raises:
        PaywonError: a field does not fit, there is no sandbox, or it refused.
    """
    wish = OrderWish(
        user_id=CUSTOMER,
        order_name=f"타임캡슐 · {form.title}",
        amount=CAPSULE_PRICE,
        resource_type="capsule",
        resource_id=form.ticket,
        fulfilment_kind=FulfilmentKind.TIME_CAPSULE,
        fulfilment_options={
            "timeOption": form.time_option,
            "customOpenAt": _chosen_day(form),
            "headcount": form.headcount,
            "title": form.title,
        },
    )
    _need_sandbox(house)
    order = await _order_once(house, wish)
    return Checkout(order_no=order.order_no, url=await open_window(house, order))


async def open_window(house: House, order: Order) -> str:
    """Open a new payment window at the sandbox for an order; answer its address.

    Raises:
        PaywonError: there is no sandbox, PROVIDER_UNAVAILABLE, or PAYMENT_REFUSED with what the sandbox said.
    """
    _need_sandbox(house)
    back = house.settings.app_base_url.rstrip("/")
    body = {
        "orderId": order.order_no,
        "orderName": order.order_name,
        "amount": order.amount,
        "successUrl": f"{back}/payments/success",
        "failUrl": f"{back}/payments/fail",
    }
    answer = await _ask_sandbox(house, "/sandbox/checkout", body)
    url: str = answer["checkoutUrl"]
    return url


async def deposit(house: House, order: Order) -> None:
    """Have the sandbox play the bank: the customer's money comes into the order's virtual account.

    Raises:
        PaywonError: as ``open_window``.
    """
    _need_sandbox(house)
    await _ask_sandbox(house, f"/sandbox/virtual-accounts/{order.order_no}/deposit", {})


async def find_order(house: House, order_no: str) -> Order:
    """Fetch an order by its number.

    Raises:
        PaywonError: ORDER_NOT_FOUND.
    """
    if _ORDER_NO.fullmatch(order_no):
        async with house.db.connection() as conn:
            if (order := await orders.by_no(conn, OrderNo(order_no))) is not None:
                return order
    raise PaywonError("ORDER_NOT_FOUND")


def _need_sandbox(house: House) -> None:
    """The real Toss opens this window by a script in the page, which the shop does without."""
    if not house.settings.sandbox_url:
        raise PaywonError(
            "INVALID_REQUEST",
            hint_ko="이 상품은 샌드박스가 있어야 살 수 있습니다.",
            hint_en="This product needs the sandbox.",
        )


async def _order_once(house: House, wish: OrderWish) -> Order:
    try:
        return await place_order(house.book, wish)
    except PaywonError as error:
        if error.code != "DUPLICATE_PAYMENT" or wish.resource_id is None:
            raise
        async with house.db.connection() as conn:
            order = await orders.open_for_resource(conn, wish.resource_type, wish.resource_id)
        if order is None:
            raise
        return order


def _chosen_day(form: CapsuleForm) -> datetime | None:
    """Answer nine in the morning, in Korea, of the day that was chosen."""
    if form.time_option is not TimeOption.CUSTOM or form.open_on is None:
        return None
    try:
        return datetime.fromisoformat(form.open_on).replace(hour=9, tzinfo=KST)
    except ValueError:
        raise PaywonError(
            "INVALID_REQUEST", field="openOn", hint_ko="없는 날짜입니다.", hint_en="There is no such day."
        ) from None


async def _ask_sandbox(house: House, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post to the sandbox's control door, which plays the browser script of Toss."""
    key = house.settings.toss_secret_key.get_secret_value()
    headers = {"Authorization": aiohttp.encode_basic_auth(key, "")}
    timeout = aiohttp.ClientTimeout(total=_SANDBOX_TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.post(house.settings.toss_base_url + path, json=body) as response,
        ):
            answer: dict[str, Any] = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        raise PaywonError("PROVIDER_UNAVAILABLE", retry_after_s=5) from None
    if response.status != 200:
        code, said = answer.get("code", "UNKNOWN"), answer.get("message")
        raise PaywonError("PAYMENT_REFUSED", original_message=said, provider_code=code, extra={"providerCode": code})
    return answer
