"""What is sent is exactly what Toss documents."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from paywon.toss.wire import (
    CancelCashReceipt,
    CancelPayment,
    ChargeBillingKey,
    ConfirmPayment,
    CreatePayment,
    EscrowProduct,
    IssueBillingKey,
    IssueCashReceipt,
    IssueVirtualAccount,
    RefundReceiveAccount,
    Request,
    RequestSettlement,
    VirtualAccountReceipt,
    korean_day,
    korean_time,
)

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


ACCOUNT = IssueVirtualAccount(
    amount=15000,
    order_id="va-000000001",
    order_name="토스 티셔츠 외 2건",
    customer_name="박토스",
    bank="20",
    valid_hours=24,
)
ISSUE = IssueBillingKey(auth_key="bln_4bLQ1NpZxR7", customer_key="aENcQAtPdYbTjGhtQnNVj")
CHARGE = ChargeBillingKey(
    customer_key="aENcQAtPdYbTjGhtQnNVj",
    amount=4900,
    order_id="sub_20220608_000001",
    order_name="토스 프라임 구독",
    customer_email="customer@email.com",
    customer_name="박토스",
    tax_free_amount=0,
)
SETTLE = RequestSettlement(payment_key="5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1")
RECEIPT = IssueCashReceipt(
    amount=15000,
    order_id="cash_20240213_000001",
    order_name="토스 티셔츠 외 2건",
    customer_identity_number="01012341234",
    type="소득공제",
)
UNDO_RECEIPT = CancelCashReceipt(amount=15000)

NOT_SPOKEN = {
    "/v1/payments/key-in": "takes card numbers (ADR 0011)",
    "/v1/billing/authorizations/card": "takes card numbers (ADR 0011)",
    "/v2/payouts": "payouts v2 are encrypted (JWE) and not spoken",
}


def test_bodies_are_those_of_the_reference() -> None:
    ours: list[Request] = [CREATE, CONFIRM, CANCEL_ALL, CANCEL_PART, CANCEL_ACCOUNT, ACCOUNT]
    ours += [ISSUE, CHARGE, SETTLE, RECEIPT, UNDO_RECEIPT]
    theirs = [row["body"] for row in DOCUMENTED if row.get("body") and row["path"] not in NOT_SPOKEN]
    assert [json.loads(request.encode()) for request in ours] == theirs
    assert [request.as_dict() for request in ours] == theirs


def test_a_zero_that_was_given_is_sent() -> None:
    body = CancelPayment(cancel_reason="x", tax_free_amount=0)
    assert json.loads(body.encode()) == {"cancelReason": "x", "taxFreeAmount": 0}


def test_a_refund_account_is_masked_in_logs() -> None:
    assert "1000123456789" not in repr(CANCEL_ACCOUNT)
    assert "박토스" not in repr(CANCEL_ACCOUNT)


def test_an_account_is_asked_for_with_everything() -> None:
    body = IssueVirtualAccount(
        amount=15000,
        order_id="va-000000001",
        order_name="토스 티셔츠",
        customer_name="박토스",
        bank="국민은행",
        account_type="고정",
        account_key="key-1",
        due_date=datetime(2024, 2, 20, 14, 59, 59, 999_999, tzinfo=UTC),
        customer_mobile_phone="01012341234",
        use_escrow=True,
        escrow_products=[EscrowProduct(id="1", name="셔츠", code="s", unit_price=15000, quantity=1)],
        cash_receipt=VirtualAccountReceipt(type="소득공제", registration_number="01012341234"),
    )
    sent = json.loads(body.encode())
    assert sent == body.as_dict()
    assert sent["dueDate"] == "2024-02-20T23:59:59"
    assert (sent["accountType"], sent["accountKey"], sent["useEscrow"]) == ("고정", "key-1", True)
    assert sent["escrowProducts"] == [{"id": "1", "name": "셔츠", "code": "s", "unitPrice": 15000, "quantity": 1}]
    assert sent["cashReceipt"] == {"type": "소득공제", "registrationNumber": "01012341234"}
    assert "validHours" not in sent


def test_all_of_a_receipt_is_cancelled_by_an_empty_object() -> None:
    assert CancelCashReceipt().encode() == b"{}"


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2024, 2, 12, 15, tzinfo=UTC), "2024-02-13T00:00:00"),
        (datetime(2024, 2, 13, 12, 18, 14, tzinfo=timezone(timedelta(hours=9))), "2024-02-13T12:18:14"),
        (datetime(2024, 2, 13, 12, 18, 14, 500_000, tzinfo=timezone(timedelta(hours=9))), "2024-02-13T12:18:14.500"),
        (datetime(2023, 12, 31, 10, tzinfo=timezone(-timedelta(hours=5))), "2024-01-01T00:00:00"),
    ],
)
def test_an_instant_is_sent_in_korean_time_without_offset(instant: datetime, text: str) -> None:
    assert korean_time(instant) == text


def test_an_instant_of_no_certain_hour_is_not_sent() -> None:
    with pytest.raises(ValueError, match="offset"):
        korean_time(datetime(2024, 2, 13))  # noqa: DTZ001 - the case itself
    with pytest.raises(ValueError, match="year out of range"):
        korean_time(datetime.max.replace(tzinfo=UTC))
    with pytest.raises(ValueError, match="without a time"):
        korean_day(datetime(2024, 2, 13, tzinfo=UTC))
    assert korean_day(date(2024, 2, 3)) == "2024-02-03"


def test_persons_and_secrets_stay_out_of_logs() -> None:
    receipt = VirtualAccountReceipt(type="소득공제", registration_number="01012341234")
    for text in map(repr, (ACCOUNT, ISSUE, CHARGE, RECEIPT, receipt)):
        for secret in ("박토스", "bln_4bLQ1NpZxR7", "customer@email.com", "01012341234"):
            assert secret not in text
