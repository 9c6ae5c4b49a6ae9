"""Won as whole numbers."""

from typing import Final, NewType

Krw = NewType("Krw", int)

# Nine billion is far above any card limit and far below what BIGINT and JavaScript's numbers hold exactly.
MAX_KRW: Final = Krw(9_999_999_999)
ZERO_KRW: Final = Krw(0)


def krw(amount: object) -> Krw:
    """Take a whole, non-negative number of won as money.

    Raises:
        ValueError: not an int, negative, or above ``MAX_KRW``.
    """
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise ValueError(f"won are whole numbers, not {amount!r}")
    if not 0 <= amount <= MAX_KRW:
        raise ValueError(f"won lie between 0 and {MAX_KRW}, not {amount}")
    return Krw(amount)


def format_krw(amount: Krw) -> str:
    """``50000`` → ``50,000원``."""
    return f"{amount:,}원"
