"""Reads Toss's books and offers, on record. Nothing of them is stored but what a day's payout came to, as an event."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

import msgspec
import structlog
from litestar.stores.base import Store

from paywon.base.clock import KST
from paywon.base.flight import OneFlight
from paywon.outbox import store as outbox
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.listing import ListsOnRecord, error_of_unread
from paywon.settlements.announcing import Payout, days_to_tell, paid_out
from paywon.settlements.model import DateKind, Span
from paywon.toss.body import Lost
from paywon.toss.outcome import No, NotSent, Unknown, Yes
from paywon.toss.paging import PAGE_ROWS, PageNotRead, all_settlements, all_transactions
from paywon.toss.wire import CardPromotions, Promotion, Settlement, Transaction
from paywon.toss.wire.base import whole

T = TypeVar("T")
_log = structlog.get_logger()

# Offers begin and end with days; only what is left of a discount's budget moves faster.
PROMOTIONS_KEPT_FOR: Final = timedelta(minutes=10)
_PROMOTIONS: Final = "promotions"


class Promotions(msgspec.Struct, frozen=True, kw_only=True):
    """What Toss offers, and when it was asked. ``more`` is the newer list; None where this key is not given it."""

    asked_at: datetime
    cards: CardPromotions
    more: list[Promotion] | None
    # How many offers of either list could not be read.
    unreadable: int = 0
    from_cache: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What reading Toss's books takes. ``page_rows``: how many rows are asked of Toss at once, at most."""

    cashier: Cashier
    cache: Store
    page_rows: int = PAGE_ROWS
    reading: OneFlight[str, Promotions] = field(default_factory=OneFlight)


class Listed(list[T]):
    """Rows of a list of Toss's; ``unreadable`` is how many between them could not be read."""

    def __init__(self, rows: list[T], unread: list[Lost]) -> None:
        super().__init__(rows)
        self.unreadable = len(unread)


async def list_transactions(
    ledger: Ledger, span: Span, origin: Origin, *, behind: str | None, limit: int
) -> Listed[Transaction]:
    """Read up to ``limit`` transactions of the span, behind a transactionKey if one is given; all its pages or none.

    Raises:
        PaywonError: Toss refused or was not heard.
    """
    lists = ListsOnRecord(cashier=ledger.cashier, origin=origin)
    page_rows = min(limit, ledger.page_rows)
    unread: list[Lost] = []
    rows = all_transactions(lists, span.start, span.end, starting_after=behind, page_rows=page_rows, unread=unread)
    # Toss does not say whether the end belongs to the span; here it does not.
    found = await _up_to(limit, rows, keep=lambda row: row.transaction_at is None or row.transaction_at < span.end)
    return Listed(found, unread)


def is_whole(row: Transaction) -> bool:
    """Return whether a row says how much of what was booked."""
    return row.amount is not None and row.currency is not None


async def list_settlements(
    ledger: Ledger, span: Span, origin: Origin, *, kind: DateKind, skip: int, limit: int
) -> Listed[Settlement]:
    """Read the next ``limit`` settlements of the span behind the first ``skip``, those that cannot be read among them.

    Raises as ``list_transactions``.
    """
    lists = ListsOnRecord(cashier=ledger.cashier, origin=origin)
    page_rows = min(limit, ledger.page_rows)
    unread: list[Lost] = []
    rows = all_settlements(
        lists,
        span.first,
        span.last,
        date_type=kind.value,
        skip=skip,
        most=limit,
        page_rows=page_rows,
        unread=unread,
    )
    found = await _up_to(limit, rows)
    return Listed(found, unread)


async def tell_payouts(ledger: Ledger) -> int:
    """Tell what Toss paid out on each of the last days, each day once; answer how many days were read.

    A week that cannot be read, or of which a row cannot, is logged and left to the next morning: a day would be told
    as less than was paid out, and each day is told once.
    """
    cashier = ledger.cashier
    now = cashier.clock.now()
    unread: list[Lost] = []
    try:
        payouts = await _payouts(ledger, days_to_tell(now.astimezone(KST).date()), unread)
    except PageNotRead as error:
        _log.warning("what Toss paid out could not be read; the next morning reads it", answer=str(error))
        return 0
    if unread:
        _log.error("rows of what Toss paid out could not be read", rows=len(unread), first=str(unread[0]))
        return 0
    async with cashier.db.transaction() as conn:
        await outbox.append(conn, [paid_out(day, payout, now) for day, payout in sorted(payouts.items())], now)
    return len(payouts)


async def _payouts(ledger: Ledger, days: Span, unread: list[Lost]) -> dict[date, Payout]:
    """Add up what was paid out in won on each day that has anything; rows that cannot be read go into ``unread``."""
    lists = ListsOnRecord(cashier=ledger.cashier, origin=Origin(actor="system:payouts"))
    found: dict[date, Payout] = {}
    rows = all_settlements(
        lists,
        days.first,
        days.last,
        date_type=DateKind.PAID_OUT.value,
        page_rows=ledger.page_rows,
        unread=unread,
    )
    async with aclosing(rows):
        async for row in rows:
            amount, fee, left = whole(row.amount), whole(row.fee), whole(row.pay_out_amount)
            if row.currency != "KRW":
                continue
            if row.paid_out_date is None or amount is None or fee is None or left is None:
                # Won without a day, or with a fraction: it belongs to a sum that nobody can then give.
                unread.append(Lost(row.transaction_key, "no paidOutDate, or an amount that is not whole"))
                continue
            found.setdefault(row.paid_out_date, Payout()).add(amount=amount, fee=fee, pay_out_amount=left)
    return found


async def _up_to(limit: int, rows: AsyncGenerator[T], *, keep: Callable[[T], bool] = lambda _row: True) -> list[T]:
    """Take rows until there are ``limit``; the page behind the last one is not read."""
    found: list[T] = []
    try:
        async with aclosing(rows):
            async for row in rows:
                found += [row] if keep(row) else []
                if len(found) == limit:
                    break
    except PageNotRead as unread:
        raise error_of_unread(unread.answer) from unread
    return found


async def list_promotions(ledger: Ledger, origin: Origin) -> Promotions:
    """Answer what Toss offers, at most ten minutes old.

    Raises:
        PaywonError: Toss refused or was not heard.
    """
    kept = await _kept(ledger)
    return kept if kept is not None else await ledger.reading.share(_PROMOTIONS, lambda: _read(ledger, origin))


async def _kept(ledger: Ledger) -> Promotions | None:
    raw = await ledger.cache.get(_PROMOTIONS)
    try:
        kept = None if raw is None else msgspec.json.decode(raw, type=Promotions)
    except msgspec.MsgspecError:
        return None  # of an older version of paywon
    return None if kept is None else msgspec.structs.replace(kept, from_cache=True)


async def _read(ledger: Ledger, origin: Origin) -> Promotions:
    if (kept := await _kept(ledger)) is not None:
        return kept  # somebody has just read it
    lists = ListsOnRecord(cashier=ledger.cashier, origin=origin)
    asked_at = ledger.cashier.clock.now()
    cards, more = await lists.card_promotions(), await lists.promotions()
    if not isinstance(cards, Yes):
        raise error_of_unread(cards)
    if not isinstance(more, Yes) and not _is_not_offered(more):
        raise error_of_unread(more)
    found = Promotions(
        asked_at=asked_at,
        cards=cards.value,
        more=more.value if isinstance(more, Yes) else None,
        unreadable=len(cards.unread_rows) + (len(more.unread_rows) if isinstance(more, Yes) else 0),
    )
    await ledger.cache.set(_PROMOTIONS, msgspec.json.encode(found), PROMOTIONS_KEPT_FOR)
    return found


def _is_not_offered(answer: No | NotSent | Unknown) -> bool:
    """Whether Toss says that it has no such list for this key: it is the newer of the two (toss/api.md 11 [1src]).

    A 404 that speaks of our contract (NOT_FOUND_MERCHANT) says nothing of the list.
    """
    if isinstance(answer, No):
        return answer.code == "API_VERSION_UPDATE_NEEDED"
    return isinstance(answer, Unknown) and answer.call.http_status == 404 and answer.code in (None, "NOT_FOUND")
