"""What Toss has booked and what it offers: transactions, settlements, promotions."""

from datetime import date, datetime
from typing import Literal, TypeAlias

from paywon.toss.address import query, within
from paywon.toss.errors import Operation
from paywon.toss.outcome import Answer
from paywon.toss.transport import Ask, Transport
from paywon.toss.wire import (
    CardPromotions,
    Promotion,
    RequestSettlement,
    Settlement,
    SettlementRequested,
    Transaction,
    korean_day,
    korean_time,
)

MAX_TRANSACTIONS = 5000
MAX_SETTLEMENTS = 5000
"""toss/api.md 1.6."""

MAX_TRANSACTION_KEY_CHARS = 64
"""toss/api.md 1.5."""

DateType: TypeAlias = Literal["soldDate", "paidOutDate"]


class LedgerCalls(Transport):
    """Calls about the books (toss/api.md 8, 9 and 11). The lists are read with the patience that Toss asks for."""

    async def list_transactions(
        self,
        start: datetime,
        end: datetime,
        *,
        starting_after: str | None = None,
        limit: int | None = None,
        read_timeout_s: float | None = None,
    ) -> Answer[list[Transaction]]:
        """`GET /v1/transactions`: a row for every approval, cancel and account issued in the span.

        100 to a page unless `limit` says otherwise; `starting_after` is the transactionKey of the last row seen.
        """
        span = {"startDate": korean_time(start), "endDate": korean_time(end)}
        if start > end:
            raise ValueError("the span ends before it starts")
        if starting_after is not None and not 1 <= len(starting_after) <= MAX_TRANSACTION_KEY_CHARS:
            raise ValueError(f"a transactionKey has 1 to {MAX_TRANSACTION_KEY_CHARS} characters")
        members = span | {
            "startingAfter": starting_after,
            "limit": within(limit, name="limit", most=MAX_TRANSACTIONS),
        }
        patience_s = self._patient(read_timeout_s)
        ask = Ask(Operation.TRANSACTIONS, "GET", "/v1/transactions", query=query(members), read_timeout_s=patience_s)
        return await self._ask(ask, list[Transaction])

    async def list_settlements(
        self,
        start_date: date,
        end_date: date,
        *,
        date_type: DateType | None = None,
        page: int | None = None,
        size: int | None = None,
        read_timeout_s: float | None = None,
    ) -> Answer[list[Settlement]]:
        """`GET /v1/settlements`: by day of sale, or of pay-out; page 1 with 100 rows unless said otherwise.

        Test keys have none in reality, and a payment appears on the day after it (toss/api.md 9 [1src]). A row has
        about 0.8 KB: with rows a little longer, the longest page passes the client's `max_response_bytes` (unknown).
        """
        days = {"startDate": korean_day(start_date), "endDate": korean_day(end_date)}
        if start_date > end_date:
            raise ValueError("the span ends before it starts")
        members = days | {
            "dateType": date_type,
            "page": within(page, name="page"),
            "size": within(size, name="size", most=MAX_SETTLEMENTS),
        }
        patience_s = self._patient(read_timeout_s)
        ask = Ask(Operation.SETTLEMENTS, "GET", "/v1/settlements", query=query(members), read_timeout_s=patience_s)
        return await self._ask(ask, list[Settlement])

    async def request_settlement(self, payment_key: str, *, idempotency_key: str) -> Answer[SettlementRequested]:
        """`POST /v1/settlements`: has one payment settled, under a manual settlement contract."""
        body = RequestSettlement(payment_key=payment_key)
        return await self._post(
            Operation.SETTLEMENT_REQUEST,
            "/v1/settlements",
            body,
            idempotency_key=idempotency_key,
            shape=SettlementRequested,
        )

    async def card_promotions(self) -> Answer[CardPromotions]:
        """`GET /v1/promotions/card`: what card companies take off or spread without interest."""
        return await self._ask(Ask(Operation.PROMOTIONS, "GET", "/v1/promotions/card"), CardPromotions)

    async def promotions(self) -> Answer[list[Promotion]]:
        """`GET /v1/promotions`: the newer list, banks included."""
        return await self._ask(Ask(Operation.PROMOTIONS, "GET", "/v1/promotions"), list[Promotion])
