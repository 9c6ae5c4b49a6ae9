"""Field cases that were right from the beginning, and stay so."""

import asyncio

from tests.field.conftest import Shop


async def test_a_customer_who_authenticates_in_two_windows_is_charged_once(shop: Shop) -> None:
    order = await shop.order()
    first, second = await shop.window(order), await shop.window(order)
    replies = await asyncio.gather(*(shop.confirm(order, key) for key in (first, second, first, second)))
    assert {reply.status for reply in replies} <= {200, 202, 409}

    async def paid() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid)
    charged = [key for key in (first, second) if (await shop.at_toss(key))["status"] == "DONE"]
    assert len(charged) == 1


async def test_a_confirm_that_toss_answers_with_a_page_is_paid_and_asked_once(shop: Shop) -> None:
    order = await shop.order()
    key = await shop.window(order)
    shop.proxy.add(method="POST", path="/v1/payments/confirm", times=1, change=lambda _: "<html>")
    assert (await shop.confirm(order, key)).status in (200, 202)

    async def paid() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid)
    assert len(shop.proxy.asked("/v1/payments/confirm")) == 1


async def test_a_refund_whose_reply_is_lost_goes_back_once(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    await shop.stack.fault(kind="drop_reply", path=f"/v1/payments/{payment['paymentKey']}/cancel")
    refund = {"refundReason": "고객"}
    first = await shop.api.post(f"/payments/{payment['id']}/refund", refund, headers={"Idempotency-Key": "lost-1"})
    assert first.status == 202, first
    second = await shop.api.post(f"/payments/{payment['id']}/refund", refund, headers={"Idempotency-Key": "lost-2"})
    assert second.status in (200, 409), second

    async def refunded() -> bool:
        return (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 0 and (
            await shop.order_status(payment["orderNo"]) == "REFUNDED"
        )

    await shop.stack.eventually(refunded)
    assert len((await shop.at_toss(payment["paymentKey"]))["cancels"]) == 1
