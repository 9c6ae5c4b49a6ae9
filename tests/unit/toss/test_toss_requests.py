"""What is sent is exactly what Toss documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from paywon.toss.wire import CancelPayment, ConfirmPayment, CreatePayment, RefundReceiveAccount, Request

pytestmark = pytest.mark.unit

DOCUMENTED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "toss" / "requests.json").read_text()
)

CREATE = CreatePayment(
    method="CARD",
    amount=15000,
    order_id="api-checkout-000001",
    order_name="토스 티셔츠 외 2건",
    success_url="https://shop.example/success",
    fail_url="https://shop.example/fail",
)
CONFIRM = ConfirmPayment(
    payment_key="5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1", order_id="a4CWyWY5m89PNh7xJwhk1", amount=1000
)
CANCEL_ALL = CancelPayment(cancel_reason="고객이 취소를 원함")
CANCEL_PART = CancelPayment(cancel_reason="고객이 취소를 원함", cancel_amount=1000, refundable_amount=10000)
CANCEL_ACCOUNT = CancelPayment(
    cancel_reason="고객이 취소를 원함",
    refund_receive_account=RefundReceiveAccount(bank="20", account_number="1000123456789", holder_name="박토스"),
)


def test_bodies_are_those_of_the_reference() -> None:
    ours: list[Request] = [CREATE, CONFIRM, CANCEL_ALL, CANCEL_PART, CANCEL_ACCOUNT]
    theirs = [row["body"] for row in DOCUMENTED[:5]]
    assert [json.loads(request.encode()) for request in ours] == theirs
    assert [request.as_dict() for request in ours] == theirs


def test_a_zero_that_was_given_is_sent() -> None:
    body = CancelPayment(cancel_reason="x", tax_free_amount=0)
    assert json.loads(body.encode()) == {"cancelReason": "x", "taxFreeAmount": 0}


def test_a_refund_account_is_masked_in_logs() -> None:
    assert "1000123456789" not in repr(CANCEL_ACCOUNT)
    assert "박토스" not in repr(CANCEL_ACCOUNT)
