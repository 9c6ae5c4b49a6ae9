"""Card data typed in by the merchant: key-in payments and billing keys (toss/api.md 5.5 and 7)."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec

from paywon_sandbox.core import codes
from paywon_sandbox.core.errors import TossError
from paywon_sandbox.rules.params import Params
from paywon_sandbox.settings import KST, MINIMUM_INSTALLMENT_KRW

# toss/api.md 7 [M]: any plausible number works, 6 digits do not.
CARD_NUMBER = r"[0-9]{13,20}"
_BIRTH = re.compile(r"[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])", re.ASCII)
# Which company issued a card, by its first digits: made up, for variety.
_ISSUERS = {"4330": "61", "5428": "41", "9446": "71", "9410": "51", "5570": "11", "3560": "31"}


class TypedCard(msgspec.Struct, kw_only=True, frozen=True):
    """A card as typed in."""

    number: str
    year: int
    month: int

    def refuse_expired(self, now: datetime) -> None:
        """Raises INVALID_CARD_EXPIRATION on the account's clock."""
        today = now.astimezone(KST)
        if (self.year, self.month) < (today.year, today.month):
            raise TossError("INVALID_CARD_EXPIRATION")


def read_card(params: Params) -> TypedCard:
    """Raises the INVALID_CARD_* codes and INVALID_BIRTH_DAY_FORMAT."""
    number = params.required_pattern("cardNumber", CARD_NUMBER, code="INVALID_CARD_NUMBER")
    year = params.required_pattern("cardExpirationYear", r"[0-9]{2}", code="INVALID_CARD_EXPIRATION")
    month = params.required_pattern("cardExpirationMonth", r"0[1-9]|1[0-2]", code="INVALID_CARD_EXPIRATION")
    identity = params.required_pattern("customerIdentityNumber", r"[0-9]{6}|[0-9]{10}", code="INVALID_BIRTH_DAY_FORMAT")
    if len(identity) == 6 and not _BIRTH.fullmatch(identity):
        raise TossError("INVALID_BIRTH_DAY_FORMAT")
    params.pattern("cardPassword", r"[0-9]{2}", code="INVALID_CARD_PASSWORD")
    params.email(code="INVALID_EMAIL")
    params.optional_text("customerName", longest=100)
    _read_vbv(params.child("vbv"))
    return TypedCard(number=number, year=2000 + int(year), month=int(month))


def _read_vbv(vbv: Params | None) -> None:
    """Overseas 3-D Secure: strings (toss/api.md 16, erratum 11)."""
    if vbv is not None:
        for name in ("cavv", "xid", "eci"):
            vbv.text(name)


def issuer_of(number: str) -> str:
    """The card company's code."""
    return _ISSUERS.get(number[:4], "61")


def acquirer_of(issuer_code: str) -> str:
    """Who acquires that company's cards."""
    return codes.ACQUIRERS.get(issuer_code, issuer_code)


def read_installments(params: Params, amount_krw: int) -> int:
    """0 or 2 to 12 months, from 50,000 KRW (toss/api.md 5.5)."""
    months = params.whole("cardInstallmentPlan", 0)
    if months not in (0, *range(2, 13)):
        raise TossError("INVALID_CARD_INSTALLMENT_PLAN")
    if months and amount_krw < MINIMUM_INSTALLMENT_KRW:
        raise TossError("NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN_BELOW_AMOUNT")
    return months
