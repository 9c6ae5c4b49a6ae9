"""What the desk foretells of an open question."""

import unicodedata
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from paywon.base.ids import DecisionId, new_uuid
from paywon.desk.model import (
    Answer,
    Decision,
    DecisionKind,
    Kind,
    Places,
    Sighting,
    may_second,
    next_places,
    places_of,
    standing_approval,
    step_if_unchanged,
    was_heard,
)
from paywon.payments.model import Attempt, AttemptType
from paywon.payments.recovery import NO_SUCH_PAYMENT, Step
from paywon.toss.errors import REFUSALS, Operation, Refusal
from tests.unit.payments.test_recovery import CONFIRM, NOW, REFUND

SOON, LATE = NOW + timedelta(minutes=1), NOW + timedelta(hours=1)
ISSUE = replace(CONFIRM, type=AttemptType.BILLING_KEY_ISSUE, payment_id=None)
RECEIPT = replace(CONFIRM, type=AttemptType.CASH_RECEIPT_ISSUE)


def read(
    shows: str | None, http_status: int | None = 200, *, code: str | None = None, message: str | None = None
) -> Answer:
    outcome = "yes" if http_status == 200 else "no" if http_status == 404 else "unknown"
    return Answer(
        at=NOW,
        type="status_read",
        http_status=http_status,
        code=code,
        outcome=outcome,
        shows=shows,
        listed=None,
        message=message,
    )


@pytest.mark.parametrize(
    ("attempt", "answers", "step"),
    [
        (CONFIRM, [], Step.WAIT),
        (CONFIRM, [read(None, 500)], Step.WAIT),
        (CONFIRM, [read("ON_THE_MOON")], Step.WAIT),
        (CONFIRM, [read("DONE"), read("IN_PROGRESS")], Step.ASK_AGAIN),
        # Shown as done, and never taken into our books: it does not succeed by itself.
        (CONFIRM, [read("DONE", message="currency: 'USD' is not KRW")], Step.WAIT),
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
    missing = [read(None, 404, code="NOT_FOUND_PAYMENT")]
    assert step_if_unchanged(CONFIRM, missing, SOON) is Step.WAIT
    assert step_if_unchanged(CONFIRM, missing, LATE) is Step.FAILED
    assert step_if_unchanged(CONFIRM, [read(None, 404, code="NOT_FOUND_MERCHANT")], LATE) is Step.WAIT


KIM = Decision(
    id=DecisionId(new_uuid()),
    kind=DecisionKind.MARK_FAILED,
    reason="r",
    operator="김담당",
    actor="key:a",
    created_at=NOW,
)


@pytest.mark.parametrize(
    "name",
    [
        "김담당",
        " 김담당 ",
        unicodedata.normalize("NFD", "김담당"),
        "김\u200b담당",
        "\ufeff김담당",
        "김담\u2060당",
        "김 담당",
    ],
)
def test_one_name_in_any_spelling_seconds_nothing(name: str) -> None:
    assert not may_second(KIM, name, "key:b")


def test_two_people_are_two_names_and_two_keys() -> None:
    assert may_second(KIM, "이담당", "key:b")
    assert not may_second(KIM, "이담당", "key:a")
    assert not may_second(replace(KIM, operator="Kim"), "ＫＩＭ", "key:b")


def seen(status: str | None, minute: int, **changes: Any) -> Sighting:
    """Make a read of the payment that CONFIRM is about, made so many minutes after it."""
    at = NOW + timedelta(minutes=minute)
    values: dict[str, Any] = {
        "type": "status_read",
        "outcome": "yes",
        "code": None,
        "asked_key": CONFIRM.payment_key,
        "asked_at": at,
        "answered_at": at,
        "about_it": True,
        "payment_key": CONFIRM.payment_key,
        "order_no": "order-1",
        "status": status,
        "balance": "1000",
        "by_account": False,
    }
    return Sighting(**{**values, **changes})


UNREAD = {"outcome": "unknown", "payment_key": None}
MISSING = {"outcome": "no", "code": "NOT_FOUND_PAYMENT", "payment_key": None, "balance": None}
ANSWER = {"type": "payment_confirmation", "outcome": "unknown", "answered_at": None}


@pytest.mark.parametrize(
    ("sightings", "stands"),
    [
        ([], False),
        ([seen("READY", 1)], False),
        ([seen("ABORTED", 1), seen("EXPIRED", 2), seen("IN_PROGRESS", 3)], False),
        ([seen("CANCELED", 1, balance="0")], False),
        ([seen("DONE", 1)], True),
        ([seen("DONE", 1, **UNREAD)], True),
        ([seen("DONE", 1, balance="[]")], True),
        ([seen("WAITING_FOR_DEPOSIT", 1)], True),
        ([seen("PARTIAL_CANCELED", 1, balance="0")], True),
        ([seen("SOMETHING_NEW", 1)], True),
        ([seen(None, 1)], True),
        ([seen("SOMETHING_NEW", 1, balance="0")], False),
        ([seen("DONE", 0, **ANSWER)], True),
        # Taken back by what Toss says later, and by nothing that it does not say.
        ([seen("DONE", 1), seen("CANCELED", 2, balance="0")], False),
        ([seen("DONE", 1), seen("READY", 2)], False),
        ([seen("DONE", 1), seen(None, 2, **MISSING)], False),
        ([seen("DONE", 1), seen(None, 2, **MISSING | {"code": "NOT_FOUND_MERCHANT"})], True),
        ([seen("DONE", 1), seen(None, 2, outcome="unknown", balance=None)], True),
        ([seen("CANCELED", 1, balance="0"), seen("DONE", 2)], True),
        ([seen("DONE", 1), seen("READY", 2, payment_key="another", asked_key=None)], True),
        # A question that is open may have been answered after any read but the one made just now.
        ([seen("DONE", 0, **ANSWER), seen("READY", 1)], True),
        ([seen("DONE", 0, **ANSWER), seen("READY", 9)], False),
        # What our books hold was another question's.
        ([seen("DONE", 1, payment_key="held")], False),
        ([seen("DONE", 1, payment_key="nobody's")], True),
        ([seen("DONE", 1, payment_key="nobody's", about_it=False)], False),
    ],
)
def test_an_approval_stands_until_a_later_read_takes_it_back(sightings: list[Sighting], stands: bool) -> None:
    assert (
        standing_approval(CONFIRM, sightings, held="held", heard_at=NOW + timedelta(minutes=9)) is not None
    ) is stands


def test_only_a_read_that_told_something_was_heard() -> None:
    assert was_heard([seen("READY", 1)], NOW)
    assert was_heard([seen(None, 1, **MISSING)], NOW)
    assert was_heard([seen("DONE", 1, **UNREAD)], NOW)
    for silent in (
        seen("READY", 1, outcome="unknown"),
        seen(None, 1, **MISSING | {"code": "NOT_FOUND_MERCHANT"}),
        seen("READY", 1, about_it=False),
        seen("READY", -1),
        seen("READY", 1, type="payment_confirmation"),
    ):
        assert not was_heard([silent], NOW)


def test_a_cursor_holds_a_place_in_each_kind() -> None:
    place = (NOW, new_uuid())
    last: dict[Kind, Any] = dict.fromkeys(Kind, None) | {Kind.WEBHOOK: place}
    places = next_places(Places(), last)
    assert places is not None
    assert places_of(places.words()) == places
    assert places.over == set(Kind) - {Kind.WEBHOOK}
    assert next_places(places, dict.fromkeys(Kind, None)) is None
    for words in (["over", "."] * len(Kind), ["x", "y"] * len(Kind), places.words()[:-2]):
        with pytest.raises(ValueError):
            places_of(words)


def test_what_is_evidence_of_nothing_is_what_the_client_takes_for_it() -> None:
    assert {code for code, kind in REFUSALS[Operation.READ].items() if kind is Refusal.NOT_FOUND} == NO_SUCH_PAYMENT
