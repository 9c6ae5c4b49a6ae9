"""What the resolver does next, for every kind of question and everything a read can show."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paywon.base.ids import AttemptId, PaymentId, PaymentKey
from paywon.base.money import Krw
from paywon.payments.commands.settling import ladder_s
from paywon.payments.model import Attempt, AttemptType, PaymentStatus
from paywon.payments.recovery import Reading, Step, next_step

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
        (Reading(status=S.PARTIAL_CANCELED, cancel_seen=True), Step.SUCCEEDED),
        (Reading(status=S.DONE), Step.ASK_AGAIN),
        (Reading(status=S.PARTIAL_CANCELED), Step.ASK_AGAIN),
        (UNHEARD, Step.WAIT),
        (MISSING, Step.WAIT),
    ],
)
def test_after_a_refund(reading: Reading, step: Step) -> None:
    assert next_step(REFUND, reading, SOON) is step


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


def test_the_ladder() -> None:
    assert [ladder_s(tries) for tries in range(8)] == [2, 5, 15, 60, 300, 1800, 3600, 3600]
