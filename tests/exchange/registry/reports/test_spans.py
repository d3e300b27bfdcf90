"""Spans: what is known of the serial numbers of a batch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.intervals import IntervalError
from exchange.registry.reports.spans import Span, Spans, gaps, joined

BOUNDS = st.tuples(st.integers(1, 40), st.integers(1, 40)).map(sorted)


@given(st.lists(st.tuples(BOUNDS, st.integers(0, 2))))
def test_taking_and_putting_as_numbers_one_by_one(changes: list[tuple[list[int], int]]) -> None:
    """Any part may be taken out and put back with another value: the same as with one value for each number."""
    spans: Spans[int] = Spans()
    spans.put(5, 30, 9)
    numbers = dict.fromkeys(range(5, 31), 9)
    for (first, last), value in changes:
        taken = spans.take(first, last)
        expected = {number: numbers.pop(number) for number in range(first, last + 1) if number in numbers}
        assert expected == {
            number: span.value for span in taken for number in range(span.first, span.last + 1)
        }
        if value:
            spans.put(first, last, value)
            numbers.update(dict.fromkeys(range(first, last + 1), value))

    assert sorted(numbers.items()) == [
        (number, span.value) for span in spans for number in range(span.first, span.last + 1)
    ]


@pytest.mark.parametrize(("first", "last"), [(1, 5), (7, 8), (10, 12), (1, 20)])
def test_no_number_twice(first: int, last: int) -> None:
    """What is here already cannot be put again."""
    spans: Spans[str] = Spans()
    spans.put(5, 10, "here")

    with pytest.raises(IntervalError):
        spans.put(first, last, "twice")


def test_gaps_between_spans() -> None:
    """Before, between and behind; none where all is there."""
    spans = [Span(3, 4, "a"), Span(5, 5, "b"), Span(8, 9, "b")]

    assert [(1, 2), (6, 7), (10, 12)] == gaps(spans, 1, 12)
    assert [(6, 7)] == gaps(spans, 3, 9)
    assert [(1, 9)] == gaps([], 1, 9)


def test_neighbours_of_equal_value_are_joined() -> None:
    """A gap or another value keeps them apart."""
    spans = [Span(1, 2, "a"), Span(3, 4, "a"), Span(5, 5, "b"), Span(7, 8, "b")]

    assert [Span(1, 4, "a"), Span(5, 5, "b"), Span(7, 8, "b")] == joined(spans)
