"""Placing, reading and expiring orders."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.base.ids import OrderId, UserId, new_order_no, new_uuid
from paywon.base.money import ZERO_KRW, Krw
from paywon.db.pool import Connection, Database
from paywon.idempotency import commands as idempotency
from paywon.idempotency.model import Claim
from paywon.orders import store
from paywon.orders.announcing import expired_event
from paywon.orders.model import (
    FulfilmentKind,
    FulfilmentStatus,
    Order,
    OrderStatus,
    OrderView,
)
from paywon.outbox import store as outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWish:
    """What somebody wants to be charged for; amounts in won."""

    user_id: UserId
    order_name: str
    amount: Krw
    tax_free_amount: Krw = ZERO_KRW
    resource_type: str | None = None
    resource_id: str | None = None
    fulfilment_kind: str = FulfilmentKind.NONE
    fulfilment_options: dict[str, Any] | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] | None = None

    @property
    def resource(self) -> tuple[str | None, str] | None:
        """What the order is for, where that is something that only one open order may have."""
        return None if self.resource_id is None else (self.resource_type, self.resource_id)


class FulfilmentRules(Protocol):
    """Who knows what an order may ask for."""

    def checked(self, kind: str, options: dict[str, Any] | None, now: datetime) -> dict[str, Any] | None:
        """Answer what is kept of an order's options; raises PaywonError where they do not do."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """What the commands of orders work with."""

    db: Database
    clock: Clock
    fulfilments: FulfilmentRules
    time_to_pay: timedelta


async def place_order(book: OrderBook, wish: OrderWish, claim: Claim | None = None) -> Order:
    """Create an order that waits for its payment; once for one idempotency key.

    Raises:
        PaywonError: a field does not fit the others, or an order for the same resource is open.
    """
    now, order_id = book.clock.now(), OrderId(new_uuid())
    async with book.db.transaction(about=wish.resource) as conn:
        begun = await idempotency.take(conn, claim, order_id, now)
        if begun is not None and (order := await store.by_id(conn, OrderId(begun))) is not None:
            return order
        spec = book.fulfilments.checked(wish.fulfilment_kind, wish.fulfilment_options, now)
        wish = replace(wish, fulfilment_options=spec)
        return await add_order(conn, wish, now=now, time_to_pay=book.time_to_pay, order_id=order_id)


async def add_order(
    conn: Connection,
    wish: OrderWish,
    *,
    now: datetime,
    time_to_pay: timedelta,
    order_id: OrderId | None = None,
) -> Order:
    """Create an order within the caller's transaction, its options as they are. Raises as ``place_order``."""
    _check(wish, now)
    order = Order(
        id=order_id or OrderId(new_uuid()),
        order_no=new_order_no(now),
        user_id=wish.user_id,
        order_name=wish.order_name,
        amount=wish.amount,
        tax_free_amount=wish.tax_free_amount,
        currency="KRW",
        status=OrderStatus.PENDING_PAYMENT,
        resource_type=wish.resource_type,
        resource_id=wish.resource_id,
        fulfilment_kind=wish.fulfilment_kind,
        fulfilment_spec=wish.fulfilment_options,
        fulfilment_status=(
            FulfilmentStatus.NONE if wish.fulfilment_kind == FulfilmentKind.NONE else FulfilmentStatus.WAITING
        ),
        fulfilment_reason=None,
        metadata=wish.metadata,
        expires_at=wish.expires_at or now + time_to_pay,
        paid_at=None,
        created_at=now,
        updated_at=now,
    )
    if wish.resource_id is not None:
        await _make_room(conn, wish, now)
    await store.insert(conn, order)
    return order


async def find_order(book: OrderBook, order_id: OrderId, *, owner: UserId | None) -> OrderView:
    """Fetch an order; somebody else's does not exist for ``owner``.

    Raises:
        PaywonError: ORDER_NOT_FOUND.
    """
    async with book.db.connection() as conn:
        view = await store.view_by_id(conn, order_id)
    if view is None or owner not in (None, view.order.user_id):
        raise PaywonError("ORDER_NOT_FOUND")
    return view


async def expire_overdue_orders(book: OrderBook, *, limit: int = 500) -> int:
    """Expire the open orders whose time has passed; answer how many."""
    async with book.db.transaction() as conn:
        return len(await _expire_overdue(conn, book.clock.now(), limit=limit))


async def _expire_overdue(conn: Connection, now: datetime, *, limit: int) -> list[Order]:
    expired = await store.expire_overdue(conn, now, limit=limit)
    await outbox.append(conn, [expired_event(order, now) for order in expired], now)
    return expired


async def _make_room(conn: Connection, wish: OrderWish, now: datetime) -> None:
    """See that no order for the same resource is open; one past its time, not yet expired by schedule, gives way."""
    assert wish.resource_id is not None, "only a resource can be taken"
    open_order = await store.open_for_resource(conn, wish.resource_type, wish.resource_id)
    if open_order is None:
        return
    if open_order.expires_at <= now:
        expired = await _expire_overdue(conn, now, limit=500)
        if any(order.id == open_order.id for order in expired):
            return
    # Who placed the open order may go on with it; nobody else learns of it.
    own = open_order.user_id == wish.user_id
    known = {"orderId": str(open_order.id), "orderNo": open_order.order_no} if own else {}
    raise PaywonError("DUPLICATE_PAYMENT", field="resourceId", extra=known)


def _check(wish: OrderWish, now: datetime) -> None:
    if wish.tax_free_amount > wish.amount:
        raise PaywonError("TAX_FREE_ABOVE_AMOUNT", field="taxFreeAmount")
    if wish.expires_at is not None and wish.expires_at <= now:
        raise PaywonError("EXPIRES_AT_IN_PAST", field="expiresAt")
