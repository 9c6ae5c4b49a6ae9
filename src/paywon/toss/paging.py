"""Whole lists across Toss's page limits (toss/api.md 1.6), as async generators that yield rows.

A list either comes to its end or raises `PageNotRead`: one that stopped in silence would pass for complete.
What was yielded before the error stands. A row that cannot be read hides no other: it is passed over, and put into
`unread` when it is, so whoever reads a list knows by how many rows it is short.
"""

import sys
from collections.abc import AsyncGenerator, Iterator
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from paywon.toss.body import Lost
from paywon.toss.calls.ledger import MAX_TRANSACTION_KEY_CHARS, DateType
from paywon.toss.outcome import Answer, Call, No, NotSent, Unknown, UnknownReason, Yes
from paywon.toss.wire import CashReceipt, CashReceiptPage, Settlement, Transaction

T = TypeVar("T")

PAGE_ROWS = 1000
"""A page of settlements of this length has about 0.8 MB, well below what the client takes, and holds up the event
loop for some 20 ms while it is read (5000 rows: 130 ms).
"""


class ListsTransactions(Protocol):
    """The client, or who stands before it and puts each page on record."""

    async def list_transactions(
        self, start: datetime, end: datetime, *, starting_after: str | None = None, limit: int | None = None
    ) -> Answer[list[Transaction]]: ...


class ListsSettlements(Protocol):
    """As `ListsTransactions`."""

    async def list_settlements(
        self,
        start_date: date,
        end_date: date,
        *,
        date_type: DateType | None = None,
        page: int | None = None,
        size: int | None = None,
    ) -> Answer[list[Settlement]]: ...


class ListsCashReceipts(Protocol):
    """As `ListsTransactions`."""

    async def list_cash_receipts(
        self, request_date: date, *, cursor: int | None = None, limit: int | None = None
    ) -> Answer[CashReceiptPage]: ...


class PageNotRead(Exception):  # noqa: N818 - it names what happened
    """A page could not be read; `answer` says why. Pages that go round in a circle are an unknown, UNREADABLE."""

    def __init__(self, answer: No | NotSent | Unknown) -> None:
        super().__init__(f"{answer.call.path}?{answer.call.query}: {_why(answer)}")
        self.answer = answer


async def all_transactions(
    client: ListsTransactions,
    start: datetime,
    end: datetime,
    *,
    starting_after: str | None = None,
    page_rows: int = PAGE_ROWS,
    unread: list[Lost] | None = None,
) -> AsyncGenerator[Transaction]:
    """Every transaction of the span, in Toss's order; those behind the transactionKey `starting_after` if one is
    given.
    """
    cursor = starting_after
    passed: set[str] = set() if cursor is None else {cursor}
    while True:
        page = _page(await client.list_transactions(start, end, starting_after=cursor, limit=page_rows))
        is_full = len(page.rows) >= page_rows
        end_row, cursor = _next_begins_behind(page) if is_full else (len(page.rows), None)
        if cursor in passed:
            raise _circle(page.call)
        for row in _passing(page, unread, 0, end_row):
            yield row
        if cursor is None:
            return
        passed.add(cursor)


async def all_settlements(
    client: ListsSettlements,
    start_date: date,
    end_date: date,
    *,
    date_type: DateType | None = None,
    skip: int = 0,
    most: int | None = None,
    page_rows: int = PAGE_ROWS,
    unread: list[Lost] | None = None,
) -> AsyncGenerator[Settlement]:
    """Every settlement row of the days, cancels included, in Toss's order; behind the first `skip`, and `most` at most.

    Both count rows that cannot be read too.
    """
    whole_pages, begin = divmod(skip, page_rows)
    number, left = whole_pages + 1, sys.maxsize if most is None else most
    last_rows: list[Any] = []
    while left > 0:
        page = _page(
            await client.list_settlements(start_date, end_date, date_type=date_type, page=number, size=page_rows)
        )
        if page.rows and page.rows == last_rows:  # as from a server that takes no notice of `page`
            raise _circle(page.call)
        end = min(len(page.rows), begin + left)
        for row in _passing(page, unread, begin, end):
            yield row
        if len(page.rows) < page_rows:
            return
        number, left, begin, last_rows = number + 1, left - (end - begin), 0, page.rows


async def all_cash_receipts(
    client: ListsCashReceipts, request_date: date, *, page_rows: int = PAGE_ROWS, unread: list[Lost] | None = None
) -> AsyncGenerator[CashReceipt]:
    """Every receipt requested on the day, issues and cancels, in Toss's order."""
    cursor: int | None = None
    passed: set[int | None] = {None}
    while True:
        answer = _page(await client.list_cash_receipts(request_date, cursor=cursor, limit=page_rows))
        page = answer.value
        if unread is not None:
            unread += answer.unread_rows
        # Not by the page's length: Toss says itself whether there is more.
        is_last = not page.has_next or not (page.data or answer.unread_rows)
        cursor = page.last_cursor
        if cursor in passed and not is_last:
            raise _circle(answer.call)
        for row in page.data:
            yield row
        if is_last:
            return
        passed.add(cursor)


def _page(answer: Answer[T]) -> Yes[T]:
    if not isinstance(answer, Yes):
        raise PageNotRead(answer)
    return answer


def _passing(page: Yes[list[T]], unread: list[Lost] | None, begin: int, end: int) -> Iterator[T]:
    """Yield rows of a page in Toss's order, and put each that cannot be read into ``unread`` on passing it."""
    lost = {row.entry: row for row in page.unread_rows}
    readable = iter(page.value)
    for index in range(end):
        gone = lost.get(f"[{index}]")
        row = next(readable) if gone is None else None
        if index < begin:
            continue
        if row is not None:
            yield row
        elif unread is not None and gone is not None:
            unread.append(gone)


def _next_begins_behind(page: Yes[list[Transaction]]) -> tuple[int, str]:
    """Return up to where a full page counts, and the transactionKey behind which the next one begins.

    Rows behind the last readable key come again with the next page.

    Raises:
        PageNotRead: no key of the page can be read, so nobody can tell where to go on.
    """
    for index in range(len(page.rows) - 1, -1, -1):
        row = page.rows[index]
        key = row.get("transactionKey") if isinstance(row, dict) else None
        if isinstance(key, str) and 1 <= len(key) <= MAX_TRANSACTION_KEY_CHARS and key.isprintable():
            return index + 1, key
    detail = "no transactionKey of a full page is readable"
    raise PageNotRead(Unknown(call=page.call, reason=UnknownReason.UNREADABLE, answered=True, detail=detail))


def _circle(call: Call) -> PageNotRead:
    detail = "the cursor does not advance"
    return PageNotRead(Unknown(call=call, reason=UnknownReason.UNREADABLE, answered=True, detail=detail))


def _why(answer: No | NotSent | Unknown) -> str:
    if isinstance(answer, No):
        return f"refused, {answer.code}"
    if isinstance(answer, NotSent):
        return f"not sent, {answer.reason}"
    return f"unknown, {answer.reason} {answer.code or answer.detail}".rstrip()
