"""The demo shop's pages: ``/demo``, and the two addresses that Toss sends its customer back to.

They stand for the host application of a user of paywon, and are there in development only. Plain forms and
redirects; no JavaScript.
"""

import uuid
from functools import cache
from importlib.resources import files
from typing import Any, Final

import jinja2
from litestar import Response, Router, get, post
from litestar.types import ControllerRouterHandler

from paywon.base.catalogue import kind_of, message_of
from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo
from paywon.base.money import Krw
from paywon.demo import shop, view, words
from paywon.demo.guard import AnyRequest, is_web_address, page_headers, read_form, read_values, require_known_host
from paywon.demo.returning import Failed, RefundForm, Returned
from paywon.orders.model import TimeOption
from paywon.payments.commands import cancelling, confirming, queries
from paywon.payments.commands.cancelling import RefundWish
from paywon.payments.commands.cashier import Origin
from paywon.payments.commands.confirming import Confirmation
from paywon.payments.commands.queries import PaymentView, UnpaidView
from paywon.payments.history.store import PageFilter
from paywon.payments.model import AttemptType, Payment, refundable_amount, simple_status
from paywon.toss.codes import bank_name
from paywon.web.address import client_address
from paywon.web.auth import OPEN
from paywon.web.problems import translate
from paywon.web.rates import RATE
from paywon.wiring import House

_LAST_ORDER: Final = "paywon_demo_order"
_STATIC: Final = {"demo.css": "text/css"} | dict.fromkeys(("booking.svg", "capsule.svg", "icon.svg"), "image/svg+xml")
_RECENT: Final = 5


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("paywon.demo"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["won"] = lambda amount: f"{amount:,}"
    environment.filters["moment"] = view.moment
    environment.filters["bank"] = lambda code: bank_name(code) or code
    environment.filters["clock"] = view.time_of_day
    return environment


def _house(request: AnyRequest) -> House:
    house: House = request.app.state.house
    return house


def _origin(request: AnyRequest) -> Origin:
    agent = request.headers.get("user-agent")
    return Origin(
        actor="demo:shop",
        ip_address=client_address(request),
        user_agent=agent[:300].replace("\x00", "") if agent else None,
    )


def _page(request: AnyRequest, template: str, *, status: int = 200, **values: object) -> Response[str]:
    settings = _house(request).settings
    html = _templates().get_template(template).render(has_sandbox=bool(settings.sandbox_url), **values)
    return Response(html, status_code=status, headers=page_headers(settings.sandbox_url), media_type="text/html")


def _go(request: AnyRequest, url: str, *, order_no: str | None = None) -> Response[None]:
    """Send the browser on with a GET; ``order_no`` is remembered, as a closed window comes back without it."""
    headers = page_headers(_house(request).settings.sandbox_url) | {"Location": url}
    response = Response(None, status_code=303, headers=headers)
    if order_no is not None:
        response.set_cookie(_LAST_ORDER, order_no, path="/", httponly=True, samesite="lax")
    return response


def _go_and_pay(request: AnyRequest, checkout: shop.Checkout) -> Response[None]:
    known = is_web_address(checkout.url) and checkout.url
    return _go(request, known or f"/demo/orders/{checkout.order_no}", order_no=checkout.order_no)


def _trouble(request: AnyRequest, error: Exception) -> Response[str]:
    """The one exception handler of these pages."""
    told = translate(error)
    kind = kind_of(told)
    return _page(
        request,
        "trouble.html",
        status=kind.value,
        error=told,
        ko=message_of(told),
        en=message_of(told, english=True),
        advice=words.advice(told.code, kind),
        order_no=_order_in_question(request),
    )


def _order_in_question(request: AnyRequest) -> str | None:
    """The order that a page was about, if it can be told: from the path, from Toss's redirect, or remembered."""
    told = request.path_params.get("order_no") or request.query_params.get("orderId")
    return told or request.cookies.get(_LAST_ORDER)


@get("/demo", name="demo_shop")
async def show_shop(request: AnyRequest) -> Response[str]:
    """The two products, and what was bought last."""
    wanted = PageFilter(user_id=shop.CUSTOMER, status=None, after=None, limit=_RECENT)
    recent = await queries.list_payments(_house(request).cashier, wanted)
    return _page(
        request,
        "shop.html",
        ticket=f"demo-{uuid.uuid4().hex}",
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
    return _go_and_pay(request, await shop.book_visit(_house(request), form, _origin(request)))


@post("/demo/capsule")
async def buy(request: AnyRequest) -> Response[None]:
    """Buy a time capsule and go to pay for it."""
    form = await read_form(request, shop.CapsuleForm)
    return _go_and_pay(request, await shop.buy_capsule(_house(request), form))


@post("/demo/orders/{order_no:str}/pay")
async def pay_again(request: AnyRequest, order_no: str) -> Response[None]:
    """Open another payment window for an order that waits for its payment."""
    await read_form(request, dict)
    house = _house(request)
    order = await shop.find_order(house, order_no)
    return _go(request, await shop.open_window(house, order), order_no=order.order_no)


@get("/demo/orders/{order_no:str}")
async def show_order(request: AnyRequest, order_no: str) -> Response[str]:
    """The order with its payment, its capsule and its audit trail."""
    house, origin = _house(request), _origin(request)
    order, now = await shop.find_order(house, order_no), house.clock.now()
    found = await queries.find_by_order_no(house.cashier, order.order_no, origin)
    if isinstance(found, UnpaidView):
        return _page(request, "order.html", page=view.unpaid_page(order, now), days=0)
    trail = await queries.list_transactions(house.cashier, found.payment.id, origin, after=None, limit=100)
    days = view.days_until(found.capsule.open_at, now) if found.capsule else 0
    return _page(request, "order.html", page=view.order_page(found, trail, now), days=days)


@post("/demo/orders/{order_no:str}/refund")
async def refund(request: AnyRequest, order_no: str) -> Response[None]:
    """Refund the amount of the form, or all that is left."""
    form = await read_form(request, RefundForm)
    house, origin = _house(request), _origin(request)
    order = await shop.find_order(house, order_no)
    found = await queries.find_by_order_no(house.cashier, order.order_no, origin)
    if isinstance(found, UnpaidView):
        raise PaywonError("PAYMENT_NOT_FOUND")
    if refundable_amount(found.payment, found.cancels) == form.left:
        # Otherwise the button was pressed twice, or on a page from before another refund: that one counts.
        await _refund_once(house, found, form, origin)
    return _go(request, f"/demo/orders/{found.order.order_no}")


async def _refund_once(house: House, found: PaymentView, form: RefundForm, origin: Origin) -> None:
    amount = Krw(form.amount) if form.amount is not None else None
    wish = RefundWish(kind=AttemptType.REFUND_REQUEST, reason=form.reason, amount=amount)
    try:
        await cancelling.refund_payment(house.cashier, found.payment.id, wish, origin)
    except PaywonError as error:
        if error.code != "PAYMENT_IN_PROGRESS":
            raise


@get("/payments/success")
async def come_back(request: AnyRequest) -> Response[None]:
    """Toss's customer is back: confirm the payment, then show the order."""
    told = read_values(dict(request.query_params), Returned)
    confirmation = Confirmation(payment_key=told.key, order_no=OrderNo(told.order_id), amount=Krw(told.amount))
    await confirming.confirm_payment(_house(request).cashier, confirmation, _origin(request))
    return _go(request, f"/demo/orders/{told.order_id}")


@get("/payments/fail")
async def come_back_unpaid(request: AnyRequest) -> Response[str]:
    """Toss's customer did not pay: say why, and offer to try again."""
    told = read_values(dict(request.query_params), Failed)
    return _page(request, "fail.html", told=told, order_no=_order_in_question(request))


@get("/demo/static/{name:str}", sync_to_thread=False)
def static_file(name: str) -> Response[bytes]:
    """The stylesheet and the pictures."""
    if name not in _STATIC:
        raise PaywonError("NOT_FOUND")
    body = files("paywon.demo").joinpath("static", name).read_bytes()
    headers = {"Cache-Control": "max-age=60", "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type=_STATIC[name], headers=headers)


_HANDLERS: Final[list[ControllerRouterHandler]] = [
    show_shop,
    book,
    buy,
    pay_again,
    show_order,
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
        exception_handlers={Exception: _trouble},
    ),
]
"""What ``asgi`` adds to its route handlers when ``dev_mode`` is on."""
