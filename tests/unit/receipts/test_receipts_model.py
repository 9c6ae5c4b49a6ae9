"""How much a cash receipt may be issued and cancelled for, and what is kept of the number it is issued to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, CancelId, CashReceiptId, OrderId, OrderNo, PaymentId, UserId, new_uuid
from paywon.base.money import Krw
from paywon.payments.model import Cancel, CancelStatus, Payment, PaymentStatus
from paywon.receipts.model import (
    FOLLOW,
    FOLLOW_SLOWLY,
    IssueStatus,
    Receipt,
    ReceiptType,
    TransactionType,
    amount_to_cancel,
    amount_to_issue,
    automatic_amount,
    day_of_request,
    hint_of,
    is_open,
    issuable_amount,
    next_look,
    order_no_of,
    standing_amount,
    tax_free_part,
)

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
S = IssueStatus
PAYMENT = Payment(
    id=PaymentId(new_uuid()),
    payment_number="PAY-1",
    order_id=OrderId(new_uuid()),
    order_no=OrderNo("ORD-1737120000000-7K3M9QW2"),
    order_name="책",
    user_id=UserId("u-1"),
    resource_type=None,
    resource_id=None,
    method="계좌이체",
    status=PaymentStatus.DONE,
    total_amount=Krw(50_000),
    balance_amount=Krw(50_000),
    tax_free_amount=10_000,
    requested_at=NOW,
    approved_at=NOW,
    created_at=NOW,
    updated_at=NOW,
)


def receipt(amount: int, status: IssueStatus = S.COMPLETED, *, cancels: Receipt | None = None) -> Receipt:
    return Receipt(
        id=CashReceiptId(new_uuid()),
        payment_id=PAYMENT.id,
        cancels_id=cancels.id if cancels else None,
        receipt_key=None if status is S.PENDING else str(new_uuid()),
        type=ReceiptType.DEDUCTION,
        transaction_type=TransactionType.CANCEL if cancels else TransactionType.CONFIRM,
        amount=Krw(amount),
        issue_status=status,
        created_at=NOW,
        updated_at=NOW,
    )


def refund(amount: int) -> Cancel:
    return Cancel(
        id=CancelId(new_uuid()),
        payment_id=PAYMENT.id,
        attempt_id=AttemptId(new_uuid()),
        cancel_amount=Krw(amount),
        cancel_reason="변심",
        cancel_status=CancelStatus.PENDING,
        created_at=NOW,
    )


@pytest.mark.parametrize(
    ("status", "counts"), [(S.PENDING, True), (S.IN_PROGRESS, True), (S.COMPLETED, True), (S.FAILED, False)]
)
def test_an_issue_counts_unless_it_failed(status: IssueStatus, counts: bool) -> None:
    assert issuable_amount(PAYMENT, [], [receipt(20_000, status)]) == (30_000 if counts else 50_000)


@pytest.mark.parametrize(
    ("status", "counts"), [(S.PENDING, False), (S.IN_PROGRESS, True), (S.COMPLETED, True), (S.FAILED, False)]
)
def test_a_cancel_counts_once_toss_has_taken_it(status: IssueStatus, counts: bool) -> None:
    issue = receipt(20_000)
    rows = [issue, receipt(15_000, status, cancels=issue)]
    assert standing_amount(issue, rows) == (5_000 if counts else 20_000)
    assert issuable_amount(PAYMENT, [], rows) == (45_000 if counts else 30_000)


def test_an_issue_that_failed_is_not_counted_below_zero_by_its_cancel() -> None:
    issue = receipt(20_000, S.FAILED)
    assert issuable_amount(PAYMENT, [], [issue, receipt(20_000, cancels=issue)]) == 50_000


@pytest.mark.parametrize("status", sorted(set(PaymentStatus) - {PaymentStatus.DONE, PaymentStatus.PARTIAL_CANCELED}))
def test_what_is_not_paid_needs_none(status: PaymentStatus) -> None:
    assert issuable_amount(replace(PAYMENT, status=status), [], []) == 0


def test_refunds_and_refunds_under_way_need_none() -> None:
    partly = replace(PAYMENT, status=PaymentStatus.PARTIAL_CANCELED, balance_amount=Krw(30_000))
    assert issuable_amount(partly, [], []) == 30_000
    assert issuable_amount(partly, [refund(10_000)], []) == 20_000
    assert issuable_amount(partly, [], [receipt(50_000)]) == 0, "issued before the refund: nothing more, and no minus"


@pytest.mark.parametrize(
    ("own", "amount"),
    [
        ([], 0),
        ([{"amount": 12_000}], 12_000),
        ([{"amount": 12_000, "transactionType": "CONFIRM", "issueStatus": "COMPLETED"}], 12_000),
        ([{"amount": 12_000, "transactionType": "CONFIRM", "issueStatus": "FAILED"}], 0),
        ([{"amount": 9, "transactionType": "CONFIRM"}, {"amount": 4, "transactionType": "CANCEL"}], 5),
        ([{"amount": 4, "transactionType": "CANCEL"}], 0),
        # One that cannot be read stands for all: nobody is to deduct twice.
        ([{"amount": None}], 50_000),
        ([{}, {"amount": "12"}], 50_000),
        ([{"amount": "12", "transactionType": "CANCEL"}], 0),
        ([{"amount": "12", "issueStatus": "FAILED"}], 0),
        ([{"amount": 0, "type": "미발행"}, {"type": "미발행"}], 0),
    ],
)
def test_receipts_that_came_with_the_payment_count(own: list[dict[str, Any]], amount: int) -> None:
    payment = replace(PAYMENT, cash_receipts=own)
    assert automatic_amount(payment) == amount
    assert issuable_amount(payment, [], []) == 50_000 - amount


@pytest.mark.parametrize("shown", [{"cashReceipt": {"type": 7}}, {"cashReceipts": [{"amount": "?"}]}])
def test_receipts_that_could_not_be_kept_at_all_stand_for_all_of_the_payment(shown: dict[str, Any]) -> None:
    payment = replace(PAYMENT, cash_receipts=None, raw_response=shown)
    assert (automatic_amount(payment), issuable_amount(payment, [], [])) == (50_000, 0)
    assert automatic_amount(replace(payment, raw_response={"cashReceipt": None})) == 0


@given(st.lists(st.tuples(st.integers(1, 60_000), st.integers(0, 60_000), st.booleans()), max_size=12))
def test_whatever_is_asked_for_receipts_never_add_up_to_more_than_was_paid(wishes: list[tuple[int, int, bool]]) -> None:
    rows: list[Receipt] = []
    for amount, cancelled, failed in wishes:
        try:
            issue = receipt(amount_to_issue(Krw(amount), PAYMENT, [], rows), S.FAILED if failed else S.IN_PROGRESS)
        except PaywonError:
            continue
        rows.append(issue)
        if cancelled and not failed:
            try:
                taken = amount_to_cancel(Krw(cancelled), issue, rows)
            except PaywonError:
                continue
            rows.append(receipt(taken, S.IN_PROGRESS, cancels=issue))
        standing = [standing_amount(row, rows) for row in rows if row.cancels_id is None]
        assert all(amount >= 0 for amount in standing)
        assert sum(standing) + issuable_amount(PAYMENT, [], rows) == PAYMENT.total_amount


def code_of(wanted: int | None, rows: list[Receipt], issue: Receipt | None = None) -> str:
    with pytest.raises(PaywonError) as caught:
        if issue is None:
            amount_to_issue(None if wanted is None else Krw(wanted), PAYMENT, [], rows)
        else:
            amount_to_cancel(None if wanted is None else Krw(wanted), issue, rows)
    return caught.value.code


def test_why_none_can_be_issued() -> None:
    assert code_of(50_001, []) == "CASH_RECEIPT_EXCEEDS"
    assert code_of(None, [receipt(50_000)]) == "CASH_RECEIPT_NOT_ALLOWED"
    assert code_of(None, [receipt(50_000, S.PENDING)]) == "CASH_RECEIPT_IN_PROGRESS"
    assert amount_to_issue(None, PAYMENT, [], [receipt(20_000, S.PENDING)]) == 30_000


def test_why_one_cannot_be_cancelled() -> None:
    issue, pending, failed = receipt(20_000), receipt(20_000, S.PENDING), receipt(20_000, S.FAILED)
    assert code_of(20_001, [issue], issue) == "CASH_RECEIPT_EXCEEDS"
    assert code_of(None, [pending], pending) == "CASH_RECEIPT_IN_PROGRESS"
    assert code_of(None, [failed], failed) == "CASH_RECEIPT_NOT_CANCELABLE"
    assert code_of(None, [issue, receipt(20_000, cancels=issue)], issue) == "CASH_RECEIPT_NOT_CANCELABLE"
    assert code_of(5, [issue, receipt(1, S.PENDING, cancels=issue)], issue) == "CASH_RECEIPT_IN_PROGRESS"
    other = [issue, receipt(9, S.PENDING), receipt(5_000, cancels=issue)]
    assert amount_to_cancel(None, issue, other) == 15_000


def test_the_tax_free_part() -> None:
    assert tax_free_part(None, Krw(50_000), PAYMENT, [], []) == 10_000, "a receipt for all has all of it"
    assert tax_free_part(None, Krw(20_000), PAYMENT, [], []) == 4_000, "one for a part has its share"
    first = replace(receipt(20_000), tax_free_amount=4_000)
    assert tax_free_part(None, Krw(30_000), PAYMENT, [], [first]) == 6_000, "the last one has the rest"
    back = receipt(10_000, cancels=first)
    assert tax_free_part(None, Krw(40_000), PAYMENT, [], [first, back]) == 8_000
    assert tax_free_part(20_000, Krw(20_000), PAYMENT, [], []) == 20_000
    with pytest.raises(PaywonError, match="TAX_FREE_ABOVE_AMOUNT"):
        tax_free_part(20_001, Krw(20_000), PAYMENT, [], [])


@pytest.mark.parametrize(
    ("number", "hint"),
    [("01098765432", "***5432"), ("0100001234", "***1234"), ("123456", "***456"), ("1234", "***34"), ("1", "***")],
)
def test_no_more_than_half_a_number_is_kept(number: str, hint: str) -> None:
    assert hint_of(number) == hint


def test_toss_is_told_an_order_number_of_the_receipts_own() -> None:
    first, second = (order_no_of(CashReceiptId(new_uuid()), PAYMENT.order_no) for _ in range(2))
    assert first != second
    assert first.startswith(f"{PAYMENT.order_no}-CR")
    longest = order_no_of(CashReceiptId(UUID(int=1)), OrderNo("x" * 64))
    assert 6 <= len(longest) <= 64


def test_a_receipt_is_looked_at_until_the_tax_office_has_spoken() -> None:
    asked = replace(receipt(1, S.IN_PROGRESS), requested_at=NOW)
    assert next_look(asked, NOW) == NOW + FOLLOW
    late = NOW + timedelta(days=6)
    assert next_look(asked, late) == late + FOLLOW_SLOWLY
    for status in (S.COMPLETED, S.FAILED, S.PENDING):
        assert next_look(replace(asked, issue_status=status), NOW) is None


def test_a_receipt_is_in_the_list_of_its_korean_day() -> None:
    evening = replace(receipt(1), requested_at=datetime(2026, 11, 22, 15, 0, tzinfo=UTC))
    assert str(day_of_request(evening)) == "2026-11-23"


def test_the_tax_offices_word_is_the_last_but_what_exists_exists() -> None:
    assert is_open(receipt(1, S.PENDING))
    assert is_open(receipt(1, S.IN_PROGRESS))
    assert not is_open(receipt(1, S.COMPLETED))
    assert not is_open(receipt(1, S.FAILED)), "by the tax office"
    assert is_open(replace(receipt(1, S.FAILED), receipt_key=None)), "by us, and Toss shows it after all"
