"""The billing authorisation in the browser: a page that yields a single-use authKey (toss/api.md 3 and 7).

Nothing is kept until the customer agrees: the address of the page carries what the shop asked for.
"""

from __future__ import annotations

import re

import msgspec
from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from paywon_sandbox import inferred
from paywon_sandbox.core import codes
from paywon_sandbox.core.errors import TossError, special, texts
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.keys import paired_secret_key
from paywon_sandbox.doors.pages import (
    CARD_CHOICES,
    DECLINE_CHOICES,
    form_targets,
    leave,
    opener_of,
    page,
    problem_page,
    read_form,
)
from paywon_sandbox.rules import billing
from paywon_sandbox.rules.addresses import with_query
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.window import WINDOW_FAILURES

# The SDK's rule, toss/api.md 1.5; the API itself takes more.
_CUSTOMER_KEY = re.compile(r"[A-Za-z0-9_=.@-]{2,50}", re.ASCII)
_CHARGE = "POST /v1/billing/{billingKey}"
_METHODS = (codes.CARD, codes.TRANSFER)


class BillingWindow(msgspec.Struct, frozen=True, kw_only=True):
    """What a shop asks for when it opens the billing authorisation."""

    customer_key: str
    method: str
    success_url: str
    fail_url: str
    customer_name: str | None = None
    card_company: str | None = None

    def query(self) -> dict[str, str]:
        """The same as a query string's fields."""
        fields = {
            "customerKey": self.customer_key,
            "method": self.method,
            "successUrl": self.success_url,
            "failUrl": self.fail_url,
            "customerName": self.customer_name,
            "cardCompany": self.card_company,
        }
        return {name: value for name, value in fields.items() if value}


def read_billing_window(params: Params) -> BillingWindow:
    """Raises the codes that Toss's script rejects with."""
    customer_key = params.optional_text("customerKey") or ""
    if not _CUSTOMER_KEY.fullmatch(customer_key):
        raise TossError("INVALID_CUSTOMER_KEY")
    method = codes.method_name(params.optional_text("method") or codes.CARD)
    if method not in _METHODS:
        raise TossError("NOT_SUPPORTED_METHOD")
    company = params.optional_text("cardCompany", code="INVALID_CARD_COMPANY")
    card_company = codes.institution(codes.CARD_COMPANIES, company) if company else None
    if company and card_company is None:
        raise TossError("INVALID_CARD_COMPANY")
    return BillingWindow(
        customer_key=customer_key,
        method=method,
        success_url=params.url(
            "successUrl",
            missing="INCORRECT_SUCCESS_URL_FORMAT",
            malformed="INCORRECT_SUCCESS_URL_FORMAT",
            scripted=True,
        ),
        fail_url=params.url(
            "failUrl",
            missing="INCORRECT_FAIL_URL_FORMAT",
            malformed="INCORRECT_FAIL_URL_FORMAT",
            scripted=True,
        ),
        customer_name=params.optional_text("customerName", longest=100),
        card_company=card_company,
    )


def _read_address(request: AnyRequest, door: Door) -> tuple[Account, BillingWindow]:
    account = door.store.account(paired_secret_key(request.query_params.get("key", "")))
    return account, read_billing_window(Params(dict(request.query_params)))


def _billing_page(
    window: BillingWindow, opener: str | None, entered: dict[str, object], status: int = 200, problem: str = ""
) -> Response[str]:
    return page(
        "billing.html",
        status,
        form_targets=form_targets(window.success_url, window.fail_url),
        opener=opener,
        window=window,
        entered=entered,
        problem=problem,
        declines=[(code, texts(_CHARGE, code)[0]) for code in DECLINE_CHOICES],
        cards=[(code, codes.CARD_COMPANIES[code][1]) for code in CARD_CHOICES],
        banks=[(code, names[1]) for code, names in codes.BANKS.items()],
    )


@get("/sandbox/billing-window")
async def show_billing_window(request: AnyRequest, door: Door) -> Response[str]:
    """The page on which a card or an account is registered."""
    try:
        _, window = _read_address(request, door)
    except TossError as error:
        return problem_page(error.code, opener_of(request))
    return _billing_page(window, opener_of(request), {"cardCompany": window.card_company})


@post("/sandbox/billing-window", status_code=200)
async def submit_billing_window(request: AnyRequest, door: Door) -> Response[str]:
    """The customer pressed a button."""
    opener = opener_of(request)
    try:
        form = await read_form(request)
        account, window = _read_address(request, door)
    except TossError as error:
        return problem_page(error.code, opener)
    failure = (WINDOW_FAILURES | {"close": inferred.WINDOW_CLOSED}).get(str(form.get("outcome")))
    if failure is not None:
        return leave(_fail(window, failure), opener)
    try:
        asked = {"customerKey": window.customer_key, "method": window.method}
        auth_key = billing.authorise(account, Params(form | asked))
    except TossError as error:
        return _billing_page(window, opener, form, 400, texts("POST /v1/billing/authorizations/card", error.code)[0])
    door.store.commit()
    answer = {"customerKey": window.customer_key, "authKey": auth_key}
    return leave(with_query(window.success_url, answer), opener)


def _fail(window: BillingWindow, code: str) -> str:
    return with_query(window.fail_url, {"code": code, "message": special("redirect failUrl", code)})


HANDLERS: list[ControllerRouterHandler] = [show_billing_window, submit_billing_window]
