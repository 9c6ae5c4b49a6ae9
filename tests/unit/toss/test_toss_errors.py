"""A code that nobody has classed fails here, so that a new one forces a decision."""

import json
from pathlib import Path

import pytest

from paywon.toss.errors import ALREADY_DONE, ELSEWHERE, MAY_PASS, REFUSALS, Operation, Refusal, refusal

pytestmark = pytest.mark.unit

ROWS = json.loads((Path(__file__).parents[2] / "fixtures" / "toss" / "error-codes.json").read_text())

EVERY = list(Operation)
QUERIES = {
    Operation.READ,
    Operation.CASH_RECEIPTS,
    Operation.TRANSACTIONS,
    Operation.SETTLEMENTS,
    Operation.PROMOTIONS,
}
POSTS = [operation for operation in Operation if operation not in QUERIES | {Operation.BILLING_DELETE}]

OPERATIONS: dict[str, list[Operation]] = {
    "*": EVERY,
    "POST *": POSTS,
    "POST /v1/payments/confirm": [Operation.CONFIRM],
    "POST /v1/payments/{paymentKey}/cancel": [Operation.CANCEL],
    "GET /v1/payments/{paymentKey}": [Operation.READ],
    "GET /v1/payments/orders/{orderId}": [Operation.READ],
    "POST /v1/virtual-accounts": [Operation.VIRTUAL_ACCOUNT],
    "POST /v1/billing/authorizations/issue": [Operation.BILLING_ISSUE],
    "POST /v1/billing/{billingKey}": [Operation.BILLING_CHARGE],
    "POST /v1/cash-receipts": [Operation.CASH_RECEIPT],
    "DELETE /v1/billing/{billingKey}": [Operation.BILLING_DELETE],
    "POST /v1/cash-receipts/{receiptKey}/cancel": [Operation.CASH_RECEIPT_CANCEL],
    "GET /v1/cash-receipts": [Operation.CASH_RECEIPTS],
    "GET /v1/transactions": [Operation.TRANSACTIONS],
    "GET /v1/settlements": [Operation.SETTLEMENTS],
    "POST /v1/settlements": [Operation.SETTLEMENT_REQUEST],
}

NOT_SPOKEN = {
    "POST /v1/payments/key-in": "takes card numbers (ADR 0011)",
    "POST /v1/billing/authorizations/card": "takes card numbers (ADR 0011)",
    "redirect failUrl": "no answer to a call",
    "Payment.failure": "no answer to a call",
    "CashReceipt.failure": "no answer to a call",
}


def test_every_endpoint_of_the_table_is_accounted_for() -> None:
    assert {row["endpoint"] for row in ROWS} == set(OPERATIONS) | set(NOT_SPOKEN)
    spoken = {operation for name, operations in OPERATIONS.items() if "*" not in name for operation in operations}
    # No table names their endpoints.
    assert set(Operation) - spoken == {Operation.CREATE, Operation.PROMOTIONS}
    assert set(REFUSALS) == set(Operation)


def test_every_code_is_classed() -> None:
    open_codes = MAY_PASS | ALREADY_DONE | ELSEWHERE
    undecided = {
        (operation.value, row["code"])
        for row in ROWS
        for operation in OPERATIONS.get(row["endpoint"], [])
        if refusal(operation, row["code"]) is None and row["code"] not in open_codes
    }
    assert undecided == set()


def test_no_code_is_both_a_refusal_and_open() -> None:
    for operation, table in REFUSALS.items():
        assert set(table) & (MAY_PASS | ALREADY_DONE) == set(), operation
    assert set() == MAY_PASS & ALREADY_DONE
    assert set() == ELSEWHERE & (MAY_PASS | ALREADY_DONE)


def test_what_may_pass_is_never_a_refusal() -> None:
    names = {code for table in REFUSALS.values() for code in table}
    suspicious = ("FAILED_", "UNKNOWN_", "PROVIDER_", "COMMON_", "ALREADY_", "DUPLICATED_", "NOT_AVAILABLE_")
    # A billing key that is gone stays gone: the one ALREADY_ that is no doubt about money.
    assert {code for code in names if code.startswith(suspicious)} == {"ALREADY_REMOVED_BILLING_KEY"}


def test_a_5xx_of_the_table_is_never_a_refusal() -> None:
    server_errors = {row["code"] for row in ROWS if (row["http_status"] or 0) >= 500}
    assert all(code not in table for code in server_errors for table in REFUSALS.values())


def test_every_code_that_is_listed_exists_in_the_reference() -> None:
    known = {row["code"] for row in ROWS}
    listed = {code for table in REFUSALS.values() for code in table} | MAY_PASS | ALREADY_DONE | ELSEWHERE
    assert listed - known == set()


@pytest.mark.parametrize(
    ("operation", "code", "expected"),
    [
        (Operation.CONFIRM, "REJECT_CARD_PAYMENT", Refusal.DECLINED),
        (Operation.CONFIRM, "NOT_FOUND_PAYMENT_SESSION", Refusal.EXPIRED),
        (Operation.CONFIRM, "INVALID_REQUEST", Refusal.REJECTED),
        (Operation.CONFIRM, "ALREADY_PROCESSED_PAYMENT", None),
        (Operation.CONFIRM, "NOT_AVAILABLE_BANK", None),
        (Operation.CONFIRM, "USER_ACCOUNT_ON_HOLD", None),
        (Operation.CANCEL, "ALREADY_CANCELED_PAYMENT", None),
        (Operation.CANCEL, "NOT_MATCHES_REFUNDABLE_AMOUNT", Refusal.REJECTED),
        (Operation.CANCEL, "EXCEED_CANCEL_LIMIT", Refusal.MERCHANT),
        (Operation.READ, "NOT_FOUND_PAYMENT", Refusal.NOT_FOUND),
        (Operation.READ, "NOT_FOUND", None),
        (Operation.READ, "FORBIDDEN_CONSECUTIVE_REQUEST", None),
        (Operation.CREATE, "INCORRECT_SUCCESS_URL_FORMAT", Refusal.REJECTED),
        (Operation.BILLING_CHARGE, "DUPLICATED_ORDER_ID", None),
        (Operation.BILLING_CHARGE, "REJECT_CARD_PAYMENT", Refusal.DECLINED),
        (Operation.BILLING_CHARGE, "NOT_MATCHES_CUSTOMER_KEY", Refusal.REJECTED),
        (Operation.BILLING_CHARGE, "ALREADY_REMOVED_BILLING_KEY", Refusal.NOT_FOUND),
        (Operation.BILLING_CHARGE, "FAILED_CARD_COMPANY_RESPONSE", None),
        (Operation.BILLING_ISSUE, "INVALID_BILLING_AUTH", Refusal.REJECTED),
        (Operation.BILLING_ISSUE, "EXCEED_MAX_AUTH_COUNT", Refusal.DECLINED),
        (Operation.BILLING_ISSUE, "COMMON_ERROR", None),
        (Operation.BILLING_DELETE, "NOT_FOUND_BILLING", Refusal.NOT_FOUND),
        (Operation.BILLING_DELETE, "NOT_FOUND", None),
        (Operation.VIRTUAL_ACCOUNT, "EXCEED_MAX_DUE_DATE", Refusal.REJECTED),
        (Operation.VIRTUAL_ACCOUNT, "DUPLICATED_ORDER_ID", None),
        (Operation.CASH_RECEIPT, "DUPLICATED_CASH_RECEIPT", None),
        (Operation.CASH_RECEIPT, "NOT_FOUND_RECEIPT", None),
        (Operation.CASH_RECEIPT_CANCEL, "NOT_FOUND_RECEIPT", Refusal.NOT_FOUND),
        (Operation.CASH_RECEIPT_CANCEL, "FORBIDDEN_REQUEST", Refusal.MERCHANT),
        (Operation.CASH_RECEIPTS, "API_VERSION_UPDATE_NEEDED", Refusal.MERCHANT),
        (Operation.CASH_RECEIPTS, "INVALID_BUSINESS_NUMBER", Refusal.MERCHANT),
        (Operation.TRANSACTIONS, "INVALID_TRANSACTION_KEY", Refusal.REJECTED),
        (Operation.SETTLEMENTS, "INVALID_DATE", Refusal.REJECTED),
        (Operation.SETTLEMENTS, "COMMON_ERROR", None),
        (Operation.SETTLEMENT_REQUEST, "NOT_FOUND_METHOD", Refusal.NOT_FOUND),
        (Operation.SETTLEMENT_REQUEST, "NOT_FOUND", Refusal.NOT_FOUND),
        (Operation.PROMOTIONS, "INVALID_DATE", None),
        (Operation.CONFIRM, "NEVER_SEEN_BEFORE", None),
    ],
)
def test_decided_codes(operation: Operation, code: str, expected: Refusal | None) -> None:
    assert refusal(operation, code) is expected
