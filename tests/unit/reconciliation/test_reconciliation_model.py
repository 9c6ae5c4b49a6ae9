"""Which rows of Toss's list our books explain, what a read makes of one, and what is walked when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from paywon.base.clock import KST
from paywon.base.ids import OrderNo, PaymentKey, new_order_no
from paywon.reconciliation.model import (
    OVERLAP,
    Difference,
    Ending,
    OurBooks,
    Row,
    Seen,
    Walk,
    WalkKind,
    again_at,
    ending_of,
    explains,
    looks_like_ours,
    next_walk_at,
    span_of,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KEY = "key-a"
ROW = Row(
    transaction_key="t-1", payment_key=PaymentKey(KEY), order_no=OrderNo("o-1"), status="DONE", amount_krw=9, at=NOW
)
CANCEL = replace(ROW, transaction_key="t-2", status="PARTIAL_CANCELED", amount_krw=-1)
ACCOUNT = replace(ROW, status="WAITING_FOR_DEPOSIT", amount_krw=0)


def ours(status: str | None, *keys: str, **more: Any) -> OurBooks:
    approved_at = NOW if status in ("DONE", "PARTIAL_CANCELED", "CANCELED") else None
    about: dict[str, Any] = {"payment_key": KEY if status else None, "approved_at": approved_at, "returned": {}}
    return OurBooks(status=status, transaction_keys=frozenset(keys), **{**about, **more})


@pytest.mark.parametrize(
    ("books", "row", "explained"),
    [
        (ours("DONE", "t-1"), ROW, True),
        (ours("DONE", "t-0"), ROW, True),
        (ours("PARTIAL_CANCELED", "t-2"), ROW, True),
        (ours("CANCELED", "t-2"), ROW, True),
        (ours(None), ROW, False),
        (ours("READY"), ROW, False),
        (ours("ABORTED"), ROW, False),
        (ours("EXPIRED"), ROW, False),
        (ours("WAITING_FOR_DEPOSIT", "t-0"), ROW, False),
        # A cancel is known by its own transactionKey only: of two partial ones, one may be missing.
        (ours("PARTIAL_CANCELED", "t-1", "t-2"), CANCEL, True),
        (ours("PARTIAL_CANCELED", "t-1", "t-3"), CANCEL, False),
        (ours("DONE", "t-1"), CANCEL, False),
        (ours("DONE", "t-1"), replace(CANCEL, status="CANCELED"), False),
        (ours("CANCELED", "t-1"), replace(CANCEL, status="CANCELED"), False),
        # An account's issue lies before its deposit; what lies behind it is a reversal.
        (ours("WAITING_FOR_DEPOSIT", "t-0"), ACCOUNT, True),
        (ours("DONE", "t-0"), replace(ACCOUNT, at=NOW - timedelta(seconds=1)), True),
        (ours("DONE", "t-0"), replace(ACCOUNT, at=NOW + timedelta(seconds=1)), False),
        (ours("READY"), ACCOUNT, False),
        # A second payment of the order.
        (ours("DONE", "t-9", payment_key="key-b"), ROW, False),
        (ours("DONE", "t-9", payment_key="key-b", returned={KEY: False}), ROW, True),
        (ours("DONE", "t-9", payment_key="key-b", returned={KEY: False}), replace(ROW, status="CANCELED"), False),
        (ours("DONE", "t-9", payment_key="key-b", returned={KEY: True}), replace(ROW, status="CANCELED"), True),
    ],
)
def test_what_our_books_explain(books: OurBooks, row: Row, explained: bool) -> None:
    assert explains(books, row) is explained


def seen(*keys: str, later: timedelta = timedelta(seconds=5), fits: bool = True) -> Seen:
    return Seen(asked_at=NOW + later, transaction_keys=frozenset(keys), fits=fits)


@pytest.mark.parametrize(
    ("row", "books", "shown", "ending"),
    [
        (CANCEL, ours("PARTIAL_CANCELED", "t-2"), seen("t-2"), Ending.SETTLED),
        # The read showed that very transaction, so learn has judged it: old news, or another key's.
        (ROW, ours("ABORTED"), seen("t-1"), Ending.SETTLED),
        (ROW, ours("WAITING_FOR_DEPOSIT", "t-3"), seen("t-3"), Ending.AGAIN),
        (ROW, ours("WAITING_FOR_DEPOSIT", "t-3"), seen("t-3", later=timedelta(hours=2)), Ending.SETTLED),
        # Reads lag behind the list, and a cancel stays listed whatever comes later.
        (CANCEL, ours("DONE", "t-1"), seen("t-1"), Ending.AGAIN),
        (CANCEL, ours("DONE", "t-1"), seen("t-1", later=timedelta(days=3)), Ending.AGAIN),
        (ROW, ours(None), None, Ending.AGAIN),
        (ROW, ours("READY"), seen("t-1", fits=False), Ending.AGAIN),
    ],
)
def test_what_a_read_makes_of_a_difference(row: Row, books: OurBooks, shown: Seen | None, ending: Ending) -> None:
    assert ending_of(Difference(row=row, reads=0), books, shown) is ending


def test_a_difference_is_read_ever_less_often_and_at_last_left_to_a_person() -> None:
    waits = []
    for reads in range(9):
        difference = Difference(row=CANCEL, reads=reads)
        if ending_of(difference, ours("DONE", "t-1"), seen("t-1")) is Ending.UNEXPLAINED:
            break
        waits.append(again_at(difference, NOW) - NOW)
    assert len(waits) == 6 and waits == sorted(waits)
    assert waits[0] >= timedelta(minutes=1), "never every few seconds"


RECENT = Walk(kind=WalkKind.RECENT, next_at=NOW)
DAYS = Walk(kind=WalkKind.DAYS, next_at=NOW)


def test_a_walk_goes_from_a_while_before_the_last_whole_one() -> None:
    assert span_of(RECENT, NOW) == (NOW - timedelta(days=3), NOW), "the first of all"
    since = NOW - timedelta(minutes=5)
    assert span_of(replace(RECENT, complete_until=since), NOW) == (since - OVERLAP, NOW)
    old = NOW - timedelta(days=40)
    assert span_of(replace(RECENT, complete_until=old), NOW) == (old - OVERLAP, NOW), "a restored backup is older"
    assert span_of(replace(DAYS, complete_until=since), NOW) == (NOW - timedelta(days=3), NOW)


def test_a_walk_that_broke_off_keeps_its_span() -> None:
    span = (NOW - timedelta(days=1), NOW - timedelta(hours=1))
    for walk in (RECENT, DAYS):
        assert span_of(replace(walk, span_start=span[0], span_end=span[1], complete_until=span[0]), NOW) == span


def test_the_next_walk() -> None:
    every = timedelta(minutes=5)
    assert next_walk_at(WalkKind.RECENT, NOW, every=every) == NOW + every
    night = datetime(2026, 11, 23, 3, 40, tzinfo=KST)
    assert next_walk_at(WalkKind.DAYS, NOW, every=every) == night
    assert next_walk_at(WalkKind.DAYS, night, every=every) == night + timedelta(days=1)
    assert next_walk_at(WalkKind.DAYS, night - timedelta(minutes=1), every=every) == night


def test_only_numbers_that_paywon_makes_are_taken_for_lost_orders() -> None:
    assert looks_like_ours(new_order_no(NOW))
    assert not looks_like_ours("ORD-1")
    assert not looks_like_ours("another-shop-2026-0001")


def test_with_the_defaults_what_was_missed_is_read_within_ten_minutes() -> None:
    from paywon.settings import Settings

    every_s = Settings.model_fields["walk_every_s"].default
    # A walk just missed the row; the next one finds it, and its payment is read in the same second or two.
    assert every_s + every_s / 2 <= 600
    assert Settings.model_fields["walk_reads"].default >= 1000
