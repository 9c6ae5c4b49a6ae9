"""What the desk foretells of an open question."""

from dataclasses import replace
from datetime import timedelta

import pytest

from paywon.desk.model import Answer, step_if_unchanged
from paywon.payments.model import Attempt, AttemptType
from paywon.payments.recovery import Step
from tests.unit.payments.test_recovery import CONFIRM, NOW, REFUND

SOON, LATE = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
ISSUE = replace(CONFIRM, type=AttemptType.BILLING_KEY_ISSUE, payment_id=None)
RECEIPT = replace(CONFIRM, type=AttemptType.CASH_RECEIPT_ISSUE)


def read(shows: str | None, http_status: int | None = 200) -> Answer:
    return Answer(
        at=NOW, type="status_read", http_status=http_status, code=None, outcome=None, shows=shows, listed=None
    )


@pytest.mark.parametrize(
    ("attempt", "answers", "step"),
    [
        (CONFIRM, [], Step.WAIT),
        (CONFIRM, [read(None, 500)], Step.WAIT),
        (CONFIRM, [read("ON_THE_MOON")], Step.WAIT),
        (CONFIRM, [read("DONE"), read("IN_PROGRESS")], Step.ASK_AGAIN),
        (replace(CONFIRM, answered=True), [read("IN_PROGRESS")], Step.ASK_ANEW),
        (REFUND, [read("DONE")], Step.ASK_AGAIN),
        (ISSUE, [], Step.ASK_AGAIN),
        (RECEIPT, [], None),
    ],
)
def test_the_next_step_is_foretold_from_what_toss_last_showed(
    attempt: Attempt, answers: list[Answer], step: Step | None
) -> None:
    assert step_if_unchanged(attempt, answers, SOON) is step
    assert step_if_unchanged(attempt, answers, None) is None


def test_it_is_foretold_for_the_time_at_which_it_is_done() -> None:
    missing = [read(None, 404)]
    assert step_if_unchanged(CONFIRM, missing, SOON) is Step.WAIT
    assert step_if_unchanged(CONFIRM, missing, LATE) is Step.FAILED
