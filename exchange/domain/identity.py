"""Who may do what: participants, keys and their roles."""

from __future__ import annotations

from enum import StrEnum

import msgspec

VENUE = "VENUE"
"""The venue's own participant and its account, which receives the fees."""

LOCAL_OPERATOR = "local-operator"
"""The key id of commands that come over the engine's own socket, which only the operator's machine user can open."""


class Role(StrEnum):
    """What a key is for."""

    TRADER = "trader"
    MARKET_MAKER = "market_maker"
    OPERATOR = "operator"
    AUDITOR = "auditor"


TRADING_ROLES = (Role.TRADER, Role.MARKET_MAKER)


class Participant(msgspec.Struct, frozen=True):
    """A legal entity. `number` counts participants from 1 and is the owner that self-trade prevention compares."""

    participant: str
    name: str
    number: int


class Key(msgspec.Struct, frozen=True):
    """A logon key; only the public half is known here. `public_key`: 32 bytes of Ed25519 as hexadecimal text."""

    key_id: str
    participant: str
    role: Role
    public_key: str


class Session(msgspec.Struct, frozen=True):
    """A key that is logged on at a gateway."""

    key_id: str
    gateway: str
    cancel_on_disconnect: bool
