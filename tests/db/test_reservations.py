"""What is reserved for a refund is free again once nothing of it can be carried out (I16, O4)."""

from collections.abc import AsyncIterator

import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import PaymentKey
from paywon.db.pool import Database
from paywon.payments.commands.cancelling import RefundWish, refund_payment
from paywon.payments.model import AttemptType
from tests.support.books import AMOUNT, SERVER, Books, open_books


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


async def test_a_key_that_was_current_when_it_was_looked_up_and_is_not_any_more_cancels_nothing(books: Books) -> None:
    """Between the look-up and the lock another window has paid: what is cancelled is decided under the lock."""
    order = await books.paid()
    payment = await books.row("SELECT id FROM payments WHERE order_id = $1", order.id)
    wish = RefundWish(
        kind=AttemptType.PAYMENT_CANCELLATION, reason="변심", amount=None, payment_key=PaymentKey("the-declined-one")
    )
    with pytest.raises(PaywonError, match="PAYMENT_KEY_NOT_CURRENT"):
        await refund_payment(books.cashier, payment["id"], wish, SERVER)
    assert (await books.row("SELECT count(*) AS n FROM payment_cancels"))["n"] == 0
