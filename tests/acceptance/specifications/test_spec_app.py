"""Specification 2, 2.1 to 2.6: its doors, its scenarios and what is stored, with a user's token."""

from datetime import UTC, datetime

from tests.acceptance.specifications.steps import CAPSULE, TOSS, App, refuse
from tests.support.stack import Stack
from tests.support.tokens import token_of


async def test_g2_1_g2_2_g2_5_g2_6_g2_8_a2_1_s2_1_s2_2_a_confirm_pays_stores_and_makes_the_capsule(app: App) -> None:
    paid = await app.paid()
    assert (paid["payment"]["status"], paid["order"]["status"]) == ("DONE", "PAID")
    row = await app.stack.row("SELECT * FROM payments")
    assert (row["payment_key"], row["order_no"]) == (paid["payment"]["paymentKey"], paid["order"]["orderNo"])
    assert (row["total_amount"], row["receipt_url"]) == (10_000, paid["payment"]["receiptUrl"])
    capsule = await app.stack.row("SELECT * FROM capsules")
    assert (str(capsule["id"]), capsule["user_id"]) == (paid["capsule"]["id"], "user-7")
    assert capsule["open_at"] > datetime.now(UTC)
    again = await app.confirm(paid["order"], paid["payment"]["paymentKey"])
    assert (again.status, again["capsule"]["id"]) == (200, paid["capsule"]["id"])


async def test_g2_9_g2_10_a2_2_a2_3_s2_1_a_payment_is_read_by_its_key_and_by_its_order(app: App) -> None:
    paid = await app.paid()
    for name in (paid["payment"]["paymentKey"], f"orders/{paid['order']['orderNo']}", f"orders/{paid['order']['id']}"):
        reply = await app.get(f"{TOSS}/{name}")
        assert (reply.status, reply["payment"], reply["order"]) == (200, paid["payment"], paid["order"]), name
        assert reply["capsule"]["id"] == paid["capsule"]["id"]
    other = App(app.stack, {"Authorization": f"Bearer {token_of('user-8')}"})
    assert (await other.get(f"{TOSS}/{paid['payment']['paymentKey']}")).status == 404
    assert (await other.get(f"{TOSS}/orders/{paid['order']['orderNo']}")).status == 404


async def test_g2_4_g2_12_g2_13_a2_4_s2_3_cancels_add_up_and_move_order_and_capsule(app: App) -> None:
    key = (await app.paid())["payment"]["paymentKey"]
    for part in (3_000, 2_000):
        view = await app.cancel(key, cancelAmount=part)
        assert (view["order"]["status"], view["capsule"]["status"]) == ("PARTIALLY_REFUNDED", "LOCKED")
    rest = await app.cancel(key)
    assert (rest["order"]["status"], rest["capsule"]["status"]) == ("REFUNDED", "CANCELED")
    payment = rest["payment"]
    assert (payment["status"], payment["simpleStatus"], payment["balanceAmount"]) == ("PARTIAL_CANCELED", "refunded", 0)
    assert [each["cancelAmount"] for each in payment["cancels"]] == [3_000, 2_000, 5_000]
    rows = await app.stack.rows("SELECT cancel_amount, cancel_status FROM payment_cancels ORDER BY created_at")
    assert [(row["cancel_amount"], row["cancel_status"]) for row in rows] == [
        (3_000, "DONE"), (2_000, "DONE"), (5_000, "DONE"),
    ]  # fmt: skip


async def test_g2_14_g2_11_a2_5_rn4_rn5_p2_16_an_account_from_its_issue_to_the_capsule(app: App) -> None:
    order = await app.order()
    issued = await app.account(order, validHours=20)
    key = issued["payment"]["paymentKey"]
    shown = (await app.get(f"{TOSS}/{key}")).body
    told = shown["payment"]["virtualAccount"]
    assert (shown["payment"]["status"], shown["order"]["status"]) == ("WAITING_FOR_DEPOSIT", "PENDING_PAYMENT")
    assert (told["bankCode"], told["bankName"], told["customerName"]) == ("06", "국민", "홍길동")
    assert {"accountNumber", "dueDate", "refundStatus"} <= set(told)
    assert datetime.fromisoformat(told["dueDate"]) == datetime.fromisoformat(shown["order"]["expiresAt"])
    await app.deposit(order)

    async def paid() -> dict[str, object] | None:
        view = (await app.get(f"{TOSS}/orders/{order['orderNo']}")).body
        return view if view["order"]["status"] == "PAID" else None

    held = await app.stack.eventually(paid)
    assert (held["capsule"], held["order"]["fulfilment"]["reason"]) == (None, "DEPOSIT_HELD")

    async def fulfilled() -> bool:
        view = (await app.get(f"{TOSS}/{key}")).body
        return bool(view["order"]["fulfilment"]["status"] == "FULFILLED" and view["capsule"]["status"] == "LOCKED")

    await app.stack.eventually(fulfilled)


async def test_g2_15_a2_6_a2_7_b2_1_b2_4_a_billing_key_is_issued_and_charged_and_never_shown_again(app: App) -> None:
    stack = app.stack
    auth = await stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"})
    body = {"authKey": auth["authKey"], "customerKey": "customer-1", "userId": "user-7"}
    issued = await stack.api.post(f"{TOSS}/billing/issue", body)
    assert (issued.status, issued["billingKey"]["status"]) == (201, "ACTIVE")
    key = issued["billingKey"]
    assert {"issuerCode", "acquirerCode", "number", "cardType", "ownerType"} <= set(key["cardMeta"])
    for name in (key["billingKey"], key["id"]):
        order = await app.order()
        charged = await stack.api.post(f"{TOSS}/billing/{name}", {"orderId": order["orderNo"]})
        assert (charged.status, charged["payment"]["status"], charged["order"]["status"]) == (200, "DONE", "PAID")
    assert key["billingKey"] not in str(await stack.rows("SELECT * FROM billing_keys"))
    row = await stack.row("SELECT customer_key, method, status, authenticated_at FROM billing_keys")
    assert (row["customer_key"], row["method"], row["status"]) == ("customer-1", "카드", "ACTIVE")
    assert row["authenticated_at"] is not None
    assert "billingKey" not in (await stack.api.get(f"{TOSS}/billing/{key['id']}"))["billingKey"]
    assert (await app.post(f"{TOSS}/billing/issue", body)).status == 403, "a user's token has no such scope"


async def test_g2_16_an_app_shows_the_promotions_to_its_user(app: App) -> None:
    shown = await app.get(f"{TOSS}/promotions")
    assert (shown.status, bool(shown["discountCards"])) == (200, True), shown


async def test_g2_16_a2_8_what_toss_has_booked_is_for_keys_and_not_for_users(app: App, stack: Stack) -> None:
    await app.paid()
    for name in ("promotions", "transactions", "settlements"):
        reply = await stack.api.get(f"{TOSS}/{name}")
        assert reply.status == 200, reply
        if name == "promotions":
            continue
        refused = await app.get(f"{TOSS}/{name}")
        assert (refused.status, refused["code"]) == (403, "FORBIDDEN")


async def test_pc2_10_cancels_holds_what_was_cancelled_and_nothing_else(app: App) -> None:
    key = (await app.paid())["payment"]["paymentKey"]
    await refuse(app.stack, f"/v1/payments/{key}/cancel", "NOT_ALLOWED_PARTIAL_REFUND", 403)
    assert (await app.cancel(key, cancelAmount=2_000)).status == 422
    assert (await app.cancel(key, cancelAmount=3_000)).status == 200
    shown = (await app.get(f"{TOSS}/{key}"))["payment"]
    assert [each["cancelAmount"] for each in shown["cancels"]] == [3_000]
    assert [each["cancelAmount"] for each in shown["refusedCancels"]] == [2_000]


async def test_p2_18_p2_15_what_toss_said_is_kept_without_persons(app: App) -> None:
    paid = await app.paid(method="EASY_PAY")
    assert paid["payment"]["easyPayProvider"]
    row = await app.stack.row("SELECT raw_response, easy_pay_provider FROM payments")
    assert row["raw_response"]["paymentKey"] == paid["payment"]["paymentKey"]
    at_toss = (await app.stack.toss.get(f"/v1/payments/{paid['payment']['paymentKey']}")).body
    assert set(at_toss) == set(row["raw_response"])
    assert row["raw_response"]["secret"] != at_toss["secret"]


async def test_b2_9_an_orders_number_is_its_order_id_in_questions_and_answers(app: App) -> None:
    order = await app.order()
    paid = (await app.confirm({**order, "orderNo": order["id"]}, await app.window(order))).body
    assert {paid["payment"]["orderId"], paid["order"]["orderId"], order["orderId"]} == {order["orderNo"]}
    again = await app.get(f"{TOSS}/orders/{paid['payment']['orderId']}")
    assert (again.status, again["order"]["id"]) == (200, order["id"])


async def test_g2_8_a_capsule_needs_all_that_the_order_says(app: App) -> None:
    body = {"orderName": "캡슐", "amount": 10_000, "fulfilment": {**CAPSULE, "title": None}}
    assert (await app.post("/api/orders", body)).status in (400, 422)
