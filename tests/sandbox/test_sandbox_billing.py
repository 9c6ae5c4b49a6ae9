"""toss/api.md 7 and 5.5: billing keys, charges, key-in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.receiver import Receiver

CUSTOMER = "aENcQAtPdYbTjGhtQnNVj"
CARD = {
    "cardNumber": "4330123412341234",
    "cardExpirationYear": "49",
    "cardExpirationMonth": "07",
    "cardPassword": "12",
    "customerIdentityNumber": "881212",
}


async def auth_key(toss: Toss, **more: object) -> str:
    return str((await toss.ok("/sandbox/billing-auth", {"customerKey": CUSTOMER} | more))["authKey"])


async def billing_key(toss: Toss, **more: object) -> str:
    body = {"authKey": await auth_key(toss, **more), "customerKey": CUSTOMER}
    return str((await toss.ok("/v1/billing/authorizations/issue", body))["billingKey"])


def order(**more: object) -> dict[str, object]:
    return {"customerKey": CUSTOMER, "amount": 4900, "orderId": new_order_id(), "orderName": "토스 프라임 구독"} | more


async def charge(toss: Toss, key: str, **more: object) -> Any:
    return await toss.post(f"/v1/billing/{key}", order(**more))


async def test_an_auth_key_works_once(toss: Toss) -> None:
    body = {"authKey": await auth_key(toss), "customerKey": CUSTOMER}
    wrong = await toss.post("/v1/billing/authorizations/issue", body | {"customerKey": "someone-else"})
    assert (wrong.status, wrong.code) == (400, "NOT_MATCHES_CUSTOMER_KEY")
    billing = await toss.ok("/v1/billing/authorizations/issue", body)
    assert (billing["customerKey"], billing["method"], len(billing["billingKey"])) == (CUSTOMER, "카드", 44)
    assert billing["cardNumber"] == billing["card"]["number"] == "43301234****123*"
    again = await toss.post("/v1/billing/authorizations/issue", body)
    assert (again.status, again.code) == (400, "INVALID_BILLING_AUTH")


async def test_a_newer_version_has_two_fields_less(toss: Toss) -> None:
    await toss.ok("/sandbox/settings", {"version": "2024-06-01"})
    body = {"authKey": await auth_key(toss), "customerKey": CUSTOMER}
    billing = await toss.ok("/v1/billing/authorizations/issue", body)
    assert "cardNumber" not in billing
    assert billing["card"]["issuerCode"] == "61"
    assert (await charge(toss, billing["billingKey"])).json["version"] == "2024-06-01"


async def test_charge(toss: Toss) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        key = await billing_key(toss)
        payment = (await charge(toss, key)).json
        assert (payment["status"], payment["type"], payment["method"]) == ("DONE", "BILLING", "카드")
        assert (payment["suppliedAmount"], payment["vat"]) == (4455, 445)
        assert payment["card"]["number"] == "43301234****123*"
        assert (await toss.get(f"/v1/payments/orders/{payment['orderId']}")).json == payment
        await asyncio.sleep(0.3)
        assert receiver.bodies == []
        await toss.cancel(payment["paymentKey"])
        await receiver.wait_for(1)
        assert receiver.statuses == ["CANCELED"]


async def test_the_key_in_the_path_raw_or_escaped(toss: Toss) -> None:
    key = await billing_key(toss)
    assert key.endswith("=")
    assert (await charge(toss, key)).status == 200
    assert (await charge(toss, key.replace("=", "%3D"))).status == 200


async def test_what_a_charge_refuses(toss: Toss) -> None:
    key = await billing_key(toss)
    paid = (await charge(toss, key)).json
    assert (await charge(toss, key, orderId=paid["orderId"])).code == "DUPLICATED_ORDER_ID"
    assert (await charge(toss, key, customerKey="someone-else")).code == "NOT_MATCHES_CUSTOMER_KEY"
    assert (await charge(toss, key, amount=99)).code == "BELOW_MINIMUM_AMOUNT"
    assert (await charge(toss, key, amount=60000, cardInstallmentPlan=13)).code == "INVALID_CARD_INSTALLMENT_PLAN"
    assert (await charge(toss, key, orderId="!")).code == "INVALID_REQUEST"
    assert (await charge(toss, "no-such-key")).code == "INVALID_BILL_KEY_REQUEST"


async def test_a_deleted_key(toss: Toss) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url, "events": ["BILLING_DELETED"]})
        key = await billing_key(toss)
        gone = await toss.call("DELETE", f"/v1/billing/{key}")
        assert (gone.status, gone.raw) == (200, b"")
        again = await toss.call("DELETE", f"/v1/billing/{key}")
        assert (again.status, again.code) == (400, "ALREADY_REMOVED_BILLING_KEY")
        charged = await charge(toss, key)
        assert (charged.status, charged.code) == (400, "ALREADY_REMOVED_BILLING_KEY")
        unknown = await toss.call("DELETE", "/v1/billing/no-such-key")
        assert (unknown.status, unknown.code) == (404, "NOT_FOUND_BILLING")
        [body] = await receiver.wait_for(1)
        assert body["data"] == {"billingKey": key, "reason": "삭제 API 요청"}
        lost = await billing_key(toss)
        await toss.ok(f"/sandbox/billing-keys/{lost}/delete")
        assert (await receiver.wait_for(2))[1]["data"] == {"billingKey": lost, "reason": None}


async def test_by_bank_account(toss: Toss) -> None:
    body = {"authKey": await auth_key(toss, method="TRANSFER", bank="92"), "customerKey": CUSTOMER}
    billing = await toss.ok("/v1/billing/authorizations/issue", body)
    assert (billing["method"], billing["card"], len(billing["transfers"])) == ("계좌이체", None, 1)
    payment = (await charge(toss, billing["billingKey"])).json
    assert (payment["method"], payment["transfer"]["bankCode"], payment["card"]) == ("계좌이체", "92", None)


async def test_trouble_as_ordered(toss: Toss) -> None:
    body = {"authKey": await auth_key(toss, declineAtIssue="INVALID_STOPPED_CARD"), "customerKey": CUSTOMER}
    assert (await toss.post("/v1/billing/authorizations/issue", body)).code == "INVALID_STOPPED_CARD"
    key = await billing_key(toss, declineAtCharge="REJECT_CARD_PAYMENT", declineTimes=1)
    refused = await charge(toss, key)
    assert (refused.status, refused.code) == (403, "REJECT_CARD_PAYMENT")
    assert (await charge(toss, key)).status == 200
    # toss/api.md 7 [M]: works at issue, refused at charge.
    odd = await billing_key(toss, cardNumber="9410000000000006")
    assert (await charge(toss, odd)).code == "NOT_SUPPORTED_CARD_TYPE"


async def test_a_key_for_a_typed_card(toss: Toss) -> None:
    path = "/v1/billing/authorizations/card"
    billing = await toss.ok(path, CARD | {"customerKey": CUSTOMER})
    assert (await charge(toss, billing["billingKey"])).status == 200
    assert (
        await toss.post(path, CARD | {"customerKey": CUSTOMER, "cardNumber": "433012"})
    ).code == "INVALID_CARD_NUMBER"
    # toss/api.md 1.5 [M]: 300 characters are taken, one more breaks the database.
    assert (await toss.post(path, CARD | {"customerKey": "k" * 300})).status == 200
    long = await toss.post(path, CARD | {"customerKey": "k" * 301})
    assert (long.status, long.code) == (500, "FAILED_DB_PROCESSING")
    assert (await toss.post(path, CARD | {"customerKey": "k"})).code == "INVALID_CUSTOMER_KEY"
    stopped = await toss.post(path, CARD | {"customerKey": CUSTOMER, "cardNumber": "9410000000000001"})
    assert stopped.code == "INVALID_STOPPED_CARD"


async def test_key_in(toss: Toss) -> None:
    async with Receiver() as receiver:
        await toss.ok("/sandbox/webhooks", {"url": receiver.url})
        body = CARD | {"amount": 60000, "orderId": new_order_id(), "orderName": "셔츠", "cardInstallmentPlan": 3}
        payment = await toss.ok("/v1/payments/key-in", body)
        assert (payment["status"], payment["type"], payment["card"]["installmentPlanMonths"]) == ("DONE", "NORMAL", 3)
        assert (await toss.post("/v1/payments/key-in", body)).code == "DUPLICATED_ORDER_ID"
        await receiver.wait_for(1)


@pytest.mark.parametrize(
    ("more", "code", "status"),
    [
        ({"cardNumber": "1234"}, "INVALID_CARD_NUMBER", 400),
        ({"cardExpirationMonth": "13"}, "INVALID_CARD_EXPIRATION", 400),
        ({"cardExpirationYear": "20"}, "INVALID_CARD_EXPIRATION", 400),
        ({"cardPassword": "123"}, "INVALID_CARD_PASSWORD", 400),
        ({"customerIdentityNumber": "889912"}, "INVALID_BIRTH_DAY_FORMAT", 400),
        ({"customerIdentityNumber": None}, "INVALID_REQUEST", 400),
        ({"customerEmail": "nobody"}, "INVALID_EMAIL", 400),
        ({"orderId": "x"}, "INVALID_ORDER_ID", 400),
        ({"amount": 99}, "BELOW_MINIMUM_AMOUNT", 400),
        ({"cardInstallmentPlan": 1}, "INVALID_CARD_INSTALLMENT_PLAN", 400),
        ({"cardNumber": "9410000000000003"}, "REJECT_CARD_PAYMENT", 403),
        ({"cardNumber": "9410000000000011"}, "FAILED_CARD_COMPANY_RESPONSE", 500),
    ],
)
async def test_what_key_in_refuses(toss: Toss, more: dict[str, object], code: str, status: int) -> None:
    body = CARD | {"amount": 15000, "orderId": new_order_id(), "orderName": "셔츠"} | more
    answer = await toss.post("/v1/payments/key-in", body)
    assert (answer.status, answer.code) == (status, code)
