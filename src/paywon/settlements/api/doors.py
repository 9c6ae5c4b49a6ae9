"""``/api/payments/toss/promotions``, ``/transactions``, ``/settlements``: what Toss offers and what it has booked."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import Dependency, Parameter

from paywon.base.clock import KST
from paywon.base.errors import PaywonError
from paywon.payments.api.common import Asker
from paywon.settlements import commands
from paywon.settlements.api.shapes import (
    PromotionsOut,
    SettlementList,
    TossTransactionList,
    promotions_out,
    settlement_out,
    transaction_out,
)
from paywon.settlements.commands import Ledger
from paywon.settlements.model import WORDS, Bookmark, DateKind, Span, bookmark_of, day_of, span_of
from paywon.web.auth import needs
from paywon.web.body import invalid_field
from paywon.web.cache import CacheState, freshness
from paywon.web.openapi import reading
from paywon.web.paging import cursor_invalid, decode_words, encode_words
from paywon.web.query import exact_query
from paywon.web.shapes import END

DAY = r"^2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])" + END
_A_DAY = {"min_length": 10, "max_length": 10, "pattern": DAY, "schema_extra": {"format": "date"}}
StartQuery = Annotated[str | None, Parameter(query="startDate", **_A_DAY)]
EndQuery = Annotated[str | None, Parameter(query="endDate", **_A_DAY)]
KindQuery = Annotated[DateKind, Parameter(query="dateType")]
LimitQuery = Annotated[int, Parameter(ge=1, le=5000)]
CursorQuery = Annotated[str | None, Parameter(max_length=200)]
Books = Annotated[Ledger, Dependency(skip_validation=True)]


def of_the_shop(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """A guard: the shop's books are no app user's, whatever scopes their token names."""
    if connection.user.owner is not None:
        raise PaywonError("FORBIDDEN", scope="settlements:read")


class SettlementsController(Controller):
    path = "/api/payments/toss"
    tags = ("promotions, transactions, settlements",)
    guards = (exact_query,)

    @get(
        "/promotions",
        guards=[needs("payments:read")],
        summary="Card and bank promotions",
        responses=reading(422, 502),
    )
    async def promotions(self, ledger: Books, origin: Asker) -> Response[PromotionsOut]:
        """Discounts and interest-free instalments; at most ten minutes old, ``Age`` tells how old."""
        found = await commands.list_promotions(ledger, origin)
        state = CacheState.HIT if found.from_cache else CacheState.MISS
        headers = freshness(state, found.asked_at, now=ledger.cashier.clock.now())
        return Response(promotions_out(found), headers=headers)

    @get(
        "/transactions",
        guards=[needs("settlements:read"), of_the_shop],
        summary="Transactions that Toss has booked",
        responses=reading(422, 502),
    )
    async def transactions(
        self,
        ledger: Books,
        origin: Asker,
        start_date: StartQuery = None,
        end_date: EndQuery = None,
        limit: LimitQuery = 100,
        cursor: CursorQuery = None,
    ) -> TossTransactionList:
        """Every approval, cancel and issued account of these Korean days, read from Toss now."""
        span, mark = _place(ledger, start_date, end_date, None, cursor)
        behind = mark.behind if mark else None
        found = await commands.list_transactions(ledger, span, origin, behind=behind, limit=limit)
        last = found[-1].transaction_key if len(found) == limit else None
        return TossTransactionList(
            transactions=[transaction_out(row) for row in found if commands.is_whole(row)],
            unreadable=found.unreadable + sum(not commands.is_whole(row) for row in found),
            start_date=span.first,
            end_date=span.last,
            limit=limit,
            next_cursor=_cursor(span, None, last),
        )

    @get(
        "/settlements",
        guards=[needs("settlements:read"), of_the_shop],
        summary="Settlements: fees and pay-outs",
        responses=reading(422, 502),
    )
    async def settlements(
        self,
        ledger: Books,
        origin: Asker,
        start_date: StartQuery = None,
        end_date: EndQuery = None,
        date_type: KindQuery = DateKind.SOLD,
        limit: LimitQuery = 100,
        cursor: CursorQuery = None,
    ) -> SettlementList:
        """What is paid out for the sales of these Korean days, or on them; a cancel has negative amounts."""
        span, mark = _place(ledger, start_date, end_date, date_type, cursor)
        skip = int(mark.behind) if mark else 0
        found = await commands.list_settlements(ledger, span, origin, kind=date_type, skip=skip, limit=limit)
        read = str(skip + limit) if len(found) + found.unreadable == limit else None
        return SettlementList(
            settlements=[settlement_out(row) for row in found],
            unreadable=found.unreadable,
            start_date=span.first,
            end_date=span.last,
            date_type=date_type,
            limit=limit,
            next_cursor=_cursor(span, date_type, read),
        )


def _place(
    ledger: Ledger, first: str | None, last: str | None, kind: DateKind | None, cursor: str | None
) -> tuple[Span, Bookmark | None]:
    """Find which days are asked for and where to go on. A cursor brings its days along and fits no others."""
    days = day_in(first, "startDate"), day_in(last, "endDate")
    if cursor is None:
        return span_of(*days, today=ledger.cashier.clock.now().astimezone(KST).date()), None
    try:
        mark = bookmark_of(decode_words(cursor, WORDS))
    except ValueError:
        raise cursor_invalid() from None
    fits = days[0] in (None, mark.span.first) and days[1] in (None, mark.span.last) and mark.kind is kind
    if not fits:
        raise cursor_invalid()
    return mark.span, mark


def day_in(text: str | None, name: str) -> date | None:
    """Read the day that a parameter names.

    Raises:
        PaywonError: INVALID_REQUEST, there is no such day.
    """
    try:
        return None if text is None else day_of(text)
    except ValueError:
        raise invalid_field("is no day", field=name) from None


def _cursor(span: Span, kind: DateKind | None, behind: str | None) -> str | None:
    return None if behind is None else encode_words(*Bookmark(span=span, kind=kind, behind=behind).words)
