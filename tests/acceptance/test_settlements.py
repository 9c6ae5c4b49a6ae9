"""Promotions, transactions and settlements: what Toss has booked, whole or not at all, and every question on record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from litestar.stores.memory import MemoryStore

from paywon.base.clock import KST, Clock, SystemClock
from paywon.base.errors import PaywonError
from paywon.payments.commands.cashier import Origin
from paywon.settlements.commands import Ledger, list_settlements, list_transactions, tell_payouts
from paywon.settlements.model import DateKind, Span
from tests.conftest import OpenStack
from tests.support.stack import Stack
from tests.support.till import MovingClock, open_till

BOOKS = "/api/payments/toss"
TODAY = datetime.now(KST).date()
WEEK = Span(TODAY - timedelta(days=6), TODAY + timedelta(days=1))
ASKER = Origin(actor="test")


@pytest.fixture
async def stack(open_stack: OpenStack) -> Stack:
    return await open_stack(worker=False, fresh=True)  # what Toss lists is remembered for minutes


@asynccontextmanager
async def _ledger(stack: Stack, *, page_rows: int, clock: Clock | None = None) -> AsyncIterator[Ledger]:
    """The books as the API reads them, but in pages of Toss so small that a few payments fill several."""
    async with open_till(stack, clock or SystemClock()) as cashier:
        yield Ledger(cashier=cashier, cache=MemoryStore(), page_rows=page_rows)


async def _audit(stack: Stack, path: str) -> list[dict[str, Any]]:
    query = """
        SELECT status, outcome, http_status, error_code, payment_id, actor, request_data, response_data
        FROM payment_transactions WHERE type = 'status_read' AND request_data ->> 'path' = $1 ORDER BY created_at, id
        """
    return await stack.rows(query, path)


async def _a_day_later(stack: Stack, *, days: int = 1) -> None:
    reply = await stack.toss.post("/sandbox/clock/advance", {"seconds": days * 86_400})
    assert reply.status == 200, reply


# --- Promotions --------------------------------------------------------------------------------------


async def test_promotions_are_read_once_in_ten_minutes(stack: Stack) -> None:
    first = await stack.api.get(f"{BOOKS}/promotions")
    assert (first.status, first.headers["paywon-cache"], first.headers["age"]) == (200, "miss", "0")
    offer = first["discountCards"][0]
    assert (offer["issuerCode"], offer["issuerName"], offer["discountAmount"]) == ("31", "BC", 600)
    assert first["interestFreeCards"][0]["installmentFreeMonths"] == [2, 3, 4, 5, 6]
    kinds = {row["type"]: row for row in first["promotions"]}
    bank = kinds["BANK_DISCOUNT"]["bankDiscount"]
    assert (bank["bankCode"], bank["bankName"], bank["discountRate"]) == ("92", "토스", 0.05)

    second = await stack.api.get(f"{BOOKS}/promotions")
    assert (second.headers["paywon-cache"], second.body) == ("hit", first.body)
    for path in ("/v1/promotions/card", "/v1/promotions"):
        (row,) = await _audit(stack, path)
        assert (row["status"], row["outcome"], row["payment_id"], row["actor"]) == ("success", "yes", None, "key:test")
        assert set(row["response_data"]) == {"rows"}


async def test_a_key_that_is_not_given_the_newer_list_still_reads_the_cards(stack: Stack) -> None:
    # A fault's path is a prefix: the card list is let through by one of its own, which comes first.
    await stack.fault(path="/v1/promotions/card", kind="delay", delayMs=1, times=0)
    await stack.fault(path="/v1/promotions", kind="status", status=404, code="NOT_FOUND", times=0)
    found = await stack.api.get(f"{BOOKS}/promotions")
    assert (found.status, found["promotions"]) == (200, None), found
    assert found["discountCards"]


async def test_promotions_that_cannot_be_read_are_not_cached(stack: Stack) -> None:
    await stack.fault(path="/v1/promotions/card", kind="status", status=500)
    failed = await stack.api.get(f"{BOOKS}/promotions")
    assert (failed.status, failed["code"]) == (503, "PROVIDER_UNAVAILABLE")
    assert int(failed.headers["retry-after"]) > 0
    again = await stack.api.get(f"{BOOKS}/promotions")
    assert (again.status, again.headers["paywon-cache"]) == (200, "miss")


# --- Transactions ------------------------------------------------------------------------------------


async def test_transactions_of_the_last_week_are_there_without_asking_for_days(stack: Stack) -> None:
    payment = await stack.paid()
    await stack.api.post(f"/payments/{payment['id']}/refund", {"refundReason": "변심", "refundAmount": 20_000})
    found = await stack.api.get(f"{BOOKS}/transactions")
    assert (found.status, found["nextCursor"], found["limit"]) == (200, None, 100), found
    assert (date.fromisoformat(found["startDate"]), date.fromisoformat(found["endDate"])) == (
        TODAY - timedelta(days=6),
        TODAY,
    )
    rows = found["transactions"]
    assert [(row["orderNo"], row["amount"], row["status"]) for row in rows] == [
        (payment["orderId"], 50_000, "DONE"),
        (payment["orderId"], -20_000, "PARTIAL_CANCELED"),
    ]
    assert {row["paymentKey"] for row in rows} == {payment["paymentKey"]}
    (row,) = await _audit(stack, "/v1/transactions")
    assert row["response_data"] == {"rows": 2}, "how many rows there were is on record, and no row"
    assert row["request_data"]["startDate"] == f"{TODAY - timedelta(days=6)}T00:00:00"
    assert (await stack.api.get(f"{BOOKS}/transactions")).status == 200
    assert len(await _audit(stack, "/v1/transactions")) == 2, "a list that can still change is not cached"


async def test_a_cursor_goes_on_where_the_list_left_off(stack: Stack) -> None:
    orders = [(await stack.paid())["orderId"] for _ in range(5)]
    seen: list[str] = []
    query = f"startDate={TODAY}&endDate={TODAY}&limit=2"
    cursor = ""
    while True:
        page = await stack.api.get(f"{BOOKS}/transactions?{query}{cursor}")
        seen += [row["orderNo"] for row in page["transactions"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == orders
    # A cursor brings its days along, and is good for no others.
    alone = await stack.api.get(f"{BOOKS}/transactions?limit=2{cursor}")
    assert (alone.status, alone["startDate"]) == (200, str(TODAY))
    other = await stack.api.get(f"{BOOKS}/transactions?endDate={TODAY + timedelta(days=1)}&limit=2{cursor}")
    elsewhere = await stack.api.get(f"{BOOKS}/settlements?limit=2{cursor}")
    assert [(reply.status, reply["code"]) for reply in (other, elsewhere)] == [(400, "CURSOR_INVALID")] * 2


async def test_a_list_is_read_across_the_pages_of_toss(stack: Stack) -> None:
    orders = [(await stack.paid())["orderId"] for _ in range(5)]
    async with _ledger(stack, page_rows=2) as ledger:
        rows = await list_transactions(ledger, WEEK, ASKER, behind=None, limit=1000)
        assert [row.order_id for row in rows] == orders
        audit = await _audit(stack, "/v1/transactions")
        assert [row["response_data"]["rows"] for row in audit] == [2, 2, 1], "a row of the audit trail for each page"
        assert [row["request_data"].get("startingAfter") for row in audit] == [
            None,
            rows[1].transaction_key,
            rows[3].transaction_key,
        ]
        rest = await list_transactions(ledger, WEEK, ASKER, behind=rows[2].transaction_key, limit=1)
        assert [row.order_id for row in rest] == orders[3:4]


async def test_a_list_that_breaks_off_in_the_middle_is_an_error_and_no_short_list(stack: Stack) -> None:
    for _ in range(5):
        await stack.paid()
    async with _ledger(stack, page_rows=2) as ledger:
        whole = await list_transactions(ledger, WEEK, ASKER, behind=None, limit=3)
        # The second page is asked for by what the first one ended with: only that question fails.
        await stack.fault(path="/v1/transactions", kind="delay", delayMs=1)
        await stack.fault(path="/v1/transactions", kind="status", status=500, times=0)
        with pytest.raises(PaywonError) as caught:
            await list_transactions(ledger, WEEK, ASKER, behind=None, limit=1000)
    assert caught.value.code == "PROVIDER_UNAVAILABLE"
    assert len(whole) == 3
    last = (await _audit(stack, "/v1/transactions"))[-2:]
    assert [(row["status"], row["outcome"]) for row in last] == [("success", "yes"), ("failed", "unknown")]


async def test_a_moment_after_the_last_day_is_not_in_it(stack: Stack) -> None:
    await stack.paid()
    yesterday = TODAY - timedelta(days=1)
    found = await stack.api.get(f"{BOOKS}/transactions?startDate={yesterday}&endDate={yesterday}")
    assert found["transactions"] == []


# --- Settlements -------------------------------------------------------------------------------------


async def test_settlements_tell_fee_and_pay_out(stack: Stack) -> None:
    payment = await stack.paid()
    assert (await stack.api.get(f"{BOOKS}/settlements"))["settlements"] == [], "there are none on the day itself"
    await _a_day_later(stack)
    await stack.toss.post(f"/v1/payments/{payment['paymentKey']}/cancel", {"cancelReason": "변심"})
    await _a_day_later(stack)
    found = await stack.api.get(f"{BOOKS}/settlements?endDate={TODAY + timedelta(days=1)}")
    assert (found.status, found["dateType"]) == (200, "soldDate"), found
    sale, cancel = found["settlements"]
    assert (sale["orderNo"], sale["amount"], sale["currency"]) == (payment["orderId"], 50_000, "KRW")
    assert sale["payOutAmount"] == sale["amount"] - sale["fee"] < 50_000
    assert sale["fee"] == sale["supplyAmount"] + sale["vat"]
    assert (sale["soldDate"], sale["card"]["issuerName"] is not None) == (str(TODAY), True)
    assert (cancel["amount"], cancel["cancel"]["cancelAmount"]) == (-50_000, 50_000)
    assert cancel["cancel"]["cancelReason"] == "변심"

    paid_out = date.fromisoformat(sale["paidOutDate"])
    query = f"dateType=paidOutDate&startDate={paid_out}&endDate={paid_out}"
    by_pay_out = await stack.api.get(f"{BOOKS}/settlements?{query}")
    assert sale["transactionKey"] in [row["transactionKey"] for row in by_pay_out["settlements"]]
    assert (await _audit(stack, "/v1/settlements"))[-1]["request_data"]["dateType"] == "paidOutDate"


async def test_settlements_are_paged_by_cursor_and_across_the_pages_of_toss(stack: Stack) -> None:
    for _ in range(5):
        await stack.paid()
    await _a_day_later(stack)
    async with _ledger(stack, page_rows=2) as ledger:
        rows = await list_settlements(ledger, WEEK, ASKER, kind=DateKind.SOLD, skip=0, limit=1000)
        keys = [row.transaction_key for row in rows]
        assert len(set(keys)) == 5
        skipped = await list_settlements(ledger, WEEK, ASKER, kind=DateKind.SOLD, skip=3, limit=1000)
        assert [row.transaction_key for row in skipped] == keys[3:]
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        page = await stack.api.get(f"{BOOKS}/settlements?limit=2{cursor}")
        seen += [row["transactionKey"] for row in page["settlements"]]
        if page["nextCursor"] is None:
            break
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == keys


# --- Spans and troubles ------------------------------------------------------------------------------


WRONG_DAYS = [
    ("startDate=2026-02-02&endDate=2026-02-01", 422, "DATE_RANGE_INVALID", "startDate"),
    ("startDate=2026-01-01&endDate=2026-04-03", 422, "DATE_RANGE_INVALID", "startDate"),
    ("startDate=2020-01-01", 422, "DATE_RANGE_INVALID", "startDate"),
    ("startDate=2026-02-30", 400, "INVALID_REQUEST", "startDate"),
    ("endDate=2026-13-01", 400, "INVALID_REQUEST", "endDate"),
    ("endDate=20260101", 400, "INVALID_REQUEST", "endDate"),
    ("startDate=2026-01-01T00:00:00", 400, "INVALID_REQUEST", "startDate"),
    ("limit=5001", 400, "INVALID_REQUEST", "limit"),
]


async def test_days_that_cannot_be_asked_for(stack: Stack) -> None:
    for path in ("transactions", "settlements"):
        for query, *told in WRONG_DAYS:
            reply = await stack.api.get(f"{BOOKS}/{path}?{query}")
            assert [reply.status, reply["code"], reply["field"]] == told, query
        assert await _audit(stack, f"/v1/{path}") == [], "Toss was not asked"


async def test_a_quarter_is_the_longest_span(stack: Stack) -> None:
    reply = await stack.api.get(f"{BOOKS}/transactions?startDate=2026-01-01&endDate=2026-04-02")
    assert (reply.status, reply["transactions"]) == (200, [])


TROUBLES: list[tuple[dict[str, Any], int, str]] = [
    ({"kind": "status", "status": 500, "code": "COMMON_ERROR"}, 503, "PROVIDER_UNAVAILABLE"),
    ({"kind": "status", "status": 429}, 503, "PROVIDER_UNAVAILABLE"),
    ({"kind": "half_body"}, 503, "PROVIDER_UNAVAILABLE"),
    ({"kind": "status", "code": "FORBIDDEN_REQUEST"}, 502, "PROVIDER_MISCONFIGURED"),
    ({"kind": "status", "status": 400, "code": "INVALID_REQUEST"}, 422, "PAYMENT_REFUSED"),
]


async def test_what_toss_says_no_to_is_told_as_a_problem(stack: Stack) -> None:
    for path in ("transactions", "settlements", "promotions"):
        for fault, status, code in TROUBLES:
            await stack.toss.send("DELETE", "/sandbox/faults")
            await stack.fault(path=f"/v1/{path}", **{**fault, "times": 0})
            reply = await stack.api.get(f"{BOOKS}/{path}")
            assert (reply.status, reply["code"]) == (status, code), (path, fault)
            assert reply.headers["content-type"] == "application/problem+json"
    rows = await stack.rows("SELECT status, response_data FROM payment_transactions")
    assert {row["status"] for row in rows} == {"failed"}, "asked, refused and closed"
    assert len(rows) >= len(TROUBLES) * 3


async def test_a_toss_that_cannot_be_reached(open_stack: OpenStack) -> None:
    stack = await open_stack(worker=False, TOSS_PAYMENTS_BASE_URL="http://127.0.0.1:9")
    reply = await stack.api.get(f"{BOOKS}/settlements")
    assert (reply.status, reply["code"]) == (503, "PROVIDER_UNAVAILABLE")
    (row,) = await _audit(stack, "/v1/settlements")
    assert (row["status"], row["outcome"]) == ("failed", "not_sent")


# --- Told to the application --------------------------------------------------------------------------


async def _told_payouts(stack: Stack) -> list[dict[str, Any]]:
    rows = await stack.rows("SELECT data FROM events WHERE type = 'settlement.paid_out' ORDER BY seq")
    return [row["data"]["payout"] for row in rows]


async def _until_paid_out(stack: Stack, clock: MovingClock) -> None:
    """Sell something three times, and let days pass until the day on which it is paid out is over."""
    for _ in range(3):
        await stack.paid()
    await _a_day_later(stack)
    today = clock.now().astimezone(KST).date()
    (sold, *_) = (await stack.api.get(f"{BOOKS}/settlements?startDate={today}&endDate={today}"))["settlements"]
    days = (date.fromisoformat(sold["paidOutDate"]) - today).days + 1
    await _a_day_later(stack, days=days - 1)
    clock.advance(days * 86_400)


async def test_what_toss_paid_out_is_told_once_for_each_day(stack: Stack) -> None:
    clock = MovingClock()
    async with _ledger(stack, page_rows=2, clock=clock) as ledger:
        assert await tell_payouts(ledger) == 0, "nothing has been paid out yet"
        await _until_paid_out(stack, clock)
        assert await tell_payouts(ledger) == 1, "a day's rows come on two pages"
        (payout,) = await _told_payouts(stack)
        assert (payout["count"], payout["amount"], payout["currency"]) == (3, 150_000, "KRW")
        assert payout["payOutAmount"] == payout["amount"] - payout["fee"] < 150_000
        clock.advance(86_400)
        assert await tell_payouts(ledger) == 1, "the week is read again"
    assert await _told_payouts(stack) == [payout], "and told once"
    assert {row["actor"] for row in await _audit(stack, "/v1/settlements")} >= {"system:payouts"}


async def test_a_morning_on_which_toss_is_not_heard_is_made_up_for(stack: Stack) -> None:
    clock = MovingClock()
    async with _ledger(stack, page_rows=100, clock=clock) as ledger:
        await _until_paid_out(stack, clock)
        await stack.fault(path="/v1/settlements", kind="status", status=500)
        assert await tell_payouts(ledger) == 0
        assert await _told_payouts(stack) == []
        clock.advance(86_400)
        assert await tell_payouts(ledger) == 1
    assert len(await _told_payouts(stack)) == 1
