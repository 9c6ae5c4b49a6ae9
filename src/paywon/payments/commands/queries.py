"""What we know of payments. Asks nobody and changes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from paywon.base.errors import PaywonError
from paywon.base.ids import AttemptId, OrderId, OrderNo, PaymentId, PaymentKey, UserId
from paywon.capsules import store as capsules
from paywon.capsules.model import Capsule
from paywon.db.pool import Connection
from paywon.orders import store as orders
from paywon.orders.model import Order
from paywon.payments import store
from paywon.payments.commands.cashier import Cashier, Origin
from paywon.payments.commands.settling import is_over
from paywon.payments.history import store as history
from paywon.payments.model import Attempt, AttemptStatus, AttemptType, Cancel, Payment


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentView:
    """A payment with all that belongs to it. ``attempt``: the one just made, or the open one.

    ``asked_key``: the paymentKey that its reader asked with.
    """

    payment: Payment
    cancels: list[Cancel]
    order: Order
    capsule: Capsule | None
    attempt: Attempt | None
    # False where the payment was asked for by a paymentKey that it had before: what is shown is not under that key.
    is_current_key: bool = True
    asked_key: PaymentKey | None = None

    @property
    def payment_key(self) -> PaymentKey | None:
        """Under which paymentKey to go on asking: Toss's own, else the one that is being tried or was asked with."""
        tried = self.attempt.payment_key if self.attempt is not None and self.confirming else None
        return self.payment.payment_key or tried or self.asked_key

    @property
    def confirming(self) -> bool:
        """Whether Toss is being asked to approve this payment right now."""
        return self._open and self.attempt is not None and (self.attempt.type is AttemptType.PAYMENT_CONFIRMATION)

    @property
    def in_doubt(self) -> bool:
        """Whether a question to Toss is still open, so that the caller has to look again."""
        return self._open

    @property
    def _open(self) -> bool:
        return self.attempt is not None and self.attempt.status is AttemptStatus.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidView:
    """An order that has no payment: nothing was confirmed yet, or there is nothing to pay."""

    order: Order
    capsule: Capsule | None


async def view(cashier: Cashier, *, payment_id: PaymentId, attempt_id: AttemptId | None = None) -> PaymentView:
    """Fetch a payment with its cancels, order, capsule and an attempt.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND.
    """
    async with cashier.db.connection() as conn:
        return await _view(conn, await store.by_id(conn, payment_id), attempt_id=attempt_id, owner=None)


async def find_by_id(cashier: Cashier, payment_id: PaymentId, origin: Origin) -> PaymentView:
    """Fetch a payment by our id; raises as ``view``, also for somebody else's."""
    async with cashier.db.connection() as conn:
        return await _view(conn, await store.by_id(conn, payment_id), owner=origin.owner)


async def find_by_key(cashier: Cashier, payment_key: PaymentKey, origin: Origin) -> PaymentView:
    """Fetch a payment by Toss's paymentKey, also by an earlier one that Toss declined: for reads only.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND, also for somebody else's; PAYMENT_IN_PROGRESS,
            Toss is being asked whose key it is.
    """
    async with cashier.db.connection() as conn:
        found = await store.by_key(conn, payment_key)
        if found is not None:
            return await _view(conn, found, owner=origin.owner)
        earlier = await _had_key(conn, payment_key, origin.owner)
        return replace(await _view(conn, earlier, owner=origin.owner), is_current_key=False, asked_key=payment_key)


async def payment_to_cancel(cashier: Cashier, payment_key: PaymentKey, origin: Origin) -> PaymentId:
    """Find the payment that a cancel names by its paymentKey: the one that has this key now, and no other.

    Raises:
        PaywonError: as ``find_by_key``; PAYMENT_KEY_NOT_CURRENT, the key was declined, so nothing is to be cancelled.
    """
    found = await find_by_key(cashier, payment_key, origin)
    if not found.is_current_key:
        raise PaywonError("PAYMENT_KEY_NOT_CURRENT", field="paymentKey")
    return found.payment.id


async def _had_key(conn: Connection, payment_key: PaymentKey, owner: UserId | None) -> Payment | None:
    """Find the payment that Toss declined under a key: a key that was only tried on an order is not that order's.

    Raises:
        PaywonError: PAYMENT_IN_PROGRESS, the key is being tried, and nobody knows yet whose it is.
    """
    running = False
    for attempt in await store.confirms_under(conn, payment_key):
        assert attempt.payment_id is not None, "a confirm is about a payment"
        tried = await store.by_id(conn, attempt.payment_id)
        if tried is None or owner not in (None, tried.user_id):
            continue
        if is_over(attempt):
            return tried
        running = running or attempt.status is AttemptStatus.PENDING
    if running:
        raise PaywonError("PAYMENT_IN_PROGRESS", retry_after_s=1)
    return None


async def find_by_order(cashier: Cashier, name: OrderId | OrderNo, origin: Origin) -> PaymentView | UnpaidView:
    """Fetch a payment by its order's number or id; the order alone where it has none.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND, also for somebody else's.
    """
    async with cashier.db.connection() as conn:
        order_no = name if isinstance(name, str) else await orders.number_of(conn, name)
        payment = None if order_no is None else await store.by_order_no(conn, order_no)
        # A customer may be authenticating in a window: "no such payment" would be untrue.
        order = None if payment or order_no is None else await orders.by_no(conn, order_no)
        if order is not None and origin.owner in (None, order.user_id):
            return UnpaidView(order=order, capsule=await capsules.by_order(conn, order.id))
        return await _view(conn, payment, owner=origin.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPage:
    """One page of payments and how many there are in all; ``confirming``: those with an open confirm attempt."""

    payments: list[Payment]
    total: int
    confirming: set[PaymentId]


async def list_payments(cashier: Cashier, wanted: history.PageFilter) -> PaymentPage:
    """List payments, newest first."""
    async with cashier.db.connection() as conn:
        payments = await history.page(conn, wanted)
        total = await history.count(conn, wanted)
        confirming = await store.confirming(conn, [payment.id for payment in payments])
    return PaymentPage(payments=payments, total=total, confirming=confirming)


async def list_transactions(
    cashier: Cashier,
    payment_id: PaymentId,
    origin: Origin,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Attempt]:
    """List a payment's audit trail, oldest first.

    Raises:
        PaywonError: PAYMENT_NOT_FOUND.
    """
    last_seen = (after[0], AttemptId(after[1])) if after else None
    async with cashier.db.connection() as conn:
        _owned(await store.by_id(conn, payment_id), origin.owner)
        return await store.attempts_of(conn, payment_id, after=last_seen, limit=limit)


async def _view(
    conn: Connection,
    found: Payment | None,
    *,
    owner: UserId | None,
    attempt_id: AttemptId | None = None,
) -> PaymentView:
    payment = _owned(found, owner)
    order = await orders.by_id(conn, payment.order_id)
    assert order is not None, "a payment has its order (foreign key)"
    return PaymentView(
        payment=payment,
        cancels=await store.cancels_of(conn, payment.id),
        order=order,
        capsule=await capsules.by_order(conn, order.id),
        attempt=(
            await store.attempt_by_id(conn, attempt_id) if attempt_id else await store.open_attempt_of(conn, payment.id)
        ),
    )


def _owned(payment: Payment | None, owner: UserId | None) -> Payment:
    if payment is None or owner not in (None, payment.user_id):
        raise PaywonError("PAYMENT_NOT_FOUND")
    return payment
