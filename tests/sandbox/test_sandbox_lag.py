"""A Toss that lags behind, answers oddly or is away; and troubles on every path."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest
from tests.sandbox.client import Toss, new_order_id
from tests.sandbox.receiver import Receiver

EVER = "startDate=2020-01-01T00:00:00&endDate=2099-01-01T00:00:00"
REFUND_ACCOUNT = {"bank": "20", "accountNumber": "1000123456789", "holderName": "박토스"}


async def both_reads(toss: Toss, key: str, order_id: str) -> list[str]:
    answers = [await toss.get(path) for path in (f"/v1/payments/{key}", f"/v1/payments/orders/{order_id}")]
    return [answer.json["status"] if answer.status == 200 else answer.code for answer in answers]


async def test_lagging_reads_show_what_was_before_each_change_until_the_fault_goes(toss: Toss) -> None:
    key, order_id = await toss.opened()
    fault = await toss.fault(kind="lag")
    assert await both_reads(toss, key, order_id) == ["NOT_FOUND_PAYMENT"] * 2
    await toss.authenticate(key)
    assert await both_reads(toss, key, order_id) == ["READY"] * 2
    assert (await toss.confirm(key, order_id, 15000)).json["status"] == "DONE"
    assert await both_reads(toss, key, order_id) == ["IN_PROGRESS"] * 2
    assert (await toss.cancel(key, cancelAmount=1000)).json["balanceAmount"] == 14000
    assert (await toss.payment(key))["balanceAmount"] == 15000
    assert (await toss.cancel(key, cancelAmount=500)).json["balanceAmount"] == 13500
    shown = await toss.payment(key)
    assert (shown["status"], shown["balanceAmount"], len(shown["cancels"])) == ("PARTIAL_CANCELED", 14000, 1)
    await toss.call("DELETE", f"/sandbox/faults/{fault}")
    assert (await toss.payment(key))["balanceAmount"] == 13500


async def test_a_lag_of_so_long_catches_up(toss: Toss) -> None:
    payment = await toss.paid()
    await toss.fault(kind="lag", delayMs=700)
    assert (await toss.cancel(payment["paymentKey"])).json["status"] == "CANCELED"
    assert (await toss.payment(payment["paymentKey"]))["status"] == "DONE"
    await asyncio.sleep(0.75)
    assert (await toss.payment(payment["paymentKey"]))["status"] == "CANCELED"


async def test_a_lag_meets_only_the_reads_it_names_and_only_so_often(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    other_key, other_order = await toss.authenticated()
    await toss.fault(kind="lag", orderId=order_id, path="/v1/payments/orders/", times=1)
    for paid in ((key, order_id), (other_key, other_order)):
        assert (await toss.confirm(*paid, 15000)).json["status"] == "DONE"
    assert (await toss.payment(key))["status"] == "DONE"
    assert await both_reads(toss, other_key, other_order) == ["DONE", "DONE"]
    assert await both_reads(toss, key, order_id) == ["DONE", "IN_PROGRESS"]
    assert await both_reads(toss, key, order_id) == ["DONE", "DONE"]


async def test_the_webhook_comes_before_the_read_knows(toss: Toss, receiver: Receiver) -> None:
    await toss.fault(kind="lag", path="/v1/payments")
    account = await toss.paid(method="VIRTUAL_ACCOUNT")
    await toss.ok(f"/sandbox/virtual-accounts/{account['orderId']}/deposit")
    await receiver.wait_for(2)
    assert (await toss.payment(account["paymentKey"]))["status"] == "WAITING_FOR_DEPOSIT"


async def test_transactions_lag_too(toss: Toss) -> None:
    payment = await toss.paid()
    await toss.fault(kind="lag", path="/v1/transactions")
    await toss.cancel(payment["paymentKey"], cancelAmount=1000)
    assert [row["amount"] for row in (await toss.get(f"/v1/transactions?{EVER}")).json] == [15000]
    assert (await toss.payment(payment["paymentKey"]))["balanceAmount"] == 14000
    await toss.call("DELETE", "/sandbox/faults")
    assert [row["amount"] for row in (await toss.get(f"/v1/transactions?{EVER}")).json] == [15000, -1000]


async def test_a_lag_goes_together_with_another_trouble_and_stands_in_the_log(toss: Toss) -> None:
    payment = await toss.paid()
    await toss.cancel(payment["paymentKey"])
    await toss.fault(kind="lag")
    await toss.fault(kind="mangle", field="method", value=None)
    await toss.fault(kind="delay", delayMs=200)
    began = time.monotonic()
    shown = await toss.payment(payment["paymentKey"])
    assert (shown["status"], shown["method"]) == ("DONE", None)
    assert time.monotonic() - began >= 0.2
    [line] = (await toss.get(f"/sandbox/requests?path=/v1/payments/{payment['paymentKey']}")).json["requests"][-1:]
    assert (line["fault"], line["answer"]["method"]) == ("delay, lag, mangle", None)


async def test_a_mangled_field_is_any_json_or_gone(toss: Toss) -> None:
    payment = await toss.paid(method="EASY_PAY")
    path = f"/v1/payments/{payment['paymentKey']}"
    await toss.fault(kind="mangle", field="easyPay", value="토스페이")
    await toss.fault(kind="mangle", field="metadata", value={"a": [1, None]})
    await toss.fault(kind="mangle", field="receipt.url", value=7)
    await toss.fault(kind="mangle", field="card")
    odd = (await toss.get(path)).json
    expected = payment | {"easyPay": "토스페이", "metadata": {"a": [1, None]}, "receipt": {"url": 7}}
    del expected["card"]
    assert odd == expected
    assert (await toss.get(path)).json == payment


@pytest.mark.parametrize("field", ["cancels.0.cancelAmount", "no.such.field", "card.0.x", "cancels.9"])
async def test_a_mangle_of_what_is_not_there_changes_nothing_else(toss: Toss, field: str) -> None:
    payment = await toss.paid()
    await toss.fault(kind="mangle", field=field, value=1)
    assert await toss.payment(payment["paymentKey"]) == payment


async def test_a_mangled_answer_is_not_what_is_kept(toss: Toss) -> None:
    key, order_id = await toss.authenticated()
    await toss.fault(kind="mangle", path="/v1/payments/confirm", field="totalAmount", value="15000")
    headers = {"idempotency-key": "odd"}
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).json["totalAmount"] == "15000"
    assert (await toss.confirm(key, order_id, 15000, headers=headers)).json["totalAmount"] == 15000


async def test_a_mangled_webhook(toss: Toss, receiver: Receiver) -> None:
    await toss.fault(kind="mangle", target="webhook", field="method")
    payment = await toss.paid()
    [event] = await receiver.wait_for(1)
    data = event["data"]
    assert (data["paymentKey"], "method" in data) == (payment["paymentKey"], False)


async def test_toss_is_away_for_a_while(toss: Toss) -> None:
    payment = await toss.paid()
    await toss.fault(kind="away", delayMs=700)
    answers = [await toss.get(f"/v1/payments/{payment['paymentKey']}"), await toss.cancel(payment["paymentKey"])]
    assert [(answer.status, answer.headers["content-type"][:9]) for answer in answers] == [(503, "text/html")] * 2
    assert len((await toss.get("/sandbox/faults")).json["faults"]) == 1
    await asyncio.sleep(0.75)
    assert (await toss.get("/sandbox/faults")).json == {"faults": []}
    assert (await toss.payment(payment["paymentKey"]))["status"] == "DONE"


async def test_toss_is_away_until_it_is_called_back(toss: Toss) -> None:
    fault = await toss.fault(kind="away", status=502, path="/v1/payments")
    assert [(await toss.get("/v1/payments/none")).status for _ in range(3)] == [502] * 3
    assert (await toss.get(f"/v1/transactions?{EVER}")).status == 200
    await toss.call("DELETE", f"/sandbox/faults/{fault}")
    assert (await toss.get("/v1/payments/none")).status == 404


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "mangle"},
        {"kind": "mangle", "field": "a..b"},
        {"kind": "mangle", "field": ""},
        {"kind": "drop_reply", "field": "method"},
        {"kind": "lag", "target": "webhook"},
        {"kind": "away", "delayMs": 600_001},
    ],
)
async def test_impossible_faults_are_refused(toss: Toss, fault: dict[str, object]) -> None:
    assert (await toss.post("/sandbox/faults", fault)).status == 400


RECEIPT = {"amount": 1000, "orderName": "셔츠", "type": "소득공제", "customerIdentityNumber": "01012341234"}
ACCOUNT = {"amount": 1000, "orderName": "셔츠", "customerName": "김토스", "bank": "20"}
# Reads and writes of every family; {key} and {order} are of a paid payment.
EVERY_PATH: list[tuple[str, str, dict[str, object] | None]] = [
    ("GET", "/v1/payments/{key}", None),
    ("GET", "/v1/payments/orders/{order}", None),
    ("POST", "/v1/payments/{key}/cancel", {"cancelReason": "x", "cancelAmount": 100}),
    ("POST", "/v1/virtual-accounts", ACCOUNT),
    ("GET", f"/v1/transactions?{EVER}", None),
    ("GET", "/v1/settlements?startDate=2020-01-01&endDate=2099-01-01", None),
    ("POST", "/v1/settlements", {"paymentKey": "{key}"}),
    ("POST", "/v1/cash-receipts", RECEIPT),
    ("GET", "/v1/cash-receipts?requestDate=2026-01-01", None),
    ("GET", "/v1/promotions/card", None),
    ("GET", "/v1/payouts/sub-malls", None),
    ("GET", "/v2/balances", None),
]


@pytest.mark.parametrize(("method", "path", "body"), EVERY_PATH)
async def test_replies_are_lost_and_late_on_every_path(
    toss: Toss, method: str, path: str, body: dict[str, object] | None
) -> None:
    payment = await toss.paid()
    named = {"{key}": payment["paymentKey"], "{order}": payment["orderId"]}
    for name, value in named.items():
        path = path.replace(name, value)
    if body is not None:
        body = {name: named.get(str(value), value) for name, value in body.items()} | {"orderId": new_order_id()}
    # Twice: aiohttp asks a read again by itself when a connection that it had kept breaks.
    await toss.fault(kind="drop_reply", times=2)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await toss.call(method, path, body)
    await toss.call("DELETE", "/sandbox/faults")
    await toss.fault(kind="delay", delayMs=250)
    began = time.monotonic()
    if body is not None:
        body |= {"orderId": new_order_id()}
    answer = await toss.call(method, path, body)
    # A second manual settlement is refused, which shows that the first one was done.
    assert answer.status == (403 if path == "/v1/settlements" else 200), answer.raw
    assert time.monotonic() - began >= 0.25


async def test_any_event_can_be_lost(toss: Toss) -> None:
    async with Receiver() as everything:
        await toss.ok("/sandbox/webhooks", {"url": everything.url})
        account = await toss.paid(method="VIRTUAL_ACCOUNT")
        auth = (await toss.ok("/sandbox/billing-auth", {"customerKey": "customer"}))["authKey"]
        issue = {"authKey": auth, "customerKey": "customer"}
        billing = (await toss.ok("/v1/billing/authorizations/issue", issue))["billingKey"]
        await toss.fault(kind="lose", times=0)
        await toss.ok(f"/sandbox/virtual-accounts/{account['orderId']}/deposit")
        await toss.ok(f"/sandbox/virtual-accounts/{account['orderId']}/reverse")
        await toss.call("DELETE", f"/v1/billing/{billing}")
        await toss.ok("/sandbox/events", {"eventType": "payout.changed"})
        await asyncio.sleep(0.3)
        deliveries = (await toss.get("/sandbox/webhooks/deliveries")).json["deliveries"]
    lost = {row["eventType"] for row in deliveries if row["state"] == "LOST"}
    assert lost == {"PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "BILLING_DELETED", "payout.changed"}
