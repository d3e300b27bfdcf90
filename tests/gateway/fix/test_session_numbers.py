"""Sequence numbers: in order, too high, too low, duplicate, and across connections."""

from __future__ import annotations

import pytest

from tests.gateway.fix.dialogue import ORDER, Dialogue


def test_messages_in_sequence_are_received() -> None:
    """Each number that is expected is taken, and the next one is expected."""
    Dialogue().run(
        f"""
        logon
        > D|34=2|{ORDER}
        received D 2
        expect 3
        > 0|34=3
        expect 4
        """
    )


def test_too_high_asks_for_the_gap_and_waits() -> None:
    """A message after a gap waits while everything from the gap on is asked for, once; then all come in order."""
    Dialogue().run(
        f"""
        logon
        > D|34=4|{ORDER}
        < 2|34=2|7=2|16=0
        > D|34=5|{ORDER}
        > D|34=2|43=Y|122=@0|{ORDER}
        received D 2
        expect 3
        > 4|34=3|43=Y|122=@0|123=Y|36=4
        expect 4
        received D 4
        expect 5
        received D 5
        expect 6
        > D|34=4|43=Y|122=@0|{ORDER}
        ignored: message 4 is known
        > D|34=5|43=Y|122=@0|{ORDER}
        ignored: message 5 is known
        > 1|34=6|112=ALIVE
        expect 7
        < 0|34=3|112=ALIVE
        """
    )


def test_gap_fill_over_what_waits_drops_it() -> None:
    """A gap fill says that messages need not be dealt with; those that wait are forgotten."""
    Dialogue().run(
        f"""
        logon
        > D|34=3|{ORDER}
        < 2|34=2|7=2|16=0
        > 4|34=2|43=Y|122=@0|123=Y|36=5
        expect 5
        > D|34=5|{ORDER}
        received D 5
        expect 6
        """
    )


def test_too_high_garbage_is_rejected_in_its_turn() -> None:
    """A message that breaks the dictionary waits like any other, and is refused when its number comes."""
    Dialogue().run(
        """
        logon
        > D|34=3|11=order-1
        < 2|34=2|7=2|16=0
        > 0|34=2|43=Y|122=@0
        expect 3
        < 3|34=3|45=3|371=55|372=D|373=1|58=a required field is missing
        expect 4
        """
    )


def test_gap_that_is_not_filled_ends_the_session() -> None:
    """A peer that keeps talking and never fills the gap is not kept for ever."""
    Dialogue().run(
        """
        logon
        > 0|34=9
        < 2|34=2|7=2|16=0
        wait 20
        > 0|34=10
        wait 20
        < 5|34=3|58=no answer to a ResendRequest
        logged out: no answer to a ResendRequest
        disconnect: no answer to a ResendRequest
        """
    )


def test_progress_in_a_gap_gives_time() -> None:
    """Each message of a resend puts the end of our patience off."""
    Dialogue().run(
        """
        logon
        > 0|34=4
        < 2|34=2|7=2|16=0
        wait 20
        > 0|34=2|43=Y|122=@0
        expect 3
        wait 20
        < 0|34=3
        > 0|34=3|43=Y|122=@0
        expect 4
        expect 5
        wait 20
        < 0|34=4
        """
    )


def test_too_low_ends_the_session() -> None:
    """A number that was used, without PossDupFlag, is a serious error."""
    Dialogue().run(
        f"""
        logon
        > D|34=1|{ORDER}
        < 5|34=2|58=MsgSeqNum too low, expecting 2 but received 1
        logged out: MsgSeqNum too low, expecting 2 but received 1
        disconnect: MsgSeqNum too low, expecting 2 but received 1
        > D|34=2|{ORDER}
        """
    )


def test_too_low_with_poss_dup_is_ignored() -> None:
    """A duplicate that was dealt with moves nothing."""
    Dialogue().run(
        f"""
        logon
        > D|34=2|{ORDER}
        received D 2
        expect 3
        > D|34=2|43=Y|122=@0|{ORDER}
        ignored: message 2 is known
        """
    )


def test_poss_dup_of_a_message_that_was_never_received() -> None:
    """PossDupFlag on the number that is expected: the message is new to us and is taken."""
    Dialogue().run(
        f"""
        logon
        > D|34=2|43=Y|122=@-30|{ORDER}
        received D 2
        expect 3
        """
    )


@pytest.mark.parametrize(("number", "advance"), [(2, "expect 3"), (1, "")])
def test_poss_dup_without_orig_sending_time(number: int, advance: str) -> None:
    """A duplicate has to say when it was sent first, whether it is known or not."""
    Dialogue().run(
        f"""
        logon
        > D|34={number}|43=Y|{ORDER}
        < 3|34=2|45={number}|371=122|372=D|373=1|58=a required field is missing
        {advance}
        """
    )


@pytest.mark.parametrize(("number", "advance"), [(2, "expect 3"), (1, "")])
def test_orig_sending_time_after_sending_time(number: int, advance: str) -> None:
    """A duplicate that says it was sent first after it was sent is refused, and the session ends."""
    reason = "OrigSendingTime is after SendingTime"
    Dialogue().run(
        f"""
        logon
        > D|34={number}|43=Y|122=@1|{ORDER}
        < 3|34=2|45={number}|371=122|372=D|373=10|58={reason}
        {advance}
        < 5|34=3|58={reason}
        logged out: {reason}
        disconnect: {reason}
        """
    )


def test_number_is_missing() -> None:
    """Without a number nothing can be said about a message, not even a Reject: the session ends."""
    Dialogue().run(
        """
        logon
        > 0|112=x
        < 5|34=2|58=MsgSeqNum is missing
        logged out: MsgSeqNum is missing
        disconnect: MsgSeqNum is missing
        """
    )


# Numbers across connections.


def test_messages_while_nobody_is_connected() -> None:
    """They get their numbers and are kept; the peer sees the gap at its next logon and asks."""
    Dialogue(next_incoming=7, next_outgoing=12).run(
        """
        send j|372=D|380=0
        kept 12
        send j|372=F|380=0
        kept 13
        connect A|34=7|98=0|108=30|554=secret
        < A|34=14|98=0|108=30|383=65536
        logged on 30
        expect 8
        > 2|34=8|7=12|16=0
        expect 9
        resend 12-14
        < j|34=12|43=Y|122=@0|372=D|380=0
        < j|34=13|43=Y|122=@0|372=F|380=0
        < 4|34=14|43=Y|122=@0|123=Y|36=15
        lost
        logged out: connection lost
        """
    )


def test_numbers_reserved_but_never_used_are_filled() -> None:
    """After a crash a session may begin above what it sent: the peer asks for the gap and gets it filled."""
    Dialogue(next_incoming=3, next_outgoing=100).run(
        """
        connect A|34=5|98=0|108=30|554=secret
        < A|34=100|98=0|108=30|383=65536
        logged on 30
        < 2|34=101|7=3|16=0
        > 2|34=6|7=4|16=0
        resend 4-101
        < 4|34=4|43=Y|122=@0|123=Y|36=102
        > 4|34=3|43=Y|122=@0|123=Y|36=7
        expect 7
        """
    )


def test_early_messages_are_bounded() -> None:
    """What finds no room is dropped and asked for again: nothing is lost, and memory has a limit."""
    dialogue = Dialogue()
    dialogue.run("logon")
    for number in range(3, 1300):
        dialogue.run(f"> 0|34={number}" if number > 3 else "> 0|34=3\n< 2|34=2|7=2|16=0")
    assert 1000 == len(dialogue.session._early)
    expected = "\n".join(f"expect {number}" for number in range(3, 1004))
    dialogue.run(f"> 0|34=2|43=Y|122=@0\n{expected}")
    dialogue.run("> 0|34=1300\n< 2|34=3|7=1003|16=0")
