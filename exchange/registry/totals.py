"""The ledger's side: what accounts own of each asset, folded from the entries of the events and from nothing else. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.entries import RULES
from exchange.domain.ledger import OUTSIDE, LedgerError
from exchange.registry.rows import Balance, PostingRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.events import Event

AccountAsset = tuple[str, str]


def is_class(asset: str) -> bool:
    """Whether an asset is a credit class and no currency: only class ids have a hyphen."""
    return "-" in asset


class _Owned(msgspec.Struct, eq=False, gc=False):
    """What an account owns of an asset."""

    account: str
    asset: str
    postings: list[PostingRow]
    """Not yet taken away by whoever writes them."""
    total: int = 0
    changed_by: int = 0
    """The last event that changed the total."""
    change: int = 0
    """By the entries so far of the event that is being posted."""
    is_saved: bool = True
    """Whether nothing changed since the last checkpoint."""


class Totals:
    """What accounts own. What orders hold of it does not matter here: that is the venue's affair."""

    def __init__(self) -> None:
        self.supply: dict[str, int] = {}
        """What all accounts together own of each asset."""
        self._owned: dict[str, dict[str, _Owned]] = {}
        """By account and asset; what became 0 stays."""
        self._named: list[_Owned] = []
        """What the event that is being posted has entries of."""
        self._posted: list[_Owned] = []
        """All with postings to be taken away."""
        self._changed: list[_Owned] = []
        """All that changed since the last checkpoint."""

    def post(self, seq: int, event: Event) -> None:
        """Book the entries of an event. Raises `LedgerError` where an account would own less than nothing."""
        rule = RULES.get(type(event))
        if rule is None:
            return
        rule(self, event)
        for owned in self._named:
            change = owned.change
            if not change:
                continue
            owned.change = 0
            owned.total = total = owned.total + change
            if total < 0:
                raise LedgerError(f"account {owned.account} would own {total} of {owned.asset}")
            owned.changed_by = seq
            if owned.is_saved:
                owned.is_saved = False
                self._changed.append(owned)
            postings = owned.postings
            if not postings:
                self._posted.append(owned)
            postings.append((owned.account, owned.asset, seq, change, total))
        self._named.clear()

    def transfer(self, source: str, target: str, asset: str, amount: int, *, from_hold: bool) -> None:  # noqa: ARG002 - see `hold`
        """Take in an entry of the event that is being posted."""
        if source == OUTSIDE:
            self.supply[asset] = self.supply.get(asset, 0) + amount
        else:
            self._change(source, asset, -amount)
        if target == OUTSIDE:
            self.supply[asset] = self.supply.get(asset, 0) - amount
        else:
            self._change(target, asset, amount)

    def hold(self, account: str, asset: str, change: int) -> None:
        """What orders hold of what an account owns does not matter here."""

    def take_postings(self) -> list[PostingRow]:
        """The postings since the last call: those of an account and asset in a row, as the table's index has them."""
        posted, self._posted = self._posted, []
        taken: list[PostingRow] = []
        for owned in posted:
            taken += owned.postings
            owned.postings.clear()
        return taken

    def take_changes(self) -> list[Balance]:
        """Balances that changed since the last checkpoint."""
        changed, self._changed = self._changed, []
        for owned in changed:
            owned.is_saved = True
        return [Balance(owned.account, owned.asset, owned.total, owned.changed_by) for owned in changed]

    def of_classes(self) -> dict[AccountAsset, int]:
        """What accounts own of credit classes; nothing where it is 0."""
        return {
            (account, asset): owned.total
            for account, assets in self._owned.items()
            for asset, owned in assets.items()
            if owned.total and is_class(asset)
        }

    def restore(self, balances: Iterable[Balance]) -> None:
        """Take in what the table holds."""
        for balance in balances:
            self._of(balance.account, balance.asset).total = balance.total
            self.supply[balance.asset] = self.supply.get(balance.asset, 0) + balance.total

    def _change(self, account: str, asset: str, change: int) -> None:
        try:
            owned = self._owned[account][asset]
        except KeyError:
            owned = self._of(account, asset)
        # Twice where entries cancelled each other meanwhile: the second time nothing is left to be posted.
        if not owned.change:
            self._named.append(owned)
        owned.change += change

    def _of(self, account: str, asset: str) -> _Owned:
        assets = self._owned.setdefault(account, {})
        return assets.setdefault(asset, _Owned(account, asset, []))
