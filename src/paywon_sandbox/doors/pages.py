"""Pages for people: the payment window and the receipt. Everything escaped, a strict CSP, usable without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.types import ControllerRouterHandler

from paywon_sandbox.core import codes
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError, texts
from paywon_sandbox.core.money import for_people
from paywon_sandbox.core.records import PaymentRecord, Wishes
from paywon_sandbox.core.store import Account
from paywon_sandbox.doors.door import AnyRequest, Door
from paywon_sandbox.doors.replies import read_body
from paywon_sandbox.rules.expiry import sweep
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.window import OUTCOMES, authenticate, ensure_open, read_choice
from paywon_sandbox.rules.wishes import CARRIERS, NOTHING
from paywon_sandbox.settings import MINIMUM_INSTALLMENT_KRW

if TYPE_CHECKING:
    import jinja2

STATIC_TYPES = {
    "checkout.css": "text/css",
    "console.css": "text/css",
    "console.js": "text/javascript",
    "handover.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_PLAIN_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", re.ASCII)
CARD_CHOICES = tuple(code for code in codes.CARD_COMPANIES if code != "W1")
GIFT_CERTIFICATE = "상품권"
DECLINE_CHOICES = ("REJECT_CARD_PAYMENT", "REJECT_CARD_COMPANY", "INVALID_STOPPED_CARD", "PROVIDER_ERROR")
STATUSES = {
    "DONE": "결제 완료",
    "WAITING_FOR_DEPOSIT": "입금 대기",
    "CANCELED": "취소됨",
    "PARTIAL_CANCELED": "부분 취소됨",
}
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
    # Only people need it: a sandbox that programs speak to does without the 4 MB.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("paywon_sandbox"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["money"] = for_people
    return environment


def page(
    template: str,
    status: int = 200,
    *,
    form_targets: str = "'self'",
    opener: str | None = None,
    scripted: bool = False,
    **values: object,
) -> Response[str]:
    """An HTML answer. `opener` is the origin whose script may show it in a frame; `scripted` allows our own files."""
    script = "script-src 'self'; connect-src 'self'; " if scripted else ""
    ancestors = opener or "'self'"
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; {script}base-uri 'none'; "
        f"frame-ancestors {ancestors}; form-action {form_targets}"
    )
    headers = {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer" if not scripted else "same-origin",
        "x-content-type-options": "nosniff",
    }
    html = _templates().get_template(template).render(**values)
    return Response(html, status_code=status, headers=headers, media_type="text/html")


def problem_page(code: str, opener: str | None = None) -> Response[str]:
    """Why a window cannot be used."""
    status, title, advice = _MESSAGES.get(code, (400, "결제를 진행할 수 없습니다", texts("*", code)[0]))
    return page("message.html", status, opener=opener, title=title, advice=advice, code=code)


def form_targets(*urls: str) -> str:
    """Browsers check form-action against redirects too, so the merchant's own origins are named."""
    targets = {"'self'"}
    for url in urls:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        targets.add(origin if _PLAIN_ORIGIN.fullmatch(origin) else f"{parts.scheme}:")
    return " ".join(sorted(targets))


def opener_of(request: AnyRequest) -> str | None:
    """The origin of the shop's page that shows this window in a frame, as its script named it."""
    origin = request.query_params.get("opener", "")
    return origin if _PLAIN_ORIGIN.fullmatch(origin) else None


def leave(target: str, opener: str | None) -> Response[str]:
    """End of a window: a redirect; in a frame the outcome is handed to the script that opened it."""
    if opener is not None:
        return page("handover.html", opener=opener, scripted=True, origin=opener, target=target)
    return Response("", status_code=303, headers={"location": target, "cache-control": "no-store"})


class _Entered:
    """What the form shows: the shop's wishes at first, after a mistake what the customer had entered.

    With `only` it offers no other method than the one that the shop's page had the customer choose.
    """

    def __init__(self, record: PaymentRecord, values: Mapping[str, object], *, only: bool) -> None:
        self._values = values
        wanted = str(values.get("method") or record.wanted_method or "")
        if wanted in codes.GIFT_CERTIFICATES:
            wanted = GIFT_CERTIFICATE
        if values.get("easyPayProvider") and "method" not in values and record.wanted_method in (None, codes.CARD):
            wanted = codes.EASY_PAY
        self.method = wanted if wanted in _OFFERED else codes.CARD
        self.only = only
        if record.payment.currency != "KRW":
            self.method = codes.FOREIGN_EASY_PAY

    def get(self, name: str) -> str:
        value = self._values.get(name, "")
        return str(value).lower() if isinstance(value, bool) else str(value)


def _checkout_page(
    request: AnyRequest, record: PaymentRecord, values: Mapping[str, object], status: int = 200, problem: str = ""
) -> Response[str]:
    payment, wishes = record.payment, record.wishes or NOTHING
    assert record.deadline is not None
    last_month = wishes.highest_months or 12
    return page(
        "checkout.html",
        status,
        form_targets=form_targets(record.success_url, record.fail_url, record.pending_url or record.success_url),
        opener=opener_of(request),
        payment=payment,
        entered=_Entered(record, values, only=bool(request.query_params.get("only"))),
        wanted=record.wanted_method,
        customer_name=record.customer_name or "",
        customer_phone=record.customer_phone or "",
        problem=problem,
        deadline=toss_instant(record.deadline)[11:16],
        cards=[(code, codes.CARD_COMPANIES[code][1]) for code in CARD_CHOICES],
        banks=[(code, names[1]) for code, names in codes.BANKS.items()],
        account_banks=[(code, codes.BANKS[code][1]) for code in codes.VIRTUAL_ACCOUNT_BANKS],
        providers=list(codes.EASY_PAY_PROVIDERS.values()),
        wallets=codes.FOREIGN_WALLETS,
        gift_certificates=codes.GIFT_CERTIFICATES,
        carriers=[CARRIERS[name] for name in wishes.carriers or CARRIERS],
        months=range(2, last_month + 1) if payment.total_amount >= MINIMUM_INSTALLMENT_KRW else [],
        declines=[(code, texts("POST /v1/payments/confirm", code)[0]) for code in DECLINE_CHOICES],
    )


_OFFERED = (
    codes.CARD,
    codes.EASY_PAY,
    codes.TRANSFER,
    codes.VIRTUAL_ACCOUNT,
    codes.MOBILE_PHONE,
    GIFT_CERTIFICATE,
)


def _find(door: Door, payment_key: str) -> tuple[Account, PaymentRecord]:
    """The payment of a checkout address: the customer has no key, the address names the payment."""
    account = door.store.owners.get(payment_key)
    if account is None:
        raise TossError("NOT_FOUND_PAYMENT")
    sweep(account)
    door.store.commit()
    return account, account.payments[payment_key]


@get("/v1/payments/{payment_key:str}/checkout")
async def show_checkout(request: AnyRequest, door: Door, payment_key: str) -> Response[str]:
    """The payment window."""
    opener = opener_of(request)
    try:
        _, record = _find(door, payment_key)
        ensure_open(record)
    except TossError as error:
        return problem_page(error.code, opener)
    return _checkout_page(request, record, _preselected(record.wishes or NOTHING))


def _preselected(wishes: Wishes) -> dict[str, object]:
    """What the shop asked for, as fields of the form."""
    refund = wishes.refund_account
    fields = {
        "cardCompany": wishes.card_company,
        "easyPayProvider": wishes.easy_pay,
        "installmentPlanMonths": wishes.months,
        "useCardPoint": wishes.use_card_point,
        "bank": wishes.bank_code,
        "accountBank": wishes.bank_code,
        "cashReceiptType": wishes.cash_receipt_type,
        "useEscrow": wishes.use_escrow,
        "country": wishes.country,
        "refundBank": refund.bank_code if refund else None,
        "refundAccountNumber": refund.account_number if refund else None,
        "refundHolderName": refund.holder_name if refund else None,
    }
    return {name: value for name, value in fields.items() if value}


@post("/v1/payments/{payment_key:str}/checkout", status_code=200)
async def submit_checkout(request: AnyRequest, door: Door, payment_key: str) -> Response[str]:
    """The customer pressed a button."""
    opener = opener_of(request)
    try:
        form = _methods_own_fields(await read_form(request))
        account, record = _find(door, payment_key)
        ensure_open(record)
    except TossError as error:
        return problem_page(error.code, opener)
    try:
        outcome = next((known for known in OUTCOMES if known == form.get("outcome")), None)
        if outcome is None:
            raise TossError("INVALID_REQUEST")
        choice = read_choice(Params(_UNTICKED | form if outcome == "approve" else {}), record)
        target = authenticate(account, record, outcome, choice)
    except TossError as error:
        return _checkout_page(request, record, form, 400, texts("*", error.code)[0])
    door.store.commit()
    door.dispatcher.wake()
    return leave(target, opener)


async def read_form(request: AnyRequest) -> dict[str, object]:
    """Form fields; empty ones are absent, a ticked box is true."""
    try:
        pairs = parse_qsl((await read_body(request)).decode(), max_num_fields=80)
    except ValueError as problem:
        raise TossError("INVALID_REQUEST") from problem
    flags = {"true": True, "false": False}
    return {name: flags.get(value, value) for name, value in pairs if value}


def _methods_own_fields(form: dict[str, object]) -> dict[str, object]:
    """Banks and cash receipts are asked for by two methods, in fields of their own."""
    method = form.get("method")
    if method == codes.VIRTUAL_ACCOUNT:
        for own, name in _ACCOUNT_FIELDS.items():
            if own in form:
                form[name] = form[own]
            elif own == "accountCashReceiptType":
                form.pop(name, None)
    if method == GIFT_CERTIFICATE:
        form["method"] = form.get("giftCertificate", codes.GIFT_CERTIFICATES[0])
    return form


# A browser says nothing of a box that is not ticked.
_UNTICKED: dict[str, object] = {"useCardPoint": False, "useEscrow": False, "isInterestFree": False}
_ACCOUNT_FIELDS = {
    "accountBank": "bank",
    "accountCashReceiptType": "cashReceiptType",
    "accountCashReceiptNumber": "cashReceiptNumber",
}


@get("/receipt/redirection")
async def show_receipt(request: AnyRequest, door: Door) -> Response[str]:
    """The sales receipt that `receipt.url` points to."""
    try:
        _, record = _find(door, request.query_params.get("transactionId", ""))
    except TossError as error:
        return problem_page(error.code)
    card = record.payment.card
    company = codes.CARD_COMPANIES.get(card.issuer_code, ("", card.issuer_code))[1] if card else None
    return page("receipt.html", payment=record.payment, company=company, statuses=STATUSES)


@get("/sandbox/static/{name:str}", sync_to_thread=False)
def static_file(name: str) -> Response[bytes]:
    """The stylesheet and the icon of these pages."""
    if name not in STATIC_TYPES:
        raise NotFoundException
    body = files("paywon_sandbox").joinpath(f"static/{name}").read_bytes()
    return Response(body, media_type=STATIC_TYPES[name], headers={"cache-control": "max-age=300"})


HANDLERS: list[ControllerRouterHandler] = [show_checkout, submit_checkout, show_receipt, static_file]
