"""What is known of the serial numbers of one batch: intervals that never overlap, each with a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from sortedcontainers import SortedDict

from exchange.domain.intervals import IntervalError

if TYPE_CHECKING:
    from collections.abc import Iterator

Value = TypeVar("Value")


class Span(NamedTuple, Generic[Value]):
    """Numbers `first..last`, both included, and what is known of them."""

    first: int
    last: int
    value: Value


class Spans(Generic[Value]):
    """Spans in ascending order; whatever is taken out may be any part of them."""

    def __init__(self) -> None:
        self._by_first: SortedDict[int, tuple[int, Value]] = SortedDict()

    def __iter__(self) -> Iterator[Span[Value]]:
        for first, (last, value) in self._by_first.items():
            yield Span(first, last, value)

    def put(self, first: int, last: int, value: Value) -> None:
        """Add numbers that are not here. Raises `IntervalError` if any is."""
        overlap = next(self._overlapping(first, last), None)
        if overlap is not None:
            raise IntervalError(f"{first}..{last} overlaps {overlap.first}..{overlap.last}")
        self._by_first[first] = (last, value)

    def take(self, first: int, last: int) -> list[Span[Value]]:
        """Take what is here of `first..last` out, in order; spans across its ends are cut there."""
        taken: list[Span[Value]] = []
        for found in list(self._overlapping(first, last)):
            del self._by_first[found.first]
            if found.first < first:
                self._by_first[found.first] = (first - 1, found.value)
            if found.last > last:
                self._by_first[last + 1] = (found.last, found.value)
            taken.append(Span(max(first, found.first), min(last, found.last), found.value))
        return taken

    def within(self, first: int, last: int) -> list[Span[Value]]:
        """What is here of `first..last`, in order; nothing changes."""
        return [
            Span(max(first, found.first), min(last, found.last), found.value)
            for found in self._overlapping(first, last)
        ]

    def _overlapping(self, first: int, last: int) -> Iterator[Span[Value]]:
        before = self._by_first.bisect_right(first) - 1
        for start in self._by_first.islice(max(before, 0)):
            end, value = self._by_first[start]
            if start > last:
                return
            if end >= first:
                yield Span(start, end, value)


def gaps(spans: list[Span[Value]], first: int, last: int) -> list[tuple[int, int]]:
    """What of `first..last` is in none of the spans, which lie in it in ascending order."""
    ends = [first - 1, *(span.last for span in spans)]
    begins = [*(span.first for span in spans), last + 1]
    return [(end + 1, begin - 1) for end, begin in zip(ends, begins, strict=True) if end + 1 < begin]


def joined(spans: list[Span[Value]]) -> list[Span[Value]]:
    """The same with neighbours of equal value as one; `spans` in ascending order."""
    result: list[Span[Value]] = []
    for span in spans:
        if result and result[-1].last + 1 == span.first and result[-1].value == span.value:
            result[-1] = Span(result[-1].first, span.last, span.value)
        else:
            result.append(span)
    return result
