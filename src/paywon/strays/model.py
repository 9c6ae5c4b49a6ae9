"""Stray money: for an order that was closed, or had been paid already. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from paywon.base.ids import PaymentId, PaymentKey, StrayId
from paywon.base.money import Krw


class StrayReason(StrEnum):
    """Why an order cannot take money."""

    ORDER_EXPIRED = "ORDER_EXPIRED"
    ORDER_CANCELED = "ORDER_CANCELED"
    ORDER_PAID_ALREADY = "ORDER_PAID_ALREADY"
    UNFIT = "UNFIT"
    """Approved in another currency or amount than the order's, or so that it cannot be read."""


# What the customer reads on the cancel.
CANCEL_REASON: Final = {
    StrayReason.ORDER_EXPIRED: "주문 기한이 지난 뒤의 결제 자동 취소",
    StrayReason.ORDER_CANCELED: "취소된 주문의 결제 자동 취소",
    StrayReason.ORDER_PAID_ALREADY: "이미 결제된 주문의 중복 결제 자동 취소",
    StrayReason.UNFIT: "주문과 맞지 않는 결제 취소",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stray:
    """One row of ``strays``: won under one paymentKey that have to go back.

    ``return_at`` is when Toss is asked for it, None where it is done or waits for a person: a deposit
    (``needs_account``) goes back only to an account that somebody names.
    """

    id: StrayId
    payment_id: PaymentId
    payment_key: PaymentKey
    reason: StrayReason
    balance_amount: Krw
    needs_account: bool
    return_at: datetime | None
    last_error: str | None = None
    found_at: datetime
    returned_at: datetime | None = None
