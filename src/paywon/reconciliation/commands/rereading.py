"""Reads the payments that differ from our books, so that ``learn`` repairs them with Toss's own word.

A row of the list is read once: it is settled by the read that shows it. A read that does not, because it lags behind
the list, comes again after a while; what no read explains is left to a person.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import structlog

from paywon.hearing import store as hearing
from paywon.orders import store as orders
from paywon.payments import store as payments
from paywon.payments.commands import reading
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.reading import Reread
from paywon.payments.model import Verdict
from paywon.reconciliation import store
from paywon.reconciliation.commands.walking import Walker
from paywon.reconciliation.model import Difference, Ending, Seen, again_at, ending_of
from paywon.toss.outcome import Yes, is_silence

_ORIGIN: Final = Origin(actor="system:reconciliation")
_AT_ONCE: Final = 10
_UNHEARD_AGAIN: Final = timedelta(seconds=30)
_log = structlog.get_logger()


async def read_differing(walker: Walker) -> int:
    """Read payments whose rows in Toss's list our books do not explain; return how many."""
    cashier = walker.cashier
    due = await _claim(walker)
    outcomes = await asyncio.gather(*(_read(cashier, each) for each in due), return_exceptions=True)
    for difference, outcome in zip(due, outcomes, strict=True):
        if isinstance(outcome, BaseException):
            _log.error("a difference could not be read", order_no=difference.row.order_no, exc_info=outcome)
    return len(due)


async def _claim(walker: Walker) -> list[Difference]:
    cashier = walker.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        await store.hold_reading(conn)
        left = walker.reads - await store.reads_since(conn, now - walker.every)
        # While Toss is silent one read is enough to hear whether it is back.
        limit = min(left, 1 if await hearing.is_silent(conn) else _AT_ONCE)
        if limit <= 0:
            return []
        return await store.claim_differences(conn, now, lease_until=now + cashier.lease, limit=limit)


async def _read(cashier: Cashier, difference: Difference) -> None:
    row = difference.row
    async with cashier.db.connection() as conn:
        about = await payments.by_order_no(conn, row.order_no) or await orders.by_no(conn, row.order_no)
    asked_at = cashier.clock.now()
    assert about is not None, "it was an order of ours, and orders are never deleted"
    reread = await reading.read_from_toss(cashier, about, _ORIGIN, payment_key=row.payment_key)
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        if is_silence(reread.answer):
            await store.not_read(conn, row.transaction_key, now + _UNHEARD_AGAIN)
            return
        books = (await store.books_of(conn, [row.order_no]))[row.order_no]
        seen = None if not isinstance(reread.answer, Yes) else _seen(reread, asked_at=asked_at)
        for each in await store.open_of_payment(conn, row.payment_key):
            ending = ending_of(each, books, seen)
            match ending:
                case Ending.SETTLED:
                    await store.settle(conn, each.row.transaction_key, now)
                case Ending.AGAIN:
                    await store.read_again(conn, each.row.transaction_key, again_at(each, now))
                case Ending.UNEXPLAINED:
                    await store.give_up(conn, each.row.transaction_key, now)
            _log.info(
                "read what Toss's list shows and our books did not",
                order_no=each.row.order_no,
                row_status=each.row.status,
                our_status=books.status,
                ending=ending.value,
            )


def _seen(reread: Reread, *, asked_at: datetime) -> Seen:
    assert isinstance(reread.answer, Yes), "it showed a payment"
    shown = reread.answer.value
    keys = {shown.last_transaction_key, *(cancel.transaction_key for cancel in shown.cancels or [])}
    fits = reread.learned is not None and reread.learned.verdict is not Verdict.CONTRADICTS
    return Seen(asked_at=asked_at, transaction_keys=frozenset(key for key in keys if key is not None), fits=fits)
