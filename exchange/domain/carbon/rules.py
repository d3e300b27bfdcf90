"""All rules of carbon by command and event, gathered from their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon import projects

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.forms import CommandForm, Event
    from exchange.domain.ledger import Entry

DECIDERS: dict[type[CommandForm], Callable[..., None]] = {**projects.DECIDERS}
"""What decides a command, given the venue and the command."""

RECORDERS: dict[type[Event], Callable[..., None]] = {**projects.RECORDERS}
"""What an event means for the state, given the state, the event's seq and the event."""

ENTRIES: dict[type[Event], Callable[..., list[Entry]]] = {}
"""What an event does to the ledger, for events that move or hold cash or units."""
