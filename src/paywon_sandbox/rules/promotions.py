"""Promotions of the sandbox's shop: fixed (toss/api.md 11)."""

from __future__ import annotations

import msgspec

_DUE_DATE = "2030-12-31"


class CardDiscount(msgspec.Struct, frozen=True, kw_only=True):
    """An instant discount of one card company, in KRW."""

    code: str
    issuer_code: str
    discount_krw: int
    minimum_krw: int = 10_000
    maximum_krw: int = 1_000_000


CARD_DISCOUNTS = (CardDiscount(code="card-disc-001", issuer_code="31", discount_krw=600),)


def card_discount(code: str) -> CardDiscount | None:
    """The instant discount of a code; None when there is none."""
    return next((offer for offer in CARD_DISCOUNTS if offer.code == code), None)


def _discount(offer: CardDiscount) -> dict[str, object]:
    return {
        "issuerCode": offer.issuer_code,
        "discountAmount": offer.discount_krw,
        "balance": 12861000,
        "discountCode": offer.code,
        "dueDate": _DUE_DATE,
        "minimumPaymentAmount": offer.minimum_krw,
        "maximumPaymentAmount": offer.maximum_krw,
        "currency": "KRW",
    }


def _interest_free(issuer_code: str, longest: int) -> dict[str, object]:
    return {
        "issuerCode": issuer_code,
        "minimumPaymentAmount": 50000,
        "dueDate": _DUE_DATE,
        "installmentFreeMonths": list(range(2, longest + 1)),
        "currency": "KRW",
    }


_DISCOUNTS = [_discount(offer) for offer in CARD_DISCOUNTS]
_INTEREST_FREE = [_interest_free("71", 6), _interest_free("41", 3)]
_CARD_POINTS: list[dict[str, object]] = [{"issuerCode": "61", "minimumPaymentAmount": 10000}]
_BANK_DISCOUNTS: list[dict[str, object]] = [
    {
        "type": "FIXED_RATE",
        "bankCode": "92",
        "discountAmount": None,
        "discountRate": 0.05,
        "minimumPaymentAmount": 10000,
        "maximumPaymentAmount": 500000,
        "currency": "KRW",
        "discountCode": "bank-disc-001",
        "dueDate": _DUE_DATE,
    }
]
_KINDS = (
    ("CARD_DISCOUNT", "cardDiscount", _DISCOUNTS),
    ("CARD_INTEREST_FREE", "cardInterestFree", _INTEREST_FREE),
    ("CARD_POINT", "cardPoint", _CARD_POINTS),
    ("BANK_DISCOUNT", "bankDiscount", _BANK_DISCOUNTS),
)


def card_promotions() -> dict[str, object]:
    """`GET /v1/promotions/card`."""
    return {"discountCards": _DISCOUNTS, "interestFreeCards": _INTEREST_FREE}


def promotions() -> list[dict[str, object]]:
    """`GET /v1/promotions`: each row fills the one field of its type."""
    empty: dict[str, object] = {field: None for _, field, _ in _KINDS}
    return [{"payType": "NORMAL", "type": kind} | empty | {field: row} for kind, field, rows in _KINDS for row in rows]
