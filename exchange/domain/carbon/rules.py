"""All rules of carbon by command and event, gathered from their topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon import (
    article6,
    corsia,
    ex_ante,
    freezes,
    issuances,
    labels,
    offset,
    offset_periods,
    parties,
    proceeds,
    projects,
    reclassification,
    reversals,
    technologies,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.domain.forms import CommandForm, Event

DECIDERS: dict[type[CommandForm], Callable[..., None]] = {
    **projects.DECIDERS,
    **issuances.DECIDERS,
    **reversals.DECIDERS,
    **freezes.DECIDERS,
    **labels.DECIDERS,
    **reclassification.DECIDERS,
    **parties.DECIDERS,
    **article6.DECIDERS,
    **corsia.DECIDERS,
    **offset.DECIDERS,
    **ex_ante.DECIDERS,
    **proceeds.DECIDERS,
    **technologies.DECIDERS,
}
"""What decides a command, given the venue and the command."""

RECORDERS: dict[type[Event], Callable[..., None]] = {
    **projects.RECORDERS,
    **issuances.RECORDERS,
    **reversals.RECORDERS,
    **freezes.RECORDERS,
    **labels.RECORDERS,
    **reclassification.RECORDERS,
    **parties.RECORDERS,
    **article6.RECORDERS,
    **corsia.RECORDERS,
    **offset_periods.RECORDERS,
    **ex_ante.RECORDERS,
    **proceeds.RECORDERS,
    **technologies.RECORDERS,
}
"""What an event means for the state, given the state, the event's seq and the event."""

ENTRIES: dict[type[Event], Callable[..., None]] = {
    **freezes.ENTRIES,
    **ex_ante.ENTRIES,
    **proceeds.ENTRIES,
}
"""What an event does to a ledger, given the ledger and the event, for events that move or hold cash or units."""
