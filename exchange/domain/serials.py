"""Serial blocks in the venue's custody: closed intervals per registry and batch that never overlap, and their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.intervals import IntervalError, IntervalSet
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exchange.domain.instruments import CreditClass
    from exchange.domain.orders import Delivery


OWN_REGISTRY = "EXC"
"""The registry code of classes that are issued here."""
MAX_SERIAL = 10**18 - 1
"""Highest serial number: 18 digits, so that the end of a half-open interval fits a signed 64-bit integer, too."""


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


SAME_NUMBERS: Mapping[str, tuple[str, ...]] = {"CDM": ("CDM", "GS"), "GS": ("GS", "CDM")}
"""Registries that know a unit by the same number: the Gold Standard labels credits of the Clean Development Mechanism, whose
Kyoto identifiers stay what they are. A number that one of them brought in cannot come in from the other."""

ClassBlock = tuple[str, SerialBlock]
"""A credit class and serials of it."""


def own_batch(class_id: str) -> str:
    """The one batch of a class that is issued here."""
    return f"{class_id}-{{first}} to {{last}}"


def check_own_class_id(class_id: str) -> None:
    """Refuse a class of the venue's own registry whose serial numbers would not tell it, or could not be read back."""
    if (
        not class_id.startswith(f"{OWN_REGISTRY}-")
        or len(class_id) == len(OWN_REGISTRY) + 1
        or set(class_id) & set("{}")
    ):
        raise Reject(
            RejectCode.INVALID_PARAMS,
            f"a class of the registry {OWN_REGISTRY} begins with {OWN_REGISTRY}- and has no braces",
        )


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
        if block.last > MAX_SERIAL:
            raise Reject(
                RejectCode.SERIAL_BLOCK_INVALID, f"serial numbers have at most {len(str(MAX_SERIAL))} digits"
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


def check_named(classes: Mapping[str, CreditClass], blocks: tuple[ClassBlock, ...]) -> None:
    """Refuse named serials of unknown classes, of another registry than their class, reversed or overlapping ones."""
    for class_id, units in units_by_class(blocks):
        credit_class = classes.get(class_id)
        if credit_class is None:
            raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")
        check_blocks(
            credit_class.registry, tuple(block for named, block in blocks if named == class_id), units
        )


def units_by_class(blocks: tuple[ClassBlock, ...]) -> Delivery:
    """Classes and their units, in the order of first appearance."""
    units: dict[str, int] = {}
    for class_id, block in blocks:
        units[class_id] = units.get(class_id, 0) + block.quantity
    return tuple(units.items())


def first_of(blocks: Iterable[SerialBlock], quantity: int) -> tuple[SerialBlock, ...]:
    """The first units of blocks in their order, the last block cut; all of them where they are fewer than asked for."""
    chosen: list[SerialBlock] = []
    missing = quantity
    for block in blocks:
        if not missing:
            break
        size = min(block.quantity, missing)
        chosen.append(SerialBlock(block.registry, block.batch, block.first, block.first + size - 1))
        missing -= size
    return tuple(chosen)


def after_first(blocks: Iterable[SerialBlock], quantity: int) -> tuple[SerialBlock, ...]:
    """What `first_of` leaves."""
    left: list[SerialBlock] = []
    for block in blocks:
        gone = min(block.quantity, quantity)
        quantity -= gone
        if gone < block.quantity:
            left.append(SerialBlock(block.registry, block.batch, block.first + gone, block.last))
    return tuple(left)


def overlaps(block: SerialBlock, others: Iterable[SerialBlock]) -> list[SerialBlock]:
    """The parts of a block that are in one of other blocks, which do not overlap each other; in order."""
    return sorted(
        (
            SerialBlock(
                block.registry, block.batch, max(block.first, other.first), min(block.last, other.last)
            )
            for other in others
            if (other.registry, other.batch) == (block.registry, block.batch)
            and other.first <= block.last
            and block.first <= other.last
        ),
        key=lambda part: part.first,
    )


def without(block: SerialBlock, others: Iterable[SerialBlock]) -> list[SerialBlock]:
    """The parts of a block that are in none of other blocks, in order."""
    left = [block]
    for other in others:
        left = [
            SerialBlock(block.registry, block.batch, first, last)
            for part in left
            for first, last in _around(part, other)
            if first <= last
        ]
    return left


def _around(part: SerialBlock, other: SerialBlock) -> tuple[tuple[int, int], ...]:
    if (
        (other.registry, other.batch) != (part.registry, part.batch)
        or other.last < part.first
        or part.last < other.first
    ):
        return ((part.first, part.last),)
    return ((part.first, other.first - 1), (other.last + 1, part.last))


def require_new_serials(custody: Custody, blocks: tuple[SerialBlock, ...]) -> None:
    """Refuse serials that came in before: a tonne is counted once."""
    for block in blocks:
        serial = custody.overlap(block)
        if serial is not None:
            raise Reject(
                RejectCode.SERIAL_BLOCK_OVERLAPS,
                f"serial number {serial} of batch {block.batch} came in before",
            )


class Custody:
    """Which serial numbers are immobilised here for the venue and as which credit class, whoever holds them."""

    def __init__(self) -> None:
        self._batches: dict[tuple[str, str], dict[str, IntervalSet]] = {}
        """`(registry, batch)` to class id to its serial numbers; nothing empty stays."""

    def overlap(self, block: SerialBlock) -> int | None:
        """The first serial number of the block that is already here, or None."""
        serials = [
            serial
            for registry in SAME_NUMBERS.get(block.registry, (block.registry,))
            for held in self._batches.get((registry, block.batch), {}).values()
            if (serial := held.first_overlap(block.first, block.last)) is not None
        ]
        return min(serials, default=None)

    def add(self, class_id: str, block: SerialBlock) -> None:
        """Take a block into custody; raises `IntervalError` if any of it is here already, as whatever class."""
        serial = self.overlap(block)
        if serial is not None:
            raise IntervalError(f"{block}: serial number {serial} is in custody already")
        classes = self._batches.setdefault((block.registry, block.batch), {})
        classes.setdefault(class_id, IntervalSet()).add(block.first, block.last)

    def remove(self, block: SerialBlock) -> None:
        """Let a block go; what is left around it stays. Raises `IntervalError` unless all of it is here as one class."""
        key = (block.registry, block.batch)
        classes = self._batches.get(key, {})
        class_id = next(
            (name for name, held in classes.items() if held.contains(block.first, block.last)), None
        )
        if class_id is None:
            raise IntervalError(f"{block} is not wholly in custody")
        held = classes[class_id]
        held.remove(block.first, block.last)
        if not held:
            del classes[class_id]
            if not classes:
                del self._batches[key]

    def blocks(self) -> Iterator[tuple[str, SerialBlock]]:
        """Class ids and blocks by registry, batch and number; neighbours of one class are one block."""
        for (registry, batch), classes in sorted(self._batches.items()):
            intervals = sorted(
                (first, last, class_id) for class_id, held in classes.items() for first, last in held
            )
            for first, last, class_id in intervals:
                yield class_id, SerialBlock(registry, batch, first, last)
