"""Messages that every session needs."""

from __future__ import annotations

import pytest

from gateway.fix import tags
from gateway.fix.decoding import decode
from gateway.fix.dictionary import FROM_VENUE, TO_VENUE
from gateway.fix.encoding import encode
from gateway.fix.message import Message, data
from gateway.fix.session import Session, SessionSettings
from gateway.fix.session_messages import business_reject, send_again
from tests.gateway.fix.dialogue import OURS, PEER, wire
from tests.market import START_NS

HEADER = "49=CARBON\x0156=MAKER1\x0134=7\x0152=20261123-00:00:00.000\x01"


def test_business_reject_names_the_request() -> None:
    """Number and type of the message, its own id, the reason and the venue's code."""
    order = decode(wire("F|34=9|41=a|11=b|55=X|54=1|60=@0"), TO_VENUE)
    expected = {45: 9, 372: "F", 379: "b", 380: 4, 58: "come back ?", 20001: 3013}
    assert expected == business_reject(order, 4, "come back ☺", ref_id="b", venue_code=3013).fields


def test_message_sent_again() -> None:
    """The same body and number, PossDupFlag, and the first time beside the new one; data and encoding included."""
    original = encode("j", HEADER, {372: "D", 380: 0, tags.ENCODED_TEXT: "Bäume\x0110=1".encode()})
    again = decode(send_again(original, "20261123-00:01:00.000"), FROM_VENUE)
    first = decode(original, FROM_VENUE)
    assert first.fields == again.fields
    assert first.header | {43: "Y", 52: "20261123-00:01:00.000", 122: "20261123-00:00:00.000"} == again.header
    assert "Bäume\x0110=1" == data(again.fields, tags.ENCODED_TEXT).decode()
    assert again.problem is None


def test_what_was_never_sent_is_not_sent_again() -> None:
    """A store that gives something else is broken."""
    with pytest.raises(ValueError, match="no message that a session has sent"):
        send_again(b"8=FIX.4.2\x01", "20261123-00:01:00.000")


def test_encoding_by_number_and_time() -> None:
    """A store may render a message again instead of keeping it: the bytes are those that were sent."""
    session = Session(SessionSettings(OURS, PEER), next_outgoing=5)
    message = Message("j", {372: "D", 380: 0})
    stored = session.send(message, START_NS)[0]
    assert session.encode(message, 5, START_NS) == stored.data  # type: ignore[union-attr]
