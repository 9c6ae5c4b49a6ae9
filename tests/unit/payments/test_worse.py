"""What turns worse after done: refunds to another account, and what cannot have become so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from paywon.base.ids import AttemptId, PaymentKey
from paywon.base.money import Krw
from paywon.payments.bank_refunds import RefundStatus, to_pay_again
from paywon.payments.impossible import is_impossible, look_at
from paywon.payments.model import ALLOWED_MOVES, Attempt, AttemptType, Fact, PaymentStatus
from paywon.payments.recovery import KEY_WINDOW, Reading, Step, next_step
from tests.unit.payments.test_model import PAYMENT

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
S = PaymentStatus


@pytest.mark.parametrize("word", [None, *RefundStatus])
@pytest.mark.parametrize("balance", [None, 0, 1])
@pytest.mark.parametrize("canceled", [[], [3_000], [3_000, 7_000]])
def test_only_what_failed_is_paid_again_and_only_where_nothing_is_left(
    word: RefundStatus | None, balance: int | None, canceled: list[int]
) -> None:
    again = to_pay_again(word, balance, canceled)
    may = word in (RefundStatus.FAILED, RefundStatus.PARTIAL_FAILED) and balance == 0 and canceled
    assert again == (canceled[-1] if may else None)


@pytest.mark.parametrize(
    ("reading", "answered", "age", "step"),
    [
        (Reading(status=None), False, timedelta(0), Step.WAIT),
        (Reading(status=S.CANCELED, balance=0, paid_again=True), False, timedelta(0), Step.SUCCEEDED),
        (Reading(status=S.CANCELED, balance=0, paid_again=True), True, KEY_WINDOW * 2, Step.SUCCEEDED),
        (Reading(status=S.CANCELED, balance=0), False, timedelta(0), Step.ASK_AGAIN),
        (Reading(status=S.CANCELED, balance=0), False, KEY_WINDOW + timedelta(minutes=2), Step.WAIT),
        (Reading(status=S.CANCELED, balance=0), True, timedelta(0), Step.FAILED),
        # A read that was not heard proves nothing, not even of a key that was answered.
        (Reading(status=None), True, timedelta(0), Step.WAIT),
    ],
)
def test_a_lost_answer_of_a_refund_to_another_account(
    reading: Reading, answered: bool, age: timedelta, step: Step
) -> None:
    asked = Attempt(
        id=AttemptId(uuid4()),
        payment_id=PAYMENT.id,
        type=AttemptType.REFUND_AGAIN,
        created_at=NOW - age,
        answered=answered,
    )
    assert next_step(asked, reading, NOW) is step


KEY = PaymentKey("key-a")


def fact(status: PaymentStatus, balance: int, **changes: Any) -> Fact:
    shown = Fact(
        payment_key=KEY,
        order_no=PAYMENT.order_no,
        status=status,
        total_amount=PAYMENT.total_amount,
        balance_amount=balance,
        currency="KRW",
        asked_at=NOW + timedelta(seconds=1),
    )
    return replace(shown, **changes)


@pytest.mark.parametrize("ours", [S.DONE, S.PARTIAL_CANCELED, S.CANCELED])
@pytest.mark.parametrize("shown", S)
def test_what_cannot_follow_money_is_impossible(ours: PaymentStatus, shown: PaymentStatus) -> None:
    paid = replace(
        PAYMENT, payment_key=KEY, status=ours, approved_at=NOW, fact_asked_at=NOW, balance_amount=PAYMENT.total_amount
    )
    told = fact(shown, PAYMENT.total_amount)
    # Only an account steps back: a bank takes the deposit back, or it falls due then.
    back = {S.WAITING_FOR_DEPOSIT, S.EXPIRED} if ours is S.DONE else set()
    may_follow = (ALLOWED_MOVES[ours] - back) | {ours}
    assert is_impossible(paid, told) is (shown not in may_follow)
    account = replace(paid, virtual_account={"accountNumber": "X1"})
    assert is_impossible(account, told) is (shown not in may_follow | back)
    assert not is_impossible(paid, replace(told, asked_at=NOW)), "old news"
    assert not is_impossible(replace(paid, approved_at=None), told), "nothing was told as done"
    assert not is_impossible(replace(paid, payment_key=PaymentKey("key-b")), told), "another payment"


def test_a_balance_that_rose_is_impossible() -> None:
    paid = replace(
        PAYMENT,
        payment_key=KEY,
        status=S.PARTIAL_CANCELED,
        approved_at=NOW,
        fact_asked_at=NOW,
        balance_amount=Krw(1_000),
    )
    assert is_impossible(paid, fact(S.PARTIAL_CANCELED, 2_000))
    assert not is_impossible(paid, fact(S.PARTIAL_CANCELED, 1_000))


def test_what_cannot_be_is_looked_at_ever_less_often() -> None:
    waits = [look_at(NOW, NOW + since) - (NOW + since) for since in map(timedelta, (0, 0, 1), (0, 300, 0))]
    assert waits == [timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=6)]
