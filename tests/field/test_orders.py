"""Orders and payment windows: what happens to customers whose payment does not go straight through."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import OpenStack
from tests.field.conftest import Shop
from tests.support.stack import Reply, Stack
from tests.support.tokens import EVERY_SCOPE, USERS, token_of

REFUSED = (403, {"code": "REJECT_CARD_COMPANY", "message": "결제 승인이 거절되었습니다."})
ROOM = {"resourceType": "booking", "resourceId": "room-1", "userId": "u-1", "amount": 45_000}


async def _declined(stack: Stack, requested: Reply) -> Reply:
    """Have the customer authenticate, and the card company decline."""
    payment = requested["payment"]
    await stack.authenticate(payment["paymentKey"], declineAtConfirm="REJECT_CARD_PAYMENT")
    told = {name: payment[name] for name in ("paymentKey", "orderId", "amount")}
    reply = await stack.api.post("/payments/confirm", told)
    assert reply.status == 402, reply
    return reply


async def _pays(stack: Stack, requested: Reply) -> Reply:
    payment = requested["payment"]
    await stack.authenticate(payment["paymentKey"])
    told = {name: payment[name] for name in ("paymentKey", "orderId", "amount")}
    return await stack.api.post("/payments/confirm", told)


async def test_a_customer_whose_card_was_declined_pays_again_at_once(shop: Shop) -> None:
    stack = shop.stack
    first = await stack.request_payment(**ROOM)
    await _declined(stack, first)
    declined = (await stack.api.get(f"/payments/{first['payment']['id']}")).body
    assert (declined["status"], declined["checkoutUrl"]) == ("failed", None), "nobody is sent to a dead window"
    other = await stack.request_payment(**{**ROOM, "userId": "u-2"})
    assert (other.status, other["code"]) == (409, "DUPLICATE_PAYMENT")
    assert "orderNo" not in other.body
    assert "checkoutUrl" not in other.body
    second = await stack.request_payment(**ROOM, paymentMethod="transfer", customerName="김철수")
    assert second.status == 201, second
    payment = second["payment"]
    assert (payment["id"], payment["orderId"]) == (first["payment"]["id"], first["payment"]["orderId"])
    assert payment["paymentKey"] != first["payment"]["paymentKey"]
    assert (payment["status"], payment["paymentMethod"]) == ("pending", "transfer")
    assert second["checkoutUrl"] not in (None, first["checkoutUrl"])
    paid = await _pays(stack, second)
    assert (paid.status, paid["payment"]["status"]) == (200, "completed")
    # The key that was declined is over, and charges nothing beside it.
    again = {name: first["payment"][name] for name in ("paymentKey", "orderId", "amount")}
    assert (await stack.api.post("/payments/confirm", again)).status in (402, 409)
    assert len(await stack.rows("SELECT FROM orders")) == 1


async def test_a_price_that_changed_closes_the_unpaid_order_and_places_another(shop: Shop) -> None:
    stack = shop.stack
    first = await stack.request_payment(**ROOM)
    second = await stack.request_payment(**{**ROOM, "amount": 40_000})
    assert second.status == 201, second
    assert second["payment"]["orderId"] != first["payment"]["orderId"]
    assert await shop.order_status(first["payment"]["orderId"]) == "CANCELED"
    told = await stack.rows("SELECT data FROM events WHERE type = 'order.canceled'")
    assert [(row["data"]["order"]["status"], row["data"]["payment"]) for row in told] == [("CANCELED", None)]
    late = await _pays(stack, first)
    assert (late.status, late["code"]) == (409, "ORDER_CANCELED")
    assert (await shop.at_toss(first["payment"]["paymentKey"]))["status"] == "IN_PROGRESS", "nothing was charged"


async def test_while_a_confirm_runs_there_is_no_second_window(shop: Shop) -> None:
    stack = shop.stack
    first = await stack.request_payment(**ROOM)
    payment = first["payment"]
    await stack.authenticate(payment["paymentKey"])
    await stack.fault(kind="delay", path="/v1/payments/confirm", delayMs=2_500)
    told = {name: payment[name] for name in ("paymentKey", "orderId", "amount")}
    running = asyncio.create_task(stack.api.post("/payments/confirm", told))
    await stack.eventually(lambda: _asked(stack, "payment_confirmation"))
    for amount in (ROOM["amount"], 1_000):
        second = await stack.request_payment(**{**ROOM, "amount": amount})
        assert (second.status, second["code"], second["checkoutUrl"]) == (409, "DUPLICATE_PAYMENT", None), second
        assert (second["orderNo"], second["paymentId"]) == (payment["orderId"], payment["id"])
    withdrawn = await stack.api.post(f"/api/orders/{payment['orderId']}/cancel")
    assert (withdrawn.status, withdrawn["code"]) == (409, "PAYMENT_IN_PROGRESS")
    assert (await running).status == 200


async def _asked(stack: Stack, kind: str) -> bool:
    return bool(await stack.rows("SELECT FROM payment_transactions WHERE type = $1 AND status = 'pending'", kind))


async def test_a_second_window_whose_answer_is_lost_is_not_taken_for_the_first(shop: Shop) -> None:
    """Toss shows the declined window under the order's number; that is no answer to the new request."""
    stack = shop.stack
    first = await stack.request_payment(**ROOM)
    await _declined(stack, first)
    await stack.fault(kind="reset", path="/v1/payments", method="POST")
    second = await stack.request_payment(**ROOM)
    assert (second.status, second["checkoutUrl"]) == (202, None), second
    place = f"/payments/{first['payment']['id']}"

    async def opened() -> bool:
        shown = (await stack.api.get(place)).body
        return shown["openRequest"] is None and shown["status"] == "pending" and shown["checkoutUrl"] is not None

    await stack.eventually(opened)
    shown = (await stack.api.get(place)).body
    assert shown["paymentKey"] != first["payment"]["paymentKey"]
    assert await shop.order_status(shown["orderId"]) == "PENDING_PAYMENT"


async def test_a_second_window_that_toss_refuses_leaves_the_order_open(shop: Shop) -> None:
    stack = shop.stack
    first = await stack.request_payment(**ROOM)
    no = (400, {"code": "INVALID_REQUEST", "message": "잘못된 요청입니다."})
    shop.proxy.add(method="POST", path="^/v1/payments$", answer=no, times=1)
    refused = await stack.request_payment(**ROOM)
    assert (refused.status, refused["code"]) == (422, "PAYMENT_REFUSED"), refused
    assert await shop.order_status(first["payment"]["orderId"]) == "PENDING_PAYMENT"
    assert (await stack.request_payment(**ROOM)).status == 201


async def test_two_windows_of_one_order_charge_once(shop: Shop) -> None:
    stack = shop.stack
    first, second = await stack.request_payment(**ROOM), await stack.request_payment(**ROOM)
    assert (first.status, second.status) == (201, 201)
    for window in (first, second):
        await stack.authenticate(window["payment"]["paymentKey"])
    names = ("paymentKey", "orderId", "amount")
    tolds = [{name: window["payment"][name] for name in names} for window in (first, second)]
    replies = await asyncio.gather(*(stack.api.post("/payments/confirm", told) for told in tolds))
    assert sorted(reply.status for reply in replies) == [200, 409], replies
    shown = [await shop.at_toss(told["paymentKey"]) for told in tolds]
    assert sorted(payment["status"] for payment in shown) == ["DONE", "IN_PROGRESS"]


async def test_a_new_window_keeps_the_order_open_as_long_as_toss_takes_its_confirm(shop: Shop) -> None:
    stack = shop.stack
    asked = datetime.now(UTC)
    order = await shop.order(45_000, resourceType="booking", resourceId="room-1")
    # 30 minutes to authenticate, 10 to confirm.
    assert datetime.fromisoformat(order["expiresAt"]) >= asked + timedelta(minutes=40)
    await stack.rows("UPDATE orders SET expires_at = now() + interval '5 minutes' WHERE id = $1", order["id"])
    assert (await stack.request_payment(**ROOM)).status == 201
    kept = (await stack.api.get(f"/api/orders/{order['id']}")).body
    assert datetime.fromisoformat(kept["expiresAt"]) >= asked + timedelta(minutes=40)


async def test_an_end_that_the_shop_named_is_not_moved_by_a_window(shop: Shop) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="seconds")
    order = await shop.order(45_000, resourceType="booking", resourceId="room-1", expiresAt=end)
    assert (await shop.stack.request_payment(**ROOM)).status == 201
    kept = (await shop.api.get(f"/api/orders/{order['id']}")).body
    assert datetime.fromisoformat(kept["expiresAt"]) == datetime.fromisoformat(end)


async def test_what_was_refused_and_approved_after_all_is_found_before_the_order_ends(shop: Shop) -> None:
    """A card company's refusal that was none; no webhook comes, and the customer does not come back."""
    stack = shop.stack
    await shop.lose_webhooks()
    order = await shop.order()
    key = await shop.window(order)
    shop.proxy.add(path="^/v1/payments/confirm$", answer=REFUSED)
    assert (await shop.confirm(order, key)).status == 402
    await _approved_after_all(shop, order["orderNo"], key, order["amount"])
    look = "SELECT look_again_at - now() AS wait FROM payments WHERE order_no = $1"
    planned = await stack.row(look, order["orderNo"])
    assert timedelta(0) < planned["wait"] <= timedelta(seconds=61), "soon, and once"
    await stack.rows("UPDATE payments SET look_again_at = now() WHERE order_no = $1", order["orderNo"])
    await stack.eventually(lambda: _is(shop, order["orderNo"], "PAID"))


async def test_a_refused_key_is_read_even_when_a_new_window_took_its_place(shop: Shop) -> None:
    stack = shop.stack
    await shop.lose_webhooks()
    first = await stack.request_payment(**ROOM)
    payment = first["payment"]
    await stack.authenticate(payment["paymentKey"])
    shop.proxy.add(path="^/v1/payments/confirm$", answer=REFUSED)
    told = {name: payment[name] for name in ("paymentKey", "orderId", "amount")}
    assert (await stack.api.post("/payments/confirm", told)).status == 402
    assert (await stack.request_payment(**ROOM)).status == 201
    await _approved_after_all(shop, payment["orderId"], payment["paymentKey"], payment["amount"])
    planned = await stack.row("SELECT look_again_at - now() AS wait FROM payments WHERE id = $1", payment["id"])
    assert planned["wait"] <= timedelta(seconds=61)
    await stack.rows("UPDATE payments SET look_again_at = now() WHERE id = $1", payment["id"])
    await stack.eventually(lambda: _is(shop, payment["orderId"], "PAID"))


async def _approved_after_all(shop: Shop, order_no: str, key: str, amount: int) -> None:
    body = {"paymentKey": key, "orderId": order_no, "amount": amount}
    assert (await shop.stack.toss.post("/v1/payments/confirm", body)).status == 200


async def _is(shop: Shop, order_no: str, status: str) -> bool:
    return await shop.order_status(order_no) == status


async def test_a_shop_withdraws_an_unpaid_order_and_the_resource_is_free(shop: Shop) -> None:
    stack = shop.stack
    order = await shop.order(45_000, resourceType="booking", resourceId="room-1", userId="u-9")
    key = await shop.window(order)
    for name in (order["orderNo"], order["id"], order["id"]):
        withdrawn = await stack.api.post(f"/api/orders/{name}/cancel")
        assert (withdrawn.status, withdrawn["status"]) == (200, "CANCELED"), withdrawn
    assert len(await stack.rows("SELECT FROM events WHERE type = 'order.canceled'")) == 1
    late = await shop.confirm(order, key)
    assert (late.status, late["code"]) == (409, "ORDER_CANCELED")
    assert (await shop.at_toss(key))["status"] == "IN_PROGRESS"
    assert (await stack.request_payment(**ROOM)).status == 201
    unknown = await stack.api.post("/api/orders/nobody-knows/cancel")
    assert (unknown.status, unknown["code"]) == (404, "ORDER_NOT_FOUND")
    paid = await shop.paid()
    refused = await stack.api.post(f"/api/orders/{paid['orderId']}/cancel")
    assert (refused.status, refused["code"]) == (409, "ORDER_ALREADY_PAID")


async def test_money_that_comes_for_a_withdrawn_order_goes_back(shop: Shop) -> None:
    order = await shop.order()
    key = await shop.window(order)
    assert (await shop.api.post(f"/api/orders/{order['id']}/cancel")).status == 200
    body = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    assert (await shop.stack.toss.post("/v1/payments/confirm", body)).status == 200, "by another server"

    async def went_back() -> bool:
        return bool((await shop.at_toss(key))["balanceAmount"] == 0)

    await shop.stack.eventually(went_back, within_s=30)
    assert await shop.order_status(order["orderNo"]) == "CANCELED"


async def test_an_order_whose_account_awaits_a_deposit_names_the_door_that_cancels_it(shop: Shop) -> None:
    order = await shop.order()
    body = {"orderId": order["orderNo"], "bank": "국민", "customerName": "김철수", "validHours": 24}
    issued = await shop.api.post("/api/payments/toss/virtual-accounts", body)
    assert issued.status in (200, 201), issued
    refused = await shop.api.post(f"/api/orders/{order['id']}/cancel")
    assert (refused.status, refused["code"]) == (409, "ORDER_AWAITS_DEPOSIT")
    assert "/refund" in refused["message"]
    place = f"/payments/{issued['payment']['id']}/refund"
    assert (await shop.api.post(place, {"refundReason": "철회"})).status == 200
    again = await shop.api.post(f"/api/orders/{order['id']}/cancel")
    assert (again.status, again["status"]) == (200, "CANCELED")


async def test_a_free_ticket_is_paid_at_once_without_toss(shop: Shop) -> None:
    capsule = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "졸업"}
    order = await shop.order(0, fulfilment=capsule)
    assert (order["status"], order["amount"], order["paymentKey"]) == ("PAID", 0, None)
    assert order["fulfilment"]["status"] == "FULFILLED"
    assert order["fulfilment"]["capsuleId"] is not None
    plain = await shop.order(0)
    assert (plain["status"], plain["fulfilment"]["status"]) == ("PAID", "NONE")
    assert await shop.stack.rows("SELECT FROM payments") == []
    told = await shop.stack.rows("SELECT type, data FROM events ORDER BY seq")
    assert [row["type"] for row in told] == ["order.paid", "capsule.created", "order.paid"]
    assert [row["data"]["payment"] for row in told if row["type"] == "order.paid"] == [None, None]
    # Whoever tries to pay it all the same is told so, and nothing breaks.
    confirm = await shop.api.post(
        "/api/payments/toss/confirm", {"paymentKey": "k", "orderId": order["orderNo"], "amount": 1}
    )
    assert (confirm.status, confirm["code"]) == (409, "ORDER_ALREADY_PAID")
    account = {"orderId": order["orderNo"], "bank": "국민", "customerName": "김철수", "validHours": 24}
    issued = await shop.api.post("/api/payments/toss/virtual-accounts", account)
    assert (issued.status, issued["code"]) == (409, "ORDER_ALREADY_PAID")
    event = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order["orderNo"], "status": "DONE"}}
    assert (await shop.api.post("/payments/webhook", event)).status == 200
    request = await shop.stack.request_payment(amount=0)
    assert (request.status, request["field"]) == (400, "amount")


async def test_an_application_that_hands_over_is_told_of_a_free_order(shop: Shop) -> None:
    order = await shop.order(0, fulfilment={"kind": "event"})
    assert (order["status"], order["fulfilment"]["status"], order["fulfilment"]["reason"]) == (
        "PAID",
        "BLOCKED",
        "NO_ENDPOINT",
    )


async def test_no_order_reaches_beyond_what_a_shop_allows(shop: Shop) -> None:
    far = (datetime.now(UTC) + timedelta(days=31)).isoformat(timespec="seconds")
    body: dict[str, Any] = {"orderName": "책", "amount": 1, "userId": "u-1", "expiresAt": far}
    refused = await shop.api.post("/api/orders", body)
    assert (refused.status, refused["code"], refused["field"]) == (422, "EXPIRES_AT_TOO_FAR", "expiresAt")
    assert str((datetime.now(UTC) + timedelta(days=30)).date()) in refused["message"]
    near = (datetime.now(UTC) + timedelta(days=29)).isoformat(timespec="seconds")
    assert (await shop.api.post("/api/orders", {**body, "expiresAt": near})).status == 201


USERS_ORDER = {**USERS, "PAYWON_USER_SCOPES": EVERY_SCOPE}


async def _as(stack: Stack, user: str, path: str, body: dict[str, Any] | None = None) -> Reply:
    return await stack.api.post(path, body or {}, headers={"Authorization": f"Bearer {token_of(user)}"})


def _seat(user: str, **changes: Any) -> dict[str, Any]:
    seat = {"resourceType": "seat", "resourceId": "12A"}
    return {"orderName": "좌석", "amount": 1_000, "userId": user, **seat, **changes}


async def test_a_users_token_prices_and_refunds_nothing_unless_the_shop_says_so(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **USERS)
    refused = await _as(stack, "alice", "/api/orders", _seat("alice"))
    assert (refused.status, refused["code"]) == (403, "FORBIDDEN")
    wish = {"userId": "alice", "amount": 100, "paymentMethod": "card"}
    refused = await _as(stack, "alice", "/payments/request", wish)
    assert (refused.status, refused["code"]) == (403, "FORBIDDEN")
    assert "orders:write" in refused["message"]
    nobodys = "/payments/00000000-0000-0000-0000-000000000000/refund"
    refused = await _as(stack, "alice", nobodys, {"refundReason": "변심"})
    assert (refused.status, refused["code"]) == (403, "FORBIDDEN")


async def test_a_shops_order_takes_the_place_of_one_that_a_user_placed(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **USERS_ORDER)
    far = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="seconds")
    refused = await _as(stack, "mallory", "/api/orders", _seat("mallory", expiresAt=far))
    assert (refused.status, refused["code"], refused["field"]) == (422, "EXPIRES_AT_TOO_FAR", "expiresAt")
    blocked = await _as(stack, "mallory", "/api/orders", _seat("mallory", amount=1))
    assert blocked.status == 201, blocked
    shops = await stack.request_payment(resourceType="seat", resourceId="12A", userId="alice", amount=9_000)
    assert shops.status == 201, shops
    row = await stack.row("SELECT status FROM orders WHERE id = $1", blocked["id"])
    assert row["status"] == "CANCELED"
    assert len(await stack.rows("SELECT FROM events WHERE type = 'order.canceled'")) == 1
    # And never the other way round: not even the customer's own token changes what the shop has priced.
    for user, amount in (("mallory", 100), ("alice", 100)):
        wish = {"userId": user, "amount": amount, "paymentMethod": "card", "resourceType": "seat", "resourceId": "12A"}
        refused = await _as(stack, user, "/payments/request", wish)
        assert (refused.status, refused["code"]) == (409, "DUPLICATE_PAYMENT")
    assert (await stack.row("SELECT status FROM orders WHERE user_id = 'alice'"))["status"] == "PENDING_PAYMENT"


async def test_a_user_has_so_many_unpaid_orders_open_and_no_more(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **USERS_ORDER, PAYWON_MAX_OPEN_ORDERS_PER_USER="2")
    body = {"orderName": "책", "amount": 1_000, "userId": "alice"}
    replies = await asyncio.gather(*(_as(stack, "alice", "/api/orders", body) for _ in range(6)))
    assert sorted(reply.status for reply in replies) == [201, 201, 409, 409, 409, 409]
    assert {reply["code"] for reply in replies if reply.status == 409} == {"TOO_MANY_OPEN_ORDERS"}
    assert (await _as(stack, "bob", "/api/orders", {**body, "userId": "bob"})).status == 201
    assert (await stack.api.post("/api/orders", body)).status == 201, "a shop's own orders are not counted"
    made = next(reply for reply in replies if reply.status == 201)
    assert (await _as(stack, "bob", f"/api/orders/{made['orderNo']}/cancel")).status == 404
    assert (await _as(stack, "alice", f"/api/orders/{made['orderNo']}/cancel")).status == 200
    assert (await _as(stack, "alice", "/api/orders", body)).status == 201


CAPSULE = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 10, "title": "졸업"}


async def test_a_user_gets_no_capsule_at_a_price_of_their_own(open_stack: OpenStack) -> None:
    order = {"orderName": "타임캡슐", "userId": "alice", "fulfilment": CAPSULE}
    unpriced = await open_stack(worker=False, **USERS_ORDER)
    refused = await _as(unpriced, "alice", "/api/orders", {**order, "amount": 100})
    assert (refused.status, refused["code"], refused["field"]) == (422, "PRICE_UNKNOWN", "fulfilment.kind")
    assert (await unpriced.api.post("/api/orders", {**order, "amount": 100})).status == 201, (
        "servers price as they like"
    )
    priced = await open_stack(worker=False, **USERS_ORDER, PAYWON_CAPSULE_PRICE_KRW="3000")
    for amount in (100, 29_999, 30_001):
        refused = await _as(priced, "alice", "/api/orders", {**order, "amount": amount})
        assert (refused.status, refused["code"], refused["field"]) == (422, "PRICE_MISMATCH", "amount")
        assert "30,000" in refused["message"]
    assert (await _as(priced, "alice", "/api/orders", {**order, "amount": 30_000})).status == 201
    free = await _as(priced, "alice", "/api/orders", {"orderName": "책", "userId": "alice", "amount": 0})
    assert (free.status, free["code"], free["field"]) == (422, "FREE_ORDER_NOT_ALLOWED", "amount")


async def test_a_user_takes_no_money_back_for_what_was_handed_over(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, **USERS_ORDER)
    order = await stack.api.post(
        "/api/orders", {"orderName": "타임캡슐", "userId": "alice", "amount": 50_000, "fulfilment": CAPSULE}
    )
    shop = Shop(stack=stack, proxy=None)  # type: ignore[arg-type]  # nothing passes a proxy here
    key = await shop.window(order.body)
    paid = await shop.confirm(order.body, key)
    assert paid.status == 200, paid
    place = f"/payments/{paid['payment']['id']}/refund"
    toss = f"/api/payments/toss/{key}/cancel"
    for path, body in (
        (place, {"refundReason": "변심", "refundAmount": 49_999}),
        (place, {"refundReason": "변심"}),
        (toss, {"cancelReason": "변심", "cancelAmount": 49_999}),
        (toss, {"cancelReason": "변심"}),
    ):
        refused = await _as(stack, "alice", path, body)
        assert (refused.status, refused["code"]) == (409, "REFUND_NEEDS_SHOP"), refused
    assert (await stack.api.post(place, {"refundReason": "상점이 환불", "refundAmount": 1_000})).status == 200
    # What asks for nothing to be handed over is refunded as before.
    plain = await shop.paid(9_000, userId="alice")
    refund = {"refundReason": "변심", "refundAmount": 4_000}
    assert (await _as(stack, "alice", f"/payments/{plain['id']}/refund", refund)).status == 200


async def test_a_user_keeps_no_part_of_what_is_still_to_be_handed_over(open_stack: OpenStack) -> None:
    """While it waits or is blocked, only all of the money goes back: the rest would buy all of it later."""
    stack = await open_stack(worker=False, **USERS_ORDER)
    shop = Shop(stack=stack, proxy=None)  # type: ignore[arg-type]  # nothing passes a proxy here
    paid = await shop.paid(50_000, userId="alice", fulfilment={"kind": "event"})
    place = f"/payments/{paid['id']}/refund"
    refused = await _as(stack, "alice", place, {"refundReason": "변심", "refundAmount": 49_999})
    assert (refused.status, refused["code"]) == (409, "REFUND_NEEDS_SHOP"), refused
    assert (await _as(stack, "alice", place, {"refundReason": "변심"})).status == 200
