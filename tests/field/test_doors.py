"""What the doors answer and act on: the key that is named, the outcome that is known, the part that is free of tax."""

import asyncio

from tests.field.conftest import Shop


async def test_clearing_up_a_declined_card_leaves_the_payment_that_succeeded_alone(shop: Shop) -> None:
    order = await shop.order(40_000)
    declined = await shop.window(order)
    await shop.stack.fault(kind="status", status=403, code="REJECT_CARD_COMPANY", path="/v1/payments/confirm")
    assert (await shop.confirm(order, declined)).status == 402
    good = await shop.window(order)
    assert (await shop.confirm(order, good)).status == 200

    cleared = await shop.api.post(f"/api/payments/toss/{declined}/cancel", {"cancelReason": "clean up"})
    assert (cleared.status, cleared["code"]) == (409, "PAYMENT_KEY_NOT_CURRENT")
    assert (await shop.at_toss(good))["status"] == "DONE"
    assert await shop.order_status(order["orderNo"]) == "PAID"

    earlier = await shop.api.get(f"/api/payments/toss/{declined}")
    assert (earlier.status, earlier["isCurrentKey"], earlier["payment"]["paymentKey"]) == (200, False, good)
    assert (await shop.api.get(f"/api/payments/toss/{good}"))["isCurrentKey"] is True
    back = await shop.api.post(f"/api/payments/toss/{good}/cancel", {"cancelReason": "고객"})
    assert (back.status, back["order"]["status"]) == (200, "REFUNDED")


async def test_a_strangers_key_tried_on_ones_own_order_shows_nobodys_payment(shop: Shop) -> None:
    owners, strangers = await shop.order(20_000, userId="owner"), await shop.order(20_000, userId="stranger")
    key = await shop.window(owners)
    shop.proxy.add(method="POST", path="/v1/payments/confirm", times=1, delay_s=1.5)
    trying = asyncio.create_task(shop.confirm(strangers, key))
    await asyncio.sleep(0.7)
    while_running = await shop.api.get(f"/api/payments/toss/{key}")
    assert (while_running.status, while_running["code"]) == (409, "PAYMENT_IN_PROGRESS")
    assert (await trying).status >= 400
    read = await shop.api.get(f"/api/payments/toss/{key}")
    assert (read.status, read["code"]) == (404, "PAYMENT_NOT_FOUND")
    wrong = {"paymentKey": "tgen_nobodys", "orderId": strangers["orderNo"], "amount": 19_999}
    assert (await shop.api.post("/payments/confirm", wrong)).status == 422
    assert (await shop.api.get("/api/payments/toss/tgen_nobodys")).status == 404
    assert (await shop.confirm(owners, key)).status == 200
    assert (await shop.api.get(f"/api/payments/toss/{key}"))["order"]["orderNo"] == owners["orderNo"]


async def test_the_second_window_of_a_paid_order_cancels_nothing(shop: Shop) -> None:
    order = await shop.order(30_000)
    first, second = await shop.window(order), await shop.window(order)
    assert (await shop.confirm(order, first)).status == 200
    assert (await shop.confirm(order, second)).status == 409
    cancel = await shop.api.post(f"/api/payments/toss/{second}/cancel", {"cancelReason": "두 번째 창"})
    assert cancel.status == 404
    assert (await shop.at_toss(first))["status"] == "DONE"
