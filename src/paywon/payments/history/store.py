"""All SQL of the list of payments: which of them a list shows, and how an index finds them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from paywon.base.ids import OrderNo, PaymentId, UserId
from paywon.db.pool import Connection
from paywon.payments.model import APPROVED, OVER_WITHOUT_MONEY, Payment, PaymentStatus, SimpleStatus
from paywon.payments.store import SELECT_PAYMENT, payment_of

# Which of Toss's statuses a payment of each of seed 1's words can have, unless a confirm of it is open.
STATUSES_OF: Final[dict[SimpleStatus, frozenset[PaymentStatus]]] = {
    SimpleStatus.PENDING: frozenset({PaymentStatus.READY, PaymentStatus.WAITING_FOR_DEPOSIT}),
    SimpleStatus.IN_PROGRESS: frozenset({PaymentStatus.IN_PROGRESS}),
    SimpleStatus.COMPLETED: frozenset({PaymentStatus.DONE}),
    SimpleStatus.PARTIAL_REFUNDED: frozenset({PaymentStatus.PARTIAL_CANCELED}),
    SimpleStatus.REFUNDED: frozenset({PaymentStatus.CANCELED, *APPROVED}),
    SimpleStatus.CANCELLED: frozenset({PaymentStatus.CANCELED, *APPROVED}),
    SimpleStatus.FAILED: OVER_WITHOUT_MONEY,
}

# The same as model.simple_status; a test compares the two over every case.
_SIMPLE_STATUS: Final = """
    CASE WHEN status = 'CANCELED' OR (balance_amount = 0 AND status IN ('DONE', 'PARTIAL_CANCELED'))
         THEN CASE WHEN approved_at IS NULL THEN 'cancelled' ELSE 'refunded' END
         WHEN status = 'IN_PROGRESS'
           OR EXISTS (SELECT FROM payment_transactions t WHERE t.payment_id = payments.id
                      AND t.status = 'pending' AND t.type = 'payment_confirmation') THEN 'in_progress'
         WHEN status IN ('ABORTED', 'EXPIRED') THEN 'failed'
         WHEN status = 'DONE' THEN 'completed'
         WHEN status = 'PARTIAL_CANCELED' THEN 'partial_refunded'
         ELSE 'pending' END
    """

_BEING_CONFIRMED: Final = (
    "SELECT payment_id FROM payment_transactions WHERE status = 'pending' AND type = 'payment_confirmation'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFilter:
    """Which payments a list shows; ``after`` is the (created_at, id) of the last one seen."""

    user_id: UserId | None
    status: SimpleStatus | None
    after: tuple[datetime, PaymentId] | None
    limit: int
    offset: int = 0
    resource_type: str | None = None
    resource_id: str | None = None
    order_no: OrderNo | None = None


async def page(conn: Connection, wanted: PageFilter) -> list[Payment]:
    """Fetch one page of payments, newest first."""
    query, arguments = page_query(wanted)
    return [payment for row in await conn.fetch(query, *arguments) if (payment := payment_of(row))]


def page_query(wanted: PageFilter) -> tuple[str, list[Any]]:
    """Return what fetches a page, with its arguments: only what is asked for stands there, so that an index serves."""
    where, arguments = _matching(wanted)
    if wanted.after is not None:
        arguments += wanted.after
        where += f" AND (created_at, id) < (${len(arguments) - 1}, ${len(arguments)})"
    arguments += (wanted.limit, wanted.offset)
    place = len(arguments)
    order = f"ORDER BY created_at DESC, id DESC LIMIT ${place - 1} OFFSET ${place}"
    return f"{SELECT_PAYMENT} WHERE {where} {order}", arguments


def count_query(wanted: PageFilter) -> tuple[str, list[Any]]:
    """Return what counts the payments of all pages, with its arguments."""
    where, arguments = _matching(wanted)
    return f"SELECT count(*) FROM payments WHERE {where}", arguments


def _matching(wanted: PageFilter) -> tuple[str, list[Any]]:
    """Return the condition of a list, and its arguments."""
    named = {
        "user_id": wanted.user_id,
        "resource_type": wanted.resource_type,
        "resource_id": wanted.resource_id,
        "order_no": wanted.order_no,
    }
    known: dict[str, Any] = {column: value for column, value in named.items() if value is not None}
    conditions = [f"{column} = ${place}" for place, column in enumerate(known, start=1)]
    arguments = list(known.values())
    if wanted.status is not None:
        arguments += (sorted(STATUSES_OF[wanted.status]), wanted.status)
        place = len(arguments)
        # The first finds rows by an index, the second says which of them it is; an open confirm hides Toss's status.
        found = f"status = ANY (${place - 1}::text[])"
        if wanted.status is SimpleStatus.IN_PROGRESS:
            found = f"({found} OR id = ANY (ARRAY({_BEING_CONFIRMED})))"
        conditions += (found, f"${place}::text = {_SIMPLE_STATUS}")
    return " AND ".join(conditions) or "true", arguments


async def count(conn: Connection, wanted: PageFilter) -> int:
    """Count the payments that a list shows on all its pages."""
    query, arguments = count_query(wanted)
    found: int = await conn.fetchval(query, *arguments)
    return found
