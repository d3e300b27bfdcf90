"""What the venue knows of market makers: their protections, their quotes, and their FIX sessions."""

from __future__ import annotations

import msgspec


class Protection(msgspec.Struct, eq=False):
    """Limits of one account in one instrument, and what it traded within the window."""

    window_ns: int
    quantity: int
    fills: int
    frozen: bool = False
    recent: list[tuple[int, int]] = []
    """Time and quantity of the trades within the window, oldest first; no more than `fills`."""

    def count(self, at: int, quantity: int) -> None:
        """Count a trade at a time, nanoseconds UTC."""
        if self.frozen:
            return
        since = at - self.window_ns
        self.recent = [one for one in self.recent if one[0] > since]
        self.recent.append((at, quantity))

    @property
    def traded(self) -> int:
        """Units traded within the window, as of the last trade."""
        return sum(quantity for _, quantity in self.recent)

    @property
    def reached(self) -> bool:
        """Whether a limit is met and nobody has acted on it."""
        return not self.frozen and (len(self.recent) >= self.fills or self.traded >= self.quantity)


class FixSession(msgspec.Struct, frozen=True):
    """What a FIX session needs besides its key, which has the same id."""

    account: str
    password_hash: str
    resets_on_logon: bool
    cancels_on_disconnect: bool
    registered_seq: int


class MakingState(msgspec.Struct, eq=False, forbid_unknown_fields=True):
    """The market makers' part of the state."""

    protections: dict[str, dict[str, Protection]] = {}
    """By account, then instrument."""
    quotes: dict[str, dict[str, dict[str, int]]] = {}
    """By account, instrument and side (`buy`, `sell`): the live order of the quote."""
    fix_sessions: dict[str, FixSession] = {}
    """By CompID."""

    def protection(self, account: str, instrument: str) -> Protection | None:
        """The protection of an account in an instrument, if it has one."""
        of_account = self.protections.get(account)
        return of_account.get(instrument) if of_account else None

    def quote_order(self, account: str, instrument: str, side: str) -> int:
        """Id of the live order of a side of a quote; 0: there is none."""
        return self.quotes.get(account, {}).get(instrument, {}).get(side, 0)

    def quote_entered(self, account: str, instrument: str, side: str, order_id: int) -> None:
        """An order of a quote is live."""
        self.quotes.setdefault(account, {}).setdefault(instrument, {})[side] = order_id

    def order_ended(self, account: str, instrument: str, side: str, order_id: int) -> None:
        """An order ended, of a quote or not."""
        sides = self.quotes.get(account, {}).get(instrument)
        if sides is not None and sides.get(side) == order_id:
            del sides[side]
            if not sides:
                del self.quotes[account][instrument]
