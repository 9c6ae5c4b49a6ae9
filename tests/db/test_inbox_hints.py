"""Webhooks that claim more than Toss shows, that our books answer, that come again, and that nobody can have sent."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import WebhookEventId
from paywon.db.pool import Database
from paywon.inbox.commands.reprocessing import reprocess
from paywon.inbox.model import FRESH, LADDER_S, MAX_DOUBTED, OWN_ANSWER, TOSS_SHOWS_LESS
from paywon.invariants.commands import look_at
from paywon.invariants.model import Invariant
from paywon.orders.model import Order
from paywon.payments.commands.cashier import Origin
from paywon.payments.model import AttemptType
from tests.support.books import key_of
from tests.support.evidence import evidence
from tests.support.inbox import Door, open_door

CARD_KEY = "9C62B18EEF0DE3EB7F4422EB6D14BC6E"
SECRET_OF_PAYMENT = "ps_1"
PERSON = Origin(actor="key:ops")
CANCELED: dict[str, Any] = {"status": "CANCELED", "balanceAmount": 0, "lastTransactionKey": "c1"}


@pytest.fixture
async def door(db: Database) -> AsyncIterator[Door]:
    async with open_door(db) as opened:
        yield opened


def _done(order: Order) -> dict[str, Any]:
    """Return what Toss's webhook says of a paid order."""
    return {"status": "DONE", "lastTransactionKey": CARD_KEY, "balanceAmount": 1_000, "secret": SECRET_OF_PAYMENT}


def _about(order: Order, event_type: str) -> dict[str, Any]:
    """Return the body of an event of each kind that claims more than that the order is paid."""
    if event_type == "DEPOSIT_CALLBACK":
        return {"orderId": order.order_no, "status": "CANCELED", "transactionKey": "c1", "secret": SECRET_OF_PAYMENT}
    if event_type == "CANCEL_STATUS_CHANGED":
        return {"eventType": event_type, "data": {"transactionKey": _known_cancel(order), "cancelStatus": "ABORTED"}}
    return {"eventType": event_type, "data": {"orderId": order.order_no, "paymentKey": key_of(order), **CANCELED}}


def _known_cancel(order: Order) -> str:
    return f"cancel-{order.order_no}-400"


async def _row(door: Door) -> dict[str, Any]:
    return await door.books.row("SELECT * FROM webhook_events")


async def _paid(door: Door) -> Order:
    """Pay an order whose secret we then know, long before anything else happens."""
    order = await door.books.order()
    asked = await door.books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    await door.books.answer(asked, secret=SECRET_OF_PAYMENT)
    door.later(120)
    return order


@pytest.mark.parametrize("proven", [False, True])
@pytest.mark.parametrize("event_type", ["PAYMENT_STATUS_CHANGED", "DEPOSIT_CALLBACK", "CANCEL_STATUS_CHANGED"])
async def test_what_toss_never_shows_is_looked_for_ever_more_slowly_and_then_parked(
    door: Door, event_type: str, proven: bool
) -> None:
    order = await _paid(door)
    if event_type == "CANCEL_STATUS_CHANGED":
        await door.books.refunded(order, 400)
    await door.send(_about(order, event_type), proven=proven)
    waits, since = [], 0.0
    for _ in range(5_000):
        if await door.work():
            waits.append(since)
            since = 0.0
            assert (await look_at(door.books.db, Invariant.I4)).holds
        if await door.states() != {"received": 1}:
            break
        step = 1 if since < 20 else 10
        door.later(step)
        since += step
    row = await _row(door)
    assert (row["status"], row["reason"], row["look_at"]) == ("parked", TOSS_SHOWS_LESS, None)
    assert row["looks"] == len(LADDER_S) == len(waits) - 1
    # What nothing proves may have to be more patient than that.
    fast = proven or row["verdict"] == "secret_matched"
    assert (
        waits[1:] == [float(s) for s in LADDER_S]
        if fast
        else [late >= s for late, s in zip(waits[1:], LADDER_S, strict=True)]
    )
    assert (await look_at(door.books.db, Invariant.I4)).holds


async def test_a_look_that_shows_it_at_last_ends_the_ladder(door: Door) -> None:
    order = await _paid(door)
    lagging = door.answer
    await door.send(_about(order, "PAYMENT_STATUS_CHANGED"))
    await door.work()
    assert await door.states() == {"received": 1}
    door.answer = _shows(door, order, **CANCELED, cancels=[_cancel(door)])
    await door.tell(order, status="DONE")  # another hint's look shows it too
    door.later(1)
    assert await door.work() == 0, "patience after a look that taught nothing"
    door.later(1)
    assert await door.work() == 1
    assert (await door.states(), lagging is door.answer) == ({"processed": 2}, False)


def _cancel(door: Door) -> dict[str, Any]:
    at = door.books.clock.now().isoformat()
    return {
        "cancelAmount": 1_000,
        "cancelReason": "변심",
        "canceledAt": at,
        "transactionKey": "c1",
        "cancelStatus": "DONE",
    }


def _shows(door: Door, order: Order, **changes: Any) -> Callable[[str], tuple[int, dict[str, Any]]]:
    fitting = {"orderId": order.order_no, "paymentKey": key_of(order), "totalAmount": 1_000, "balanceAmount": 1_000}

    def answer(_path: str) -> tuple[int, dict[str, Any]]:
        return 200, evidence("payment-card-done", asked_at=door.books.clock.now(), **{**fitting, **changes}).raw

    return answer


async def test_what_toss_does_not_know_yet_is_looked_for_again(door: Door) -> None:
    order = await door.books.order()
    knows, door.answer = door.answer, lambda _path: (404, {"code": "NOT_FOUND_PAYMENT", "message": "x"})
    await door.tell(order)
    await door.work()
    assert await door.states() == {"received": 1}
    door.answer = knows
    door.later(2)
    await door.work()
    assert await door.states() == {"processed": 1}
    assert (await door.books.row("SELECT status FROM orders"))["status"] == "PAID"


async def test_made_up_claims_about_one_order_stay_few_and_leave_few_for_a_person(door: Door) -> None:
    order = await _paid(door)
    for _ in range(3):
        for _ in range(20):
            await door.tell(order, **CANCELED)
        for _ in range(40):
            await door.work()
            door.later(64)
    states = await door.states()
    assert states["parked"] == MAX_DOUBTED
    assert "received" not in states
    assert len(door.asked) <= 3 * (len(LADDER_S) + 1), "and they share their looks"


async def test_webhooks_of_our_own_confirms_spend_nothing_however_many_they_are(db: Database) -> None:
    """Most come before the confirm's answer is learned, so nothing proves them at the door."""
    async with open_door(db, looks_per_minute=3) as door:
        for _ in range(60):
            order = await door.books.order()
            asked = await door.books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
            await door.tell(order, **_done(order))
            assert await door.work() == 1, "it is judged at once, and waits for the answer that is under way"
            await door.books.answer(asked, secret=SECRET_OF_PAYMENT)
        assert {row["verdict"] for row in await door.books.rows("SELECT verdict FROM webhook_events")} == {"refetched"}
        door.later(OWN_ANSWER.total_seconds())
        await door.work()
        assert (door.asked, await door.states()) == ([], {"processed": 60})
        rows = await door.books.rows("SELECT DISTINCT verdict, reason FROM webhook_events")
        assert rows == [{"verdict": "secret_matched", "reason": "KNOWN_ALREADY"}]


async def test_an_answer_that_never_comes_is_not_waited_for(door: Door) -> None:
    order = await door.books.order()
    await door.books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    await door.tell(order, **_done(order))
    await door.work()
    assert door.asked == []
    door.later(OWN_ANSWER.total_seconds())
    await door.work()
    assert (len(door.asked), await door.states()) == (1, {"processed": 1})


async def test_what_its_secret_proves_by_now_needs_no_budget(db: Database) -> None:
    async with open_door(db, looks_per_minute=1) as door:
        door.books.clock.at = door.books.clock.at.replace(second=0)
        orders = [await door.books.order() for _ in range(5)]
        for order in orders:
            await door.tell(order, **{**_done(order), "secret": SECRET_OF_PAYMENT, "lastTransactionKey": "other"})
        for order in orders:
            await door.books.answer(
                await door.books.ask(AttemptType.PAYMENT_CONFIRMATION, order), secret=SECRET_OF_PAYMENT
            )
        await door.work()
        assert len(door.asked) == 5, "each claims more than our books show, so each is read"


@pytest.mark.parametrize(
    "changes", [CANCELED, {"status": "DONE", "lastTransactionKey": "t2"}, {"status": "DONE"}, {"balanceAmount": 999}]
)
async def test_what_is_not_just_what_our_books_say_is_read(door: Door, changes: dict[str, Any]) -> None:
    order = await door.books.paid()
    told = {**_done(order), **changes}
    await door.tell(order, **({**told, "lastTransactionKey": None} if changes == {"status": "DONE"} else told))
    await door.work()
    assert len(door.asked) == 1


async def test_an_old_fact_does_not_answer_a_new_webhook(door: Door) -> None:
    order = await door.books.paid()
    door.later(FRESH.total_seconds() + 1)
    await door.tell(order, **_done(order))
    await door.work()
    assert len(door.asked) == 1


async def test_a_repeat_of_what_is_over_is_looked_at_once_more_and_a_flood_of_it_slowly(door: Door) -> None:
    order = await door.books.paid()
    body = {"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": order.order_no, **_done(order), "secret": None}}
    await door.send(body)
    await door.work()
    assert (door.asked, await door.states()) == ([], {"processed": 1}), "our books say the same"
    for _ in range(600):
        await door.send(body)
        await door.work()
        door.later(1)
    assert 5 <= len(door.asked) <= 15, "about a look a minute"
    row = await _row(door)
    assert (row["repeats"], await door.books.rows("SELECT FROM webhook_events")) == (600, [{}])
    door.later(120)
    await door.work()
    assert (await door.states(), (await look_at(door.books.db, Invariant.I4)).holds) == ({"processed": 1}, True)


@pytest.mark.parametrize("status", ["parked", "ignored", "processed"])
async def test_a_person_has_any_of_them_looked_at_at_once(db: Database, status: str) -> None:
    async with open_door(db, looks_per_minute=1) as door:
        door.books.clock.at = door.books.clock.at.replace(second=0)
        order, spender = await _paid(door), await door.books.paid()
        door.books.clock.at = door.books.clock.at.replace(second=0)
        await door.tell(spender)
        await door.work()
        await door.tell(order)
        await door.books.rows(
            "UPDATE webhook_events SET status = $2, reason = 'WORK_FAILED', processed_at = now() WHERE order_no = $1",
            order.order_no,
            status,
        )
        await door.books.rows("UPDATE webhook_looks SET waiting = 0 WHERE order_no = $1", order.order_no)
        (found,) = await door.books.rows("SELECT id FROM webhook_events WHERE order_no = $1", order.order_no)
        shown = await reprocess(door.inbox, WebhookEventId(found["id"]), PERSON)
        assert (shown.status, shown.order_no) == ("received", order.order_no)
        before = len(door.asked)
        await door.work()
        assert len(door.asked) == before + 1, "though the budget is spent"
        row = await door.books.row("SELECT * FROM webhook_events WHERE id = $1", found["id"])
        assert (row["status"], row["asked_again_by"]) == ("processed", "key:ops")


async def test_what_is_about_no_payment_of_ours_cannot_be_looked_at(door: Door) -> None:
    await door.tell(None, proven=True)
    await door.send({"eventType": "CUSTOMER_STATUS_CHANGED", "data": {}})
    for row in await door.books.rows("SELECT id FROM webhook_events"):
        with pytest.raises(PaywonError) as refused:
            await reprocess(door.inbox, WebhookEventId(row["id"]), PERSON)
        assert refused.value.code == "WEBHOOK_NOT_REPROCESSABLE"


async def test_a_key_of_another_order_answers_nothing(door: Door) -> None:
    order, other = await door.books.paid(), await door.books.paid()
    await door.tell(order, key=key_of(other), proven=True)
    await door.tell(order, key=key_of(other))
    await door.work()
    rows = await door.books.rows("SELECT status, reason FROM webhook_events ORDER BY status")
    assert [tuple(row.values()) for row in rows] == [(s, "KEY_OF_ANOTHER_ORDER") for s in ("ignored", "parked")]


async def test_a_hint_under_each_key_of_ours_is_read_under_its_own(door: Door) -> None:
    """The customer's first card was declined; both webhooks wait at once."""
    order = await door.books.order()
    first = await door.books.ask(AttemptType.PAYMENT_CONFIRMATION, order, payment_key="declined")
    await door.books.refuse(first)
    await door.books.answer(await door.books.ask(AttemptType.PAYMENT_CONFIRMATION, order))
    door.later(120)
    await door.tell(order, key="declined", status="DONE")
    await door.tell(order, **CANCELED)
    for _ in range(4):
        await door.work()
        door.later(64)
    assert {path.rpartition("/")[2] for path in door.asked} >= {"declined", key_of(order)}


async def test_a_repeat_with_other_bytes_claims_what_it_says_now(door: Door) -> None:
    order = await _paid(door)
    sent: list[bytes] = []
    for claim in (_done(order), {**CANCELED, "secret": SECRET_OF_PAYMENT}):
        data = {"orderId": order.order_no, "paymentKey": key_of(order), **claim}
        sent.append(msgspec.json.encode({"eventType": "PAYMENT_STATUS_CHANGED", "data": data}))
    await door.send_raw(sent[0], {"tosspayments-webhook-transmission-id": "wh_1"})
    await door.work()
    assert await door.states() == {"processed": 1}
    await door.send_raw(sent[1], {"tosspayments-webhook-transmission-id": "wh_1"})
    door.later(2)
    await door.work()
    assert await door.states() == {"received": 1}, "Toss does not show it yet"
