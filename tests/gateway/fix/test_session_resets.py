"""SequenceReset: gap fills, and resets that go on from another number."""

from __future__ import annotations

import pytest

from tests.gateway.fix.dialogue import Dialogue


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
