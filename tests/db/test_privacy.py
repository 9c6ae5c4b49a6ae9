"""A person is forgotten, the books stay, and the chain still proves what stands and what was taken out."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from paywon.audit.commands import verify
from paywon.audit.model import Break
from paywon.base.ids import UserId
from paywon.base.sealing import KeyRing
from paywon.db.pool import Database
from paywon.invariants.commands import look_at
from paywon.invariants.model import Invariant
from paywon.orders.model import Order
from paywon.payments.model import AttemptType
from paywon.privacy.commands import forget, look
from paywon.privacy.model import FORGOTTEN, Report, books_of, pseudonym_of
from tests.support.books import AMOUNT, Books, open_books

RING = KeyRing([bytes(32)])
USER = UserId("u-1")
PSEUDONYM = pseudonym_of(RING, USER)


@pytest.fixture
async def books(db: Database) -> AsyncIterator[Books]:
    async with open_books(db) as opened:
        yield opened


async def furnish(books: Books) -> Order:
    """A paid capsule and a refunded one, with all that may tell of a person."""
    kept = await books.paid(capsule=True)
    await books.refunded(await books.paid(capsule=True), AMOUNT)
    await books.damage(
        """
        UPDATE orders SET metadata = '{"pet": "나비"}';
        UPDATE payments SET customer = '{"name": "홍길동"}', description = '홍길동', ip_address = '203.0.113.7',
               user_agent = 'phone', metadata = '{"pet": "나비"}', refund_reason = '홍길동 요청';
        """
    )
    return kept


async def forgotten(books: Books, **more: Any) -> Report:
    return await forget(books.db, books.clock, RING, USER, operator="개인정보 담당", **more)


async def broken(books: Books) -> list[str]:
    """What the verifier finds in the chains."""
    found: list[Break] = []
    await verify(books.db, books.clock, on_break=found.append)
    return [str(item.kind) for item in found]


async def whole(books: Books) -> bool:
    """Whether chains and invariants hold."""
    held = [(await look_at(books.db, invariant)).holds for invariant in Invariant]
    return await broken(books) == [] and all(held)


async def figures(books: Books) -> list[dict[str, Any]]:
    """What the books are kept by."""
    return await books.rows(
        """
        SELECT o.order_no, o.status, o.amount, o.fulfilment_status, p.payment_number, p.payment_key, p.status AS shown,
               p.total_amount, p.balance_amount, p.last_transaction_key, p.approved_at, p.card_approval_number,
               (SELECT array_agg((c.cancel_amount, c.transaction_key, c.cancel_status)::text) FROM payment_cancels c
                WHERE c.payment_id = p.id) AS cancels,
               (SELECT array_agg((t.type, t.status, t.outcome, t.amount, t.idempotency_key)::text ORDER BY t.id)
                FROM payment_transactions t WHERE t.payment_id = p.id AND t.type <> 'erasure') AS attempts
        FROM orders o JOIN payments p ON p.order_id = o.id ORDER BY o.order_no
        """
    )


async def test_the_person_goes_and_the_books_stay(books: Books) -> None:
    await furnish(books)
    before = await figures(books)
    report = await forgotten(books)
    assert report.act is not None and report.under_way == []
    assert await figures(books) == before
    assert await whole(books)
    left = await books.rows(
        """
        SELECT to_jsonb(o)::text || to_jsonb(p)::text || coalesce(to_jsonb(c)::text, '') AS held
        FROM orders o JOIN payments p ON p.order_id = o.id LEFT JOIN capsules c ON c.order_id = o.id
        """
    )
    for row in left:
        assert not any(word in row["held"] for word in ("홍길동", "나비", "203.0.113.7", "phone", '"u-1"', "졸업")), row
        assert row["held"].count(PSEUDONYM) >= 2
    texts = await books.rows("SELECT (to_jsonb(t) - 'id')::text AS held FROM payment_transactions t")
    assert not any("변심" in row["held"] or "orderName" in row["held"] for row in texts)
    (cancel,) = await books.rows("SELECT cancel_reason FROM payment_cancels")
    assert cancel["cancel_reason"] == FORGOTTEN


async def test_the_act_is_on_record_and_never_says_of_whom(books: Books) -> None:
    await furnish(books)
    report = await forgotten(books)
    (act,) = await books.rows("SELECT * FROM privacy_acts")
    assert (act["operator"], act["pseudonym"]) == ("개인정보 담당", PSEUDONYM)
    assert act["finished_at"] is not None
    assert {"orders": 2, "payments": 2, "capsules": 2, "payment_cancels": 1}.items() <= act["rows"].items()
    assert act["rows"] == dict(report.rows)
    records = await books.rows("SELECT * FROM payment_transactions WHERE type = 'erasure'")
    assert len(records) == 2
    assert "u-1" not in str(act) + str(records)


async def test_again_changes_nothing_and_a_look_changes_nothing_at_all(books: Books) -> None:
    await furnish(books)
    seen = await look(books.db, RING, USER)
    assert (seen.known, seen.act, seen.rows["orders"], len(seen.orders)) == (True, None, 2, 2)
    assert await books.rows("SELECT FROM privacy_acts") == []
    await forgotten(books)
    once = await books.rows("SELECT to_jsonb(p)::text, to_jsonb(o)::text FROM payments p, orders o ORDER BY 1, 2")
    again = await forgotten(books)
    assert again.act is not None and again.rows.total() == 0
    assert (
        await books.rows("SELECT to_jsonb(p)::text, to_jsonb(o)::text FROM payments p, orders o ORDER BY 1, 2") == once
    )
    assert await whole(books)


async def test_one_that_is_cut_off_is_gone_on_with(books: Books) -> None:
    await furnish(books)
    await furnish(books)

    def cut_off(done: int, _of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await forgotten(books, on_order=cut_off)
    assert await whole(books)
    assert len(await books.rows("SELECT FROM orders WHERE user_id = 'u-1'")) == 2
    report = await forgotten(books)
    (act,) = await books.rows("SELECT * FROM privacy_acts")
    assert act["rows"] == dict(report.rows) and act["rows"]["orders"] == 4
    assert await books.rows("SELECT FROM orders WHERE user_id = 'u-1'") == []
    assert await whole(books)


async def test_nobody_is_forgotten_whom_nobody_knows(books: Books) -> None:
    await furnish(books)
    report = await forget(books.db, books.clock, RING, UserId("stranger"), operator="x")
    assert (report.known, report.act) == (False, None)
    assert await books.rows("SELECT FROM privacy_acts") == []


async def test_what_is_under_way_comes_first(books: Books) -> None:
    order = await furnish(books)
    await books.ask(AttemptType.REFUND_REQUEST, order)
    waiting = await books.order()
    report = await forgotten(books)
    assert report.act is None
    assert [(item.what, item.subject) for item in report.under_way] == [
        ("open refund_request", order.order_no),
        ("order PENDING_PAYMENT", waiting.order_no),
    ]
    assert await books.rows("SELECT FROM orders WHERE user_id <> 'u-1'") == []


async def test_what_is_learned_afterwards_still_fits(books: Books) -> None:
    """Toss may show the payment again, or give money back in its dashboard: the books follow, of nobody."""
    order = await furnish(books)
    await forgotten(books)
    await books.refunded(order, AMOUNT)
    row = await books.row("SELECT status, user_id FROM orders WHERE id = $1", order.id)
    assert (row["status"], row["user_id"]) == ("REFUNDED", PSEUDONYM)
    assert await whole(books)
    # What that brought is taken out by another run.
    assert (await forgotten(books)).rows["payment_cancels"] == 1
    assert await whole(books)


# --- The chain ------------------------------------------------------------------------------------------


async def test_a_closed_row_changes_only_with_its_record(books: Books) -> None:
    await furnish(books)
    for change in (
        "UPDATE payment_transactions SET ip_address = 'x'",
        "UPDATE payment_transactions SET request_data = NULL",
        "DELETE FROM payment_transactions",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await _run(books, change)
    await forgotten(books)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _run(books, "UPDATE payment_transactions SET amount = 1 WHERE id IN (SELECT row_id FROM audit_erasures)")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _run(books, "UPDATE audit_erasures SET digest_after = digest_before")


@pytest.mark.parametrize(
    "forgery",
    [
        # An erased row is changed once more.
        """
        UPDATE payment_transactions SET request_data = '{"amount": 1}'
        WHERE id = (SELECT row_id FROM audit_erasures ORDER BY row_id LIMIT 1)
        """,
        # What was erased is put into another shape, and its note made to fit.
        """
        UPDATE payment_transactions SET amount = 1
        WHERE id = (SELECT row_id FROM audit_erasures ORDER BY row_id LIMIT 1);
        UPDATE audit_erasures e SET digest_after = audit_digest(t) FROM payment_transactions t
        WHERE t.id = e.row_id AND e.row_id = (SELECT row_id FROM audit_erasures ORDER BY row_id LIMIT 1)
        """,
        # A row that nobody erased is changed, with a note that no record of the chain has.
        """
        CREATE TEMP TABLE was AS
        SELECT id, audit_digest(t) AS digest FROM payment_transactions t WHERE type = 'erasure' LIMIT 1;
        UPDATE payment_transactions SET actor = 'somebody' WHERE id = (SELECT id FROM was);
        INSERT INTO audit_erasures (row_id, record_id, digest_before, digest_after)
        SELECT t.id, t.id, was.digest, audit_digest(t) FROM payment_transactions t JOIN was ON was.id = t.id
        """,
        # The note is gone.
        "DELETE FROM audit_erasures WHERE row_id = (SELECT row_id FROM audit_erasures ORDER BY row_id LIMIT 1)",
        # The record is gone.
        "DELETE FROM payment_transactions WHERE type = 'erasure'",
    ],
    ids=["changed again", "another shape", "a note of nobody's", "no note", "no record"],
)
async def test_a_forged_erasure_is_found(books: Books, forgery: str) -> None:
    await furnish(books)
    await forgotten(books)
    assert await broken(books) == []
    await books.damage(forgery)
    assert await broken(books) != []


async def _run(books: Books, statement: str) -> None:
    async with books.db.connection() as conn:
        await conn.execute(statement)


def test_a_document_keeps_what_the_books_need_and_nothing_that_is_new_to_us() -> None:
    told = {
        "orderId": "ORD-1",
        "totalAmount": 1000,
        "customerName": "홍***",
        "orderName": "진료",
        "card": {"number": "4330****", "issuerCode": "11", "cardholder": "x"},
        "cancels": [{"cancelReason": "아파서", "cancelAmount": 10, "transactionKey": "k"}],
        "somethingNew": {"amount": 1},
        "virtualAccount": {"accountNumber": "X1", "expired": False},
    }
    kept = {
        "orderId": "ORD-1",
        "totalAmount": 1000,
        "card": {"issuerCode": "11"},
        "cancels": [{"cancelAmount": 10, "transactionKey": "k"}],
        "virtualAccount": {"expired": False},
    }
    assert books_of(told) == kept
    assert books_of(kept) == kept


def test_a_pseudonym_is_stable_and_says_nothing_without_the_ring() -> None:
    other = KeyRing([bytes(range(32))])
    assert pseudonym_of(RING, USER) == PSEUDONYM != pseudonym_of(other, USER)
    assert pseudonym_of(RING, UserId("u-2")) != PSEUDONYM
    assert "u-1" not in PSEUDONYM
