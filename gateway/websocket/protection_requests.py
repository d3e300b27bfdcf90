"""Requests of market makers about their protections."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from exchange.domain.making.protection import MAX_FILLS, MAX_WINDOW_NS
from exchange.domain.money import MAX_AMOUNT
from gateway import protection_results
from gateway.websocket.request_forms import AccountParams, Identifier, NewIdentifier, Params, Request

NS_PER_MS = 1_000_000


class ProtectionSetParams(Params, frozen=True):
    """Limits in an instrument. With window 0 the protection ends, and the limits are not needed."""

    instrument: NewIdentifier
    window_ms: Annotated[int, Meta(ge=0, le=MAX_WINDOW_NS // NS_PER_MS)]
    quantity: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)] = 0
    """Units traded within the window, on both sides together."""
    trades: Annotated[int, Meta(ge=0, le=MAX_FILLS)] = 0
    """Number of trades within the window."""
    account: Identifier = ""


class ProtectionResetParams(Params, frozen=True):
    """The protection of an account in an instrument."""

    instrument: NewIdentifier
    account: Identifier = ""


class ProtectionSet(Request, frozen=True, tag="protection.set"):
    """Set, change or end the account's protection in an instrument; not while it is tripped."""

    result: ClassVar[type[msgspec.Struct]] = protection_results.Protections
    params: ProtectionSetParams


class ProtectionReset(Request, frozen=True, tag="protection.reset"):
    """Begin to count anew, and trade again where the protection was tripped."""

    result: ClassVar[type[msgspec.Struct]] = protection_results.Protections
    params: ProtectionResetParams


class ProtectionList(Request, frozen=True, tag="protection.list"):
    """Protections of an account, and which of them were tripped."""

    result: ClassVar[type[msgspec.Struct]] = protection_results.Protections
    params: AccountParams = AccountParams()
