"""Sisters of O6, O10, O12, O14 and S1-1: the same by account and billing key, and in another order of events."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.field.conftest import Shop
from tests.field.test_orders import REFUSED
from tests.field.test_reading import KIM, LEE, decide, on_the_list
from tests.support.stack import Reply

ACCOUNT = {"bank": "06", "customerName": "박토스"}
ISSUE = "/api/payments/toss/virtual-accounts"


async def registered(shop: Shop, customer: str = "customer-1") -> dict[str, Any]:
    """Register a card for billing; return the key as its door shows it, the key itself too."""
    auth = (await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": customer}))["authKey"]
    issued = await shop.api.post("/api/payments/toss/billing/issue", {"authKey": auth, "customerKey": customer})
    assert issued.status == 201, issued
    key: dict[str, Any] = issued["billingKey"]
    return key


async def charge(shop: Shop, key: dict[str, Any], order: dict[str, Any], **more: Any) -> Reply:
    body = {"orderId": order["orderNo"], **more}
    reply: Reply = await shop.api.post(f"/api/payments/toss/billing/{key['id']}", body)
    return reply


async def looked_at(shop: Shop, order: dict[str, Any], status: str) -> None:
    """See that a look is planned within a minute, have it come at once, and wait for what it finds."""
    (planned,) = await shop.stack.rows(
        "SELECT look_again_at - now() AS wait FROM payments WHERE order_no = $1", order["orderNo"]
    )
    assert planned["wait"] is not None and planned["wait"] <= timedelta(seconds=61), planned
    await shop.stack.rows("UPDATE payments SET look_again_at = now() WHERE order_no = $1", order["orderNo"])

    async def found() -> bool:
        return await shop.order_status(order["orderNo"]) == status

    await shop.stack.eventually(found)


async def test_a_card_on_file_that_was_refused_and_charged_after_all_is_found(shop: Shop) -> None:
    key, order = await registered(shop), await shop.order(12_000)
    await shop.lose_webhooks()
    shop.proxy.add(method="POST", path="^/v1/billing/[^/]+$", answer=REFUSED, times=1)
    assert (await charge(shop, key, order)).status == 402
    body = {"customerKey": "customer-1", "orderId": order["orderNo"], "orderName": "책", "amount": 12_000}
    assert (await shop.stack.toss.post(f"/v1/billing/{key['billingKey']}", body)).status == 200
    await looked_at(shop, order, "PAID")


async def test_an_account_that_was_refused_and_issued_after_all_is_found(shop: Shop) -> None:
    order = await shop.order(12_000)
    await shop.lose_webhooks()
    no = (400, {"code": "INVALID_BANK", "message": "유효하지 않은 은행입니다."})
    shop.proxy.add(method="POST", path="^/v1/virtual-accounts$", answer=no, times=1)
    assert (await shop.api.post(ISSUE, {"orderId": order["orderNo"], **ACCOUNT})).status == 422
    body = {"orderId": order["orderNo"], "orderName": "책", "amount": 12_000, **ACCOUNT}
    assert (await shop.stack.toss.post("/v1/virtual-accounts", body)).status == 200
    await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")
    await looked_at(shop, order, "PAID")


async def test_a_refused_key_that_was_approved_after_all_goes_back_though_another_has_paid(shop: Shop) -> None:
    await shop.lose_webhooks()
    order = await shop.order()
    refused, paid = await shop.window(order), await shop.window(order)
    shop.proxy.add(path="^/v1/payments/confirm$", answer=REFUSED, times=1)
    assert (await shop.confirm(order, refused)).status == 402
    assert (await shop.confirm(order, paid)).status == 200
    approved = await shop.at_toss(paid) | {"paymentKey": refused, "lastTransactionKey": "txr-of-the-first"}
    back = approved | {"status": "CANCELED", "balanceAmount": 0}
    shop.proxy.add(method="GET", path=f"^/v1/payments/{refused}$", answer=(200, approved))
    shop.proxy.add(method="GET", path="^/v1/transactions", answer=(200, []))
    shop.proxy.add(method="POST", path=f"^/v1/payments/{refused}/cancel$", answer=(200, back))
    (planned,) = await shop.stack.rows("SELECT look_again_at - now() AS wait FROM payments")
    assert planned["wait"] is not None and planned["wait"] <= timedelta(seconds=61), planned
    await shop.stack.rows("UPDATE payments SET look_again_at = now()")

    async def went_back() -> bool:
        return bool(await shop.stack.rows("SELECT FROM strays WHERE returned_at IS NOT NULL"))

    await shop.stack.eventually(went_back)
    assert len(shop.proxy.asked(f"^/v1/payments/{refused}/cancel$")) == 1
    assert await shop.order_status(order["orderNo"]) == "PAID"
    await shop.stack.rows("UPDATE payments SET look_again_at = now() WHERE look_again_at IS NOT NULL")


async def test_a_declined_card_on_file_gives_way_to_another_for_the_same_order(shop: Shop) -> None:
    first, second = await registered(shop), await registered(shop, "customer-2")
    order = await shop.order(12_000)
    shop.proxy.add(method="POST", path="^/v1/billing/[^/]+$", answer=REFUSED, times=1)
    assert (await charge(shop, first, order, billingPeriod="2026-11")).status == 402
    again = await charge(shop, second, order, billingPeriod="2026-11")
    assert (again.status, again["order"]["status"]) == (200, "PAID"), again


async def test_a_customer_whose_account_could_not_be_issued_pays_by_card_at_once(shop: Shop) -> None:
    order = await shop.order(12_000)
    no = (400, {"code": "INVALID_BANK", "message": "유효하지 않은 은행입니다."})
    shop.proxy.add(method="POST", path="^/v1/virtual-accounts$", answer=no, times=1)
    assert (await shop.api.post(ISSUE, {"orderId": order["orderNo"], **ACCOUNT})).status == 422
    assert (await shop.confirm(order, await shop.window(order))).status == 200


async def test_an_account_is_issued_once_however_often_the_page_is_loaded(shop: Shop) -> None:
    order = await shop.order(12_000)
    shop.proxy.add(method="POST", path="^/v1/virtual-accounts$", delay_s=0.5, times=1)
    body = {"orderId": order["orderNo"], **ACCOUNT}
    replies = await asyncio.gather(*(shop.api.post(ISSUE, body) for _ in range(4)))
    assert {reply.status for reply in replies} <= {201, 202}, replies
    assert (await shop.api.post(ISSUE, body)).status == 201
    assert len(shop.proxy.asked("^/v1/virtual-accounts$")) == 1


async def test_one_key_confirmed_for_two_orders_at_once_pays_its_own(shop: Shop) -> None:
    own, other = await shop.order(20_000), await shop.order(20_000)
    key = await shop.window(own)
    wrong, right = await asyncio.gather(shop.confirm(other, key), shop.confirm(own, key))
    assert right.status == 200, right
    assert wrong.status >= 202 and wrong.status != 500, wrong
    if wrong.status == 202:  # nobody knows yet

        async def known() -> bool:
            rows = await shop.stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")
            return not rows

        await shop.stack.eventually(known)
    assert await shop.order_status(own["orderNo"]) == "PAID"
    assert await shop.order_status(other["orderNo"]) == "PENDING_PAYMENT"
    assert (await shop.confirm(other, await shop.window(other))).status == 200


async def test_an_order_that_was_tried_with_another_ones_key_is_paid_by_its_own(shop: Shop) -> None:
    """What Toss showed under that key is the other order's money: no invariant takes it for a second payment."""
    own, other = await shop.order(20_000), await shop.order(20_000)
    key = await shop.window(own)
    assert (await shop.confirm(own, key)).status == 200
    await shop.stack.fault(kind="reset", path="/v1/payments/confirm")
    assert (await shop.confirm(other, key)).status == 202

    async def over() -> bool:
        return not await shop.stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")

    await shop.stack.eventually(over)
    assert (await shop.confirm(other, await shop.window(other))).status == 200


async def test_an_order_of_nothing_is_paid_at_no_other_door(shop: Shop) -> None:
    key, order = await registered(shop), await shop.order(0)
    told = {"paymentKey": "tgen_made_up_0001", "orderId": order["orderNo"], "amount": 1}
    for reply in (
        await charge(shop, key, order),
        await shop.api.post(ISSUE, {"orderId": order["orderNo"], **ACCOUNT}),
        await shop.api.post("/payments/confirm", told),
        await shop.api.post("/api/payments/toss/confirm", told),
        await shop.api.post(f"/api/orders/{order['orderNo']}/cancel"),
    ):
        assert (reply.status, reply["code"]) == (409, "ORDER_ALREADY_PAID"), reply
    refused = await shop.api.post("/payments/request", {"userId": "u-1", "amount": 0, "paymentMethod": "card"})
    assert (refused.status, refused["field"]) == (400, "amount")


async def test_a_deposit_is_learned_though_tosss_reads_lag_behind_its_callback(shop: Shop) -> None:
    order = await shop.order(12_000)
    issued = await shop.api.post(ISSUE, {"orderId": order["orderNo"], **ACCOUNT})
    assert issued.status == 201, issued
    old = await shop.at_toss(issued["payment"]["paymentKey"])
    lag = shop.proxy.hold_reads(old["paymentKey"], old, order_no=order["orderNo"], times=2)
    await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")

    async def paid() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid, within_s=20)
    assert lag.hits == 2


@pytest.mark.parametrize("wait", ["1e300", "99999999999999", "864000", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_gateway_that_says_to_wait_for_years_keeps_no_customer_waiting(shop: Shop, wait: str) -> None:
    order = await shop.order()
    key = await shop.window(order)
    busy = (429, {"code": "TOO_MANY_REQUESTS", "message": "-"})
    shop.proxy.add(path="^/v1/payments/confirm$", answer=busy, headers={"Retry-After": wait}, times=1)
    assert (await shop.confirm(order, key)).status == 202
    (open_,) = await shop.stack.rows(
        "SELECT resolve_by - now() AS wait FROM payment_transactions WHERE status = 'pending' AND outcome = 'unknown'"
    )
    assert open_["wait"] <= timedelta(seconds=61), open_
    await shop.stack.rows("UPDATE payment_transactions SET resolve_by = now() WHERE status = 'pending'")

    async def paid() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid)


async def test_people_who_are_wrong_do_not_lose_a_charge(shop: Shop) -> None:
    """S2-7 where Toss makes the paymentKey: what was charged after all is found by the order's number."""
    key, order = await registered(shop), await shop.order(12_000)
    await shop.lose_webhooks()
    failing = (500, {"code": "UNKNOWN_ERROR", "message": "-"})
    shop.proxy.add(method="POST", path="^/v1/billing/[^/]+$", answer=failing)
    assert (await charge(shop, key, order)).status == 202
    for who in (KIM, LEE):
        question = await on_the_list(shop)
        await decide(shop, question, "mark-failed", who)
    done = await shop.stack.rows("SELECT FROM payment_transactions WHERE outcome = 'decided'")
    if not done:  # the resolver has asked with a new key between the two
        question = await on_the_list(shop)
        await decide(shop, question, "mark-failed", KIM)
        await decide(shop, question, "mark-failed", LEE)
    body = {"customerKey": "customer-1", "orderId": order["orderNo"], "orderName": "책", "amount": 12_000}
    assert (await shop.stack.toss.post(f"/v1/billing/{key['billingKey']}", body)).status == 200
    await looked_at(shop, order, "PAID")
