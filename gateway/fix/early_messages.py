"""Messages that came before their turn: they wait, within limits, until the gap before them is filled."""

from __future__ import annotations

MAX_MESSAGES = 1_000
MAX_BYTES = 1_000_000
"""What does not find room is dropped: the peer resends it, for the gap's end is open in every ResendRequest."""

DONE = b""
"""In place of a message that was answered before its turn; only its number is still to be counted."""


class EarlyMessages:
    """The messages that wait, by number."""

    def __init__(self) -> None:
        self._frames: dict[int, bytes] = {}
        self._bytes = 0
        self.asked_through = 0
        """The last number that was missing when the peer was asked to resend; 0: there is no gap."""

    def __len__(self) -> int:
        return len(self._frames)

    def keep(self, number: int, frame: bytes) -> None:
        """Let a message wait, or `DONE`."""
        if number in self._frames or len(self) >= MAX_MESSAGES or self._bytes + len(frame) > MAX_BYTES:
            return
        self._frames[number] = frame
        self._bytes += len(frame)

    def take(self, number: int) -> bytes | None:
        """The message whose turn it is, if it waits here."""
        frame = self._frames.pop(number, None)
        if frame is not None:
            self._bytes -= len(frame)
        return frame

    def advance(self, next_number: int) -> None:
        """All numbers below this one are dealt with."""
        if next_number > self.asked_through:
            self.asked_through = 0
        if self._frames:
            for number in [number for number in self._frames if number < next_number]:
                self.take(number)

    def first(self) -> int:
        """The lowest number that waits; 0: none."""
        return min(self._frames, default=0)

    def clear(self) -> None:
        """Forget all, the gap, too."""
        self._frames.clear()
        self._bytes = 0
        self.asked_through = 0
