"""The demo shop's pages: ``/demo``, and the two addresses that Toss sends its customer back to.

They stand for the host application of a user of paywon, and are there in development only. Plain forms and
redirects; no JavaScript. A page with a form never reloads itself: what somebody types stays.
"""

import uuid
from importlib.resources import files
from typing import Any, Final

from litestar import Response, Router, get, post
from litestar.types import ControllerRouterHandler

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo
from paywon.base.money import Krw
from paywon.demo import shop, view, words
from paywon.demo.guard import AnyRequest, is_web_address, read_form, read_values, require_known_host
from paywon.demo.refund_pages import refund, refund_form, refund_question
from paywon.demo.render import go, house_of, order_in_question, origin_of, page, trouble
from paywon.demo.returning import Failed, Returned
from paywon.demo.view import Known
from paywon.inbox.commands import showing
from paywon.inbox.shown.store import WebhookFilter
from paywon.orders.model import TimeOption
from paywon.payments.commands import confirming, queries
from paywon.payments.commands.confirming import Confirmation
from paywon.payments.commands.queries import UnpaidView
from paywon.payments.history.store import PageFilter
from paywon.payments.model import Payment, simple_status
from paywon.web.auth import OPEN
from paywon.web.rates import RATE

_STATIC: Final = {"demo.css": "text/css"} | dict.fromkeys(("booking.svg", "capsule.svg", "icon.svg"), "image/svg+xml")
_RECENT: Final = 5
_MANY: Final = 100


def _go_and_pay(request: AnyRequest, checkout: shop.Checkout) -> Response[None]:
    known = is_web_address(checkout.url) and checkout.url
    return go(request, known or f"/demo/orders/{checkout.order_no}", order_no=checkout.order_no)


@get("/", name="demo_index")
async def show_index(request: AnyRequest) -> Response[str]:
    """The addresses of a development stack, on one page."""
    settings = house_of(request).settings
    return page(request, "index.html", sandbox_url=settings.sandbox_url, home=settings.home)


@get("/demo", name="demo_shop")
async def show_shop(request: AnyRequest) -> Response[str]:
    """The two products, and what was bought last."""
    wanted = PageFilter(user_id=shop.CUSTOMER, status=None, after=None, limit=_RECENT)
    recent = await queries.list_payments(house_of(request).cashier, wanted)
    return page(
        request,
        "shop.html",
        ticket=f"demo-{uuid.uuid4().hex}",
        customer=shop.CUSTOMER,
        booking_price=shop.BOOKING_PRICE,
        capsule_price=shop.CAPSULE_PRICE,
        methods=words.METHODS,
        time_options=[(option, words.TIME_OPTION[option]) for option in TimeOption],
        recent=[(paid, _status_words(paid, confirming=paid.id in recent.confirming)) for paid in recent.payments],
    )


def _status_words(payment: Payment, *, confirming: bool) -> words.Words:
    return words.SIMPLE_STATUS[simple_status(payment, confirming=confirming)]


@post("/demo/booking")
async def book(request: AnyRequest) -> Response[None]:
    """Book a visit and go to pay for it."""
    form = await read_form(request, shop.BookingForm)
    return _go_and_pay(request, await shop.book_visit(house_of(request), form, origin_of(request)))


@post("/demo/capsule")
async def buy(request: AnyRequest) -> Response[None]:
    """Buy a time capsule and go to pay for it."""
    form = await read_form(request, shop.CapsuleForm)
    return _go_and_pay(request, await shop.buy_capsule(house_of(request), form))


@post("/demo/orders/{order_no:str}/pay")
async def pay_again(request: AnyRequest, order_no: str) -> Response[None]:
    """Open another payment window for an order that waits for its payment."""
    await read_form(request, dict)
    house = house_of(request)
    order = await shop.find_order(house, order_no)
    return go(request, await shop.open_window(house, order), order_no=order.order_no)


@get("/demo/orders/{order_no:str}")
async def show_order(request: AnyRequest, order_no: str) -> Response[str]:
    """The order with its payment, its capsule and its audit trail."""
    house, origin = house_of(request), origin_of(request)
    order, now = await shop.find_order(house, order_no), house.clock.now()
    found = await queries.find_by_order(house.cashier, order.order_no, origin)
    if isinstance(found, UnpaidView):
        return page(request, "order.html", page=view.unpaid_page(order, now), days=0)
    trail = await queries.list_transactions(house.cashier, found.payment.id, origin, after=None, limit=_MANY)
    webhooks = await showing.list_webhooks(house.inbox, WebhookFilter(order_no=order.order_no, limit=_MANY))
    days = view.days_until(found.capsule.open_at, now) if found.capsule else 0
    return page(request, "order.html", page=view.order_page(found, trail, webhooks, now), days=days)


@post("/demo/orders/{order_no:str}/deposit")
async def deposit(request: AnyRequest, order_no: str) -> Response[None]:
    """Have the sandbox's bank pay into the order's virtual account."""
    await read_form(request, dict)
    house = house_of(request)
    order = await shop.find_order(house, order_no)
    await shop.deposit(house, order)
    return go(request, f"/demo/orders/{order.order_no}")


@get("/payments/success")
async def come_back(request: AnyRequest) -> Response[None]:
    """Toss's customer is back: confirm the payment, then show the order."""
    told = read_values(dict(request.query_params), Returned)
    confirmation = Confirmation(payment_key=told.key, order_no=OrderNo(told.order_id), amount=Krw(told.amount))
    await confirming.confirm_payment(house_of(request).cashier, confirmation, origin_of(request))
    return go(request, f"/demo/orders/{told.order_id}")


@get("/payments/fail")
async def come_back_unpaid(request: AnyRequest) -> Response[str] | Response[None]:
    """Toss's customer came back from a window without paying: look the order up before anything is said about money."""
    told = read_values(dict(request.query_params), Failed)
    order_no = order_in_question(request)
    known = await _what_is_known(request, order_no)
    if known is Known.PAID:
        return go(request, f"/demo/orders/{order_no}")
    return page(
        request,
        "fail.html",
        code=told.code,
        said=words.window_says(told.code or ""),
        closed=told.code == "PAY_PROCESS_CANCELED",
        known=known.value,
        order_no=order_no if known is not Known.NOTHING else None,
    )


async def _what_is_known(request: AnyRequest, order_no: str | None) -> Known:
    house = house_of(request)
    try:
        order = await shop.find_order(house, order_no or "")
    except PaywonError as error:
        if error.code != "ORDER_NOT_FOUND":
            raise
        return Known.NOTHING
    found = await queries.find_by_order(house.cashier, order.order_no, origin_of(request))
    return view.known(found, house.clock.now())


@get("/demo/static/{name:str}", sync_to_thread=False)
def static_file(name: str) -> Response[bytes]:
    """The stylesheet and the pictures."""
    if name not in _STATIC:
        raise PaywonError("NOT_FOUND")
    body = files("paywon.demo").joinpath("static", name).read_bytes()
    headers = {"Cache-Control": "max-age=60", "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type=_STATIC[name], headers=headers)


_HANDLERS: Final[list[ControllerRouterHandler]] = [
    show_index,
    show_shop,
    book,
    buy,
    pay_again,
    show_order,
    deposit,
    refund_form,
    refund_question,
    refund,
    come_back,
    come_back_unpaid,
    static_file,
]

demo_handlers: Final[list[Any]] = [
    Router(
        "/",
        route_handlers=_HANDLERS,
        opt={OPEN: True, RATE: None},
        guards=[require_known_host],
        include_in_schema=False,
        exception_handlers={Exception: trouble},
    ),
]
"""What ``asgi`` adds to its route handlers when ``dev_mode`` is on."""
