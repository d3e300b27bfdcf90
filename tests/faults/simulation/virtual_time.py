"""An event loop whose time is made up: it does what is due, then jumps to what is due next. No thread, no file, no socket."""

from __future__ import annotations

import asyncio
from asyncio import base_events
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.network import Network


class NothingLeft(Exception):  # noqa: N818 - it says what was found
    """Nothing is due any more, and somebody still waits: a deadlock."""


class VirtualLoop(base_events.BaseEventLoop):
    """The same callbacks at the same times give the same run. Connections to addresses lead into its network."""

    network: Network

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        # How late a timer may be taken along; floats of seconds are more exact than that.
        self._clock_resolution = 1e-9
        self._selector = self

    def time(self) -> float:
        """Seconds since the beginning."""
        return self._now_s

    def select(self, timeout: float | None) -> list[object]:
        """Where a real loop sleeps."""
        if timeout is None:
            raise NothingLeft
        self._now_s += timeout
        return []

    async def create_unix_connection(  # type: ignore[override]  # of the many options none is used
        self, protocol_factory: Callable[[], asyncio.Protocol], path: str
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Connect to who listens at the address. Raises ConnectionRefusedError."""
        return await self.network.connect(protocol_factory, path)

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""
