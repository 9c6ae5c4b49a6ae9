"""Whole lists across Toss's page limits (api.md 1.6), as async generators that yield rows.

A list either comes to its end or raises `PageNotRead`: one that stopped in silence would pass for complete.
What was yielded before the error stands.
"""

from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import Protocol, TypeVar

from paywon.toss.calls.ledger import DateType
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
) -> AsyncGenerator[Transaction]:
    """Every transaction of the span, in Toss's order; those behind the transactionKey `starting_after` if one is
    given.
    """
    cursor = starting_after
    passed: set[str] = set() if cursor is None else {cursor}
    while True:
        answer = await client.list_transactions(start, end, starting_after=cursor, limit=page_rows)
        rows = _value(answer)
        is_full = len(rows) >= page_rows
        cursor = rows[-1].transaction_key if is_full else None
        if cursor in passed:
            raise _circle(answer.call)
        for row in rows:
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
    first_page: int = 1,
    page_rows: int = PAGE_ROWS,
) -> AsyncGenerator[Settlement]:
    """Every settlement row of the days, cancels included, in Toss's order; from `first_page` on."""
    page = first_page
    last_rows: list[Settlement] = []
    while True:
        answer = await client.list_settlements(start_date, end_date, date_type=date_type, page=page, size=page_rows)
        rows = _value(answer)
        if rows and rows == last_rows:  # as from a server that takes no notice of `page`
            raise _circle(answer.call)
        for row in rows:
            yield row
        if len(rows) < page_rows:
            return
        page, last_rows = page + 1, rows


async def all_cash_receipts(
    client: ListsCashReceipts, request_date: date, *, page_rows: int = PAGE_ROWS
) -> AsyncGenerator[CashReceipt]:
    """Every receipt requested on the day, issues and cancels, in Toss's order."""
    cursor: int | None = None
    passed: set[int | None] = {None}
    while True:
        answer = await client.list_cash_receipts(request_date, cursor=cursor, limit=page_rows)
        page = _value(answer)
        # Not by the page's length: Toss says itself whether there is more.
        is_last = not page.has_next or not page.data
        cursor = page.last_cursor
        if cursor in passed and not is_last:
            raise _circle(answer.call)
        for row in page.data:
            yield row
        if is_last:
            return
        passed.add(cursor)


def _value(answer: Answer[T]) -> T:
    if not isinstance(answer, Yes):
        raise PageNotRead(answer)
    return answer.value


def _circle(call: Call) -> PageNotRead:
    detail = "the cursor does not advance"
    return PageNotRead(Unknown(call=call, reason=UnknownReason.UNREADABLE, answered=True, detail=detail))


def _why(answer: No | NotSent | Unknown) -> str:
    if isinstance(answer, No):
        return f"refused, {answer.code}"
    if isinstance(answer, NotSent):
        return f"not sent, {answer.reason}"
    return f"unknown, {answer.reason} {answer.code or answer.detail}".rstrip()
