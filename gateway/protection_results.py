"""What the gateway answers about market makers' protections."""

from __future__ import annotations

import msgspec


class Protection(msgspec.Struct, frozen=True):
    """Limits of an account in one instrument: whichever is reached within the window ends its orders there."""

    instrument: str
    window_ms: int
    quantity: int
    """Units, on both sides together."""
    trades: int
    tripped: bool
    """A limit was reached: the instrument takes no orders of the account until a reset."""


class Protections(msgspec.Struct, frozen=True):
    """All protections of an account as of `seq`, by instrument."""

    account: str
    seq: int
    protections: list[Protection]
