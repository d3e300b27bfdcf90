"""Who may log on over FIX. The venue keeps hashes of passwords only; gateways compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.deciding import require_operator
from exchange.domain.identity import TRADING_ROLES, VENUE, Key
from exchange.domain.making.forms import (
    FixPasswordSet,
    FixSessionRegistered,
    RegisterFixSession,
    SetFixPassword,
)
from exchange.domain.making.state import FixSession
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.sessions import end_session
from exchange.domain.well_formed import check_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.deciding import Deciding
    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.state import State

_HASH_SCHEME = "scrypt$"
_HASH_SCHEME_PARTS = 6
"""Scheme, three cost parameters, salt and key, with `$` between them."""


def register_fix_session(venue: Deciding, command: RegisterFixSession) -> None:
    """Let a counterparty log on for an account; its CompID is a key of the account's participant."""
    state = venue.state
    require_operator(state, command.by)
    if command.account not in state.accounts or command.account == VENUE:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{command.account!r} is not an account of a participant")
    if command.comp_id in state.keys:
        raise Reject(RejectCode.ALREADY_EXISTS, f"key {command.comp_id!r} exists already")
    check_id(command.comp_id, "CompID")
    if command.role not in TRADING_ROLES:
        raise Reject(RejectCode.NOT_PERMITTED, "FIX is for traders and market makers")
    _check_hash(command.password_hash)
    venue.emit(
        FixSessionRegistered(
            command.by,
            command.comp_id,
            command.account,
            command.role,
            command.password_hash,
            command.resets_on_logon,
            command.cancels_on_disconnect,
        )
    )


def set_fix_password(venue: Deciding, command: SetFixPassword) -> None:
    """Set another password. Who is logged on with the old one has to log on again."""
    state = venue.state
    require_operator(state, command.by)
    if command.comp_id not in state.making.fix_sessions:
        raise Reject(RejectCode.UNKNOWN_KEY, f"{command.comp_id!r} is not the CompID of a FIX session")
    _check_hash(command.password_hash)
    for number, session in sorted(state.sessions.items()):
        if session.key_id == command.comp_id:
            end_session(venue, number, "password changed")
    venue.emit(FixPasswordSet(command.by, command.comp_id, command.password_hash))


def _check_hash(password_hash: str) -> None:
    if not password_hash.startswith(_HASH_SCHEME) or password_hash.count("$") != _HASH_SCHEME_PARTS - 1:
        raise Reject(RejectCode.INVALID_PARAMS, "a password comes as its scrypt hash, never itself")


def _registered(state: State, seq: int, event: FixSessionRegistered) -> None:
    state.keys[event.comp_id] = Key(event.comp_id, state.accounts[event.account], event.role, "")
    state.making.fix_sessions[event.comp_id] = FixSession(
        event.account, event.password_hash, event.resets_on_logon, event.cancels_on_disconnect, seq
    )


def _password_set(state: State, _seq: int, event: FixPasswordSet) -> None:
    known = state.making.fix_sessions[event.comp_id]
    changed = msgspec.structs.replace(known, password_hash=event.password_hash)
    state.making.fix_sessions[event.comp_id] = changed


DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    RegisterFixSession: register_fix_session,
    SetFixPassword: set_fix_password,
}
RECORDERS: dict[type[Event], Callable[..., None]] = {
    FixSessionRegistered: _registered,
    FixPasswordSet: _password_set,
}
