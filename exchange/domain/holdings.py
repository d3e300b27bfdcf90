"""Who holds which serial number: free serials by account and class, and serials locked for trades yet to settle.

One rule decides which serials a quantity of a class means, for the venue and for the settlement projection alike; its
name stands in every event that leaves the choice to it, so that a later rule never changes history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.batches import Batches
from exchange.domain.batches import BatchKey as BatchKey  # noqa: PLC0414 - readers find it here
from exchange.domain.intervals import IntervalError, IntervalSet
from exchange.domain.serials import SerialBlock, first_of, without

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exchange.domain.batches import Taken
    from exchange.domain.orders import Delivery
    from exchange.domain.serials import ClassBlock

LOWEST_SERIAL = "lowest-serial/1"
"""Batches in the order of (registry, batch) as text, lowest serial number first within a batch."""


class Holdings:
    """Serial numbers by holder. Every one has exactly one place: free with an account, or locked for one trade.

    What is frozen is in a `Holdings` of its own, where it is free of trades and locks only.
    """

    def __init__(self) -> None:
        self._free: dict[tuple[str, str], Batches] = {}
        """`(account, class id)` to batches in order to serials; nothing empty stays."""
        self.locked: dict[int, tuple[ClassBlock, ...]] = {}
        """Seq of an unsettled trade to the serials that its buyer will get."""

    def units(self, account: str, class_id: str) -> int:
        """Free units of a class with an account."""
        return self._batches(account, class_id).total

    def holds(self, account: str, class_id: str, block: SerialBlock) -> bool:
        """Whether every serial of the block is free with the account, as that class."""
        serials = self._batches(account, class_id).get((block.registry, block.batch))
        return serials is not None and serials.contains(block.first, block.last)

    def serials(self, account: str, class_id: str) -> Mapping[BatchKey, IntervalSet]:
        """The account's free serials of a class by batch, in the order of the rule; to be read."""
        return dict(self._batches(account, class_id).items())

    def blocks(self, account: str, class_id: str) -> Iterator[SerialBlock]:
        """The account's free serials of a class, in the order of the rule."""
        for (registry, batch), serials in self._batches(account, class_id).items():
            for first, last in serials:
                yield SerialBlock(registry, batch, first, last)

    def accounts(self) -> Iterator[tuple[str, str]]:
        """`(account, class id)` of all who have free serials, in order."""
        yield from sorted(self._free)

    def overlaps(self, blocks: Iterable[SerialBlock]) -> Iterator[tuple[str, str, SerialBlock]]:
        """Account, class id and serials of the free parts of blocks, whoever has them."""
        wanted: dict[BatchKey, list[SerialBlock]] = {}
        for block in blocks:
            wanted.setdefault((block.registry, block.batch), []).append(block)
        for account, class_id in self.accounts():
            batches = self._free[account, class_id]
            for key, parts in wanted.items():
                serials = batches.get(key)
                if serials is None:
                    continue
                for part in parts:
                    for first, last in serials.overlaps(part.first, part.last):
                        yield account, class_id, SerialBlock(*key, first, last)

    def lowest(self, account: str, class_id: str, quantity: int) -> tuple[SerialBlock, ...]:
        """The serials that `take` would take; nothing changes. Raises `IntervalError` when there are not as many."""
        chosen = first_of(self.blocks(account, class_id), quantity)
        found = sum(block.quantity for block in chosen)
        if found < quantity:
            raise IntervalError(f"account {account} has {found} free units of {class_id}, not {quantity}")
        return chosen

    def take(self, account: str, class_id: str, quantity: int) -> list[SerialBlock]:
        """Let the lowest serials go, by the rule `LOWEST_SERIAL`. Raises `IntervalError` when there are not as many."""
        return [
            SerialBlock(registry, batch, first, last)
            for (registry, batch), part in self._take(account, class_id, quantity)
            for first, last in part
        ]

    def remove(self, account: str, class_id: str, blocks: Iterable[SerialBlock]) -> None:
        """Let named serials go. Raises `IntervalError` unless all of them are free with the account."""
        for block in blocks:
            batches = self._batches(account, class_id)
            key = (block.registry, block.batch)
            if batches.get(key) is None:
                raise IntervalError(f"account {account} has no serials of batch {block.batch} as {class_id}")
            batches.remove(key, block.first, block.last)
            if not batches:
                del self._free[account, class_id]

    def give(self, account: str, class_id: str, blocks: Iterable[SerialBlock]) -> None:
        """Add serials to what an account has free. Raises `IntervalError` if it has any of them already."""
        batches = self._batches_to_fill(account, class_id)
        for block in blocks:
            batches.add((block.registry, block.batch), IntervalSet(((block.first, block.last),)))

    def pass_on(self, rule: str, seller: str, buyer: str, delivered: Delivery) -> list[tuple[str, Taken]]:
        """Hand a buyer what `choose` takes off a seller, with no block made of it on the way.

        Answers the serials by class and batch, in the order of `choose`; to be read before anything else changes.
        """
        _check_rule(rule)
        passed_on: list[tuple[str, Taken]] = []
        for class_id, units in delivered:
            taken = self._take(seller, class_id, units)
            passed_on.append((class_id, taken))
            batches = self._batches_to_fill(buyer, class_id)
            for key, serials in taken:
                batches.add(key, serials)
        return passed_on

    def choose(
        self, rule: str, account: str, delivered: Delivery, named: tuple[ClassBlock, ...] = ()
    ) -> tuple[ClassBlock, ...]:
        """Take what a trade delivers off the seller: the named serials, or by its rule, class by class."""
        _check_rule(rule)
        if named:
            for class_id, block in named:
                self.remove(account, class_id, (block,))
            return named
        return tuple(
            (class_id, block)
            for class_id, units in delivered
            for block in self.take(account, class_id, units)
        )

    def hand_over(self, account: str, chosen: tuple[ClassBlock, ...]) -> None:
        """Give a buyer the serials of a trade."""
        for class_id, block in chosen:
            self.give(account, class_id, (block,))

    def change_locked(
        self, trade: int, gone: tuple[SerialBlock, ...], arrived: tuple[ClassBlock, ...]
    ) -> None:
        """Lock other serials for a trade instead of some. Raises `IntervalError` unless it locked those."""
        locked = self.locked[trade]
        kept = tuple((class_id, part) for class_id, block in locked for part in without(block, gone))
        missing = sum(block.quantity for _, block in locked) - sum(block.quantity for _, block in kept)
        if missing != sum(block.quantity for block in gone):
            raise IntervalError(f"trade {trade} does not lock all of {gone}")
        self.locked[trade] = (*kept, *arrived)

    def _take(self, account: str, class_id: str, quantity: int) -> Taken:
        """Let the lowest serials go; answers them by batch. Raises as `take` does."""
        batches = self._batches(account, class_id)
        taken = batches.take_lowest(quantity)
        found = 0
        for _, serials in taken:
            found += serials.total
        if found != quantity:
            raise IntervalError(f"account {account} has {found} free units of {class_id}, not {quantity}")
        if not batches:
            del self._free[account, class_id]
        return taken

    def _batches(self, account: str, class_id: str) -> Batches:
        """What an account has of a class, to be read or taken from."""
        batches = self._free.get((account, class_id))
        return Batches() if batches is None else batches

    def _batches_to_fill(self, account: str, class_id: str) -> Batches:
        """Likewise, to be added to at once."""
        batches = self._free.get((account, class_id))
        if batches is None:
            batches = self._free[account, class_id] = Batches()
        return batches


def _check_rule(rule: str) -> None:
    if rule != LOWEST_SERIAL:
        raise IntervalError(f"the rule {rule!r} is not known to this program")
