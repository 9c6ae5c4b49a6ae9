"""Refunds that a bank pays out to an account, days after Toss has counted them as done. Pure."""

from enum import StrEnum
from typing import Final


class RefundStatus(StrEnum):
    """What the bank made of a refund to an account: Toss's ``virtualAccount.refundStatus`` (api.md 3)."""

    NONE = "NONE"
    PENDING = "PENDING"
    FAILED = "FAILED"
    PARTIAL_FAILED = "PARTIAL_FAILED"
    COMPLETED = "COMPLETED"


NOT_PAID_OUT: Final = frozenset({RefundStatus.FAILED, RefundStatus.PARTIAL_FAILED})
