"""What was asked, as it stands in the log beside what happened: the way back from rows to commands.

The row of a command's first event carries the request, except that of a new order: its `order_accepted` or
`order_rejected` has the order whole, and the session tells whose key it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain.commands import Command, PlaceOrder
from exchange.domain.events import OrderAccepted, OrderRejected, RequestRefused
from exchange.domain.well_formed import flaw

if TYPE_CHECKING:
    from exchange.domain.forms import Event
    from exchange.domain.state import State
    from exchange.log.record import StoredEvent

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


class UnknownRequest(Exception):  # noqa: N818 - it says what was found in the log
    """The log does not say, in a form that this program reads, what the command was that begins at `seq`."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"the request of command {seq}: {why}")
        self.seq = seq


def request_bytes(command: Command, first: Event) -> bytes | None:
    """The bytes to store beside a command's first event; None where the event says it all, or no log could carry it."""
    if type(command) is PlaceOrder and isinstance(first, OrderAccepted | OrderRejected):
        return None
    if isinstance(first, RequestRefused) and flaw(msgspec.structs.astuple(command)):
        return None
    return _ENCODER.encode(command)


def command_of(first: StoredEvent, state: State) -> Command:
    """The command that began with this event. `state`: what the venue was just before.

    Raises UnknownRequest when the log has no request here (rows of older programs, malformed requests) or one that this
    program cannot read, and UnknownEvent.
    """
    if first.request is not None:
        try:
            return _DECODER.decode(first.request)
        except msgspec.DecodeError as error:
            raise UnknownRequest(first.seq, f"it does not fit: {error}") from error
    event = first.to_recorded().event
    if not isinstance(event, OrderAccepted | OrderRejected):
        raise UnknownRequest(first.seq, f"none was recorded with {first.kind}")
    session = state.sessions.get(event.session)
    if session is None:
        raise UnknownRequest(first.seq, f"session {event.session} is not open")
    return PlaceOrder(session.key_id, event.session, event.account, event.order)
