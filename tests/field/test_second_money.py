"""Sisters of O3, O4, O5, O7, O9 and S2-2: money that goes back at other doors, and what a user may hold up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.field.conftest import QUICK, Shop
from tests.field.proxy import TossProxy
from tests.field.test_more_ways_to_pay import ACCOUNT, ISSUE
from tests.field.test_orders import USERS_ORDER, _as
from tests.field.test_worse_after_done import OTHER, refund_refused
from tests.support.tokens import token_of


async def second_payment(shop: Shop, order: dict[str, Any]) -> str:
    """Have Toss show an approval under a second key for a paid order; return that key.

    The sandbox approves an order once, so the second is another order's there, and is shown as this one's.
    """
    opened = await shop.stack.toss.post(
        "/sandbox/checkout",
        {
            "orderId": f"ORD-2-{order['orderNo'][-8:]}",
            "orderName": "책",
            "amount": order["amount"],
            "taxFreeAmount": order.get("taxFreeAmount", 0),
            "successUrl": "http://127.0.0.1/ok",
            "failUrl": "http://127.0.0.1/no",
        },
    )
    key: str = opened["paymentKey"]
    await shop.stack.authenticate(key)
    told = {"paymentKey": key, "orderId": f"ORD-2-{order['orderNo'][-8:]}", "amount": order["amount"]}
    assert (await shop.stack.toss.post("/v1/payments/confirm", told)).status == 200
    shop.proxy.add(path=f"^/v1/payments/{key}", change=lambda body: body | {"orderId": order["orderNo"]})
    return key


async def hinted(shop: Shop, order: dict[str, Any], key: str) -> None:
    data = {"paymentKey": key, "orderId": order["orderNo"], "status": "DONE"}
    reply = await shop.api.post("/payments/webhook", {"eventType": "PAYMENT_STATUS_CHANGED", "data": data})
    assert reply.status == 200, reply


async def gone(shop: Shop, key: str) -> bool:
    return bool((await shop.at_toss(key))["balanceAmount"] == 0)


@pytest.mark.parametrize("tax_free", [0, 8_000])
async def test_a_second_payment_of_an_order_goes_back_though_the_console_was_at_it(shop: Shop, tax_free: int) -> None:
    await shop.lose_webhooks()
    order = await shop.order(10_000, taxFreeAmount=tax_free)
    first = (await shop.confirm(order, await shop.window(order)))["payment"]
    key = await second_payment(shop, order)
    before = await shop.at_toss(key) | {"orderId": order["orderNo"]}
    await shop.console_cancel(key, 4_000 if not tax_free else 1_000)
    shop.proxy.add(method="GET", path=f"^/v1/payments/{key}$", answer=(200, before), times=1)  # a read that lags
    await hinted(shop, order, key)
    await shop.stack.eventually(lambda: gone(shop, key), within_s=20)

    async def noted() -> bool:
        return bool(await shop.stack.rows("SELECT FROM strays WHERE returned_at IS NOT NULL"))

    await shop.stack.eventually(noted)
    assert (await shop.at_toss(first["paymentKey"]))["balanceAmount"] == 10_000
    by_second = await shop.api.post(f"/api/payments/toss/{key}/cancel", {"cancelReason": "정리"})
    assert by_second.status in (404, 409), by_second
    assert await shop.order_status(order["orderNo"]) == "PAID"


async def test_an_account_cancelled_at_the_console_leaves_no_open_refund(shop: Shop) -> None:
    await shop.lose_webhooks()
    order = await shop.order(12_000)
    issued = await shop.api.post(ISSUE, {"orderId": order["orderNo"], **ACCOUNT})
    key = issued["payment"]["paymentKey"]
    await shop.console_cancel(key)
    ours = await shop.api.post(f"/api/payments/toss/{key}/cancel", {"cancelReason": "정리"})
    assert (ours.status, ours["code"]) == (409, "REFUND_NOT_ALLOWED"), ours
    assert await shop.order_status(order["orderNo"]) == "CANCELED"
    open_ = await shop.stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")
    assert open_ == []


@pytest.mark.parametrize(("status", "code"), [(400, "PROVIDER_ERROR"), (403, "BRAND_NEW_REFUSAL")])
async def test_all_of_it_goes_back_by_the_other_door_while_a_part_is_refused(
    shop: Shop, status: int, code: str
) -> None:
    payment = await shop.paid(40_000)
    no = (status, {"code": code, "message": "-"})
    rule = shop.proxy.add(method="POST", path=f"^/v1/payments/{payment['paymentKey']}/cancel$", answer=no)
    refund = {"refundReason": "고객", "refundAmount": 10_000}
    assert (await shop.api.post(f"/payments/{payment['id']}/refund", refund)).status == 202
    shop.proxy.remove(rule)
    door = f"/api/payments/toss/{payment['paymentKey']}/cancel"
    whole = await shop.api.post(door, {"cancelReason": "전부", "cancelAmount": 40_000})
    assert whole.status == 200, whole
    assert len((await shop.at_toss(payment["paymentKey"]))["cancels"]) == 1


async def test_a_receipt_for_a_part_has_its_share_free_of_tax(shop: Shop) -> None:
    """O7 at another door: 2,000 of 10,000 are taxed, so a receipt for 5,000 has 4,000 free of tax."""
    order = await shop.order(10_000, taxFreeAmount=8_000)
    key = await shop.window(order, method="TRANSFER", cashReceiptType="미발행")
    payment = (await shop.confirm(order, key))["payment"]
    door = f"/payments/{payment['id']}/cash-receipts"
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    for amount in (5_000, None):
        issued = await shop.api.post(door, wish | ({} if amount is None else {"amount": amount}))
        assert issued.status == 201, issued
    sent = [each.body for each in shop.proxy.asked("^/v1/cash-receipts$")]
    assert [(body["amount"], body.get("taxFreeAmount")) for body in sent] == [(5_000, 4_000), (5_000, 4_000)]


async def test_a_receipt_stands_for_what_is_left_of_a_transfer_and_no_more(shop: Shop) -> None:
    order = await shop.order(30_000)
    key = await shop.window(order, method="TRANSFER", cashReceiptType="미발행")
    payment = (await shop.confirm(order, key))["payment"]
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"], 10_000)
    await shop.api.get(f"/payments/{payment['id']}/status")
    door = f"/payments/{payment['id']}/cash-receipts"
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    too_much = await shop.api.post(door, wish | {"amount": 30_000})
    assert (too_much.status, too_much["code"]) == (422, "CASH_RECEIPT_EXCEEDS"), too_much
    assert (await shop.api.post(door, wish))["cashReceipt"]["amount"] == 20_000


async def test_a_receipt_that_toss_refuses_again_and_again_is_over_within_minutes(shop: Shop) -> None:
    """O5 at another door: the amount is free for another receipt."""
    order = await shop.order(30_000)
    key = await shop.window(order, method="TRANSFER", cashReceiptType="미발행")
    payment = (await shop.confirm(order, key))["payment"]
    no = (500, {"code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": "-"})
    rule = shop.proxy.add(method="POST", path="^/v1/cash-receipts$", answer=no)
    door = f"/payments/{payment['id']}/cash-receipts"
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    assert (await shop.api.post(door, wish)).status == 202

    async def over() -> bool:
        await shop.stack.rows("UPDATE payment_transactions SET resolve_by = now() WHERE status = 'pending'")
        return not await shop.stack.rows("SELECT FROM payment_transactions WHERE status = 'pending'")

    await shop.stack.eventually(over, within_s=20)
    assert rule.hits == 4
    shop.proxy.remove(rule)
    assert (await shop.api.post(door, wish)).status == 201


# --- Users ------------------------------------------------------------------------------------------------


async def test_a_user_holds_a_resource_no_longer_by_an_account_than_by_an_order(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **USERS_ORDER)
    order = await stack.api.post("/api/orders", {"orderName": "좌석", "amount": 9_000, "userId": "alice"})
    body = {"orderId": order["orderNo"], **ACCOUNT}
    far = (datetime.now(UTC) + timedelta(days=20)).isoformat(timespec="seconds")
    for longest, field in (({"validHours": 2160}, "validHours"), ({"dueDate": far}, "dueDate")):
        refused = await _as(stack, "alice", ISSUE, body | longest)
        assert (refused.status, refused["code"], refused["field"]) == (422, "EXPIRES_AT_TOO_FAR", field), refused
    issued = await _as(stack, "alice", ISSUE, body)
    assert issued.status == 201, issued
    due = datetime.fromisoformat(issued["payment"]["virtualAccount"]["dueDate"])
    assert due <= datetime.now(UTC) + timedelta(hours=24, minutes=1)
    # The shop's own server may let it wait for longer.
    other = await stack.api.post("/api/orders", {"orderName": "좌석", "amount": 9_000, "userId": "alice"})
    shops = await stack.api.post(ISSUE, {"orderId": other["orderNo"], **ACCOUNT, "validHours": 2160})
    assert shops.status == 201, shops


async def test_orders_that_await_a_deposit_count_as_open_orders_of_a_user(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **USERS_ORDER, PAYWON_MAX_OPEN_ORDERS_PER_USER="1")
    body = {"orderName": "책", "amount": 1_000, "userId": "alice"}
    order = await _as(stack, "alice", "/api/orders", body)
    assert (await _as(stack, "alice", ISSUE, {"orderId": order["orderNo"], **ACCOUNT})).status == 201
    await stack.rows("UPDATE orders SET expires_at = now() - interval '1 s'")
    again = await _as(stack, "alice", "/api/orders", body)
    assert (again.status, again["code"]) == (409, "TOO_MANY_OPEN_ORDERS"), again


async def test_a_user_sends_no_refund_to_another_account_for_what_they_keep(
    open_stack: OpenStack, proxy: TossProxy
) -> None:
    stack = await open_stack(TOSS_PAYMENTS_BASE_URL=proxy.url, **QUICK, **USERS_ORDER)
    shop = Shop(stack=stack, proxy=proxy)
    payment = await refund_refused(shop)
    await stack.rows("UPDATE orders SET fulfilment_kind = 'event', fulfilment_status = 'FULFILLED'")
    key = {"Authorization": f"Bearer {token_of('u-1')}"}
    wish = {"refundReason": "변심", "refundReceiveAccount": OTHER}
    refused = await shop.api.post(f"/payments/{payment['id']}/refund", wish, headers=key)
    assert (refused.status, refused["code"]) == (409, "REFUND_NEEDS_SHOP"), refused
    assert (await shop.api.post(f"/payments/{payment['id']}/refund", wish)).status == 200
    await stack.rows("UPDATE orders SET fulfilment_kind = 'none', fulfilment_status = 'NONE'")
