"""States, steps and errors in words for people: Korean first, English beside it. Pure."""

from dataclasses import dataclass
from typing import Final

from paywon.base.errors import ErrorKind
from paywon.orders.model import OrderStatus, TimeOption
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, SimpleStatus


@dataclass(frozen=True, slots=True)
class Words:
    """One thing said twice, and the tone that it is shown in: good, bad, busy or plain."""

    ko: str
    en: str
    tone: str = "plain"


ORDER_STATUS: Final = {
    OrderStatus.PENDING_PAYMENT: Words("결제 전", "waiting for payment", "busy"),
    OrderStatus.PAID: Words("결제 완료", "paid", "good"),
    OrderStatus.PARTIALLY_REFUNDED: Words("일부 환불", "partly refunded", "plain"),
    OrderStatus.REFUNDED: Words("전액 환불", "refunded", "plain"),
    OrderStatus.CANCELED: Words("취소", "cancelled", "bad"),
    OrderStatus.EXPIRED: Words("기한 지남", "expired", "bad"),
}

PAYMENT_STATUS: Final = {
    SimpleStatus.PENDING: Words("결제를 기다리고 있습니다", "Waiting for the payment", "busy"),
    SimpleStatus.IN_PROGRESS: Words("토스의 승인을 기다리고 있습니다", "Waiting for Toss to approve", "busy"),
    SimpleStatus.COMPLETED: Words("결제가 완료되었습니다", "The payment is complete", "good"),
    SimpleStatus.PARTIAL_REFUNDED: Words("일부를 돌려드렸습니다", "Part of it went back", "good"),
    SimpleStatus.REFUNDED: Words("전액을 돌려드렸습니다", "All of it went back", "plain"),
    SimpleStatus.CANCELLED: Words("결제가 취소되었습니다", "The payment was cancelled", "bad"),
    SimpleStatus.FAILED: Words("결제되지 않았습니다", "The payment did not go through", "bad"),
}
SIMPLE_STATUS: Final = {
    SimpleStatus.PENDING: Words("결제 전", "pending", "busy"),
    SimpleStatus.IN_PROGRESS: Words("승인 중", "in progress", "busy"),
    SimpleStatus.COMPLETED: Words("결제 완료", "paid", "good"),
    SimpleStatus.PARTIAL_REFUNDED: Words("일부 환불", "partly refunded", "plain"),
    SimpleStatus.REFUNDED: Words("전액 환불", "refunded", "plain"),
    SimpleStatus.CANCELLED: Words("취소", "cancelled", "bad"),
    SimpleStatus.FAILED: Words("결제 안 됨", "not paid", "bad"),
}
NOT_ASKED_YET: Final = Words("아직 결제하지 않은 주문입니다", "This order has not been paid yet", "busy")
REFUNDING: Final = Words("환불하고 있습니다", "The refund is on its way", "busy")

TIME_OPTION: Final = {
    TimeOption.ONE_WEEK: Words("1주 뒤", "in a week"),
    TimeOption.ONE_MONTH: Words("1개월 뒤", "in a month"),
    TimeOption.ONE_YEAR: Words("1년 뒤", "in a year"),
    TimeOption.CUSTOM: Words("날짜 고르기", "on a day of your own"),
}

METHODS: Final = {
    "card": Words("카드", "card"),
    "transfer": Words("계좌이체", "bank transfer"),
    "mobile": Words("휴대폰", "mobile phone"),
}

_ACTORS: Final = {
    "demo:shop": Words("데모 상점", "this shop"),
    "system:inbox": Words("웹훅함", "webhook inbox"),
    "webhook": Words("토스 웹훅", "webhook"),
    "system:resolver": Words("미확인 결제 해결기", "resolver"),
    "system:watch": Words("때맞춰 다시 보기", "looks of our own accord"),
    "system:return": Words("자동 환불", "automatic return"),
}

_Q = AttemptType
_DONE, _FAILED, _OPEN = AttemptStatus.SUCCESS, AttemptStatus.FAILED, AttemptStatus.PENDING
_STEPS: Final = {
    (_Q.PAYMENT_REQUEST, _DONE): Words("토스 결제창을 열었습니다", "Toss opened a payment window", "plain"),
    (_Q.PAYMENT_REQUEST, _OPEN): Words("토스에 결제창을 요청했습니다", "Asked Toss for a payment window", "busy"),
    (_Q.PAYMENT_REQUEST, _FAILED): Words("결제창을 열지 못했습니다", "The payment window did not open", "bad"),
    (_Q.PAYMENT_CONFIRMATION, _DONE): Words("토스가 결제를 승인했습니다", "Toss approved the payment", "good"),
    (_Q.PAYMENT_CONFIRMATION, _OPEN): Words("토스에 승인을 요청했습니다", "Asked Toss to approve", "busy"),
    (_Q.PAYMENT_CONFIRMATION, _FAILED): Words("결제가 승인되지 않았습니다", "The payment was not approved", "bad"),
    (_Q.REFUND_REQUEST, _DONE): Words("환불했습니다", "Refunded", "good"),
    (_Q.REFUND_REQUEST, _OPEN): Words("토스에 환불을 요청했습니다", "Asked Toss for a refund", "busy"),
    (_Q.REFUND_REQUEST, _FAILED): Words("환불되지 않았습니다", "The refund did not go through", "bad"),
    (_Q.STATUS_READ, _DONE): Words("토스에서 다시 읽어 확인했습니다", "Read again from Toss; it agrees", "plain"),
    (_Q.STATUS_READ, _OPEN): Words("토스에서 다시 읽고 있습니다", "Reading again from Toss", "busy"),
    (_Q.STATUS_READ, _FAILED): Words("토스에서 읽지 못했습니다", "Could not be read from Toss", "bad"),
    (_Q.WEBHOOK_RECEIVED, _DONE): Words("토스가 웹훅을 보냈습니다", "A webhook of Toss was taken in", "plain"),
}
_WEBHOOK: Final = Words(
    "웹훅이 와서, 토스에서 다시 읽어 확인했습니다", "A webhook came; read again from Toss, it agrees", "good"
)
_ACCOUNT_ISSUED: Final = Words("입금할 가상계좌가 나왔습니다", "A virtual account to deposit into was issued", "plain")
_AMOUNT_REFUSED: Final = Words(
    "금액이 달라, 토스에 묻지 않고 거절했습니다", "The amount differed: refused without asking Toss", "bad"
)


def step_words(attempt: Attempt) -> Words:
    """Say what a row of the audit trail was about and what came of it."""
    if attempt.type is _Q.STATUS_READ and attempt.actor == "system:inbox" and attempt.status is _DONE:
        return _WEBHOOK
    if attempt.error_code == "AMOUNT_MISMATCH":
        return _AMOUNT_REFUSED
    if (attempt.response_data or {}).get("status") == "WAITING_FOR_DEPOSIT" and attempt.type is _Q.PAYMENT_CONFIRMATION:
        return _ACCOUNT_ISSUED
    kind = _Q.REFUND_REQUEST if attempt.type in (_Q.PAYMENT_CANCELLATION, _Q.REFUND_AGAIN) else attempt.type
    return _STEPS.get((kind, attempt.status)) or Words(attempt.type, attempt.status)


def actor_words(actor: str | None) -> Words:
    """Say who asked."""
    return _ACTORS.get(actor or "") or Words("API 키로 온 요청", "a caller with an API key")


_ADVICE: Final = {
    "PAYMENT_DECLINED": Words(
        "다른 카드나 결제수단으로 다시 결제해 주세요.", "Pay again with another card or another means of payment."
    ),
    "PAYMENT_EXPIRED": Words("결제창을 다시 열어 주세요.", "Open the payment window again."),
    "AMOUNT_MISMATCH": Words(
        "돈은 빠져나가지 않았습니다. 주문 화면에서 다시 결제해 주세요.",
        "No money moved. Pay again from the order's page.",
    ),
    "PAYMENT_IN_PROGRESS": Words(
        "잠시 뒤 주문 화면을 다시 열어 보세요. 두 번 결제되지 않습니다.",
        "Open the order's page again in a moment. Nothing is charged twice.",
    ),
    "PROVIDER_UNAVAILABLE": Words(
        "잠시 뒤 다시 시도해 주세요. 돈은 빠져나가지 않았습니다.", "Try again in a moment. No money moved."
    ),
    "REFUND_EXCEEDS_BALANCE": Words("더 적은 금액으로 다시 환불해 주세요.", "Ask for a smaller refund."),
    "ORDER_EXPIRED": Words("상점에서 다시 주문해 주세요.", "Place a new order in the shop."),
    "INVALID_REQUEST": Words("뒤로 가서 표시된 항목을 고쳐 주세요.", "Go back and mend the field that is named."),
}
_ADVICE_BY_KIND: Final = {
    ErrorKind.NOT_FOUND: Words("주소나 주문번호를 확인해 주세요.", "Check the address or the order number."),
    ErrorKind.PROVIDER_FAULT: Words("TOSS_PAYMENTS_SECRET_KEY를 확인해 주세요.", "Check TOSS_PAYMENTS_SECRET_KEY."),
    ErrorKind.UNAVAILABLE: Words("잠시 뒤 다시 시도해 주세요.", "Try again in a moment."),
}
_ASK_AGAIN: Final = Words(
    "주문 화면에서 상태를 확인한 뒤 다시 시도해 주세요.",
    "Look at the order first, then try again.",
)


def advice(code: str, kind: ErrorKind) -> Words:
    """Say what somebody who sees this error can do."""
    return _ADVICE.get(code) or _ADVICE_BY_KIND.get(kind) or _ASK_AGAIN
