"""Protection of market makers: an account that trades too much of an instrument too quickly loses its orders there.

What counts is the time of the venue's own events. One order that takes several levels is matched to its end first: a
protection ends what is left after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.deciding import require_trader_or_operator
from exchange.domain.making.forms import (
    ProtectionReset,
    ProtectionSet,
    ProtectionTripped,
    ResetProtection,
    SetProtection,
)
from exchange.domain.making.state import Protection
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State

MAX_WINDOW_NS = 24 * 3600 * 10**9
MAX_FILLS = 10_000
"""Trades that one protection remembers at most."""


def set_protection(venue: Deciding, command: SetProtection) -> None:
    """Set, change or end a protection."""
    state = venue.state
    require_trader_or_operator(state, command.by, command.session, command.account)
    _require_listed(state, command.instrument)
    if not 0 <= command.window_ns <= MAX_WINDOW_NS:
        raise Reject(RejectCode.INVALID_PARAMS, "the window of a protection is at most 24 hours")
    if command.window_ns and not (command.quantity > 0 and 0 < command.fills <= MAX_FILLS):
        raise Reject(
            RejectCode.INVALID_QUANTITY,
            f"a protection has a quantity of at least 1 and a number of trades from 1 to {MAX_FILLS}",
        )
    require_not_frozen(state, command.account, command.instrument)
    venue.emit(
        ProtectionSet(
            command.account,
            command.instrument,
            command.window_ns,
            command.quantity if command.window_ns else 0,
            command.fills if command.window_ns else 0,
            command.by,
        )
    )


def reset_protection(venue: Deciding, command: ResetProtection) -> None:
    """Begin to count anew, and thaw what was frozen."""
    state = venue.state
    require_trader_or_operator(state, command.by, command.session, command.account)
    _require_listed(state, command.instrument)
    if state.making.protection(command.account, command.instrument) is None:
        raise Reject(
            RejectCode.NOT_PROTECTED, f"the account has no protection in {command.instrument} to reset"
        )
    venue.emit(ProtectionReset(command.account, command.instrument, command.by))


def require_not_frozen(state: State, account: str, instrument: str) -> None:
    """Refuse what would enter the book while a protection is tripped."""
    protection = state.making.protection(account, instrument)
    if protection is not None and protection.frozen:
        raise Reject(
            RejectCode.PROTECTION_TRIPPED,
            f"the account's protection in {instrument} was tripped; reset it to trade on",
        )


def trips(state: State, accounts: tuple[str, ...], instrument: str) -> list[ProtectionTripped]:
    """The protections of these accounts that have reached a limit."""
    tripped: list[ProtectionTripped] = []
    for account in accounts:
        protection = state.making.protection(account, instrument)
        if protection is not None and protection.reached:
            tripped.append(ProtectionTripped(account, instrument, protection.traded, len(protection.recent)))
    return tripped


def _require_listed(state: State, instrument: str) -> None:
    if instrument not in state.listings:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{instrument!r} is not listed")


# What events mean.


def count_trade(state: State, account: str, instrument: str, quantity: int) -> None:
    """Count a trade that was just recorded."""
    protection = state.making.protection(account, instrument)
    if protection is not None:
        protection.count(state.last_at, quantity)


def _set(state: State, _seq: int, event: ProtectionSet) -> None:
    of_account = state.making.protections.setdefault(event.account, {})
    if event.window_ns:
        of_account[event.instrument] = Protection(event.window_ns, event.quantity, event.fills)
    else:
        of_account.pop(event.instrument, None)


def _tripped(state: State, _seq: int, event: ProtectionTripped) -> None:
    protection = state.making.protections[event.account][event.instrument]
    protection.frozen = True
    protection.recent = []


def _reset(state: State, _seq: int, event: ProtectionReset) -> None:
    protection = state.making.protections[event.account][event.instrument]
    protection.frozen = False
    protection.recent = []


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    SetProtection: set_protection,
    ResetProtection: reset_protection,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    ProtectionSet: _set,
    ProtectionTripped: _tripped,
    ProtectionReset: _reset,
}
