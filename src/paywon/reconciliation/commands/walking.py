"""Walks Toss's list of transactions page by page, and notes what our books do not explain.

A walk stands in PostgreSQL, and is leased by one worker at a time. One that breaks off, because a page could not be
read or a process died, goes on behind the last row that was compared; only one that came to its end counts.
"""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from paywon.base.ids import OrderNo, PaymentKey
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.listing import ListsOnRecord
from paywon.reconciliation import store
from paywon.reconciliation.model import GO_ON_AFTER, Row, Walk, WalkKind, explains, next_walk_at, span_of
from paywon.toss.outcome import No
from paywon.toss.paging import PAGE_ROWS, PageNotRead, all_transactions
from paywon.toss.wire import Transaction
from paywon.toss.wire.base import whole

# Toss may take two minutes over a page (toss/api.md 1.4).
_LEASE: Final = timedelta(minutes=3)
_SETTLED_KEPT: Final = timedelta(days=60)
_ORIGIN: Final = Origin(actor="system:reconciliation")
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walker:
    """What reconciliation takes: ``every`` is how often the newest rows are walked, ``reads`` how many differing
    payments are read in that time by all workers together, ``page_rows`` how many rows are asked for at once.
    """

    cashier: Cashier
    every: timedelta
    reads: int
    page_rows: int = PAGE_ROWS


class _Overtaken(Exception):  # noqa: N818 - it is what happened
    """The lease ran out, and another worker goes on with the walk."""


async def walk_due(walker: Walker) -> int:
    """Go on with a walk whose time has come; return how many were."""
    walk = await _claim(walker)
    if walk is None:
        return 0
    try:
        walk = await _go(walker, walk)
    except _Overtaken:
        return 1
    except PageNotRead as unread:
        await _break_off(walker, walk.kind, unread)
        return 1
    await _finish(walker, walk)
    return 1


async def _claim(walker: Walker) -> Walk | None:
    cashier = walker.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        await store.ensure_walk(conn, WalkKind.RECENT, now)
        await store.ensure_walk(conn, WalkKind.DAYS, next_walk_at(WalkKind.DAYS, now, every=walker.every))
        due = await store.due_walk(conn, now)
        if due is None:
            return None
        start, end = span_of(due, now)
        fresh: dict[str, Any] = (
            {} if due.span_start is not None else {"begun_at": now, "rows": 0, "differing": 0, "unknown": 0}
        )
        walk = replace(due, span_start=start, span_end=end, leased_until=now + _LEASE, **fresh)
        await store.keep_walk(conn, walk, held=due.leased_until)
    return walk


async def _go(walker: Walker, walk: Walk) -> Walk:
    """Compare what is left of a walk, a page at a time; what came before a page that cannot be read is kept."""
    assert walk.span_start is not None and walk.span_end is not None, "it was claimed"
    lists = ListsOnRecord(cashier=walker.cashier, origin=_ORIGIN)
    rows = all_transactions(
        lists, walk.span_start, walk.span_end, starting_after=walk.cursor, page_rows=walker.page_rows
    )
    page: list[Row] = []
    async with aclosing(rows):
        async for told in rows:
            page.append(_row(told, unsaid_at=walk.span_end))
            if len(page) == walker.page_rows:
                walk, page = await _take(walker, walk, page), []
    return await _take(walker, walk, page) if page else walk


def _row(told: Transaction, *, unsaid_at: datetime) -> Row:
    """Return a row of the list; ``unsaid_at`` stands for a time that Toss does not say or that cannot be read."""
    return Row(
        transaction_key=told.transaction_key,
        payment_key=PaymentKey(told.payment_key),
        order_no=OrderNo(told.order_id),
        status=told.status,
        amount_krw=None if told.amount is None else whole(told.amount),
        at=told.transaction_at or unsaid_at,
    )


async def _take(walker: Walker, walk: Walk, page: Sequence[Row]) -> Walk:
    """Compare a page with our books, note what differs, and move the walk behind it."""
    cashier = walker.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        ours = await store.books_of(conn, [row.order_no for row in page])
        unknown = [row for row in page if row.order_no not in ours]
        differing = [row for row in page if row.order_no in ours and not explains(ours[row.order_no], row)]
        found = await store.add_differences(conn, differing, now)
        foreign = await store.note_unknown(conn, unknown, now)
        moved = replace(
            walk,
            cursor=page[-1].transaction_key,
            rows=walk.rows + len(page),
            differing=walk.differing + found,
            unknown=walk.unknown + foreign,
            leased_until=now + _LEASE,
        )
        if not await store.keep_walk(conn, moved, held=walk.leased_until):
            raise _Overtaken
    return moved


async def _finish(walker: Walker, walk: Walk) -> None:
    cashier = walker.cashier
    now = cashier.clock.now()
    done = replace(
        walk,
        next_at=next_walk_at(walk.kind, now, every=walker.every),
        leased_until=None,
        span_start=None,
        span_end=None,
        cursor=None,
        failures=0,
        last_error=None,
        complete_until=walk.span_end,
        finished_at=now,
    )
    async with cashier.db.transaction() as conn:
        if await store.keep_walk(conn, done, held=walk.leased_until):
            await store.forget_settled(conn, now - _SETTLED_KEPT)
    # The newest rows are walked every few minutes: what finds nothing is nothing to tell.
    tell = _log.info if walk.differing or walk.unknown else _log.debug
    tell("walked Toss's transactions", **_told(walk), took_s=_seconds(walk.begun_at, now))


async def _break_off(walker: Walker, kind: WalkKind, unread: PageNotRead) -> None:
    """Leave a walk where it is; where Toss refuses the place itself it begins its span anew."""
    cashier = walker.cashier
    now = cashier.clock.now()
    async with cashier.db.transaction() as conn:
        walk = await store.last_walk(conn, kind)
        assert walk is not None, "it was claimed"
        refused = isinstance(unread.answer, No)
        left = replace(
            walk,
            next_at=now + (walker.every if refused else min(GO_ON_AFTER, walker.every)),
            leased_until=None,
            failures=walk.failures + 1,
            last_error=str(unread)[:300],
            cursor=None if refused else walk.cursor,
        )
        await store.keep_walk(conn, left, held=walk.leased_until)
    _log.warning("a walk of Toss's transactions broke off", **_told(left), why=str(unread))


def _told(walk: Walk) -> dict[str, object]:
    return {
        "kind": walk.kind.value,
        "from": walk.span_start and walk.span_start.isoformat(),
        "to": walk.span_end and walk.span_end.isoformat(),
        "rows": walk.rows,
        "differing": walk.differing,
        "unknown": walk.unknown,
        "failures": walk.failures,
    }


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else round((now - since).total_seconds(), 3)
