"""Opening a payment: `POST /v1/payments` and the browser's way in (toss/api.md 5.1)."""

from __future__ import annotations

import sys
from datetime import datetime

import msgspec

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.clock import toss_instant
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.money import DECIMALS, tax_split
from paywon_sandbox.core.records import PaymentRecord, Wishes
from paywon_sandbox.core.store import APPROVED, Account, Store
from paywon_sandbox.core.values import Payment, Url
from paywon_sandbox.rules.addresses import is_http_url
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.terms import due_at
from paywon_sandbox.rules.wishes import read_wishes
from paywon_sandbox.settings import AUTHENTICATION_WINDOW, MERCHANT_ID


class CreateRequest(msgspec.Struct, kw_only=True, frozen=True):
    """The checked parameters of a payment to open; amounts in the smallest unit of the currency."""

    method: str | None
    amount: int
    tax_free: int
    order_id: str
    order_name: str
    success_url: str
    fail_url: str
    metadata: dict[str, str] | None
    customer_name: str | None
    customer_phone: str | None
    tax_exemption: int = 0
    customer_key: str | None = None
    currency: str = "KRW"
    pending_url: str | None = None
    wishes: Wishes | None = None


def read_order(params: Params, *, order_id_code: str = "INVALID_REQUEST") -> CreateRequest:
    """The order of a payment that needs no window."""
    request = CreateRequest(
        method=None,
        amount=params.positive("amount"),
        order_id=params.order_id(code=order_id_code),
        order_name=params.text("orderName", longest=100),
        success_url="",
        fail_url="",
        tax_free=params.not_negative("taxFreeAmount"),
        tax_exemption=params.not_negative("taxExemptionAmount"),
        metadata=params.metadata(),
        customer_name=params.optional_text("customerName", longest=100),
        customer_phone=None,
    )
    if request.tax_free + request.tax_exemption > request.amount:
        raise TossError("INVALID_REQUEST")
    return request


def read_create(params: Params, *, method_required: bool) -> CreateRequest:
    """Raises the create codes of toss/api.md 5.1 and of the site-wide list.

    Without `method_required` it is the browser's script that asks; an orderId may have a `=` there (toss/api.md 1.5),
    and the addresses may be an application's.
    """
    scripted = not method_required
    params = params.naming_missing(inferred.CREATE_MISSING_PARAMETER)
    method = _wanted_method(params, required=method_required)
    currency = _currency(params, method)
    request = CreateRequest(
        method=codes.FOREIGN_EASY_PAY if currency == "USD" else method,
        currency=currency,
        amount=params.positive("amount", DECIMALS[currency], missing="REQUIRED_AMOUNT"),
        order_id=params.order_id(code="INVALID_ORDER_ID", scripted=scripted),
        order_name=params.text("orderName", longest=100, code="INVALID_ORDER_NAME"),
        success_url=params.url(
            "successUrl", missing="INVALID_SUCCESS_URL", malformed="INCORRECT_SUCCESS_URL_FORMAT", scripted=scripted
        ),
        fail_url=params.url(
            "failUrl",
            missing="INCORRECT_FAIL_URL_FORMAT",
            malformed="INCORRECT_FAIL_URL_FORMAT",
            scripted=scripted,
        ),
        pending_url=_pending_url(params),
        tax_free=params.not_negative("taxFreeAmount", DECIMALS[currency]),
        tax_exemption=params.not_negative("taxExemptionAmount", DECIMALS[currency]),
        metadata=params.metadata(),
        customer_name=params.optional_text("customerName", longest=100),
        customer_phone=params.optional_text("customerMobilePhone", longest=15),
        wishes=read_wishes(params),
    )
    if request.tax_free + request.tax_exemption > request.amount:
        raise TossError("INVALID_REQUEST")
    params.email(code="INVALID_EMAIL")
    _check_flow_mode(params)
    return request


def create_payment(store: Store, account: Account, request: CreateRequest, public_url: str) -> PaymentRecord:
    """A READY payment with its checkout address, open for 30 minutes."""
    refuse_approved_order(account, request.order_id)
    now = account.clock.now()
    if request.wishes is not None:
        due_at(now, request.wishes.valid_hours, request.wishes.due_date)
    # A shop sends the same addresses and often the same names with every order: one text is enough.
    record = PaymentRecord(
        payment=_ready_payment(request, _new_key(account, store), now, public_url, account.settings.version),
        sequence=store.next_sequence(),
        success_url=sys.intern(request.success_url),
        fail_url=sys.intern(request.fail_url),
        pending_url=request.pending_url,
        requested_at=now,
        deadline=now + AUTHENTICATION_WINDOW,
        wanted_method=request.method,
        customer_name=request.customer_name,
        customer_phone=request.customer_phone,
        customer_key=request.customer_key,
        wishes=request.wishes,
    )
    account.keep_payment(record)
    return record


def _ready_payment(request: CreateRequest, key: str, now: datetime, public_url: str, version: str) -> Payment:
    supplied, vat = tax_split(request.amount, request.tax_free + request.tax_exemption)
    return Payment(
        m_id=MERCHANT_ID,
        payment_key=key,
        order_id=request.order_id,
        order_name=sys.intern(request.order_name),
        status="READY",
        requested_at=toss_instant(now),
        checkout=Url(url=f"{public_url}/v1/payments/{key}/checkout"),
        total_amount=request.amount,
        balance_amount=request.amount,
        supplied_amount=supplied,
        vat=vat,
        tax_free_amount=request.tax_free,
        metadata=request.metadata,
        currency=request.currency,
        tax_exemption_amount=request.tax_exemption,
        version=version,
    )


def _wanted_method(params: Params, *, required: bool) -> str | None:
    if not required and not params.has("method"):
        return None
    method = codes.method_name(params.text("method"))
    if method is None:
        raise TossError("INVALID_REQUEST")
    return method


def _currency(params: Params, method: str | None) -> str:
    """KRW; USD for foreign easy pay, and for nothing else (toss/api.md 5.1 and 14)."""
    foreign = method == codes.FOREIGN_EASY_PAY
    currency = params.optional_text("currency") or ("USD" if foreign else "KRW")
    if currency not in DECIMALS or (foreign and currency != "USD"):
        raise TossError("INVALID_CURRENCY")
    if currency == "USD" and method is not None and not foreign:
        raise TossError("NOT_SUPPORTED_USD")
    return currency


def _pending_url(params: Params) -> str | None:
    """Where the browser goes while a foreign wallet makes up its mind (toss/api.md 3 and 14)."""
    url = params.optional_text("pendingUrl", longest=2000, code="INVALID_URL")
    if url and not is_http_url(url):
        raise TossError("INVALID_URL")
    return url or None


def _check_flow_mode(params: Params) -> None:
    mode = params.optional_text("flowMode") or "DEFAULT"
    if mode not in ("DEFAULT", "DIRECT"):
        raise TossError("INVALID_REQUEST")
    if mode == "DIRECT" and not any(params.has(name) for name in ("cardCompany", "bank", "easyPay")):
        raise TossError("INVALID_FLOW_MODE_PARAMETERS")  # toss/api.md 5.1


def refuse_approved_order(account: Account, order_id: str) -> None:
    """Raises DUPLICATED_ORDER_ID for an orderId that was approved, whatever became of it."""
    earlier = account.payment_of_order(order_id)
    if inferred.REFUSE_APPROVED_ORDER_ID and earlier is not None and earlier.payment.status in APPROVED:
        raise TossError(inferred.APPROVED_ORDER_ID)


def _new_key(account: Account, store: Store) -> str:
    while True:
        key = ids.payment_key(account.clock.now())
        if key not in store.owners:
            return key
