"""What all deciders share: the door they emit through, and who may ask for what."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

from exchange.domain.identity import TRADING_ROLES, Role
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from exchange.domain.events import Event
    from exchange.domain.identity import Key
    from exchange.domain.state import State


class DuplicateRequest(Exception):  # noqa: N818 - an answer, not an error
    """The same request was answered before; its answer is the events of `command`."""

    def __init__(self, command: int) -> None:
        super().__init__(command)
        self.command = command


class Deciding(Protocol):
    """The venue, as a decider sees it. A decider checks everything before it emits anything."""

    state: State

    @property
    def at(self) -> int:
        """Time of the command, nanoseconds UTC."""

    def emit(self, event: Event) -> int:
        """Book a fact and answer its seq."""


def known_key(state: State, key_id: str) -> Key:
    """The key that asks."""
    key = state.keys.get(key_id)
    if key is None:
        if not state.business_date:
            raise Reject(RejectCode.VENUE_NOT_OPEN, "the venue has not been opened")
        raise Reject(RejectCode.UNKNOWN_KEY, f"key {key_id!r} is not registered or was revoked")
    return key


def require_operator(state: State, key_id: str) -> None:
    """Refuse anybody but an operator."""
    if known_key(state, key_id).role is not Role.OPERATOR:
        raise Reject(RejectCode.NOT_PERMITTED, "only an operator may do this")


def require_trader(state: State, key_id: str, session: int, account: str) -> None:
    """Refuse anybody but a trader or market maker, logged on, acting on an account of their own."""
    key = known_key(state, key_id)
    if key.role not in TRADING_ROLES:
        raise Reject(RejectCode.NOT_PERMITTED, f"a key of role {key.role.value} may not trade")
    opened = state.sessions.get(session)
    if opened is None or opened.key_id != key_id:
        raise Reject(RejectCode.UNKNOWN_SESSION, f"session {session} is not open for this key")
    if state.accounts.get(account) != key.participant:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{account!r} is not an account of yours")


def require_trader_or_operator(state: State, key_id: str, session: int, account: str) -> None:
    """Let an operator act on any account, a trader on their own."""
    if known_key(state, key_id).role is not Role.OPERATOR:
        require_trader(state, key_id, session, account)
    elif account not in state.accounts:
        raise Reject(RejectCode.UNKNOWN_ACCOUNT, f"{account!r} is not an account")


def parse_date(text: str) -> date:
    """An ISO 8601 calendar date such as 2026-11-23."""
    try:
        parsed = date.fromisoformat(text)
    except ValueError:
        raise Reject(RejectCode.INVALID_DATE, f"{text[:20]!r} is not a date such as 2026-11-23") from None
    if parsed.isoformat() != text:
        raise Reject(RejectCode.INVALID_DATE, f"{text[:20]!r} is not a date such as 2026-11-23")
    return parsed
