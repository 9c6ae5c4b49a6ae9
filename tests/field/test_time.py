"""When Toss is asked again: outages, deposits that go back late, hosts whose clocks differ."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import OpenStack
from tests.field.conftest import QUICK, Shop
from tests.field.proxy import TossProxy
from tests.support.outside import find_faketime
from tests.support.stack import Stack

AWAY = {"kind": "status", "status": 503, "path": "/v1/payments", "times": 0}


@pytest.fixture
async def away_shop(open_stack: OpenStack, proxy: TossProxy) -> AsyncIterator[Shop]:
    """A paywon whose calls to Toss may all be answered 503; confirms are asked for every two seconds."""
    stack = await open_stack(TOSS_PAYMENTS_BASE_URL=proxy.url, **QUICK, PAYWON_CONFIRM_RETRY_S="2")
    yield Shop(stack=stack, proxy=proxy)
    proxy.reset()


def go_away(shop: Shop) -> None:
    """Have every call about payments answered with 503, the list of transactions excepted."""
    shop.proxy.add(path="^/v1/payments", answer=(503, {"code": "FAILED_INTERNAL_SYSTEM_PROCESSING", "message": "점검"}))


async def _age(stack: Stack, tries: int) -> None:
    """As after minutes or hours of an outage: each try was in vain."""
    await stack.rows(
        "UPDATE payment_transactions SET retry_count = $1, resolve_by = now() WHERE status = 'pending'", tries
    )


async def _silent(stack: Stack) -> bool:
    return bool(await stack.rows("SELECT FROM provider_hearing WHERE unheard >= 3"))


async def test_a_customer_who_confirmed_while_toss_was_away_has_paid_seconds_after_it_is_back(away_shop: Shop) -> None:
    shop = away_shop
    order = await shop.order()
    key = await shop.window(order)
    go_away(shop)
    assert (await shop.confirm(order, key)).status == 202
    await _age(shop.stack, 5)  # where the ladder used to wait for half an hour

    async def tried() -> bool:
        return len(shop.proxy.asked(f"^/v1/payments/{key}$", "GET")) >= 3

    await shop.stack.eventually(tried)
    shop.proxy.reset()

    async def paid() -> bool:
        return await shop.order_status(order["orderNo"]) == "PAID"

    await shop.stack.eventually(paid, within_s=10)


async def test_the_first_confirm_s_window_stays_the_window_whatever_new_keys_are_tried(away_shop: Shop) -> None:
    """Toss answers with a failure that may pass, so each try is a new attempt; the ten minutes are not new."""
    shop = away_shop
    order = await shop.order()
    key = await shop.window(order)
    shop.proxy.add(
        method="POST", path="^/v1/payments/confirm$", answer=(500, {"code": "UNKNOWN_ERROR", "message": "-"})
    )
    assert (await shop.confirm(order, key)).status == 202

    async def replaced() -> bool:
        rows = await shop.stack.rows("SELECT began_at FROM payment_transactions WHERE status = 'pending' AND type = $1",
                                     "payment_confirmation")  # fmt: skip
        return any(row["began_at"] for row in rows)

    await shop.stack.eventually(replaced)
    await shop.stack.rows(
        """
        UPDATE payment_transactions SET created_at = created_at - interval '12 minutes',
               began_at = began_at - interval '12 minutes', resolve_by = now()
        WHERE status = 'pending'
        """
    )
    await shop.stack.toss.post("/sandbox/clock/advance", {"seconds": 720})

    async def over() -> bool:
        return not await shop.stack.rows("SELECT FROM payment_transactions WHERE status = 'pending' AND type = $1",
                                         "payment_confirmation")  # fmt: skip

    await shop.stack.eventually(over, within_s=10)


async def test_a_refund_and_a_webhook_that_waited_for_toss_come_through_as_soon_as_it_is_back(shop: Shop) -> None:
    refunded, told = await shop.paid(), await shop.paid()
    await shop.lose_webhooks()
    await shop.console_cancel(told["paymentKey"])
    go_away(shop)
    path = f"/api/payments/toss/{refunded['paymentKey']}/cancel"
    assert (await shop.api.post(path, {"cancelReason": "변심"})).status == 202
    hint = {
        "eventType": "PAYMENT_STATUS_CHANGED",
        "data": {"paymentKey": told["paymentKey"], "orderId": told["orderNo"]},
    }
    assert (await shop.api.post("/payments/webhook", hint)).status == 200
    await _age(shop.stack, 5)
    await shop.stack.eventually(lambda: _silent(shop.stack))
    await shop.stack.rows("UPDATE webhook_looks SET unheard = 4 WHERE waiting > 0")

    async def both_wait_long() -> bool:
        rows = await shop.stack.rows(
            """
            SELECT resolve_by AS at FROM payment_transactions WHERE status = 'pending' AND type LIKE '%cancel%'
            UNION ALL SELECT not_before FROM webhook_looks WHERE waiting > 0
            """
        )
        (now,) = (await shop.stack.row("SELECT now()")).values()
        return len(rows) == 2 and all((row["at"] - now).total_seconds() > 200 for row in rows)

    await shop.stack.eventually(both_wait_long, within_s=45)
    shop.proxy.reset()

    async def both_settled() -> bool:
        orders = [payment["orderNo"] for payment in (refunded, told)]
        return [await shop.order_status(order) for order in orders] == ["REFUNDED", "REFUNDED"]

    # A probe within 30 s hears it, and what waits is spread over 20 s.
    await shop.stack.eventually(both_settled, within_s=70)


# --- Deposits -------------------------------------------------------------------------------------------


async def _deposited(shop: Shop) -> dict[str, Any]:
    """Pay an order by a deposit whose hold is over, so that it was handed over."""
    order = await shop.order(
        fulfilment={"kind": "time_capsule", "timeOption": "1_WEEK", "headcount": 2, "title": "우리"}
    )
    account = {"orderId": order["orderNo"], "bank": "06", "customerName": "박토스"}
    assert (await shop.api.post("/api/payments/toss/virtual-accounts", account)).status == 201
    await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/deposit")

    async def handed_over() -> bool:
        rows = await shop.stack.rows("SELECT fulfilment_status AS s FROM orders WHERE order_no = $1", order["orderNo"])
        return bool(rows[0]["s"] == "FULFILLED")

    await shop.stack.eventually(handed_over, within_s=30)
    return order


async def _goes_back(shop: Shop, order: dict[str, Any], *, within_s: float) -> None:
    async def back() -> bool:
        row = await shop.stack.row(
            "SELECT status, fulfilment_status AS f FROM orders WHERE order_no = $1", order["orderNo"]
        )
        return (row["status"], row["f"]) == ("PENDING_PAYMENT", "REVERSED")

    await shop.stack.eventually(back, within_s=within_s)


async def _reverse(shop: Shop, order: dict[str, Any]) -> None:
    reply = await shop.stack.toss.post(f"/sandbox/virtual-accounts/{order['orderNo']}/reverse")
    assert reply.status == 200, reply


async def test_a_deposit_that_the_bank_takes_back_after_the_hold_is_found_though_nothing_tells(shop: Shop) -> None:
    """Neither a webhook nor Toss's list shows it: the deposit is read again for days."""
    shop.proxy.add(path="^/v1/transactions", answer=(200, []))
    order = await _deposited(shop)
    await shop.lose_webhooks()
    await _reverse(shop, order)
    ahead = await shop.stack.row("SELECT extract(epoch FROM look_again_at - now())::float8 AS s FROM payments")
    assert 0 < ahead["s"] <= 600
    await shop.stack.rows("UPDATE payments SET look_again_at = look_again_at - interval '10 minutes'")
    await _goes_back(shop, order, within_s=10)


async def test_a_step_back_that_looks_old_is_looked_at_again(shop: Shop) -> None:
    """The last fact was learned by a host whose clock was ahead, before its time came from the database."""
    shop.proxy.add(path="^/v1/transactions", answer=(200, []))
    order = await _deposited(shop)
    await shop.stack.rows("UPDATE payments SET fact_asked_at = now() + interval '20 s'")
    await _reverse(shop, order)
    await asyncio.sleep(2)
    assert await shop.order_status(order["orderNo"]) == "PAID", "the webhook's read is old news, by its time"
    await _goes_back(shop, order, within_s=50)


async def test_a_deposit_that_goes_back_is_seen_though_another_host_is_a_minute_ahead(
    open_stack: OpenStack, proxy: TossProxy
) -> None:
    skew = {"LD_PRELOAD": find_faketime(), "FAKETIME": "+60s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    stack = await open_stack(worker=False, TOSS_PAYMENTS_BASE_URL=proxy.url, **QUICK, **skew)
    stack.settings = {name: value for name, value in stack.settings.items() if name not in skew}
    await stack.start_worker()
    shop = Shop(stack=stack, proxy=proxy)
    proxy.add(path="^/v1/transactions", answer=(200, []))
    order = await _deposited(shop)
    payment = await stack.row("SELECT id FROM payments")
    shown = await shop.api.get(f"/payments/{payment['id']}/status")  # the host that is ahead reads it last
    assert (shown.status, shown["live"]) == (200, True)
    (skew_s,) = (await stack.row("SELECT extract(epoch FROM fact_asked_at - now())::float8 FROM payments")).values()
    assert abs(skew_s) < 5
    await _reverse(shop, order)
    await _goes_back(shop, order, within_s=15)
