"""The steps of provenance told block by block: serial numbers that share all of their history, and that history."""

from __future__ import annotations

from bisect import insort
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from exchange.registry.provenance import OwnersStep
from exchange.registry.serials import block_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exchange.domain.serials import SerialBlock


class BlockHistory(msgspec.Struct, frozen=True):
    """A block of serial numbers and what happened to it, oldest first."""

    class_id: str
    """As which it came last."""
    serial: str
    quantity: int
    steps: tuple[OwnersStep, ...]


def block_histories(steps: Sequence[OwnersStep], within: SerialBlock | None = None) -> list[BlockHistory]:
    """The largest blocks whose serial numbers all went the same way, in the order of registry, batch and number.

    `steps`: everything that happened to them, in the order of the log. `within`: only these serial numbers.
    """
    by_batch: dict[tuple[str, str], list[OwnersStep]] = {}
    for step in steps:
        by_batch.setdefault((step.registry, step.batch), []).append(step)
    return [
        BlockHistory(history[-1].class_id, block_text(*key, first, last), last - first + 1, history)
        for key, of_batch in sorted(by_batch.items())
        for first, last, history in _cut(of_batch, within)
    ]


def _cut(
    steps: Sequence[OwnersStep], within: SerialBlock | None
) -> Iterator[tuple[int, int, tuple[OwnersStep, ...]]]:
    """Cut a batch wherever a step begins or ends; what lies between two cuts went one way."""
    begins: dict[int, list[int]] = {}
    ends: dict[int, list[int]] = {}
    for index, step in enumerate(steps):
        begins.setdefault(step.first, []).append(index)
        ends.setdefault(step.last + 1, []).append(index)
    cuts: Iterable[int] = begins.keys() | ends.keys()
    if within is not None:
        cuts = {*cuts, within.first, within.last + 1}
    active: list[int] = []
    for first, behind in pairwise(sorted(cuts)):
        for index in ends.get(first, ()):
            active.remove(index)
        for index in begins.get(first, ()):
            insort(active, index)
        if active and (within is None or within.first <= first <= within.last):
            yield first, behind - 1, tuple(steps[index] for index in active)
