"""The audit trail's chain: made by the database as rows close, and every harm to it is found."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest

from paywon.audit.commands import PAGE, Verification, verify
from paywon.audit.model import Break
from paywon.base.ids import new_uuid
from paywon.db.pool import Database
from paywon.orders.model import Order
from paywon.payments import store
from paywon.payments.commands.cashier import new_attempt
from paywon.payments.model import Attempt, AttemptStatus, AttemptType
from tests.support.books import SERVER, Books, open_books

LENGTH: Final = 5
# The rows of the payment that story() wrote, by a short name.
STORY: Final = """
    CREATE OR REPLACE TEMP VIEW story AS
    SELECT * FROM payment_transactions WHERE payment_id = (SELECT anchor FROM audit_heads WHERE length = 5);
    CREATE OR REPLACE TEMP VIEW head AS SELECT * FROM audit_heads WHERE length = 5
"""


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as books:
        yield books


async def story(books: Books) -> UUID:
    """A payment with five closed rows and one open; answer its id."""
    order = await books.paid()
    for won in (100, 200):
        await books.refunded(order, won)
        await books.read(order, "payment-card-done")
    await books.ask(AttemptType.REFUND_REQUEST, order, won=700)
    async with books.db.connection() as conn:
        await conn.execute(STORY)
    return await payment_of(books, order)


async def payment_of(books: Books, order: Order) -> UUID:
    row = await books.row("SELECT id FROM payments WHERE order_id = $1", order.id)
    payment_id: UUID = row["id"]
    return payment_id


async def check(books: Books, **how: Any) -> tuple[Verification, list[Break]]:
    breaks: list[Break] = []
    verified = await verify(books.db, books.clock, on_break=breaks.append, **how)
    return verified, breaks


async def kinds(books: Books) -> set[tuple[str, UUID]]:
    return {(found.kind, found.anchor) for found in (await check(books))[1]}


async def test_what_is_closed_is_chained_and_what_is_open_is_not(books: Books) -> None:
    payment_id = await story(books)
    verified, breaks = await check(books)
    assert (verified.chains, verified.rows, breaks) == (1, LENGTH, [])
    row = await books.row("SELECT count(*) FILTER (WHERE chain_hash IS NULL) AS open, max(chain_position) FROM story")
    assert tuple(row.values()) == (1, LENGTH)
    head = await books.row("SELECT * FROM audit_heads")
    assert (head["anchor"], head["length"]) == (payment_id, LENGTH)


async def test_the_digest_is_the_same_in_every_time_zone(books: Books) -> None:
    await story(books)
    digests = set()
    for zone in ("UTC", "Asia/Seoul"):
        async with books.db.connection() as conn:
            await conn.execute(f"SET timezone = '{zone}'; SET datestyle = 'German'")
            digests.add(
                await conn.fetchval(
                    "SELECT string_agg(audit_digest(t)::text, '' ORDER BY id) FROM payment_transactions t"
                )
            )
    assert len(digests) == 1


async def test_every_column_but_the_chain_itself_is_in_the_digest(books: Books) -> None:
    await story(books)
    async with books.db.connection() as conn:
        columns = await conn.fetch(
            """
            SELECT column_name AS name, data_type AS type FROM information_schema.columns
            WHERE table_name = 'payment_transactions'
            """
        )
        for column in columns:
            # A copy of one row with one column changed, as the function sees it.
            other = {"integer": 77, "bigint": 77, "boolean": True, "bytea": r"\x00", "uuid": str(new_uuid())}
            told = {column["name"]: other.get(column["type"], "2020-01-01")}
            differs = await conn.fetchval(
                """
                SELECT audit_digest(t) <> audit_digest(jsonb_populate_record(t, $1))
                FROM payment_transactions t WHERE chain_position = 2
                """,
                told,
            )
            left_out = {"sealed_request", "resolve_by", "parked_at", "in_doubt_at", "chain_position", "chain_hash"}
            left_out |= {"began_at", "unheard_at", "named_key"}
            assert differs is (column["name"] not in left_out), column["name"]


@pytest.mark.parametrize(
    ("kind", "harm"),
    [
        ("changed", "UPDATE story SET amount = 7 WHERE chain_position = 2"),
        ("changed", """UPDATE story SET response_data = response_data || '{"x": null}' WHERE chain_position = 4"""),
        ("changed", "UPDATE story SET actor = NULL WHERE chain_position = 5"),
        ("changed", "UPDATE story SET closed_at = closed_at + interval '1 microsecond' WHERE chain_position = 1"),
        (
            "changed",
            """UPDATE story SET amount = 7 WHERE chain_position = 2;
               UPDATE payment_transactions t
               SET chain_hash = sha256((SELECT chain_hash FROM story WHERE chain_position = 1) || audit_digest(t))
               WHERE chain_position = 2""",
        ),
        ("removed", "DELETE FROM story WHERE chain_position = 3"),
        ("removed", "DELETE FROM story WHERE chain_position = 5"),
        ("removed", "DELETE FROM story WHERE chain_position = 1"),
        ("removed", "DELETE FROM story"),
        ("reordered", "UPDATE story SET chain_position = 7 - chain_position WHERE chain_position IN (3, 4)"),
        (
            "inserted",
            """UPDATE audit_heads SET hash = (SELECT chain_hash FROM story WHERE chain_position = 4), length = 4
               WHERE length = 5""",
        ),
        ("inserted", "DELETE FROM audit_heads WHERE length = 5"),
    ],
)
async def test_harm_is_found_and_named(books: Books, kind: str, harm: str) -> None:
    payment_id = await story(books)
    untouched = await payment_of(books, await books.paid())
    await books.damage(harm)
    assert await kinds(books) == {(kind, payment_id)}
    verified, breaks = await check(books, anchor=payment_id)
    assert (bool(breaks), verified.seal) == (True, None)
    assert (await check(books, anchor=untouched))[1] == []


@pytest.mark.parametrize("place", [3, 6, 99])
async def test_a_row_that_was_put_in_is_found(books: Books, place: int) -> None:
    payment_id = await story(books)
    await books.damage(
        """
        CREATE TEMP TABLE strange AS SELECT * FROM story WHERE chain_position = 3;
        UPDATE strange SET id = gen_random_uuid(), idempotency_key = NULL;
        INSERT INTO payment_transactions SELECT * FROM strange
        """
    )
    await books.damage(f"UPDATE payment_transactions SET chain_position = {place} WHERE id = (SELECT id FROM strange)")  # noqa: S608
    assert await kinds(books) == {("inserted", payment_id)}


async def test_a_row_opened_again_is_found(books: Books) -> None:
    payment_id = await story(books)
    await books.damage(
        """
        ALTER TABLE payment_transactions DROP CONSTRAINT chained_once_closed;
        UPDATE story SET status = 'pending', closed_at = NULL WHERE chain_position = 3
        """
    )
    assert await kinds(books) == {("changed", payment_id)}


async def test_the_chain_cannot_be_left_out(books: Books) -> None:
    await story(books)
    with pytest.raises(asyncpg.CheckViolationError, match="chained_once_closed"):
        await books.damage("UPDATE story SET status = 'success', closed_at = now(), sealed_request = NULL")


async def test_concurrent_closes_on_one_payment_keep_its_chain_whole(books: Books) -> None:
    order = await books.paid()
    asked = await asyncio.gather(*(books.ask(AttemptType.STATUS_READ, order) for _ in range(20)))
    await asyncio.gather(*(close(books, one.attempt) for one in asked))
    verified, breaks = await check(books)
    assert (verified.rows, breaks) == (21, [])


async def close(books: Books, attempt: Attempt) -> None:
    async with books.db.transaction() as conn:
        await store.update_attempt(
            conn, attempt.id, status=AttemptStatus.SUCCESS, outcome="yes", closed_at=books.clock.now(), resolve_by=None
        )


async def test_a_close_that_is_rolled_back_leaves_no_place(books: Books) -> None:
    asked = await books.ask(AttemptType.STATUS_READ, await books.paid())
    with pytest.raises(RuntimeError):
        async with books.db.transaction() as conn:
            closed = {"status": AttemptStatus.SUCCESS, "outcome": "yes", "closed_at": books.clock.now()}
            await store.update_attempt(conn, asked.attempt.id, **closed)
            raise RuntimeError("the rest of the transaction fails")
    await close(books, asked.attempt)
    assert (await check(books))[1] == []


async def test_what_is_about_no_payment_has_chains_too(books: Books) -> None:
    key_id, today = await books.billing_key(), books.clock.at
    day = UUID(f"00000000-0000-0000-0000-0000{today:%Y%m%d}")
    for owner, days_ago in ((key_id, 0), (key_id, 1), (None, 0), (None, 0), (None, 1)):
        books.clock.at = today - timedelta(days=days_ago)
        attempt = replace(new_attempt(books.cashier, AttemptType.STATUS_READ, None, SERVER), billing_key_id=owner)
        async with books.db.transaction() as conn:
            await store.open_attempt(conn, attempt)
        await close(books, attempt)
    verified, breaks = await check(books)
    assert (verified.chains, verified.rows, breaks) == (3, 5, [])
    await books.damage(
        "DELETE FROM payment_transactions WHERE billing_key_id IS NULL AND created_at = "
        "(SELECT max(created_at) FROM payment_transactions)"
    )
    assert await kinds(books) == {("removed", day)}
    assert (await check(books, anchor=key_id))[1] == []


async def test_many_chains_are_followed_page_by_page(books: Books) -> None:
    async with books.db.connection() as conn:
        await conn.execute(
            """
            INSERT INTO billing_keys (id, customer_key, status, created_at, updated_at)
            SELECT gen_random_uuid(), 'c', 'FAILED', now(), now() FROM generate_series(1, $1)
            """,
            PAGE + 20,
        )
        await conn.execute(
            """
            INSERT INTO payment_transactions (id, billing_key_id, type, status, outcome, created_at, closed_at)
            SELECT gen_random_uuid(), k.id, 'status_read', 'success', 'yes', now(), now()
            FROM billing_keys k, generate_series(1, 2)
            """
        )
    pages: list[int] = []
    verified, breaks = await check(books, on_page=lambda so_far: pages.append(so_far.chains))
    assert (verified.rows, breaks, pages) == (2 * PAGE + 40, [], [PAGE, PAGE + 20])


async def test_a_seal_noted_down_holds_later_and_tells_a_rebuilt_chain(books: Books) -> None:
    await story(books)
    books.clock.at += timedelta(hours=1)
    first = (await check(books))[0].seal
    assert first is not None
    assert first.rows == LENGTH
    await books.paid()
    again, _ = await check(books, until=first.until)
    assert again.seal == first
    await books.damage(REBUILD)
    forged, breaks = await check(books, until=first.until)
    assert breaks == []
    assert forged.seal != first


# Whoever may do everything can change a row and rebuild its whole chain: no break is left to see.
REBUILD: Final = """
    UPDATE story SET amount = 7 WHERE chain_position = 1;
    DO $$
    DECLARE
        link payment_transactions;
        before bytea := '';
    BEGIN
        FOR link IN SELECT * FROM story WHERE closed_at IS NOT NULL ORDER BY chain_position LOOP
            before := sha256(before || audit_digest(link));
            UPDATE story SET chain_hash = before WHERE id = link.id;
        END LOOP;
        UPDATE head SET hash = before;
    END $$
"""


async def test_closed_rows_stay_as_they_are(books: Books) -> None:
    await story(books)
    async with books.db.connection() as conn:
        for harm in ("UPDATE story SET http_status = 500", "DELETE FROM story"):
            with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="what stands there stays"):
                await conn.execute(f"{harm} WHERE closed_at IS NOT NULL")
    assert await kinds(books) == set()
