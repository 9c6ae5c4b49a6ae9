"""The end of unpaid orders: whoever waits for a deposit holds up nobody, however many there are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId
from paywon.db.pool import Database
from paywon.orders.commands import OrderWish, expire_overdue_orders, place_order
from tests.support.books import AMOUNT, Books, open_books, order_book


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as books:
        books.clock.at = datetime.now(UTC)
        yield books


async def _open(books: Books, user: str) -> int:
    query = "SELECT count(*) FROM orders WHERE status = 'PENDING_PAYMENT' AND user_id = $1"
    async with books.db.connection() as conn:
        found: int = await conn.fetchval(query, user)
    return found


async def _insert(books: Books, query: str, number: int) -> None:
    async with books.db.connection() as conn:
        await conn.execute(query, number)


async def test_accounts_that_wait_for_a_deposit_hold_up_nobody(books: Books) -> None:
    await _insert(books, WAITING, 1_500)
    await _insert(books, OVERDUE, 60)
    assert await expire_overdue_orders(order_book(books)) == 60
    assert (await _open(books, "plain"), await _open(books, "waits")) == (0, 1_500)


async def test_what_waits_is_looked_at_again_hourly_and_not_each_minute(books: Books) -> None:
    await _insert(books, WAITING, 3)
    assert await expire_overdue_orders(order_book(books)) == 0
    async with books.db.transaction() as conn:
        await conn.execute("UPDATE payments SET status = 'EXPIRED' WHERE user_id = 'waits'")
    assert await expire_overdue_orders(order_book(books)) == 0
    books.clock.at += timedelta(hours=1)
    assert await expire_overdue_orders(order_book(books)) == 3


async def test_one_run_ends_all_that_are_overdue(books: Books) -> None:
    await _insert(books, OVERDUE, 3_000)
    assert await expire_overdue_orders(order_book(books)) == 3_000
    assert await _open(books, "plain") == 0


async def test_an_overdue_order_gives_way_before_any_schedule_has_run(books: Books) -> None:
    await _insert(books, WAITING, 1_500)
    await _insert(books, OVERDUE, 2)
    wish = OrderWish(
        user_id=UserId("u-2"), order_name="좌석", amount=AMOUNT, resource_type="seat", resource_id="seat-1"
    )
    await place_order(order_book(books), wish)
    assert await _open(books, "plain") == 1, "only the one that stood in the way"
    with pytest.raises(PaywonError) as refused:
        await place_order(order_book(books), wish)
    assert refused.value.code == "DUPLICATE_PAYMENT"


async def test_the_look_for_overdue_orders_does_not_grow_with_those_that_wait(books: Books) -> None:
    await _insert(books, WAITING, 1_500)
    await expire_overdue_orders(order_book(books))
    async with books.db.connection() as conn:
        await conn.execute("ANALYZE orders")
        seen = await conn.fetchval(
            """
            SELECT count(*) FROM orders
            WHERE status = 'PENDING_PAYMENT' AND greatest(expires_at, expiry_put_off_until) <= $1
            """,
            books.clock.now(),
        )
    assert seen == 0


# Orders of half an hour whose accounts live for a week, and some that nobody paid.
WAITING = """
    WITH made AS (
        INSERT INTO orders (id, order_no, user_id, order_name, amount, expires_at, created_at, updated_at)
        SELECT gen_random_uuid(), 'waits-' || n, 'waits', '책', 1000, now() - interval '2 hours' - n * interval '1 s',
               now() - interval '3 hours', now()
        FROM generate_series(1, $1::int) n RETURNING *)
    INSERT INTO payments (id, payment_number, order_id, order_no, order_name, user_id, status, payment_key,
                          total_amount, balance_amount, requested_at, created_at, updated_at, virtual_account,
                          raw_response, look_again_at)
    SELECT gen_random_uuid(), 'P-' || order_no, id, order_no, order_name, user_id, 'WAITING_FOR_DEPOSIT',
           'k-' || order_no, 1000, 1000, created_at, created_at, now(), '{"dueDate": "2999-01-01T00:00:00+09:00"}',
           '{"status": "WAITING_FOR_DEPOSIT"}', now() + interval '1 hour'
    FROM made
    """
OVERDUE = """
    INSERT INTO orders (id, order_no, user_id, order_name, amount, resource_type, resource_id, expires_at, created_at,
                        updated_at)
    SELECT gen_random_uuid(), 'plain-' || n, 'plain', '책', 1000, 'seat', 'seat-' || n, now() - interval '1 minute',
           now() - interval '1 hour', now()
    FROM generate_series(1, $1::int) n
    """
