"""Toss's tax arithmetic in KRW."""

from __future__ import annotations


def tax_split(balance_krw: int, tax_free_krw: int) -> tuple[int, int]:
    """(suppliedAmount, vat) of a remaining balance; vat is rounded half up. api.md 1.5 [2src]."""
    taxable = balance_krw - tax_free_krw
    vat = (2 * taxable + 11) // 22
    return taxable - vat, vat
