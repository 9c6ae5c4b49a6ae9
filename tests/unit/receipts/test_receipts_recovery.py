"""What the resolver does about a receipt that nobody knows the outcome of, and which row of a list is ours."""

from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from paywon.base.ids import AttemptId, OrderNo, new_uuid
from paywon.payments.model import Attempt, AttemptType
from paywon.payments.recovery import Step
from paywon.receipts.facts import columns_of, is_a_cancel, is_the_issue, shows
from paywon.receipts.model import IssueStatus, Receipt, order_no_of
from paywon.receipts.recovery import Seen, days_of, key_still_serves, next_step
from paywon.toss import wire
from tests.unit.receipts.test_receipts_model import NOW, PAYMENT, receipt

ATTEMPT = Attempt(id=AttemptId(new_uuid()), payment_id=PAYMENT.id, type=AttemptType.CASH_RECEIPT_ISSUE, created_at=NOW)
PENDING = receipt(20_000, IssueStatus.PENDING)
SOON, LATE = NOW + timedelta(minutes=1), NOW + timedelta(days=1)


def test_a_key_serves_for_a_day_unless_toss_has_answered_it() -> None:
    assert key_still_serves(ATTEMPT, SOON)
    assert not key_still_serves(ATTEMPT, LATE)
    assert not key_still_serves(replace(ATTEMPT, answered=True), SOON)


@pytest.mark.parametrize(
    ("seen", "soon", "late"),
    [
        (Seen.FOUND, Step.SUCCEEDED, Step.SUCCEEDED),
        (Seen.UNREAD, Step.WAIT, Step.WAIT),
        (Seen.MISSING, Step.ASK_ANEW, Step.FAILED),
    ],
)
def test_then_the_lists_decide(seen: Seen, soon: Step, late: Step) -> None:
    assert (next_step(PENDING, seen, SOON), next_step(PENDING, seen, LATE)) == (soon, late)


@pytest.mark.parametrize(("refusals", "step"), [(3, Step.ASK_ANEW), (4, Step.FAILED)])
def test_what_toss_refuses_key_after_key_is_over_once_no_list_shows_it(refusals: int, step: Step) -> None:
    assert next_step(PENDING, Seen.MISSING, SOON, refusals=refusals) is step
    assert next_step(PENDING, Seen.UNREAD, SOON, refusals=refusals) is Step.WAIT


def test_nothing_fails_because_time_has_passed() -> None:
    assert next_step(PENDING, Seen.UNREAD, NOW + timedelta(days=400)) is Step.WAIT


def test_every_korean_day_on_which_toss_may_have_been_asked_is_read() -> None:
    assert days_of(PENDING, SOON) == [date(2026, 11, 22)]
    late_evening = replace(PENDING, created_at=NOW.replace(hour=14, minute=59))
    assert days_of(late_evening, late_evening.created_at + timedelta(minutes=2)) == [
        date(2026, 11, 22),
        date(2026, 11, 23),
    ]
    assert days_of(PENDING, NOW + timedelta(days=30)) == [date(2026, 11, day) for day in (22, 23, 24)]


def shown(of: Receipt, **changes: object) -> wire.CashReceipt:
    row = {
        "receiptKey": "k1",
        "orderId": order_no_of(of.id, PAYMENT.order_no),
        "type": "소득공제",
        "transactionType": of.transaction_type,
        "amount": of.amount,
        "issueStatus": "IN_PROGRESS",
    }
    return msgspec.convert(row | changes, wire.CashReceipt)


@pytest.mark.parametrize(
    "changes",
    [
        {"orderId": PAYMENT.order_no},
        {"orderId": order_no_of(receipt(1).id, PAYMENT.order_no)},
        {"transactionType": "CANCEL"},
        {"amount": 19_999},
        {"type": "지출증빙"},
    ],
)
def test_no_other_row_is_taken_for_our_issue(changes: dict[str, object]) -> None:
    assert is_the_issue(shown(PENDING), PENDING, PAYMENT.order_no)
    assert not is_the_issue(shown(PENDING, **changes), PENDING, PAYMENT.order_no)
    assert not is_the_issue(shown(PENDING), PENDING, OrderNo("ORD-1737120000000-ANOTHER1"))


def test_a_cancel_is_known_by_its_issue_and_amount() -> None:
    issue = replace(receipt(20_000), receipt_key="abc")
    cancel = receipt(5_000, IssueStatus.PENDING, cancels=issue)
    assert is_a_cancel(shown(cancel, receiptKey="c_abc"), cancel, issue)
    assert is_a_cancel(shown(cancel, receiptKey="c_abc_2"), cancel, issue)
    for changes in ({"receiptKey": "c_xyz"}, {"receiptKey": "abc"}, {"receiptKey": "c_abc", "amount": 4_999}):
        assert not is_a_cancel(shown(cancel, **changes), cancel, issue)
    assert not is_a_cancel(shown(cancel, receiptKey="c_abc", transactionType="CONFIRM"), cancel, issue)


def test_what_toss_says_of_a_receipt_fills_our_columns() -> None:
    failure = {"code": "NTS_ERROR", "message": "[TS1] 신분확인정보 자릿수 오류"}
    columns = columns_of(shown(PENDING, issueStatus="FAILED", failure=failure, taxFreeAmount=7))
    assert (columns["issue_status"], columns["fail_code"], columns["tax_free_amount"]) == (
        IssueStatus.FAILED,
        "NTS_ERROR",
        7,
    )
    assert columns_of(shown(PENDING, issueStatus="SOMETHING_NEW"))["issue_status"] is IssueStatus.IN_PROGRESS
    assert "requested_at" not in columns_of(shown(PENDING)), "our own time stays where Toss names none"


def test_an_answer_about_another_amount_does_not_fit() -> None:
    assert shows(shown(PENDING, amount=None, type=None, transactionType=None), PENDING)
    assert not shows(shown(PENDING, amount=1), PENDING)
