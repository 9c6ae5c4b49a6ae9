"""The customer's part: what happens in the payment window (toss/api.md 2 and 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from paywon_sandbox import inferred
from paywon_sandbox.core import codes, ids
from paywon_sandbox.core.errors import TossError, find, special
from paywon_sandbox.core.money import as_text
from paywon_sandbox.core.records import Choice, PaymentRecord
from paywon_sandbox.core.store import Account
from paywon_sandbox.core.values import RefundAccount
from paywon_sandbox.rules import promotions
from paywon_sandbox.rules.addresses import with_query
from paywon_sandbox.rules.cards import CARD_NUMBER
from paywon_sandbox.rules.magic import card_refusal
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.terms import NO_RECEIPT, RECEIPT_TYPES
from paywon_sandbox.rules.wishes import NOTHING
from paywon_sandbox.settings import CONFIRM_WINDOW, MINIMUM_INSTALLMENT_KRW, VIRTUAL_ACCOUNT_MAX_HOURS

Outcome = Literal["approve", "decline", "abort", "close"]
OUTCOMES: tuple[Outcome, ...] = ("approve", "decline", "abort", "close")
WINDOW_FAILURES: dict[str, str] = {"decline": inferred.WINDOW_DECLINE, "abort": "PAY_PROCESS_ABORTED"}  # toss/api.md 3
FUNDINGS = ("card", "account")
_DIGITS = re.compile(r"[0-9]{1,30}", re.ASCII)


def read_choice(params: Params, record: PaymentRecord) -> Choice:
    """The customer's choice from control-door or form parameters; else what the shop wished. Raises INVALID_* codes."""
    wishes = record.wishes or NOTHING
    company = wishes.card_company or "11"
    choice = Choice(
        method=_method(params, record),
        card_company=_institution(params, "cardCompany", codes.CARD_COMPANIES, company, "INVALID_CARD_COMPANY"),
        card_type=params.one_of("cardType", codes.CARD_TYPES),
        owner_type=params.one_of("cardOwnerType", codes.OWNER_TYPES),
        installment_plan_months=params.whole("installmentPlanMonths", _wished_months(record)),
        is_interest_free=params.flag("isInterestFree", default=False),
        easy_pay_provider=_provider(params, record),
        easy_pay_funding=params.optional_text("easyPayFunding") or "card",
        points_krw=params.not_negative("pointsAmount"),
        bank_code=_institution(params, "bank", codes.BANKS, wishes.bank_code or "92", "INVALID_BANK"),
        phone=params.optional_text("customerMobilePhone") or record.customer_phone or "01012345678",
        customer_name=params.optional_text("customerName") or record.customer_name or "김토스",
        cash_receipt_type=_cash_receipt_type(params, wishes.cash_receipt_type),
        cash_receipt_number=_cash_receipt_number(params),
        use_card_point=params.flag("useCardPoint", default=wishes.use_card_point),
        refund_account=_refund_account(params) or wishes.refund_account,
        valid_hours=_valid_hours(params) or wishes.valid_hours,
        due_date=None if params.has("validHours") else wishes.due_date,
        use_escrow=params.flag("useEscrow", default=wishes.use_escrow),
        card_number=params.pattern("cardNumber", CARD_NUMBER, code="INVALID_CARD_NUMBER"),
        discount_krw=params.not_negative("discountAmount"),
        country=params.pattern("country", r"[A-Z]{2}") or wishes.country or "US",
        partial_cancelable=params.flag("isPartialCancelable", default=True),
        decline_code=params.optional_text("declineAtConfirm") or _played_by_the_card(params),
        decline_times=params.optional_positive("declineTimes"),
    )
    _check_currency(choice.method, record.payment.currency)
    _take_discount(choice, wishes.discount_code, record.payment.total_amount)
    _check_choice(choice, record.payment.total_amount)
    return choice


def _method(params: Params, record: PaymentRecord) -> str:
    wanted = params.optional_text("method")
    if wanted is None:
        # What Toss calls the card's window holds the domestic easy pays too.
        by_card = record.wanted_method in (None, codes.CARD)
        easy = params.has("easyPayProvider") or (record.wishes or NOTHING).easy_pay
        return codes.EASY_PAY if by_card and easy else record.wanted_method or codes.CARD
    method = codes.method_name(wanted)
    if method is None:
        raise TossError("INVALID_REQUEST")
    return method


def _institution(params: Params, name: str, table: Mapping[str, tuple[str, ...]], default: str, code: str) -> str:
    found = codes.institution(table, params.optional_text(name) or default)
    if found is None:
        raise TossError(code)
    return found


def _provider(params: Params, record: PaymentRecord) -> str:
    wanted = params.optional_text("easyPayProvider") or (record.wishes or NOTHING).easy_pay
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
    """Dollars go with foreign easy pay, and with nothing else (toss/api.md 5.1)."""
    if (method == codes.FOREIGN_EASY_PAY) != (currency == "USD"):
        raise TossError("NOT_SUPPORTED_USD" if currency == "USD" else "INVALID_CURRENCY")


def _wished_months(record: PaymentRecord) -> int:
    """Instalments hold from 50,000 KRW (toss/api.md 5.5)."""
    months = (record.wishes or NOTHING).months or 0
    return months if record.payment.total_amount >= MINIMUM_INSTALLMENT_KRW else 0


def _take_discount(choice: Choice, code: str | None, amount_krw: int) -> None:
    """The instant discount that the shop offered, if the customer's card and the amount fit (toss/api.md 11)."""
    offer = promotions.card_discount(code or "")
    if offer is None or choice.method != codes.CARD or choice.card_company != offer.issuer_code:
        return
    if offer.minimum_krw <= amount_krw <= offer.maximum_krw:
        choice.discount_krw = choice.discount_krw or offer.discount_krw


def _cash_receipt_type(params: Params, wished: str | None) -> str | None:
    wanted = params.optional_text("cashReceiptType") or wished
    if wanted in (None, NO_RECEIPT):
        return None
    if wanted not in RECEIPT_TYPES:
        raise TossError("INVALID_CASH_RECEIPT_INFO")
    return wanted


def _cash_receipt_number(params: Params) -> str:
    number = params.optional_text("cashReceiptNumber", code="INVALID_CASH_RECEIPT_INFO") or "01012341234"
    if not _DIGITS.fullmatch(number):
        raise TossError("INVALID_CASH_RECEIPT_INFO")
    return number


def _refund_account(params: Params) -> RefundAccount | None:
    """Where the customer wants a virtual account refunded to, entered in the window (toss/api.md 4)."""
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
    if outcome in WINDOW_FAILURES:
        return fail_redirect(record, WINDOW_FAILURES[outcome], with_order_id=True)
    payment = record.payment
    payment.status = "IN_PROGRESS"
    payment.method = choice.method
    if choice.method != codes.FOREIGN_EASY_PAY:  # both null in a real PayPal record (toss/api.md 14)
        payment.use_escrow, payment.secret = False, ids.payment_secret()
    record.choice = choice
    record.deadline = account.clock.now() + CONFIRM_WINDOW
    account.keep_payment(record)
    later = record.pending_url if approves_later(record) else None
    return _paid_redirect(record, later or record.success_url)


def approves_later(record: PaymentRecord) -> bool:
    """Asian wallets tell how it went ten minutes later, to shops that gave a pendingUrl (toss/api.md 14 [1src])."""
    wallet = record.choice.easy_pay_provider if record.choice else ""
    return record.pending_url is not None and wallet in codes.ASYNCHRONOUS_WALLETS


def ensure_open(record: PaymentRecord) -> None:
    """Only a READY payment can be authenticated."""
    if record.payment.status == "EXPIRED":
        raise TossError("NOT_FOUND_PAYMENT_SESSION")
    if record.payment.status != "READY":
        raise TossError("ALREADY_PROCESSED_PAYMENT")


def _paid_redirect(record: PaymentRecord, url: str) -> str:
    """successUrl with paymentType, orderId, paymentKey and amount (toss/api.md 3 [2src]); pendingUrl too [inferred]."""
    payment = record.payment
    return with_query(
        url,
        {
            "paymentType": payment.type,
            "orderId": payment.order_id,
            "paymentKey": payment.payment_key,
            "amount": as_text(payment.total_amount, payment.currency),
        },
    )


def fail_redirect(record: PaymentRecord, code: str, *, with_order_id: bool) -> str:
    """failUrl with code and message, and orderId unless the buyer cancelled (toss/api.md 3 [2src])."""
    query = {"code": code, "message": special("redirect failUrl", code)}
    if with_order_id:
        query["orderId"] = record.payment.order_id
    return with_query(record.fail_url, query)
