"""Connections of which nobody knows yet who speaks."""

from __future__ import annotations

import pytest

from gateway.fix.handshake import MAX_LOGON_BYTES, Drop, Handshake, LogonRequested
from tests.gateway.fix.dialogue import LOGON, wire
from tests.market import START_NS


def asked(*chunks: bytes) -> list[LogonRequested | Drop | None]:
    """What a handshake makes of chunks of bytes."""
    handshake = Handshake(START_NS)
    return [handshake.receive(chunk) for chunk in chunks]


def test_logon_is_reported_once() -> None:
    """Ids and credentials, when the last byte is there; what follows waits."""
    logon = wire(LOGON)
    expected = LogonRequested("MAKER1", "CARBON", "maker", "secret")
    assert [None, expected, None] == asked(logon[:-1], logon[-1:], wire("0|34=2"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: example.org\r\n", "no logon: no message begins here"),
        (b"\x00" * 100, "no logon: no message begins here"),
        (wire(LOGON).replace(b"secret", b"Secret"), "no logon: CheckSum is wrong"),
        (wire(LOGON).replace(b"\x019=", b"\x019=9999"), "no logon: a message may have 65536 bytes"),
        (wire("D|34=1"), "the first message is no Logon"),
        (wire("5|34=1"), "the first message is no Logon"),
        (wire("A|34=1|98=0|108=30"), "the Logon lacks ids, MsgSeqNum or credentials"),
        (wire("A|34=1|98=0|108=30|553=maker"), "the Logon lacks ids, MsgSeqNum or credentials"),
        (wire("A|98=0|108=30|554=x"), "the Logon lacks ids, MsgSeqNum or credentials"),
        (wire("A|34=0|98=0|108=30|554=x"), "the Logon lacks ids, MsgSeqNum or credentials"),
        (wire("A|49=|34=1|98=0|108=30|554=x"), "the Logon lacks ids, MsgSeqNum or credentials"),
        (b"x" * (MAX_LOGON_BYTES + 1), f"more than {MAX_LOGON_BYTES} bytes before the logon was answered"),
    ],
)
def test_anything_but_a_logon_is_dropped(data: bytes, reason: str) -> None:
    """Without an answer: whoever has proved nothing learns nothing."""
    (event,) = asked(data)
    assert isinstance(event, Drop)
    assert event.reason.startswith(reason)


def test_other_versions_are_dropped() -> None:
    """The first field says which FIX is spoken."""
    logon = wire(LOGON)[:-7].replace(b"FIX.4.4", b"FIX.4.2")
    (event,) = asked(logon + b"10=%03d\x01" % (sum(logon) % 256))
    assert Drop("BeginString is not FIX.4.4") == event


def test_flood_behind_the_logon_is_dropped() -> None:
    """While credentials are proved only little may wait."""
    first, second, third = asked(wire(LOGON), b"x" * 3000, b"x" * 3000)
    assert isinstance(first, LogonRequested)
    assert second is None
    assert Drop(f"more than {MAX_LOGON_BYTES} bytes before the logon was answered") == third


def test_bytes_one_by_one_are_dropped_at_the_limit() -> None:
    """A slow flood of nothing is no better than a quick one."""
    events = asked(*[b"8"] * (MAX_LOGON_BYTES + 1))
    assert isinstance(next(event for event in events if event is not None), Drop)
