"""Refunds that a bank pays out to an account, days after Toss has counted them as done. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final


class RefundStatus(StrEnum):
    """What the bank made of a refund to an account: Toss's ``virtualAccount.refundStatus`` (toss/api.md 3)."""

    NONE = "NONE"
    PENDING = "PENDING"
    FAILED = "FAILED"
    PARTIAL_FAILED = "PARTIAL_FAILED"
    COMPLETED = "COMPLETED"


NOT_PAID_OUT: Final = frozenset({RefundStatus.FAILED, RefundStatus.PARTIAL_FAILED})
UNDER_WAY: Final = frozenset({RefundStatus.PENDING, RefundStatus.COMPLETED})


def status_told(word: object) -> RefundStatus | None:
    """Read Toss's word; None where it is none that we know."""
    return RefundStatus.__members__.get(str(word))


def to_pay_again(status: RefundStatus | None, balance: int | None, canceled: Sequence[int]) -> int | None:
    """Return how many won can be sent to another account, given what was cancelled, oldest first; None where none can.

    Inferred: toss/api.md 5.4 names FAILED and not what may follow it. While anything is left, a cancel would cancel
    more; once nothing is, naming an account can only mean the last one.
    """
    return canceled[-1] if status in NOT_PAID_OUT and balance == 0 and canceled else None


def proves_another_try(word: object) -> bool:
    """Whether what Toss shows of a refund that had failed proves that the bank was asked again (inferred)."""
    return status_told(word) in UNDER_WAY
