"""Serial blocks in the venue's custody: closed intervals per registry and batch that never overlap, and their class."""

from __future__ import annotations

import msgspec
from sortedcontainers import SortedDict

from exchange.domain.rejects import Reject, RejectCode


class SerialBlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Units `first..last`, both included, of one batch at one registry."""

    registry: str
    batch: str
    """Everything in the serial numbers but the two running numbers, so that blocks of a batch can be compared."""
    first: int
    last: int

    @property
    def quantity(self) -> int:
        """Units in the block."""
        return self.last - self.first + 1


def check_blocks(registry: str, blocks: tuple[SerialBlock, ...], quantity: int) -> None:
    """Refuse blocks of another registry, reversed or overlapping ones, or those that do not add up to the quantity."""
    total = 0
    ordered = sorted(blocks, key=lambda block: (block.batch, block.first))
    for index, block in enumerate(ordered):
        if block.registry != registry:
            raise Reject(
                RejectCode.SERIAL_BLOCK_INVALID,
                f"batch {block.batch} is not of the class's registry {registry}",
            )
        if not 0 < block.first <= block.last:
            raise Reject(
                RejectCode.SERIAL_BLOCK_INVALID,
                f"block {block.batch} {block.first} to {block.last} is empty, reversed or not positive",
            )
        if index:
            before = ordered[index - 1]
            if before.batch == block.batch and block.first <= before.last:
                raise Reject(
                    RejectCode.SERIAL_BLOCK_OVERLAPS,
                    f"blocks of batch {block.batch} overlap at {block.first}",
                )
        total += block.quantity
    if total != quantity:
        raise Reject(
            RejectCode.SERIAL_BLOCK_INVALID, f"the blocks hold {total} units, the quantity says {quantity}"
        )


class Custody:
    """Which serial numbers are immobilised here for the venue and as which credit class, whoever holds them."""

    def __init__(self) -> None:
        self.batches: dict[tuple[str, str], SortedDict[int, tuple[int, str]]] = {}
        """`(registry, batch)` to `first -> (last, class_id)`; neighbours of one class are joined."""

    def overlap(self, block: SerialBlock) -> int | None:
        """The first serial number of the block that is already here, or None."""
        intervals = self.batches.get((block.registry, block.batch))
        if not intervals:
            return None
        index = intervals.bisect_right(block.first) - 1
        if index >= 0 and intervals.peekitem(index)[1][0] >= block.first:
            return block.first
        if index + 1 < len(intervals):
            first = intervals.peekitem(index + 1)[0]
            if first <= block.last:
                return first
        return None

    def holds(self, class_id: str, block: SerialBlock) -> bool:
        """Whether every serial number of the block is here, as a unit of the class."""
        intervals = self.batches.get((block.registry, block.batch))
        if not intervals:
            return False
        index = intervals.bisect_right(block.first) - 1
        if index < 0:
            return False
        last, held_class_id = intervals.peekitem(index)[1]
        return block.last <= last and held_class_id == class_id

    def add(self, class_id: str, block: SerialBlock) -> None:
        """Take a block into custody, joining it with its neighbours of the same class."""
        intervals = self.batches.setdefault((block.registry, block.batch), SortedDict())
        first, last = block.first, block.last
        index = intervals.bisect_left(first)
        after = intervals.get(last + 1)
        if after is not None and after[1] == class_id:
            last = intervals.pop(last + 1)[0]
        if index and intervals.peekitem(index - 1)[1] == (first - 1, class_id):
            first = intervals.popitem(index - 1)[0]
        intervals[first] = (last, class_id)

    def remove(self, block: SerialBlock) -> None:
        """Let a block go; what is left around it stays."""
        key = (block.registry, block.batch)
        intervals = self.batches[key]
        first, (last, class_id) = intervals.popitem(intervals.bisect_right(block.first) - 1)
        if first < block.first:
            intervals[first] = (block.first - 1, class_id)
        if block.last < last:
            intervals[block.last + 1] = (last, class_id)
        if not intervals:
            del self.batches[key]
