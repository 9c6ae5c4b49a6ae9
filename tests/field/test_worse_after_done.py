"""What turns worse after it was told as done: the application hears of it, and the review list says how to go on."""

from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.field.conftest import QUICK, Shop
from tests.field.proxy import TossProxy
from tests.support.stack import Reply

DAY_S = 86_400
FIRST = {"bank": "KOOKMIN", "accountNumber": "98765432101234", "holderName": "박토스"}
OTHER = {"bank": "신한", "accountNumber": "11022233344455", "holderName": "박토스"}
CAPSULE = {"kind": "time_capsule", "timeOption": "1_YEAR", "headcount": 2, "title": "열 해 뒤"}


async def deposited(shop: Shop, amount: int = 30_000, **changes: Any) -> dict[str, Any]:
    """Place an order and have it paid into a virtual account; return its payment."""
    order = await shop.order(amount, **changes)
    issued = await shop.api.post(
        "/api/payments/toss/virtual-accounts",
        {"orderId": order["orderNo"], "amount": amount, "bank": "국민은행", "customerName": "박토스"},
    )
    assert issued.status == 201, issued
    await bank(shop, order["orderNo"], "deposit")

    async def paid() -> bool:
        row = await shop.stack.row("SELECT paid_told_at FROM orders WHERE order_no = $1", order["orderNo"])
        return row["paid_told_at"] is not None

    await shop.stack.eventually(paid)
    return {**issued["payment"], "orderNo": order["orderNo"]}


async def bank(shop: Shop, order_no: str, what: str, **body: Any) -> None:
    reply = await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order_no}/{what}", body)
    assert reply.status == 200, reply


async def days_pass(shop: Shop) -> None:
    """Let the bank's days at Toss pass."""
    reply = await shop.stack.toss.post("/sandbox/clock/advance", {"seconds": 3 * DAY_S})
    assert reply.status == 200, reply


async def told(shop: Shop, group: str = "") -> list[str]:
    """Return the types of the events so far, in their order."""
    rows = await shop.stack.rows("SELECT type FROM events WHERE starts_with(type, $1) ORDER BY seq", group)
    return [row["type"] for row in rows]


async def refund_status_is(shop: Shop, payment: dict[str, Any], word: str) -> None:
    """Have the looks at a refund come at once, and wait until our books have what the bank made of it."""

    async def seen() -> bool:
        # Again each time: a webhook's read that was under way puts the next look off by hours.
        await shop.stack.rows("UPDATE payments SET look_again_at = now() WHERE look_again_at > now() + interval '1 h'")
        row = await shop.stack.row(
            "SELECT virtual_account ->> 'refundStatus' AS is_ FROM payments WHERE id = $1", payment["id"]
        )
        return bool(row["is_"] == word)

    await shop.stack.eventually(seen)


async def cancel(shop: Shop, payment: dict[str, Any], account: dict[str, str] | None, **body: Any) -> Reply:
    wish = {"cancelReason": "변심", **({"refundReceiveAccount": account} if account else {}), **body}
    reply: Reply = await shop.api.post(f"/api/payments/toss/{payment['paymentKey']}/cancel", wish)
    return reply


async def refund_refused(shop: Shop, outcome: str = "FAILED") -> dict[str, Any]:
    """Have a deposit refunded, and the bank refuse that days later; return the payment."""
    payment = await deposited(shop)
    await bank(shop, payment["orderNo"], "refund", outcome=outcome)
    assert (await cancel(shop, payment, FIRST)).status == 200
    await days_pass(shop)
    await refund_status_is(shop, payment, outcome)
    return payment


async def leftovers(shop: Shop, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await shop.api.get("/api/ops/doubtful"))["leftovers"]
    return [left for left in found if left["kind"] == kind]


@pytest.mark.parametrize("outcome", ["FAILED", "PARTIAL_FAILED"])
async def test_the_shop_hears_once_that_a_bank_did_not_pay_a_refund_out(shop: Shop, outcome: str) -> None:
    payment = await refund_refused(shop, outcome)
    await refund_status_is(shop, payment, outcome)
    assert (await told(shop, "payment.refund_"))[-1:] == ["payment.refund_failed"]
    assert (await told(shop)).count("payment.refund_failed") == 1
    row = await shop.stack.row("SELECT data FROM events WHERE type = 'payment.refund_failed'")
    assert (row["data"]["refund"], row["data"]["payment"]["id"]) == (
        {"status": outcome, "amount": 30_000},
        payment["id"],
    )
    (left,) = await leftovers(shop, "refund")
    assert (left["id"], left["reason"], left["nextStep"]) == (payment["id"], outcome, "refund_again")


async def test_a_customer_whose_refund_failed_gets_it_at_another_account(shop: Shop) -> None:
    payment = await refund_refused(shop)
    await bank(shop, payment["orderNo"], "refund", outcome="COMPLETED")
    assert (await cancel(shop, payment, None))["field"] == "refundReceiveAccount"
    again = await cancel(shop, payment, OTHER)
    assert (again.status, again["payment"]["virtualAccount"]["refundStatus"]) == (200, "PENDING"), again
    third = await cancel(shop, payment, OTHER, cancelReason="또 한 번")
    assert third["code"] == "REFUND_NOT_ALLOWED", "it is under way"
    await days_pass(shop)
    await refund_status_is(shop, payment, "COMPLETED")
    assert await told(shop, "payment.refund_") == ["payment.refund_failed", "payment.refund_completed"]
    assert await leftovers(shop, "refund") == []
    assert (await told(shop)).count("payment.refunded") == 1, "nothing more went back than was paid"
    assert len(await shop.stack.rows("SELECT FROM payment_cancels")) == 1
    sealed = await shop.stack.rows("SELECT FROM payment_transactions WHERE sealed_request IS NOT NULL")
    assert sealed == []


@pytest.mark.parametrize("kind", ["drop_reply", "reset"])
async def test_a_lost_answer_to_the_second_try_is_found_out(shop: Shop, kind: str) -> None:
    payment = await refund_refused(shop)
    path = f"/v1/payments/{payment['paymentKey']}/cancel"
    await shop.stack.fault(kind=kind, path=path)
    asked = await shop.api.post(
        f"/payments/{payment['id']}/refund",
        {"refundReason": "변심", "refundAmount": 30_000, "refundReceiveAccount": OTHER},
    )
    assert asked.status == 202, asked

    async def finished() -> bool:
        rows = await shop.stack.rows("SELECT status FROM payment_transactions WHERE type = 'refund_again'")
        return [row["status"] for row in rows] == ["success"]

    await shop.stack.eventually(finished)
    await refund_status_is(shop, payment, "PENDING")
    sent = [
        each for each in await shop.stack.toss_requests(path) if each["body"]["refundReceiveAccount"]["bank"] == "88"
    ]
    assert len({each["idempotencyKey"] for each in sent}) == 1, sent
    assert await shop.order_status(payment["orderNo"]) == "REFUNDED"


async def test_an_account_that_toss_refuses_leaves_the_refund_as_it_was(shop: Shop) -> None:
    payment = await refund_refused(shop)
    shop.proxy.add(
        path=f"/v1/payments/{payment['paymentKey']}/cancel$",
        answer=(400, {"code": "NOT_CANCELABLE_PAYMENT", "message": "취소할 수 없는 결제입니다."}),
        times=1,
    )
    refused = await cancel(shop, payment, OTHER)
    assert (refused.status, refused["code"], refused["providerCode"]) == (
        422,
        "PAYMENT_REFUSED",
        "NOT_CANCELABLE_PAYMENT",
    )
    assert (await leftovers(shop, "refund"))[0]["nextStep"] == "refund_again"
    assert (await cancel(shop, payment, OTHER)).status == 200


async def test_a_refused_refund_of_a_part_is_for_people(shop: Shop) -> None:
    payment = await deposited(shop)
    await bank(shop, payment["orderNo"], "refund", outcome="FAILED")
    assert (await cancel(shop, payment, FIRST, cancelAmount=10_000)).status == 200
    await days_pass(shop)
    await refund_status_is(shop, payment, "FAILED")
    (left,) = await leftovers(shop, "refund")
    assert left["nextStep"] == "pay_by_hand"


async def look_now(shop: Shop) -> None:
    await shop.stack.rows("UPDATE payments SET look_again_at = now()")


async def test_the_shop_hears_that_a_bank_took_a_deposit_back_though_no_webhook_came(shop: Shop) -> None:
    shop.proxy.add(path="^/v1/transactions", answer=(200, []))
    payment = await deposited(shop, fulfilment=CAPSULE)
    await shop.lose_webhooks()
    await bank(shop, payment["orderNo"], "reverse")
    await look_now(shop)

    async def heard() -> bool:
        return {"payment.deposit_reversed", "order.payment_reversed"} <= set(await told(shop))

    await shop.stack.eventually(heard)
    assert (await told(shop)).count("order.payment_reversed") == 1


async def test_the_shop_hears_that_what_was_paid_cannot_be_handed_over(shop: Shop) -> None:
    order = await shop.order(fulfilment=CAPSULE)
    await shop.stack.rows("UPDATE orders SET fulfilment_kind = 'not_installed'")
    assert (await shop.confirm(order, await shop.window(order))).status == 200
    assert (await told(shop, "order."))[-2:] == ["order.paid", "order.fulfilment_blocked"]
    (left,) = await leftovers(shop, "fulfilment")
    assert left["nextStep"] == "retry"
    await shop.api.post(f"/api/ops/doubtful/fulfilments/{order['id']}/retry", {"operator": "김담당", "reason": "다시"})
    assert (await told(shop)).count("order.fulfilment_blocked") == 1, "it was blocked before"


async def test_an_order_that_waits_for_an_endpoint_is_told_as_blocked(shop: Shop) -> None:
    order = await shop.order(fulfilment={"kind": "event"})
    assert (await shop.confirm(order, await shop.window(order))).status == 200
    assert (await told(shop, "order."))[-2:] == ["order.paid", "order.fulfilment_blocked"]


async def test_a_key_is_deleted_whose_charge_was_refused_after_nobody_waited(
    open_stack: OpenStack, proxy: TossProxy
) -> None:
    hasty = {**QUICK, "PAYWON_ANSWER_BUDGET_S": "0.5"}
    shop = Shop(stack=await open_stack(TOSS_PAYMENTS_BASE_URL=proxy.url, **hasty), proxy=proxy)
    billing = "/api/payments/toss/billing"
    auth = (await shop.stack.toss.post("/sandbox/billing-auth", {"customerKey": "customer-1"}))["authKey"]
    issued = await shop.api.post(f"{billing}/issue", {"authKey": auth, "customerKey": "customer-1"})
    gone = (400, {"code": "ALREADY_REMOVED_BILLING_KEY", "message": "이미 삭제된 빌링키입니다."})
    shop.proxy.add(method="POST", path="^/v1/billing/", answer=gone, delay_s=1.5)
    order = await shop.order()
    charged = await shop.api.post(f"{billing}/{issued['billingKey']['id']}", {"orderId": order["orderNo"]})
    assert charged.status == 202, charged

    async def deleted() -> bool:
        return (await told(shop, "billing_key."))[-1] == "billing_key.deleted"

    await shop.stack.eventually(deleted)
    row = await shop.stack.row("SELECT status, sealed_key FROM billing_keys")
    assert row == {"status": "DELETED", "sealed_key": None}


@pytest.mark.parametrize(
    "shown", [{"status": "ABORTED"}, {"status": "EXPIRED"}, {"status": "READY"}], ids=lambda shown: shown["status"]
)
async def test_what_toss_shows_and_cannot_be_so_is_for_people(shop: Shop, shown: dict[str, Any]) -> None:
    payment = await shop.paid()
    rule = shop.proxy.add(method="GET", path="^/v1/payments/", change=lambda body: body | shown)
    await look_now(shop)

    async def noted() -> bool:
        return (await shop.stack.row("SELECT impossible_since FROM payments"))["impossible_since"] is not None

    await shop.stack.eventually(noted)
    assert await leftovers(shop, "impossible") == [], "a read may lag behind"
    ahead = await shop.stack.row("SELECT extract(epoch FROM look_again_at - now())::float8 AS s FROM payments")
    assert 0 < ahead["s"] <= 30
    await shop.stack.rows("UPDATE payments SET impossible_since = impossible_since - interval '2 minutes'")
    (left,) = await leftovers(shop, "impossible")
    assert (left["id"], left["reason"]) == (payment["id"], f"TOSS SHOWS {shown['status']} 30000")
    assert await shop.order_status(payment["orderNo"]) == "PAID"
    shop.proxy.remove(rule)
    await look_now(shop)

    async def over() -> bool:
        return await leftovers(shop, "impossible") == []

    await shop.stack.eventually(over)


async def test_the_shop_hears_that_the_tax_office_refused_a_receipt_days_later(shop: Shop) -> None:
    payment = await shop.paid(method="TRANSFER", userId="u-2")
    door = f"/payments/{payment['id']}/cash-receipts"
    issued = await shop.api.post(door, {"type": "소득공제", "customerIdentityNumber": "01012345678"})
    assert issued.status == 201, issued
    office = f"/sandbox/cash-receipts/{issued['cashReceipt']['receiptKey']}/outcome"
    assert (await shop.stack.toss.post(office, {"outcome": "FAILED", "reason": "TS1"})).status == 200
    await days_pass(shop)
    await shop.stack.rows("UPDATE cash_receipts SET look_again_at = now() WHERE look_again_at IS NOT NULL")

    async def heard() -> bool:
        return await told(shop, "cash_receipt.") == ["cash_receipt.refused"]

    await shop.stack.eventually(heard)
    row = await shop.stack.row("SELECT data FROM events WHERE type = 'cash_receipt.refused'")
    assert row["data"]["cashReceipt"]["id"] == issued["cashReceipt"]["id"]


async def test_the_shop_hears_of_a_deposit_for_an_order_that_had_ended(shop: Shop) -> None:
    order = await shop.order()
    account = {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    assert (await shop.api.post("/api/payments/toss/virtual-accounts", account)).status == 201
    await shop.stack.rows("UPDATE orders SET status = 'EXPIRED'")
    await bank(shop, order["orderNo"], "deposit")

    async def heard() -> bool:
        return "payment.unapplied" in await told(shop)

    await shop.stack.eventually(heard)
    await look_now(shop)
    row = await shop.stack.row("SELECT data FROM events WHERE type = 'payment.unapplied'")
    assert (row["data"]["unapplied"]["amount"], row["data"]["unapplied"]["reason"]) == (30_000, "ORDER_EXPIRED")
