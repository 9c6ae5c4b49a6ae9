"""Each invariant is green over books that real commands wrote, and red, alone, over the damage that is its to find."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import structlog

from paywon.base.errors import PaywonError
from paywon.base.ids import OrderNo, WebhookEventId, new_uuid
from paywon.base.redaction import _ACCOUNT_NAMES, _SECRET_NAMES
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import ensure_database, migrate
from paywon.db.pool import Database
from paywon.idempotency import commands as idempotency
from paywon.idempotency.model import Claim, Reply
from paywon.inbox import store as inbox
from paywon.inbox.model import WebhookEvent, WebhookStatus, WebhookVerdict
from paywon.invariants import commands, store
from paywon.invariants.commands import last_runs, look_at, look_at_all, look_within
from paywon.invariants.model import KEPT_RUNS, WORDS, Invariant, leaks
from paywon.orders.commands import OrderWish, place_order
from paywon.payments.commands.confirming import Confirmation, confirm_payment
from paywon.payments.model import ALLOWED_MOVES, AttemptType
from tests.support.books import AMOUNT, SERVER, Books, key_of, open_books, order_book


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as books:
        yield books


async def furnish(books: Books) -> None:
    """Write one of everything that can happen."""
    await books.listen("*")
    await books.paid(by_event=True)
    await books.paid(capsule=True)
    await books.refunded(await books.paid(capsule=True), AMOUNT)
    part = await books.paid()
    await books.refunded(part, 400)
    await books.ask(AttemptType.REFUND_REQUEST, part, won=600)
    declined = await books.order()
    await books.refuse(await books.ask(AttemptType.PAYMENT_CONFIRMATION, declined))
    await books.lose(await books.ask(AttemptType.PAYMENT_CONFIRMATION, await books.order()))
    await books.deposited(capsule=True)
    reversed_by_bank = await books.deposited(capsule=True)
    await books.read(reversed_by_bank, "payment-virtual-account-waiting")
    key_id = await books.billing_key()
    await books.charged(key_id, "2026-10")
    await books.charged(key_id, "2026-11")
    with pytest.raises(PaywonError, match="AMOUNT_MISMATCH"):
        told = Confirmation(payment_key=key_of(declined), order_no=declined.order_no, amount=AMOUNT + 1)  # type: ignore[arg-type]
        await confirm_payment(books.cashier, told, SERVER)
    await _webhooks(books)
    await _keys(books)


async def _webhooks(books: Books) -> None:
    for status in (WebhookStatus.PROCESSED, WebhookStatus.PARKED, WebhookStatus.RECEIVED):
        order_no = OrderNo(f"ORD-{status}")
        event = WebhookEvent(
            id=WebhookEventId(new_uuid()),
            digest=status.encode(),
            transmission_id=None,
            event_type="PAYMENT_STATUS_CHANGED",
            order_no=order_no,
            payment_key=None,
            transaction_key=None,
            verdict=WebhookVerdict.REFETCHED,
            status=WebhookStatus.RECEIVED,
            headers={},
            body={},
            source_address=None,
            received_at=books.clock.now() - timedelta(minutes=30),
        )
        async with books.db.transaction() as conn:
            assert await inbox.insert_once(conn, event)
            if status is WebhookStatus.RECEIVED:
                await inbox.ask_for_look(conn, order_no, books.clock.now(), proven=False)
            else:
                await inbox.finish(conn, [event.id], status, "UNKNOWN_ORDER", books.clock.now())


async def _keys(books: Books) -> None:
    book = order_book(books)
    wish = OrderWish(user_id="u-1", order_name="책", amount=AMOUNT)  # type: ignore[arg-type]
    for name in ("k-1", "k-2"):
        claim = Claim(holder="key:1", key=name, operation="POST /api/orders", digest=bytes(32), ring=books.cashier.ring)
        await place_order(book, wish, claim)
        await idempotency.keep_reply(books.db, claim, Reply(status=201, headers={}, body=b"{}"))


async def broken(books: Books) -> dict[str, str]:
    """Which invariants do not hold, and the first reason of each."""
    findings = [await look_at(books.db, invariant) for invariant in Invariant]
    return {
        finding.invariant: finding.trouble or finding.samples[0].detail for finding in findings if not finding.holds
    }


async def test_what_real_commands_write_breaks_nothing(books: Books) -> None:
    await furnish(books)
    assert await broken(books) == {}
    seen = {invariant: (await look_at(books.db, invariant)).checked for invariant in Invariant}
    # No query sees I11; and nothing has failed by a read, or by people.
    nothing = {Invariant.I11, Invariant.I18, Invariant.I19}
    assert {invariant for invariant, checked in seen.items() if not checked} == nothing


_HEADING: Final = re.compile(r"^-- (I\d+): (.+)$", re.MULTILINE)


def damage() -> list[tuple[str, str, str]]:
    """Read damage.sql: the invariant that has to find it, what that says, and the script."""
    parts = _HEADING.split(Path(__file__).with_name("damage.sql").read_text(encoding="utf-8"))
    return list(zip(parts[1::3], parts[2::3], parts[3::3], strict=True))


DAMAGE: Final = damage()
# These compare tables with each other: the damage of another may well show in them too, and theirs in others.
_COMPARING: Final = {f"I{number}" for number in range(15, 24)}


@pytest.fixture(scope="module")
def furnished(postgres: EmbeddedPostgres) -> str:
    """One database for all damage; each is rolled back."""

    async def make() -> str:
        url = postgres.url("furnished")
        await ensure_database(postgres.url("postgres"), "furnished")
        await migrate(url)
        db = await Database.connect(url, max_connections=2, application_name="test")
        async with open_books(db) as books:
            await furnish(books)
        await db.close()
        return url

    return asyncio.run(make())


@pytest.mark.parametrize(("invariant", "says", "script"), DAMAGE, ids=[f"{row[0]} {row[1]}" for row in DAMAGE])
async def test_damage_is_found_by_its_invariant(furnished: str, invariant: str, says: str, script: str) -> None:
    db = await Database.connect(furnished, max_connections=1, application_name="test")
    try:
        async with db.connection() as conn:
            damaged = conn.transaction()
            await damaged.start()
            await conn.execute(f"SET LOCAL session_replication_role = replica; {script}")
            looked = {one: await look_within(conn, one) for one in Invariant if one is not Invariant.I11}
            await damaged.rollback()
    finally:
        await db.close()
    found = {str(one): seen.samples[0].detail for one, seen in looked.items() if seen.violations}
    if invariant not in _COMPARING:
        assert set(found) - _COMPARING == {invariant}, found
    assert says in found[invariant]


async def test_a_second_approved_payment_of_an_order_is_found(books: Books) -> None:
    order = await books.paid()
    await books.damage("""
        ALTER TABLE payments DROP CONSTRAINT payments_order_id_key, DROP CONSTRAINT payments_order_no_key;
        CREATE TEMP TABLE twin AS SELECT * FROM payments;
        UPDATE twin SET id = gen_random_uuid(), payment_number = 'P-2', payment_key = 'second';
        INSERT INTO payments SELECT * FROM twin; DROP TABLE twin
    """)
    found = await look_at(books.db, Invariant.I1)
    assert (found.checked, found.violations) == (2, 2), order
    assert found.samples[0].detail == "the order has a second approved payment"


async def test_a_second_payment_that_is_on_its_way_back_is_in_order(books: Books) -> None:
    order = await books.paid()
    second = {"paymentKey": "second", "lastTransactionKey": "t-2"}
    await books.read(order, "payment-card-done", **second)
    stray = await books.row("SELECT payment_key, balance_amount, returned_at FROM strays")
    assert tuple(stray.values()) == ("second", AMOUNT, None)
    assert await broken(books) == {}
    await books.damage("DELETE FROM strays")
    assert set(await broken(books)) == {"I1"}
    await books.read(order, "payment-card-canceled-full", **second, balanceAmount=0)
    assert await broken(books) == {}


def test_every_invariant_was_seen_red() -> None:
    assert {row[0] for row in DAMAGE} == set(Invariant) - {Invariant.I11} == set(map(str, store._RULES)) | {"I13"}
    assert set(WORDS) == set(Invariant)


def test_the_allowed_graph_is_the_models() -> None:
    before, after, *_ = store._ARGUMENTS[Invariant.I5]
    pairs = {(one, other) for one, others in ALLOWED_MOVES.items() for other in others}
    assert set(zip(before, after, strict=True)) == pairs


async def test_a_virtual_accounts_own_number_may_be_shown(books: Books) -> None:
    await books.deposited()
    shown = await books.row("SELECT virtual_account ->> 'accountNumber' AS number FROM payments")
    assert not shown["number"].startswith("***")
    assert (await look_at(books.db, Invariant.I13)).holds
    await books.damage("UPDATE payment_transactions SET request_data = (SELECT virtual_account FROM payments)")
    assert not (await look_at(books.db, Invariant.I13)).holds


async def test_what_was_closed_before_cards_were_masked_so_far_is_no_violation(books: Books) -> None:
    """A closed attempt never changes (ADR 0016), so the rule binds those that began after it."""
    await books.paid()
    await books.damage('UPDATE payment_transactions SET response_data = \'{"card": {"number": "43306542****090*"}}\'')
    assert not (await look_at(books.db, Invariant.I13)).holds
    await books.damage("UPDATE audit_rules SET since = now() + interval '1 hour'")
    assert (await look_at(books.db, Invariant.I13)).holds
    await books.damage('UPDATE payments SET raw_response = \'{"card": {"number": "43306542****090*"}}\'')
    assert not (await look_at(books.db, Invariant.I13)).holds, "a payment's row can be masked"


CARD_FIELDS = {"cardNumber", "card_number", "cvc", "CVV", "cardPassword", "card-expiration-year", "cardExpirationMonth"}


@pytest.mark.parametrize("name", sorted(_SECRET_NAMES | _ACCOUNT_NAMES | CARD_FIELDS))
async def test_every_name_that_is_redacted_is_looked_for(db: Database, name: str) -> None:
    assert leaks("request_data", {name: "plain"})
    assert not leaks("request_data", {name: "[redacted]"}) or name in _ACCOUNT_NAMES
    async with db.connection() as conn:
        for document, suspicious in ((f'{{"{name}": "plain"}}', True), (f'{{"{name}": "***ain"}}', False)):
            assert await conn.fetchval("SELECT $1::text ~ $2", document, store._NAMED) is suspicious


def test_the_parts_of_an_event_are_no_secrets_for_what_they_are_called() -> None:
    assert not leaks("data", {"billingKey": {"id": "01a2153b-686d-75c8-9ec7-ef3058d0cef5", "status": "ACTIVE"}})
    assert leaks("data", {"billingKey": {"billingKey": "wm60xF900HXZRzReBluSSgJriVX7d7rS0oyslw4zRwg"}})
    assert leaks("data", {"payment": {"failCode": "4242424242424242"}})


async def test_an_invariant_that_cannot_be_looked_at_keeps_no_other_from_it(books: Books) -> None:
    await books.damage("ALTER TABLE capsules RENAME TO gone")
    assert set(await broken(books)) == {"I6"}


async def test_a_look_that_takes_too_long_is_given_up(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(store._RULES, Invariant.I2, "SELECT ''::text AS subject, NULL AS detail FROM pg_sleep(30)")
    monkeypatch.setattr(store, "STATEMENT_TIMEOUT_S", 0.2)
    found = await look_at(books.db, Invariant.I2)
    assert (found.checked, found.trouble, found.holds) == (None, commands.TIMED_OUT, False)


async def test_more_suspects_than_are_looked_at_are_no_all_clear(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    await books.paid()
    await books.damage("UPDATE payments SET description = 'no card: 4111 1111 1111 1112'")
    assert (await look_at(books.db, Invariant.I13)).holds
    monkeypatch.setattr(store, "MAX_SUSPECTS", 1)
    found = await look_at(books.db, Invariant.I13)
    assert (found.violations, found.holds) == (0, False)
    assert found.trouble is not None
    assert found.trouble.startswith("payments: only 1 of the rows")


async def test_runs_are_kept_and_the_old_ones_forgotten(books: Books) -> None:
    await furnish(books)
    await books.damage("UPDATE payments SET look_again_at = NULL")
    for number in range(KEPT_RUNS + 3):
        assert await look_at_all(books.db, books.clock, origin=f"run {number}") is not None
    newest, before = await last_runs(books.db, limit=2)
    assert (newest.origin, before.origin, newest.holds) == ("run 102", "run 101", False)
    assert [finding.invariant for finding in newest.findings] == list(Invariant)
    (bad,) = [finding for finding in newest.findings if not finding.holds and finding.invariant not in _COMPARING]
    assert (bad.invariant, bad.violations, bad.samples[0].detail[:18]) == ("I6", 1, "its deposit is hel")
    assert len(await last_runs(books.db, limit=1_000)) == KEPT_RUNS


async def test_a_patrol_logs_what_is_broken(books: Books) -> None:
    await books.paid()
    await books.damage("UPDATE payments SET balance_amount = 1; ALTER TABLE capsules RENAME TO gone")
    with structlog.testing.capture_logs() as logs:
        await commands.patrol(books.db, books.clock, stopping=lambda: False)
    told = {log["invariant"]: (log["log_level"], log.get("samples", [""])[0][38:]) for log in logs}
    assert told["I2"] == ("error", "the balance is 1 won, the total 1000, the cancels 0")
    assert told["I6"] == ("warning", "")
    assert [run.origin for run in await last_runs(books.db, limit=9)] == ["schedule"]


async def test_a_stopped_worker_does_not_wait_for_the_rest(books: Books) -> None:
    seen: list[Invariant] = []
    run = await look_at_all(
        books.db, books.clock, origin="schedule", on_start=seen.append, stopping=lambda: len(seen) == 3
    )
    assert (run, seen, await last_runs(books.db, limit=1)) == (None, list(Invariant)[:3], [])
