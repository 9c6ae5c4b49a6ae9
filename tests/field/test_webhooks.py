"""Field cases of webhooks: reads that lag behind them, repeats by hand, forged ones, and what is parked."""

import itertools
from typing import Any

import msgspec

from tests.field.conftest import Shop
from tests.support.stack import Reply

_numbers = itertools.count()
DEPOSIT = {"bank": "국민은행", "customerName": "김토스"}


async def _told(shop: Shop, status: str, *, event_type: str = "PAYMENT_STATUS_CHANGED") -> dict[str, Any]:
    """Wait until every webhook of a type is in a state; return the newest."""

    async def all_so() -> list[dict[str, Any]]:
        rows = await shop.stack.rows(
            "SELECT * FROM webhook_events WHERE event_type = $1 ORDER BY received_at DESC", event_type
        )
        return rows if rows and all(row["status"] == status for row in rows) else []

    found: dict[str, Any] = (await shop.stack.eventually(all_so))[0]
    return found


async def _becomes(shop: Shop, order_no: str, status: str) -> None:
    async def so() -> bool:
        return await shop.order_status(order_no) == status

    await shop.stack.eventually(so, within_s=25)


async def _resent(shop: Shop, order_no: str) -> None:
    """Send a webhook again that was taken, as the developer centre's button does."""
    sent = (await shop.stack.toss.get(f"/sandbox/webhooks/deliveries?orderId={order_no}"))["deliveries"]
    taken = [each for each in sent if each["state"] == "DELIVERED"]
    reply = await shop.stack.toss.post(f"/sandbox/webhooks/deliveries/{taken[0]['id']}/resend")
    assert reply.status in (200, 202), reply


async def _hint(shop: Shop, **data: Any) -> Reply:
    """Post a webhook that nothing proves."""
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"n": next(_numbers), **data}}
    reply: Reply = await shop.api.post("/payments/webhook", body)
    assert reply.status == 200, reply
    return reply


async def _looks(shop: Shop) -> int:
    return len(await shop.stack.rows("SELECT FROM payment_transactions WHERE actor = 'system:inbox'"))


async def test_a_dashboard_cancel_is_learned_though_toss_s_reads_lag_behind_its_webhook(shop: Shop) -> None:
    payment = await shop.paid(20_000)
    await _told(shop, "processed")
    old = await shop.at_toss(payment["paymentKey"])
    lag = shop.proxy.hold_reads(payment["paymentKey"], old, order_no=payment["orderNo"], times=2)
    await shop.console_cancel(payment["paymentKey"])
    await _becomes(shop, payment["orderNo"], "REFUNDED")
    assert lag.hits == 2, "two reads showed less than the webhook"
    await _told(shop, "processed")


async def test_a_partial_cancel_is_learned_though_reads_lag(shop: Shop) -> None:
    payment = await shop.paid(20_000)
    await shop.console_cancel(payment["paymentKey"], 5_000)
    await _becomes(shop, payment["orderNo"], "PARTIALLY_REFUNDED")
    await _told(shop, "processed")
    old = await shop.at_toss(payment["paymentKey"])
    shop.proxy.hold_reads(payment["paymentKey"], old, order_no=payment["orderNo"], times=1)
    await shop.console_cancel(payment["paymentKey"], 6_000)

    async def refunded() -> bool:
        row = await shop.stack.row("SELECT balance_amount FROM payments WHERE order_no = $1", payment["orderNo"])
        return bool(row["balance_amount"] == 9_000)

    await shop.stack.eventually(refunded)


async def test_a_deposit_that_the_bank_takes_back_is_learned_though_reads_lag(shop: Shop) -> None:
    order = await shop.order(15_000)
    issued = await shop.api.post("/api/payments/toss/virtual-accounts", {"orderId": order["orderNo"], **DEPOSIT})
    assert issued.status == 201, issued
    key = issued["payment"]["paymentKey"]
    for step, status in {"deposit": "PAID", "reverse": "PENDING_PAYMENT"}.items():
        lag = shop.proxy.hold_reads(key, await shop.at_toss(key), order_no=order["orderNo"], times=1)
        reply = await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/{step}")
        assert reply.status == 200, reply
        await _becomes(shop, order["orderNo"], status)
        assert lag.hits == 1
        await _told(shop, "processed", event_type="DEPOSIT_CALLBACK")
    rows = await shop.stack.rows("SELECT DISTINCT verdict FROM webhook_events WHERE event_type = 'DEPOSIT_CALLBACK'")
    assert {"verdict": "secret_matched"} in rows


async def test_a_webhook_that_toss_never_bears_out_is_parked_for_a_person(shop: Shop) -> None:
    """And the person has it looked at again once Toss does."""
    payment = await shop.paid(20_000)
    await _told(shop, "processed")
    lag = shop.proxy.hold_reads(payment["paymentKey"], await shop.at_toss(payment["paymentKey"]))
    await shop.console_cancel(payment["paymentKey"])

    async def end_of_the_ladder() -> list[dict[str, Any]]:
        await shop.stack.rows("UPDATE webhook_events SET look_at = now() WHERE status = 'received' AND look_at > now()")
        await shop.stack.rows(
            "UPDATE webhook_looks SET proven_at = now() WHERE waiting > 0 AND not_before <= now() AND proven_at > now()"
        )
        await shop.stack.rows(
            """
            UPDATE webhook_looks SET hinted_at = now(), patient_until = now()
            WHERE waiting > 0 AND not_before <= now() AND (hinted_at > now() OR patient_until > now())
            """
        )
        return await shop.stack.rows("SELECT * FROM webhook_events WHERE status = 'parked'")

    (parked,) = await shop.stack.eventually(end_of_the_ladder, within_s=40)
    assert (parked["reason"], parked["processed_at"] is not None) == ("TOSS_SHOWS_LESS", True)
    listed = [left for left in (await shop.api.get("/api/ops/doubtful"))["leftovers"] if left["kind"] == "webhook"]
    assert [(left["id"], left["reason"], left["nextStep"]) for left in listed] == [
        (str(parked["id"]), "TOSS_SHOWS_LESS", "reprocess")
    ]
    shop.proxy.remove(lag)
    assert await shop.order_status(payment["orderNo"]) == "PAID"
    door = f"/api/ops/webhooks/{parked['id']}/reprocess"
    first = await shop.api.post(door, headers={"Idempotency-Key": "again-1"})
    assert (first.status, first["status"]) == (202, "received"), first
    await _becomes(shop, payment["orderNo"], "REFUNDED")
    await _told(shop, "processed")
    again = await shop.api.post(door, headers={"Idempotency-Key": "again-1"})
    assert (again.status, again["status"]) == (202, "received"), "the first reply again, and no second look"
    assert (await shop.stack.row("SELECT status FROM webhook_events WHERE id = $1", parked["id"]))[
        "status"
    ] == "processed"


async def test_a_webhook_sent_again_by_hand_has_toss_read_once_more(shop: Shop) -> None:
    payment = await shop.paid(20_000)
    await _told(shop, "processed")
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"])
    await shop.webhooks_back()
    assert await shop.order_status(payment["orderNo"]) == "PAID"
    await _resent(shop, payment["orderNo"])
    await _becomes(shop, payment["orderNo"], "REFUNDED")


async def test_a_parked_webhook_that_toss_sends_again_is_looked_at(shop: Shop) -> None:
    payment = await shop.paid(20_000)
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": payment["orderNo"], "status": "DONE"}}
    raw = msgspec.json.encode(body)
    json_type = {"Content-Type": "application/json"}
    assert (await shop.api.send("POST", "/payments/webhook", data=raw, headers=json_type)).status == 200
    await _told(shop, "processed")
    await shop.stack.rows("UPDATE webhook_events SET status = 'parked', reason = 'WORK_FAILED'")
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"])
    again = await shop.api.send("POST", "/payments/webhook", data=raw, headers=json_type)
    assert (again.status, again["repeated"]) == (200, True)
    await _becomes(shop, payment["orderNo"], "REFUNDED")
    await shop.webhooks_back()


async def test_a_forged_webhook_about_an_unpaid_order_writes_and_tells_nothing(shop: Shop) -> None:
    order = await shop.order(20_000)
    events = await shop.stack.rows("SELECT FROM events")
    await _hint(shop, orderId=order["orderNo"], paymentKey="made-up", status="DONE")

    async def looked() -> bool:
        return await _looks(shop) >= 2

    await shop.stack.eventually(looked)
    assert await shop.stack.rows("SELECT FROM payments") == []
    assert await shop.stack.rows("SELECT FROM events") == events
    # What reconciliation reads meanwhile is its own.
    by_others = "SELECT * FROM payment_transactions WHERE actor <> 'system:reconciliation'"
    reads = await shop.stack.rows(by_others)
    assert {(row["type"], row["payment_id"], row["outcome"]) for row in reads} == {("status_read", None, "no")}
    assert all(row["request_data"] == {"orderId": order["orderNo"]} for row in reads)
    assert await shop.stack.rows("SELECT FROM payment_transactions WHERE type = 'webhook_received'") == []
    # And one that is right makes the row, from what Toss shows.
    key = await shop.window(order)
    confirm = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    assert (await shop.stack.toss.post("/v1/payments/confirm", confirm)).status == 200
    await _becomes(shop, order["orderNo"], "PAID")
    brought = await shop.stack.rows("SELECT FROM payment_transactions WHERE payment_id IS NOT NULL AND outcome = 'yes'")
    assert brought


async def test_a_late_webhook_that_claims_less_is_over_at_once(shop: Shop) -> None:
    payment = await shop.paid(20_000)
    done = await shop.at_toss(payment["paymentKey"])
    await shop.console_cancel(payment["paymentKey"])
    await _becomes(shop, payment["orderNo"], "REFUNDED")
    await _told(shop, "processed")
    for status in ("IN_PROGRESS", "DONE", "ABORTED"):
        await _hint(shop, **{**done, "status": status})
    await _told(shop, "processed")


async def test_the_webhook_of_our_own_confirm_costs_no_read(shop: Shop) -> None:
    # One that overtakes the answer of the confirm is read about, and rightly: these come after it.
    await shop.stack.fault(kind="delay", target="webhook", delayMs=2000, times=5)
    for _ in range(5):
        await shop.paid(20_000)

    async def all_in() -> bool:
        rows = await shop.stack.rows("SELECT reason FROM webhook_events WHERE status = 'processed'")
        return [row["reason"] for row in rows] == ["KNOWN_ALREADY"] * 5

    await shop.stack.eventually(all_in)
    assert await _looks(shop) == 0
