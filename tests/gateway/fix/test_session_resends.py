"""Resends: what a peer asks for again, page by page, and what is sent meanwhile."""

from __future__ import annotations

import pytest

from tests.gateway.fix.dialogue import Dialogue


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
