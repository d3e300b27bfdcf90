"""Market making: what is asked and what happened."""

from __future__ import annotations

from typing import ClassVar

from exchange.domain.forms import CommandForm, Event
from exchange.domain.identity import Role


class ReplaceQuote(CommandForm, frozen=True):
    """The whole two-sided quote of an account in an instrument from now on, both sides or neither.

    Idempotent by `(account, quote_id)`. A side of quantity 0 is withdrawn. A side that is live is amended, so it keeps its
    place under the same rules as any order; its order is named `quote_id` and `/bid` or `/ask` from then on.
    """

    by: str
    session: int
    account: str
    quote_id: str
    instrument: str
    bid_price: int = 0
    bid_quantity: int = 0
    ask_price: int = 0
    ask_quantity: int = 0


class CancelQuotes(CommandForm, frozen=True):
    """End the quotes of an account, in one instrument or in all."""

    by: str
    session: int
    account: str
    instrument: str = ""


class SetProtection(CommandForm, frozen=True):
    """Protect a market maker: when an account trades so much of an instrument within the window, it stops.

    `window_ns` 0 ends the protection.
    """

    by: str
    session: int
    account: str
    instrument: str
    window_ns: int
    quantity: int = 0
    """Units traded within the window, on both sides together."""
    fills: int = 0
    """Number of trades within the window."""


class ResetProtection(CommandForm, frozen=True):
    """Let an account trade an instrument again."""

    by: str
    session: int
    account: str
    instrument: str


class RegisterFixSession(CommandForm, frozen=True):
    """Let a counterparty log on over FIX for an account, by SenderCompID and password."""

    by: str
    comp_id: str
    account: str
    role: Role
    password_hash: str
    resets_on_logon: bool = False
    """Both sides begin at number 1 with every logon: for tests."""
    cancels_on_disconnect: bool = True
    """Its orders end when the connection does."""


class SetFixPassword(CommandForm, frozen=True):
    """A new password; open sessions end."""

    by: str
    comp_id: str
    password_hash: str


class ProtectionSet(Event, frozen=True):
    """An account's trades in an instrument are counted from now on; with window 0 no more."""

    kind: ClassVar[str] = "protection_set"
    account: str
    instrument: str
    window_ns: int
    quantity: int
    fills: int
    by: str


class ProtectionTripped(Event, frozen=True):
    """An account traded as much as its protection allows; its orders' cancels follow, and it takes no new ones."""

    kind: ClassVar[str] = "protection_tripped"
    account: str
    instrument: str
    quantity: int
    """Units traded within the window."""
    fills: int
    """Trades within the window."""


class ProtectionReset(Event, frozen=True):
    """The counts begin anew, and the account may trade the instrument."""

    kind: ClassVar[str] = "protection_reset"
    account: str
    instrument: str
    by: str


class FixSessionRegistered(Event, frozen=True):
    """A counterparty may log on over FIX; `comp_id` is its key, too."""

    kind: ClassVar[str] = "fix_session_registered"
    by: str
    comp_id: str
    account: str
    role: Role
    password_hash: str
    resets_on_logon: bool = False
    cancels_on_disconnect: bool = True


class FixPasswordSet(Event, frozen=True):
    """Another password is right from now on."""

    kind: ClassVar[str] = "fix_password_set"
    by: str
    comp_id: str
    password_hash: str


MakingTradingCommand = ReplaceQuote | CancelQuotes | SetProtection | ResetProtection
MakingOperatorCommand = RegisterFixSession | SetFixPassword
MAKING_EVENT_TYPES: tuple[type[Event], ...] = (
    ProtectionSet,
    ProtectionTripped,
    ProtectionReset,
    FixSessionRegistered,
    FixPasswordSet,
)
