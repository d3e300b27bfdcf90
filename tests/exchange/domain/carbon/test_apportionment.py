"""Dividing a whole into whole parts."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.carbon.apportionment import apportion


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=8).filter(any), st.data())
def test_shares_are_proportional_to_the_last_unit(weights: list[int], data: st.DataObject) -> None:
    """Parts add up, nobody gets more than they have, and nobody's part is a unit or more off the exact one."""
    total = sum(weights)
    quantity = data.draw(st.integers(1, total))
    parts = apportion(quantity, weights)
    assert quantity == sum(parts)
    for part, weight in zip(parts, weights, strict=True):
        assert 0 <= part <= weight
        assert abs(part * total - quantity * weight) < total


@given(quantity=st.integers(0, 10**15), weights=st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_parts_add_up(quantity: int, weights: list[int]) -> None:
    """Whatever is divided, the parts add up, and none is off its exact share by a whole unit."""
    parts = apportion(quantity, weights)

    assert quantity == sum(parts)
    total = sum(weights)
    assert all(
        abs(part * total - quantity * weight) < total for part, weight in zip(parts, weights, strict=True)
    )
