"""Dividing a whole into whole parts: what rounding leaves goes where it is missed most."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def apportion(quantity: int, weights: Sequence[int]) -> list[int]:
    """Parts of a quantity in proportion to weights: whole numbers that add up to it.

    Each part is rounded down; what this leaves goes one by one to those with the largest remainders (Hamilton's rule), the
    earlier one first where two are equal. No part is above its weight where the quantity is not above their sum, which is not 0.
    """
    total = sum(weights)
    parts = [quantity * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(quantity * weights[index] % total))
    for index in by_remainder[: quantity - sum(parts)]:
        parts[index] += 1
    return parts
