"""Orders and capsules: what may be paid, and when a capsule opens."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paywon.base.clock import KST
from paywon.base.errors import PaywonError
from paywon.base.ids import OrderId, OrderNo, UserId
from paywon.base.money import Krw
from paywon.capsules.model import obstacle, open_at
from paywon.orders.model import (
    CapsuleWish,
    FulfilmentKind,
    FulfilmentStatus,
    Order,
    OrderStatus,
    TimeOption,
    check_capsule_wish,
    check_payable,
)

NOW = datetime(2027, 1, 31, 3, 0, tzinfo=UTC)
ORDER = Order(
    id=OrderId(uuid4()),
    order_no=OrderNo("ORD-1-ABCDEFGH"),
    user_id=UserId("u-1"),
    order_name="책",
    amount=Krw(10_000),
    tax_free_amount=Krw(0),
    currency="KRW",
    status=OrderStatus.PENDING_PAYMENT,
    resource_type=None,
    resource_id=None,
    fulfilment_kind=FulfilmentKind.NONE,
    fulfilment_spec=None,
    fulfilment_status=FulfilmentStatus.NONE,
    fulfilment_reason=None,
    metadata=None,
    expires_at=NOW + timedelta(minutes=1),
    paid_at=None,
    created_at=NOW,
    updated_at=NOW,
)
WISH = CapsuleWish(time_option=TimeOption.ONE_MONTH, custom_open_at=None, headcount=2, title="우리")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (OrderStatus.PAID, "ORDER_ALREADY_PAID"),
        (OrderStatus.PARTIALLY_REFUNDED, "ORDER_ALREADY_PAID"),
        (OrderStatus.REFUNDED, "ORDER_ALREADY_PAID"),
        (OrderStatus.CANCELED, "ORDER_CANCELED"),
        (OrderStatus.EXPIRED, "ORDER_EXPIRED"),
    ],
)
def test_only_an_open_order_can_be_paid(status: OrderStatus, code: str) -> None:
    with pytest.raises(PaywonError) as caught:
        check_payable(replace(ORDER, status=status), NOW)
    assert caught.value.code == code


def test_an_order_can_be_paid_until_its_time_is_over() -> None:
    check_payable(ORDER, NOW)
    with pytest.raises(PaywonError, match="ORDER_EXPIRED"):
        check_payable(ORDER, ORDER.expires_at)


@pytest.mark.parametrize(
    ("option", "opens"),
    [
        (TimeOption.ONE_WEEK, datetime(2027, 2, 7, 12, 0, tzinfo=KST)),
        (TimeOption.ONE_MONTH, datetime(2027, 2, 28, 12, 0, tzinfo=KST)),
        (TimeOption.ONE_YEAR, datetime(2028, 1, 31, 12, 0, tzinfo=KST)),
    ],
)
def test_when_a_capsule_opens(option: TimeOption, opens: datetime) -> None:
    assert open_at(replace(WISH, time_option=option), NOW) == opens


def test_a_leap_day_opens_on_the_last_of_february() -> None:
    leap_day = datetime(2028, 2, 29, 12, 0, tzinfo=KST)
    assert open_at(replace(WISH, time_option=TimeOption.ONE_YEAR), leap_day) == datetime(2029, 2, 28, 12, 0, tzinfo=KST)


def test_a_custom_time_stands_as_it_was_asked_for() -> None:
    custom = replace(WISH, time_option=TimeOption.CUSTOM, custom_open_at=NOW + timedelta(days=100))
    check_capsule_wish(custom, NOW)
    assert open_at(custom, NOW) == custom.custom_open_at
    assert obstacle(custom, NOW) is None
    assert obstacle(custom, NOW + timedelta(days=100)) == "CUSTOM_OPEN_AT_PASSED"


@pytest.mark.parametrize(
    ("option", "at", "code"),
    [
        (TimeOption.CUSTOM, None, "CUSTOM_OPEN_AT_REQUIRED"),
        (TimeOption.ONE_WEEK, NOW + timedelta(days=1), "CUSTOM_OPEN_AT_REQUIRED"),
        (TimeOption.CUSTOM, NOW, "CUSTOM_OPEN_AT_IN_PAST"),
    ],
)
def test_a_wish_that_cannot_be(option: TimeOption, at: datetime | None, code: str) -> None:
    with pytest.raises(PaywonError) as caught:
        check_capsule_wish(replace(WISH, time_option=option, custom_open_at=at), NOW)
    assert (caught.value.code, caught.value.field) == (code, "fulfilment.customOpenAt")
