"""Placing, reading, withdrawing and expiring orders."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from paywon.base.clock import Clock
from paywon.base.errors import PaywonError
from paywon.base.ids import OrderId, OrderNo, UserId, new_order_no, new_uuid
from paywon.base.money import ZERO_KRW, Krw
from paywon.db.pool import Connection, Database
from paywon.idempotency import commands as idempotency
from paywon.idempotency.model import Claim
from paywon.orders import store
from paywon.orders.announcing import expired_event, withdrawn_event
from paywon.orders.model import (
    FulfilmentKind,
    FulfilmentStatus,
    Maker,
    Order,
    OrderLimits,
    OrderStatus,
    OrderView,
    check_closable,
    end_of,
    extended_end,
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
    made_by: Maker = Maker.SERVER

    @property
    def resource(self) -> tuple[str | None, str] | None:
        """What the order is for, where that is something that only one open order may have."""
        return None if self.resource_id is None else (self.resource_type, self.resource_id)


# How long an overdue order that may not end yet is left alone by the schedule: an account lives for days, and what
# ends it moves the order too; a question to Toss is a matter of minutes.
_LOOK_AGAIN_DEPOSIT: Final = timedelta(hours=1)
_LOOK_AGAIN_QUESTION: Final = timedelta(seconds=50)
_BATCH: Final = 500
# As many as one run of the schedule takes, so that it ends before the next but one.
_MOST_BATCHES: Final = 200
_DEFAULT_LIMITS: Final = OrderLimits()


class FulfilmentRules(Protocol):
    """Who knows what an order may ask for."""

    def checked(self, kind: str, options: dict[str, Any] | None, now: datetime) -> dict[str, Any] | None:
        """Answer what is kept of an order's options; raises PaywonError where they do not do."""
        ...

    def price_of(self, kind: str, spec: dict[str, Any] | None, now: datetime) -> Krw | None:
        """Return what paywon itself asks for what it hands over; None where the price is the maker's."""
        ...


class SettleFree(Protocol):
    """Makes a new order of 0 won PAID, within the transaction that places it."""

    async def __call__(self, conn: Connection, order: Order, now: datetime) -> Order: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """What the commands of orders work with."""

    db: Database
    clock: Clock
    fulfilments: FulfilmentRules
    time_to_pay: timedelta
    settle_free: SettleFree
    limits: OrderLimits = _DEFAULT_LIMITS


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
        if wish.made_by is Maker.USER:
            _check_price(wish, book.fulfilments.price_of(wish.fulfilment_kind, spec, now))
        order = await add_order(
            conn, wish, now=now, time_to_pay=book.time_to_pay, order_id=order_id, limits=book.limits
        )
        return await book.settle_free(conn, order, now) if order.is_free else order


async def add_order(
    conn: Connection,
    wish: OrderWish,
    *,
    now: datetime,
    time_to_pay: timedelta,
    order_id: OrderId | None = None,
    limits: OrderLimits = _DEFAULT_LIMITS,
) -> Order:
    """Create an order within the caller's transaction, its options as they are. Raises as ``place_order``."""
    if wish.tax_free_amount > wish.amount:
        raise PaywonError("TAX_FREE_ABOVE_AMOUNT", field="taxFreeAmount")
    expires_at = end_of(wish.expires_at, wish.made_by, now, time_to_pay, limits)
    if wish.made_by is Maker.USER:
        await _check_user(conn, wish, now, limits)
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
        expires_at=expires_at,
        expires_at_asked=wish.expires_at is not None,
        made_by=wish.made_by,
        paid_at=None,
        created_at=now,
        updated_at=now,
    )
    if wish.resource_id is not None:
        await _make_room(conn, wish, now)
    await store.insert(conn, order)
    return order


async def find_order(book: OrderBook, name: OrderId | OrderNo, *, owner: UserId | None) -> OrderView:
    """Fetch an order by its id or its number; somebody else's does not exist for ``owner``.

    Raises:
        PaywonError: ORDER_NOT_FOUND.
    """
    async with book.db.connection() as conn:
        view = await store.view_of(conn, name)
    if view is None or owner not in (None, view.order.user_id):
        raise PaywonError("ORDER_NOT_FOUND")
    return view


async def expire_overdue_orders(book: OrderBook, *, limit: int = _BATCH) -> int:
    """Expire the open orders whose time has passed, batch by batch until none is left; return how many."""
    total = 0
    for _ in range(_MOST_BATCHES):
        now = book.clock.now()
        async with book.db.transaction() as conn:
            ended = await store.expire_overdue(
                conn,
                now,
                limit=limit,
                deposit_until=now + _LOOK_AGAIN_DEPOSIT,
                question_until=now + _LOOK_AGAIN_QUESTION,
            )
            await outbox.append(conn, [expired_event(order, now) for order in ended.expired], now)
        total += len(ended.expired)
        if ended.seen < limit:
            break
    return total


async def withdraw_order(
    book: OrderBook, named: OrderId | OrderNo, *, owner: UserId | None, claim: Claim | None = None
) -> OrderView:
    """Cancel an order that nobody has paid; once withdrawn, it stays as it is.

    Raises:
        PaywonError: ORDER_NOT_FOUND, also for somebody else's; or as ``check_closable``.
    """
    now = book.clock.now()
    async with book.db.transaction() as conn:
        order = await store.lock_named(conn, named)
        if order is None or owner not in (None, order.user_id):
            raise PaywonError("ORDER_NOT_FOUND")
        await idempotency.take(conn, claim, order.id, now)
        if order.status is not OrderStatus.CANCELED:
            await close_unpaid(conn, order, now)
        view = await store.view_of(conn, order.id)
    assert view is not None, "orders are never deleted"
    return view


async def close_unpaid(conn: Connection, order: Order, now: datetime) -> None:
    """Cancel a locked order that nobody has paid; its resource is free again. Raises as ``check_closable``."""
    check_closable(order, await store.obstacle_of(conn, order.id))
    await store.set_status(conn, order.id, OrderStatus.CANCELED, now, paid_told_at=None)
    await outbox.append(conn, [withdrawn_event(replace(order, status=OrderStatus.CANCELED), now)], now)


async def keep_open(
    conn: Connection, order: Order, *, now: datetime, time_to_pay: timedelta, limits: OrderLimits
) -> Order:
    """Let a locked order wait for as long as a payment window that is opened now can be paid; never shorter."""
    end = extended_end(order, now, time_to_pay, limits)
    if end == order.expires_at:
        return order
    await store.extend(conn, order.id, end, now)
    return replace(order, expires_at=end)


async def _make_room(conn: Connection, wish: OrderWish, now: datetime) -> None:
    """See that no order for the same resource is open: one past its time gives way, and a user's to a server's."""
    assert wish.resource_id is not None, "only a resource can be taken"
    standing = await store.lock_for_resource(conn, wish.resource_type, wish.resource_id)
    if standing is None:
        return
    expired = await store.expire(conn, [standing.id], now)
    await outbox.append(conn, [expired_event(order, now) for order in expired], now)
    if expired:
        return
    displaced = (standing.made_by, wish.made_by) == (Maker.USER, Maker.SERVER)
    if displaced and await store.obstacle_of(conn, standing.id) is None:
        await close_unpaid(conn, standing, now)
        return
    # Who placed the open order may go on with it; nobody else learns of it.
    own = standing.user_id == wish.user_id
    known = {"orderId": standing.order_no, "orderNo": standing.order_no} if own else {}
    raise PaywonError("DUPLICATE_PAYMENT", field="resourceId", extra=known)


async def _check_user(conn: Connection, wish: OrderWish, now: datetime, limits: OrderLimits) -> None:
    """See that a user's token asks for no gift, and has not too many orders open."""
    if wish.amount == 0:
        raise PaywonError("FREE_ORDER_NOT_ALLOWED", field="amount")
    if limits.open_per_user and await store.count_open_of_user(conn, wish.user_id, now) >= limits.open_per_user:
        raise PaywonError("TOO_MANY_OPEN_ORDERS", limit=str(limits.open_per_user))


def _check_price(wish: OrderWish, price: Krw | None) -> None:
    """See that a user's token names the price of what paywon hands over by itself."""
    if price is not None and wish.amount != price:
        raise PaywonError("PRICE_MISMATCH", field="amount", expected_krw=f"{price:,}")
