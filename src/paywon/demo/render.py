"""What every page of the demo is made with: templates, answers, who asks, and the one page for errors."""

from functools import cache
from typing import Final

import jinja2
from litestar import Response

from paywon.base.catalogue import kind_of, message_of
from paywon.demo import view, words
from paywon.demo.guard import AnyRequest, page_headers
from paywon.payments.commands.cashier import Origin
from paywon.toss.codes import bank_name
from paywon.web.address import client_address
from paywon.web.problems import translate
from paywon.wiring import House

LAST_ORDER: Final = "paywon_demo_order"


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("paywon.demo"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["won"] = lambda amount: f"{amount:,}"
    environment.filters["moment"] = view.moment
    environment.filters["due"] = view.due
    environment.filters["bank"] = lambda code: bank_name(code) or code
    environment.filters["clock"] = view.time_of_day
    return environment


def house_of(request: AnyRequest) -> House:
    """Return the parts of this process."""
    house: House = request.app.state.house
    return house


def origin_of(request: AnyRequest) -> Origin:
    """Return who asks, for the audit trail."""
    agent = request.headers.get("user-agent")
    return Origin(
        actor="demo:shop",
        ip_address=client_address(request),
        user_agent=agent[:300].replace("\x00", "") if agent else None,
    )


def page(request: AnyRequest, template: str, *, status: int = 200, **values: object) -> Response[str]:
    """Return a page made of a template."""
    settings = house_of(request).settings
    html = _templates().get_template(template).render(has_sandbox=bool(settings.sandbox_url), **values)
    return Response(html, status_code=status, headers=page_headers(settings.sandbox_url), media_type="text/html")


def go(request: AnyRequest, url: str, *, order_no: str | None = None) -> Response[None]:
    """Send the browser on with a GET; ``order_no`` is remembered, as a closed window comes back without it."""
    headers = page_headers(house_of(request).settings.sandbox_url) | {"Location": url}
    response = Response(None, status_code=303, headers=headers)
    if order_no is not None:
        response.set_cookie(LAST_ORDER, order_no, path="/", httponly=True, samesite="lax")
    return response


def order_in_question(request: AnyRequest) -> str | None:
    """Return the order that a page was about, if it can be told: by the path, by Toss's redirect, or remembered."""
    told = request.path_params.get("order_no") or request.query_params.get("orderId")
    return told or request.cookies.get(LAST_ORDER)


def trouble(request: AnyRequest, error: Exception) -> Response[str]:
    """Return the page of an error: what it is, and what can be done."""
    told = translate(error)
    kind = kind_of(told)
    return page(
        request,
        "trouble.html",
        status=kind.value,
        error=told,
        ko=message_of(told, with_original=False),
        en=message_of(told, english=True, with_original=False),
        advice=words.advice(told.code, kind),
        # An order that is not there has no page to go to.
        order_no=None if told.code == "ORDER_NOT_FOUND" else order_in_question(request),
    )
