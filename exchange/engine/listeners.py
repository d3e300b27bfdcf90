"""Who hears of every batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Batch = TypeVar("Batch")


class Listeners(Generic[Batch]):
    """Functions that are called with each batch, in the order in which they came; they may come and go at any time."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Batch], None]] = []

    def add(self, listener: Callable[[Batch], None]) -> Callable[[], None]:
        """Call the listener from the next batch on. Returns the function that ends it, which may be called again."""

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        self._listeners.append(listener)
        return end

    def hand_out(self, batch: Batch) -> None:
        """Call all who listen now."""
        # A copy: when one ends itself meanwhile, the next one must not miss the batch.
        for listener in tuple(self._listeners):
            listener(batch)
