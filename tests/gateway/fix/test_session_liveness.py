"""Heartbeats, TestRequests and dead peers, by the session's own clock."""

from __future__ import annotations

from gateway.fix.handshake import Handshake
from tests.gateway.fix.dialogue import LOGON, Dialogue, wire
from tests.market import START_NS

SECOND_NS = 1_000_000_000


def test_heartbeat_after_an_interval_of_silence() -> None:
    """We say something at least every interval."""
    Dialogue().run(
        """
        logon
        wait 20
        > 0|34=2
        expect 3
        wait 9
        wait 1
        < 0|34=2
        > 0|34=3
        expect 4
        wait 29
        """
    )


def test_what_we_send_puts_the_heartbeat_off() -> None:
    """A heartbeat is due an interval after the last message of any kind."""
    Dialogue().run(
        """
        logon
        wait 20
        > 1|34=2|112=a
        expect 3
        < 0|34=2|112=a
        send j|372=D|380=0
        < j|34=3|372=D|380=0
        wait 15
        > 0|34=3
        expect 4
        wait 14
        wait 1
        < 0|34=4
        """
    )


def test_silent_peer_is_tested_and_given_up() -> None:
    """An interval and a fifth without a message calls for a TestRequest; as much again ends the connection."""
    Dialogue().run(
        """
        logon
        wait 30
        < 0|34=2
        wait 6
        < 1|34=3|112=20261123-00:00:36.000
        wait 30
        < 0|34=4
        wait 6
        logged out: no answer to a TestRequest
        disconnect: no answer to a TestRequest
        """
    )


def test_any_message_answers_a_test_request() -> None:
    """The peer lives, whatever it sends."""
    Dialogue().run(
        """
        logon
        wait 36
        < 0|34=2
        < 1|34=3|112=20261123-00:00:36.000
        > 0|34=2|112=20261123-00:00:36.000
        expect 3
        wait 35
        < 0|34=4
        wait 1
        < 1|34=5|112=20261123-00:01:12.000
        """
    )


def test_garbage_is_no_sign_of_life() -> None:
    """Bytes that are no message do not keep a connection up."""
    dialogue = Dialogue()
    dialogue.run("logon\nwait 30\n< 0|34=2")
    dialogue.feed(b"no message at all, for sure it is none")
    dialogue.run("wait 6\n< 1|34=3|112=20261123-00:00:36.000")


def test_test_request_is_answered_with_its_id() -> None:
    """The heartbeat carries the id of the TestRequest."""
    Dialogue().run(
        """
        logon
        > 1|34=2|112=are you there?
        expect 3
        < 0|34=2|112=are you there?
        """
    )


def test_nothing_is_due_without_a_connection() -> None:
    """A session that nobody is connected to has no deadline, and no tick does anything."""
    dialogue = Dialogue()
    assert dialogue.session.deadline_ns is None
    assert [] == dialogue.session.tick(START_NS)
    dialogue.run("logon\nlost\nlogged out: connection lost")
    assert dialogue.session.deadline_ns is None
    assert [] == dialogue.session.receive(wire("0|34=2"), START_NS)


def test_tick_before_its_time_does_nothing() -> None:
    """A tick too many is harmless."""
    dialogue = Dialogue()
    dialogue.run("logon")
    assert START_NS + 30 * SECOND_NS == dialogue.session.deadline_ns
    assert [] == dialogue.session.tick(START_NS + 30 * SECOND_NS - 1)


def test_no_deadline_but_the_answer_during_a_resend() -> None:
    """While kept messages are read nobody is tested: nothing of the peer's is looked at."""
    dialogue = Dialogue(slow_store=True)
    dialogue.run("logon")
    dialogue.run("> 2|34=2|7=1|16=0\nexpect 3\nresend 1-1")
    assert dialogue.session.deadline_ns is None
    assert [] == dialogue.session.tick(START_NS + 1000 * SECOND_NS)


def test_logon_has_to_come_soon() -> None:
    """A connection has ten seconds for its Logon."""
    assert START_NS + 10 * SECOND_NS == Handshake(START_NS).deadline_ns


def test_heartbeat_interval_is_the_peers() -> None:
    """Each logon agrees on its own interval."""
    dialogue = Dialogue()
    dialogue.run("logon\nlost\nlogged out: connection lost")
    dialogue.run(
        f"""
        connect {LOGON.replace("34=1", "34=2").replace("108=30", "108=5")}
        < A|34=2|98=0|108=5|383=65536
        logged on 5
        expect 3
        wait 5
        < 0|34=3
        """
    )
