"""Orders: what they are and which state follows which. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from paywon.base.errors import PaywonError
from paywon.base.ids import CapsuleId, OrderId, OrderNo, PaymentKey, UserId
from paywon.base.money import Krw


class OrderStatus(StrEnum):
    PENDING_PAYMENT = "PENDING_PAYMENT"
    PAID = "PAID"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"


# What a kind of fulfilment is called: a plug-in's is the name of its entry point.
KIND: Final = r"[a-z][a-z0-9_]{0,39}"


class FulfilmentKind(StrEnum):
    """The kinds that paywon itself knows; plug-ins bring others (docs/plugins.md)."""

    NONE = "none"
    EVENT = "event"
    TIME_CAPSULE = "time_capsule"


class FulfilmentStatus(StrEnum):
    NONE = "NONE"
    WAITING = "WAITING"
    FULFILLED = "FULFILLED"
    BLOCKED = "BLOCKED"
    REVERSED = "REVERSED"


class Maker(StrEnum):
    """Who placed an order: a server with an API key, or an app's own user with a token."""

    SERVER = "server"
    USER = "user"


class TimeOption(StrEnum):
    """When a time capsule opens, counted from its payment."""

    ONE_WEEK = "1_WEEK"
    ONE_MONTH = "1_MONTH"
    ONE_YEAR = "1_YEAR"
    CUSTOM = "CUSTOM"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapsuleWish:
    """The time capsule that an order asks for. ``custom_open_at`` is set with CUSTOM and only then."""

    time_option: TimeOption
    custom_open_at: datetime | None
    headcount: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One row of ``orders``; ``amount`` and ``tax_free_amount`` in won.

    ``paid_told_at`` is set from when on the application may be told that the order is paid: a deposit is held first.
    ``expires_at_asked`` says that whoever placed the order named its end, so a new payment window does not move it.
    """

    id: OrderId
    order_no: OrderNo
    user_id: UserId
    order_name: str
    amount: Krw
    tax_free_amount: Krw
    currency: str
    status: OrderStatus
    resource_type: str | None
    resource_id: str | None
    fulfilment_kind: str
    fulfilment_spec: dict[str, Any] | None
    fulfilment_status: FulfilmentStatus
    fulfilment_reason: str | None
    metadata: dict[str, Any] | None
    expires_at: datetime
    paid_at: datetime | None
    paid_told_at: datetime | None = None
    made_by: Maker = Maker.SERVER
    expires_at_asked: bool = False
    created_at: datetime
    updated_at: datetime

    @property
    def is_free(self) -> bool:
        """Whether there is nothing to pay: such an order is paid without a payment."""
        return self.amount == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """An order with what has come of it. ``deposit_due`` is set while an account that was issued awaits its deposit."""

    order: Order
    capsule_id: CapsuleId | None
    payment_key: PaymentKey | None
    deposit_due: datetime | None = None

    @property
    def expires_at(self) -> datetime:
        """Until when the order waits: an account that was issued outlives the payment window."""
        return self.deposit_due or self.order.expires_at


# An order goes back to waiting only when a bank takes its deposit back; it may by then be past due
# (ARCHITECTURE#virtual-accounts-and-what-toss-does-not-tell).
ALLOWED_MOVES: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.PENDING_PAYMENT: frozenset({OrderStatus.PAID, OrderStatus.CANCELED, OrderStatus.EXPIRED}),
    # Back to what is not paid: a bank took the deposit back, and the account may have ended before anybody looked.
    OrderStatus.PAID: frozenset(OrderStatus) - {OrderStatus.PAID},
    OrderStatus.PARTIALLY_REFUNDED: frozenset({OrderStatus.REFUNDED}),
    OrderStatus.REFUNDED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
}


CLOSED_UNPAID: Final = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED})
PAID_ONCE: Final = frozenset({OrderStatus.PAID, OrderStatus.PARTIALLY_REFUNDED, OrderStatus.REFUNDED})
# Paid, and not all of it has gone back: what it pays for is the customer's.
STANDING: Final = PAID_ONCE - {OrderStatus.REFUNDED}


def check_payable(order: Order, now: datetime) -> None:
    """See that an order may still be paid.

    Raises:
        PaywonError: ORDER_ALREADY_PAID, ORDER_CANCELED or ORDER_EXPIRED.
    """
    if order.status is OrderStatus.CANCELED:
        raise PaywonError("ORDER_CANCELED")
    if order.status is OrderStatus.EXPIRED or (order.status is OrderStatus.PENDING_PAYMENT and order.expires_at <= now):
        raise PaywonError("ORDER_EXPIRED")
    if order.status is not OrderStatus.PENDING_PAYMENT:
        raise PaywonError("ORDER_ALREADY_PAID")


class Obstacle(StrEnum):
    """Why an open order cannot be closed now."""

    QUESTION = "Toss is being asked about it"
    DEPOSIT = "the deposit of an issued account may still come"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLimits:
    """How far an order may reach, and how many a user may have open; ``open_per_user`` 0 is no limit."""

    longest: timedelta = timedelta(days=30)
    longest_of_user: timedelta = timedelta(days=1)
    open_per_user: int = 20

    def latest_end(self, maker: Maker, created_at: datetime) -> datetime:
        """Return the latest time until which an order may wait for its payment."""
        return created_at + (self.longest_of_user if maker is Maker.USER else self.longest)


def end_of(
    asked: datetime | None, maker: Maker, now: datetime, time_to_pay: timedelta, limits: OrderLimits
) -> datetime:
    """Return until when a new order waits for its payment.

    Raises:
        PaywonError: EXPIRES_AT_IN_PAST or EXPIRES_AT_TOO_FAR, naming the field.
    """
    latest = limits.latest_end(maker, now)
    if asked is None:
        return min(now + time_to_pay, latest)
    if asked <= now:
        raise PaywonError("EXPIRES_AT_IN_PAST", field="expiresAt")
    if asked > latest:
        raise PaywonError("EXPIRES_AT_TOO_FAR", field="expiresAt", latest=latest.isoformat(timespec="seconds"))
    return asked


def extended_end(order: Order, now: datetime, time_to_pay: timedelta, limits: OrderLimits) -> datetime:
    """Return until when an order waits once a new payment window is opened for it: never shorter than before.

    An end that was asked for stays; a window that is opened late then has what is left.
    """
    if order.expires_at_asked:
        return order.expires_at
    return max(order.expires_at, min(now + time_to_pay, limits.latest_end(order.made_by, order.created_at)))


def check_closable(order: Order, obstacle: Obstacle | None) -> None:
    """See that an unpaid order may be withdrawn.

    Raises:
        PaywonError: ORDER_ALREADY_PAID, ORDER_EXPIRED, PAYMENT_IN_PROGRESS or ORDER_AWAITS_DEPOSIT.
    """
    if order.status is OrderStatus.EXPIRED:
        raise PaywonError("ORDER_EXPIRED")
    if order.status is not OrderStatus.PENDING_PAYMENT:
        raise PaywonError("ORDER_ALREADY_PAID")
    if obstacle is Obstacle.QUESTION:
        raise PaywonError("PAYMENT_IN_PROGRESS", retry_after_s=1)
    if obstacle is Obstacle.DEPOSIT:
        raise PaywonError("ORDER_AWAITS_DEPOSIT")


def check_capsule_wish(wish: CapsuleWish, now: datetime) -> None:
    """See that a capsule can be made from a wish.

    Raises:
        PaywonError: CUSTOM_OPEN_AT_REQUIRED or CUSTOM_OPEN_AT_IN_PAST, naming the field.
    """
    if (wish.time_option is TimeOption.CUSTOM) != (wish.custom_open_at is not None):
        raise PaywonError("CUSTOM_OPEN_AT_REQUIRED", field="fulfilment.customOpenAt")
    if wish.custom_open_at is not None and wish.custom_open_at <= now:
        raise PaywonError("CUSTOM_OPEN_AT_IN_PAST", field="fulfilment.customOpenAt")
