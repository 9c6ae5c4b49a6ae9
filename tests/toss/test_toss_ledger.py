"""Receipts, transactions, settlements and promotions: values, dates and the arguments that are not sent."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from tests.toss.loopback import FIXTURES, client_for, loopback, reply
from tests.toss.operations import ACCOUNT, DAY_END, DAY_START, RECEIPT, RECEIPT_KEY

from paywon.toss.client import TossClient
from paywon.toss.outcome import Answer, Unknown, UnknownReason, Yes
from paywon.toss.wire import CancelCashReceipt, CardPromotions, Promotion, Settlement, Transaction

DAY = date(2024, 2, 13)


def _stored(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


async def _asked(name: str | bytes, ask: Callable[[TossClient], Awaitable[Answer[Any]]]) -> tuple[Any, str]:
    """The value of *yes* and the address that was asked."""
    body = name if isinstance(name, bytes) else _stored(name)
    async with loopback(reply(body)) as toss, client_for(toss.url) as client:
        answer = await ask(client)
    assert isinstance(answer, Yes)
    return answer.value, toss.seen[0].raw_path


async def test_an_issued_account_waits_for_its_deposit() -> None:
    body = reply(_stored("payment-virtual-account-waiting.json"))
    async with loopback(body) as toss, client_for(toss.url) as client:
        answer = await client.issue_virtual_account(ACCOUNT, idempotency_key="key-1")
    assert isinstance(answer, Yes)
    payment = answer.value
    assert (payment.status, payment.secret, payment.approved_at) == (
        "WAITING_FOR_DEPOSIT",
        "ps_DmKQbGzQQcVE3UoFNqWxL0a1b2c",
        None,
    )
    account = payment.virtual_account
    assert account is not None
    assert (account.bank_code, account.account_number, account.expired) == ("20", "X6505636518308", False)
    assert account.due_date == datetime(2022, 1, 10, 12, 5, 9, tzinfo=UTC)


async def test_a_receipt_is_issued_and_cancelled_as_another() -> None:
    steps = reply(_stored("cash-receipt-issued.json")), reply(_stored("cash-receipt-canceled.json"))
    async with loopback(*steps) as toss, client_for(toss.url) as client:
        issued = await client.issue_cash_receipt(RECEIPT, idempotency_key="key-1")
        canceled = await client.cancel_cash_receipt(RECEIPT_KEY, CancelCashReceipt(), idempotency_key="key-2")
    assert isinstance(issued, Yes)
    assert isinstance(canceled, Yes)
    assert (issued.value.receipt_key, issued.value.issue_status) == (RECEIPT_KEY, "IN_PROGRESS")
    assert (issued.value.transaction_type, canceled.value.transaction_type) == ("CONFIRM", "CANCEL")
    assert (canceled.value.receipt_key, canceled.value.amount) == (f"c_{RECEIPT_KEY}", 15000)
    assert json.loads(toss.seen[1].body) == {}


async def test_a_page_of_receipts_tells_what_the_tax_office_said() -> None:
    async with loopback(reply(_stored("cash-receipts-list.json"))) as toss, client_for(toss.url) as client:
        answer = await client.list_cash_receipts(DAY, cursor=7)
    assert toss.seen[0].raw_path == "/v1/cash-receipts?requestDate=2024-02-13&cursor=7"
    assert isinstance(answer, Yes)
    page = answer.value
    assert (page.has_next, page.last_cursor) == (False, 2)
    assert [row.issue_status for row in page.data] == ["COMPLETED", "FAILED"]
    assert page.data[1].failure is not None
    assert (page.data[1].failure.code, page.data[0].failure) == ("NTS_ERROR", None)


async def test_transactions_are_read_and_span_the_korean_day() -> None:
    seoul = timezone(timedelta(hours=9))
    rows, path = await _asked(
        "transactions-list.json",
        lambda client: client.list_transactions(
            datetime(2024, 2, 13, 0, 0, 0, 500_000, tzinfo=seoul), DAY_END, starting_after="9C62B18E/&x"
        ),
    )
    assert path == (
        "/v1/transactions?startDate=2024-02-13T00:00:00.500&endDate=2024-02-13T23:59:59&startingAfter=9C62B18E%2F%26x"
    )
    assert isinstance(rows, list)
    assert all(isinstance(row, Transaction) for row in rows)
    assert [(row.status, row.amount) for row in rows] == [("DONE", 1000), ("CANCELED", -1000), ("DONE", 4900)]
    assert rows[0].transaction_at == datetime(2024, 2, 13, 3, 18, 14, tzinfo=UTC)
    assert (rows[0].payment_key, rows[2].customer_key) == (rows[1].payment_key, "aENcQAtPdYbTjGhtQnNVj")


async def test_settlements_add_up_and_a_cancel_is_negative() -> None:
    rows, path = await _asked(
        "settlements-list.json",
        lambda client: client.list_settlements(date(2025, 2, 9), date(2025, 2, 10), date_type="paidOutDate"),
    )
    assert path == "/v1/settlements?startDate=2025-02-09&endDate=2025-02-10&dateType=paidOutDate"
    assert isinstance(rows, list)
    assert all(isinstance(row, Settlement) for row in rows)
    assert [row.amount for row in rows] == [64601, -64601, 15000]
    for row in rows:
        assert row.fee == row.supply_amount + row.vat == sum(fee.fee for fee in row.fees)
        assert row.pay_out_amount == row.amount - row.fee
    assert (rows[1].sold_date, rows[1].paid_out_date) == (date(2025, 2, 10), date(2025, 2, 14))


async def test_settlements_are_read_under_the_spec_files_name_too() -> None:
    rows = json.loads(_stored("settlements-list.json"))
    for row in rows:
        row["suppliedAmount"] = row.pop("supplyAmount")
    value, _ = await _asked(json.dumps(rows).encode(), lambda client: client.list_settlements(DAY, DAY))
    assert isinstance(value, list)
    assert [row.supply_amount for row in value] == [1356, -1356, 300]


async def test_a_settlement_is_requested() -> None:
    async with loopback(reply(_stored("settlement-request-result.json"))) as toss, client_for(toss.url) as client:
        answer = await client.request_settlement("pk-1", idempotency_key="key-1")
    assert isinstance(answer, Yes)
    assert answer.value.result is True


@pytest.mark.parametrize("name", ["issuerCode", "companyCode", "cardCompany"])
async def test_card_promotions_are_read_under_every_name_of_the_code(name: str) -> None:
    body = _stored("promotions-card.json").replace(b"issuerCode", name.encode())
    value, _ = await _asked(body, lambda client: client.card_promotions())
    assert isinstance(value, CardPromotions)
    [discount] = value.discount_cards
    assert (discount.issuer, discount.discount_amount, discount.balance) == ("31", 600, 12861000)
    assert [card.issuer for card in value.interest_free_cards] == ["71", "41"]
    assert value.interest_free_cards[1].installment_free_months == [2, 3]


@pytest.mark.parametrize("wrap", [b"%s", b'{"promotions":%s}', b'{"hasNext":false,"data": %s}'])
async def test_promotions_are_read_bare_and_wrapped(wrap: bytes) -> None:
    rows, _ = await _asked(wrap % _stored("promotions-list.json"), lambda client: client.promotions())
    assert isinstance(rows, list)
    assert all(isinstance(row, Promotion) for row in rows)
    kinds = ["CARD_DISCOUNT", "CARD_INTEREST_FREE", "CARD_POINT", "BANK_DISCOUNT"]
    assert [row.type for row in rows] == kinds
    assert (rows[0].card_discount.issuer, rows[2].card_point.minimum_payment_amount) == ("31", 10000)
    assert (rows[3].bank_discount.discount_rate, rows[3].bank_discount.bank_code) == (Decimal("0.05"), "92")


@pytest.mark.parametrize("body", [b"{}", b'{"a":[],"b":[]}', b'{"code":"X"}', b'[{"payType":"NORMAL"}]'])
async def test_promotions_of_another_shape_are_unreadable(body: bytes) -> None:
    async with loopback(reply(body)) as toss, client_for(toss.url) as client:
        answer = await client.promotions()
    assert isinstance(answer, Unknown)
    assert (answer.reason, answer.answered) == (UnknownReason.UNREADABLE, True)


async def test_an_object_in_the_place_of_rows_is_no_empty_list() -> None:
    async with loopback(reply(b'{"data":[]}')) as toss, client_for(toss.url) as client:
        answers = [
            await client.list_transactions(DAY_START, DAY_END),
            await client.list_settlements(DAY, DAY),
        ]
    assert [(type(answer), getattr(answer, "reason", None)) for answer in answers] == [
        (Unknown, UnknownReason.UNREADABLE)
    ] * 2


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda client: client.list_transactions(datetime(2024, 2, 13), DAY_END), "offset"),  # noqa: DTZ001
        (lambda client: client.list_transactions(DAY_START, DAY_END.replace(tzinfo=None)), "offset"),
        (lambda client: client.list_transactions(DAY_END, DAY_START), "before it starts"),
        (lambda client: client.list_transactions(DAY_START, DAY_END, limit=0), "limit is 1 to 5000"),
        (lambda client: client.list_transactions(DAY_START, DAY_END, limit=5001), "limit is 1 to 5000"),
        (lambda client: client.list_transactions(DAY_START, DAY_END, starting_after=""), "transactionKey"),
        (lambda client: client.list_transactions(DAY_START, DAY_END, starting_after="x" * 65), "transactionKey"),
        (lambda client: client.list_settlements(DAY, DAY, size=5001), "size is 1 to 5000"),
        (lambda client: client.list_settlements(DAY, DAY, page=0), "page is 1 or more"),
        (lambda client: client.list_settlements(DAY, date(2024, 2, 12)), "before it starts"),
        (lambda client: client.list_settlements(DAY_START, DAY_END), "a date without a time"),
        (lambda client: client.list_cash_receipts(DAY_START), "a date without a time"),
        (lambda client: client.list_cash_receipts(DAY, limit=10_001), "limit is 1 to 10000"),
        (lambda client: client.cancel_cash_receipt("..", CancelCashReceipt(), idempotency_key="k"), "a key in a path"),
        (lambda client: client.request_settlement("pk", idempotency_key=""), "idempotency key"),
    ],
)
async def test_what_toss_would_refuse_is_not_sent(
    ask: Callable[[TossClient], Awaitable[Answer[Any]]], reason: str
) -> None:
    async with loopback(reply(b"[]")) as toss, client_for(toss.url) as client:
        with pytest.raises(ValueError, match=reason):
            await ask(client)
    assert toss.seen == []
