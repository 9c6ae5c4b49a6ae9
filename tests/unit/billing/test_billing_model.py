"""Billing keys without a database: what may be done in which state, and what the resolver does next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, BillingKeyId
from paywon.billing.facts import key_columns
from paywon.billing.model import (
    EXISTS,
    BillingKey,
    KeyStatus,
    KeyView,
    check_chargeable,
    check_issued,
    hint_of,
    issue_step,
)
from paywon.payments.model import Attempt, AttemptStatus, AttemptType
from paywon.payments.recovery import Step
from paywon.toss.wire import Billing

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
SOON, LATE = NOW + timedelta(hours=23), NOW + timedelta(hours=25)
SECRET = "Z_t5vOvQxrj4499PeiJcjen28-V2RyqgYTwN44Rdzk0="
KEY = BillingKey(id=BillingKeyId(uuid4()), user_id=None, customer_key="c-1", created_at=NOW, updated_at=NOW)
ISSUE = Attempt(
    id=AttemptId(uuid4()),
    payment_id=None,
    type=AttemptType.BILLING_KEY_ISSUE,
    idempotency_key="k",
    billing_key_id=KEY.id,
    created_at=NOW,
)
DELETION = replace(ISSUE, type=AttemptType.BILLING_KEY_DELETE)
ANSWERED = replace(ISSUE, answered=True)
SECOND = replace(ANSWERED, caused_by=AttemptId(uuid4()))


@pytest.mark.parametrize(
    ("attempt", "now", "step"),
    [
        (ISSUE, NOW, Step.ASK_AGAIN),
        (ISSUE, SOON, Step.ASK_AGAIN),
        (ISSUE, LATE, Step.WAIT),
        (ANSWERED, NOW, Step.ASK_ANEW),
        (ANSWERED, LATE, Step.ASK_ANEW),
        (SECOND, NOW, Step.FAILED),
        (SECOND, LATE, Step.FAILED),
        (replace(SECOND, answered=False), SOON, Step.ASK_AGAIN),
        (replace(SECOND, answered=False), LATE, Step.WAIT),
        (replace(ANSWERED, error_code="CONTRADICTION"), NOW, Step.WAIT),
    ],
)
def test_what_becomes_of_an_issue_that_nobody_knows_of(attempt: Attempt, now: datetime, step: Step) -> None:
    assert issue_step(attempt, now) is step


def test_nothing_fails_because_time_has_passed() -> None:
    for days in range(1, 400):
        assert issue_step(ISSUE, NOW + timedelta(days=days)) is Step.WAIT


@pytest.mark.parametrize(
    ("status", "attempt", "code"),
    [
        (KeyStatus.ACTIVE, None, None),
        (KeyStatus.ACTIVE, replace(ISSUE, status=AttemptStatus.SUCCESS), None),
        (KeyStatus.ACTIVE, replace(DELETION, status=AttemptStatus.FAILED), None),
        (KeyStatus.ACTIVE, DELETION, "BILLING_KEY_DELETED"),
        (KeyStatus.DELETED, None, "BILLING_KEY_DELETED"),
        (KeyStatus.ISSUING, ISSUE, "BILLING_KEY_NOT_READY"),
        (KeyStatus.FAILED, None, "BILLING_KEY_NOT_READY"),
    ],
)
def test_which_key_may_be_charged(status: KeyStatus, attempt: Attempt | None, code: str | None) -> None:
    view = KeyView(key=replace(KEY, status=status), attempt=attempt)
    if code is None:
        check_chargeable(view)
        return
    with pytest.raises(PaywonError) as refused:
        check_chargeable(view)
    assert refused.value.code == code


@pytest.mark.parametrize("status", [KeyStatus.ACTIVE, KeyStatus.DELETED])
def test_a_key_that_was_issued(status: KeyStatus) -> None:
    check_issued(replace(KEY, status=status))


def test_why_the_last_question_came_to_nothing() -> None:
    failed = replace(ISSUE, status=AttemptStatus.FAILED, error_code="INVALID_BILLING_AUTH", error_message="무효")
    assert KeyView(key=KEY, attempt=failed).failure == ("INVALID_BILLING_AUTH", "무효")
    unknown = replace(ISSUE, error_code="read_timeout")
    assert (KeyView(key=KEY, attempt=unknown).failure, KeyView(key=KEY, attempt=None).failure) == ((None, None),) * 2
    held = replace(ISSUE, status=AttemptStatus.SUCCESS, error_code=EXISTS, error_message="id")
    assert KeyView(key=KEY, attempt=held).failure == (EXISTS, "id")


def test_a_hint_shows_both_ends_and_never_the_whole() -> None:
    assert hint_of(SECRET) == "Z_t5…zk0="
    for length in range(1, 60):
        assert len(hint_of("x" * length)) <= max(1, length // 2 + 1)


def test_nothing_that_is_printed_shows_a_key() -> None:
    key = replace(KEY, sealed_key=b"sealed-bytes", key_digest=b"digest-bytes")
    shown = repr(KeyView(key=key, attempt=None, secret=SECRET))
    assert not any(text in shown for text in (SECRET, "sealed-bytes", "digest-bytes"))


def test_the_card_is_kept_as_far_as_it_may_be() -> None:
    columns = key_columns(_fixture("billing-card-2022-11-16"))
    assert columns["method"] == "카드"
    assert columns["card_meta"] == {
        "issuerCode": "61",
        "issuerName": "현대",
        "acquirerCode": "31",
        "acquirerName": "BC",
        "number": "************123*",
        "cardType": "신용",
        "ownerType": "개인",
    }
    assert SECRET not in str(columns)


def test_of_an_account_the_last_digits_are_kept() -> None:
    assert key_columns(_fixture("billing-transfer"))["card_meta"] == {
        "bankName": "토스뱅크",
        "bankAccountNumber": "***234",
    }


def test_a_whole_card_number_is_not_kept_even_if_toss_sends_one() -> None:
    told = _fixture("billing-card-2022-11-16", number="4242424242424242")
    assert "4242424242424242" not in str(key_columns(told))


def _fixture(name: str, *, number: str | None = None) -> Billing:
    folder = Path(__file__).parents[2] / "fixtures" / "toss"
    raw = msgspec.json.decode((folder / f"{name}.json").read_bytes())
    if number is not None:
        raw["card"]["number"] = number
    return msgspec.convert(raw, Billing)
