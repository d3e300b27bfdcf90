"""What tests of the rules of carbon share: serials of the opening, trades that settle later, the code of a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.serials import SerialBlock
from tests.market import ALPHA, PROJECT, UNITS, Market

if TYPE_CHECKING:
    from exchange.domain.rejects import RejectCode

BATCH = "opening-2019"
"""Alpha has 1 to 100,000, alpha-2 the next hundred thousand, then beta, then gamma."""
BETA_FIRST = 2 * UNITS + 1
LATER = msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=2)


def serials(first: int, last: int, batch: str = BATCH) -> SerialBlock:
    return SerialBlock("VCS", batch, first, last)


def code_of(events: list[ev.Event]) -> RejectCode:
    (event,) = events
    assert isinstance(event, ev.RequestRefused | ev.OrderRejected), event
    return event.code


def deferred_trade(market: Market, quantity: int) -> int:
    """Beta sells to alpha, to settle in two days."""
    if LATER.symbol not in market.state.listings:
        market.list_instrument(LATER)
        market.deposit_cash(ALPHA, 10**9)
    market.beta.rest(market.beta.sell(quantity, 1000, LATER.symbol))
    events = market.alpha.place(market.alpha.buy(quantity, 1000, LATER.symbol))
    assert ["order_accepted", "fill"] == [event.kind for event in events]
    return market.state.last_seq
