"""Lists are read to their end, and never pass for complete when they are not."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from aiohttp import web
from tests.toss.loopback import FIXTURES, Step, client_for, error, loopback, reply
from tests.toss.operations import DAY_END, DAY_START

from paywon.toss.outcome import No, NotSent, Unknown, UnknownReason
from paywon.toss.paging import PageNotRead, all_cash_receipts, all_settlements, all_transactions

DAY = date(2024, 2, 13)
TRANSACTION = json.loads((FIXTURES / "transactions-list.json").read_bytes())[0]
SETTLEMENT = json.loads((FIXTURES / "settlements-list.json").read_bytes())[0]
RECEIPT = json.loads((FIXTURES / "cash-receipts-list.json").read_bytes())["data"][0]


def _rows(sample: dict[str, Any], name: str, count: int) -> list[dict[str, Any]]:
    return [sample | {name: f"row-{number}"} for number in range(count)]


def _serve(page: Callable[[dict[str, str]], Any]) -> Step:
    async def step(request: web.Request) -> web.StreamResponse:
        return web.json_response(page(dict(request.query)))

    return step


def _transactions(count: int) -> Step:
    rows = _rows(TRANSACTION, "transactionKey", count)
    keys = [row["transactionKey"] for row in rows]

    def page(query: dict[str, str]) -> Any:
        after = query.get("startingAfter")
        first = keys.index(after) + 1 if after else 0
        return rows[first : first + int(query["limit"])]

    return _serve(page)


def _settlements(count: int) -> Step:
    rows = _rows(SETTLEMENT, "transactionKey", count)

    def page(query: dict[str, str]) -> Any:
        first = (int(query["page"]) - 1) * int(query["size"])
        return rows[first : first + int(query["size"])]

    return _serve(page)


def _receipts(count: int) -> Step:
    rows = _rows(RECEIPT, "receiptKey", count)

    def page(query: dict[str, str]) -> Any:
        first = int(query.get("cursor", 0))
        last = first + int(query["limit"])
        return {"hasNext": last < count, "lastCursor": last, "data": rows[first:last]}

    return _serve(page)


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (3, 2), (4, 2), (6, 3), (7, 3)])
async def test_every_transaction_comes_once(count: int, calls: int) -> None:
    async with loopback(_transactions(count)) as toss, client_for(toss.url) as client:
        rows = [row async for row in all_transactions(client, DAY_START, DAY_END, page_rows=3)]
    assert [row.transaction_key for row in rows] == [f"row-{number}" for number in range(count)]
    assert len(toss.seen) == calls
    assert "startingAfter" not in toss.seen[0].raw_path


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (2, 1), (3, 2), (7, 3)])
async def test_every_settlement_comes_once(count: int, calls: int) -> None:
    async with loopback(_settlements(count)) as toss, client_for(toss.url) as client:
        rows = [row async for row in all_settlements(client, DAY, DAY, date_type="soldDate", page_rows=3)]
    assert [row.transaction_key for row in rows] == [f"row-{number}" for number in range(count)]
    assert [seen.raw_path.partition("dateType=")[2] for seen in toss.seen] == [
        f"soldDate&page={page}&size=3" for page in range(1, calls + 1)
    ]


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (3, 1), (4, 2), (7, 3)])
async def test_every_receipt_comes_once(count: int, calls: int) -> None:
    async with loopback(_receipts(count)) as toss, client_for(toss.url) as client:
        rows = [row async for row in all_cash_receipts(client, DAY, page_rows=3)]
    assert [row.receipt_key for row in rows] == [f"row-{number}" for number in range(count)]
    assert len(toss.seen) == calls


async def test_a_short_page_of_receipts_with_more_behind_it_is_not_the_last() -> None:
    pages = [
        {"hasNext": True, "lastCursor": 5, "data": _rows(RECEIPT, "receiptKey", 1)},
        {"hasNext": True, "lastCursor": 9, "data": []},
    ]
    steps = [reply(json.dumps(page).encode()) for page in pages]
    async with loopback(*steps) as toss, client_for(toss.url) as client:
        rows = [row async for row in all_cash_receipts(client, DAY, page_rows=3)]
    assert (len(rows), len(toss.seen)) == (1, 2)
    assert toss.seen[1].raw_path.endswith("cursor=5&limit=3")


async def test_a_page_has_a_thousand_rows_unless_told_otherwise() -> None:
    async with loopback(_transactions(1200)) as toss, client_for(toss.url) as client:
        rows = [row async for row in all_transactions(client, DAY_START, DAY_END)]
    assert (len(rows), len(toss.seen)) == (1200, 2)
    assert toss.seen[0].raw_path.endswith("&limit=1000")


def _circle() -> list[Any]:
    return [
        (all_transactions, (DAY_START, DAY_END), _rows(TRANSACTION, "transactionKey", 3)),
        (all_settlements, (DAY, DAY), _rows(SETTLEMENT, "transactionKey", 3)),
        (all_cash_receipts, (DAY,), {"hasNext": True, "lastCursor": 3, "data": _rows(RECEIPT, "receiptKey", 3)}),
        (all_cash_receipts, (DAY,), {"hasNext": True, "lastCursor": None, "data": _rows(RECEIPT, "receiptKey", 3)}),
    ]


@pytest.mark.parametrize(("walk", "span", "page"), _circle())
async def test_a_cursor_that_does_not_advance_is_an_error_and_no_end(walk: Any, span: Any, page: Any) -> None:
    async with loopback(reply(json.dumps(page).encode())) as toss, client_for(toss.url) as client:
        rows = []
        with pytest.raises(PageNotRead, match="does not advance") as caught:
            async for row in walk(client, *span, page_rows=3):
                rows.append(row)
        seen = len(toss.seen)
    assert isinstance(caught.value.answer, Unknown)
    assert caught.value.answer.reason is UnknownReason.UNREADABLE
    assert seen <= 2
    assert len(rows) == 3 * (seen - 1)


@pytest.mark.parametrize(
    ("walk", "span", "first"),
    [
        (all_transactions, (DAY_START, DAY_END), _rows(TRANSACTION, "transactionKey", 2)),
        (all_settlements, (DAY, DAY), _rows(SETTLEMENT, "transactionKey", 2)),
        (all_cash_receipts, (DAY,), {"hasNext": True, "lastCursor": 2, "data": _rows(RECEIPT, "receiptKey", 2)}),
    ],
)
@pytest.mark.parametrize(
    ("step", "kind", "text"),
    [
        (error(401, "UNAUTHORIZED_KEY"), No, "refused, UNAUTHORIZED_KEY"),
        (error(500, "COMMON_ERROR"), Unknown, "unknown, server_error COMMON_ERROR"),
        (reply(b"", status=429, headers={"Retry-After": "3"}), Unknown, "unknown, rate_limited"),
        (reply(b"<html>"), Unknown, "unknown, unreadable 2xx without a JSON"),
    ],
)
async def test_a_page_that_cannot_be_read_ends_the_list_with_its_answer(
    walk: Any, span: Any, first: Any, step: Step, kind: type, text: str
) -> None:
    rows = []
    async with loopback(reply(json.dumps(first).encode()), step) as toss, client_for(toss.url) as client:
        with pytest.raises(PageNotRead, match=text) as caught:
            async for row in walk(client, *span, page_rows=2):
                rows.append(row)
    assert isinstance(caught.value.answer, kind)
    assert (len(rows), len(toss.seen)) == (2, 2)
    assert str(caught.value).startswith("/v1/")


async def test_a_toss_that_is_not_there_is_not_sent() -> None:
    async with loopback(reply(b"[]")) as toss:
        url = toss.url
    async with client_for(url) as client:
        with pytest.raises(PageNotRead, match="not sent, refused") as caught:
            [row async for row in all_settlements(client, DAY, DAY)]
    assert isinstance(caught.value.answer, NotSent)
