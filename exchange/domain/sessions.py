"""Deciders of the engine's and its clients' sessions and timers: what happens when somebody goes silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.deciding import known_key, require_trader
from exchange.domain.executions import cancel_orders
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from exchange.domain import commands
    from exchange.domain.deciding import Deciding

MAX_CANCEL_AFTER_NS = 24 * 3600 * 10**9


def start_writer(venue: Deciding, command: commands.StartWriter) -> None:
    """An engine begins to write."""
    venue.emit(ev.WriterStarted(command.program))


def open_session(venue: Deciding, command: commands.OpenSession) -> None:
    """A key logged on; its signature was checked at the gateway against the key in this state."""
    if known_key(venue.state, command.by).key_id == LOCAL_OPERATOR:
        raise Reject(RejectCode.NOT_PERMITTED, "the local operator has no sessions")
    venue.emit(ev.SessionOpened(command.by, command.gateway, command.cancel_on_disconnect))


def close_session(venue: Deciding, command: commands.CloseSession) -> None:
    """A session ended, for whatever reason."""
    if command.session not in venue.state.sessions:
        raise Reject(RejectCode.UNKNOWN_SESSION, f"session {command.session} is not open")
    end_session(venue, command.session, command.reason)


def end_session(venue: Deciding, number: int, reason: str) -> None:
    """Close a session and, if it asked for it, cancel the orders that it placed, oldest first."""
    state = venue.state
    session = state.sessions[number]
    venue.emit(ev.SessionClosed(number, reason))
    if not session.cancel_on_disconnect:
        return
    participant = state.keys[session.key_id].participant
    order_ids = [
        order_id
        for account, owner in state.accounts.items()
        if owner == participant
        for order_id in state.account_orders.get(account, ())
        if state.orders[order_id].session == number
    ]
    cancel_orders(venue, sorted(order_ids), ev.CancelReason.DISCONNECTED)


def set_cancel_after(venue: Deciding, command: commands.SetCancelAfter) -> None:
    """Arm, prolong or disarm the account's dead-man timer."""
    require_trader(venue.state, command.by, command.session, command.account)
    if not 0 <= command.timeout_ns <= MAX_CANCEL_AFTER_NS:
        raise Reject(RejectCode.INVALID_PARAMS, "a dead-man timer runs for at most 24 hours")
    deadline = venue.at + command.timeout_ns if command.timeout_ns else 0
    venue.emit(ev.CancelAfterSet(command.account, command.session, deadline))


def fire_timers(venue: Deciding, _command: commands.FireTimers) -> None:
    """Cancel the orders of every account whose deadline has passed, in the order of deadlines."""
    due = sorted(
        (deadline, account) for account, deadline in venue.state.cancel_after.items() if deadline <= venue.at
    )
    for _, account in due:
        venue.emit(ev.CancelAfterFired(account))
        cancel_orders(venue, list(venue.state.account_orders.get(account, ())), ev.CancelReason.DEAD_MAN)
