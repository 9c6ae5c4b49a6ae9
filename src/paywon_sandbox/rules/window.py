"""The customer's part: what happens in the payment window (api.md 2 and 3)."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.errors import TossError, find, special
from paywon_sandbox.core.money import as_text
from paywon_sandbox.core.records import Choice, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import RefundAccount
from paywon_sandbox.rules.cards import CARD_NUMBER
from paywon_sandbox.rules.magic import card_refusal
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import CONFIRM_WINDOW, MINIMUM_INSTALLMENT_KRW, VIRTUAL_ACCOUNT_MAX_HOURS

Outcome = Literal["approve", "decline", "close"]
OUTCOMES: tuple[Outcome, ...] = ("approve", "decline", "close")
FUNDINGS = ("card", "account")
_DIGITS = re.compile(r"[0-9]{1,30}", re.ASCII)


def read_choice(params: Params, record: PaymentRecord) -> Choice:
    """The customer's choice from control-door or form parameters. Raises INVALID_* codes."""
    choice = Choice(
        method=_method(params, record),
        card_company=_institution(params, "cardCompany", codes.CARD_COMPANIES, "11", "INVALID_CARD_COMPANY"),
        card_type=params.optional_text("cardType") or "신용",
        installment_plan_months=params.whole("installmentPlanMonths", 0),
        is_interest_free=params.flag("isInterestFree", default=False),
        easy_pay_provider=_provider(params, record),
        easy_pay_funding=params.optional_text("easyPayFunding") or "card",
        points_krw=params.not_negative("pointsAmount"),
        bank_code=_institution(params, "bank", codes.BANKS, "92", "INVALID_BANK"),
        phone=params.optional_text("customerMobilePhone") or record.customer_phone or "01012345678",
        customer_name=params.optional_text("customerName") or record.customer_name or "김토스",
        cash_receipt_type=_cash_receipt_type(params),
        cash_receipt_number=_cash_receipt_number(params),
        use_card_point=params.flag("useCardPoint", default=False),
        refund_account=_refund_account(params),
        valid_hours=_valid_hours(params),
        use_escrow=params.flag("useEscrow", default=False),
        card_number=params.pattern("cardNumber", CARD_NUMBER, code="INVALID_CARD_NUMBER"),
        discount_krw=params.not_negative("discountAmount"),
        country=params.pattern("country", r"[A-Z]{2}") or "US",
        partial_cancelable=params.flag("isPartialCancelable", default=True),
        decline_code=params.optional_text("declineAtConfirm") or _played_by_the_card(params),
        decline_times=params.optional_positive("declineTimes"),
    )
    _check_currency(choice.method, record.payment.currency)
    _check_choice(choice, record.payment.total_amount)
    return choice


def _method(params: Params, record: PaymentRecord) -> str:
    wanted = params.optional_text("method")
    if wanted is None:
        return record.wanted_method or (codes.EASY_PAY if params.has("easyPayProvider") else codes.CARD)
    method = codes.method_name(wanted)
    if method is None:
        raise TossError("INVALID_REQUEST")
    return method


def _institution(params: Params, name: str, table: dict[str, tuple[str, str]], default: str, code: str) -> str:
    found = codes.institution(table, params.optional_text(name) or default)
    if found is None:
        raise TossError(code)
    return found


def _provider(params: Params, record: PaymentRecord) -> str:
    wanted = params.optional_text("easyPayProvider")
    if record.payment.currency != "KRW":
        provider = wanted or codes.PAYPAL
        known = provider in codes.FOREIGN_WALLETS
    else:
        provider = codes.provider_name(wanted or "TOSSPAY") or ""
        known = bool(provider)
    if not known:
        raise TossError("INVALID_EASY_PAY")
    return provider


def _check_currency(method: str, currency: str) -> None:
    """Dollars go with foreign easy pay, and with nothing else (api.md 5.1)."""
    if (method == codes.FOREIGN_EASY_PAY) != (currency == "USD"):
        raise TossError("NOT_SUPPORTED_USD" if currency == "USD" else "INVALID_CURRENCY")


def _cash_receipt_type(params: Params) -> str | None:
    wanted = params.optional_text("cashReceiptType")
    if wanted in (None, "", "미발행"):
        return None
    if wanted not in ("소득공제", "지출증빙"):
        raise TossError("INVALID_CASH_RECEIPT_INFO")
    return wanted


def _cash_receipt_number(params: Params) -> str:
    number = params.optional_text("cashReceiptNumber", code="INVALID_CASH_RECEIPT_INFO") or "01012341234"
    if not _DIGITS.fullmatch(number):
        raise TossError("INVALID_CASH_RECEIPT_INFO")
    return number


def _refund_account(params: Params) -> RefundAccount | None:
    """Where the customer wants a virtual account refunded to, entered in the window (api.md 4)."""
    number = params.optional_text("refundAccountNumber", longest=20, code="INVALID_REFUND_ACCOUNT_NUMBER")
    if not number:
        return None
    holder = params.optional_text("refundHolderName", longest=60, code="INVALID_REFUND_ACCOUNT_INFO")
    if not _DIGITS.fullmatch(number):
        raise TossError("INVALID_REFUND_ACCOUNT_NUMBER")
    if not holder:
        raise TossError("INVALID_REFUND_ACCOUNT_INFO")
    bank = _institution(params, "refundBank", codes.BANKS, "92", "INVALID_BANK")
    return RefundAccount(bank_code=bank, account_number=number, holder_name=holder)


def _played_by_the_card(params: Params) -> str | None:
    return card_refusal(params.optional_text("cardNumber") or "")


def _valid_hours(params: Params) -> int | None:
    hours = params.optional_positive("validHours")
    if hours is not None and hours > VIRTUAL_ACCOUNT_MAX_HOURS:
        raise TossError("EXCEED_MAX_VALID_HOURS")
    return hours


def _check_choice(choice: Choice, amount: int) -> None:
    if choice.installment_plan_months not in (0, *range(2, 13)):
        raise TossError("INVALID_CARD_INSTALLMENT_PLAN")
    if choice.installment_plan_months and amount < MINIMUM_INSTALLMENT_KRW:
        raise TossError("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT")
    if choice.points_krw + choice.discount_krw > amount or choice.easy_pay_funding not in FUNDINGS:
        raise TossError("INVALID_REQUEST")
    if choice.decline_code and find("POST /v1/payments/confirm", choice.decline_code) is None:
        raise TossError("INVALID_TEST_CODE")


def authenticate(account: Account, record: PaymentRecord, outcome: Outcome, choice: Choice) -> str:
    """Play the customer and return the address that the browser is sent to."""
    ensure_open(record)
    if outcome == "close":
        return fail_redirect(record, inferred.WINDOW_CLOSED, with_order_id=False)
    if outcome == "decline":
        return fail_redirect(record, inferred.WINDOW_DECLINE, with_order_id=True)
    payment = record.payment
    payment.status = "IN_PROGRESS"
    payment.method = choice.method
    if choice.method != codes.FOREIGN_EASY_PAY:  # both null in a real PayPal record (api.md 14)
        payment.use_escrow, payment.secret = False, ids.payment_secret()
    record.choice = choice
    record.deadline = account.clock.now() + CONFIRM_WINDOW
    account.keep_payment(record)
    return success_redirect(record)


def ensure_open(record: PaymentRecord) -> None:
    """Only a READY payment can be authenticated."""
    if record.payment.status == "EXPIRED":
        raise TossError("NOT_FOUND_PAYMENT_SESSION")
    if record.payment.status != "READY":
        raise TossError("ALREADY_PROCESSED_PAYMENT")


def success_redirect(record: PaymentRecord) -> str:
    """successUrl with paymentType, orderId, paymentKey and amount (api.md 3 [2src])."""
    payment = record.payment
    return with_query(
        record.success_url,
        {
            "paymentType": payment.type,
            "orderId": payment.order_id,
            "paymentKey": payment.payment_key,
            "amount": as_text(payment.total_amount, payment.currency),
        },
    )


def fail_redirect(record: PaymentRecord, code: str, *, with_order_id: bool) -> str:
    """failUrl with code and message, and orderId unless the buyer cancelled (api.md 3 [2src])."""
    query = {"code": code, "message": special("redirect failUrl", code)}
    if with_order_id:
        query["orderId"] = record.payment.order_id
    return with_query(record.fail_url, query)


def with_query(url: str, added: dict[str, str]) -> str:
    """Keep the merchant's own query and append with & (api.md 3 [inferred])."""
    parts = urlsplit(url)
    more = urlencode(added, quote_via=quote, safe="")
    query = f"{parts.query}&{more}" if parts.query else more
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, parts.fragment))
