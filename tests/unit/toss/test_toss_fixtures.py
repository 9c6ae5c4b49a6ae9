"""Every recorded body that the client should read parses, and says what it says."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paywon.toss import wire
from paywon.toss.body import decode
from paywon.toss.errors import Operation, Refusal, refusal
from paywon.toss.webhooks import parse_webhook
from paywon.toss.wire import Payment, decode_payment

pytestmark = pytest.mark.unit

FIXTURES = Path(__file__).parents[2] / "fixtures" / "toss"

NOT_READ = {
    "SOURCES.md": "says where the others come from",
    "redirects.json": "the browser brings these; the door that takes them reads them",
    "requests.json": "what we send: test_toss_requests.py",
    "v2-balance.json": "payouts v2 are encrypted (JWE) and not spoken",
    "v2-error.json": "payouts v2 are encrypted (JWE) and not spoken",
    "v2-payout-list.json": "payouts v2 are encrypted (JWE) and not spoken",
    "v2-payout-requested.json": "payouts v2 are encrypted (JWE) and not spoken",
    "v2-seller-deleted.json": "payouts v2 are encrypted (JWE) and not spoken",
    "v2-seller-list.json": "payouts v2 are encrypted (JWE) and not spoken",
    "v2-seller.json": "payouts v2 are encrypted (JWE) and not spoken",
    "error-codes.json": "the code lists: test_toss_errors.py",
}


def _raw(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def _same(value: object, stored: object) -> bool:
    """Whether a typed value says what the stored JSON says; what the type does not name is passed over."""
    if isinstance(value, wire.Wire):
        fields = dict(zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True))
        return isinstance(stored, dict) and all(
            _same(getattr(value, name), stored.get(key)) for name, key in fields.items()
        )
    if isinstance(value, list):
        return isinstance(stored, list) and all(map(_same, value, stored)) and len(value) == len(stored)
    if isinstance(value, datetime):
        return value.utcoffset() is not None and value == datetime.fromisoformat(str(stored))
    if isinstance(value, date):
        return value.isoformat() == stored
    if isinstance(value, Decimal):
        return float(value) == stored
    return value == stored and (value is None) == (stored is None)


def _unnamed(value: object, stored: object) -> set[str]:
    """Keys of the stored JSON that the type does not name: Toss's documented fields must all be named."""
    if isinstance(value, wire.Wire) and isinstance(stored, dict):
        known = dict(zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True))
        below = [_unnamed(getattr(value, known[key]), stored[key]) for key in stored if key in known]
        return (set(stored) - set(known)).union(*below)
    if isinstance(value, list) and isinstance(stored, list):
        return set().union(*map(_unnamed, value, stored))
    return set()


SHAPES: list[tuple[str, Any]] = [
    ("payment-", Payment),
    ("billing-", wire.Billing),
    ("transactions-list", list[wire.Transaction]),
    ("settlements-list", list[wire.Settlement]),
    ("settlement-request-result", wire.SettlementRequested),
    ("cash-receipts-list", wire.CashReceiptPage),
    ("cash-receipt-", wire.CashReceipt),
    ("promotions-card", wire.CardPromotions),
    ("promotions-list", wire.Promotions),
]


def _shape(name: str) -> Any:
    return next((shape for prefix, shape in SHAPES if name.startswith(prefix)), None)


ALL = sorted(path.name for path in FIXTURES.iterdir())
BODIES = [name for name in ALL if _shape(name) is not None]
WEBHOOKS = [name for name in ALL if name.startswith("webhook-")]


def test_every_file_is_read_or_named_as_not_read() -> None:
    assert set(ALL) - set(BODIES) - set(WEBHOOKS) - set(NOT_READ) == {"error-bodies.json"}
    assert len(BODIES) >= 33
    assert len(WEBHOOKS) >= 19


@pytest.mark.parametrize("name", BODIES)
def test_a_body_keeps_every_value(name: str) -> None:
    value, stored = decode(_raw(name), _shape(name)), json.loads(_raw(name))
    assert _same(value, stored)
    assert _unnamed(value, stored) == set()


@pytest.mark.parametrize("name", [name for name in BODIES if name.startswith("payment-")])
def test_a_payment_adds_up(name: str) -> None:
    payment = decode_payment(_raw(name))
    canceled = sum(cancel.cancel_amount or 0 for cancel in payment.cancels or [])
    assert payment.balance_amount == payment.total_amount - canceled
    assert payment.requested_at is not None
    assert payment.requested_at.utcoffset() is not None
    assert type(payment.total_amount) is int


def test_partial_cancels_that_empty_the_balance_keep_their_status() -> None:
    payment = decode_payment(_raw("payment-card-partial-then-rest-canceled.json"))
    assert (payment.status, payment.balance_amount, len(payment.cancels or [])) == ("PARTIAL_CANCELED", 0, 3)


def test_an_expired_payment_has_no_method() -> None:
    payment = decode_payment(_raw("payment-expired.json"))
    assert (payment.method, payment.approved_at, payment.use_escrow, payment.secret) == (None,) * 4
    assert payment.failure is not None
    assert payment.failure.code == "EXPIRED_PAYMENT"


def test_dollars_keep_their_cents() -> None:
    payment = decode_payment(_raw("payment-foreign-easypay-paypal-done.json"))
    assert (payment.currency, payment.total_amount, payment.vat) == ("USD", 50, Decimal("4.55"))


def test_a_past_due_account_only_turns_expired() -> None:
    payment = decode_payment(_raw("payment-virtual-account-waiting-past-due.json"))
    assert payment.virtual_account is not None
    assert (payment.status, payment.virtual_account.expired) == ("WAITING_FOR_DEPOSIT", True)
    assert payment.virtual_account.due_date == datetime(2022, 1, 10, 12, 5, 9, tzinfo=UTC)


def test_a_canceled_settlement_is_negative_and_its_cancel_positive() -> None:
    row = decode(_raw("settlements-list.json"), list[wire.Settlement])[1]
    assert row.cancel is not None
    assert (row.amount, row.pay_out_amount, row.cancel.cancel_amount) == (-64601, -63109, 64601)


def test_promotions_tell_the_issuer_under_any_of_its_names() -> None:
    promotions = decode(_raw("promotions-card.json"), wire.CardPromotions)
    older = [decode(body, wire.CardOffer) for body in (b'{"companyCode":"31"}', b'{"cardCompany":"31"}', b"{}")]
    assert [card.issuer for card in promotions.interest_free_cards] == ["71", "41"]
    assert [card.issuer for card in older] == ["31", "31", None]


V1 = datetime(2024, 2, 13, 3, 18, 14, tzinfo=UTC)

EXPECTED: dict[str, tuple[str, str | None, str | None]] = {
    # event type, status, whether a payment, an order or neither is named
    "ars-reservation-changed": ("ars-reservation.changed", "DONE", None),
    "billing-deleted": ("BILLING_DELETED", None, None),
    "cancel-status-changed-aborted": ("CANCEL_STATUS_CHANGED", "ABORTED", None),
    "cancel-status-changed-done": ("CANCEL_STATUS_CHANGED", "DONE", None),
    "customer-status-changed": ("CUSTOMER_STATUS_CHANGED", "CREATED", None),
    "deposit-callback-canceled": ("DEPOSIT_CALLBACK", "CANCELED", "order"),
    "deposit-callback-doc-sample": ("DEPOSIT_CALLBACK", "DONE", "order"),
    "deposit-callback-done": ("DEPOSIT_CALLBACK", "DONE", "order"),
    "deposit-callback-issued": ("DEPOSIT_CALLBACK", "WAITING_FOR_DEPOSIT", "order"),
    "deposit-callback-reversed": ("DEPOSIT_CALLBACK", "WAITING_FOR_DEPOSIT", "order"),
    "method-updated": ("METHOD_UPDATED", "ENABLED", None),
    "order-payment-status-changed": ("ORDER_PAYMENT_STATUS_CHANGED", "DONE", "payment"),
    "payment-status-changed-aborted": ("PAYMENT_STATUS_CHANGED", "ABORTED", "payment"),
    "payment-status-changed-canceled": ("PAYMENT_STATUS_CHANGED", "CANCELED", "payment"),
    "payment-status-changed-done": ("PAYMENT_STATUS_CHANGED", "DONE", "payment"),
    "payment-status-changed-expired": ("PAYMENT_STATUS_CHANGED", "EXPIRED", "payment"),
    "payment-status-changed-partial-canceled": ("PAYMENT_STATUS_CHANGED", "PARTIAL_CANCELED", "payment"),
    "payment-status-changed-virtual-account-done": ("PAYMENT_STATUS_CHANGED", "DONE", "payment"),
    "payout-changed": ("payout.changed", "COMPLETED", None),
    "seller-changed": ("seller.changed", "KYC_REQUIRED", None),
}


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_webhook_is_recognised(name: str) -> None:
    body = json.loads(_raw(name))["body"]
    webhook = parse_webhook(json.dumps(body, ensure_ascii=False).encode())
    event_type, status, names = EXPECTED[name.removeprefix("webhook-").removesuffix(".json")]
    assert (webhook.event_type, webhook.status, webhook.raw) == (event_type, status, body)
    assert webhook.created_at is not None
    assert webhook.created_at.utcoffset() is not None
    assert (webhook.payment_key is not None) == (names == "payment")
    assert (webhook.order_no is not None) == (names is not None)


@pytest.mark.parametrize("name", [name for name in WEBHOOKS if "-payment-status-changed-" in name])
def test_a_payment_webhook_carries_a_whole_payment(name: str) -> None:
    data = json.loads(_raw(name))["body"]["data"]
    payment, webhook = (
        decode_payment(json.dumps(data).encode()),
        parse_webhook(
            json.dumps(
                {"eventType": "PAYMENT_STATUS_CHANGED", "createdAt": "2024-02-13T12:18:14", "data": data}
            ).encode()
        ),
    )
    assert webhook.payment_key == payment.payment_key
    assert webhook.order_no == payment.order_id
    assert webhook.secret == payment.secret
    assert webhook.transaction_key == payment.last_transaction_key
    assert webhook.created_at == V1


OPERATIONS = {  # what names no endpoint of its own counts for all: confirm stands for them
    "GET /v1/payments/{paymentKey}": Operation.READ,
    "POST /v1/payments/{paymentKey}/cancel": Operation.CANCEL,
    "POST /v1/billing/{billingKey}": Operation.BILLING_CHARGE,
    "DELETE /v1/billing/{billingKey}": Operation.BILLING_DELETE,
    "GET /v1/cash-receipts": Operation.CASH_RECEIPTS,
}

REFUSED = {
    "NOT_FOUND_PAYMENT": Refusal.NOT_FOUND,
    "UNAUTHORIZED_KEY": Refusal.MERCHANT,
    "INVALID_API_KEY": Refusal.MERCHANT,
    "REJECT_CARD_COMPANY": Refusal.DECLINED,
    "NOT_FOUND_PAYMENT_SESSION": Refusal.EXPIRED,
    "NOT_CANCELABLE_AMOUNT": Refusal.REJECTED,
    "NOT_MATCHES_REFUNDABLE_AMOUNT": Refusal.REJECTED,
    "INVALID_IDEMPOTENCY_KEY": Refusal.REJECTED,
    "INVALID_TEST_CODE": Refusal.REJECTED,
    "NOT_MATCHES_CUSTOMER_KEY": Refusal.REJECTED,
    "ALREADY_REMOVED_BILLING_KEY": Refusal.NOT_FOUND,
    "API_VERSION_UPDATE_NEEDED": Refusal.MERCHANT,
}


def test_the_recorded_errors_are_classed() -> None:
    rows = json.loads(_raw("error-bodies.json"))
    for row in rows:
        code = row["body"]["code"]
        operation = OPERATIONS.get(row["endpoint"], Operation.CONFIRM)
        assert refusal(operation, code) == REFUSED.get(code), row
    assert {row["body"]["code"] for row in rows} - set(REFUSED) == {
        "ALREADY_PROCESSED_PAYMENT",
        "ALREADY_CANCELED_PAYMENT",
        "PROVIDER_ERROR",
        "FAILED_INTERNAL_SYSTEM_PROCESSING",
        "IDEMPOTENT_REQUEST_PROCESSING",
    }
