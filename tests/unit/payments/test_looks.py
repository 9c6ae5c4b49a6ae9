"""When a payment is read of our own accord, and from when on a deposit is relied on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from paywon.base.money import Krw
from paywon.orders.model import OrderStatus
from paywon.payments.model import Payment, PaymentStatus, deposited_at, hold_ends_at, next_look, order_status
from tests.unit.payments.test_model import FACT, NOW, PAYMENT

S = PaymentStatus
HOLD = timedelta(seconds=150)
HOUR = timedelta(hours=1)
AWAITED = replace(
    PAYMENT,
    status=S.WAITING_FOR_DEPOSIT,
    virtual_account={"dueDate": (NOW + timedelta(days=7)).isoformat(), "expired": False, "refundStatus": "NONE"},
)


def account(**changes: Any) -> Payment:
    return replace(AWAITED, virtual_account={**(AWAITED.virtual_account or {}), **changes})


@pytest.mark.parametrize(
    ("due_in", "look_in"),
    [
        (timedelta(days=7), HOUR),
        (timedelta(minutes=30), timedelta(minutes=31)),
        (timedelta(seconds=10), timedelta(seconds=70)),
        (-timedelta(seconds=59), timedelta(seconds=1)),
        (-timedelta(minutes=1), timedelta(minutes=1)),
        (-timedelta(minutes=5), timedelta(minutes=5)),
        (-timedelta(days=5), HOUR),
    ],
)
def test_an_awaited_deposit_is_looked_for_hourly_and_when_it_is_due(due_in: timedelta, look_in: timedelta) -> None:
    assert next_look(account(dueDate=(NOW + due_in).isoformat()), NOW, HOLD) == NOW + look_in


def test_a_due_date_without_an_offset_is_in_korean_time() -> None:
    # 12:20 in Seoul is 03:20 in UTC, 20 minutes from now.
    assert next_look(account(dueDate="2026-11-22T12:20:00"), NOW, HOLD) == NOW + timedelta(minutes=21)


def test_an_unreadable_due_date_is_no_obstacle() -> None:
    assert next_look(account(dueDate="soon"), NOW, HOLD) == NOW + HOUR


def test_past_due_is_over() -> None:
    past = account(expired=True)
    assert next_look(past, NOW, HOLD) is None
    assert (past.is_past_due, past.awaits_deposit) == (True, False)
    assert order_status(past) is OrderStatus.EXPIRED
    assert order_status(AWAITED) is OrderStatus.PENDING_PAYMENT


def test_a_deposit_counts_from_when_it_was_first_seen_until_the_bank_takes_it_back() -> None:
    seen = deposited_at(AWAITED, FACT, by_deposit=True)
    assert seen == FACT.asked_at
    paid = replace(AWAITED, status=S.DONE, deposited_at=seen)
    later = replace(FACT, asked_at=NOW + HOUR)
    assert deposited_at(paid, later, by_deposit=True) == seen
    assert deposited_at(paid, replace(later, status=S.WAITING_FOR_DEPOSIT), by_deposit=True) is None
    assert deposited_at(PAYMENT, FACT, by_deposit=False) is None, "a card is not held"


def test_the_hold_ends_with_a_look() -> None:
    paid = replace(AWAITED, status=S.DONE, deposited_at=NOW)
    assert hold_ends_at(paid, HOLD) == NOW + HOLD
    assert next_look(paid, NOW + timedelta(seconds=10), HOLD) == NOW + HOLD
    fresh = replace(paid, fact_asked_at=NOW + HOLD)
    assert next_look(fresh, NOW + HOLD, HOLD) == NOW + HOLD + timedelta(minutes=10)
    # Asked before the hold's end and learned after it: that read handed nothing over, so another has to come.
    late = NOW + HOLD + timedelta(seconds=2)
    assert next_look(paid, late, HOLD) == late
    assert hold_ends_at(PAYMENT, HOLD) is None


def test_a_deposit_is_read_again_for_a_week_after_its_hold() -> None:
    paid = replace(AWAITED, status=S.DONE, deposited_at=NOW - HOLD, fact_asked_at=NOW + timedelta(days=30))
    looks, now = [], NOW
    while (found := next_look(paid, now, HOLD)) is not None:
        looks.append(found - NOW)
        now = found
    days = [timedelta(days=day) for day in range(1, 8)]
    assert looks == [timedelta(minutes=10), HOUR, timedelta(hours=6), *days]
    assert next_look(replace(paid, status=S.PARTIAL_CANCELED, balance_amount=Krw(0)), NOW, HOLD) is None


@pytest.mark.parametrize(("refund_status", "look_in"), [("PENDING", timedelta(hours=6)), ("COMPLETED", None)])
def test_a_refund_is_followed_until_it_is_paid_out(refund_status: str, look_in: timedelta | None) -> None:
    canceled = replace(account(refundStatus=refund_status), status=S.CANCELED)
    assert next_look(canceled, NOW, HOLD) == (None if look_in is None else NOW + look_in)


@pytest.mark.parametrize("status", [S.READY, S.IN_PROGRESS])
def test_an_open_window_is_looked_at_when_it_is_over(status: PaymentStatus) -> None:
    opened = replace(PAYMENT, status=status)
    assert next_look(opened, NOW, HOLD) == NOW + timedelta(minutes=41)
    assert next_look(opened, NOW + HOUR, HOLD) == NOW + 2 * HOUR
    assert next_look(opened, NOW + timedelta(days=2), HOLD) is None
    assert next_look(replace(opened, payment_key=None), NOW, HOLD) is None, "Toss knows nothing of it"


@pytest.mark.parametrize("status", [S.DONE, S.PARTIAL_CANCELED, S.CANCELED, S.ABORTED, S.EXPIRED])
def test_the_rest_is_left_alone(status: PaymentStatus) -> None:
    assert next_look(replace(PAYMENT, status=status), NOW, HOLD) is None
