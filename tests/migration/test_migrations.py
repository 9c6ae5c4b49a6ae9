"""Trust in migrations: what they make is what stands in the repository, and running them again changes nothing."""

import asyncio
import json
import re
from pathlib import Path

import asyncpg
import pytest

from paywon.db import migrations
from paywon.db.embedded import EmbeddedPostgres
from paywon.db.migrate import current_revision, ensure_database, migrate, newest_revision
from tests.conftest import FreshDatabase
from tests.support.schema import COPY, dump

FILES = {
    file.name[:4]: file.read_text(encoding="utf-8")
    for file in Path(migrations.__file__).with_name("versions").glob("[0-9]*.sql")
}
# What 0022 makes, taken back, so that its file runs over rows of before.
_BEFORE_0022 = "DROP TABLE audit_rules; DROP FUNCTION mask_cards;"


async def test_migrations_make_the_checked_schema(database: FreshDatabase) -> None:
    assert dump(database.url) == COPY.read_text(encoding="utf-8"), "run: .venv/bin/python -m tests.support.schema"


async def test_migrating_again_changes_nothing(database: FreshDatabase) -> None:
    before = dump(database.url)
    assert await migrate(database.url) == newest_revision() == await current_revision(database.url)
    assert dump(database.url) == before


async def test_processes_that_migrate_at_once_do_not_meet(postgres: EmbeddedPostgres) -> None:
    await ensure_database(postgres.url("postgres"), "at_once")
    revisions = await asyncio.gather(*(migrate(postgres.url("at_once")) for _ in range(5)))
    assert set(revisions) == {newest_revision()}


async def test_an_empty_database_has_no_revision(postgres: EmbeddedPostgres) -> None:
    await ensure_database(postgres.url("postgres"), "empty")
    assert await current_revision(postgres.url("empty")) is None


@pytest.mark.parametrize(
    "statement",
    [
        # An order without payment key but with Toss's answer; a DONE without evidence; a negative balance.
        "UPDATE payments SET raw_response = '{}'",
        "UPDATE payments SET status = 'DONE'",
        "UPDATE payments SET balance_amount = -1",
        "UPDATE payments SET total_amount = 0",
        "UPDATE payments SET currency = 'USD'",
        "UPDATE payments SET status = 'PAID'",
        "DELETE FROM orders",
    ],
)
async def test_the_database_itself_refuses_what_must_not_be(database: FreshDatabase, statement: str) -> None:
    conn = await asyncpg.connect(database.url)
    try:
        await conn.execute("""
            INSERT INTO orders (id, order_no, user_id, order_name, amount, expires_at, created_at, updated_at)
            VALUES (gen_random_uuid(), 'ORD-000001', 'u', 'n', 100, now(), now(), now());
            INSERT INTO payments (id, payment_number, order_id, order_no, user_id, status, total_amount,
                                  requested_at, created_at, updated_at)
            SELECT id, 'PAY-1', id, order_no, user_id, 'READY', 100, now(), now(), now() FROM orders
        """)
        with pytest.raises((asyncpg.IntegrityConstraintViolationError, asyncpg.CheckViolationError)):
            await conn.execute(statement)
    finally:
        await conn.close()


def test_the_files_are_read_in_the_order_that_they_run_in() -> None:
    """From 0013 on: 0011 was made before 0009, and what has run somewhere keeps its name."""
    folder = Path(migrations.__file__).with_name("versions")
    named = {
        file.name[:4]: re.findall(r'^(?:down_)?revision = "(\d+)"$', file.read_text(encoding="utf-8"), re.MULTILINE)
        for file in folder.glob("[0-9]*.py")
    }
    recent = sorted(number for number in named if number >= "0013")
    assert [named[number] for number in recent] == [[number, f"{int(number) - 1:04}"] for number in recent]


async def test_old_payments_get_seed_ones_word_for_how_they_were_paid(postgres: EmbeddedPostgres) -> None:
    """What only Toss's word was known of, and what was paid otherwise than it was asked for."""
    url = postgres.url("means")
    await ensure_database(postgres.url("postgres"), "means")
    await migrate(url)
    words = ["카드", "간편결제", "계좌이체", "가상계좌", "휴대폰", "문화상품권", None]
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(
            """
            INSERT INTO orders (id, order_no, user_id, order_name, amount, expires_at, created_at, updated_at)
            SELECT gen_random_uuid(), 'ORD-00000' || place, 'u', 'n', 100, now(), now(), now()
            FROM generate_series(1, 7) place;
            INSERT INTO payments (id, payment_number, order_id, order_no, user_id, status, total_amount,
                                  requested_at, created_at, updated_at)
            SELECT id, 'PAY-' || order_no, id, order_no, user_id, 'READY', 100, now(), now(), now() FROM orders
            """
        )
        for place, word in enumerate(words, start=1):
            means = "card" if word in ("문화상품권", "계좌이체", None) else None
            query = "UPDATE payments SET method = $2, payment_method = $3 WHERE order_no = $1"
            await conn.execute(query, f"ORD-00000{place}", word, means)
        await conn.execute(_BEFORE_0022 + FILES["0022"])
        rows = await conn.fetch("SELECT payment_method FROM payments ORDER BY order_no")
    finally:
        await conn.close()
    found = [row["payment_method"] for row in rows]
    assert found == ["card", "card", "transfer", "virtual_account", "mobile", None, "card"]


async def test_old_copies_of_tosss_answers_keep_a_cards_last_four_signs(postgres: EmbeddedPostgres) -> None:
    """A closed attempt stays as it was closed: the rule binds those that begin a day later."""
    url = postgres.url("cards")
    await ensure_database(postgres.url("postgres"), "cards")
    await migrate(url)
    conn = await asyncpg.connect(url)
    try:
        await conn.execute(
            """
            INSERT INTO payment_transactions (id, type, status, outcome, response_data, created_at, closed_at)
            VALUES (gen_random_uuid(), 'status_read', 'success', 'yes', '{"card": {"number": "43306542****090*"}}',
                    now(), now()),
                   (gen_random_uuid(), 'status_read', 'pending', NULL, '{"card": {"number": "43306542****090*"}}',
                    now(), NULL);
            INSERT INTO billing_keys (id, customer_key, auth_digest, status, card_meta, created_at, updated_at)
            VALUES (gen_random_uuid(), 'c', 'x', 'FAILED', '{"number": "433065******0901", "cardType": "신용"}',
                    now(), now())
            """
        )
        await conn.execute(_BEFORE_0022 + FILES["0022"])
        rows = await conn.fetch(
            "SELECT response_data -> 'card' ->> 'number' AS number FROM payment_transactions ORDER BY closed_at"
        )
        meta = await conn.fetchval("SELECT card_meta FROM billing_keys")
        binds_later = await conn.fetchval("SELECT since > now() FROM audit_rules")
    finally:
        await conn.close()
    assert [row["number"] for row in rows] == ["43306542****090*", "************090*"]
    assert json.loads(meta) == {"number": "************0901", "cardType": "신용"}
    assert binds_later
