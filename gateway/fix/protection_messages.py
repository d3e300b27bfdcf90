"""ProtectionReport: how the protection of an account in an instrument stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fix import msg_types, tags
from gateway.fix.message import Message
from gateway.fix.values import put_reject, put_text

if TYPE_CHECKING:
    from exchange.domain.making.forms import ProtectionTripped
    from exchange.domain.rejects import Reject
    from exchange.domain.state import State
    from gateway.fix.message import Fields

_OFF, _ARMED, _FROZEN = 0, 1, 2
_NS_PER_MS = 1_000_000


def tripped(state: State, seq: int, event: ProtectionTripped) -> Message:
    """Nobody asked: a protection was tripped."""
    fields: Fields = {tags.ACCOUNT: event.account, tags.SYMBOL: event.instrument}
    _put_protection(fields, state, event.account, event.instrument)
    fields[tags.PROTECTION_STATE] = _FROZEN
    put_text(fields, f"{event.quantity} units in {event.fills} trades within the window")
    fields[tags.VENUE_SEQ] = seq
    return Message(msg_types.PROTECTION_REPORT, fields)


def answer(request: Fields, state: State, account: str, symbol: str, reject: Reject | None = None) -> Message:
    """How a protection stands after a request."""
    fields: Fields = {
        tags.PROTECTION_REQ_ID: request[tags.PROTECTION_REQ_ID],
        tags.ACCOUNT: account,
        tags.SYMBOL: symbol,
        tags.PROTECTION_ACTION: request[tags.PROTECTION_ACTION],
    }
    _put_protection(fields, state, account, symbol)
    if reject is not None:
        put_reject(fields, reject)
    fields[tags.VENUE_SEQ] = state.last_seq
    return Message(msg_types.PROTECTION_REPORT, fields)


def _put_protection(fields: Fields, state: State, account: str, symbol: str) -> None:
    protection = state.making.protection(account, symbol)
    if protection is None:
        fields[tags.PROTECTION_STATE] = _OFF
        return
    fields[tags.PROTECTION_STATE] = _FROZEN if protection.frozen else _ARMED
    fields[tags.PROTECTION_QTY] = protection.quantity
    fields[tags.PROTECTION_FILLS] = protection.fills
    fields[tags.PROTECTION_WINDOW] = protection.window_ns // _NS_PER_MS
