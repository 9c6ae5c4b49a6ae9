"""Payments at Toss of no order of ours: what is noted of one is its newest row, though Toss tells seconds."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from paywon.base.ids import OrderNo, PaymentKey
from paywon.db.pool import Database
from paywon.reconciliation import store
from paywon.reconciliation.model import Row

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def row(status: str, *, at: datetime = NOW) -> Row:
    order_no = OrderNo("ORD-1795886369307-EQFJKSXT")
    return Row(
        transaction_key=f"{status}-{at:%S}",
        payment_key=PaymentKey("key-of-nobody"),
        order_no=order_no,
        status=status,
        amount_krw=50_000,
        at=at,
    )


async def noted(db: Database, *pages: list[Row]) -> str:
    async with db.transaction() as conn:
        await conn.execute("DELETE FROM unknown_payments")
    for page in pages:
        async with db.transaction() as conn:
            await store.note_unknown(conn, page, NOW)
    async with db.connection() as conn:
        status: str = await conn.fetchval("SELECT status FROM unknown_payments")
    return status


SAME_SECOND = ["WAITING_FOR_DEPOSIT", "DONE", "PARTIAL_CANCELED", "CANCELED"]


@pytest.mark.parametrize("newest", range(1, 4), ids=lambda newest: SAME_SECOND[newest])
async def test_of_rows_of_one_second_the_one_that_came_last_counts(db: Database, newest: int) -> None:
    rows = [row(status) for status in SAME_SECOND[: newest + 1]]
    for pages in ([rows], [rows[::-1]], *([[each] for each in order] for order in permutations(rows))):
        assert await noted(db, *pages) == SAME_SECOND[newest], "in whatever order and pages Toss lists them"


async def test_a_bank_s_reversal_comes_after_the_deposit(db: Database) -> None:
    later = row("WAITING_FOR_DEPOSIT", at=NOW + timedelta(seconds=1))
    assert await noted(db, [row("DONE")], [later], [row("DONE")]) == "WAITING_FOR_DEPOSIT"
