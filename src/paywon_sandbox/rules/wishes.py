"""What a shop asks of the payment window: preselected there, and what holds where the customer chooses nothing else.

The names are those of `POST /v1/payments` (toss/api.md 5.1) and of the options in the type files of Toss's two loaders;
the scripts hand them on as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from paywon_sandbox.core import codes
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.core.records import Wishes
from paywon_sandbox.core.values import RefundAccount
from paywon_sandbox.rules import promotions
from paywon_sandbox.rules.params import Params
from paywon_sandbox.rules.terms import NO_RECEIPT, RECEIPT_TYPES, read_due_date, read_valid_hours

NOTHING = Wishes()
MONTHS = (0, *range(2, 13))
CARRIERS = {"SKT": "SKT", "KT": "KT", "LGU": "LG U+", "HELLO": "헬로모바일", "KCT": "KCT", "SK7": "SK7모바일"}


def read_wishes(params: Params) -> Wishes | None:
    """Raises the site-wide codes of each parameter. None for none: most orders have none."""
    wishes = Wishes(
        card_company=_known(params, "cardCompany", codes.CARD_COMPANIES, "INVALID_CARD_COMPANY"),
        bank_code=_known(params, "bank", codes.BANKS, "INVALID_BANK"),
        easy_pay=_easy_pay(params),
        months=_months(params, "cardInstallmentPlan"),
        highest_months=_months(params, "maxCardInstallmentPlan"),
        use_card_point=params.flag("useCardPoint", default=False),
        discount_code=_discount_code(params),
        valid_hours=read_valid_hours(params),
        due_date=read_due_date(params),
        use_escrow=_escrow(params),
        cash_receipt_type=_receipt_type(params.child("cashReceipt") or params.child("cashReceiptInfo")),
        refund_account=_refund_account(params.child("refundReceiveAccount")),
        culture_expense=params.flag("isCulturalExpenses", default=params.flag("cultureExpense", default=False)),
        carriers=_carriers(params),
        country=params.pattern("country", r"[A-Z]{2}"),
    )
    if wishes.months is not None and wishes.highest_months is not None:
        raise TossError("INVALID_CARD_INSTALLMENT_PLANS_WITH_MAX_AND_SINGLE")
    return None if wishes == NOTHING else wishes


def _known(params: Params, name: str, table: Mapping[str, tuple[str, ...]], code: str) -> str | None:
    wanted = params.optional_text(name, code=code)
    if not wanted:
        return None
    found = codes.institution(table, wanted)
    if found is None:
        raise TossError(code)
    return found


def _easy_pay(params: Params) -> str | None:
    """A Korean or English name (toss/codes.md), or a foreign wallet under `provider`, as in the type file."""
    wanted = params.optional_text("easyPay", code="INVALID_EASY_PAY")
    wallet = params.optional_text("provider", code="INVALID_EASY_PAY")
    foreign = params.optional_text("method") in ("FOREIGN_EASY_PAY", codes.FOREIGN_EASY_PAY)
    # A bank transfer has providers of its own.
    wanted = wallet or wanted if foreign else wanted
    if not wanted:
        return None
    found = wanted if wanted in codes.FOREIGN_WALLETS else codes.provider_name(wanted)
    if found is None or (found in codes.FOREIGN_WALLETS) != foreign:
        raise TossError("INVALID_EASY_PAY")
    return found


def _months(params: Params, name: str) -> int | None:
    if not params.has(name):
        return None
    months = params.whole(name, 0, code="INVALID_CARD_INSTALLMENT_PLAN")
    if months not in MONTHS:
        raise TossError("INVALID_CARD_INSTALLMENT_PLAN")
    return months


def _discount_code(params: Params) -> str | None:
    """One of those that `GET /v1/promotions/card` names."""
    wanted = params.optional_text("discountCode")
    if wanted and promotions.card_discount(wanted) is None:
        raise TossError("INVALID_REQUEST")
    return wanted or None


def _escrow(params: Params) -> bool:
    """In the type file nothing of a product is required."""
    params.children("escrowProducts")
    return params.flag("useEscrow", default=False)


def _receipt_type(receipt: Params | None) -> str | None:
    wanted = receipt.optional_text("type") if receipt else None
    if wanted is None or wanted == NO_RECEIPT:
        return None
    if wanted not in RECEIPT_TYPES:
        raise TossError("INVALID_CASH_RECEIPT_INFO")
    return wanted


def _refund_account(account: Params | None) -> RefundAccount | None:
    """Here the bank's field is `bankCode`, unlike that of a cancel."""
    if account is None:
        return None
    bank = codes.institution(codes.BANKS, account.text("bankCode", longest=20))
    if bank is None:
        raise TossError("INVALID_BANK")
    number = account.required_pattern("accountNumber", r"[0-9]{1,20}", code="INVALID_REFUND_ACCOUNT_NUMBER")
    holder = account.text("holderName", longest=60)
    return RefundAccount(bank_code=bank, account_number=number, holder_name=holder)


def _carriers(params: Params) -> tuple[str, ...]:
    alone = params.optional_text("mobileCarrier")
    wanted = tuple(params.text_list("mobileCarriers")) or ((alone,) if alone else ())
    if not set(wanted) <= CARRIERS.keys():
        raise TossError("NOT_SUPPORTED_CARRIER")
    return wanted
