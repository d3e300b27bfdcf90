"""The double-entry ledger: who owns how much of each asset, and how much of it orders hold.

An asset is a currency (`EUR`) or a credit class (`VCS-1340-2020`); the two never look alike because a class id has a
hyphen. `exchange.domain.entries` says what each event does to the ledger, and it is the only way in.
"""

from __future__ import annotations

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


class Balance(msgspec.Struct, eq=False):
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

    def post(self, entries: list[Entry]) -> None:
        """Book the entries of one event."""
        for entry in entries:
            if type(entry) is Hold:
                balance = self._balance(entry.account, entry.asset)
                balance.held += entry.change
                if not 0 <= balance.held <= balance.total:
                    raise LedgerError(f"{entry} leaves {balance}")
            else:
                self._transfer(entry)  # type: ignore[arg-type]  # the only other member of the union

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

    def _balance(self, account: str, asset: str) -> Balance:
        balances = self.accounts.get(account)
        if balances is None:
            balances = self.accounts[account] = {}
        balance = balances.get(asset)
        if balance is None:
            balance = balances[asset] = Balance()
        return balance

    def _transfer(self, entry: Transfer) -> None:
        amount = entry.amount
        if amount < 0:
            raise LedgerError(f"{entry} is negative")
        if entry.source == OUTSIDE:
            self.supply[entry.asset] = self.supply.get(entry.asset, 0) + amount
        else:
            source = self._balance(entry.source, entry.asset)
            source.total -= amount
            if entry.from_hold:
                source.held -= amount
            if not 0 <= source.held <= source.total:
                raise LedgerError(f"{entry} leaves {source}")
        if entry.target == OUTSIDE:
            self.supply[entry.asset] -= amount
        else:
            self._balance(entry.target, entry.asset).total += amount
