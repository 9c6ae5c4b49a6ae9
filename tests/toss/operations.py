"""The calls beyond a payment's own, one row each: what is asked, what goes over the wire, what may come back."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from tests.toss.loopback import FIXTURES

from paywon.toss.client import TossClient
from paywon.toss.errors import Refusal
from paywon.toss.outcome import Answer
from paywon.toss.wire import (
    CancelCashReceipt,
    ChargeBillingKey,
    IssueBillingKey,
    IssueCashReceipt,
    IssueVirtualAccount,
)

PAYMENT_KEY = "5EnNZRJGvaBX7zk2yd8ydw26XvwXkLrx9POLqKQjmAw4b0e1"
BILLING_KEY = "Z_t5vOvQxrj4499PeiJcjen28-V2RyqgYTwN44Rdzk0="
RECEIPT_KEY = "XA5KBTnZ0ioNfS7D8vQ3mYw2L1rJcPgE6hUdRkVxWsOqz9tM"
DAY_START, DAY_END = datetime(2024, 2, 12, 15, tzinfo=UTC), datetime(2024, 2, 13, 14, 59, 59, tzinfo=UTC)

DOCUMENTED: list[dict[str, Any]] = json.loads((FIXTURES / "requests.json").read_bytes())

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
RECEIPT = IssueCashReceipt(
    amount=15000,
    order_id="cash_20240213_000001",
    order_name="토스 티셔츠 외 2건",
    customer_identity_number="01012341234",
    type="소득공제",
)


@dataclass(frozen=True)
class Case:
    """`documented` is the row of requests.json that must be sent; `refusal` one *no* that belongs to the call."""

    name: str
    ask: Callable[[TossClient], Awaitable[Answer[Any]]]
    sent: str
    fixture: str
    refusal: tuple[int, str, Refusal]
    documented: int | None = None
    shown: str | None = None

    @property
    def reply(self) -> bytes:
        return (FIXTURES / self.fixture).read_bytes() if self.fixture else b""

    @property
    def body(self) -> Any:
        return None if self.documented is None else DOCUMENTED[self.documented]["body"]


CASES = [
    Case(
        "virtual account",
        lambda client: client.issue_virtual_account(ACCOUNT, idempotency_key="key-1"),
        "POST /v1/virtual-accounts",
        "payment-virtual-account-waiting.json",
        (400, "EXCEED_MAX_DUE_DATE", Refusal.REJECTED),
        6,
    ),
    Case(
        "billing key",
        lambda client: client.issue_billing_key(ISSUE, idempotency_key="key-1"),
        "POST /v1/billing/authorizations/issue",
        "billing-card-2022-11-16.json",
        (403, "REJECT_CARD_COMPANY", Refusal.DECLINED),
        7,
    ),
    Case(
        "billing charge",
        lambda client: client.charge_billing_key(BILLING_KEY, CHARGE, idempotency_key="key-1"),
        "POST /v1/billing/Z_t5vOvQxrj4499PeiJcjen28-V2RyqgYTwN44Rdzk0%3D",
        "payment-billing-done.json",
        (400, "NOT_MATCHES_CUSTOMER_KEY", Refusal.REJECTED),
        9,
        "/v1/billing/{billingKey}",
    ),
    Case(
        "billing deletion",
        lambda client: client.delete_billing_key(BILLING_KEY),
        "DELETE /v1/billing/Z_t5vOvQxrj4499PeiJcjen28-V2RyqgYTwN44Rdzk0%3D",
        "",
        (404, "NOT_FOUND_BILLING", Refusal.NOT_FOUND),
        10,
        "/v1/billing/{billingKey}",
    ),
    Case(
        "cash receipt",
        lambda client: client.issue_cash_receipt(RECEIPT, idempotency_key="key-1"),
        "POST /v1/cash-receipts",
        "cash-receipt-issued.json",
        (400, "INVALID_CASH_RECEIPT_INFO", Refusal.REJECTED),
        14,
    ),
    Case(
        "cash receipt cancel",
        lambda client: client.cancel_cash_receipt(
            RECEIPT_KEY, CancelCashReceipt(amount=15000), idempotency_key="key-1"
        ),
        f"POST /v1/cash-receipts/{RECEIPT_KEY}/cancel",
        "cash-receipt-canceled.json",
        (404, "NOT_FOUND_RECEIPT", Refusal.NOT_FOUND),
        15,
    ),
    Case(
        "cash receipts",
        lambda client: client.list_cash_receipts(date(2024, 2, 13), limit=100),
        "GET /v1/cash-receipts?requestDate=2024-02-13&limit=100",
        "cash-receipts-list.json",
        (400, "API_VERSION_UPDATE_NEEDED", Refusal.MERCHANT),
        16,
    ),
    Case(
        "transactions",
        lambda client: client.list_transactions(DAY_START, DAY_END, limit=100),
        "GET /v1/transactions?startDate=2024-02-13T00:00:00&endDate=2024-02-13T23:59:59&limit=100",
        "transactions-list.json",
        (400, "INVALID_TRANSACTION_KEY", Refusal.REJECTED),
        11,
    ),
    Case(
        "settlements",
        lambda client: client.list_settlements(date(2025, 2, 9), date(2025, 2, 9), page=1, size=100),
        "GET /v1/settlements?startDate=2025-02-09&endDate=2025-02-09&page=1&size=100",
        "settlements-list.json",
        (400, "INVALID_DATE", Refusal.REJECTED),
        12,
    ),
    Case(
        "settlement request",
        lambda client: client.request_settlement(PAYMENT_KEY, idempotency_key="key-1"),
        "POST /v1/settlements",
        "settlement-request-result.json",
        (404, "NOT_FOUND_METHOD", Refusal.NOT_FOUND),
        13,
    ),
    Case(
        "card promotions",
        lambda client: client.card_promotions(),
        "GET /v1/promotions/card",
        "promotions-card.json",
        (401, "UNAUTHORIZED_KEY", Refusal.MERCHANT),
    ),
    Case(
        "promotions",
        lambda client: client.promotions(),
        "GET /v1/promotions",
        "promotions-list.json",
        (400, "INVALID_API_KEY", Refusal.MERCHANT),
    ),
]
