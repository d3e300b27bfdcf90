"""Sets of closed intervals, and custody of serial blocks upon them: against plain sets of integers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exchange.domain.intervals import IntervalError, IntervalSet
from exchange.domain.serials import Custody, SerialBlock

SMALL = st.integers(-3, 40)
RANGES = st.tuples(SMALL, SMALL).map(lambda pair: (min(pair), max(pair)))


def numbers(first: int, last: int) -> set[int]:
    return set(range(first, last + 1))


class AgainstPlainSet(RuleBasedStateMachine):
    """Every operation gives what a plain set of integers gives, or raises and changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.intervals = IntervalSet()
        self.oracle: set[int] = set()

    @rule(wanted=RANGES)
    def add(self, wanted: tuple[int, int]) -> None:
        if self.oracle & numbers(*wanted):
            with pytest.raises(IntervalError, match="overlaps"):
                self.intervals.add(*wanted)
        else:
            self.intervals.add(*wanted)
            self.oracle |= numbers(*wanted)

    @rule(wanted=RANGES)
    def remove(self, wanted: tuple[int, int]) -> None:
        if numbers(*wanted) <= self.oracle:
            self.intervals.remove(*wanted)
            self.oracle -= numbers(*wanted)
        else:
            with pytest.raises(IntervalError, match="not wholly here"):
                self.intervals.remove(*wanted)

    @precondition(lambda self: self.oracle)
    @rule(data=st.data())
    def remove_part_of_what_is_there(self, data: st.DataObject) -> None:
        first, last = data.draw(st.sampled_from(list(self.intervals)))
        part = data.draw(
            st.integers(first, last).flatmap(lambda a: st.tuples(st.just(a), st.integers(a, last)))
        )
        self.intervals.remove(*part)
        self.oracle -= numbers(*part)

    @rule(quantity=st.integers(-1, 50))
    def take_lowest(self, quantity: int) -> None:
        if 1 <= quantity <= len(self.oracle):
            taken = self.intervals.take_lowest(quantity)
            lowest = sorted(self.oracle)[:quantity]
            assert lowest == [number for first, last in taken for number in range(first, last + 1)]
            self.oracle -= set(lowest)
        else:
            with pytest.raises(IntervalError, match="were asked for"):
                self.intervals.take_lowest(quantity)

    @rule(wanted=st.sets(SMALL))
    def merge(self, wanted: set[int]) -> None:
        other = IntervalSet((number, number) for number in sorted(wanted))
        if self.oracle & wanted:
            with pytest.raises(IntervalError, match="overlaps"):
                self.intervals.merge(other)
        else:
            self.intervals.merge(other)
            self.oracle |= wanted

    @rule(wanted=RANGES)
    def queries(self, wanted: tuple[int, int]) -> None:
        assert (numbers(*wanted) <= self.oracle) == self.intervals.contains(*wanted)
        assert min(numbers(*wanted) & self.oracle, default=None) == self.intervals.first_overlap(*wanted)

    @invariant()
    def same_numbers(self) -> None:
        intervals = list(self.intervals)
        assert sorted(self.oracle) == [
            number for first, last in intervals for number in range(first, last + 1)
        ]
        assert all(before[1] + 1 < after[0] for before, after in pairwise(intervals)), "neighbours are joined"
        assert len(self.oracle) == self.intervals.total
        assert bool(self.oracle) == bool(self.intervals)
        assert IntervalSet(intervals) == self.intervals


TestAgainstPlainSet = AgainstPlainSet.TestCase


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ([(1, 2), (5, 6)], [(1, 2), (5, 6)]),
        ([(5, 6), (1, 2)], [(1, 2), (5, 6)]),
        ([(1, 2), (3, 4)], [(1, 4)]),
        ([(3, 4), (1, 2)], [(1, 4)]),
        ([(1, 2), (5, 6), (3, 4)], [(1, 6)]),
    ],
    ids=["apart", "before", "joins before", "joins after", "joins both"],
)
def test_neighbours_are_joined(added: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    """Touching intervals become one, whichever came first."""
    assert expected == list(IntervalSet(added))


@pytest.mark.parametrize(
    ("removed", "expected"),
    [((3, 5), [(1, 2), (6, 9)]), ((1, 3), [(4, 9)]), ((7, 9), [(1, 6)]), ((1, 9), [])],
    ids=["middle", "front", "back", "all"],
)
def test_what_is_left_around_a_removed_part_stays(
    removed: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    """A removal cuts an interval and leaves the rest."""
    intervals = IntervalSet([(1, 9)])
    intervals.remove(*removed)
    assert expected == list(intervals)


def test_the_lowest_numbers_are_taken_across_intervals() -> None:
    """Whole intervals go first, then the front of the next one."""
    intervals = IntervalSet([(10, 12), (20, 29), (1, 2)])
    assert IntervalSet([(1, 2), (10, 12), (20, 20)]) == intervals.take_lowest(6)
    assert [(21, 29)] == list(intervals)
    assert IntervalSet([(21, 29)]) == intervals.take_lowest(9)
    assert not intervals


def test_huge_numbers_cost_nothing() -> None:
    """Serial numbers beyond 32 bits and blocks of billions are two integers each."""
    intervals = IntervalSet([(1, 10**15), (2 * 10**15, 3 * 10**15)])
    assert 10**15 + 10**15 + 1 == intervals.total
    assert 2 * 10**15 == intervals.first_overlap(10**15 + 1, 10**18)


@pytest.mark.parametrize("operation", ["add", "remove", "contains", "first_overlap"])
def test_a_reversed_interval_is_a_bug(operation: str) -> None:
    """Nothing is done with an interval that ends before it begins."""
    intervals = IntervalSet([(1, 9)])
    with pytest.raises(IntervalError, match=r"5\.\.4 is reversed"):
        getattr(intervals, operation)(5, 4)
    assert [(1, 9)] == list(intervals)


def test_sets_are_compared_by_their_numbers() -> None:
    """Equal numbers are equal sets; anything else differs, and no set can be a key."""
    assert IntervalSet([(1, 4)]) == IntervalSet([(3, 4), (1, 2)])
    assert IntervalSet([(1, 4)]) != IntervalSet([(1, 3)])
    assert IntervalSet([(1, 4)]) != [(1, 4)]
    assert "IntervalSet([(1, 4)])" == repr(IntervalSet([(1, 4)]))
    with pytest.raises(TypeError, match="unhashable"):
        hash(IntervalSet())


CLASSES = st.sampled_from(["VCS-1-2020", "VCS-1-2021"])
BLOCKS = st.builds(
    lambda batch, pair: SerialBlock("VCS", batch, min(pair), max(pair)),
    st.sampled_from(["A", "B"]),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
)


class CustodyAgainstPlainDict(RuleBasedStateMachine):
    """Custody knows each serial number and its class, as a plain dictionary of numbers does."""

    def __init__(self) -> None:
        super().__init__()
        self.custody = Custody()
        self.oracle: dict[tuple[str, int], str] = {}

    def units(self, block: SerialBlock) -> list[tuple[str, int]]:
        return [(block.batch, number) for number in range(block.first, block.last + 1)]

    @rule(class_id=CLASSES, block=BLOCKS)
    def add(self, class_id: str, block: SerialBlock) -> None:
        present = [number for batch, number in self.units(block) if (batch, number) in self.oracle]
        assert min(present, default=None) == self.custody.overlap(block)
        if present:
            with pytest.raises(IntervalError, match="in custody already"):
                self.custody.add(class_id, block)
        else:
            self.custody.add(class_id, block)
            self.oracle.update(dict.fromkeys(self.units(block), class_id))

    @rule(block=BLOCKS)
    def remove(self, block: SerialBlock) -> None:
        classes = {self.oracle.get(unit) for unit in self.units(block)}
        if len(classes) == 1 and None not in classes:
            self.custody.remove(block)
            for unit in self.units(block):
                del self.oracle[unit]
        else:
            with pytest.raises(IntervalError, match="not wholly in custody"):
                self.custody.remove(block)

    @invariant()
    def same_units(self) -> None:
        blocks = list(self.custody.blocks())
        assert sorted((batch, number, class_id) for (batch, number), class_id in self.oracle.items()) == [
            (block.batch, number, class_id)
            for class_id, block in blocks
            for number in range(block.first, block.last + 1)
        ]
        for (class_before, before), (class_after, after) in pairwise(blocks):
            touching = before.batch == after.batch and before.last + 1 == after.first
            assert not (touching and class_before == class_after), "neighbours of one class are one block"


TestCustodyAgainstPlainDict = CustodyAgainstPlainDict.TestCase


@given(st.permutations([(1, 3), (4, 6), (7, 9), (11, 12)]))
def test_the_order_of_arrival_leaves_no_trace(blocks: list[tuple[int, int]]) -> None:
    """The same units in custody are the same blocks, however they came in: the snapshot depends on it."""
    custody = Custody()
    for first, last in blocks:
        custody.add("VCS-1-2020", SerialBlock("VCS", "A", first, last))
    assert [
        ("VCS-1-2020", SerialBlock("VCS", "A", 1, 9)),
        ("VCS-1-2020", SerialBlock("VCS", "A", 11, 12)),
    ] == list(custody.blocks())


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, None), (1, (1, 3)), (3, (1, 3)), (4, None), (7, (7, 9)), (9, (7, 9)), (10, None)],
)
def test_the_interval_around_a_number(number: int, expected: tuple[int, int] | None) -> None:
    """The whole interval that a number lies in, or nothing."""
    assert expected == IntervalSet([(1, 3), (7, 9)]).span(number)
