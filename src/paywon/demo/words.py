"""States, steps and errors in words for people: Korean first, English beside it. Pure."""

from dataclasses import dataclass
from typing import Final

from paywon.base.errors import ErrorKind
from paywon.inbox.model import KNOWN_ALREADY, WebhookStatus
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
AWAITS_DEPOSIT: Final = Words("입금을 기다리고 있습니다", "Waiting for the deposit", "busy")
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
    "virtual_account": Words("가상계좌", "virtual account"),
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
    (_Q.STATUS_READ, _DONE): Words("토스에서 다시 읽었습니다", "Read again from Toss", "plain"),
    (_Q.STATUS_READ, _OPEN): Words("토스에서 다시 읽고 있습니다", "Reading again from Toss", "busy"),
    (_Q.STATUS_READ, _FAILED): Words("토스에서 읽지 못했습니다", "Could not be read from Toss", "bad"),
}
_READ_THE_SAME: Final = Words("토스에서 다시 읽으니 그대로입니다", "Read again from Toss; it is as it was", "good")
_ACCOUNT_ISSUED: Final = Words("입금할 가상계좌가 나왔습니다", "A virtual account to deposit into was issued", "plain")
DEPOSITED: Final = Words("입금되었습니다", "The deposit came in", "good")
_DEPOSIT_REVERSED: Final = Words("은행이 입금을 되돌렸습니다", "The bank took the deposit back", "bad")
_CANCELED_AT_TOSS: Final = Words("토스에서 취소된 것을 확인했습니다", "Seen to be cancelled at Toss", "plain")
# What a read showed, by what had been shown before it.
_SEEN_CHANGE: Final = {
    ("WAITING_FOR_DEPOSIT", "DONE"): DEPOSITED,
    ("DONE", "WAITING_FOR_DEPOSIT"): _DEPOSIT_REVERSED,
    ("DONE", "CANCELED"): _CANCELED_AT_TOSS,
    ("DONE", "PARTIAL_CANCELED"): _CANCELED_AT_TOSS,
    ("PARTIAL_CANCELED", "CANCELED"): _CANCELED_AT_TOSS,
}
_AMOUNT_REFUSED: Final = Words(
    "금액이 달라, 토스에 묻지 않고 거절했습니다", "The amount differed: refused without asking Toss", "bad"
)


def step_words(attempt: Attempt, *, shown_before: str | None = None) -> Words:
    """Return what a row of the audit trail was about and what came of it.

    ``shown_before`` is the status that Toss was last seen to show before it.
    """
    shown = (attempt.response_data or {}).get("status")
    if attempt.type is _Q.STATUS_READ and attempt.status is _DONE and shown_before is not None:
        same = _READ_THE_SAME if shown == shown_before else None
        if found := same or _SEEN_CHANGE.get((shown_before, shown or "")):
            return found
    if attempt.error_code == "AMOUNT_MISMATCH":
        return _AMOUNT_REFUSED
    if (attempt.response_data or {}).get("status") == "WAITING_FOR_DEPOSIT" and attempt.type is _Q.PAYMENT_CONFIRMATION:
        return _ACCOUNT_ISSUED
    kind = _Q.REFUND_REQUEST if attempt.type in (_Q.PAYMENT_CANCELLATION, _Q.REFUND_AGAIN) else attempt.type
    return _STEPS.get((kind, attempt.status)) or Words(attempt.type, attempt.status)


# Anybody can send a webhook, so it is told as one that came, not as Toss's. What was refused or ignored is not told.
_WEBHOOKS: Final = {
    (WebhookStatus.RECEIVED, False): Words(
        "웹훅이 와서 확인하고 있습니다", "A webhook came and is looked into", "busy"
    ),
    (WebhookStatus.PROCESSED, True): Words(
        "웹훅이 왔습니다. 장부가 이미 아는 내용입니다", "A webhook came; our books knew it already", "good"
    ),
    (WebhookStatus.PROCESSED, False): Words(
        "웹훅이 와서 토스를 다시 읽었습니다", "A webhook came, so Toss was read", "good"
    ),
    (WebhookStatus.PARKED, False): Words(
        "웹훅이 말한 것을 토스에서 볼 수 없었습니다", "Toss does not show what a webhook said", "bad"
    ),
}


def webhook_words(status: WebhookStatus, reason: str | None) -> Words | None:
    """Say what became of a webhook; None for one that is not told."""
    return _WEBHOOKS.get((status, reason == KNOWN_ALREADY))


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
    "INVALID_REQUEST": Words("뒤로 가서 고쳐 주세요.", "Go back and correct it."),
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


# What Toss's window says by a code when it sends the customer to failUrl (toss/api.md 3, toss/codes.md). Its `message`
# is not shown: anybody can write one into an address.
_WINDOW_SAYS: Final = {
    "PAY_PROCESS_CANCELED": Words("결제를 취소하셨습니다.", "You cancelled the payment."),
    "PAY_PROCESS_ABORTED": Words("결제가 중간에 끊겼습니다.", "The payment broke off."),
    "REJECT_CARD_COMPANY": Words("카드사가 결제를 거절했습니다.", "The card company declined."),
    "USER_CANCEL": Words("결제를 취소하셨습니다.", "You cancelled the payment."),
    "INVALID_CARD": Words("쓸 수 없는 카드입니다.", "This card cannot be used."),
    "EXCEED_MAX_DAILY_PAYMENT_COUNT": Words("오늘 결제할 수 있는 횟수를 넘었습니다.", "Too many payments today."),
    "NOT_ENOUGH_AMOUNT": Words("잔액이 모자랍니다.", "There is not enough money."),
}


def window_says(code: str) -> Words | None:
    """Return what a code of Toss's window means; None for one that has no words here."""
    return _WINDOW_SAYS.get(code)
