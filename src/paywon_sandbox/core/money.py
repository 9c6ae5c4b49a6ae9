"""Toss's tax arithmetic and currencies. Inside, amounts are whole numbers of the smallest unit: KRW, or US cents."""

from __future__ import annotations

import msgspec

from paywon_sandbox.core.values import Payment

# Digits after the point: integers in KRW, up to 2 decimals in USD (toss/api.md 1.5 [2src]).
DECIMALS = {"KRW": 0, "USD": 2}
_CENTS = 100
_MONEY_FIELDS = frozenset(
    {"totalAmount", "balanceAmount", "suppliedAmount", "vat", "taxFreeAmount", "taxExemptionAmount", "amount"}
    | {"discountAmount", "cancelAmount", "refundableAmount", "cardDiscountAmount", "transferDiscountAmount"}
    | {"easyPayDiscountAmount"}
)


def tax_split(balance: int, tax_free: int) -> tuple[int, int]:
    """(suppliedAmount, vat) of a remaining balance; vat is rounded half up. toss/api.md 1.5 [2src]."""
    taxable = balance - tax_free
    vat = (2 * taxable + 11) // 22
    return taxable - vat, vat


def as_number(amount: int, currency: str) -> int | float:
    """An amount as it travels: 5000 cents are 50.0, and nothing is 0."""
    return amount / _CENTS if amount and DECIMALS[currency] else amount


def as_text(amount: int, currency: str) -> str:
    """An amount in an address: `50` or `726.24` dollars."""
    if not DECIMALS[currency]:
        return str(amount)
    return f"{amount / _CENTS:.2f}" if amount % _CENTS else str(amount // _CENTS)


def for_people(amount: int, currency: str) -> str:
    """An amount on a page: `15,000원`, `$726.24`."""
    return f"${amount / _CENTS:,.2f}" if currency == "USD" else f"{amount:,}원"


def as_sent(value: object) -> object:
    """What leaves the sandbox: a payment in dollars shows dollars, everything else is as it is."""
    if isinstance(value, Payment) and value.currency != "KRW":
        return in_currency(value, value.currency)
    return value


def in_currency(value: object, currency: str) -> object:
    """A Payment or Cancel as plain JSON values, its amounts in whole units of the currency."""
    plain = msgspec.to_builtins(value)
    return plain if currency == "KRW" else _convert(plain, currency)


def _convert(value: object, currency: str) -> object:
    if isinstance(value, list):
        return [_convert(item, currency) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: as_number(item, currency)
        if key in _MONEY_FIELDS and isinstance(item, int)
        else item
        if key == "metadata"
        else _convert(item, currency)
        for key, item in value.items()
    }
