"""Specification 2, 2.7: the application was killed, and kept a paymentKey or an order number; is all there again?"""

from typing import Any

from tests.acceptance.specifications.steps import TOSS, App

FULFILMENT = {"kind": "time_capsule", "status": "WAITING", "reason": None, "capsuleId": None}


async def test_rn1_rn2_s2_4_a_paid_screen_is_restored_from_either(app: App) -> None:
    paid = await app.paid()
    for name in (paid["payment"]["paymentKey"], f"orders/{paid['order']['orderNo']}"):
        view = (await app.get(f"{TOSS}/{name}")).body
        assert (view["payment"]["totalAmount"], view["payment"]["status"]) == (10_000, "DONE")
        assert view["payment"]["issuerCode"] and view["payment"]["issuerName"]
        assert (view["order"]["fulfilment"]["status"], view["capsule"]["status"]) == ("FULFILLED", "LOCKED")
        assert view["payment"]["cancels"] == []


async def test_g2_10_g2_11_rn3_a2_3_s2_4_an_order_is_restored_before_its_confirm(app: App) -> None:
    order = await app.order()
    await app.window(order)
    for name in (order["orderNo"], order["id"]):
        view = await app.get(f"{TOSS}/orders/{name}")
        assert (view.status, view["payment"], view["capsule"]) == (200, None, None)
        told = view["order"]
        assert (told["orderName"], told["amount"], told["status"]) == ("타임캡슐 2인", 10_000, "PENDING_PAYMENT")
        assert (told["expiresAt"], told["fulfilment"]) == (order["expiresAt"], FULFILMENT)
    wrong = await app.get(f"{TOSS}/orders/ORD-never-placed")
    assert (wrong.status, wrong["code"]) == (404, "PAYMENT_NOT_FOUND")


async def test_rn6_a_confirm_in_doubt_keeps_its_key_and_says_when_to_look_again(app: App) -> None:
    order = await app.order()
    key = await app.window(order)
    await app.stack.fault(kind="drop_reply", path="/v1/payments/confirm")
    await app.stack.fault(kind="status", path=f"/v1/payments/{key}", status=503, times=2)
    await app.stack.fault(kind="status", path="/v1/payments/orders/*", status=503, times=2)
    doubted = await app.confirm(order, key)
    assert (doubted.status, doubted["payment"]["paymentKey"]) == (202, key)
    shown = await app.get(f"{TOSS}/orders/{order['orderNo']}")
    if shown["payment"]["openRequest"] is not None:
        assert shown["payment"]["openRequest"] == "payment_confirmation"
        assert shown["payment"]["paymentKey"] == key
        assert int(shown.headers["retry-after"]) > 0
    assert (await app.settles(key))["payment"]["status"] == "DONE"


async def test_rn7_a_cancel_in_doubt_is_shown_as_open_and_then_as_done(app: App) -> None:
    key = (await app.paid())["payment"]["paymentKey"]
    await app.stack.fault(kind="drop_reply", path=f"/v1/payments/{key}/cancel")
    reply = await app.cancel(key, cancelAmount=4_000)
    assert reply.status in (200, 202)
    if reply.status == 202:
        assert reply["payment"]["openRequest"] == "payment_cancellation"
        assert [each["cancelAmount"] for each in reply["payment"]["openCancels"]] == [4_000]
    settled = (await app.settles(key))["payment"]
    assert [(each["cancelAmount"], each["cancelStatus"]) for each in settled["cancels"]] == [(4_000, "DONE")]


async def test_rn8_a_part_that_went_back_is_restored(app: App) -> None:
    key = (await app.paid())["payment"]["paymentKey"]
    await app.cancel(key, cancelAmount=4_000)
    view = (await app.get(f"{TOSS}/{key}")).body
    assert (view["payment"]["balanceAmount"], len(view["payment"]["cancels"])) == (6_000, 1)
    assert (view["order"]["status"], view["capsule"]["status"]) == ("PARTIALLY_REFUNDED", "LOCKED")


async def test_rn9_a_refused_card_is_restored_under_its_key(app: App) -> None:
    order = await app.order()
    key = await app.window(order, declineAtConfirm="REJECT_CARD_PAYMENT")
    assert (await app.confirm(order, key)).status == 402
    view = (await app.get(f"{TOSS}/{key}")).body
    payment = view["payment"]
    assert (payment["paymentKey"], payment["status"], payment["failCode"]) == (key, "ABORTED", "REJECT_CARD_PAYMENT")
    assert view["order"]["status"] == "PENDING_PAYMENT"


async def test_rn10_an_old_key_leads_to_the_payment_that_succeeded(app: App) -> None:
    order = await app.order()
    first = await app.window(order, declineAtConfirm="REJECT_CARD_PAYMENT")
    await app.confirm(order, first)
    second = await app.window(order)
    assert (await app.confirm(order, second)).status == 200
    view = (await app.get(f"{TOSS}/{first}")).body
    assert (view["payment"]["paymentKey"], view["isCurrentKey"], view["order"]["status"]) == (second, False, "PAID")


async def test_rn11_the_window_leads_back_into_the_application_by_its_own_scheme(app: App) -> None:
    order = await app.order()
    body: dict[str, Any] = {
        "orderId": order["orderNo"],
        "orderName": order["orderName"],
        "amount": order["amount"],
        "successUrl": "myapp://pay/toss/success",
        "failUrl": "myapp://pay/toss/fail",
    }
    opened = await app.stack.toss.post("/sandbox/checkout", body)
    assert opened.status == 200, opened
    link = await app.stack.authenticate(opened["paymentKey"])
    assert link.startswith(f"myapp://pay/toss/success?paymentType=NORMAL&orderId={order['orderNo']}&")
    assert (await app.confirm(order, opened["paymentKey"])).status == 200
