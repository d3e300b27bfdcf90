"""The commands of the log run again through today's program: it must decide the same, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.venue import Venue
from exchange.log.codec import encode
from exchange.log.requests import UnknownRequest, command_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.forms import Event
    from exchange.domain.state import State
    from exchange.log.record import StoredEvent


class Difference(msgspec.Struct, frozen=True):
    """The first event that this program would not have written, as `kind version payload`; empty where there is none."""

    seq: int
    recorded: str
    decided: str


class Reexecution:
    """Runs commands from a state on. Feed it the rows that follow, in order; `finish` runs the last command."""

    def __init__(self, state: State) -> None:
        self._venue = Venue(state)
        self._rows: list[StoredEvent] = []
        """Of one command."""
        self.executed = 0
        """Commands that were run again."""
        self.replayed = 0
        """Commands whose request the log does not have: their events were applied as they stand."""

    @property
    def state(self) -> State:
        """What the venue knows after the last whole command."""
        return self._venue.state

    def feed(self, rows: Iterable[StoredEvent]) -> Difference | None:
        """Run the commands that are complete; answers the first difference, after which nothing more may be fed.

        Raises UnknownEvent, and whatever the venue raises when a rule of its own breaks.
        """
        for row in rows:
            if self._rows and row.command != self._rows[0].command and (difference := self._run()):
                return difference
            self._rows.append(row)
        return None

    def finish(self) -> Difference | None:
        """Run the last command."""
        return self._run() if self._rows else None

    def _run(self) -> Difference | None:
        rows, self._rows = self._rows, []
        try:
            command = command_of(rows[0], self.state)
        except UnknownRequest:
            for row in rows:
                self._venue.apply(row.seq, row.recorded_at, row.to_recorded().event)
            self.replayed += 1
            return None
        events = self._venue.execute(command, rows[0].recorded_at).events
        self.executed += 1
        decided = [_form(event, encode(event)) for event in events]
        recorded = [_recorded_form(row) for row in rows]
        if decided == recorded:
            return None
        place = next(
            (n for n, (ours, theirs) in enumerate(zip(decided, recorded, strict=False)) if ours != theirs),
            min(len(decided), len(recorded)),
        )
        return Difference(
            rows[0].seq + place, "".join(recorded[place : place + 1]), "".join(decided[place : place + 1])
        )


def _form(event: Event, payload: bytes) -> str:
    return f"{event.kind} {event.version} {payload.decode()}"


def _recorded_form(row: StoredEvent) -> str:
    """The bytes of the log; of an event in an older form, what they are today."""
    event = row.to_recorded().event
    return _form(event, row.payload if row.version == event.version else encode(event))
