"""Disjoint closed intervals of integers: which serial numbers of one batch somebody has."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class IntervalError(Exception):
    """Numbers would be taken in twice, or let go without being there: a bug or a damaged log, never a client's mistake."""


class IntervalSet:
    """Integers as closed intervals `(first, last)` in ascending order, neighbours joined.

    Two parallel sorted lists: every operation finds its place in O(log n) for n intervals; a change moves at most n
    machine words in memory, which is quicker than a tree up to some ten thousand intervals.
    """

    __slots__ = ("_firsts", "_lasts", "total")

    def __init__(self, intervals: Iterable[tuple[int, int]] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.total = 0
        """How many integers are here; read only."""
        for first, last in intervals:
            self.add(first, last)

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._firsts, self._lasts, strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IntervalSet):
            return NotImplemented
        return self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        return f"IntervalSet({list(self)})"

    def contains(self, first: int, last: int) -> bool:
        """Whether every number of `first..last` is here; raises `IntervalError` if reversed."""
        _check_order(first, last)
        index = bisect_right(self._firsts, first) - 1
        return index >= 0 and last <= self._lasts[index]

    def span(self, number: int) -> tuple[int, int] | None:
        """The interval that the number lies in, if it is here."""
        index = bisect_right(self._firsts, number) - 1
        if index < 0 or self._lasts[index] < number:
            return None
        return self._firsts[index], self._lasts[index]

    def first_overlap(self, first: int, last: int) -> int | None:
        """The lowest number of `first..last` that is here, or None; raises `IntervalError` if reversed."""
        _check_order(first, last)
        # The first interval that does not end before `first`.
        index = bisect_left(self._lasts, first)
        if index == len(self._lasts) or self._firsts[index] > last:
            return None
        return max(first, self._firsts[index])

    def overlaps(self, first: int, last: int) -> list[tuple[int, int]]:
        """The parts of `first..last` that are here, in ascending order; raises `IntervalError` if reversed."""
        _check_order(first, last)
        found = []
        for index in range(bisect_left(self._lasts, first), len(self._lasts)):
            if self._firsts[index] > last:
                break
            found.append((max(first, self._firsts[index]), min(last, self._lasts[index])))
        return found

    def add(self, first: int, last: int) -> None:
        """Take `first..last` in; raises `IntervalError` if reversed, or if any of it is here already."""
        _check_order(first, last)
        firsts, lasts = self._firsts, self._lasts
        index = bisect_left(lasts, first)
        if index < len(firsts) and firsts[index] <= last:
            raise IntervalError(f"{first}..{last} overlaps {firsts[index]}..{lasts[index]}")
        joins_before = index > 0 and lasts[index - 1] == first - 1
        joins_after = index < len(firsts) and firsts[index] == last + 1
        if joins_before and joins_after:
            lasts[index - 1] = lasts[index]
            del firsts[index], lasts[index]
        elif joins_before:
            lasts[index - 1] = last
        elif joins_after:
            firsts[index] = first
        else:
            firsts.insert(index, first)
            lasts.insert(index, last)
        self.total += last - first + 1

    def merge(self, other: IntervalSet) -> None:
        """Take all of another set in; raises `IntervalError`, and changes nothing, if any of it is here already."""
        firsts, lasts = self._firsts, self._lasts
        # From the back, so that a run leaves the places of those before it as they are.
        for place, begin, end in reversed(self._runs(other)):
            start = stop = place
            run_firsts, run_lasts = other._firsts[begin:end], other._lasts[begin:end]
            if start and lasts[start - 1] == run_firsts[0] - 1:
                start -= 1
                run_firsts[0] = firsts[start]
            if stop < len(firsts) and firsts[stop] == run_lasts[-1] + 1:
                run_lasts[-1] = lasts[stop]
                stop += 1
            firsts[start:stop] = run_firsts
            lasts[start:stop] = run_lasts
        self.total += other.total

    def _runs(self, other: IntervalSet) -> list[tuple[int, int, int]]:
        """Where another set's intervals belong: `(place, begin, end)` of all that lie between two neighbours of ours."""
        firsts, lasts = self._firsts, self._lasts
        new_firsts, new_lasts = other._firsts, other._lasts
        runs: list[tuple[int, int, int]] = []
        place = begin = 0
        while begin < len(new_firsts):
            place = bisect_left(lasts, new_firsts[begin], place)
            if place == len(lasts):
                runs.append((place, begin, len(new_firsts)))
                break
            behind = firsts[place]
            end = bisect_left(new_firsts, behind, begin)
            if end == begin or new_lasts[end - 1] >= behind:
                worst = max(begin, end - 1)
                raise IntervalError(
                    f"{new_firsts[worst]}..{new_lasts[worst]} overlaps {behind}..{lasts[place]}"
                )
            runs.append((place, begin, end))
            begin = end
        return runs

    def remove(self, first: int, last: int) -> None:
        """Let `first..last` go; raises `IntervalError` if reversed, or unless all of it is here."""
        _check_order(first, last)
        firsts, lasts = self._firsts, self._lasts
        index = bisect_right(firsts, first) - 1
        if index < 0 or lasts[index] < last:
            raise IntervalError(f"{first}..{last} is not wholly here")
        leaves_before = firsts[index] < first
        leaves_after = last < lasts[index]
        if leaves_before and leaves_after:
            firsts.insert(index + 1, last + 1)
            lasts.insert(index, first - 1)
        elif leaves_before:
            lasts[index] = first - 1
        elif leaves_after:
            firsts[index] = last + 1
        else:
            del firsts[index], lasts[index]
        self.total -= last - first + 1

    def take_lowest(self, quantity: int) -> IntervalSet:
        """Let the lowest `quantity` numbers go and return them.

        Raises `IntervalError` unless `1 <= quantity <= total`.
        """
        if not 1 <= quantity <= self.total:
            raise IntervalError(f"{quantity} numbers were asked for, {self.total} are here")
        firsts, lasts = self._firsts, self._lasts
        missing = quantity
        whole = 0
        for first, last in zip(firsts, lasts, strict=True):
            size = last - first + 1
            if size > missing:
                break
            missing -= size
            whole += 1
        taken = IntervalSet()
        taken._firsts, taken._lasts, taken.total = firsts[:whole], lasts[:whole], quantity
        del firsts[:whole], lasts[:whole]
        if missing:
            taken._firsts.append(firsts[0])
            taken._lasts.append(firsts[0] + missing - 1)
            firsts[0] += missing
        self.total -= quantity
        return taken


def _check_order(first: int, last: int) -> None:
    if first > last:
        raise IntervalError(f"{first}..{last} is reversed")
