"""The catalogue for readers: what each event says, in words and as JSON Schema. Pure."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec

from paywon.outbox.model import DATA, EventType


@dataclass(frozen=True, slots=True)
class Words:
    """When an event of a type is told."""

    ko: str
    en: str


_T = EventType
SAYS: Final[dict[EventType, Words]] = {
    _T.PAYMENT_REQUESTED: Words("누군가 주문의 결제를 시작함", "Somebody has begun to pay an order."),
    _T.PAYMENT_WAITING_FOR_DEPOSIT: Words(
        "가상계좌가 발급되어 입금을 기다림", "A virtual account was issued and awaits its deposit."
    ),
    _T.PAYMENT_COMPLETED: Words(
        "토스가 승인함. 가상계좌 입금은 아직 지켜보는 중일 수 있음. 물건은 order.paid에 내주기",
        "Toss has approved it. A deposit may still be held: hand over upon order.paid.",
    ),
    _T.PAYMENT_PARTIALLY_REFUNDED: Words("일부가 환불됨", "A part went back to the customer."),
    _T.PAYMENT_REFUNDED: Words("남은 것이 모두 환불됨", "All that was left went back to the customer."),
    _T.PAYMENT_FAILED: Words("결제가 거절됨. 다시 결제할 수 있음", "It was refused; the order can still be paid."),
    _T.PAYMENT_EXPIRED: Words("결제창이나 가상계좌의 기한이 지남", "The window's or the account's time has passed."),
    _T.PAYMENT_CANCELED: Words("승인되기 전에 취소됨", "It was cancelled before it was approved."),
    _T.PAYMENT_DEPOSIT_REVERSED: Words("은행이 입금을 되가져감", "A bank took the deposit back."),
    _T.PAYMENT_REFUND_FAILED: Words(
        "은행이 환불을 고객 계좌에 넣지 못함. 고객은 돈을 받지 못함. 다른 계좌로 다시 환불하거나 직접 송금하기",
        "A bank could not pay a refund out: the customer has no money yet. Name another account, or pay by hand.",
    ),
    _T.PAYMENT_REFUND_COMPLETED: Words(
        "은행이 환불을 고객 계좌에 넣음", "The bank has paid a refund out to the customer's account."
    ),
    _T.PAYMENT_UNAPPLIED: Words(
        "받을 주문이 없는 돈이 저절로 돌아가지 않아 사람을 기다림",
        "Money that no order can take does not go back by itself, and waits for a person.",
    ),
    _T.PAYMENT_IN_DOUBT: Words(
        "토스에 물은 것의 결과를 아직 모름. 책상에 올라감", "What came of a question to Toss is not known yet."
    ),
    _T.PAYMENT_DOUBT_RESOLVED: Words("모르던 것의 결과를 알게 됨", "What came of it is known now."),
    _T.ORDER_PAID: Words(
        "주문이 결제됨. 이것을 받고 물건을 내주기", "The order is paid: hand over upon this, and upon nothing else."
    ),
    _T.ORDER_PAYMENT_REVERSED: Words(
        "order.paid가 더는 사실이 아님: 은행이 입금을 되가져감",
        "What order.paid said holds no more: a bank took the deposit back.",
    ),
    _T.ORDER_REFUNDED: Words("주문 금액이 모두 환불됨", "All of the order's money went back."),
    _T.ORDER_FULFILMENT_BLOCKED: Words(
        "주문한 것을 내주거나 거두지 못함. 사람이 보아야 함",
        "What was ordered could not be handed over, or taken back; a person has to look.",
    ),
    _T.ORDER_CANCELED: Words("결제되기 전에 취소됨", "The order was cancelled before it was paid."),
    _T.ORDER_EXPIRED: Words("결제 기한이 지남", "The time to pay the order has passed."),
    _T.CASH_RECEIPT_REFUSED: Words(
        "국세청이 현금영수증(또는 그 취소)을 나중에 거절함",
        "The tax office has refused a cash receipt, or its cancel, after it was taken.",
    ),
    _T.CAPSULE_CREATED: Words("타임캡슐이 만들어지거나 되살아남", "A time capsule was made, or brought back."),
    _T.CAPSULE_CANCELED: Words("타임캡슐이 취소됨", "A time capsule was cancelled."),
    _T.BILLING_KEY_ISSUED: Words("빌링키가 발급됨", "A billing key was issued."),
    _T.BILLING_KEY_DELETED: Words("빌링키가 삭제됨", "A billing key is gone."),
    _T.SETTLEMENT_PAID_OUT: Words(
        "토스가 하루치를 지급함. 하루에 한 번, 다음 날 아침에",
        "What Toss paid out on a day; told once, the next morning.",
    ),
    _T.ENDPOINT_TEST: Words("시험으로 보낸 것", "A test, because somebody asked for one."),
}


_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_PLACES: Final = "#/$defs/{name}"


@cache
def schema_of(kind: EventType) -> dict[str, Any]:
    """Answer the JSON Schema (2020-12) of the body that a delivery of this type has."""
    (data,), parts = msgspec.json.schema_components([DATA[kind]], ref_template=_PLACES)
    return {"$schema": _DIALECT, **_body(kind, data), "$defs": parts}


def schema_of_all() -> dict[str, Any]:
    """Answer one JSON Schema of every body; that of one type stands in it under the type's name."""
    data, parts = msgspec.json.schema_components([DATA[kind] for kind in EventType], ref_template=_PLACES)
    bodies = {kind.value: _body(kind, said) for kind, said in zip(EventType, data, strict=True)}
    return {
        "$schema": _DIALECT,
        "title": "paywon events",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in bodies],
        "$defs": {**bodies, **parts},
    }


def _body(kind: EventType, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": kind.value,
        "description": SAYS[kind].en,
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid", "description": "The same for every try: webhook-id."},
            "type": {"const": kind.value},
            "timestamp": {"type": "string", "format": "date-time", "description": "When it came about."},
            "sequence": {"type": "integer", "description": "Of two events about one order, the larger is the later."},
            "data": data,
        },
        "required": ["id", "type", "timestamp", "sequence", "data"],
    }
