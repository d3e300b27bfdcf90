"""Sequence numbers: gaps, resends, duplicates and resets, message by message."""

from __future__ import annotations

import pytest

from tests.gateway.fix.dialogue import Dialogue

ORDER = "11=order-1|55=RIMBA-19|54=1|60=@0|38=100|40=2|44=10.00"


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


# SequenceReset.


def test_gap_fill_in_sequence() -> None:
    """The number expected next is what the gap fill says."""
    Dialogue().run(
        """
        logon
        > 4|34=2|123=Y|36=20
        expect 20
        > 0|34=20
        expect 21
        """
    )


def test_gap_fill_too_high_asks_for_the_gap() -> None:
    """A gap fill has a number like any message, and waits for its turn."""
    Dialogue().run(
        """
        logon
        > 4|34=4|123=Y|36=20
        < 2|34=2|7=2|16=0
        > 4|34=2|43=Y|122=@0|123=Y|36=4
        expect 4
        expect 20
        """
    )


def test_gap_fill_too_low() -> None:
    """With PossDupFlag it is known, without it the session ends."""
    Dialogue().run(
        """
        logon
        > 4|34=1|43=Y|122=@0|123=Y|36=5
        ignored: message 1 is known
        > 4|34=1|123=Y|36=5
        < 5|34=2|58=MsgSeqNum too low, expecting 2 but received 1
        logged out: MsgSeqNum too low, expecting 2 but received 1
        disconnect: MsgSeqNum too low, expecting 2 but received 1
        """
    )


@pytest.mark.parametrize("new_number", [1, 2])
def test_gap_fill_that_goes_back(new_number: int) -> None:
    """A gap fill goes forward or is refused."""
    Dialogue().run(
        f"""
        logon
        > 4|34=2|123=Y|36={new_number}
        < 3|34=2|45=2|371=36|372=4|373=5|58=NewSeqNo is not above MsgSeqNum
        expect 3
        """
    )


@pytest.mark.parametrize("number", [1, 2, 17])
def test_sequence_reset_goes_forward_whatever_its_number(number: int) -> None:
    """Reset mode ignores MsgSeqNum."""
    Dialogue().run(
        f"""
        logon
        > 4|34={number}|36=50
        expect 50
        """
    )


def test_sequence_reset_to_what_is_expected() -> None:
    """Nothing changes."""
    Dialogue().run(
        """
        logon
        > 4|34=9|123=N|36=2
        > 0|34=2
        expect 3
        """
    )


def test_sequence_reset_goes_not_back() -> None:
    """A lower number is refused, and nothing changes."""
    Dialogue().run(
        """
        logon
        > 4|34=2|36=1
        < 3|34=2|45=2|371=36|372=4|373=5|58=2 is expected next
        > 0|34=2
        expect 3
        """
    )


def test_sequence_reset_ends_a_gap() -> None:
    """What waits behind the new number is taken."""
    Dialogue().run(
        """
        logon
        > 0|34=7
        < 2|34=2|7=2|16=0
        > 4|34=2|36=7
        expect 7
        expect 8
        """
    )


# Resends.


def test_resend_of_session_and_application_messages() -> None:
    """Application messages come again with PossDupFlag and their first time; everything else is filled."""
    Dialogue().run(
        """
        logon
        > 1|34=2|112=a
        expect 3
        < 0|34=2|112=a
        send j|372=D|380=0
        < j|34=3|372=D|380=0
        wait 5
        send j|372=F|380=0
        < j|34=4|372=F|380=0
        > 1|34=3|112=b
        expect 4
        < 0|34=5|112=b
        > 1|34=4|112=c
        expect 5
        < 0|34=6|112=c
        send j|372=G|380=0
        < j|34=7|372=G|380=0
        > 2|34=5|7=1|16=0
        expect 6
        resend 1-7
        < 4|34=1|43=Y|122=@5|123=Y|36=3
        < j|34=3|43=Y|122=@0|372=D|380=0
        < j|34=4|43=Y|122=@5|372=F|380=0
        < 4|34=5|43=Y|122=@5|123=Y|36=7
        < j|34=7|43=Y|122=@5|372=G|380=0
        > 2|34=6|7=4|16=6
        expect 7
        resend 4-6
        < j|34=4|43=Y|122=@5|372=F|380=0
        < 4|34=5|43=Y|122=@5|123=Y|36=7
        > 2|34=7|7=2|16=2
        expect 8
        resend 2-2
        < 4|34=2|43=Y|122=@5|123=Y|36=3
        > 2|34=8|7=4|16=4
        expect 9
        resend 4-4
        < j|34=4|43=Y|122=@5|372=F|380=0
        > 2|34=9|7=7|16=999999
        expect 10
        resend 7-7
        < j|34=7|43=Y|122=@5|372=G|380=0
        > 1|34=10|112=d
        expect 11
        < 0|34=8|112=d
        """
    )


@pytest.mark.parametrize("page", [1, 2, 3])
def test_resend_in_pages(page: int) -> None:
    """Gaps are filled in one piece however the store gives its pages."""
    dialogue = Dialogue(page=page)
    dialogue.run(
        """
        logon
        > 1|34=2|112=a
        expect 3
        < 0|34=2|112=a
        > 1|34=3|112=a
        expect 4
        < 0|34=3|112=a
        > 1|34=4|112=a
        expect 5
        < 0|34=4|112=a
        send j|372=D|380=0
        < j|34=5|372=D|380=0
        > 1|34=5|112=a
        expect 6
        < 0|34=6|112=a
        > 2|34=6|7=1|16=0
        expect 7
        resend 1-6
        < 4|34=1|43=Y|122=@0|123=Y|36=5
        < j|34=5|43=Y|122=@0|372=D|380=0
        < 4|34=6|43=Y|122=@0|123=Y|36=7
        """
    )


@pytest.mark.parametrize(
    ("asked", "tag", "reason"),
    [
        ("7=2|16=0", 7, "numbers 1 to 1 were sent"),
        ("7=0|16=0", 7, "numbers 1 to 1 were sent"),
        ("7=9|16=12", 7, "numbers 1 to 1 were sent"),
    ],
)
def test_resend_request_for_nothing(asked: str, tag: int, reason: str) -> None:
    """Numbers that were not used cannot be resent."""
    Dialogue().run(
        f"""
        logon
        > 2|34=2|{asked}
        expect 3
        < 3|34=2|45=2|371={tag}|372=2|373=5|58={reason}
        """
    )


def test_resend_request_that_ends_before_it_begins() -> None:
    """The end of a range is not below its beginning."""
    Dialogue(next_outgoing=9).run(
        """
        connect A|34=1|98=0|108=30|554=secret
        < A|34=9|98=0|108=30|383=65536
        logged on 30
        expect 2
        > 2|34=2|7=4|16=3
        expect 3
        < 3|34=10|45=2|371=16|372=2|373=5|58=EndSeqNo is below BeginSeqNo
        """
    )


def test_simultaneous_resend_requests() -> None:
    """A ResendRequest after a gap is answered at once, then ours goes out: both gaps get filled."""
    Dialogue().run(
        """
        logon
        send j|372=D|380=0
        < j|34=2|372=D|380=0
        > 2|34=5|7=2|16=2
        resend 2-2
        < j|34=2|43=Y|122=@0|372=D|380=0
        < 2|34=3|7=2|16=0
        > 4|34=2|43=Y|122=@0|123=Y|36=5
        expect 5
        expect 6
        > 0|34=6
        expect 7
        """
    )


def test_messages_sent_during_a_resend_follow_it() -> None:
    """While kept messages are read, new ones are stored only, and the resend goes on until it has sent them."""
    dialogue = Dialogue(slow_store=True)
    dialogue.run(
        """
        logon
        send j|372=D|380=0
        < j|34=2|372=D|380=0
        > 2|34=2|7=1|16=1
        expect 3
        resend 1-1
        send j|372=F|380=0
        kept 3
        > 1|34=3|112=a
        store answers
        < 4|34=1|43=Y|122=@0|123=Y|36=2
        resend 3-3
        send j|372=G|380=0
        kept 4
        store answers
        < j|34=3|43=Y|122=@0|372=F|380=0
        resend 4-4
        store answers
        < j|34=4|43=Y|122=@0|372=G|380=0
        expect 4
        < 0|34=5|112=a
        """
    )
    assert [] == dialogue.session.resend(1, 1, [], dialogue.now_ns), "nobody asked for this any more"


def test_store_that_answers_too_late() -> None:
    """What was asked for by a connection that is gone is not sent over the next one."""
    dialogue = Dialogue(slow_store=True)
    dialogue.run(
        """
        logon
        > 2|34=2|7=1|16=0
        expect 3
        resend 1-1
        lost
        logged out: connection lost
        connect A|34=3|98=0|108=30|554=secret
        < A|34=2|98=0|108=30|383=65536
        logged on 30
        expect 4
        > 2|34=4|7=2|16=0
        expect 5
        resend 2-2
        store answers
        store answers
        < 4|34=2|43=Y|122=@0|123=Y|36=3
        """
    )


def test_pages_that_overlap() -> None:
    """Whatever pages a store gives, each message goes once, and none beyond what was asked for."""
    dialogue = Dialogue(slow_store=True)
    dialogue.run(
        """
        logon
        send j|372=D|380=0
        < j|34=2|372=D|380=0
        send j|372=F|380=0
        < j|34=3|372=F|380=0
        send j|372=G|380=0
        < j|34=4|372=G|380=0
        > 2|34=2|7=2|16=3
        expect 3
        resend 2-3
        """
    )
    dialogue.lines = []
    kept = sorted(dialogue.kept.items())
    for begin, through in [(3, 4), (1, 1), (1, 2), (2, 4), (2, 4)]:
        dialogue._take(dialogue.session.resend(begin, through, kept[: through - 1], dialogue.now_ns))
    assert ["< j|34=2|43=Y|122=@0|372=D|380=0", "< j|34=3|43=Y|122=@0|372=F|380=0"] == dialogue.lines


def test_gap_is_asked_for_after_a_resend() -> None:
    """While kept messages are read nothing else is sent; then the peer is asked for what we lack."""
    Dialogue(slow_store=True).run(
        """
        logon
        > 2|34=4|7=1|16=0
        resend 1-1
        store answers
        < 4|34=1|43=Y|122=@0|123=Y|36=2
        < 2|34=2|7=2|16=0
        """
    )


def test_logout_waits_for_the_end_of_a_resend() -> None:
    """Our Logout does not overtake messages that the peer has asked for."""
    Dialogue(slow_store=True).run(
        """
        logon
        > 2|34=2|7=1|16=0
        expect 3
        resend 1-1
        logout the venue closes
        store answers
        < 4|34=1|43=Y|122=@0|123=Y|36=2
        < 5|34=2|58=the venue closes
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
