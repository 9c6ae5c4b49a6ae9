"""Asks Toss for its lists, every page on record (I7): what was asked, what came of it, how many rows, and no row."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import Any, Final, TypeAlias, TypeVar

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin, new_attempt
from paywon.payments.commands.reading import close_unread
from paywon.payments.commands.settling import close, refusal_told
from paywon.payments.model import AttemptStatus, AttemptType
from paywon.toss import wire
from paywon.toss.calls.ledger import DateType
from paywon.toss.outcome import Answer, No, NotSent, Unknown, Yes

# When Toss does not say itself how long to wait.
_RETRY_AFTER_S: Final = 5
# How many rows that could not be read are named on the audit trail.
_UNREAD_KEPT: Final = 20
# Toss may take two minutes over a page (toss/api.md 1.4, toss/transport.py); nobody is to take it for abandoned
# meanwhile.
_ABANDONED_AFTER: Final = timedelta(minutes=5)

T = TypeVar("T")
_Asked: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListsOnRecord:
    """The calls of the client that read lists, for one who asks. Fits where ``toss.paging`` takes the client.

    ``caused_by``: for which attempt they are read.
    """

    cashier: Cashier
    origin: Origin
    caused_by: AttemptId | None = None

    async def list_transactions(
        self, start: datetime, end: datetime, *, starting_after: str | None = None, limit: int | None = None
    ) -> Answer[list[wire.Transaction]]:
        span = {"startDate": wire.korean_time(start), "endDate": wire.korean_time(end)}
        paging: _Asked = {"startingAfter": starting_after, "limit": limit}

        def ask() -> Awaitable[Answer[list[wire.Transaction]]]:
            return self.cashier.toss.list_transactions(start, end, starting_after=starting_after, limit=limit)

        return await self._on_record("/v1/transactions", span | paging, ask)

    async def list_settlements(
        self,
        start_date: date,
        end_date: date,
        *,
        date_type: DateType | None = None,
        page: int | None = None,
        size: int | None = None,
    ) -> Answer[list[wire.Settlement]]:
        span = {"startDate": start_date.isoformat(), "endDate": end_date.isoformat()}
        paging: _Asked = {"dateType": date_type, "page": page, "size": size}
        toss = self.cashier.toss

        def ask() -> Awaitable[Answer[list[wire.Settlement]]]:
            return toss.list_settlements(start_date, end_date, date_type=date_type, page=page, size=size)

        return await self._on_record("/v1/settlements", span | paging, ask)

    async def list_cash_receipts(
        self, request_date: date, *, cursor: int | None = None, limit: int | None = None
    ) -> Answer[wire.CashReceiptPage]:
        asked: _Asked = {"requestDate": request_date.isoformat(), "cursor": cursor, "limit": limit}

        def ask() -> Awaitable[Answer[wire.CashReceiptPage]]:
            return self.cashier.toss.list_cash_receipts(request_date, cursor=cursor, limit=limit)

        return await self._on_record("/v1/cash-receipts", asked, ask)

    async def card_promotions(self) -> Answer[wire.CardPromotions]:
        return await self._on_record("/v1/promotions/card", {}, self.cashier.toss.card_promotions)

    async def promotions(self) -> Answer[list[wire.Promotion]]:
        return await self._on_record("/v1/promotions", {}, self.cashier.toss.promotions)

    async def _on_record(self, path: str, asked: _Asked, ask: Callable[[], Awaitable[Answer[T]]]) -> Answer[T]:
        """Write down the question, then ask it; two single statements beside the call."""
        cashier = self.cashier
        told = {name: value for name, value in asked.items() if value is not None}
        attempt = replace(
            new_attempt(cashier, AttemptType.STATUS_READ, None, self.origin, caused_by=self.caused_by),
            request_data={"path": path, **told},
            resolve_by=cashier.clock.now() + _ABANDONED_AFTER,
        )
        async with cashier.db.connection() as conn:
            await store.open_attempt(conn, attempt)
        answer = await ask()
        async with cashier.db.connection() as conn:
            if isinstance(answer, Yes):
                short = (
                    {"unreadable": [str(row) for row in answer.unread_rows[:_UNREAD_KEPT]]}
                    if answer.unread_rows
                    else {}
                )
                counted = replace(answer.call, response_body={"rows": _rows(answer.value), **short})
                await close(conn, cashier, attempt, AttemptStatus.SUCCESS, outcome="yes", call=counted)
            else:
                await close_unread(conn, cashier, attempt, answer)
        return answer


def _rows(value: object) -> int:
    match value:
        case list():
            return len(value)
        case wire.CashReceiptPage():
            return len(value.data)
        case wire.CardPromotions():
            return len(value.discount_cards) + len(value.interest_free_cards)
    raise AssertionError(f"no list: {type(value).__name__}")


def error_of_unread(answer: No | NotSent | Unknown) -> PaywonError:
    """Say to the one who asked why Toss showed nothing."""
    match answer:
        case No():
            return refusal_told(answer.refusal, answer.code, answer.message)
        case NotSent():
            return PaywonError("PROVIDER_UNAVAILABLE", retry_after_s=_RETRY_AFTER_S)
        case Unknown():
            return PaywonError(
                "PROVIDER_UNAVAILABLE",
                original_message=answer.message,
                retry_after_s=ceil(answer.retry_after_s or _RETRY_AFTER_S),
                extra={"providerCode": answer.code} if answer.code else {},
            )
