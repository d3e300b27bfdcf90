"""Where every serial number is, and which rows of `holding` that changes. Pure: no database, no clock.

The venue's own rule (`exchange.domain.holdings`) decides which serials a trade takes. Beside it stands what makes double
counting impossible here: a serial enters only if it was never here or was withdrawn, and leaves one place as it
enters the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.holdings import Holdings
from exchange.domain.intervals import IntervalError, IntervalSet
from exchange.domain.serials import SerialBlock, without
from exchange.registry.class_totals import ClassTotals
from exchange.registry.rows import ENDED, Batch, Holding, HoldingRow, MovementRow, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from exchange.domain.batches import BatchKey
    from exchange.domain.orders import Delivery
    from exchange.domain.serials import ClassBlock

RowKey = tuple[int, int]
"""Batch id and first serial: no two rows of `holding` share them."""

_HELD = Place.HELD.value
_LOCKED = Place.LOCKED.value

_Space = tuple[Place, str, str]
"""Place, account (empty where serials are nobody's) and class."""
_Intervals = dict["BatchKey", list[tuple[int, int]]]


class Places:
    """Serials by place, and what changed since the last checkpoint.

    Neighbours in the same place are one row: those that an account holds of a class; those of a class that were retired,
    by whomever (who did is in the movements), and likewise the cancelled, moved and withdrawn ones. Locked serials have
    a row for each block of their trade.
    """

    def __init__(self) -> None:
        self.batch_ids: dict[BatchKey, int] = {}
        self._batch_names: dict[int, BatchKey] = {}
        self.movements: list[MovementRow] = []
        """Not yet taken away by whoever writes them."""
        self.new_batches: list[Batch] = []
        self.class_totals = ClassTotals()
        self._held = Holdings()
        self._at: dict[Place, Holdings] = {Place.HELD: self._held}
        self._at.update((place, Holdings()) for place in (Place.FROZEN, *ENDED))
        self._locked: dict[int, list[HoldingRow]] = {}
        """By trade."""
        self._known: dict[BatchKey, IntervalSet] = {}
        """Every serial that ever came in."""
        self._before: dict[_Space, _Intervals] = {}
        """What was in a space at the last checkpoint, of all that were touched since."""
        self._locked_before: dict[int, list[HoldingRow]] = {}
        """Likewise of trades."""
        self._seq = 0
        self._kind = ""
        self._n = 0

    def begin_event(self, seq: int, kind: str) -> None:
        """All that follows is an effect of this event."""
        self._seq = seq
        self._kind = kind
        self._n = 0

    def take_changes(self) -> tuple[list[RowKey], list[HoldingRow]]:
        """Rows that were there at the last checkpoint and are to be deleted, and rows that are to be inserted."""
        gone: list[RowKey] = []
        new: list[HoldingRow] = []
        for (place, account, class_id), before in self._before.items():
            after = self._intervals((place, account, class_id))
            for key in sorted(before.keys() | after.keys()):
                batch_id = self.batch_ids[key]
                was, now = set(before.get(key, ())), set(after.get(key, ()))
                gone += [(batch_id, first) for first, _ in sorted(was - now)]
                new += [
                    (batch_id, first, last, class_id, place.value, account, None)
                    for first, last in sorted(now - was)
                ]
        for trade, rows in self._locked_before.items():
            gone += [(row[0], row[1]) for row in rows]
            new += self._locked.get(trade, ())
        self._before = {}
        self._locked_before = {}
        return gone, new

    def restore(
        self, batches: Iterable[Batch], known: Iterable[tuple[int, int, int]], rows: Iterable[Holding]
    ) -> None:
        """Take in what the tables hold: `known` are batch id, first and last of all first arrivals.

        Raises `IntervalError` or `KeyError` if they do not fit each other.
        """
        names = self._batch_names
        for batch in batches:
            self._name_batch(batch.batch_id, (batch.registry, batch.batch))
        for batch_id, first, last in known:
            self._known.setdefault(names[batch_id], IntervalSet()).add(first, last)
        for row in rows:
            if row.trade is None:
                block = SerialBlock(*names[row.batch_id], row.first, row.last)
                self._at[Place(row.place)].give(row.account, row.class_id, (block,))
            else:
                self._locked.setdefault(row.trade, []).append(row)

    def batch_name(self, batch_id: int) -> BatchKey:
        """Registry and batch of a batch id."""
        return self._batch_names[batch_id]

    def holders(self, class_id: str) -> Iterator[tuple[str, SerialBlock]]:
        """Accounts and their serials of a class: held, then frozen, then locked for a trade (those of its seller)."""
        for holdings in (self._held, self._at[Place.FROZEN]):
            for account, held in holdings.accounts():
                if held == class_id:
                    for block in holdings.blocks(account, class_id):
                        yield account, block
        for _, rows in sorted(self._locked.items()):
            for batch_id, first, last, locked, _, seller, _ in rows:
                if locked == class_id:
                    yield seller, SerialBlock(*self._batch_names[batch_id], first, last)

    # What events do to serials.

    def come_in(self, account: str, class_id: str, block: SerialBlock) -> list[MovementRow]:
        """Serials arrive from outside the registry; answers the movements of those that were never here."""
        key = (block.registry, block.batch)
        known = self._known.setdefault(key, IntervalSet())
        arrived: list[MovementRow] = []
        first = block.first
        for back, from_class in [*self._take_back(block), (None, "")]:
            last = back.first - 1 if back else block.last
            if first <= last:
                # Refuses what is here already.
                known.add(first, last)
                arrived.append(
                    self._moved(
                        class_id, SerialBlock(*key, first, last), Place.OUTSIDE, "", Place.HELD, account
                    )
                )
            if back:
                self.class_totals.rename(from_class, class_id, back.quantity)
                self._moved(class_id, back, Place.WITHDRAWN, "", Place.HELD, account)
                first = back.last + 1
        self._touch(Place.HELD, account, class_id)
        self._held.give(account, class_id, (block,))
        return arrived

    def end(self, account: str, class_id: str, block: SerialBlock, place: Place) -> None:
        """Serials that an account holds are retired, cancelled, moved or withdrawn."""
        self._touch(Place.HELD, account, class_id)
        self._held.remove(account, class_id, (block,))
        self._touch(place, "", class_id)
        self._at[place].give("", class_id, (block,))
        self._moved(class_id, block, Place.HELD, account, place, account)

    def pass_on(self, rule: str, seller: str, buyer: str, delivered: Delivery) -> None:
        """What a trade delivers becomes the buyer's, as its rule chooses it. Of all that happens this happens most."""
        for class_id, _ in delivered:
            self._touch(Place.HELD, seller, class_id)
            self._touch(Place.HELD, buyer, class_id)
        seq, kind, n = self._seq, self._kind, self._n
        batch_ids, moved = self.batch_ids, self.movements.append
        for class_id, taken in self._held.pass_on(rule, seller, buyer, delivered):
            for key, intervals in taken:
                batch_id = batch_ids[key]
                for first, last in intervals:
                    n += 1
                    # As `_note_movement` does, without the call.
                    moved((seq, n, kind, class_id, batch_id, first, last, _HELD, seller, _HELD, buyer, None))
        self._n = n

    def take(
        self, rule: str, seller: str, delivered: Delivery, named: tuple[ClassBlock, ...]
    ) -> tuple[ClassBlock, ...]:
        """Take what a trade delivers off the seller, by its rule or as named. It has no place until the next call."""
        for class_id, _ in delivered:
            self._touch(Place.HELD, seller, class_id)
        return self._held.choose(rule, seller, delivered, named)

    def deliver(self, seller: str, buyer: str, chosen: Iterable[ClassBlock]) -> None:
        """Serials that were taken off the seller become the buyer's."""
        for class_id, block in chosen:
            self._touch(Place.HELD, buyer, class_id)
            self._held.give(buyer, class_id, (block,))
            self._note_movement(class_id, block, Place.HELD, seller, Place.HELD, buyer)

    def lock(self, trade: int, seller: str, chosen: Iterable[ClassBlock]) -> None:
        """Serials that were taken off the seller are kept for the buyer of a trade."""
        self._locked_before.setdefault(trade, self._locked.get(trade, []))
        rows = self._locked[trade] = []
        for class_id, block in chosen:
            rows.append((self._batch_id(block), block.first, block.last, class_id, _LOCKED, seller, trade))
            self._moved(class_id, block, Place.HELD, seller, Place.LOCKED, seller, trade)

    def unlock(self, trade: int, buyer: str) -> dict[str, int]:
        """The serials of a trade become the buyer's; answers how many of each class."""
        rows = self._locked.pop(trade, [])
        self._locked_before.setdefault(trade, rows)
        units: dict[str, int] = {}
        # In an order that does not depend on whether they were read from the table meanwhile.
        for batch_id, first, last, class_id, _, seller, _ in sorted(rows):
            block = SerialBlock(*self._batch_names[batch_id], first, last)
            self._touch(Place.HELD, buyer, class_id)
            self._held.give(buyer, class_id, (block,))
            self._moved(class_id, block, Place.LOCKED, seller, Place.HELD, buyer, trade)
            units[class_id] = units.get(class_id, 0) + block.quantity
        return units

    def relock(
        self, trade: int, taken_out: tuple[ClassBlock, ...], put_in: tuple[ClassBlock, ...], seller: str
    ) -> None:
        """Other serials of the seller's are kept for the buyer of a trade."""
        kept = self._locked_without(trade, [block for _, block in taken_out])
        for class_id, block in taken_out:
            self._touch(Place.HELD, seller, class_id)
            self._held.give(seller, class_id, (block,))
            self._moved(class_id, block, Place.LOCKED, seller, Place.HELD, seller, trade)
        for class_id, block in put_in:
            self._held.remove(seller, class_id, (block,))
            kept.append((self._batch_id(block), block.first, block.last, class_id, _LOCKED, seller, trade))
            self._moved(class_id, block, Place.HELD, seller, Place.LOCKED, seller, trade)
        self._locked[trade] = kept

    def end_locked(
        self, trade: int, seller: str, class_id: str, blocks: Iterable[SerialBlock], place: Place
    ) -> None:
        """Serials that are kept for the buyer of a trade end, so that it will not deliver them."""
        ended = tuple(blocks)
        self._locked[trade] = self._locked_without(trade, ended)
        self._touch(place, "", class_id)
        self._at[place].give("", class_id, ended)
        for block in ended:
            self._moved(class_id, block, Place.LOCKED, seller, place, seller, trade)

    def come_in_locked(self, trade: int, seller: str, class_id: str, block: SerialBlock) -> MovementRow:
        """Serials that were never here arrive for the buyer of a trade."""
        self._known.setdefault((block.registry, block.batch), IntervalSet()).add(block.first, block.last)
        self._locked_before.setdefault(trade, list(self._locked[trade]))
        arrived = self._moved(class_id, block, Place.OUTSIDE, "", Place.LOCKED, seller, trade)
        self._locked[trade].append(
            (self._batch_id(block), block.first, block.last, class_id, _LOCKED, seller, trade)
        )
        return arrived

    def _locked_without(self, trade: int, gone: Sequence[SerialBlock]) -> list[HoldingRow]:
        """The rows of a trade without some of its serials. Raises `IntervalError` unless all of those are in them."""
        rows = self._locked[trade]
        self._locked_before.setdefault(trade, list(rows))
        kept: list[HoldingRow] = [
            (self._batch_id(part), part.first, part.last, class_id, _LOCKED, seller, trade)
            for batch_id, first, last, class_id, _, seller, _ in rows
            for part in without(SerialBlock(*self._batch_names[batch_id], first, last), gone)
        ]
        missing = sum(row[2] - row[1] + 1 for row in rows) - sum(row[2] - row[1] + 1 for row in kept)
        if missing != sum(block.quantity for block in gone):
            raise IntervalError(f"trade {trade} does not lock all of {gone}")
        return kept

    def freeze(self, account: str, class_id: str, block: SerialBlock) -> None:
        """Serials that an account holds must not move from now on."""
        self._change_place(account, class_id, block, Place.HELD, Place.FROZEN)

    def release(self, account: str, class_id: str, block: SerialBlock) -> None:
        """Frozen serials may move again."""
        self._change_place(account, class_id, block, Place.FROZEN, Place.HELD)

    def _change_place(
        self, account: str, class_id: str, block: SerialBlock, from_place: Place, to_place: Place
    ) -> None:
        self._touch(from_place, account, class_id)
        self._at[from_place].remove(account, class_id, (block,))
        self._touch(to_place, account, class_id)
        self._at[to_place].give(account, class_id, (block,))
        self._moved(class_id, block, from_place, account, to_place, account)

    def _moved(
        self,
        class_id: str,
        block: SerialBlock,
        from_place: Place,
        from_account: str,
        to_place: Place,
        to_account: str,
        trade: int | None = None,
    ) -> MovementRow:
        self.class_totals.move(class_id, from_place, to_place, block.quantity)
        return self._note_movement(class_id, block, from_place, from_account, to_place, to_account, trade)

    def _note_movement(
        self,
        class_id: str,
        block: SerialBlock,
        from_place: Place,
        from_account: str,
        to_place: Place,
        to_account: str,
        trade: int | None = None,
    ) -> MovementRow:
        self._n += 1
        movement = (
            self._seq,
            self._n,
            self._kind,
            class_id,
            self._batch_id(block),
            block.first,
            block.last,
            from_place.value,
            from_account,
            to_place.value,
            to_account,
            trade,
        )
        self.movements.append(movement)
        return movement

    def _batch_id(self, block: SerialBlock) -> int:
        key = (block.registry, block.batch)
        batch_id = self.batch_ids.get(key)
        if batch_id is None:
            batch_id = len(self.batch_ids) + 1
            self._name_batch(batch_id, key)
            self.new_batches.append(Batch(batch_id, self._seq, *key))
        return batch_id

    def _name_batch(self, batch_id: int, key: BatchKey) -> None:
        self.batch_ids[key] = batch_id
        self._batch_names[batch_id] = key

    def _take_back(self, block: SerialBlock) -> list[tuple[SerialBlock, str]]:
        """Take what was withdrawn of a block out of that place; answers it in order, with the class that it was."""
        withdrawn = self._at[Place.WITHDRAWN]
        key = (block.registry, block.batch)
        taken: list[tuple[SerialBlock, str]] = []
        for _, class_id in list(withdrawn.accounts()):
            serials = withdrawn.serials("", class_id).get(key)
            for first, last in list(serials or ()):
                if first <= block.last and block.first <= last:
                    part = SerialBlock(*key, max(first, block.first), min(last, block.last))
                    self._touch(Place.WITHDRAWN, "", class_id)
                    withdrawn.remove("", class_id, (part,))
                    taken.append((part, class_id))
        return sorted(taken, key=lambda found: found[0].first)

    def _touch(self, place: Place, account: str, class_id: str) -> None:
        """Remember what is in a space before it changes for the first time since the checkpoint."""
        space = (place, account, class_id)
        if space not in self._before:
            self._before[space] = self._intervals(space)

    def _intervals(self, space: _Space) -> _Intervals:
        place, account, class_id = space
        return {key: list(serials) for key, serials in self._at[place].serials(account, class_id).items()}
