"""The ledger's side: what accounts own of each asset, folded from the entries of the events and from nothing else. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.entries import entries
from exchange.domain.ledger import OUTSIDE, LedgerError, Transfer
from exchange.registry.rows import Balance, PostingRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.events import Event

AccountAsset = tuple[str, str]


def is_class(asset: str) -> bool:
    """Whether an asset is a credit class and no currency: only class ids have a hyphen."""
    return "-" in asset


class Totals:
    """What accounts own. What orders hold of it does not matter here: that is the venue's affair."""

    def __init__(self) -> None:
        self.owned: dict[AccountAsset, int] = {}
        """By account and asset; 0 stays."""
        self.supply: dict[str, int] = {}
        """What all accounts together own of each asset."""
        self.postings: list[PostingRow] = []
        """Not yet taken away by whoever writes them."""
        self._changed: dict[AccountAsset, int] = {}
        """What changed since the last checkpoint, and the last event that did it."""

    def post(self, seq: int, event: Event) -> None:
        """Book the entries of an event. Raises `LedgerError` where an account would own less than nothing."""
        changes: dict[AccountAsset, int] = {}
        for entry in entries(event):
            if type(entry) is Transfer:
                asset, amount = entry.asset, entry.amount
                source, target = (entry.source, asset), (entry.target, asset)
                changes[source] = changes.get(source, 0) - amount
                changes[target] = changes.get(target, 0) + amount
        owned, postings = self.owned, self.postings
        for key, change in changes.items():
            if not change:
                continue
            if key[0] == OUTSIDE:
                self.supply[key[1]] = self.supply.get(key[1], 0) - change
                continue
            total = owned.get(key, 0) + change
            if total < 0:
                raise LedgerError(f"account {key[0]} would own {total} of {key[1]}")
            owned[key] = total
            self._changed[key] = seq
            postings.append((key[0], key[1], seq, change, total))

    def take_changes(self) -> list[Balance]:
        """Balances that changed since the last checkpoint."""
        changed, self._changed = self._changed, {}
        return [Balance(*key, self.owned[key], seq) for key, seq in changed.items()]

    def of_classes(self) -> dict[AccountAsset, int]:
        """What accounts own of credit classes; nothing where it is 0."""
        return {key: units for key, units in self.owned.items() if units and is_class(key[1])}

    def restore(self, balances: Iterable[Balance]) -> None:
        """Take in what the table holds."""
        for balance in balances:
            self.owned[balance.account, balance.asset] = balance.total
            self.supply[balance.asset] = self.supply.get(balance.asset, 0) + balance.total
