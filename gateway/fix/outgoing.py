"""The numbered messages of our side, and sending them once more.

While a resend is under way new messages are stored only; the resend goes on until it has caught up with them. So the peer
sees every message in the order of its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fix import msg_types, tags
from gateway.fix.encoding import encode
from gateway.fix.session_events import Resend, Store, Transmit
from gateway.fix.session_messages import send_again
from gateway.fix.timestamps import render_timestamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.fix.message import Message
    from gateway.fix.session_events import Event


class Outgoing:
    """Numbers and encodes the messages of one session."""

    def __init__(self, sender_comp_id: str, target_comp_id: str, next_number: int) -> None:
        self.next_number = next_number
        self.resending = False
        self._route = f"49={sender_comp_id}\x0156={target_comp_id}\x0134="
        self._next_wanted = 0
        """Kept messages from here on are still to be read from the store."""
        self._next_unsent = 0
        """Numbers from here to the next message that was kept are to be filled."""
        self._resend_end = 0
        self._last_sent = 0
        """The last number that the peer has been sent: what is stored later is new to it."""

    def encode(self, message: Message, number: int, now_ns: int) -> bytes:
        """A message under its number; raises ValueError for text that no field can hold."""
        header = f"{self._route}{number}\x0152={render_timestamp(now_ns)}\x01"
        return encode(message.msg_type, header, message.fields)

    def send(self, message: Message, now_ns: int, *, keep: bool, transmit: bool) -> list[Event]:
        """Give a message the next number."""
        number = self.next_number
        data = self.encode(message, number, now_ns)
        self.next_number = number + 1
        events: list[Event] = [Store(number, data if keep else b"")]
        if transmit:
            events.append(Transmit(data))
        return events

    def reset(self) -> None:
        """Begin at number 1 again."""
        self.next_number = 1
        self.resending = False

    def stop_resending(self) -> None:
        """The peer is gone."""
        self.resending = False

    def start_resending(self, begin: int, end: int) -> Resend:
        """Begin to send messages again; `begin` and `end` are numbers that were used."""
        self.resending = True
        self._next_wanted = self._next_unsent = begin
        self._resend_end = end
        self._last_sent = self.next_number - 1
        return Resend(begin, end)

    def resend(self, begin: int, through: int, kept: Sequence[tuple[int, bytes]], now_ns: int) -> list[Event]:
        """Send the kept messages of a page of numbers, and fill the gaps between them.

        Gives nothing for a page that nobody asked for any more, nor twice the same.
        """
        if not self.resending or not begin <= self._next_wanted <= through:
            return []
        events: list[Event] = []
        sending_time = render_timestamp(now_ns)
        for number, sent in kept:
            if self._next_wanted <= number <= self._resend_end:
                self._fill_gap(number, sending_time, events)
                events.append(Transmit(send_again(sent, sending_time)))
                self._next_unsent = number + 1
        self._next_wanted = through + 1
        if through >= self._resend_end:
            self._fill_gap(self._resend_end + 1, sending_time, events)
            self._catch_up(events)
        return events

    def _fill_gap(self, next_number: int, sending_time: str, events: list[Event]) -> None:
        if self._next_unsent < next_number:
            header = (
                f"{self._route}{self._next_unsent}\x0143=Y\x0152={sending_time}\x01122={sending_time}\x01"
            )
            filled = encode(
                msg_types.SEQUENCE_RESET, header, {tags.GAP_FILL_FLAG: "Y", tags.NEW_SEQ_NO: next_number}
            )
            events.append(Transmit(filled))
            self._next_unsent = next_number

    def _catch_up(self, events: list[Event]) -> None:
        """Go on with what was stored since the resend began."""
        last = self.next_number - 1
        if last > self._last_sent:
            events.append(self.start_resending(self._last_sent + 1, last))
        else:
            self.resending = False
