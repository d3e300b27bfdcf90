"""Units of each class by place, counted from the serial numbers and compared with the ledger after every event. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.registry.rows import ClassTotal, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_PLACES = tuple(place for place in Place if place is not Place.OUTSIDE)
"""In the order of the columns of `ClassTotal`, which begin with held."""


class ConservationError(Exception):
    """A unit would be in no place, or in two, or would be nobody's: a bug or a damaged log."""


class ClassTotals:
    """What came in of each class, and where it is: issued = held + locked + frozen + retired + cancelled + moved
    + converted + expired + withdrawn.

    Intervals that change hands leave one place as they enter the next, unit by unit (`exchange.domain.intervals`); so only
    those that change their place are counted here, and an ordinary trade costs nothing.
    """

    def __init__(self) -> None:
        self._issued: dict[str, int] = {}
        self._placed: dict[str, dict[Place, int]] = {}
        self._touched: set[str] = set()
        """Since the last check."""
        self._changed: dict[str, int] = {}
        """What changed since the last checkpoint, and the last event that did it."""

    def move(self, class_id: str, from_place: Place, to_place: Place, units: int) -> None:
        """Units came from one place to another; from outside they are issued."""
        placed = self._of(class_id)
        if from_place is Place.OUTSIDE:
            self._issued[class_id] += units
        else:
            placed[from_place] -= units
        placed[to_place] += units

    def rename(self, from_class: str, to_class: str, units: int) -> None:
        """Withdrawn units are about to come back as another class: that one issued them, and not the first."""
        if from_class != to_class:
            for class_id, change in ((from_class, -units), (to_class, units)):
                self._of(class_id)[Place.WITHDRAWN] += change
                self._issued[class_id] += change

    def check(self, seq: int, supply: Mapping[str, int]) -> None:
        """Raise ConservationError unless all that came in is somewhere, and what accounts have is what the ledger says.

        `supply`: what all accounts together own of each asset. Only classes that changed since the last check are looked at.
        """
        if not self._touched:
            return
        for class_id in sorted(self._touched):
            placed = self._placed[class_id]
            issued = self._issued[class_id]
            if issued != sum(placed.values()) or min(placed.values()) < 0:
                raise ConservationError(f"{issued} units of {class_id} came in, their places are {placed}")
            owned = placed[Place.HELD] + placed[Place.LOCKED] + placed[Place.FROZEN]
            if owned != supply.get(class_id, 0):
                raise ConservationError(
                    f"accounts hold {owned} units of {class_id} by serial numbers and {supply.get(class_id, 0)} by the ledger"
                )
            self._changed[class_id] = seq
        self._touched.clear()

    def take_changes(self) -> list[ClassTotal]:
        """Totals that changed since the last checkpoint."""
        changed, self._changed = self._changed, {}
        return [
            ClassTotal(class_id, seq, self._issued[class_id], *self._placed[class_id].values())
            for class_id, seq in sorted(changed.items())
        ]

    def restore(self, totals: Iterable[ClassTotal]) -> None:
        """Take in what the table holds."""
        for class_id, _seq, issued, *placed in totals:
            self._issued[class_id] = issued
            self._placed[class_id] = dict(zip(_PLACES, placed, strict=True))

    def _of(self, class_id: str) -> dict[Place, int]:
        self._touched.add(class_id)
        placed = self._placed.get(class_id)
        if placed is None:
            self._issued[class_id] = 0
            placed = self._placed[class_id] = dict.fromkeys(_PLACES, 0)
        return placed
