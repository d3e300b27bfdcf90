"""Decider of the end of a business date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.deciding import parse_date, require_operator
from exchange.domain.order_entry import emit_cancelled
from exchange.domain.rejects import Reject, RejectCode

if TYPE_CHECKING:
    from exchange.domain import commands
    from exchange.domain.deciding import Deciding


def close_day(venue: Deciding, command: commands.CloseDay) -> None:
    """Expire the orders whose last date lies before the next one, move references to last prices, and the date on."""
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
    venue.emit(ev.DayClosed(command.by, state.business_date, command.next_date, references))
