"""The double-entry ledger: who owns how much of each asset, and how much of it orders hold.

An asset is a currency (`EUR`) or a credit class (`VCS-1340-2020`); the two never look alike because a class id has a
hyphen. `exchange.domain.entries` says what each event does to the ledger, and it is the only way in.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

OUTSIDE = ""
"""The other side of deposits, withdrawals and retirements."""


class LedgerError(Exception):
    """An entry would break the books: a bug or a damaged log, never a client's mistake."""


class Transfer(msgspec.Struct, frozen=True, gc=False):
    """`amount` of an asset changes owner; `from_hold`: it was held at the source."""

    source: str
    target: str
    asset: str
    amount: int
    from_hold: bool


class Hold(msgspec.Struct, frozen=True, gc=False):
    """`change` (signed) of what orders hold of an account's asset."""

    account: str
    asset: str
    change: int


Entry = Transfer | Hold


class Postings(Protocol):
    """Where the entries of an event go: into a ledger, or to somebody who wants to see them."""

    def transfer(self, source: str, target: str, asset: str, amount: int, *, from_hold: bool) -> None:
        """Take in a `Transfer`."""

    def hold(self, account: str, asset: str, change: int) -> None:
        """Take in a `Hold`."""


class Balance(msgspec.Struct, eq=False, gc=False):
    """What an account owns of an asset, and how much of that is held."""

    total: int = 0
    held: int = 0

    @property
    def available(self) -> int:
        """What is free to be held, withdrawn or retired."""
        return self.total - self.held


class Ledger:
    """Balances by account and asset, and the supply of each asset: what came in less what went out."""

    def __init__(self) -> None:
        self.accounts: dict[str, dict[str, Balance]] = {}
        self.supply: dict[str, int] = {}

    def balance(self, account: str, asset: str) -> Balance:
        """A balance to read; a new zero when there is none yet."""
        return self.accounts.get(account, {}).get(asset) or Balance()

    def hold(self, account: str, asset: str, change: int) -> None:
        """Book a `Hold`. Raises LedgerError if less than nothing or more than is owned would be held."""
        try:
            balance = self.accounts[account][asset]
        except KeyError:
            balance = self._opened(account, asset)
        balance.held += change
        if not 0 <= balance.held <= balance.total:
            raise LedgerError(f"{Hold(account, asset, change)} leaves {balance}")

    def transfer(self, source: str, target: str, asset: str, amount: int, *, from_hold: bool) -> None:
        """Book a `Transfer`. Raises LedgerError if it is negative, or more than the source owns, has free or holds."""
        if amount < 0:
            raise LedgerError(f"{Transfer(source, target, asset, amount, from_hold)} is negative")
        if source == OUTSIDE:
            self.supply[asset] = self.supply.get(asset, 0) + amount
        else:
            try:
                balance = self.accounts[source][asset]
            except KeyError:
                balance = self._opened(source, asset)
            balance.total -= amount
            if from_hold:
                balance.held -= amount
            if not 0 <= balance.held <= balance.total:
                raise LedgerError(f"{Transfer(source, target, asset, amount, from_hold)} leaves {balance}")
        if target == OUTSIDE:
            self.supply[asset] -= amount
        else:
            try:
                balance = self.accounts[target][asset]
            except KeyError:
                balance = self._opened(target, asset)
            balance.total += amount

    def check(self) -> None:
        """Raise unless, per asset, all accounts together own exactly the supply and hold no more than they own."""
        sums: dict[str, int] = {}
        for account, balances in self.accounts.items():
            for asset, balance in balances.items():
                if not 0 <= balance.held <= balance.total:
                    raise LedgerError(f"account {account}, {asset}: held {balance.held} of {balance.total}")
                sums[asset] = sums.get(asset, 0) + balance.total
        for asset, supply in self.supply.items():
            if sums.get(asset, 0) != supply:
                raise LedgerError(f"{asset}: accounts own {sums.get(asset, 0)}, the supply is {supply}")
        for asset, total in sums.items():
            if total and asset not in self.supply:
                raise LedgerError(f"{asset}: accounts own {total} that never came in")

    def _opened(self, account: str, asset: str) -> Balance:
        """The first balance of an account in an asset. It is there for all but the first entry: callers look before."""
        balance = self.accounts.setdefault(account, {})[asset] = Balance()
        return balance
