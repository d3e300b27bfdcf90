"""Logon and logout, message by message."""

from __future__ import annotations

import pytest

from gateway.fix.handshake import Handshake
from gateway.fix.session import Session, SessionSettings
from gateway.fix.session_events import Event, Transmit
from tests.gateway.fix.dialogue import LOGON, ORDER, OURS, PEER, Dialogue, wire
from tests.market import START_NS


def test_logon_is_answered() -> None:
    """The answer has the same heartbeat interval, and says how long messages may be."""
    Dialogue().run(
        """
        connect A|34=1|98=0|108=20|553=maker|554=secret
        < A|34=1|98=0|108=20|383=65536
        logged on 20
        expect 2
        """
    )


def test_logon_continues_the_numbers() -> None:
    """Numbers live on from connection to connection."""
    Dialogue().run(
        """
        logon
        > 0|34=2
        expect 3
        lost
        logged out: connection lost
        connect A|34=3|98=0|108=30|554=secret
        < A|34=2|98=0|108=30|383=65536
        logged on 30
        expect 4
        > 5|34=4
        expect 5
        < 5|34=3
        logged out: the peer logged out
        disconnect: the peer logged out
        lost
        connect A|34=5|98=0|108=30|554=secret
        < A|34=4|98=0|108=30|383=65536
        logged on 30
        expect 6
        """
    )


def test_logon_too_high_is_answered_and_the_gap_asked_for() -> None:
    """The Logon itself need not be resent; it counts when its turn comes."""
    Dialogue(next_incoming=3).run(
        f"""
        connect A|34=6|98=0|108=30|554=secret
        < A|34=1|98=0|108=30|383=65536
        logged on 30
        < 2|34=2|7=3|16=0
        > D|34=3|43=Y|122=@-60|{ORDER}
        received D 3
        expect 4
        > 4|34=4|43=Y|122=@-60|123=Y|36=6
        expect 6
        expect 7
        > 4|34=6|43=Y|122=@-60|123=Y|36=7
        ignored: message 6 is known
        """
    )


def test_logon_too_low_ends_at_once() -> None:
    """A peer that has lost its numbers learns what is expected."""
    reason = "MsgSeqNum too low, expecting 9 but received 1"
    Dialogue(next_incoming=9, next_outgoing=5).run(
        f"""
        connect {LOGON}
        < 5|34=5|58={reason}
        disconnect: {reason}
        lost
        connect A|34=9|98=0|108=30|554=secret
        < A|34=6|98=0|108=30|383=65536
        logged on 30
        expect 10
        """
    )


def test_reset_of_numbers_by_the_peer() -> None:
    """ResetSeqNumFlag sets both sides to 1, forgets kept messages, and comes back in the answer."""
    Dialogue(next_incoming=9, next_outgoing=5).run(
        """
        send j|372=D|380=0
        kept 5
        connect A|34=1|98=0|108=30|141=Y|554=secret
        reset
        < A|34=1|98=0|108=30|141=Y|383=65536
        logged on 30 reset
        expect 2
        > 2|34=2|7=1|16=0
        expect 3
        resend 1-1
        < 4|34=1|43=Y|122=@0|123=Y|36=2
        """
    )


def test_reset_with_another_number_is_refused() -> None:
    """A Logon that resets has number 1; refused, it moves nothing."""
    dialogue = Dialogue(next_incoming=9, next_outgoing=5)
    dialogue.run(
        """
        connect A|34=2|98=0|108=30|141=Y|554=secret
        < 5|34=5|58=a Logon with ResetSeqNumFlag has MsgSeqNum 1
        disconnect: a Logon with ResetSeqNumFlag has MsgSeqNum 1
        """
    )
    assert (9, 6) == (dialogue.session.next_incoming, dialogue.session.next_outgoing)


def test_test_mode_resets_with_every_logon() -> None:
    """A session may be set up to begin at 1 each time."""
    Dialogue(next_incoming=9, next_outgoing=5, reset_on_logon=True).run(
        f"""
        connect {LOGON}
        reset
        < A|34=1|98=0|108=30|141=Y|383=65536
        logged on 30 reset
        expect 2
        """
    )


def test_reset_in_the_middle_of_a_session() -> None:
    """A Logon with ResetSeqNumFlag in an established session begins the numbers anew."""
    Dialogue().run(
        """
        logon
        > 0|34=2
        expect 3
        > A|34=1|98=0|108=30|141=Y
        reset
        < A|34=1|98=0|108=30|141=Y|383=65536
        expect 2
        > 1|34=2|112=a
        expect 3
        < 0|34=2|112=a
        > A|34=3|98=0|108=30|141=Y
        < 3|34=3|45=3|371=34|372=A|373=5|58=a Logon with ResetSeqNumFlag has MsgSeqNum 1
        expect 4
        """
    )


def test_second_logon_in_a_session_is_rejected() -> None:
    """Who is logged on need not log on."""
    Dialogue().run(
        """
        logon
        > A|34=2|98=0|108=30
        expect 3
        < 3|34=2|45=2|372=A|373=99|58=the session is established
        """
    )


@pytest.mark.parametrize("heartbeat_s", [-1, 0, 4, 121, 86400])
def test_heartbeat_interval_has_bounds(heartbeat_s: int) -> None:
    """Neither a flood of heartbeats nor a peer that may be dead for hours."""
    Dialogue().run(
        f"""
        connect A|34=1|98=0|108={heartbeat_s}|554=secret
        expect 2
        < 5|34=1|58=HeartBtInt must be from 5 to 120 seconds
        disconnect: HeartBtInt must be from 5 to 120 seconds
        """
    )


@pytest.mark.parametrize(
    ("logon", "reason"),
    [
        ("A|34=1|52=@-121|98=0|108=30|554=x", "SendingTime is more than 120 seconds from our time (52)"),
        ("A|34=1|98=1|108=30|554=x", "the value is not among 0 (98)"),
        ("A|34=1|98=0|554=x", "a required field is missing (108)"),
        ("A|34=1|56=OTHER|98=0|108=30|554=x", "the CompID is not CARBON (56)"),
    ],
)
def test_logon_that_breaks_a_rule_is_told_why(logon: str, reason: str) -> None:
    """Who has proved who they are learns what is wrong, and the number counts."""
    Dialogue().run(
        f"""
        connect {logon}
        expect 2
        < 5|34=1|58={reason}
        disconnect: {reason}
        """
    )


def test_what_comes_behind_the_logon_waits_for_its_answer() -> None:
    """Messages in the same packet as the Logon are dealt with once it is proved."""
    handshake = Handshake(START_NS)
    handshake.receive(wire(LOGON) + wire("1|34=2|112=a") + wire("1|34=3|112=b")[:20])
    handshake.receive(wire("1|34=3|112=b")[20:])
    dialogue = Dialogue()
    dialogue._take(dialogue.session.accept(handshake, START_NS))
    assert [
        "< A|34=1|98=0|108=30|383=65536",
        "logged on 30",
        "expect 2",
        "expect 3",
        "< 0|34=2|112=a",
        "expect 4",
        "< 0|34=3|112=b",
    ] == dialogue.lines


def test_only_one_connection() -> None:
    """A session that has a connection takes no other; the first lives on."""
    dialogue = Dialogue()
    dialogue.run("logon")
    second = Handshake(START_NS)
    second.receive(wire(LOGON))
    assert dialogue.session.connected
    with pytest.raises(ValueError, match="has a connection"):
        dialogue.session.accept(second, START_NS)
    dialogue.run(
        """
        > 1|34=2|112=a
        expect 3
        < 0|34=2|112=a
        """
    )


def test_accept_needs_a_logon() -> None:
    """A handshake that is not finished is no connection to take over."""
    with pytest.raises(ValueError, match="no Logon"):
        Session(SessionSettings(OURS, PEER)).accept(Handshake(START_NS), START_NS)


# Logout.


def test_logout_of_the_peer_is_confirmed() -> None:
    """Its number counts, the answer leaves, the connection closes."""
    Dialogue().run(
        """
        logon
        > 5|34=2|58=end of day
        expect 3
        < 5|34=2
        logged out: the peer logged out: end of day
        disconnect: the peer logged out: end of day
        """
    )


def test_logout_after_a_gap() -> None:
    """It is confirmed at once, but the connection stays until the gap is filled and the peer closes it."""
    Dialogue().run(
        f"""
        logon
        > 5|34=4
        < 2|34=2|7=2|16=0
        < 5|34=3
        > D|34=2|43=Y|122=@0|{ORDER}
        received D 2
        expect 3
        > D|34=3|43=Y|122=@0|{ORDER}
        received D 3
        expect 4
        expect 5
        lost
        logged out: connection lost
        """
    )


def test_our_logout_waits_for_the_answer() -> None:
    """Messages that were on their way are taken; new ones of ours are kept for the next logon."""
    Dialogue().run(
        f"""
        logon
        logout the venue closes
        < 5|34=2|58=the venue closes
        > D|34=2|{ORDER}
        received D 2
        expect 3
        send j|372=D|380=0
        kept 3
        logout again
        > 5|34=3
        expect 4
        logged out: the peer logged out
        disconnect: the peer logged out
        """
    )


def test_our_logout_is_not_answered() -> None:
    """The connection closes after ten seconds."""
    Dialogue().run(
        """
        logon
        logout the venue closes
        < 5|34=2|58=the venue closes
        wait 60
        logged out: no answer to our Logon or Logout
        disconnect: no answer to our Logon or Logout
        lost
        logout nobody is there
        wait 60
        """
    )


def test_text_that_is_not_ascii_becomes_so() -> None:
    """A reason in any script leaves as something that a FIX field can hold."""
    Dialogue().run(
        """
        logon
        logout Börse zu
        < 5|34=2|58=B?rse zu
        """
    )


# The initiator's side.


def test_initiator_logs_on() -> None:
    """The same session speaks for a client: it connects, takes the answer, and continues."""
    client = Session(SessionSettings(PEER, OURS, initiator=True))
    venue = Dialogue()
    handshake = Handshake(START_NS)
    logon = client.connect(START_NS, 30, "maker", "secret", reset=True)
    asked = handshake.receive(transmitted(logon))
    assert "LogonRequested('MAKER1', 'CARBON', 'maker')" == repr(asked), "the password is not shown"
    assert not client.logged_on
    answer = venue.session.accept(handshake, START_NS)
    events = client.receive(transmitted(answer), START_NS)
    assert ["LoggedOn(heartbeat_s=30, reset=True)", "Expect(number=2)"] == [repr(event) for event in events]
    assert client.logged_on


def test_initiator_learns_that_its_number_is_too_low() -> None:
    """A Logout instead of the Logon ends the attempt."""
    client = Dialogue()
    client.session = Session(SessionSettings(OURS, PEER, initiator=True))
    client._take(client.session.connect(START_NS, 30, "maker", "secret"))
    assert ["< A|34=1|98=0|108=30|383=65536|553=maker|554=secret"] == client.lines
    client.run(
        """
        > 5|34=1|58=MsgSeqNum too low
        disconnect: our Logon was answered by a Logout: MsgSeqNum too low
        """
    )


def test_initiator_without_an_answer() -> None:
    """It gives up after ten seconds, and logs out without a word before that."""
    client = Dialogue()
    client.session = Session(SessionSettings(OURS, PEER, initiator=True))
    client._take(client.session.connect(START_NS, 30, "maker", "secret"))
    client.run(
        """
        wait 11
        disconnect: no answer to our Logon or Logout
        lost
        """
    )
    client._take(client.session.connect(client.now_ns, 30, "maker", "secret"))
    client.run(
        """
        logout changed my mind
        disconnect: changed my mind
        """
    )


@pytest.mark.parametrize(
    ("next_incoming", "answer", "script"),
    [
        (
            4,
            "A|34=1|98=0|108=30",
            """
            < 5|34=2|58=MsgSeqNum too low, expecting 4 but received 1
            disconnect: MsgSeqNum too low, expecting 4 but received 1
            """,
        ),
        (
            4,
            "A|34=6|98=0|108=30",
            """
            logged on 30
            < 2|34=2|7=4|16=0
            """,
        ),
        (1, "0|34=1", "disconnect: our Logon was answered by a Heartbeat"),
        (1, "A|34=1|98=0", "disconnect: our Logon was answered by a Logon: a required field is missing"),
    ],
)
def test_initiator_examines_the_answer(next_incoming: int, answer: str, script: str) -> None:
    """Only a good Logon with a number that may be establishes the session."""
    client = Dialogue()
    client.session = Session(SessionSettings(OURS, PEER, initiator=True), next_incoming)
    client._take(client.session.connect(START_NS, 30, "maker", "secret"))
    client.run(f"> {answer}\n{script}")


def transmitted(events: list[Event]) -> bytes:
    """All bytes that leave."""
    return b"".join(event.data for event in events if isinstance(event, Transmit))
