"""The venue as of a date with what its state does not keep: who retired what, who was paid, what each freeze did. A pure fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.freeze_forms import FreezeDeclared
from exchange.domain.carbon.proceeds_forms import ProceedsPaid
from exchange.domain.events import BlockTrade, Fill, Recorded, Retired
from exchange.domain.state import State

if TYPE_CHECKING:
    from exchange.domain.events import Event


class RetirementFact(msgspec.Struct, frozen=True):
    """A retirement and the day that it was on."""

    seq: int
    retired_on: str
    """Business date, ISO 8601."""
    event: Retired


class TradeFact(msgspec.Struct, frozen=True):
    """A trade and the day that it was on."""

    seq: int
    traded_on: str
    event: Fill | BlockTrade


class ProceedsFact(msgspec.Struct, frozen=True):
    """A share in a primary sale and the day on which it was paid."""

    paid_on: str
    event: ProceedsPaid


class VenueHistory:
    """It changes only by `apply`."""

    def __init__(self) -> None:
        self.state = State()
        self.retirements: list[RetirementFact] = []
        """In the order of the log."""
        self.trades: dict[int, TradeFact] = {}
        """By seq."""
        self.freezes: dict[str, list[Event]] = {}
        """All events of the command that declared a freeze, by its id."""
        self.proceeds: list[ProceedsFact] = []
        """In the order of the log."""
        self._command = 0
        self._events: list[Event] = []
        """Of the present command."""

    def apply(self, recorded: Recorded) -> None:
        """Take in an event. Raises ValueError when it does not follow the last one."""
        event = recorded.event
        self.state.apply(recorded.seq, recorded.recorded_at, event)
        if recorded.command != self._command:
            self._command, self._events = recorded.command, []
        self._events.append(event)
        day = self.state.business_date
        if isinstance(event, Retired):
            self.retirements.append(RetirementFact(recorded.seq, day, event))
        elif isinstance(event, Fill | BlockTrade):
            self.trades[recorded.seq] = TradeFact(recorded.seq, day, event)
        elif isinstance(event, ProceedsPaid):
            self.proceeds.append(ProceedsFact(day, event))
        elif isinstance(event, FreezeDeclared):
            # The list goes on to grow until the command ends.
            self.freezes[event.freeze] = self._events
