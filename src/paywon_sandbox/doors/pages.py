"""Pages for people: the payment window and the receipt. No JavaScript, everything escaped, a strict CSP."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

import jinja2
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core import codes
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, texts
from paywon_sandbox.core.records import PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import read_body
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.window import OUTCOMES, authenticate, ensure_open, read_choice
from paywon_sandbox.settings import MINIMUM_INSTALLMENT_KRW

STATIC_TYPES = {"checkout.css": "text/css", "icon.svg": "image/svg+xml"}
_PLAIN_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", re.ASCII)
CARD_CHOICES = ("11", "41", "51", "61", "71", "21", "31", "91", "33", "15", "24", "4V")
BANK_CHOICES = ("92", "06", "88", "20", "81", "11", "03", "90", "89", "45", "71")
DECLINE_CHOICES = ("REJECT_CARD_PAYMENT", "REJECT_CARD_COMPANY", "INVALID_STOPPED_CARD", "PROVIDER_ERROR")
_MESSAGES = {
    "NOT_FOUND_PAYMENT": (404, "결제를 찾을 수 없습니다", "주소를 다시 확인해 주세요."),
    "NOT_FOUND_PAYMENT_SESSION": (
        410,
        "결제 시간이 만료되었습니다",
        "쇼핑몰로 돌아가 결제를 다시 시작해 주세요.",
    ),
    "ALREADY_PROCESSED_PAYMENT": (
        409,
        "이미 진행된 결제입니다",
        "이 결제창은 한 번만 사용할 수 있습니다. 쇼핑몰에서 결제 결과를 확인해 주세요.",
    ),
}


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("paywon_sandbox"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["won"] = lambda amount: f"{amount:,}"
    return environment


def _page(template: str, status: int, form_targets: str = "'self'", **values: object) -> Response[str]:
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'; "
        f"form-action {form_targets}"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }
    html = _templates().get_template(template).render(**values)
    return Response(html, status_code=status, headers=headers, media_type="text/html")


def _problem_page(code: str) -> Response[str]:
    status, title, advice = _MESSAGES.get(code, (400, "결제를 진행할 수 없습니다", texts("*", code)[0]))
    return _page("message.html", status, title=title, advice=advice, code=code)


def _form_targets(record: PaymentRecord) -> str:
    """Browsers check form-action against redirects too, so the merchant's own origins are named."""
    targets = {"'self'"}
    for url in (record.success_url, record.fail_url):
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        targets.add(origin if _PLAIN_ORIGIN.fullmatch(origin) else f"{parts.scheme}:")
    return " ".join(sorted(targets))


def _checkout_page(record: PaymentRecord, status: int = 200, problem: str | None = None) -> Response[str]:
    payment = record.payment
    assert record.deadline is not None
    chosen = record.wanted_method if record.wanted_method in _OFFERED else codes.CARD
    return _page(
        "checkout.html",
        status,
        _form_targets(record),
        payment=payment,
        chosen=chosen,
        problem=problem,
        deadline=toss_instant(record.deadline)[11:16],
        cards=[(code, codes.CARD_COMPANIES[code][1]) for code in CARD_CHOICES],
        banks=[(code, codes.BANKS[code][1]) for code in BANK_CHOICES],
        account_banks=[(code, codes.BANKS[code][1]) for code in codes.VIRTUAL_ACCOUNT_BANKS],
        providers=list(codes.EASY_PAY_PROVIDERS.values()),
        months=range(2, 13) if payment.total_amount >= MINIMUM_INSTALLMENT_KRW else [],
        declines=[(code, texts("POST /v1/payments/confirm", code)[0]) for code in DECLINE_CHOICES],
    )


_OFFERED = (codes.CARD, codes.EASY_PAY, codes.TRANSFER, codes.VIRTUAL_ACCOUNT, codes.MOBILE_PHONE)


def _find(door: Door, payment_key: str) -> tuple[Account, PaymentRecord]:
    """The payment of a checkout address: the customer has no key, the address names the payment."""
    account = door.store.owners.get(payment_key)
    if account is None:
        raise TossError("NOT_FOUND_PAYMENT")
    sweep(account)
    door.store.commit()
    return account, account.payments[payment_key]


@get("/v1/payments/{payment_key:str}/checkout")
async def show_checkout(door: Door, payment_key: str) -> Response[str]:
    """The payment window."""
    try:
        _, record = _find(door, payment_key)
        ensure_open(record)
    except TossError as error:
        return _problem_page(error.code)
    return _checkout_page(record)


@post("/v1/payments/{payment_key:str}/checkout", status_code=200)
async def submit_checkout(request: AnyRequest, door: Door, payment_key: str) -> Response[str]:
    """The customer pressed a button."""
    try:
        account, record = _find(door, payment_key)
        ensure_open(record)
        form = await _read_form(request)
    except TossError as error:
        return _problem_page(error.code)
    try:
        params = Params(form)
        outcome = next((known for known in OUTCOMES if known == form.get("outcome")), None)
        if outcome is None:
            raise TossError("INVALID_REQUEST")
        target = authenticate(account, record, outcome, read_choice(params, record))
    except TossError as error:
        return _checkout_page(record, 400, texts("*", error.code)[0])
    door.store.commit()
    door.dispatcher.wake()
    return Response("", status_code=303, headers={"location": target, "cache-control": "no-store"})


async def _read_form(request: AnyRequest) -> dict[str, object]:
    """Form fields; empty ones are absent, and a virtual account has a bank field of its own."""
    try:
        pairs = parse_qsl((await read_body(request)).decode(), max_num_fields=50)
    except ValueError as problem:
        raise TossError("INVALID_REQUEST") from problem
    form: dict[str, object] = {name: value for name, value in pairs if value}
    if form.get("method") == codes.VIRTUAL_ACCOUNT and "accountBank" in form:
        form["bank"] = form["accountBank"]
    return form


@get("/receipt/redirection")
async def show_receipt(request: AnyRequest, door: Door) -> Response[str]:
    """The sales receipt that `receipt.url` points to."""
    try:
        _, record = _find(door, request.query_params.get("transactionId", ""))
    except TossError as error:
        return _problem_page(error.code)
    card = record.payment.card
    company = codes.CARD_COMPANIES.get(card.issuer_code, ("", card.issuer_code))[1] if card else None
    return _page("receipt.html", 200, payment=record.payment, company=company)


@get("/sandbox/static/{name:str}", sync_to_thread=False)
def static_file(name: str) -> Response[bytes]:
    """The stylesheet and the icon of these pages."""
    if name not in STATIC_TYPES:
        raise NotFoundException
    body = files("paywon_sandbox").joinpath(f"static/{name}").read_bytes()
    return Response(body, media_type=STATIC_TYPES[name], headers={"cache-control": "max-age=300"})


HANDLERS: list[ControllerRouterHandler] = [show_checkout, submit_checkout, show_receipt, static_file]
