"""Every state × every fact."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paywon.base.ids import OrderId, OrderNo, PaymentId, PaymentKey, UserId
from paywon.base.money import Krw
from paywon.orders.model import ALLOWED_MOVES as ORDER_MOVES
from paywon.orders.model import OrderStatus
from paywon.payments.model import (
    ALLOWED_MOVES,
    REFUNDABLE,
    Cancel,
    Fact,
    Payment,
    PaymentStatus,
    SimpleStatus,
    Verdict,
    judge,
    order_status,
    refundable_amount,
    simple_status,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
S = PaymentStatus

PAYMENT = Payment(
    id=PaymentId(uuid4()),
    payment_number="PAY-20261122-000000000000",
    order_id=OrderId(uuid4()),
    order_no=OrderNo("ORD-1-ABCDEFGH"),
    order_name="책",
    user_id=UserId("u-1"),
    resource_type=None,
    resource_id=None,
    total_amount=Krw(10_000),
    balance_amount=Krw(10_000),
    payment_key=PaymentKey("key-a"),
    requested_at=NOW,
    created_at=NOW,
    updated_at=NOW,
    fact_asked_at=NOW,
)
ACCOUNT = replace(PAYMENT, virtual_account={"expired": False, "accountNumber": "X123"})
FACT = Fact(
    payment_key=PaymentKey("key-a"),
    order_no=PAYMENT.order_no,
    status=S.DONE,
    total_amount=10_000,
    balance_amount=10_000,
    currency="KRW",
    asked_at=NOW + timedelta(seconds=1),
)


@pytest.mark.parametrize(("known", "told"), list(itertools.product(S, S)))
def test_a_fact_moves_a_payment_along_the_graph_or_not_at_all(known: S, told: S) -> None:
    verdict = judge(replace(ACCOUNT, status=known), replace(FACT, status=told))
    assert verdict is (Verdict.APPLY if told is known or told in ALLOWED_MOVES[known] else Verdict.STALE)


@pytest.mark.parametrize("status", [S.DONE, S.PARTIAL_CANCELED, S.CANCELED])
def test_money_never_becomes_unpaid_again(status: S) -> None:
    payment = replace(PAYMENT, status=status)
    for told in (S.READY, S.IN_PROGRESS, S.ABORTED, S.EXPIRED):
        assert judge(payment, replace(FACT, status=told)) is Verdict.STALE


@pytest.mark.parametrize(
    ("known", "told"),
    [(S.DONE, S.WAITING_FOR_DEPOSIT), (S.DONE, S.EXPIRED), (S.WAITING_FOR_DEPOSIT, S.EXPIRED)],
)
def test_an_account_steps_back_only_by_a_later_read(known: S, told: S) -> None:
    payment, back = replace(ACCOUNT, status=known), replace(FACT, status=told)
    assert judge(payment, back) is Verdict.APPLY
    assert judge(payment, replace(back, asked_at=NOW)) is Verdict.STALE
    assert judge(replace(payment, virtual_account=None), back) is Verdict.STALE


@pytest.mark.parametrize(
    "change",
    [
        {"order_no": OrderNo("ORD-2")},
        {"total_amount": 9_999},
        {"currency": "USD"},
    ],
)
def test_a_fact_about_something_else_contradicts(change: dict[str, object]) -> None:
    assert judge(PAYMENT, replace(FACT, **change)) is Verdict.CONTRADICTS  # type: ignore[arg-type]


@pytest.mark.parametrize(("known", "told"), list(itertools.product(S, S)))
def test_a_second_payment_key(known: S, told: S) -> None:
    fact = replace(FACT, status=told, payment_key=PaymentKey("key-b"))
    verdict = judge(replace(PAYMENT, status=known), fact)
    if known in (S.READY, S.IN_PROGRESS, S.ABORTED, S.EXPIRED):
        assert verdict is (Verdict.STALE if told in (S.ABORTED, S.EXPIRED) else Verdict.APPLY)
    else:
        # Two payments that hold money for one order: the second has to go back.
        assert verdict is (Verdict.STRAY if told in REFUNDABLE | {S.CANCELED} else Verdict.STALE)


def test_a_balance_only_falls() -> None:
    payment = replace(PAYMENT, status=S.PARTIAL_CANCELED, balance_amount=Krw(4_000))
    told = replace(FACT, status=S.PARTIAL_CANCELED)
    assert judge(payment, replace(told, balance_amount=3_000)) is Verdict.APPLY
    assert judge(payment, replace(told, balance_amount=5_000)) is Verdict.STALE
    assert judge(payment, replace(told, balance_amount=4_000)) is Verdict.APPLY
    assert judge(payment, replace(told, balance_amount=4_000, asked_at=NOW)) is Verdict.STALE


@pytest.mark.parametrize(
    ("status", "balance", "approved", "order", "simple"),
    [
        (S.READY, 10_000, False, OrderStatus.PENDING_PAYMENT, SimpleStatus.PENDING),
        (S.IN_PROGRESS, 10_000, False, OrderStatus.PENDING_PAYMENT, SimpleStatus.IN_PROGRESS),
        (S.WAITING_FOR_DEPOSIT, 10_000, False, OrderStatus.PENDING_PAYMENT, SimpleStatus.PENDING),
        (S.WAITING_FOR_DEPOSIT, 10_000, True, OrderStatus.PENDING_PAYMENT, SimpleStatus.PENDING),
        (S.DONE, 10_000, True, OrderStatus.PAID, SimpleStatus.COMPLETED),
        (S.PARTIAL_CANCELED, 1, True, OrderStatus.PARTIALLY_REFUNDED, SimpleStatus.PARTIAL_REFUNDED),
        (S.PARTIAL_CANCELED, 0, True, OrderStatus.REFUNDED, SimpleStatus.REFUNDED),
        (S.CANCELED, 0, True, OrderStatus.REFUNDED, SimpleStatus.REFUNDED),
        (S.CANCELED, 0, False, OrderStatus.CANCELED, SimpleStatus.CANCELLED),
        (S.ABORTED, 10_000, False, OrderStatus.PENDING_PAYMENT, SimpleStatus.FAILED),
        (S.EXPIRED, 10_000, False, OrderStatus.PENDING_PAYMENT, SimpleStatus.FAILED),
    ],
)
def test_what_a_payment_makes_of_its_order_and_of_seed_1s_status(
    status: S, balance: int, approved: bool, order: OrderStatus, simple: SimpleStatus
) -> None:
    payment = replace(PAYMENT, status=status, balance_amount=Krw(balance), approved_at=NOW if approved else None)
    assert order_status(payment) is order
    assert simple_status(payment, confirming=False) is simple


@pytest.mark.parametrize("status", [S.READY, S.IN_PROGRESS, S.ABORTED, S.EXPIRED, S.DONE])
def test_an_open_confirm_is_in_progress_whatever_toss_said_before(status: S) -> None:
    payment = replace(PAYMENT, status=status, approved_at=NOW if status is S.DONE else None)
    assert simple_status(payment, confirming=True) is SimpleStatus.IN_PROGRESS


def test_reserved_cancels_cannot_be_refunded_again() -> None:
    reserved = Cancel(
        id=uuid4(),  # type: ignore[arg-type]
        payment_id=PAYMENT.id,
        cancel_amount=Krw(7_000),
        cancel_reason="변심",
        cancel_status="PENDING",
        created_at=NOW,
    )
    assert refundable_amount(PAYMENT, [reserved]) == 3_000
    assert refundable_amount(PAYMENT, [replace(reserved, cancel_status="FAILED")]) == 10_000
    assert (
        refundable_amount(replace(PAYMENT, balance_amount=Krw(3_000)), [replace(reserved, cancel_status="DONE")])
        == 3_000
    )


def test_graphs_have_no_way_back_but_the_banks() -> None:
    for moves in (ALLOWED_MOVES, ORDER_MOVES):
        ways_back = {
            (before, after)
            for before, afters in moves.items()
            for after in afters
            if before in moves[after]  # type: ignore[index]
        }
        assert {frozenset(map(str, pair)) for pair in ways_back} <= {
            frozenset({"DONE", "WAITING_FOR_DEPOSIT"}),
            # A refusal that a later read contradicts, and an account that fell due.
            frozenset({"DONE", "EXPIRED"}),
            frozenset({"WAITING_FOR_DEPOSIT", "EXPIRED"}),
            frozenset({"PAID", "PENDING_PAYMENT"}),
        }
