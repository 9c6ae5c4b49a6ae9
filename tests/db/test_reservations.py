"""What is reserved for a refund is free again once nothing of it can be carried out (I16, O4)."""

from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import PaymentKey
from paywon.db.pool import Database
from paywon.orders.model import Order
from paywon.payments.commands.cancelling import RefundWish, refund_payment
from paywon.payments.commands.resolving import resolve_due
from paywon.payments.model import AttemptType
from tests.support.books import AMOUNT, SERVER, Books, key_of, open_books
from tests.support.evidence import evidence
from tests.toss.loopback import Step, client_for, loopback, reply, reset


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


async def test_the_key_that_a_caller_named_is_on_record_with_the_question(books: Books) -> None:
    order = await books.paid()
    payment = await books.row("SELECT id FROM payments WHERE order_id = $1", order.id)
    kind = AttemptType.PAYMENT_CANCELLATION
    async with loopback(reset()) as toss, client_for(toss.url, read_timeout_s=0.3) as client:
        cashier = replace(books.cashier, toss=client)
        wish = RefundWish(kind=kind, reason="변심", amount=None, payment_key=key_of(order))
        await refund_payment(cashier, payment["id"], wish, SERVER)
    asked = await books.row("SELECT named_key, payment_key FROM payment_transactions WHERE type = $1", kind)
    assert asked["named_key"] == asked["payment_key"] == key_of(order)


async def test_two_open_questions_of_a_payment_are_both_settled_by_what_a_read_shows(books: Books) -> None:
    """The answers to opening a window and to confirming it were both lost; Toss shows the payment as done."""
    order = await books.order()
    await books.ask(AttemptType.PAYMENT_REQUEST, order)
    await books.ask(AttemptType.PAYMENT_CONFIRMATION, order)
    await books.rows("UPDATE payment_transactions SET resolve_by = $1", books.clock.now())
    async with loopback(_done(books, order), _done(books, order)) as toss, client_for(toss.url) as client:
        assert await resolve_due(replace(books.cashier, toss=client)) == 2
        assert {seen.method for seen in toss.seen} == {"GET"}, "nothing is asked again"
    settled = await books.rows(
        "SELECT type, status FROM payment_transactions WHERE type <> 'status_read' ORDER BY type"
    )
    assert [tuple(row.values()) for row in settled] == [
        ("payment_confirmation", "success"), ("payment_request", "success")
    ]  # fmt: skip


def _done(books: Books, order: Order) -> Step:
    raw = evidence("payment-card-done", asked_at=books.clock.now()).raw
    fitting = {"orderId": order.order_no, "paymentKey": key_of(order), "totalAmount": AMOUNT, "balanceAmount": AMOUNT}
    return reply(msgspec.json.encode({**raw, **fitting}))
