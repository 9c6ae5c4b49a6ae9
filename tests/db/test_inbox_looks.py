"""Webhooks and the looks at Toss that they cost: as few as that takes, whoever sends however many."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from paywon.base.errors import PaywonError
from paywon.db.pool import Database
from paywon.inbox.commands.keeping import find_orders, trim
from paywon.inbox.commands.looking import claim_looks, look
from paywon.inbox.commands.receiving import Receipt, receive
from paywon.inbox.model import MAX_DOUBTED, MAX_WAITING
from paywon.invariants.commands import look_at
from paywon.invariants.model import Invariant
from tests.conftest import FreshDatabase
from tests.support.books import key_of
from tests.support.inbox import FORGER, Door, open_door, signature


@pytest.fixture
async def door(db: Database) -> AsyncIterator[Door]:
    async with open_door(db) as opened:
        yield opened


async def test_one_look_answers_all_that_wait(door: Door) -> None:
    order = await door.books.paid()
    for _ in range(50):
        assert await door.tell(order) is Receipt.NEW
    assert await door.work() == 1
    assert door.asked == [f"/v1/payments/{key_of(order)}"]
    assert await door.states() == {"processed": 50}
    door.later(3600)
    assert await door.work() == 0, "nothing waits any more"


async def test_what_comes_during_a_look_waits_for_the_next(door: Door) -> None:
    """It may tell of something that Toss did just after it answered."""
    order = await door.books.paid()
    await door.tell(order)

    async def another() -> None:
        door.during = None
        await door.tell(order)

    door.during = another
    assert await door.work() == 1
    assert await door.states() == {"processed": 1, "received": 1}
    door.later(60)
    assert await door.work() == 1
    assert (await door.states(), len(door.asked)) == ({"processed": 2}, 2)


async def test_a_webhook_alone_pays_an_order(door: Door) -> None:
    order = await door.books.order()
    await door.tell(order)
    await door.work()
    assert (await door.books.row("SELECT status FROM orders"))["status"] == "PAID"
    assert await door.states() == {"processed": 1}


async def test_unknown_orders_cost_no_look(door: Door) -> None:
    for _ in range(20):
        await door.tell(None)
    door.later(3600)
    assert await door.work() == 0
    assert (door.asked, await door.states()) == ([], {"ignored": 20})
    await door.tell(None, proven=True)
    assert await door.states() == {"ignored": 20, "parked": 1}, "what is Toss's for sure is for a person to see"


async def test_made_up_keys_cost_three_calls_a_look(door: Door) -> None:
    order = await door.books.paid()
    for _ in range(MAX_WAITING - 1):
        await door.tell(order, key=secrets.token_hex(8))
    await door.tell(order)
    await door.work()
    assert door.asked[0] == f"/v1/payments/{key_of(order)}"
    assert len(door.asked) == 3
    assert door.asked[2] == f"/v1/payments/orders/{order.order_no}"
    # Of the made up ones one was looked for, and the order with it; a few are given the time that Toss may lag behind.
    others = MAX_WAITING - 1 - MAX_DOUBTED
    assert await door.states() == {"processed": 1, "received": MAX_DOUBTED, "ignored": others}
    rows = await door.books.row("SELECT count(*) FROM webhook_events WHERE reason = 'TOO_MANY_KEYS'")
    assert rows["count"] == others


async def test_a_flood_about_one_order_costs_a_look_a_minute(door: Door) -> None:
    order = await door.books.paid()
    looks = []
    for second in range(600):
        await door.tell(order)
        if await door.work():
            looks.append(second)
        door.later(1)
    assert looks[:7] == [0, 2, 6, 14, 30, 62, 126]
    assert len(looks) <= 15
    await door.tell(order, proven=True)
    assert await door.work() == 1, "a proven one is not made to wait for the others' sins"
    assert await door.tell(order, proven=True) and await door.work() == 0, "and comes a second after the last"
    door.later(1)
    assert await door.work() == 1


async def test_a_hint_that_was_right_has_the_next_believed_at_once(door: Door) -> None:
    order = await door.books.paid()
    for _ in range(4):
        await door.tell(order)
        await door.work()
        door.later(60)
    showing = door.answer

    def refunded(path: str) -> tuple[int, dict[str, Any]]:
        cancel = {
            "cancelAmount": 400,
            "cancelReason": "변심",
            "canceledAt": door.books.clock.now().isoformat(),
            "transactionKey": "C1",
            "cancelStatus": "DONE",
        }
        raw = showing(path)[1] | {"status": "PARTIAL_CANCELED", "balanceAmount": 600, "cancels": [cancel]}
        return 200, raw | {"lastTransactionKey": "C1"}

    door.answer = refunded
    await door.tell(order)
    assert await door.work() == 1
    assert (await door.books.row("SELECT status FROM orders"))["status"] == "PARTIALLY_REFUNDED"
    assert (await door.books.row("SELECT idle FROM webhook_looks"))["idle"] == 0


async def test_too_many_that_wait_are_turned_away_and_a_proven_one_is_not(door: Door) -> None:
    order = await door.books.paid()
    for _ in range(MAX_WAITING):
        await door.tell(order)
    for _ in range(3):
        with pytest.raises(PaywonError) as refused:
            await door.tell(order)
        assert (refused.value.code, refused.value.retry_after_s) == ("TOO_MANY_REQUESTS", 60)
    assert await door.states() == {"received": MAX_WAITING}, "nothing is kept of what is not answered 200"
    await door.tell(order, proven=True)
    await door.work()
    assert await door.states() == {"processed": MAX_WAITING + 1}
    await door.tell(order)


async def test_all_workers_share_one_budget_and_proven_looks_are_free(database: FreshDatabase, db: Database) -> None:
    other = await Database.connect(database.url, max_connections=10, application_name="test")
    try:
        async with open_door(db, looks_per_minute=3) as door:
            second = replace(door.inbox, cashier=replace(door.inbox.cashier, db=other))
            orders = [await door.books.paid() for _ in range(12)]
            door.books.clock.at = door.books.clock.at.replace(second=10) + timedelta(minutes=1)
            for order in orders[:10]:
                await door.tell(order)
            for order in orders[10:]:
                await door.tell(order, proven=True)
            for _ in range(3):
                claims = await asyncio.gather(claim_looks(door.inbox, 4), claim_looks(second, 4))
                claimed = [
                    (inbox, due) for inbox, some in zip((door.inbox, second), claims, strict=True) for due in some
                ]
                assert len({due.order_no for _, due in claimed}) == len(claimed), "nobody takes what another has"
                await asyncio.gather(*(look(inbox, due) for inbox, due in claimed))
            assert len(door.asked) == 3 + 2, "what nothing proves has a budget"
            assert {key_of(order) for order in orders[10:]} <= {path.rpartition("/")[2] for path in door.asked}
            assert await door.work() == 0, "no more in this minute"
            door.later(60)
            await door.work()
            assert len(door.asked) == 3 + 2 + 3
    finally:
        await other.close()


async def test_workers_share_out_what_is_due(door: Door) -> None:
    for _ in range(40):
        await door.tell(await door.books.paid(), proven=True)
    claims = await asyncio.gather(*(claim_looks(door.inbox, 10) for _ in range(8)))
    claimed = [look.order_no for claim in claims for look in claim]
    assert len(claimed) == len(set(claimed)), "two workers look at the same order"
    door.later(door.inbox.cashier.lease.total_seconds())
    assert len(await claim_looks(door.inbox, 100)) == 40


async def test_a_real_one_is_first_however_many_wait_before_it(door: Door) -> None:
    real, *others = [await door.books.paid() for _ in range(30)]
    for order in others:
        await door.tell(order)
    door.later(1)
    await door.tell(real, proven=True)
    (first,) = await claim_looks(door.inbox, 1)
    assert first.order_no == real.order_no


async def test_the_look_of_a_dead_worker_comes_again(door: Door) -> None:
    order = await door.books.paid()
    await door.tell(order, proven=True)
    assert len(await claim_looks(door.inbox, 10)) == 1
    door.later(door.inbox.cashier.lease.total_seconds() - 1)
    assert await door.work() == 0
    door.later(1)
    assert await door.work() == 1
    assert await door.states() == {"processed": 1}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"code": "UNKNOWN_ERROR", "message": "x"}),
        (429, {}),
        (403, {"code": "FORBIDDEN_CONSECUTIVE_REQUEST", "message": "x"}),
        (401, {"code": "UNAUTHORIZED_KEY", "message": "x"}),
    ],
)
async def test_a_toss_that_tells_nothing_is_asked_again_later(door: Door, status: int, body: dict[str, Any]) -> None:
    order = await door.books.order()
    heard, door.answer = door.answer, lambda _path: (status, body)
    await door.tell(order)
    for seconds in (0, 1, 5, 15):
        door.later(seconds)
        assert await door.work() == 1
        assert await door.states() == {"received": 1}
    door.answer = heard
    assert await door.work() == 0
    door.later(60)
    assert await door.work() == 1
    assert await door.states() == {"processed": 1}


async def test_a_look_that_breaks_off_comes_again(door: Door) -> None:
    await door.tell(await door.books.paid())
    await door.books.damage("ALTER TABLE payments RENAME COLUMN method TO manner")
    assert await door.work() == 1
    await door.books.damage("ALTER TABLE payments RENAME COLUMN manner TO method")
    assert await door.states() == {"received": 1}
    door.later(1)
    assert await door.work() == 1
    assert await door.states() == {"processed": 1}


async def test_what_nobody_could_work_for_hours_is_parked_for_a_person(door: Door) -> None:
    order = await door.books.paid()
    door.answer = lambda _path: (500, {})
    await door.tell(order)
    looks = 0
    for _ in range(100):
        looks += await door.work()
        door.later(900)
    row = await door.books.row("SELECT status, reason, processed_at FROM webhook_events")
    assert (looks, row["status"], row["reason"]) == (24, "parked", "WORK_FAILED")
    assert (await look_at(door.books.db, Invariant.I4)).holds


async def test_a_rejected_one_is_rejected_each_time_it_comes(door: Door) -> None:
    """Toss sends again what was not answered 200: the second answer must be no other than the first."""
    body = msgspec.json.encode({"eventType": "payout.changed", "entityBody": {}})
    for _ in range(3):
        with pytest.raises(PaywonError) as refused:
            await receive(door.inbox, body, {"toss-signature": "00" * 32}, source_address=FORGER)
        assert refused.value.code == "WEBHOOK_REJECTED"
    row = await door.books.row("SELECT status, reason, repeats FROM webhook_events")
    assert (row["status"], row["reason"], row["repeats"]) == ("rejected", "SIGNATURE_WRONG", 2)
    good = {"toss-signature": signature(body), "tosspayments-webhook-transmission-id": "whtrans_1"}
    assert await receive(door.inbox, body, good, source_address=FORGER) is Receipt.NEW, (
        "and it bars not the genuine one"
    )
    assert await receive(door.inbox, body, good, source_address=FORGER) is Receipt.REPEAT


async def test_a_cancel_told_of_before_we_know_it_is_looked_at_once_we_do(door: Door) -> None:
    order = await door.books.paid()
    told = {"transactionKey": f"cancel-{order.order_no}-400", "cancelStatus": "DONE"}
    await door.send({"eventType": "CANCEL_STATUS_CHANGED", "data": told})
    await find_orders(door.inbox)
    assert await door.states() == {"ignored": 1}
    await door.books.refunded(order, 400)
    await find_orders(door.inbox)
    assert await door.states() == {"received": 1}
    assert await door.work() == 1
    assert await door.states() == {"processed": 1}
    assert (await door.books.row("SELECT order_no FROM webhook_events"))["order_no"] == order.order_no


async def test_what_nobody_misses_does_not_fill_the_disk(door: Door) -> None:
    order = await door.books.paid()
    await door.tell(order)
    await door.tell(None, proven=True)
    for number in range(12):
        await door.tell(None, note="x" * 5000, first=number < 7)
        door.later(1)
    await trim(door.inbox, keep=5)
    assert await door.states() == {"received": 1, "parked": 1, "ignored": 5}
    query = "SELECT max(length(body::text)) AS longest FROM webhook_events WHERE status = 'ignored'"
    left = await door.books.row(query)
    assert left["longest"] < 100, "of what is nobody's and long only the length is kept"
    door.later(31 * 86_400)
    await trim(door.inbox)
    assert await door.states() == {"received": 1, "parked": 1}


async def test_an_order_keeps_its_newest_and_all_that_is_proven(door: Door) -> None:
    order = await door.books.paid()
    await door.tell(order, proven=True)
    for _ in range(3):
        for _ in range(60):
            await door.tell(order)
        door.later(120)
        assert await door.work() == 1
    assert await door.states() == {"processed": 101}
    assert (await door.books.row("SELECT count(*) FROM webhook_events WHERE verdict = 'signed'"))["count"] == 1
