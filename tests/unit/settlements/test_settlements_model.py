"""Spans of Korean days, and the bookmarks that cursors are made of."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.connection import ASGIConnection

from paywon.base.errors import PaywonError
from paywon.base.ids import UserId
from paywon.settlements.api.doors import SettlementsController, of_the_shop
from paywon.settlements.model import MAX_DAYS, Bookmark, DateKind, Span, bookmark_of, day_of, span_of
from paywon.web.auth import Principal

TODAY = date(2026, 11, 22)


def test_without_days_it_is_the_last_week() -> None:
    assert span_of(None, None, today=TODAY) == Span(date(2026, 11, 16), TODAY)
    assert span_of(None, date(2026, 3, 3), today=TODAY) == Span(date(2026, 2, 25), date(2026, 3, 3))
    assert span_of(date(2026, 11, 1), None, today=TODAY) == Span(date(2026, 11, 1), TODAY)
    assert span_of(TODAY, TODAY, today=TODAY) == Span(TODAY, TODAY)


def test_a_day_begins_and_ends_in_korea() -> None:
    span = Span(TODAY, TODAY)
    assert span.start == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert span.end - span.start == timedelta(days=1)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (TODAY, TODAY - timedelta(days=1)),
        (TODAY - timedelta(days=MAX_DAYS), TODAY),
        (date(2000, 1, 1), date(2999, 12, 31)),
        (TODAY + timedelta(days=1), None),
    ],
)
def test_a_span_that_is_crossed_or_too_long(first: date, last: date | None) -> None:
    with pytest.raises(PaywonError) as caught:
        span_of(first, last, today=TODAY)
    assert (caught.value.code, caught.value.field) == ("DATE_RANGE_INVALID", "startDate")


def test_the_longest_span() -> None:
    first = TODAY - timedelta(days=MAX_DAYS - 1)
    assert span_of(first, TODAY, today=TODAY).first == first


@pytest.mark.parametrize("text", ["2026-02-30", "1999-12-31", "3000-01-01", "2026-W01-1", "", "2026-1-1"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        day_of(text)


@given(
    st.sampled_from([None, *DateKind]),
    st.dates(date(2000, 1, 1), date(2999, 12, 31)),
    st.from_regex(r"[!-~]{1,64}", fullmatch=True),
    st.integers(0, 10_000_000),
)
def test_a_bookmark_comes_back_as_it_was(kind: DateKind | None, day: date, key: str, rows: int) -> None:
    mark = Bookmark(span=Span(day, day), kind=kind, behind=key if kind is None else str(rows))
    assert bookmark_of(list(mark.words)) == mark


@pytest.mark.parametrize(
    "words",
    [
        ["transactions", "2026-01-01", "2026-01-02", ""],
        ["transactions", "2026-01-01", "2026-01-02", "a\x00"],
        ["transactions", "2026-01-01", "2026-01-02", "a" * 65],
        ["soldDate", "2026-01-01", "2026-01-02", "x"],
        ["soldDate", "2026-01-01", "2026-01-02", "-1"],
        ["soldDate", "2026-01-01", "2026-01-02", "10000001"],
        ["soldDate", "2026-01-01", "2026-01-32", "1"],
        ["elsewhere", "2026-01-01", "2026-01-02", "1"],
    ],
)
def test_what_is_no_bookmark(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r".*"):
        bookmark_of(words)


def test_the_shops_books_are_no_app_users_whatever_their_token_says() -> None:
    handler = SettlementsController.transactions
    for owner, refused in ((None, False), (UserId("user-1"), True)):
        who = Principal(actor="x", holder="x", scopes=frozenset({"settlements:read"}), owner=owner)
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection({"type": "http", "user": who})  # type: ignore[arg-type]
        try:
            of_the_shop(connection, handler)
        except PaywonError as error:
            assert (refused, error.code) == (True, "FORBIDDEN")
        else:
            assert not refused
