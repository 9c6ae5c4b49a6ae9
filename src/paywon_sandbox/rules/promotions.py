"""Promotions of the sandbox's shop: fixed (api.md 11)."""

from __future__ import annotations

_DUE_DATE = "2030-12-31"


def _discount(issuer_code: str, discount_krw: int, code: str) -> dict[str, object]:
    return {
        "issuerCode": issuer_code,
        "discountAmount": discount_krw,
        "balance": 12861000,
        "discountCode": code,
        "dueDate": _DUE_DATE,
        "minimumPaymentAmount": 10000,
        "maximumPaymentAmount": 1000000,
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


_DISCOUNTS = [_discount("31", 600, "card-disc-001")]
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
