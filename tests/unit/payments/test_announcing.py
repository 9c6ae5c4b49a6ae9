"""Every stage of a payment × every stage, every step of an order, and a capsule's: what is told, and in which order."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import msgspec
import pytest

from paywon.base.ids import AttemptId, CapsuleId, OrderId, OrderNo, PaymentKey, UserId
from paywon.base.money import Krw
from paywon.capsules.model import Capsule, CapsuleStatus
from paywon.orders.model import FulfilmentKind, FulfilmentStatus, Order, OrderStatus, TimeOption
from paywon.outbox.model import EventType as E
from paywon.payments.announcing import Books, doubt, events_of, moves_capsule, refused, requested
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, Payment, PaymentStatus
from paywon.payments.recovery import DOUBTFUL_AFTER, DOUBTFUL_AFTER_TRIES, is_doubtful
from tests.unit.payments.test_model import PAYMENT

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
S = PaymentStatus
O = OrderStatus  # noqa: E741
TOTAL = PAYMENT.total_amount

ORDER = Order(
    id=OrderId(uuid4()),
    order_no=OrderNo("ORD-1-ABCDEFGH"),
    user_id=UserId("u-1"),
    order_name="홍길동의 책",
    amount=TOTAL,
    tax_free_amount=Krw(0),
    currency="KRW",
    status=O.PENDING_PAYMENT,
    resource_type="booking",
    resource_id="b-1",
    fulfilment_kind=FulfilmentKind.NONE,
    fulfilment_spec=None,
    fulfilment_status=FulfilmentStatus.NONE,
    fulfilment_reason=None,
    metadata={"note": "secret"},
    expires_at=NOW,
    paid_at=None,
    created_at=NOW,
    updated_at=NOW,
)


def payment(status: PaymentStatus, left: int | None = None, **changes: Any) -> Payment:
    """A payment in a state; ``left`` is the balance of one that was approved."""
    approved = {"approved_at": NOW, "balance_amount": left} if left is not None else {}
    return replace(PAYMENT, **{"status": status, **approved, **changes})


ACCOUNT: Final = {"expired": False, "accountNumber": "X123"}
STAGES: Final = {
    "open": payment(S.READY),
    "authenticated": payment(S.IN_PROGRESS),
    "awaits": payment(S.WAITING_FOR_DEPOSIT, virtual_account=ACCOUNT),
    "past due": payment(S.WAITING_FOR_DEPOSIT, virtual_account={**ACCOUNT, "expired": True}),
    "paid": payment(S.DONE, TOTAL),
    "part back": payment(S.PARTIAL_CANCELED, 4_000),
    "all back in parts": payment(S.PARTIAL_CANCELED, 0),
    "all back": payment(S.CANCELED, 0),
    "canceled": payment(S.CANCELED),
    "failed": payment(S.ABORTED),
    "expired": payment(S.EXPIRED),
}
# What it is to arrive at a stage from one that was not paid.
ARRIVED: Final[dict[str, list[E]]] = {
    "open": [],
    "authenticated": [],
    "awaits": [E.PAYMENT_WAITING_FOR_DEPOSIT],
    "past due": [E.PAYMENT_EXPIRED],
    "paid": [E.PAYMENT_COMPLETED],
    "part back": [E.PAYMENT_COMPLETED, E.PAYMENT_PARTIALLY_REFUNDED],
    "all back in parts": [E.PAYMENT_COMPLETED, E.PAYMENT_REFUNDED],
    "all back": [E.PAYMENT_COMPLETED, E.PAYMENT_REFUNDED],
    "canceled": [E.PAYMENT_CANCELED],
    "failed": [E.PAYMENT_FAILED],
    "expired": [E.PAYMENT_EXPIRED],
}
# From one that was paid with all of it, or part of it, still here.
FROM_PAID: Final[dict[str, list[E]]] = {
    "awaits": [E.PAYMENT_DEPOSIT_REVERSED],
    "past due": [E.PAYMENT_DEPOSIT_REVERSED, E.PAYMENT_EXPIRED],
    "expired": [E.PAYMENT_DEPOSIT_REVERSED, E.PAYMENT_EXPIRED],
    "canceled": [E.PAYMENT_DEPOSIT_REVERSED, E.PAYMENT_CANCELED],
    "paid": [],
    "part back": [E.PAYMENT_PARTIALLY_REFUNDED],
    "all back in parts": [E.PAYMENT_REFUNDED],
    "all back": [E.PAYMENT_REFUNDED],
}


def told(before: Payment, after: Payment) -> list[E]:
    events = events_of(Books(order=ORDER, payment=before), Books(order=ORDER, payment=after), NOW)
    return [event.type for event in events]


def _was_paid(name: str) -> bool:
    return STAGES[name].approved_at is not None


def _balance(name: str) -> int:
    return STAGES[name].balance_amount or 0


# From what was paid to what never was, model.judge lets nothing through but an account that was cancelled or fell due
# once its bank had taken the deposit back.
STEPS: Final = [
    (before, after)
    for before, after in itertools.product(STAGES, STAGES)
    if not _was_paid(before) or after in FROM_PAID
]


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_every_stage_after_every_stage(before: str, after: str) -> None:
    seen = told(STAGES[before], STAGES[after])
    if before == after or {before, after} == {"past due", "expired"} or {before, after} == {"open", "authenticated"}:
        assert seen == []
    elif not _was_paid(before):
        assert seen == ARRIVED[after]
    elif _was_paid(after) and _balance(after) >= _balance(before):
        assert seen == []  # a balance does not rise (model.judge); if it did, nothing would have gone back
    else:
        assert seen == FROM_PAID[after]


@pytest.mark.parametrize(
    ("before", "after", "won"),
    [("paid", "part back", 6_000), ("part back", "all back in parts", 4_000), ("open", "part back", 6_000)],
)
def test_a_refund_says_how_much_went_back_with_it(before: str, after: str, won: int) -> None:
    books = [Books(order=ORDER, payment=STAGES[name]) for name in (before, after)]
    data = msgspec.to_builtins(events_of(books[0], books[1], NOW)[-1].data)
    assert data["refund"] == {"amount": won}
    assert data["payment"]["balanceAmount"] == TOTAL - data["payment"]["refundedAmount"] == _balance(after)


PAY_OUTS: Final = {
    "FAILED": E.PAYMENT_REFUND_FAILED,
    "PARTIAL_FAILED": E.PAYMENT_REFUND_FAILED,
    "COMPLETED": E.PAYMENT_REFUND_COMPLETED,
}


@pytest.mark.parametrize(
    ("before", "after"),
    list(itertools.product([None, "NONE", "PENDING", "FAILED", "PARTIAL_FAILED", "COMPLETED", "새것"], repeat=2)),
)
def test_what_a_bank_makes_of_a_refund_is_told_once(before: str | None, after: str | None) -> None:
    was, is_ = (payment(S.CANCELED, 0, virtual_account={**ACCOUNT, "refundStatus": word}) for word in (before, after))
    kind = PAY_OUTS.get(after or "")
    assert told(was, is_) == ([kind] if kind and kind is not PAY_OUTS.get(before or "") else [])


def test_two_partial_refunds_are_two_events() -> None:
    first, second = payment(S.PARTIAL_CANCELED, 7_000), payment(S.PARTIAL_CANCELED, 4_000)
    assert told(first, second) == [E.PAYMENT_PARTIALLY_REFUNDED]


def test_amounts_of_what_was_never_approved_are_nothing() -> None:
    waiting = requested(ORDER, STAGES["awaits"], NOW)
    data = msgspec.to_builtins(waiting.data)["payment"]
    assert (data["amount"], data["balanceAmount"], data["refundedAmount"]) == (TOTAL, 0, 0)
    assert waiting.type is E.PAYMENT_REQUESTED
    assert waiting.stream == ORDER.id


# --- Orders --------------------------------------------------------------------------------------------

ORDERS: Final = {
    "open": ORDER,
    "held": replace(ORDER, status=O.PAID),
    "paid": replace(ORDER, status=O.PAID, paid_told_at=NOW),
    "part back": replace(ORDER, status=O.PARTIALLY_REFUNDED, paid_told_at=NOW),
    "held, part back": replace(ORDER, status=O.PARTIALLY_REFUNDED),
    "refunded": replace(ORDER, status=O.REFUNDED, paid_told_at=NOW),
    "refunded unheard": replace(ORDER, status=O.REFUNDED),
    "canceled": replace(ORDER, status=O.CANCELED),
    "expired": replace(ORDER, status=O.EXPIRED),
}


@pytest.mark.parametrize(
    ("before", "after", "types"),
    [
        ("open", "paid", [E.ORDER_PAID]),
        # A deposit is held: nobody is told, until a fresh read after the hold.
        ("open", "held", []),
        ("held", "held", []),
        ("held", "paid", [E.ORDER_PAID]),
        ("held", "open", []),
        ("held", "expired", [E.ORDER_EXPIRED]),
        ("held", "held, part back", []),
        ("held, part back", "part back", [E.ORDER_PAID]),
        ("held", "refunded unheard", [E.ORDER_REFUNDED]),
        ("open", "part back", [E.ORDER_PAID]),
        # First seen after all of it had gone back: nothing is handed over any more.
        ("open", "refunded unheard", [E.ORDER_REFUNDED]),
        ("paid", "part back", []),
        ("paid", "refunded", [E.ORDER_REFUNDED]),
        ("part back", "refunded", [E.ORDER_REFUNDED]),
        # The one step back: a bank took the deposit, after it was told.
        ("paid", "open", [E.ORDER_PAYMENT_REVERSED]),
        ("paid", "expired", [E.ORDER_PAYMENT_REVERSED, E.ORDER_EXPIRED]),
        ("open", "canceled", [E.ORDER_CANCELED]),
        ("open", "expired", [E.ORDER_EXPIRED]),
    ],
)
def test_the_steps_of_an_order(before: str, after: str, types: list[E]) -> None:
    books = [Books(order=ORDERS[name], payment=PAYMENT) for name in (before, after)]
    events = events_of(books[0], books[1], NOW)
    assert [event.type for event in events] == types
    assert {event.stream for event in events} <= {ORDER.id}


@pytest.mark.parametrize("name", ORDERS)
def test_what_stays_as_it_is_is_not_told(name: str) -> None:
    books = Books(order=ORDERS[name], payment=STAGES["paid"])
    assert events_of(books, books, NOW) == []


# --- Capsules, and the order of all --------------------------------------------------------------------

CAPSULE = Capsule(
    id=CapsuleId(uuid4()),
    order_id=ORDER.id,
    user_id=ORDER.user_id,
    title="홍길동의 졸업",
    headcount=3,
    view_limit=3,
    time_option=TimeOption.ONE_YEAR,
    open_at=NOW + timedelta(days=365),
    status=CapsuleStatus.LOCKED,
    created_at=NOW,
    canceled_at=None,
)


def _with_capsule(order: Order, status: FulfilmentStatus) -> Order:
    return replace(order, fulfilment_kind=FulfilmentKind.TIME_CAPSULE, fulfilment_status=status)


F = FulfilmentStatus


@pytest.mark.parametrize(
    ("before", "after"), list(itertools.product([kind for kind in F if kind is not F.NONE], repeat=2))
)
def test_every_step_of_a_capsule(before: FulfilmentStatus, after: FulfilmentStatus) -> None:
    was, now_is = _with_capsule(ORDERS["paid"], before), _with_capsule(ORDERS["paid"], after)
    books = [Books(order=order, payment=PAYMENT) for order in (was, now_is)]
    types = [event.type for event in events_of(books[0], books[1], NOW, capsule=CAPSULE)]
    made = {(False, True): [E.CAPSULE_CREATED], (True, False): [E.CAPSULE_CANCELED]}
    moved = made.get((before is F.FULFILLED, after is F.FULFILLED), [])
    stuck = [E.ORDER_FULFILMENT_BLOCKED] if after is F.BLOCKED is not before else []
    assert types == [*stuck, *moved]
    assert moves_capsule(was, now_is) is bool(moved)


def test_a_fulfilment_by_event_moves_no_capsule() -> None:
    waiting = replace(ORDERS["paid"], fulfilment_kind=FulfilmentKind.EVENT, fulfilment_status=F.WAITING)
    assert not moves_capsule(waiting, replace(waiting, fulfilment_status=F.FULFILLED))


def test_a_confirm_is_told_from_the_payment_outwards() -> None:
    before = Books(order=_with_capsule(ORDER, F.WAITING), payment=STAGES["open"])
    after = Books(order=_with_capsule(ORDERS["paid"], F.FULFILLED), payment=STAGES["paid"])
    types = [event.type for event in events_of(before, after, NOW, capsule=CAPSULE)]
    assert types == [E.PAYMENT_COMPLETED, E.ORDER_PAID, E.CAPSULE_CREATED]


def test_no_free_text_and_nobody_is_in_an_event() -> None:
    before = Books(order=_with_capsule(ORDER, F.WAITING), payment=STAGES["open"])
    rich = replace(
        STAGES["paid"],
        customer={"name": "홍길동"},
        virtual_account=ACCOUNT,
        fail_message="secret",
        description="secret",
    )
    after = Books(order=_with_capsule(ORDERS["paid"], F.FULFILLED), payment=rich)
    whole = msgspec.json.encode([event.data for event in events_of(before, after, NOW, capsule=CAPSULE)]).decode()
    assert not [word for word in ("홍길동", "secret", "X123", "u-1", "책") if word in whole]


# --- Refusals and doubts -------------------------------------------------------------------------------


def attempt(**changes: Any) -> Attempt:
    asked = Attempt(id=AttemptId(uuid4()), payment_id=PAYMENT.id, type=AttemptType.PAYMENT_CONFIRMATION, created_at=NOW)
    return replace(asked, **changes)


KEY_A, KEY_B = PaymentKey("key-a"), PaymentKey("key-b")


@pytest.mark.parametrize(
    ("before", "after", "asked_key", "types"),
    [
        (payment(S.READY, payment_key=None), payment(S.ABORTED, payment_key=None), KEY_A, [E.PAYMENT_FAILED]),
        (payment(S.READY, payment_key=None), payment(S.EXPIRED, payment_key=None), KEY_A, [E.PAYMENT_EXPIRED]),
        # Another card was refused; Toss has named neither.
        (payment(S.ABORTED, payment_key=None), payment(S.ABORTED, payment_key=None), KEY_B, [E.PAYMENT_FAILED]),
        (payment(S.ABORTED, payment_key=KEY_A), payment(S.ABORTED, payment_key=KEY_A), KEY_B, [E.PAYMENT_FAILED]),
        # A charge has no paymentKey of its own before it is made.
        (payment(S.ABORTED, payment_key=KEY_A), payment(S.ABORTED, payment_key=KEY_A), None, [E.PAYMENT_FAILED]),
        # A webhook told of this one before the answer came.
        (payment(S.ABORTED, payment_key=KEY_A), payment(S.ABORTED, payment_key=KEY_A), KEY_A, []),
        # The row follows another window, which is still open.
        (payment(S.READY, payment_key=KEY_A), payment(S.READY, payment_key=KEY_A), KEY_B, []),
    ],
)
def test_refusals(before: Payment, after: Payment, asked_key: PaymentKey | None, types: list[E]) -> None:
    books = [Books(order=ORDER, payment=row) for row in (before, after)]
    events = refused(books[0], books[1], attempt(payment_key=asked_key), NOW)
    assert [event.type for event in events] == types


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(AttemptStatus.PENDING, None), (AttemptStatus.SUCCESS, "success"), (AttemptStatus.FAILED, "failed")],
)
def test_a_doubt_says_what_is_in_doubt_and_what_came_of_it(status: AttemptStatus, outcome: str | None) -> None:
    asked = attempt(status=status)
    event = doubt(E.PAYMENT_IN_DOUBT, Books(order=ORDER, payment=PAYMENT), asked, NOW)
    question = msgspec.to_builtins(event.data)["question"]
    assert (question["id"], question["type"], question["outcome"]) == (str(asked.id), asked.type, outcome)


@pytest.mark.parametrize(
    ("tries", "after", "doubtful"),
    [
        (0, timedelta(0), False),
        (DOUBTFUL_AFTER_TRIES - 1, DOUBTFUL_AFTER - timedelta(seconds=1), False),
        (DOUBTFUL_AFTER_TRIES, timedelta(0), True),
        (0, DOUBTFUL_AFTER, True),
    ],
)
def test_when_a_question_is_in_doubt(tries: int, after: timedelta, doubtful: bool) -> None:
    assert is_doubtful(tries, NOW, NOW + after) is doubtful
