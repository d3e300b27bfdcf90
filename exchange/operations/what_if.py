"""A part of the log run again under other terms of one instrument, in a scratch venue beside the real one.

Each command is asked again of the scratch venue at its own time. Orders and sessions have other numbers there, so
commands that name one are translated. Participants are taken to ask the same whatever happens: who would have changed
their mind is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from exchange.domain import commands
from exchange.domain.events import Fill, OrderAccepted, OrderRejected, SessionOpened
from exchange.domain.orders import OrderType, SelfTradePrevention, Side
from exchange.domain.venue import Venue
from exchange.log.requests import UnknownRequest, command_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.instruments import Instrument
    from exchange.domain.state import State
    from exchange.log.record import StoredEvent

AskedCommand = TypeVar("AskedCommand", bound="CommandForm")


class OtherTerms(msgspec.Struct, frozen=True):
    """What is different for one instrument; None: as it was."""

    instrument: str
    price_step_ticks: int | None = None
    """Limits are rounded to a multiple of so many ticks, a buyer's down and a seller's up."""
    maker_fee_ppm: int | None = None
    taker_fee_ppm: int | None = None
    band_ppm: int | None = None
    self_trade_prevention: SelfTradePrevention | None = None

    def of(self, instrument: Instrument) -> Instrument:
        """The listing terms under these terms."""
        changes = {
            name: value
            for name in ("maker_fee_ppm", "taker_fee_ppm", "band_ppm")
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(instrument, **changes)

    @property
    def sets_fees(self) -> bool:
        """Whether fees are not those of the log."""
        return self.maker_fee_ppm is not None or self.taker_fee_ppm is not None

    def rounded(self, price: int, side: Side) -> int:
        """A limit on the other grid, in ticks."""
        step = self.price_step_ticks
        if step is None:
            return price
        return price // step * step if side is Side.BUY else -(-price // step) * step


class Outcome(msgspec.Struct):
    """What became of an instrument in the time that was run. Cash in minor units, prices in ticks."""

    orders: int = 0
    rejected: int = 0
    fills: int = 0
    volume: int = 0
    """Units traded."""
    notional: int = 0
    fees: int = 0
    ticks_by_units: int = 0
    """Sum of price times quantity over the fills."""
    spread_ticks_ns: int = 0
    """Sum of the spread times how long it lasted, while both sides were there."""
    quoted_ns: int = 0
    """How long both sides were there."""


class _Meter:
    """Measures one venue."""

    def __init__(self, symbol: str, state: State) -> None:
        self._symbol = symbol
        self._state = state
        self._at = state.last_at
        self._spread: int | None = None
        self.outcome = Outcome()

    def take(self, events: Iterable[Event]) -> None:
        """Count what a command did, after it did it."""
        outcome, symbol = self.outcome, self._symbol
        for event in events:
            if isinstance(event, Fill) and event.instrument == symbol:
                outcome.fills += 1
                outcome.volume += event.quantity
                outcome.notional += event.amount
                outcome.fees += event.buyer_fee + event.seller_fee
                outcome.ticks_by_units += event.price * event.quantity
            elif isinstance(event, OrderAccepted) and event.order.instrument == symbol:
                outcome.orders += 1
            elif isinstance(event, OrderRejected) and event.order.instrument == symbol:
                outcome.rejected += 1
        self._measure_spread()

    def _measure_spread(self) -> None:
        at = self._state.last_at
        if self._spread is not None:
            self.outcome.spread_ticks_ns += self._spread * (at - self._at)
            self.outcome.quoted_ns += at - self._at
        self._at = at
        book = self._state.books.get(self._symbol)
        bid, ask = (book.best_bid, book.best_ask) if book else (None, None)
        self._spread = None if bid is None or ask is None else ask - bid


class WhatIf:
    """One run. `real` follows the log; the scratch venue begins with the same state and other terms."""

    def __init__(self, real: State, scratch: State, terms: OtherTerms) -> None:
        self._real = real
        self._venue = Venue(scratch)
        self._terms = terms
        self._numbers: dict[int, int] = {}
        """Seqs of orders and sessions of the log to those of the scratch venue."""
        self._rows: list[StoredEvent] = []
        self._real_meter = _Meter(terms.instrument, real)
        self._scratch_meter = _Meter(terms.instrument, scratch)
        self.asked = 0
        self.not_asked = 0
        """Commands whose request the log does not have, or that set what the other terms set."""
        listing = scratch.listings.get(terms.instrument)
        if listing is not None:
            listing.instrument = terms.of(listing.instrument)

    @property
    def as_it_was(self) -> Outcome:
        """What the log says."""
        return self._real_meter.outcome

    @property
    def as_it_would_be(self) -> Outcome:
        """What the scratch venue did."""
        return self._scratch_meter.outcome

    def feed(self, rows: Iterable[StoredEvent]) -> None:
        """Take in the events that follow; commands run when they are complete."""
        for row in rows:
            if self._rows and row.command != self._rows[0].command:
                self.finish()
            self._rows.append(row)

    def finish(self) -> None:
        """Run the last command."""
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            command = self._translated(command_of(rows[0], self._real))
        except UnknownRequest:
            command = None
        events = [row.to_recorded().event for row in rows]
        for row, event in zip(rows, events, strict=True):
            self._real.apply(row.seq, row.recorded_at, event)
        self._real_meter.take(events)
        if command is None:
            self.not_asked += 1
            return
        first_seq = self._venue.state.last_seq + 1
        decided = self._venue.execute(command, rows[0].recorded_at).events
        self._scratch_meter.take(decided)
        self._note_numbers(rows[0].seq, events, first_seq, decided)
        self.asked += 1

    def _translated(self, command: CommandForm) -> commands.Command | None:
        """The command as the scratch venue is asked; None where it is not asked at all."""
        terms = self._terms
        if isinstance(command, commands.ChangeFees):
            if terms.sets_fees and command.instrument == terms.instrument:
                return None
        elif isinstance(command, commands.ListInstrument):
            if command.instrument.symbol == terms.instrument:
                command = msgspec.structs.replace(command, instrument=terms.of(command.instrument))
        elif isinstance(command, commands.PlaceOrder):
            command = self._other_order(command)
        elif isinstance(command, commands.AmendOrder):
            command = self._other_amendment(command)
        return self._renumbered(command)  # type: ignore[return-value]

    def _other_order(self, command: commands.PlaceOrder) -> commands.PlaceOrder:
        order, terms = command.order, self._terms
        if order.instrument != terms.instrument:
            return command
        if order.price is not None and order.order_type is OrderType.LIMIT:
            order = msgspec.structs.replace(order, price=terms.rounded(order.price, order.side))
        if terms.self_trade_prevention is not None:
            order = msgspec.structs.replace(order, self_trade_prevention=terms.self_trade_prevention)
        return msgspec.structs.replace(command, order=order)

    def _other_amendment(self, command: commands.AmendOrder) -> commands.AmendOrder:
        order = self._real.orders.get(command.order_id)
        if order is None and command.client_order_id:
            remembered = self._real.remembered.get(command.account, {}).get(command.client_order_id)
            order = self._real.orders.get(remembered.order_id) if remembered else None
        if order is None or command.price is None or order.instrument != self._terms.instrument:
            return command
        return msgspec.structs.replace(command, price=self._terms.rounded(command.price, order.side))

    def _renumbered(self, command: AskedCommand) -> AskedCommand:
        changes = {
            name: self._numbers[number]
            for name in ("order_id", "session")
            if (number := getattr(command, name, 0)) in self._numbers
        }
        return msgspec.structs.replace(command, **changes) if changes else command

    def _note_numbers(
        self, first_seq: int, events: list[Event], scratch_first_seq: int, decided: list[Event]
    ) -> None:
        """Remember what an order or session is called in the scratch venue."""
        theirs = {_name(event): seq for seq, event in enumerate(decided, scratch_first_seq)}
        for seq, event in enumerate(events, first_seq):
            name = _name(event)
            if name is not None and name in theirs:
                self._numbers[seq] = theirs[name]


def _name(event: Event) -> tuple[str, ...] | None:
    """What is the same about a new order or session in both venues."""
    if isinstance(event, OrderAccepted):
        return event.account, event.order.client_order_id
    return (event.by,) if isinstance(event, SessionOpened) else None
