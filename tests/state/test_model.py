"""The model by itself: what it makes of answers, and of none."""

import pytest

from tests.state import model
from tests.state.model import Foretell, Order, Truth, Window

WON = 9_000
PAID = Truth("paid", WON, "key")

pytestmark = pytest.mark.unit


def order(*truths: Truth) -> Order:
    return Order("ORD-1", "id", WON, capsule=True, truths=set(truths))


def confirming(of: Order) -> Foretell:
    window = Window("key", "approve")
    return lambda truth: model.confirm(of, window, truth, 0, right_amount=True)


def test_an_answer_leaves_one_truth() -> None:
    unpaid = order(Truth())
    model.learn(unpaid, confirming(unpaid), "200")
    assert (unpaid.truths, unpaid.sure) == ({PAID}, True)


def test_no_answer_leaves_both() -> None:
    unpaid = order(Truth())
    model.learn(unpaid, confirming(unpaid), "nothing")
    assert (unpaid.truths, unpaid.sure) == ({Truth(), PAID}, False)


def test_what_is_unknown_comes_about_unless_time_passes() -> None:
    unpaid = order(Truth())
    model.learn(unpaid, confirming(unpaid), "202")
    assert (unpaid.truths, unpaid.fallback) == ({PAID}, {Truth()})


def test_an_answer_that_fits_no_truth_leaves_none() -> None:
    unpaid = order(Truth())
    model.learn(unpaid, lambda truth: model.refund(truth, None, with_account=False), "200")
    assert unpaid.truths == set()


def test_while_books_lag_behind_they_may_refuse_but_not_act() -> None:
    deposited = order(Truth("paid", WON, "account", deposit=True))
    deposited.past, deposited.sure = {Truth("waiting", WON, "account", deposit=True)}, False
    told = model.expected(deposited, lambda truth: model.refund(truth, 10, with_account=False))
    assert told == {"422 REFUND_ACCOUNT_REQUIRED", *model.UNKNOWN, *model.BUSY}


@pytest.mark.parametrize(
    ("truth", "status", "capsule"),
    [
        (Truth(), ["PENDING_PAYMENT"], [None]),
        (PAID, ["PAID"], ["LOCKED"]),
        (Truth("paid", 1, "key"), ["PARTIALLY_REFUNDED"], ["LOCKED"]),
        (Truth("paid", 0, "key"), ["REFUNDED"], ["CANCELED"]),
        (Truth("paid", 0, "account", deposit=True), ["REFUNDED"], [None, "CANCELED"]),
        (Truth("void", 0, "account", deposit=True), ["CANCELED"], [None, "CANCELED"]),
    ],
)
def test_what_is_seen_at_rest(truth: Truth, status: list[str], capsule: list[str | None]) -> None:
    assert model.pictures(order(truth), 0) == [{"toss": [truth.kind, truth.left], "order": status, "capsule": capsule}]
