"""Whether a class delivers into an instrument: on any day, as it was known on any day; and of a trade, at three moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.baskets import obstacles
from exchange.domain.carbon.knowledge import NOW, Known
from exchange.domain.rejects import Reject, RejectCode
from exchange.registry.reports.table import Table

if TYPE_CHECKING:
    from exchange.domain.instruments import Instrument
    from exchange.domain.state import State
    from exchange.registry.reports.table import Cell
    from exchange.registry.reports.venue_history import VenueHistory

_COLUMNS = ("Instrument", "Class", "Valid on", "Known on", "Deliverable", "Obstacles")


def tables(state: State, symbol: str, class_id: str, valid_on: str, known_on: str) -> list[Table]:
    """One class, or every one, for a pair of days. Raises Reject for what is not known at all."""
    instrument = _instrument(state, symbol)
    if class_id and class_id not in state.classes:
        raise Reject(RejectCode.UNKNOWN_CLASS, f"{class_id!r} is not a registered credit class")
    known = Known(on=known_on)
    rows = [
        _row(state, instrument, one, valid_on, known, known_on)
        for one in ([class_id] if class_id else sorted(state.classes))
    ]
    return [Table("Deliverable", _COLUMNS, tuple(rows))]


def trade_tables(history: VenueHistory, trade: int) -> list[Table]:
    """The classes of a trade: at the trade, as it was known then; at its settlement, as known then; and today.

    Raises Reject for what is no trade by then.
    """
    fact = history.trades.get(trade)
    if fact is None:
        raise Reject(RejectCode.INVALID_PARAMS, f"event {trade} is no trade")
    state, event = history.state, fact.event
    instrument = _instrument(state, event.instrument)
    settled_on, today = event.settlement_date, state.business_date
    rows = []
    for class_id, _ in event.delivered:
        moments = (
            ("trade", fact.traded_on, Known(seq=trade), fact.traded_on),
            ("settlement", settled_on, Known(on=settled_on), min(settled_on, today)),
            ("today", today, NOW, today),
        )
        rows += [
            (moment, *_row(state, instrument, class_id, valid_on, known, known_on))
            for moment, valid_on, known, known_on in moments
        ]
    return [Table("Deliverable", ("At", *_COLUMNS), tuple(rows))]


def _row(
    state: State, instrument: Instrument, class_id: str, valid_on: str, known: Known, known_on: str
) -> tuple[Cell, ...]:
    found = obstacles(state, instrument, class_id, valid_on, known)
    return instrument.symbol, class_id, valid_on, known_on, not found, "; ".join(found) or None


def _instrument(state: State, symbol: str) -> Instrument:
    listing = state.listings.get(symbol)
    if listing is None:
        raise Reject(RejectCode.UNKNOWN_INSTRUMENT, f"{symbol!r} is not listed")
    return listing.instrument
