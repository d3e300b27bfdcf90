"""Methods about market makers' protections: set, reset, list."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from exchange.domain.making.forms import ResetProtection, SetProtection
from gateway.protection_results import Protection, Protections
from gateway.websocket.protection_requests import NS_PER_MS
from gateway.websocket.submission import Submission
from gateway.websocket.trading import spend_cancel

if TYPE_CHECKING:
    import msgspec

    from exchange.domain.events import Recorded
    from exchange.domain.state import State
    from gateway.websocket import protection_requests
    from gateway.websocket.connection import Connection


def set_protection(connection: Connection, request: protection_requests.ProtectionSet) -> Submission:
    """`protection.set`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return Submission(
        SetProtection(
            by,
            session,
            account,
            params.instrument,
            params.window_ms * NS_PER_MS,
            params.quantity,
            params.trades,
        ),
        functools.partial(_render, connection.gateway.replica.state, account),
    )


def reset_protection(connection: Connection, request: protection_requests.ProtectionReset) -> Submission:
    """`protection.reset`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return Submission(
        ResetProtection(by, session, account, params.instrument),
        functools.partial(_render, connection.gateway.replica.state, account),
    )


def list_protections(connection: Connection, request: protection_requests.ProtectionList) -> Protections:
    """`protection.list`."""
    replica = connection.gateway.replica
    return _protections(replica.state, connection.session.readable_account(replica, request.params.account))


def _trader(connection: Connection, account: str) -> tuple[str, int, str]:
    """Key, session and account of somebody who may trade for it; raises Reject."""
    session = connection.session
    named = session.trading_account(connection.gateway.replica, account)
    key = session.require_key()
    # As over FIX: a maker that trades fast must not wait for it.
    spend_cancel(connection)
    return key.key_id, session.number, named


def _render(state: State, account: str, _recorded: list[Recorded], _duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    return _protections(state, account)


def _protections(state: State, account: str) -> Protections:
    found = [
        Protection(symbol, one.window_ns // NS_PER_MS, one.quantity, one.fills, one.frozen)
        for symbol, one in sorted(state.making.protections.get(account, {}).items())
    ]
    return Protections(account, state.last_seq, found)
