"""Decider of the end of a business date, and of the settlement that the next one brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.block_trades import end_half
from exchange.domain.carbon import baskets
from exchange.domain.carbon.proceeds import share_out
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.executions import RETIRED_ON_FILL, emit_cancelled
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from exchange.domain import commands
    from exchange.domain.deciding import Deciding


def close_day(venue: Deciding, command: commands.CloseDay) -> None:
    """Expire what ends with the day, move references to last prices and the date on, then settle what is due."""
    state = venue.state
    require_operator(state, command.by)
    next_date = parse_date(command.next_date)
    if next_date <= parse_date(state.business_date):
        raise Reject(RejectCode.INVALID_DATE, f"{command.next_date} is not after {state.business_date}")
    for symbol in sorted(state.books):
        for cancelled in state.books[symbol].expire(next_date.toordinal() - 1):
            emit_cancelled(venue, cancelled.order_id, ev.CancelReason.EXPIRED)
    references = tuple(
        (symbol, listing.last_price or listing.reference_price)
        for symbol, listing in sorted(state.listings.items())
    )
    for key in sorted(state.block_halves):
        half = state.block_halves[key]
        if not half.ended_on:
            end_half(venue, half.keyed, ev.CancelReason.EXPIRED)
    venue.emit(ev.DayClosed(command.by, state.business_date, command.next_date, references))
    baskets.expel(venue)
    for trade in sorted(state.obligations):
        if state.obligations[trade].settlement_date <= command.next_date:
            settle(venue, trade)


def settle(venue: Deciding, trade: int) -> None:
    """Let a deferred trade's cash and units change hands, and retire them if the buyer's order asked for it."""
    state = venue.state
    obligation = state.obligations[trade]
    delivered = state.holdings.locked[trade]
    venue.emit(obligation.settled)
    share_out(venue, trade, obligation.settled, obligation.sold)
    if obligation.retire_on_fill is not None:
        venue.emit(
            ev.Retired(
                account=obligation.settled.buyer,
                credits=delivered,
                beneficiary=obligation.retire_on_fill.beneficiary,
                purpose=obligation.retire_on_fill.purpose,
                reference=f"{RETIRED_ON_FILL}{obligation.order_id}/{trade}",
                rule=LOWEST_SERIAL,
                order_id=obligation.order_id,
            )
        )
