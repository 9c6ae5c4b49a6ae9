"""Orders and payment windows: what happens to customers whose payment does not go straight through."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.conftest import OpenStack
from tests.field.conftest import Shop
from tests.support.stack import Reply, Stack

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
    await stack.fault(kind="refuse", path="/v1/payments", method="POST", code="INVALID_REQUEST")
    refused = await stack.request_payment(**ROOM)
    assert refused.status == 422, refused
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


async def test_accounts_that_wait_for_their_deposits_hold_up_nobody(open_stack: OpenStack) -> None:
    """Whoever waits for a deposit is many, and old; the others end all the same, and their rooms are free."""
    stack = await open_stack()
    await stack.rows(WAITING, 1_500)
    await stack.rows(OVERDUE, 60)
    fresh = await stack.request_payment(resourceType="seat", resourceId="seat-1", userId="u-2")
    assert fresh.status == 201, fresh

    async def all_over() -> bool:
        left = await stack.rows("SELECT FROM orders WHERE status = 'PENDING_PAYMENT' AND user_id = 'plain'")
        return not left

    await stack.eventually(all_over, within_s=90)
    waiting = await stack.rows("SELECT FROM orders WHERE status = 'PENDING_PAYMENT' AND user_id = 'waits'")
    assert len(waiting) == 1_500


# Orders of half an hour whose accounts live for a week, and some that nobody paid.
WAITING = """
    WITH made AS (
        INSERT INTO orders (id, order_no, user_id, order_name, amount, expires_at, created_at, updated_at)
        SELECT gen_random_uuid(), 'waits-' || n, 'waits', '책', 1000, now() - interval '2 hours' - n * interval '1 s',
               now() - interval '3 hours', now()
        FROM generate_series(1, $1::int) n RETURNING *)
    INSERT INTO payments (id, payment_number, order_id, order_no, order_name, user_id, status, payment_key,
                          total_amount, balance_amount, requested_at, created_at, updated_at, virtual_account,
                          look_again_at)
    SELECT gen_random_uuid(), 'P-' || order_no, id, order_no, order_name, user_id, 'WAITING_FOR_DEPOSIT',
           'k-' || order_no, 1000, 1000, created_at, created_at, now(), '{"dueDate": "2999-01-01T00:00:00+09:00"}',
           now() + interval '1 hour'
    FROM made
    """
OVERDUE = """
    INSERT INTO orders (id, order_no, user_id, order_name, amount, resource_type, resource_id, expires_at, created_at,
                        updated_at)
    SELECT gen_random_uuid(), 'plain-' || n, 'plain', '책', 1000, 'seat', 'seat-' || n, now() - interval '1 minute',
           now() - interval '1 hour', now()
    FROM generate_series(1, $1::int) n
    """
