"""Webhooks on the audit trail: each that was worked once, in the chain, and never taken for a question to Toss."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from paywon.audit.commands import verify
from paywon.audit.model import Break
from paywon.base.ids import AttemptId, PaymentId
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database
from paywon.inbox.commands.receiving import receive
from paywon.inbox.commands.reprocessing import reprocess
from paywon.inbox.model import KEPT_REPEATS, MAX_ON_RECORD
from paywon.invariants.commands import look_at
from paywon.invariants.model import Invariant
from paywon.payments import store as payments
from paywon.payments.attempts import store as attempts
from paywon.payments.commands.cashier import Origin
from paywon.privacy.commands import forget
from tests.support.books import key_of
from tests.support.inbox import FORGER, NOT_FOUND, Door, open_door, signature

RECORD = "SELECT * FROM payment_transactions WHERE type = 'webhook_received' ORDER BY created_at, id"


@pytest.fixture
async def door(db: Database) -> AsyncIterator[Door]:
    async with open_door(db) as opened:
        yield opened


async def recorded(door: Door) -> list[dict[str, Any]]:
    return await door.books.rows(RECORD)


async def sound(door: Door) -> None:
    """See that the chains prove and that the invariants hold."""
    breaks: list[Break] = []
    await verify(door.books.db, door.books.clock, on_break=breaks.append)
    findings = [await look_at(door.books.db, invariant) for invariant in Invariant]
    assert ([finding for finding in findings if not finding.holds], breaks) == ([], [])


async def test_a_worked_webhook_stands_beside_the_questions_to_toss(door: Door) -> None:
    order = await door.books.paid()
    came_at = door.books.clock.now()
    await door.tell(order, proven=True)
    assert await recorded(door) == [], "it is not worked yet"
    door.later(3)
    await door.work()
    (row,) = await recorded(door)
    (event,) = await door.books.rows("SELECT * FROM webhook_events")
    assert row["id"] == event["id"]
    assert row["request_data"] == {
        "webhookId": str(event["id"]),
        "eventType": "PAYMENT_STATUS_CHANGED",
        "verdict": "signed",
        "status": "DONE",
    }
    assert (row["ip_address"], row["actor"], row["status"]) == (FORGER, "webhook", "success")
    assert (row["created_at"], row["closed_at"]) == (came_at, event["processed_at"])
    assert row["chain_hash"] is not None
    trail = await door.books.rows("SELECT * FROM payment_transactions WHERE payment_id = $1", row["payment_id"])
    assert {each["type"] for each in trail} == {"payment_confirmation", "status_read", "webhook_received"}
    await sound(door)


async def test_one_that_comes_again_or_is_looked_at_again_has_one_row(door: Door) -> None:
    order = await door.books.paid()
    raw = b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "%s"}}' % order.order_no.encode()
    await door.send_raw(raw, {"toss-signature": signature(raw)})
    await door.work()
    (first,) = await recorded(door)
    door.later(60)
    await door.send_raw(raw, {"toss-signature": signature(raw)})
    assert await door.work() == 1
    door.later(60)
    await reprocess(door.inbox, first["id"], Origin(actor="key:ops"))
    assert await door.work() == 1
    assert await recorded(door) == [first]
    assert await door.states() == {"processed": 1}, "each look ended well"
    await sound(door)


async def test_every_webhook_of_a_look_has_its_row(door: Door) -> None:
    order = await door.books.paid()
    for _ in range(7):
        await door.tell(order)
    await door.work()
    assert len(await recorded(door)) == 7
    await sound(door)


async def test_what_our_books_knew_already_is_on_record_too(door: Door) -> None:
    """Toss is not read for it, and it came all the same."""
    order = await door.books.paid()
    (payment,) = await door.books.rows("SELECT last_transaction_key FROM payments")
    told = {"transactionKey": payment["last_transaction_key"], "lastTransactionKey": payment["last_transaction_key"]}
    await door.tell(order, **told)
    await door.work()
    assert (await door.books.row("SELECT reason FROM webhook_events"))["reason"] == "KNOWN_ALREADY"
    assert door.asked == []
    assert len(await recorded(door)) == 1


async def test_a_webhook_that_brings_the_payment_is_on_its_trail(door: Door) -> None:
    order = await door.books.order()
    await door.tell(order)
    await door.work()
    (row,) = await recorded(door)
    assert row["payment_id"] == (await door.books.row("SELECT id FROM payments"))["id"]
    await sound(door)


async def test_forged_ones_about_an_unpaid_order_are_on_nobodys_trail(door: Door) -> None:
    order = await door.books.order()
    door.answer = lambda _path: (404, NOT_FOUND)
    await door.tell(order, key="made-up", status="READY")
    await door.tell(None)
    await door.work()
    assert await door.states() == {"ignored": 2}
    assert await recorded(door) == []


async def test_what_waits_or_is_parked_or_rejected_is_not_on_record(door: Door) -> None:
    order = await door.books.paid()
    await door.tell(order, status="CANCELED", transactionKey="t-9", proven=True)
    with pytest.raises(Exception, match="WEBHOOK_REJECTED"):
        await door.send_raw(b'{"eventType": "x", "data": {"orderId": "%s"}}' % order.order_no.encode(),
                            {"toss-signature": "00" * 32})  # fmt: skip
    await door.work()
    assert await door.states() == {"received": 1, "rejected": 1}, "Toss shows less than it claims"
    assert await recorded(door) == []


async def test_a_worker_that_dies_records_neither_or_both(door: Door) -> None:
    """The row and the webhook's status are one transaction: where it breaks off, neither stands."""
    order = await door.books.paid()
    await door.tell(order)
    await door.books.damage(
        """
        CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''the worker died''; END';
        CREATE TRIGGER break_off BEFORE UPDATE ON webhook_looks FOR EACH ROW
            WHEN (new.waiting < old.waiting) EXECUTE FUNCTION break_off();
        """
    )
    await door.work()
    assert await door.states() == {"received": 1}
    assert await recorded(door) == []
    await door.books.damage("DROP TRIGGER break_off ON webhook_looks")
    door.later(3600)
    await door.work()
    assert await door.states() == {"processed": 1}
    assert len(await recorded(door)) == 1
    await sound(door)


async def test_two_workers_and_a_refund_at_once_break_no_chain(door: Door) -> None:
    order = await door.books.paid()
    for _ in range(5):
        await door.tell(order, proven=True)
        await asyncio.gather(door.work(), door.work(), door.books.refunded(order, 10))
        door.later(120)
    assert len(await recorded(door)) == 5
    assert (await door.states()) == {"processed": 5}
    breaks: list[Break] = []
    await verify(door.books.db, door.books.clock, on_break=breaks.append)
    assert breaks == []


async def test_a_flood_of_hints_fills_no_trail(door: Door) -> None:
    """A row of the trail stays for ever. What is proven is recorded all the same."""
    order = await door.books.paid()
    for _ in range(3):
        for _ in range(50):
            await door.tell(order)
        door.later(3600)
        await door.work()
    assert len(await recorded(door)) == MAX_ON_RECORD
    door.later(60)
    await door.tell(order, proven=True)
    await door.work()
    assert len(await recorded(door)) == MAX_ON_RECORD + 1


async def test_it_is_found_by_nothing_that_looks_for_questions(door: Door) -> None:
    """Whatever looks for a question, an answer or a paymentKey of ours finds what it found before."""
    order = await door.books.paid()
    (payment,) = await door.books.rows("SELECT id FROM payments")
    payment_id = PaymentId(payment["id"])

    async def found() -> list[Any]:
        async with door.books.db.connection() as conn:
            return [
                await payments.keys_of(conn, payment_id),
                await payments.transaction_keys_of(conn, payment_id),
                await payments.confirms_under(conn, key_of(order)),
                await payments.last_asked_key(conn, payment_id),
                await payments.open_attempt_of(conn, payment_id),
                await attempts.refused_unread(conn, payment_id),
                await payments.confirming(conn, [payment_id]),
            ]

    before = await found()
    await door.tell(order, proven=True)
    await door.work()
    (row,) = await recorded(door)
    assert await found() == before
    async with door.books.db.connection() as conn:
        last = await attempts.last_of_line(conn, AttemptId(row["id"]))
    assert last is not None and last.id == row["id"], "nobody has put it again"


COLUMNS = {
    "payment_key": "'key-of-a-forger'",
    "idempotency_key": "'k'",
    "outcome": "'yes'",
    "response_data": "'{}'",
    "http_status": "200",
    "amount": "1",
    "error_code": "'X'",
    "caused_by": "id",
}


@pytest.mark.parametrize("column", COLUMNS)
async def test_the_database_refuses_one_that_could_be_taken_for_a_question(door: Door, column: str) -> None:
    order = await door.books.paid()
    await door.tell(order, proven=True)
    await door.work()
    with pytest.raises(asyncpg.CheckViolationError, match="webhook_is_no_question"):
        await door.books.damage(
            f"UPDATE payment_transactions SET {column} = {COLUMNS[column]} WHERE type = 'webhook_received'"  # noqa: S608
        )


async def test_the_header_and_every_repeat_are_kept(door: Door) -> None:
    order = await door.books.paid()
    raw = b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "%s"}}' % order.order_no.encode()
    sent = {"toss-signature": signature(raw), "tosspayments-webhook-transmission-retried-count": "1"}
    for number in range(KEPT_REPEATS + 3):
        await receive(door.inbox, raw, sent, source_address=f"203.0.113.{number}")
        door.later(1)
    row = await door.books.row("SELECT * FROM webhook_events")
    assert row["headers"] == sent
    assert (row["repeats"], row["source_address"]) == (KEPT_REPEATS + 2, "203.0.113.0")
    kept = row["repeat_deliveries"]
    newest = range(KEPT_REPEATS + 2, 2, -1)
    assert [each["source_address"] for each in kept] == [f"203.0.113.{number}" for number in newest]
    assert all(each["headers"] == sent and each["verdict"] == "signed" for each in kept)
    assert sorted((each["at"] for each in kept), reverse=True) == [each["at"] for each in kept]
    await sound(door)


async def test_the_addresses_of_repeats_go_with_their_person(door: Door) -> None:
    order = await door.books.paid(capsule=True)
    raw = b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": "%s"}}' % order.order_no.encode()
    for _ in range(2):
        await door.send_raw(raw, {"toss-signature": signature(raw)})
    await door.work()
    before = (await recorded(door))[0]["request_data"]
    report = await forget(door.books.db, door.books.clock, KeyRing([bytes(32)]), order.user_id, operator="담당")
    assert report.under_way == []
    row = await door.books.row("SELECT * FROM webhook_events")
    assert (row["headers"], row["source_address"], row["repeat_deliveries"]) == ({}, None, [])
    (kept,) = await recorded(door)
    assert (kept["ip_address"], kept["request_data"]) == (None, before)
    await sound(door)
