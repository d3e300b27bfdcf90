"""Trades that are not done: made and not settled yet, or agreed by one side only."""

from __future__ import annotations

import msgspec

from exchange.domain import events as ev
from exchange.domain.orders import Delivery, RetirementTerms


class Obligation(msgspec.Struct, frozen=True):
    """A deferred trade: its cash and units stay held, its serials locked, until the settlement date."""

    settlement_date: str
    settled: ev.TradeSettled
    """The event that will settle it."""
    order_id: int = 0
    """The buy order, of a fill."""
    retire_on_fill: RetirementTerms | None = None
    sold: Delivery = ()
    """What the trade delivered when it was made; the units that it settles may have become others since."""


class BlockHalf(msgspec.Struct, frozen=True):
    """One side of a block trade, as keyed. It waits until `ended_on` is a business date."""

    command: int
    keyed: ev.BlockTradeKeyed
    ended_on: str = ""
