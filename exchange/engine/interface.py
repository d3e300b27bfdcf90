"""What gateways and operators see of the engine, whether it runs in their event loop or behind a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from exchange.domain.events import Recorded

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.log.record import StoredEvent


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a command did, durably. `duplicate_of`: the events of that earlier command are the answer."""

    events: list[Recorded]
    duplicate_of: int = 0


class EngineStopped(Exception):  # noqa: N818 - it says what happened, on either side of the socket
    """The engine is gone. The outcome of commands without an answer is unknown: ask for the order's status."""


class EnginePort(Protocol):
    """The door to the engine."""

    def submit(self, command: Command) -> asyncio.Future[Answer]:
        """Queue a command. The future answers once all of its events are durable.

        It raises `Reject` with BUSY when the engine's queue is full (nothing was queued), and `EngineStopped` when
        the engine ends before the answer: then the outcome is unknown.
        """

    def listen(self, listener: Callable[[list[Recorded]], None]) -> Callable[[], None]:
        """Call the listener with every batch of durable events from now on, in order and without gaps.

        Listeners are called before the futures of the same batch resolve, so that who reads a projection after an
        answer finds its own write there. Returns the function that ends it.
        """

    @property
    def durable_seq(self) -> int:
        """Seq of the last event that listeners were given, or that was durable when the port was opened."""

    @property
    def waiting_commands(self) -> int:
        """Commands that wait for the engine, as far as this side knows."""


class ServedPort(EnginePort, Protocol):
    """What an engine's socket is served from: an engine, or a standby."""

    @property
    def epoch(self) -> int:
        """Of the engine whose events listeners are given."""

    @property
    def standing_by(self) -> bool:
        """Whether another engine writes the log and this one takes no commands yet."""

    def listen_stored(self, listener: Callable[[list[StoredEvent]], None]) -> Callable[[], None]:
        """Call the listener with every durable batch in its encoded form, before the listeners of `listen`."""
