"""The tax-free part of refunds: whatever is refunded in whatever parts, both parts left stay whole and meet at zero."""

from hypothesis import given
from hypothesis import strategies as st

from paywon.payments.model import tax_free_bounds, tax_free_of_refund

_ORDERS = st.integers(1, 10**10).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total)))


@given(_ORDERS, st.data())
def test_refunds_in_any_parts_add_up_to_the_tax_free_part_of_the_order(
    order: tuple[int, int], data: st.DataObject
) -> None:
    left, free_left = order
    parts = 0
    while left and parts < 20:
        amount = data.draw(st.integers(1, left)) if parts < 19 else left
        least, most = tax_free_bounds(amount, left, free_left)
        derived = tax_free_of_refund(amount, left, free_left)
        assert 0 <= least <= derived <= most <= amount
        told = data.draw(st.one_of(st.none(), st.integers(least, most)))
        left, free_left, parts = left - amount, free_left - (derived if told is None else told), parts + 1
        assert 0 <= free_left <= left, "neither part left is negative"
    assert free_left == 0


def test_a_part_is_split_in_proportion_and_the_last_takes_the_rest() -> None:
    assert tax_free_of_refund(5_000, 10_000, 8_000) == 4_000
    assert tax_free_of_refund(1, 3, 2) == 1
    assert tax_free_of_refund(3, 3, 2) == 2
    assert tax_free_bounds(5_000, 10_000, 8_000) == (3_000, 5_000)
