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


def test_a_console_cancel_beside_an_open_refund_leaves_both_or_one() -> None:
    paid = order(PAID)
    model.learn(paid, lambda truth: model.refund(truth, 3_000, with_account=False), "202")
    model.happen(paid, lambda truth: model.cancel_elsewhere(truth, 3_000), "200")
    assert {truth.left for truth in paid.truths} == {6_000, 3_000}, "one refund goes back once"


def test_nothing_may_come_of_what_was_told_to_have_done_nothing() -> None:
    unpaid = order(Truth())
    model.learn(unpaid, confirming(unpaid), "503 DATABASE_UNAVAILABLE")
    assert (unpaid.truths, unpaid.fallback, unpaid.sure) == ({Truth()}, set(), True)


def test_two_open_questions_may_both_come_about_and_one_look_at_toss_settles_both() -> None:
    unpaid = order(Truth())
    model.learn(unpaid, confirming(unpaid), "nothing")
    model.learn(unpaid, lambda truth: model.refund(truth, 3_000, with_account=False), "nothing")
    assert {(truth.kind, truth.left) for truth in unpaid.truths} == {("unpaid", 0), ("paid", 9_000), ("paid", 6_000)}
    both = Truth("paid", 6_000, "key")
    model.come_to_rest(unpaid, {both})
    assert (unpaid.truths, unpaid.sure, unpaid.asked, unpaid.fallback) == ({both}, True, [], set())


def test_of_two_open_questions_the_second_may_rest_on_what_the_first_came_to() -> None:
    """Both were asked when nothing could come of them yet: the customer authenticated afterwards."""
    unpaid = order(Truth())
    unpaid.sure = False
    unpaid.fallback = {Truth()}
    unpaid.asked = [confirming(unpaid), lambda truth: model.refund(truth, 3_000, with_account=False)]
    model.catch_up(unpaid)
    assert {(truth.kind, truth.left) for truth in unpaid.truths} == {("unpaid", 0), ("paid", 9_000), ("paid", 6_000)}


def test_a_refusal_of_old_books_is_no_answer_where_only_the_console_was_ahead() -> None:
    paid = order(PAID)
    model.happen(paid, lambda truth: model.cancel_elsewhere(truth, 3_000), "200")
    paid.elsewhere = 3_000
    told = model.expected(paid, lambda truth: model.refund(truth, 3_000, with_account=False), reads_pass=True)
    assert told == {"200", "202", "409 BALANCE_CHANGED", "409 PAYMENT_IN_PROGRESS"}


def test_who_withdraws_an_order_hears_what_stands_in_the_way() -> None:
    assert model.withdrawing(order(Truth())) == {"200"}
    assert model.withdrawing(order(PAID)) == {"409 ORDER_ALREADY_PAID"}
    assert model.withdrawing(order(Truth("waiting", WON, "account"))) == {"409 ORDER_AWAITS_DEPOSIT"}


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
