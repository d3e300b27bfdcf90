"""Serial numbers of one class with one holder, batch by batch."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.intervals import IntervalSet

BatchKey = tuple[str, str]
"""Registry and batch."""
Taken = list[tuple[BatchKey, "IntervalSet"]]
"""Serials by batch, in the order of their keys."""


class Batches:
    """Sets of serials in the order of their keys; nothing empty stays."""

    __slots__ = ("_keys", "_sets")

    def __init__(self) -> None:
        self._keys: list[BatchKey] = []
        """Ascending."""
        self._sets: dict[BatchKey, IntervalSet] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def total(self) -> int:
        """How many serials there are."""
        return sum(serials.total for serials in self._sets.values())

    def get(self, key: BatchKey) -> IntervalSet | None:
        """Serials of one batch, to be read."""
        return self._sets.get(key)

    def items(self) -> Iterator[tuple[BatchKey, IntervalSet]]:
        """All serials, to be read."""
        for key in self._keys:
            yield key, self._sets[key]

    def add(self, key: BatchKey, new: IntervalSet) -> None:
        """Take a set in, which is ours from now on. Raises `IntervalError` if any of it is here already."""
        serials = self._sets.get(key)
        if serials is None:
            insort(self._keys, key)
            self._sets[key] = new
        else:
            serials.merge(new)

    def remove(self, key: BatchKey, first: int, last: int) -> None:
        """Let `first..last` of a batch that is here go. Raises `IntervalError` unless all of it is here."""
        serials = self._sets[key]
        serials.remove(first, last)
        if not serials:
            del self._sets[key]
            del self._keys[bisect_left(self._keys, key)]

    def take_lowest(self, quantity: int) -> Taken:
        """Let the first serials of the first batches go; fewer than asked for where there are fewer."""
        taken: Taken = []
        while quantity and self._keys:
            key = self._keys[0]
            serials = self._sets[key]
            if serials.total <= quantity:
                del self._keys[0], self._sets[key]
                taken.append((key, serials))
                quantity -= serials.total
            else:
                taken.append((key, serials.take_lowest(quantity)))
                quantity = 0
        return taken
