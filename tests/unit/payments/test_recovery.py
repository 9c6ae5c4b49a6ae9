"""What the resolver does next, for every kind of question and everything a read can show."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from paywon.base.ids import AttemptId, PaymentId, PaymentKey
from paywon.base.money import Krw
from paywon.payments.model import Attempt, AttemptType, PaymentStatus
from paywon.payments.recovery import (
    DEFAULT_PLAN,
    MOST_REFUSALS,
    Reading,
    RetryPlan,
    Step,
    counted_tries,
    most_tries,
    next_step,
    next_try_at,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SOON, LATE = NOW + timedelta(minutes=1), NOW + timedelta(minutes=12)
S = PaymentStatus
CONFIRM = Attempt(
    id=AttemptId(uuid4()),
    payment_id=PaymentId(uuid4()),
    type=AttemptType.PAYMENT_CONFIRMATION,
    payment_key=PaymentKey("key-a"),
    amount=Krw(10_000),
    idempotency_key="k",
    created_at=NOW,
)
REFUND = replace(CONFIRM, type=AttemptType.REFUND_REQUEST)
REQUEST = replace(CONFIRM, type=AttemptType.PAYMENT_REQUEST)
ACCOUNT = replace(CONFIRM, type=AttemptType.VIRTUAL_ACCOUNT_ISSUE, payment_key=None)
CHARGE = replace(ACCOUNT, type=AttemptType.BILLING_CHARGE)
UNHEARD = Reading(status=None)
MISSING = Reading(status=None, found=False)


@pytest.mark.parametrize(
    ("reading", "now", "step"),
    [
        (Reading(status=S.DONE), SOON, Step.SUCCEEDED),
        (Reading(status=S.WAITING_FOR_DEPOSIT), SOON, Step.SUCCEEDED),
        (Reading(status=S.PARTIAL_CANCELED), LATE, Step.SUCCEEDED),
        (Reading(status=S.CANCELED), LATE, Step.SUCCEEDED),
        (Reading(status=S.ABORTED), SOON, Step.FAILED),
        (Reading(status=S.EXPIRED), SOON, Step.FAILED),
        (Reading(status=S.IN_PROGRESS), SOON, Step.ASK_AGAIN),
        (Reading(status=S.READY), SOON, Step.ASK_AGAIN),
        (Reading(status=S.IN_PROGRESS), LATE, Step.WAIT),
        (Reading(status=S.DONE, same_order=False), SOON, Step.FAILED),
        (Reading(status=S.IN_PROGRESS, same_order=False), SOON, Step.FAILED),
        (Reading(status=None, same_order=False), SOON, Step.FAILED),
        (Reading(status=S.DONE, same_key=False), SOON, Step.WAIT),
        (Reading(status=S.DONE, same_key=False), LATE, Step.FAILED),
        (MISSING, SOON, Step.WAIT),
        (MISSING, LATE, Step.FAILED),
        (UNHEARD, SOON, Step.WAIT),
        (UNHEARD, LATE + timedelta(days=365), Step.WAIT),
    ],
)
def test_after_a_confirm(reading: Reading, now: datetime, step: Step) -> None:
    assert next_step(CONFIRM, reading, now) is step


def test_a_key_that_toss_answered_is_never_used_again() -> None:
    answered = replace(CONFIRM, answered=True)
    assert next_step(answered, Reading(status=S.IN_PROGRESS), SOON) is Step.ASK_ANEW
    assert next_step(replace(REFUND, answered=True), Reading(status=S.DONE), SOON) is Step.ASK_ANEW


@pytest.mark.parametrize(
    ("reading", "step"),
    [
        # What looks like ours proves nothing: the key's replay does.
        (Reading(status=S.PARTIAL_CANCELED, cancel_seen=True), Step.ASK_AGAIN),
        (Reading(status=S.CANCELED, cancel_seen=True, balance=0), Step.ASK_AGAIN),
        (Reading(status=S.CANCELED, balance=0), Step.ASK_AGAIN),
        (Reading(status=S.CANCELED, returned=True), Step.SUCCEEDED),
        (Reading(status=None, returned=True), Step.SUCCEEDED),
        (Reading(status=S.DONE), Step.ASK_AGAIN),
        (Reading(status=S.PARTIAL_CANCELED), Step.ASK_AGAIN),
        (UNHEARD, Step.WAIT),
        (MISSING, Step.WAIT),
    ],
)
def test_after_a_refund(reading: Reading, step: Step) -> None:
    assert next_step(REFUND, reading, SOON) is step


FAILURE, WELL = {"answered": True, "http_status": 500}, {"answered": True, "http_status": 200}
REFUSED = {"answered": True, "http_status": 400}
ALREADY = Reading(status=S.CANCELED, cancel_seen=True, done_already=True, balance=0)
OFTEN = Reading(status=S.DONE, balance=10_000, refusals=MOST_REFUSALS)


@pytest.mark.parametrize(
    ("attempt", "reading", "step"),
    [
        # Behind a failure that may pass money may have moved: whose cancel it is nobody can prove.
        (FAILURE, Reading(status=S.PARTIAL_CANCELED, cancel_seen=True), Step.WAIT),
        (FAILURE, Reading(status=S.PARTIAL_CANCELED, cancel_seen=True, cancel_is_older=True), Step.FAILED),
        (REFUSED, ALREADY, Step.FAILED),
        (REFUSED | {"caused_by": AttemptId(uuid4())}, ALREADY, Step.WAIT),
        (FAILURE, Reading(status=S.CANCELED, balance=0), Step.FAILED),
        (FAILURE, Reading(status=S.DONE, balance=10_000), Step.ASK_ANEW),
        # Tries that nobody answered are no refusals.
        (FAILURE | {"retry_count": 50}, Reading(status=S.DONE, balance=10_000), Step.ASK_ANEW),
        (FAILURE, OFTEN, Step.FAILED),
        (FAILURE, UNHEARD, Step.WAIT),
        # Carried out, in an answer that could not be read.
        (WELL, Reading(status=S.PARTIAL_CANCELED, cancel_seen=True), Step.SUCCEEDED),
        (WELL, OFTEN, Step.WAIT),
        ({}, OFTEN, Step.ASK_AGAIN),
    ],
)
def test_after_a_refund_whose_key_was_answered(attempt: dict[str, Any], reading: Reading, step: Step) -> None:
    assert next_step(replace(REFUND, **attempt), reading, SOON) is step


@pytest.mark.parametrize("question", [ACCOUNT, CHARGE, REQUEST])
def test_what_toss_refuses_again_and_again_and_nobody_sees_done_is_closed(question: Attempt) -> None:
    refused = replace(question, answered=True, http_status=500)
    assert next_step(refused, MISSING, SOON) is Step.ASK_ANEW
    often = replace(MISSING, refusals=MOST_REFUSALS)
    assert next_step(refused, often, SOON) is Step.FAILED
    assert next_step(question, often, SOON) is Step.ASK_AGAIN


def test_a_replay_is_asked_for_as_long_as_toss_keeps_it() -> None:
    seen = Reading(status=S.PARTIAL_CANCELED, cancel_seen=True)
    assert next_step(REFUND, seen, NOW + timedelta(days=10)) is Step.ASK_AGAIN
    assert next_step(REFUND, seen, NOW + timedelta(days=15)) is Step.WAIT


def test_a_refund_is_not_sent_again_after_its_window_without_a_person() -> None:
    assert next_step(REFUND, Reading(status=S.DONE), NOW + timedelta(days=2)) is Step.WAIT


@pytest.mark.parametrize(
    ("answered", "reading", "step"),
    [
        (False, Reading(status=S.READY), Step.SUCCEEDED),
        (False, MISSING, Step.ASK_AGAIN),
        (True, MISSING, Step.ASK_ANEW),
        (True, UNHEARD, Step.WAIT),
        (False, UNHEARD, Step.ASK_AGAIN),
    ],
)
def test_after_a_payment_request(answered: bool, reading: Reading, step: Step) -> None:
    assert next_step(replace(REQUEST, answered=answered), reading, SOON) is step


@pytest.mark.parametrize("answered", [True, False])
def test_a_request_that_toss_does_not_know_has_failed_only_once_its_window_has_closed(answered: bool) -> None:
    request = replace(REQUEST, answered=answered)
    assert next_step(request, MISSING, NOW + timedelta(minutes=40)) is not Step.FAILED
    assert next_step(request, MISSING, NOW + timedelta(minutes=42)) is Step.FAILED


@pytest.mark.parametrize(
    ("answered", "reading", "days", "step"),
    [
        (False, Reading(status=S.WAITING_FOR_DEPOSIT), 0, Step.SUCCEEDED),
        (False, Reading(status=S.DONE), 30, Step.SUCCEEDED),
        (False, MISSING, 0, Step.ASK_AGAIN),
        (True, MISSING, 0, Step.ASK_ANEW),
        (False, MISSING, 2, Step.FAILED),
        (False, Reading(status=S.DONE, same_key=False), 0, Step.ASK_AGAIN),
        (False, Reading(status=S.READY, same_key=False), 0, Step.ASK_AGAIN),
        (False, Reading(status=S.ABORTED), 0, Step.FAILED),
        (False, Reading(status=S.ABORTED, same_key=False), 0, Step.ASK_AGAIN),
        (False, UNHEARD, 2, Step.WAIT),
    ],
)
def test_after_an_account_or_a_charge(answered: bool, reading: Reading, days: int, step: Step) -> None:
    now = SOON + timedelta(days=days)
    for attempt in (ACCOUNT, CHARGE):
        assert next_step(replace(attempt, answered=answered), reading, now) is step


def test_silence_alone_never_fails_anything() -> None:
    for attempt in (CONFIRM, REFUND, REQUEST, ACCOUNT, CHARGE):
        for days in (0, 1, 30, 3650):
            assert next_step(attempt, UNHEARD, NOW + timedelta(days=days)) is not Step.FAILED


def wait_s(attempt: Attempt, tries: int, after_s: float, *, chance: float = 0.5) -> float:
    now = NOW + timedelta(seconds=after_s)
    return (next_try_at(DEFAULT_PLAN, attempt, tries, now, chance=chance) - now).total_seconds()


def tries_of(attempt: Attempt, *, until_s: float, chance: float = 0.5) -> list[float]:
    """When a question that nobody hears is taken up, in seconds after it was first put; answers take no time."""
    at, tries, found = 10.0, 1, []
    while at <= until_s:
        found.append(round(at, 3))
        now = NOW + timedelta(seconds=at)
        counted = counted_tries(DEFAULT_PLAN, attempt, tries, now)
        at += wait_s(attempt, counted, at, chance=chance)
        tries = counted + 1
    return found


def test_the_ladder_of_what_has_no_customer_waiting() -> None:
    assert [wait_s(REFUND, tries, 60) for tries in range(8)] == [2, 5, 15, 60, 300, 1800, 3600, 3600]


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_a_confirm_is_asked_for_steadily_until_its_window_closes_and_read_at_once_after(chance: float) -> None:
    times = tries_of(CONFIRM, until_s=700, chance=chance)
    inside = [at for at in times if at < 600]
    gaps = [after - before for before, after in pairwise(inside)]
    assert max(gaps) <= 30 and inside[-1] == 590, "every 20 to 30 s, and once just before it closes"
    assert 660 <= times[len(inside)] <= 665, "and read once nothing can arrive any more"


def test_the_window_of_a_question_that_was_asked_anew_is_that_of_the_first() -> None:
    anew = replace(CONFIRM, created_at=NOW + timedelta(minutes=9), began_at=NOW)
    assert next_step(anew, MISSING, LATE) is Step.FAILED
    assert next_try_at(DEFAULT_PLAN, anew, 1, NOW + timedelta(minutes=9, seconds=48), chance=0.5) == NOW + timedelta(
        minutes=9, seconds=50
    )


@pytest.mark.parametrize(("attempt", "closes_s"), [(CONFIRM, 600), (REQUEST, 2400), (REFUND, 86400), (CHARGE, 86400)])
def test_no_wait_passes_over_the_end_of_a_window(attempt: Attempt, closes_s: float) -> None:
    last_call, closed = closes_s - 10, closes_s + 60
    for tries in range(12):
        for before_s in (1500, 400, 20, 11):
            if closes_s > before_s:
                assert closes_s - before_s + wait_s(attempt, tries, closes_s - before_s) <= last_call
        assert closed <= closes_s - 5 + wait_s(attempt, tries, closes_s - 5) <= closed + 5


def test_what_stays_open_is_parked_after_about_three_days() -> None:
    for attempt in (CONFIRM, REFUND, REQUEST, ACCOUNT, CHARGE):
        at, tries = 10.0, 1
        while tries < most_tries(DEFAULT_PLAN):
            tries = counted_tries(DEFAULT_PLAN, attempt, tries, NOW + timedelta(seconds=at))
            at += wait_s(attempt, tries, at)
            tries += 1
        assert 2.5 <= at / 86400 <= 3.3, attempt.type


def test_a_ladder_of_ones_own() -> None:
    plan = RetryPlan(ladder_s=(1,), confirm_every_s=2, margin=timedelta(seconds=5))
    assert next_try_at(plan, REFUND, 0, NOW, chance=0.5) == NOW + timedelta(seconds=1)
    assert next_try_at(plan, CONFIRM, 9, NOW, chance=0.5) == NOW + timedelta(seconds=2)
    assert next_step(CONFIRM, MISSING, NOW + timedelta(minutes=10, seconds=5), margin=plan.margin) is Step.FAILED
