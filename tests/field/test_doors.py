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
    await shop.lose_webhooks()  # they would name the owner's key first
    key = await shop.window(owners)
    shop.proxy.add(method="POST", path="/v1/payments/confirm", times=1, delay_s=1.5)
    trying = asyncio.create_task(shop.confirm(strangers, key))
    await asyncio.sleep(0.7)
    while_running = await shop.api.get(f"/api/payments/toss/{key}")
    assert (while_running.status, while_running["code"]) == (409, "PAYMENT_IN_PROGRESS")
    assert (await trying).status >= 400
    # Toss was read because of its refusal, and may have told whose key it is: nobody else's payment is ever shown.
    read = await shop.api.get(f"/api/payments/toss/{key}")
    shown = read["order"]["orderNo"] if read.status == 200 else read["code"]
    assert shown in (owners["orderNo"], "PAYMENT_NOT_FOUND")
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


async def test_a_partial_refund_gives_the_tax_free_part_back_in_proportion(shop: Shop) -> None:
    payment = await shop.paid(10_000, taxFreeAmount=8_000)
    cancel, refund = f"/api/payments/toss/{payment['paymentKey']}/cancel", f"/payments/{payment['id']}/refund"
    first = await shop.api.post(refund, {"refundReason": "일부", "refundAmount": 5_000})
    assert first.status == 200, first
    assert [seen.body["taxFreeAmount"] for seen in shop.proxy.asked("/cancel")] == [4_000]
    at_toss = await shop.at_toss(payment["paymentKey"])
    assert (at_toss["balanceAmount"], at_toss["taxFreeAmount"], at_toss["vat"]) == (5_000, 4_000, 91)

    for told, least, most in ((3_499, "3,500", "4,000"), (4_001, "3,500", "4,000")):
        wrong = await shop.api.post(cancel, {"cancelReason": "x", "cancelAmount": 4_500, "taxFreeAmount": told})
        assert (wrong.status, wrong["code"], wrong["field"]) == (422, "TAX_FREE_DOES_NOT_FIT", "taxFreeAmount")
        assert least in wrong["message"]
        assert most in wrong["message"]
    only_free = {"refundReason": "면세만", "refundAmount": 1_000, "taxFreeAmount": 1_000}
    assert (await shop.api.post(refund, only_free)).status == 200
    rest = await shop.api.post(cancel, {"cancelReason": "나머지"})
    assert rest.status == 200, rest
    assert [seen.body["taxFreeAmount"] for seen in shop.proxy.asked("/cancel")] == [4_000, 1_000, 3_000]
    assert sum(row["taxFreeAmount"] for row in rest["payment"]["cancels"]) == 8_000


async def test_a_card_sale_gets_no_second_proof(shop: Shop) -> None:
    wish = {"type": "소득공제", "customerIdentityNumber": "01012345678"}
    for means in ({"method": "CARD"}, {"method": "MOBILE_PHONE"}):
        payment = await shop.paid(30_000, **means)
        reply = await shop.api.post(f"/payments/{payment['id']}/cash-receipts", wish)
        assert (reply.status, reply["code"]) == (409, "CASH_RECEIPT_NOT_ALLOWED"), means
    assert shop.proxy.asked("/v1/cash-receipts") == []


async def test_a_refund_says_that_the_receipt_made_by_hand_is_to_be_cancelled(shop: Shop) -> None:
    order = await shop.order(30_000)
    key = await shop.window(order, method="TRANSFER", cashReceiptType="미발행")
    payment = (await shop.confirm(order, key))["payment"]
    receipts = f"/payments/{payment['id']}/cash-receipts"
    issued = await shop.api.post(receipts, {"type": "소득공제", "customerIdentityNumber": "01012345678"})
    assert issued.status == 201, issued
    for amount, excess in ((10_000, 10_000), (20_000, 30_000)):
        back = await shop.api.post(
            f"/payments/{payment['id']}/refund", {"refundReason": "고객", "refundAmount": amount}
        )
        assert back.status == 200, back
        assert (await shop.api.get(receipts))["excessAmount"] == excess
        (item,) = (await shop.api.get("/api/ops/doubtful"))["leftovers"]
        assert (item["kind"], item["id"], str(excess) in item["reason"]) == ("cash_receipt", payment["id"], True)
    cancelled = await shop.api.post(f"{receipts}/{issued['cashReceipt']['id']}/cancel", {})
    assert cancelled.status == 201, cancelled
    assert (await shop.api.get(receipts))["excessAmount"] == 0
    assert (await shop.api.get("/api/ops/doubtful"))["leftovers"] == []


async def test_a_customer_who_double_clicks_the_registration_has_one_card(shop: Shop) -> None:
    issue = "/api/payments/toss/billing/issue"
    auth = (await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"}))["authKey"]
    body = {"authKey": auth, "customerKey": "customer-1"}
    shop.proxy.add(method="POST", path="/v1/billing/authorizations/issue", delay_s=0.5, times=1)
    first, second = await asyncio.gather(shop.api.post(issue, body), shop.api.post(issue, body))
    assert {first.status, second.status} <= {201, 202}
    later = await shop.api.post(issue, body)
    assert later.status == 201, later
    assert {reply["billingKey"]["id"] for reply in (first, second, later)} == {later["billingKey"]["id"]}
    assert later["billingKey"]["billingKey"]
    assert len(shop.proxy.asked("/v1/billing/authorizations/issue")) == 1
    assert auth not in str(await shop.stack.rows("SELECT t::text FROM billing_keys t"))


async def test_a_card_that_could_not_be_asked_about_is_registered_at_the_next_try(shop: Shop) -> None:
    issue = "/api/payments/toss/billing/issue"
    auth = (await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"}))["authKey"]
    body = {"authKey": auth, "customerKey": "customer-1"}
    unauthorized = (401, {"code": "UNAUTHORIZED_KEY", "message": "인증되지 않은 시크릿 키입니다."})
    shop.proxy.add(method="POST", path="/v1/billing/authorizations/issue", answer=unauthorized, times=1)
    assert (await shop.api.post(issue, body)).status == 502
    assert (await shop.api.post(issue, body)).status == 201


async def test_a_period_whose_charge_was_refunded_may_be_charged_again(shop: Shop) -> None:
    auth = (await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"}))["authKey"]
    issued = await shop.api.post("/api/payments/toss/billing/issue", {"authKey": auth, "customerKey": "customer-1"})
    door = f"/api/payments/toss/billing/{issued['billingKey']['id']}"

    async def charge() -> tuple[int, str]:
        order = await shop.order(12_000)
        reply = await shop.api.post(door, {"orderId": order["orderNo"], "billingPeriod": "2026-11"})
        return reply.status, reply["payment"]["id"] if reply.status == 200 else reply["code"]

    status, first = await charge()
    assert status == 200
    refund = f"/payments/{first}/refund"
    assert (await shop.api.post(refund, {"refundReason": "일부", "refundAmount": 5_000})).status == 200
    assert await charge() == (409, "BILLING_PERIOD_CHARGED")
    assert (await shop.api.post(refund, {"refundReason": "나머지"})).status == 200
    both = await asyncio.gather(charge(), charge())
    assert sorted(status for status, _ in both) == [200, 409]
