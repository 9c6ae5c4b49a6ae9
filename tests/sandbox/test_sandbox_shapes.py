"""What a sequence of calls produces has the keys, types and nullability of the recorded bodies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.client import Toss
from tests.sandbox.receiver import Receiver

FIXTURES = Path(__file__).parent.parent / "fixtures" / "toss"
# toss/api.md 4: non-null in several real card records, null in the documentation samples.
EITHER_WAY = {".secret"}


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


def shape(value: Any, path: str = "") -> dict[str, str]:
    """Path of every leaf → its JSON type; all items of a list must look alike in keys."""
    if isinstance(value, dict):
        return {leaf: kind for key, item in value.items() for leaf, kind in shape(item, f"{path}.{key}").items()}
    if isinstance(value, list):
        return {leaf: kind for n, item in enumerate(value) for leaf, kind in shape(item, f"{path}[{n}]").items()}
    return {path: type(value).__name__}


def same_shape(ours: Any, name: str, *, ignore: set[str] | None = None) -> None:
    recorded, made = shape(fixture(name)), shape(ours)
    skipped = EITHER_WAY | (ignore or set())
    assert {k: v for k, v in made.items() if k not in skipped} == {
        k: v for k, v in recorded.items() if k not in skipped
    }
    assert set(made) == set(recorded)


async def test_ready_in_progress_and_expired(toss: Toss) -> None:
    key, _ = await toss.opened()
    same_shape(await toss.payment(key), "payment-ready-checkout-created")
    await toss.authenticate(key)
    progress = await toss.payment(key)
    same_shape(progress, "payment-in-progress")
    assert progress["secret"] is not None
    await toss.advance(601)
    same_shape(await toss.payment(key), "payment-expired")


async def test_aborted(toss: Toss) -> None:
    key, order_id = await toss.authenticated(declineAtConfirm="COMMON_ERROR", cardCompany="71")
    await toss.confirm(key, order_id, 15000)
    payment, recorded = await toss.payment(key), fixture("payment-aborted")
    same_shape(payment, "payment-aborted")
    assert payment["secret"] is None
    for field in ("failure", "suppliedAmount", "vat", "status", "method"):
        assert payment[field] == recorded[field]


async def test_card_done_and_canceled(toss: Toss) -> None:
    payment = await toss.paid(1000, cardCompany="71")
    same_shape(payment, "payment-card-done")
    recorded = fixture("payment-card-done")
    varying = {"paymentKey", "orderId", "lastTransactionKey", "requestedAt", "approvedAt", "card", "secret"}
    varying |= {"receipt", "checkout"}
    assert {k: v for k, v in payment.items() if k not in varying} == {
        k: v for k, v in recorded.items() if k not in varying
    }
    assert payment["card"] | {"number": ""} == recorded["card"] | {"number": ""}
    same_shape((await toss.cancel(payment["paymentKey"])).json, "payment-card-canceled-full")


async def test_installments_and_metadata(toss: Toss) -> None:
    key, order_id = await toss.opened(60000, metadata={"cartId": "c-1001"})
    await toss.authenticate(key, cardCompany="신한", installmentPlanMonths=3, isInterestFree=True)
    payment = (await toss.confirm(key, order_id, 60000)).json
    same_shape(payment, "payment-card-done-installment")
    recorded = fixture("payment-card-done-installment")
    assert payment["card"] | {"number": ""} == recorded["card"] | {"number": ""}
    assert (payment["suppliedAmount"], payment["vat"]) == (recorded["suppliedAmount"], recorded["vat"])


async def test_tax_free(toss: Toss) -> None:
    key, order_id = await toss.opened(10000, taxFreeAmount=3000)
    await toss.authenticate(key)
    payment = (await toss.confirm(key, order_id, 10000)).json
    same_shape(payment, "payment-card-done-tax-free")
    recorded = fixture("payment-card-done-tax-free")
    for field in ("suppliedAmount", "vat", "taxFreeAmount", "taxExemptionAmount"):
        assert payment[field] == recorded[field]


async def test_partial_cancels(toss: Toss) -> None:
    key = (await toss.paid(10000))["paymentKey"]
    # receiptKey: the samples carry one, real card cancels are expected not to (SOURCES.md).
    ignore = {".cancels[0].receiptKey", ".cancels[1].receiptKey"}
    await toss.cancel(key, cancelAmount=1000)
    twice = (await toss.cancel(key, cancelAmount=1000)).json
    same_shape(twice, "payment-card-partial-canceled-twice", ignore=ignore)
    rest = (await toss.cancel(key)).json
    same_shape(rest, "payment-card-partial-then-rest-canceled", ignore=ignore)
    for made, name in ((twice, "canceled-twice"), (rest, "then-rest-canceled")):
        recorded = fixture(f"payment-card-partial-{name}")
        for field in ("status", "totalAmount", "balanceAmount", "suppliedAmount", "vat", "taxFreeAmount"):
            assert made[field] == recorded[field]


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("registered-card", {}),
        ("card-plus-point", {"pointsAmount": 5000}),
        ("account", {"easyPayFunding": "account"}),
        ("account-plus-point", {"easyPayFunding": "account", "pointsAmount": 5000}),
        ("point-only", {"pointsAmount": 15000, "easyPayProvider": "NAVERPAY"}),
    ],
)
async def test_the_five_easy_pay_cases(toss: Toss, name: str, choice: dict[str, object]) -> None:
    payment = await toss.paid(15000, method="EASY_PAY", cardCompany="61", **choice)
    recorded = fixture(f"payment-easypay-{name}")
    same_shape(payment, f"payment-easypay-{name}")
    assert payment["easyPay"] == recorded["easyPay"]
    if recorded["card"] is not None:
        assert payment["card"]["amount"] == recorded["card"]["amount"]


async def test_transfer_with_a_cash_receipt(toss: Toss) -> None:
    choice: dict[str, object] = {"method": "TRANSFER", "cashReceiptType": "소득공제"}
    payment = await toss.paid(20000, **choice)
    same_shape(payment, "payment-transfer-done")
    assert payment["transfer"] == fixture("payment-transfer-done")["transfer"]
    canceled = (await toss.cancel(payment["paymentKey"])).json
    issued, revoked = canceled["cashReceipts"]
    assert (issued["transactionType"], revoked["transactionType"]) == ("CONFIRM", "CANCEL")
    assert canceled["cancels"][0]["receiptKey"] == revoked["receiptKey"] == "c_" + issued["receiptKey"]


@pytest.mark.parametrize(
    ("name", "method"),
    [("mobile-phone", "MOBILE_PHONE"), ("gift-certificate", "CULTURE_GIFT_CERTIFICATE")],
)
async def test_phone_and_gift_certificate(toss: Toss, name: str, method: str) -> None:
    payment = await toss.paid(5000, method=method)
    same_shape(payment, f"payment-{name}-done")
    assert payment["method"] == fixture(f"payment-{name}-done")["method"]


async def test_virtual_account(toss: Toss) -> None:
    payment = await toss.paid(15000, method="VIRTUAL_ACCOUNT")
    # The refund account is shown only when the buyer entered one (toss/api.md 4).
    recorded = fixture("payment-virtual-account-waiting")
    recorded["virtualAccount"]["refundReceiveAccount"] = None
    assert shape(payment) == shape(recorded)
    await toss.advance(168 * 3600 + 1)
    same_shape(await toss.payment(payment["paymentKey"]), "payment-virtual-account-waiting-past-due")
    canceled = (await toss.cancel(payment["paymentKey"])).json
    same_shape(canceled, "payment-virtual-account-canceled-before-deposit")


async def test_webhooks(toss: Toss, receiver: Receiver) -> None:
    payment = await toss.paid(1000, cardCompany="71")
    await toss.cancel(payment["paymentKey"])
    await toss.opened()
    await toss.advance(1801)
    await receiver.wait_for(3)
    for body, header in zip(receiver.bodies, receiver.headers, strict=True):
        name = f"webhook-payment-status-changed-{body['data']['status'].lower()}"
        recorded = fixture(name)
        assert set(shape(body)) == set(shape(recorded["body"]))
        assert set(recorded["headers"]) <= set(header)


async def test_error_bodies(toss: Toss) -> None:
    """Every recorded error, through the test code, has the recorded status and text."""
    tried = 0
    for row in fixture("error-bodies"):
        method, _, path = row["endpoint"].partition(" ")
        if "payments" not in path or "Accept" in path:
            continue
        path = path.replace("{paymentKey}", "any")
        headers = {"tosspayments-test-code": row["body"]["code"]}
        answer = await toss.call(method, path, {} if method == "POST" else None, headers=headers)
        assert (answer.status, answer.json) == (row["http_status"], row["body"])
        tried += 1
    assert tried >= 8
