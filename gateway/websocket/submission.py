"""A command on its way to the engine, and how its answer is made of its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    import msgspec

    from exchange.domain.commands import Command
    from exchange.domain.events import Recorded


class Submission(NamedTuple):
    """`render(events, duplicate)` makes the result; refusals among the events are answered without it."""

    command: Command
    render: Callable[[list[Recorded], bool], msgspec.Struct]
    lowers_risk: bool = False
    placing: tuple[str, str] | None = None
    """Account and client order id of a new order, until its answer."""
