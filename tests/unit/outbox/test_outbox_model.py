"""The catalogue: every type has its data, every word of it is one of ours, and none of it could be personal."""

from typing import Any, get_args

import msgspec
import pytest

from paywon.billing.model import KeyStatus
from paywon.capsules.model import CapsuleStatus
from paywon.orders.model import OrderStatus, TimeOption
from paywon.outbox.model import (
    DATA,
    FILTERS,
    SUBSCRIBABLE,
    BillingKeyTold,
    CapsuleTold,
    EventData,
    EventType,
    OrderTold,
    PaymentTold,
    PayOutTold,
    QuestionTold,
    UnappliedTold,
)
from paywon.payments.announcing import DOUBTS_TOLD
from paywon.payments.bank_refunds import NOT_PAID_OUT, RefundStatus
from paywon.payments.model import PaymentMethod, PaymentStatus, SimpleStatus
from paywon.strays.model import StrayReason


def _words(struct: type[msgspec.Struct], name: str) -> set[Any]:
    (field,) = [field for field in msgspec.structs.fields(struct) if field.name == name]
    arms = get_args(field.type)
    return {word for arm in arms for word in (get_args(arm) or (arm,)) if isinstance(word, str)}


@pytest.mark.parametrize(
    ("struct", "name", "words"),
    [
        (OrderTold, "status", set(OrderStatus)),
        (PaymentTold, "status", set(PaymentStatus)),
        (PaymentTold, "simple_status", set(SimpleStatus)),
        (PaymentTold, "method", set(PaymentMethod)),
        (CapsuleTold, "status", set(CapsuleStatus)),
        (CapsuleTold, "time_option", set(TimeOption)),
        (BillingKeyTold, "status", {KeyStatus.ACTIVE, KeyStatus.DELETED}),
        (QuestionTold, "type", DOUBTS_TOLD),
        (PayOutTold, "status", NOT_PAID_OUT | {RefundStatus.COMPLETED}),
        (UnappliedTold, "reason", set(StrayReason)),
        (QuestionTold, "outcome", {"success", "failed"}),
    ],
)
def test_the_words_are_those_of_the_rooms(struct: type[msgspec.Struct], name: str, words: set[str]) -> None:
    assert _words(struct, name) == {str(word) for word in words}


def test_every_type_has_its_data() -> None:
    assert set(DATA) == set(EventType)
    assert set(DATA.values()) == set(get_args(EventData))


def test_a_filter_is_everything_a_group_or_a_type() -> None:
    groups = {"payment.*", "order.*", "capsule.*", "billing_key.*", "settlement.*", "cash_receipt.*"}
    assert set(FILTERS) == {"*", *groups, *SUBSCRIBABLE}
    assert EventType.ENDPOINT_TEST not in FILTERS


# Ids, numbers, amounts, statuses and times; whoever adds one here says that it is none of a person's.
_ALLOWED = {
    "id", "orderNo", "status", "amount", "currency", "resourceType", "resourceId",
    "paymentNumber", "paymentKey", "simpleStatus", "method", "balanceAmount", "refundedAmount", "approvedAt",
    "failCode",
    "type", "since", "outcome", "timeOption", "openAt", "headcount", "authenticatedAt", "deletedAt",
    "day", "count", "fee", "payOutAmount",
    "reason", "cancelsId",
}  # fmt: skip
_PARTS = {
    "order",
    "payment",
    "refund",
    "question",
    "capsule",
    "billingKey",
    "payout",
    "endpoint",
    "unapplied",
    "cashReceipt",
}


def test_nothing_in_an_event_could_be_personal() -> None:
    schemas: dict[str, Any]
    _, schemas = msgspec.json.schema_components(list(DATA.values()))
    names = {name for schema in schemas.values() for name in schema["properties"]}
    assert names == _ALLOWED | _PARTS
