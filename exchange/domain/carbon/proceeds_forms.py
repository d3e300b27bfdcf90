"""Proceeds of projects: what is asked and what happened."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from exchange.domain.forms import CommandForm, Event


class ShareRole(StrEnum):
    """As what somebody shares in the primary sales of a project."""

    COMMUNITY = "community"
    DEVELOPER = "developer"
    REGISTRY_FEE = "registry_fee"


class ProceedsShare(msgspec.Struct, frozen=True):
    """Somebody's share in the primary sales of a project."""

    role: ShareRole
    account: str
    ppm: int
    """Millionths of what a sale brings; the shares of a project add up to a million."""


class NameProceeds(CommandForm, frozen=True):
    """Say from which account the units of a project are sold first, and who shares in what that brings."""

    by: str
    registry: str
    project: str
    sales_account: str
    shares: tuple[ProceedsShare, ...]


class ProceedsNamed(Event, frozen=True):
    """Trades made from now on share their proceeds so."""

    kind: ClassVar[str] = "proceeds_named"
    by: str
    registry: str
    project: str
    sales_account: str
    shares: tuple[ProceedsShare, ...]


class ProceedsPaid(Event, frozen=True):
    """A share of what a primary sale brought was paid, when the sale was. One for each share, the seller's own included."""

    kind: ClassVar[str] = "proceeds_paid"
    trade: int
    """Seq of the `fill` or `block_trade`."""
    registry: str
    project: str
    units: int
    """Of the project, in this trade."""
    proceeds: int
    """What they brought, in minor units: the part of the trade's amount, less the seller's fee, that falls to them."""
    role: ShareRole
    account: str
    """Whose share it is."""
    counterparty: str
    """The sales account, which pays."""
    currency: str
    amount: int


ProceedsCommand = NameProceeds
EVENT_TYPES: tuple[type[Event], ...] = (ProceedsNamed, ProceedsPaid)
