"""What decides the commands of market making, and what its events mean, gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.making import fix_sessions, protection, quoting

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.forms import CommandForm, Event

DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    **quoting.DECIDERS,
    **protection.DECIDERS,
    **fix_sessions.DECIDERS,
}
"""What decides a command, given the venue and the command."""

RECORDERS: dict[type[Event], Callable[..., None]] = {**protection.RECORDERS, **fix_sessions.RECORDERS}
"""What an event means for the state, given the state, the event's seq and the event."""
