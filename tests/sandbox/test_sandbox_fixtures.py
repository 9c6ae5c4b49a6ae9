"""Every recorded body in tests/fixtures/toss can be made anew: same keys, same nullability, same arithmetic."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.makers import CUSTOMER, MAKERS, REFUND_ACCOUNT, issue_billing, issue_receipt, paid
from tests.sandbox.makers_payouts import payout_day
from tests.sandbox.sealing import Payouts, approved_seller
from tests.sandbox.test_sandbox_shapes import FIXTURES, fixture, shape

OTHERWISE = {"error-bodies", "error-codes", "requests"}  # have a test of their own
# Non-null in several real records, null in the documentation samples (toss/api.md 4).
EITHER_WAY = re.compile(
    r"\.secret"
    # The samples carry one on card cancels, real card cancels are expected not to (SOURCES.md).
    r"|\.cancels\[\d\]\.receiptKey"
)
# Amounts of a page that lists more or other rows than the sample.
FREE_LISTS = {"promotions-card", "promotions-list"}
ENUMS = {"status", "method", "type", "issueStatus", "transactionType", "refundStatus", "cancelStatus", "currency"}
ENUMS |= {"settlementStatus", "accountType", "eventType", "entityType", "payType"}
ENUMS |= {"scheduleType", "businessType", "code"}


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {leaf: item for key, part in value.items() for leaf, item in leaves(part, f"{path}.{key}").items()}
    if isinstance(value, list) and value:
        return {leaf: item for n, part in enumerate(value) for leaf, item in leaves(part, f"{path}[{n}]").items()}
    return {path: value}


def arithmetic(body: Any) -> dict[str, Any]:
    """Every number, flag and enumerated value."""
    return {
        path: value
        for path, value in leaves(body).items()
        if isinstance(value, int | float) or path.rpartition(".")[2] in ENUMS
    }


def kinds(body: Any, name: str) -> dict[str, str]:
    found = shape(body)
    if name in FREE_LISTS:
        found = {re.sub(r"\[\d+\]", "[]", path): kind for path, kind in found.items()}
    return {path: kind for path, kind in found.items() if not EITHER_WAY.search(path)}


@pytest.mark.parametrize("name", sorted(MAKERS))
async def test_made_anew(toss: Toss, name: str) -> None:
    recorded, made = fixture(name), await MAKERS[name](toss)
    if name.startswith("webhook-"):
        assert set(recorded["headers"]) <= set(made["headers"])
        recorded, made = recorded["body"], made["body"]
    if name == "redirects":
        recorded, made = ({case: _described(url) for case, url in urls.items()} for urls in (recorded, made))
        assert made == recorded
        return
    assert {re.sub(r"\[\d+\]", "[]", path) for path in shape(made)} == {
        re.sub(r"\[\d+\]", "[]", path) for path in shape(recorded)
    }
    assert kinds(made, name) == kinds(recorded, name)
    if name not in FREE_LISTS:
        assert arithmetic(made) == arithmetic(recorded)


def _described(url: str) -> dict[str, object]:
    """Names of the query, in order, and the values that Toss chooses."""
    query = parse_qs(urlsplit(url).query)
    return {name: query[name] if name in ("code", "message", "amount", "paymentType") else None for name in query}


async def test_every_error_body(toss: Toss) -> None:
    for row in fixture("error-bodies"):
        endpoint, _, english = row["endpoint"].partition(" with Accept-Language: ")
        method, _, path = endpoint.partition(" ")
        # The rows of every endpoint are tried on one of them.
        path = re.sub(r"\{\w+\}", "any", path)
        method, path = ("GET", "/v1/payments/any") if method == "*" else (method, path)
        path = "/v1/payments/confirm" if path == "*" else path
        headers = {"tosspayments-test-code": row["body"]["code"], "accept-language": english}
        answer = await toss.call(method, path, {} if method == "POST" else None, headers=headers)
        assert (answer.status, answer.json) == (row["http_status"], row["body"])


async def test_every_request_is_understood(toss: Toss) -> None:
    """Each recorded request, with keys of things that are there, is answered 200."""
    for request in fixture("requests"):
        if "body" not in request:
            await _payouts_are_understood(toss, request)
            continue
        path, body = await _with_real_keys(toss, request["path"], request["body"])
        answer = await toss.call(request["method"], path, body)
        assert answer.status == 200, (request, answer.raw.decode())


async def _payouts_are_understood(toss: Toss, request: dict[str, Any]) -> None:
    payouts = await Payouts.of(toss)
    real = {"destination": await approved_seller(payouts), "payoutDate": await payout_day(toss)}
    status, answer = await payouts.post(request["path"], [row | real for row in request["plaintext_before_JWE"]])
    assert (status, answer["entityBody"]["items"][0]["metadata"]) == (200, {"key1": "value1"})


async def _with_real_keys(toss: Toss, path: str, body: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None]:
    real = dict(body or {})
    if "orderId" in real:
        real["orderId"] = new_order_id()
    if "cardExpirationYear" in real:
        real["cardExpirationYear"] = "49"
    if path == "/v1/payments/confirm":
        real["paymentKey"], real["orderId"] = await toss.authenticated(1000)
    elif "paymentKey" in path or "paymentKey" in real:
        real_key = (await paid(10000)(toss))["paymentKey"]
        path, real = path.replace("{paymentKey}", real_key), {k: v for k, v in real.items() if k != "paymentKey"}
        real |= {} if body is None or "paymentKey" not in body else {"paymentKey": real_key}
    if "authKey" in real:
        real["authKey"] = (await toss.ok("/sandbox/billing-auth", {"customerKey": CUSTOMER}))["authKey"]
    if "{billingKey}" in path:
        path = path.replace("{billingKey}", (await issue_billing(toss))["billingKey"])
    if "{receiptKey}" in path:
        path = path.replace("{receiptKey}", (await issue_receipt(toss))["receiptKey"])
    return path, None if body is None else real


async def test_a_deposited_account_is_refunded_with_the_recorded_request(toss: Toss) -> None:
    [body] = [
        request["body"] for request in fixture("requests") if "refundReceiveAccount" in (request.get("body") or {})
    ]
    assert body["refundReceiveAccount"] == REFUND_ACCOUNT
    payment = await paid(15000, method="VIRTUAL_ACCOUNT")(toss)
    await toss.ok(f"/sandbox/virtual-accounts/{payment['orderId']}/deposit")
    answer = await toss.post(f"/v1/payments/{payment['paymentKey']}/cancel", body)
    assert answer.json["virtualAccount"]["refundStatus"] == "PENDING"


def test_no_fixture_is_left_out() -> None:
    """Printed with -s: how many are made."""
    names = {path.stem for path in FIXTURES.glob("*.json")}
    print(f"made anew: {len(MAKERS) + len(OTHERWISE)} of {len(names)}")  # noqa: T201
    assert names == {*MAKERS, *OTHERWISE}
