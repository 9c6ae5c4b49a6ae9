"""Specification 1, 1.10: what is never stored, and what comes twice."""

import inspect
from typing import Any

import pytest

from paywon.toss import signature
from tests.acceptance.specifications.steps import App, printed_request, requested
from tests.support.stack import Stack

CARD = "4242424242424242"


@pytest.mark.parametrize(
    "changes",
    [{"description": f"카드 {CARD}"}, {"cardNumber": CARD}, {"cardCvc": "123"}, {"metadata": {"cvv": "123"}}],
    ids=["in a text", "as a field", "cvc", "nested"],
)
async def test_f5_se1_se2_card_data_are_refused_at_the_door(stack: Stack, changes: dict[str, Any]) -> None:
    reply = await stack.api.post("/payments/request", printed_request() | changes)
    assert (reply.status, reply["code"]) == (400, "CARD_DATA_REFUSED")
    assert CARD not in str(reply.body)
    assert await stack.rows("SELECT FROM orders") == []


async def test_se3_se4_tp14_only_the_last_four_signs_of_a_card_are_kept_and_shown(app: App) -> None:
    paid = await app.paid()
    stack, key = app.stack, paid["payment"]["paymentKey"]
    at_toss = (await stack.toss.get(f"/v1/payments/{key}"))["card"]
    issued = await stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"})
    body = {"authKey": issued["authKey"], "customerKey": "customer-1"}
    assert (await stack.api.post("/api/payments/toss/billing/issue", body)).status == 201
    row = await stack.row("SELECT card_last_four_digits, card_type, card_company, raw_response FROM payments")
    assert row["card_last_four_digits"] == at_toss["number"][-4:]
    assert row["card_type"] and row["card_company"]
    trail = await stack.api.get(f"/payments/{paid['payment']['id']}/transactions")
    kept = [
        row["raw_response"],
        trail.body,
        paid,
        await stack.rows("SELECT response_data, request_data FROM payment_transactions"),
        await stack.rows("SELECT body FROM webhook_events"),
        await stack.rows("SELECT card_meta FROM billing_keys"),
    ]
    assert all(at_toss["number"][:6] not in str(each) for each in kept)
    assert row["raw_response"]["card"]["number"] == "*" * 12 + at_toss["number"][-4:]


def test_se6_signatures_are_compared_in_constant_time() -> None:
    assert "compare_digest(" in inspect.getsource(signature)


async def test_se9_each_question_has_an_idempotency_key_of_its_own(stack: Stack) -> None:
    await stack.paid()
    await stack.paid()
    rows = await stack.rows("SELECT idempotency_key FROM payment_transactions WHERE type LIKE 'payment%'")
    keys = [row["idempotency_key"] for row in rows]
    assert all(keys) and len(set(keys)) == len(keys) == 4


async def test_se10_f6_a_resource_that_is_being_paid_is_not_paid_twice(stack: Stack) -> None:
    body = printed_request()
    first = (await stack.api.post("/payments/request", body))["payment"]
    again = (await stack.api.post("/payments/request", body))["payment"]
    assert again["orderId"] == first["orderId"], "another window of the one order"
    other = await stack.api.post("/payments/request", {**body, "userId": "somebody-else"})
    assert (other.status, other["code"]) == (409, "DUPLICATE_PAYMENT")
    assert len(await stack.rows("SELECT FROM payments")) == 1
    assert (await requested(stack))["payment"]["orderId"] != first["orderId"]
