"""Refunds: what a console did meanwhile, refusals that repeat, replies that are lost, the same asked twice."""

import asyncio
from typing import Any

from tests.field.conftest import Shop
from tests.support.stack import Reply

ES12 = {"code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": "[ES12] 에스크로 상태에서는 부분 취소할 수 없습니다."}


async def refund(shop: Shop, payment: dict[str, Any], amount: int | None = None, **more: Any) -> Reply:
    body = {"refundReason": "고객", **({} if amount is None else {"refundAmount": amount}), **more}
    reply: Reply = await shop.api.post(f"/payments/{payment['id']}/refund", body)
    return reply


async def books(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    return await shop.stack.row("SELECT status, balance_amount FROM payments WHERE id = $1::uuid", payment["id"])


async def attempts(shop: Shop) -> list[dict[str, Any]]:
    return await shop.stack.rows(
        """
        SELECT status, error_code FROM payment_transactions
        WHERE type IN ('refund_request', 'payment_cancellation') ORDER BY created_at
        """
    )


async def cancel_rows(shop: Shop) -> list[tuple[int, str, bool]]:
    rows = await shop.stack.rows(
        """
        SELECT cancel_amount, cancel_status, attempt_id IS NOT NULL AS ours
        FROM payment_cancels ORDER BY created_at, id
        """
    )
    return [(row["cancel_amount"], row["cancel_status"], row["ours"]) for row in rows]


async def make_due(shop: Shop) -> None:
    """Have open questions taken up at once: the time between two tries would only be waited for."""
    await shop.stack.rows("UPDATE payment_transactions SET resolve_by = now() WHERE status = 'pending' RETURNING id")


async def in_doubt(shop: Shop) -> int:
    rows = await shop.stack.rows("SELECT FROM events WHERE type = 'payment.in_doubt'")
    return len(rows)


# --- O3: the console cancelled a part, and its webhook was lost ---------------------------------------------


async def test_a_part_after_a_lost_console_cancel_is_refused_with_the_true_balance_and_passes_then(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"], 15_000)
    first = await refund(shop, payment, 5_000)
    assert (first.status, first["code"], first["refundableAmount"]) == (409, "BALANCE_CHANGED", 15_000)
    assert (await books(shop, payment))["balance_amount"] == 15_000
    second = await refund(shop, payment, 5_000)
    assert second.status == 200, second
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 10_000


async def test_all_that_is_left_goes_back_after_a_lost_console_cancel(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"], 12_000)
    reply = await refund(shop, payment)
    assert reply.status == 200, reply
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 0
    assert await shop.order_status(payment["orderNo"]) == "REFUNDED"


async def test_a_stale_refusal_whose_read_is_not_heard_is_looked_at_soon(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"], 15_000)
    shop.proxy.add(
        method="GET", path="^/v1/payments/", answer=(500, {"code": "UNKNOWN_ERROR", "message": "x"}), times=2
    )
    assert (await refund(shop, payment, 5_000)).status == 422
    planned = await shop.stack.row("SELECT look_again_at FROM payments WHERE id = $1::uuid", payment["id"])
    assert planned["look_again_at"] is not None


# --- O4: the console cancelled all of it, and ours is asked -------------------------------------------------


async def test_a_refund_after_a_lost_full_console_cancel_is_told_at_once_that_nothing_is_left(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    await shop.console_cancel(payment["paymentKey"])
    reply = await refund(shop, payment)
    assert (reply.status, reply["code"]) == (409, "REFUND_NOT_ALLOWED")
    assert [row["status"] for row in await attempts(shop)] == ["failed"]
    assert sum(amount for amount, status, _ in await cancel_rows(shop) if status != "FAILED") == 30_000
    assert await in_doubt(shop) == 0
    assert await shop.order_status(payment["orderNo"]) == "REFUNDED"


async def test_a_console_cancel_of_the_same_amount_and_words_is_not_taken_for_ours(shop: Shop) -> None:
    """Our question never arrived; somebody at the console did the same. Ours has to end as not done."""
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    shop.proxy.add(method="POST", path=place, answer=(502, {}), times=1)
    assert (await refund(shop, payment, 10_000)).status == 202
    await shop.console_cancel(payment["paymentKey"], 10_000, reason="고객")

    async def closed() -> bool:
        return all(row["status"] != "pending" for row in await attempts(shop))

    await shop.stack.eventually(closed, within_s=30)
    assert [row["status"] for row in await attempts(shop)] == ["failed"]
    assert [(amount, ours) for amount, status, ours in await cancel_rows(shop) if status == "DONE"] == [(10_000, False)]
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 20_000


async def test_a_refund_whose_reply_was_lost_is_proven_by_its_keys_replay(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    place = f"/v1/payments/{payment['paymentKey']}/cancel"
    await shop.stack.fault(kind="drop_reply", path=place)
    assert (await refund(shop, payment, 10_000)).status == 202

    async def closed() -> bool:
        return all(row["status"] == "success" for row in await attempts(shop))

    await shop.stack.eventually(closed, within_s=30)
    keys = {seen.key for seen in shop.proxy.asked("/cancel$")}
    assert len(keys) == 1
    assert await cancel_rows(shop) == [(10_000, "DONE", True)]


async def test_two_equal_parts_one_at_the_console_one_ours_with_a_lost_reply_are_told_apart(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    place = f"/v1/payments/{payment['paymentKey']}/cancel"
    await shop.stack.fault(kind="drop_reply", path=place)
    assert (await refund(shop, payment, 10_000)).status == 202
    await shop.console_cancel(payment["paymentKey"], 10_000, reason="고객")

    async def closed() -> bool:
        return all(row["status"] == "success" for row in await attempts(shop))

    await shop.stack.eventually(closed, within_s=30)
    at_toss = await shop.at_toss(payment["paymentKey"])
    assert (at_toss["balanceAmount"], len(at_toss["cancels"])) == (10_000, 2)
    ours = await shop.stack.row("SELECT transaction_key FROM payment_cancels WHERE attempt_id IS NOT NULL")
    assert ours["transaction_key"] == at_toss["cancels"][0]["transactionKey"]
    await shop.webhooks_back()
    status = await shop.api.get(f"/payments/{payment['id']}/status")
    assert status.status == 200
    assert (await books(shop, payment))["balance_amount"] == 10_000


# --- O5: a definite refusal that comes as a 500 -------------------------------------------------------------


async def test_a_full_refund_takes_the_place_of_a_part_that_is_refused_with_a_500(shop: Shop) -> None:
    payment = await shop.paid(40_000)
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    rule = shop.proxy.add(method="POST", path=place, answer=(500, ES12))
    assert (await refund(shop, payment, 10_000)).status == 202
    shop.proxy.remove(rule)
    reply = await refund(shop, payment)
    assert reply.status == 200, reply
    at_toss = await shop.at_toss(payment["paymentKey"])
    assert (at_toss["status"], len(at_toss["cancels"])) == ("CANCELED", 1)
    assert {row["status"] for row in await attempts(shop)} == {"failed", "success"}


async def test_a_full_refund_by_its_amount_takes_that_place_too(shop: Shop) -> None:
    payment = await shop.paid(40_000)
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    rule = shop.proxy.add(method="POST", path=place, answer=(500, ES12))
    assert (await refund(shop, payment, 10_000)).status == 202
    assert (await refund(shop, payment, 20_000)).status == 409
    shop.proxy.remove(rule)
    assert (await refund(shop, payment, 40_000)).status == 200
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 0


async def test_one_500_after_a_silence_closes_nothing(shop: Shop) -> None:
    """Tries that nobody answered are no refusals: a failure that may pass is asked again."""
    payment = await shop.paid(40_000)
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    shop.proxy.add(method="POST", path=place, answer=(502, {}), times=4)
    assert (await refund(shop, payment, 10_000)).status == 202

    async def silent() -> bool:
        await make_due(shop)
        await asyncio.sleep(0.3)
        return len(shop.proxy.asked(place)) >= 4

    await shop.stack.eventually(silent, within_s=30)
    shop.proxy.reset()
    shop.proxy.add(method="POST", path=place, answer=(500, ES12), times=1)

    async def gone() -> bool:
        await make_due(shop)
        await asyncio.sleep(0.3)
        return bool((await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 30_000)

    await shop.stack.eventually(gone, within_s=30)


async def test_a_part_that_is_refused_with_a_500_again_and_again_is_closed_and_never_asked_later(shop: Shop) -> None:
    payment = await shop.paid(40_000)
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    shop.proxy.add(method="POST", path=place, answer=(500, ES12))
    assert (await refund(shop, payment, 10_000)).status == 202

    async def closed() -> bool:
        await make_due(shop)
        await asyncio.sleep(0.5)
        return all(row["status"] == "failed" for row in await attempts(shop))

    await shop.stack.eventually(closed, within_s=40)
    asked = len(shop.proxy.asked(place))
    assert 3 <= asked <= 6
    assert (await books(shop, payment))["balance_amount"] == 40_000
    assert [row for row in await cancel_rows(shop) if row[1] == "PENDING"] == []
    assert (await attempts(shop))[-1]["error_code"] == ES12["code"]
    shop.proxy.reset()
    await asyncio.sleep(2)
    assert shop.proxy.asked(place) == []
    assert (await refund(shop, payment, 10_000)).status == 200


async def test_a_look_alike_behind_a_500_is_left_to_a_person(shop: Shop) -> None:
    """Money may have moved behind a 500: neither success nor failure can be proven, so nobody says either."""
    payment = await shop.paid(30_000)
    await shop.lose_webhooks()
    place = f"^/v1/payments/{payment['paymentKey']}/cancel$"
    shop.proxy.add(method="POST", path=place, answer=(500, ES12))
    assert (await refund(shop, payment, 10_000)).status == 202
    await shop.console_cancel(payment["paymentKey"], 10_000, reason="고객")
    await asyncio.sleep(4)
    assert [row["status"] for row in await attempts(shop)][-1] == "pending"
    live = [(amount, status) for amount, status, _ in await cancel_rows(shop) if status != "FAILED"]
    assert live == [(10_000, "DONE")]


# --- A12: the same refund a moment ago, without a key -------------------------------------------------------


async def test_the_same_refund_sent_twice_without_a_key_goes_back_once(shop: Shop) -> None:
    payment = await shop.paid(30_000)
    assert (await refund(shop, payment, 5_000)).status == 200
    again = await refund(shop, payment, 5_000)
    assert (again.status, again["code"], again["field"]) == (409, "DUPLICATE_REFUND", "Idempotency-Key")
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 25_000
    assert (await refund(shop, payment, 5_000, allowDuplicate=True)).status == 200
    assert (await refund(shop, payment, 4_000)).status == 200
    path, body = f"/api/payments/toss/{payment['paymentKey']}/cancel", {"cancelReason": "고객", "cancelAmount": 4_000}
    assert (await shop.api.post(path, body))["code"] == "DUPLICATE_REFUND"
    keyed = await shop.api.post(path, body, headers={"Idempotency-Key": "another-refund"})
    assert keyed.status == 200, keyed
    assert (await shop.at_toss(payment["paymentKey"]))["balanceAmount"] == 12_000


# --- Sisters: other questions whose refusal shows stale books -----------------------------------------------


async def test_a_confirm_that_toss_says_is_done_already_is_answered_as_paid_at_once(shop: Shop) -> None:
    order = await shop.order()
    key = await shop.window(order)
    await shop.lose_webhooks()
    confirmed = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    assert (await shop.stack.toss.post("/v1/payments/confirm", confirmed)).status == 200  # by another server
    reply = await shop.confirm(order, key)
    assert (reply.status, reply["order"]["status"]) == (200, "PAID"), reply
