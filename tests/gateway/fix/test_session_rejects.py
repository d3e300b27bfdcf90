"""What a session refuses, how, and that the number counts."""

from __future__ import annotations

import pytest

from gateway.fix.framing import MAX_FRAME_BYTES
from tests.gateway.fix.dialogue import ORDER, Dialogue, closed, wire


@pytest.mark.parametrize(
    ("message", "refusal"),
    [
        # Tags.
        (f"D|34=2|{ORDER}|9999=x", "371=9999|372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|x=y", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|=y", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|058=y", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|-1=y", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|{'9' * 5000}=y", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|\xb2=y", "372=D|373=0|58=no such field"),
        (f"D|34=2|{ORDER}|31=10", "371=31|372=D|373=2|58=the field does not belong to this message"),
        (f"D|34=2|{ORDER}|11=order-2", "371=11|372=D|373=13|58=the field stands twice"),
        (f"D|34=2|34=3|{ORDER}", "371=34|372=D|373=13|58=the field stands twice"),
        (
            f"D|34=2|{ORDER}|57=desk",
            "371=57|372=D|373=14|58=a field of the header stands in the body",
        ),
        (f"D|{ORDER}|34=2", "371=34|372=D|373=14|58=a field of the header stands in the body"),
        (f"D|34=2|{ORDER}|10=000", "371=10|372=D|373=14|58=the trailer ends the message"),
        (f"D|34=2|{ORDER}|8=FIX.4.4", "371=8|372=D|373=14|58=a field of the header stands in the body"),
        # Values.
        (f"D|34=2|1=|{ORDER}", "371=1|372=D|373=4|58=the field has no value"),
        (f"D|34=2|{ORDER}|31=", "371=31|372=D|373=4|58=the field has no value"),
        (f"D|34=2|{ORDER}|59=9", "371=59|372=D|373=5|58=the value is not among 0 1 3 4 6"),
        (f"D|34=2|{ORDER}|59=DAY", "371=59|372=D|373=6|58=the value is no CHAR"),
        (f"D|34=2|{ORDER}|18=6 7", "371=18|372=D|373=5|58=the value is not among 6"),
        (f"D|34=2|{ORDER}|18=67", "371=18|372=D|373=6|58=the value is no MULTIPLEVALUESTRING"),
        (f"D|34=2|{ORDER}|111=ten", "371=111|372=D|373=6|58=the value is no QTY"),
        (f"D|34=2|{ORDER}|111=1e3", "371=111|372=D|373=6|58=the value is no QTY"),
        (f"D|34=2|{ORDER}|111=+1", "371=111|372=D|373=6|58=the value is no QTY"),
        (f"D|34=2|{ORDER}|432=20261301", "371=432|372=D|373=6|58=the value is no LOCALMKTDATE"),
        (f"D|34=2|{ORDER}|20015=5", "371=20015|372=D|373=5|58=the value is not among 1 2 3 4"),
        (f"D|34=2|1=B\xf6rse|{ORDER}", "371=1|372=D|373=6|58=the value is no STRING"),
        (f"D|34=2|1=a\x07b|{ORDER}", "371=1|372=D|373=6|58=the value is no STRING"),
        ("4|34=2|123=y|36=5", "371=123|372=4|373=6|58=the value is no BOOLEAN"),
        ("2|34=2|7=-1|16=0", "371=7|372=2|373=6|58=the value is no SEQNUM"),
        (
            f"D|34=2|{ORDER.replace('60=@0', '60=20261123')}",
            "371=60|372=D|373=6|58=the value is no UTCTIMESTAMP",
        ),
        (f"D|34=2|52=yesterday|{ORDER}", "371=52|372=D|373=6|58=the value is no UTCTIMESTAMP"),
        # Required fields.
        ("D|34=2|11=order-1", "371=55|372=D|373=1|58=a required field is missing"),
        ("1|34=2", "371=112|372=1|373=1|58=a required field is missing"),
        # Groups.
        (
            f"D|34=2|{ORDER}|20003=2|20004=A|20005=1",
            "371=20003|372=D|373=16|58=there are 1 entries, not 2",
        ),
        (
            f"D|34=2|{ORDER}|20003=1|20004=A|20005=1|20004=B|20005=1",
            "371=20003|372=D|373=16|58=there are more entries than 1",
        ),
        (
            f"D|34=2|{ORDER}|20003=1|20005=1|20004=A",
            "371=20005|372=D|373=15|58=field 20004 begins an entry",
        ),
        (
            f"D|34=2|{ORDER}|20003=1|20004=A|20005=1|20005=2",
            "371=20005|372=D|373=13|58=the field stands twice in an entry",
        ),
        (f"D|34=2|{ORDER}|20003=1|20004=A", "371=20005|372=D|373=1|58=a required field is missing"),
        (f"D|34=2|{ORDER}|20003=1|20004=A|20005=x", "371=20005|372=D|373=6|58=the value is no QTY"),
        (f"D|34=2|{ORDER}|20003=-1", "371=20003|372=D|373=6|58=the value is no NUMINGROUP"),
        (
            f"D|34=2|{ORDER}|20004=A|20005=1",
            "371=20004|372=D|373=14|58=the field stands without what comes before it",
        ),
        ("V|34=2|262=a|263=1|264=0|267=0|146=1|55=X|9999=1", "371=9999|372=V|373=0|58=no such field"),
        (
            "i|34=2|117=q|296=1|302=s|304=1|295=1|299=e|55=X|132=1|132=2",
            "371=132|372=i|373=13|58=the field stands twice in an entry",
        ),
        ("i|34=2|117=q|296=1|302=s|304=1", "371=295|372=i|373=1|58=a required field is missing"),
        # Data.
        (
            f"D|34=2|{ORDER}|20009=abc",
            "371=20009|372=D|373=14|58=the field stands without what comes before it",
        ),
        (f"D|34=2|{ORDER}|20008=3|59=0", "371=20009|372=D|373=1|58=the data do not follow their length"),
        (f"D|34=2|{ORDER}|20008=4|20009=abc", "371=20009|372=D|373=6|58=the data do not have 4 bytes"),
        (f"D|34=2|{ORDER}|20008=2|20009=abc", "371=20009|372=D|373=6|58=the data do not have 2 bytes"),
        (f"D|34=2|{ORDER}|20008=0|20009=", "371=20009|372=D|373=4|58=there are no data"),
        (
            f"D|34=2|{ORDER}|20008=1|20009=a|20008=1|20009=b",
            "371=20009|372=D|373=13|58=the field stands twice",
        ),
        (f"D|34=2|{ORDER}|20008=3", "371=20009|372=D|373=1|58=the data do not follow their length"),
        # Message types.
        ("ZZ|34=2", "371=35|372=ZZ|373=11|58=no such message type"),
        ("|34=2", "371=35|373=11|58=no such message type"),
        ("U9|34=2", "371=35|372=U9|373=11|58=no such message type"),
    ],
)
def test_message_that_breaks_the_dictionary_is_rejected(message: str, refusal: str) -> None:
    """A Reject names number, field, type and reason; the number counts, and the session goes on."""
    Dialogue().run(
        f"""
        logon
        > {message}
        < 3|34=2|45=2|{refusal}
        expect 3
        > 1|34=3|112=a
        expect 4
        < 0|34=3|112=a
        """
    )


@pytest.mark.parametrize("msg_type", ["8", "6", "AE", "W", "n"])
def test_message_of_fix_that_is_not_taken(msg_type: str) -> None:
    """A BusinessMessageReject, kept for resending: the type is known to FIX 4.4 but not taken here."""
    Dialogue().run(
        f"""
        logon
        > {msg_type}|34=2|9999=whatever
        < j|34=2|45=2|372={msg_type}|380=3|58=this venue does not take such messages
        expect 3
        > 2|34=3|7=2|16=0
        expect 4
        resend 2-2
        < j|34=2|43=Y|122=@0|45=2|372={msg_type}|380=3|58=this venue does not take such messages
        """
    )


def test_rejects_of_the_peer_are_not_answered() -> None:
    """A Reject is passed on, even one that is wrong itself."""
    Dialogue().run(
        """
        logon
        > 3|34=2|45=1|58=what was that?
        refused 3 2
        expect 3
        > 3|34=3|58=no number
        refused 3 3
        expect 4
        > j|34=4|372=8|380=0
        refused j 4
        expect 5
        """
    )


@pytest.mark.parametrize(
    ("header", "tag", "expected"), [("49=OTHER", 49, "MAKER1"), ("56=OTHER", 56, "CARBON")]
)
def test_wrong_comp_id_ends_the_session(header: str, tag: int, expected: str) -> None:
    """A message from or for somebody else: Reject, Logout, and the connection closes."""
    Dialogue().run(
        f"""
        logon
        > D|{header}|34=2|{ORDER}
        < 3|34=2|45=2|371={tag}|372=D|373=9|58=the CompID is not {expected}
        expect 3
        < 5|34=3|58=the CompID is not {expected}
        logged out: the CompID is not {expected}
        disconnect: the CompID is not {expected}
        """
    )


@pytest.mark.parametrize("seconds", [-121, 121])
def test_sending_time_of_another_time_ends_the_session(seconds: int) -> None:
    """SendingTime has to lie within two minutes of our time."""
    reason = "SendingTime is more than 120 seconds from our time"
    Dialogue().run(
        f"""
        logon
        > D|34=2|52=@{seconds}|{ORDER}
        < 3|34=2|45=2|371=52|372=D|373=10|58={reason}
        expect 3
        < 5|34=3|58={reason}
        logged out: {reason}
        disconnect: {reason}
        """
    )


@pytest.mark.parametrize("seconds", [-120, 120])
def test_sending_time_within_two_minutes(seconds: int) -> None:
    """Clocks need not agree to the second."""
    Dialogue().run(
        f"""
        logon
        > D|34=2|52=@{seconds}|{ORDER}
        received D 2
        expect 3
        """
    )


def test_begin_string_of_another_version_ends_the_session() -> None:
    """This is a session of FIX 4.4."""
    dialogue = Dialogue()
    dialogue.run("logon")
    dialogue.feed(_damaged("0|34=2", b"FIX.4.4", b"FIX.4.2"))
    assert [
        "< 5|34=2|58=BeginString is not FIX.4.4",
        "logged out: BeginString is not FIX.4.4",
        "disconnect: BeginString is not FIX.4.4",
    ] == dialogue.lines


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"10=", b"10=x", "BodyLength is wrong"),
        (b"\x019=", b"\x019=1", "BodyLength is wrong"),
        (b"35=0\x0149=MAKER1", b"49=MAKER1\x0135=0", "no message begins here"),
        (b"8=FIX.4.4\x019=", b"9=8=FIX.4.4\x01", "no message begins here"),
        (b"8=FIX.4.4", b"8=XIF.4.4", "no message begins here"),
        (b"MAKER1", b"MAKER2", "CheckSum is wrong"),
        (b"35=0\x01", b"35=0\x0158=\x01", "BodyLength is wrong"),
    ],
)
def test_garbled_message_is_ignored(old: bytes, new: bytes, reason: str) -> None:
    """Length, check sum or the first three fields are wrong: skipped, no number counts, the next message is found."""
    dialogue = Dialogue()
    dialogue.run("logon")
    dialogue.feed(wire("0|34=2").replace(old, new) + wire("1|34=2|112=a") + wire("0|34=3") * 3)
    ignored = [line for line in dialogue.lines if line.startswith("ignored: ") and "known" not in line]
    assert ignored
    assert ignored[0].endswith(reason)
    assert ["expect 3", "< 0|34=2|112=a", "expect 4"] == [
        line for line in dialogue.lines if line not in ignored
    ][:3]


def test_message_that_is_too_long_ends_the_session() -> None:
    """Nobody fills our memory: what announces itself as too long is not waited for."""
    dialogue = Dialogue()
    dialogue.run("logon")
    dialogue.feed(b"8=FIX.4.4\x019=65530\x0135=D\x01")
    size = len("8=FIX.4.4|9=65530|") + 65530 + 7
    reason = f"a message may have {MAX_FRAME_BYTES} bytes, not {size}"
    assert [f"< 5|34=2|58={reason}", f"logged out: {reason}", f"disconnect: {reason}"] == dialogue.lines


def test_endless_garbage_ends_the_session() -> None:
    """Garbage is skipped, but not without limit."""
    dialogue = Dialogue()
    dialogue.run("logon")
    for _ in range(100):
        dialogue.feed(b"garbage " * 100)
    assert "disconnect: more than 65536 bytes of garbage" == dialogue.lines[-1]


def test_unread_bytes_are_bounded() -> None:
    """A peer that asks for a resend and then sends and sends is cut off."""
    dialogue = Dialogue(slow_store=True)
    dialogue.run("logon")
    dialogue.run("> 2|34=2|7=1|16=0\nexpect 3\nresend 1-1")
    for _ in range(20):
        dialogue.feed(b"x" * 65536)
    assert "disconnect: the peer sends more than can wait for the end of a resend" == dialogue.lines[-1]


def _damaged(message: str, old: bytes, new: bytes) -> bytes:
    """A message with another text of the same length in it, and the check sum that belongs to it."""
    return closed(wire(message).replace(old, new)[:-7])
