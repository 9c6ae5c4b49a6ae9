"""Money, ids and the clock."""

import re
from datetime import UTC, datetime
from uuid import RFC_4122

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywon.base.clock import KST, SystemClock
from paywon.base.ids import new_order_no, new_payment_number, new_uuid
from paywon.base.money import MAX_KRW, Krw, format_krw, krw

pytestmark = pytest.mark.unit


@given(st.integers(0, MAX_KRW))
def test_whole_won_are_money(amount: int) -> None:
    assert krw(amount) == amount
    assert int(format_krw(Krw(amount)).removesuffix("원").replace(",", "")) == amount


@pytest.mark.parametrize(
    "amount", [-1, MAX_KRW + 1, 10**40, 1.0, 1e3, float("nan"), True, False, "1000", b"1", None, [], 1 + 0j]
)
def test_anything_else_is_not(amount: object) -> None:
    with pytest.raises(ValueError, match="won"):
        krw(amount)


def test_all_money_is_exact_in_javascript_and_in_a_bigint() -> None:
    assert MAX_KRW < 2**53
    assert format_krw(Krw(50_000)) == "50,000원"


def test_ids_are_unique_and_sorted_by_time() -> None:
    made = [new_uuid() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all((one.version, one.variant) == (7, RFC_4122) for one in made)
    assert [one.int >> 80 for one in made] == sorted(one.int >> 80 for one in made)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_numbers_are_what_toss_and_people_can_read(now: datetime) -> None:
    order_no, payment_number = new_order_no(now), new_payment_number(now)
    assert re.fullmatch(r"ORD-[0-9]{12,14}-[0-9A-HJKMNP-TV-Z]{8}", order_no)
    assert 6 <= len(order_no) <= 64
    assert re.fullmatch(r"PAY-[0-9]{8}-[0-9A-HJKMNP-TV-Z]{12}", payment_number)
    assert len(payment_number) <= 30
    assert payment_number[4:12] == f"{now.astimezone(KST):%Y%m%d}"


def test_numbers_made_at_once_differ() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert len({new_order_no(now) for _ in range(1000)}) == 1000


def test_the_clock_has_a_zone() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before <= now <= datetime.now(UTC)
    assert KST.utcoffset(None).total_seconds() == 9 * 3600
