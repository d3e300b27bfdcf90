"""The venue: decides commands and says what happened.

`execute(command, at)` is synchronous and deterministic: the same commands at the same times on the same state give the
same events. `apply` folds recorded events instead. Both change the state through the same code in
`exchange.domain.state`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import msgspec

from exchange.domain import (
    administration,
    assets,
    block_trades,
    business_day,
    commands,
    order_entry,
    sessions,
)
from exchange.domain.carbon import rules as carbon_rules
from exchange.domain.deciding import DuplicateRequest
from exchange.domain.events import Event, OrderRejected, RequestRefused
from exchange.domain.making import rules as making_rules
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.state import State
from exchange.domain.well_formed import flaw

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.commands import Command


_MADE_BY_US = frozenset(get_args(commands.SystemCommand))
"""Commands of engine and gateways. A session ends even when somebody wrote a strange reason."""


class VenueError(Exception):
    """The venue broke one of its own rules: a bug. The process must stop; the log is the truth."""


class Execution(msgspec.Struct, frozen=True, gc=False):
    """What a command did: its events in order, or the seq of the command whose answer it repeats."""

    events: list[Event]
    duplicate_of: int = 0


class Venue:
    """Order books, ledger and sessions behind one door."""

    def __init__(self, state: State | None = None) -> None:
        self.state = State() if state is None else state
        self._at = self.state.last_at
        self._events: list[Event] = []

    def execute(self, command: Command, at: int) -> Execution:
        """Decide a command at a time (nanoseconds UTC, never running backwards)."""
        if at < self.state.last_at:
            raise VenueError(f"time {at} runs backwards from {self.state.last_at}")
        self._at = at
        events: list[Event] = []
        self._events = events
        malformed = "" if type(command) in _MADE_BY_US else flaw(msgspec.structs.astuple(command))
        if malformed:
            # The answer repeats nothing of what was sent: the log and its readers could not carry it.
            self.emit(RequestRefused(type(command).__name__, "", "", RejectCode.INVALID_PARAMS, malformed))
            return Execution(events)
        try:
            _DECIDERS[type(command)](self, command)
        except Reject as reject:
            if events:
                raise VenueError(f"{command} was refused after it had effects") from reject
            self.emit(_refusal(command, reject))
        except DuplicateRequest as duplicate:
            return Execution([], duplicate.command)
        return Execution(events)

    def apply(self, seq: int, recorded_at: int, event: Event) -> None:
        """Fold a recorded event into the state."""
        self.state.apply(seq, recorded_at, event)

    # For the deciders.

    @property
    def at(self) -> int:
        """Time of the command being decided."""
        return self._at

    def emit(self, event: Event) -> int:
        """Book a fact of the command being decided; its effect on a book has already happened. Answers its seq."""
        seq = self.state.last_seq + 1
        self.state.record(seq, self._at, event)
        self._events.append(event)
        return seq


def _refusal(command: Command, reject: Reject) -> Event:
    order = command.order if isinstance(command, commands.PlaceOrder) else None
    # A stranger must neither fill somebody's idempotency table nor appear among the events of somebody's account.
    stranger = (
        reject.code // 1000 == RejectCode.NOT_LOGGED_ON // 1000 or reject.code is RejectCode.VENUE_NOT_OPEN
    )
    # An order without a proper id cannot be remembered by it.
    remembered = not stranger and reject.code is not RejectCode.INVALID_PARAMS
    if isinstance(command, commands.PlaceOrder) and remembered:
        return OrderRejected(command.account, command.session, command.order, reject.code, reject.message)
    return RequestRefused(
        command=type(command).__name__,
        by=getattr(command, "by", ""),
        account="" if stranger else getattr(command, "account", ""),
        code=reject.code,
        message=reject.message,
        order_id=getattr(command, "order_id", 0),
        client_order_id=order.client_order_id if order else getattr(command, "client_order_id", ""),
        request_id=getattr(command, "request_id", ""),
    )


_DECIDERS: dict[type[Command], Callable[..., None]] = {
    commands.PlaceOrder: order_entry.place,
    commands.AmendOrder: order_entry.amend,
    commands.CancelOrder: order_entry.cancel,
    commands.CancelAll: order_entry.cancel_all,
    commands.StartWriter: sessions.start_writer,
    commands.OpenSession: sessions.open_session,
    commands.CloseSession: sessions.close_session,
    commands.SetCancelAfter: sessions.set_cancel_after,
    commands.FireTimers: sessions.fire_timers,
    commands.OpenVenue: administration.open_venue,
    commands.AdmitParticipant: administration.admit_participant,
    commands.OpenAccount: administration.open_account,
    commands.RegisterKey: administration.register_key,
    commands.RevokeKey: administration.revoke_key,
    commands.RegisterClass: administration.register_class,
    commands.ListInstrument: administration.list_instrument,
    commands.ChangeInstrumentState: administration.change_instrument_state,
    commands.ChangeFees: administration.change_fees,
    commands.DepositCash: assets.deposit_cash,
    commands.WithdrawCash: assets.withdraw_cash,
    commands.DepositUnits: assets.deposit_units,
    commands.WithdrawUnits: assets.withdraw_units,
    commands.Retire: assets.retire,
    commands.IssueUnits: assets.issue_units,
    commands.IssueShared: assets.issue_shared,
    commands.CancelUnits: assets.cancel_units,
    commands.MoveUnits: assets.move_units,
    commands.KeyBlockTrade: block_trades.key_block_trade,
    commands.WithdrawBlockTrade: block_trades.withdraw_block_trade,
    commands.SetCalendar: administration.set_calendar,
    commands.CloseDay: business_day.close_day,
    **making_rules.DECIDERS,  # type: ignore[dict-item]  # typed by the base of all commands
    **carbon_rules.DECIDERS,  # type: ignore[dict-item]  # typed by the base of all commands
}
