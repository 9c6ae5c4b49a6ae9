"""What is reserved for a refund is free again once nothing of it can be carried out (I16, O4)."""

from collections.abc import AsyncIterator

import pytest

from paywon.db.pool import Database
from paywon.payments.model import AttemptType
from tests.support.books import AMOUNT, Books, open_books


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as opened:
        yield opened


async def reservation(books: Books) -> tuple[str, int]:
    row = await books.row("SELECT cancel_status, cancel_amount FROM payment_cancels WHERE attempt_id IS NOT NULL")
    return row["cancel_status"], row["cancel_amount"]


@pytest.mark.parametrize(("elsewhere", "status"), [(AMOUNT, "FAILED"), (700, "FAILED"), (600, "PENDING")])
async def test_a_refund_without_an_answer_is_no_longer_reserved_where_the_console_left_no_room_for_it(
    books: Books, elsewhere: int, status: str
) -> None:
    order = await books.paid()
    await books.ask(AttemptType.REFUND_REQUEST, order, won=400)
    canceled = {
        "cancelAmount": elsewhere,
        "cancelReason": "콘솔에서 취소",
        "canceledAt": books.clock.now().isoformat(),
        "transactionKey": "at-the-console",
        "cancelStatus": "DONE",
    }
    await books.read(
        order,
        "payment-card-done",
        status="CANCELED" if elsewhere == AMOUNT else "PARTIAL_CANCELED",
        balanceAmount=AMOUNT - elsewhere,
        cancels=[canceled],
        lastTransactionKey="at-the-console",
    )
    assert await reservation(books) == (status, 400)
