"""Serial numbers by holder, and the rule that chooses among them."""

from __future__ import annotations

import pytest

from exchange.domain.holdings import LOWEST_SERIAL, Holdings
from exchange.domain.intervals import IntervalError, IntervalSet
from exchange.domain.serials import SerialBlock

TEN = SerialBlock("VCS", "b-batch", 1, 10)
LATER = SerialBlock("VCS", "a-batch", 101, 105)


def holdings() -> Holdings:
    """Ann has fifteen units of class C in two batches."""
    held = Holdings()
    held.give("ann", "C", (TEN, LATER))
    return held


def test_the_rule_takes_batches_as_text_and_lowest_numbers_first() -> None:
    """`lowest-serial/1`: by registry and batch, then by number; looking does what taking does."""
    held = holdings()
    expected = [LATER, SerialBlock("VCS", "b-batch", 1, 2)]

    assert tuple(expected) == held.lowest("ann", "C", 7)
    assert expected == held.take("ann", "C", 7)
    assert [SerialBlock("VCS", "b-batch", 3, 10)] == list(held.blocks("ann", "C"))
    assert 8 == held.units("ann", "C")


def test_what_is_taken_whole_leaves_nothing_behind() -> None:
    """An account without serials is not listed."""
    held = holdings()

    held.remove("ann", "C", (LATER,))
    held.take("ann", "C", 10)

    assert [] == list(held.accounts())
    assert 0 == held.units("ann", "C")


def test_named_serials_are_taken_out_of_the_middle() -> None:
    """What is left around them stays, and comes together again when they return."""
    held = holdings()
    middle = SerialBlock("VCS", "b-batch", 4, 6)

    held.remove("ann", "C", (middle,))
    around = list(held.blocks("ann", "C"))
    held.give("ann", "C", (middle,))

    assert [LATER, SerialBlock("VCS", "b-batch", 1, 3), SerialBlock("VCS", "b-batch", 7, 10)] == around
    assert [LATER, TEN] == list(held.blocks("ann", "C"))


def test_a_trade_hands_over_what_it_chose() -> None:
    """By the rule class by class, or the serials named."""
    held = holdings()

    chosen = held.choose(LOWEST_SERIAL, "ann", (("C", 6),))
    held.hand_over("bob", chosen)
    named = held.choose(LOWEST_SERIAL, "ann", (("C", 2),), (("C", SerialBlock("VCS", "b-batch", 9, 10)),))

    assert (("C", LATER), ("C", SerialBlock("VCS", "b-batch", 1, 1))) == chosen
    assert (("C", SerialBlock("VCS", "b-batch", 9, 10)),) == named
    assert [("ann", "C"), ("bob", "C")] == list(held.accounts())


def test_who_holds_what() -> None:
    """Only a block that is wholly free with the account is held by it."""
    held = holdings()

    assert held.holds("ann", "C", SerialBlock("VCS", "b-batch", 2, 9))
    assert not held.holds("ann", "C", SerialBlock("VCS", "b-batch", 2, 11))
    assert not held.holds("ann", "D", TEN)
    assert not held.holds("bob", "C", TEN)


def test_serials_by_batch() -> None:
    """The free serials of an account and class, batch by batch; nothing where there are none."""
    held = holdings()

    assert {("VCS", "a-batch"): IntervalSet([(101, 105)]), ("VCS", "b-batch"): IntervalSet([(1, 10)])} == (
        held.serials("ann", "C")
    )
    assert {} == held.serials("bob", "C")


def test_impossible_changes_are_bugs() -> None:
    """Too many units, serials of another, a second owner and an unknown rule raise."""
    held = holdings()

    with pytest.raises(IntervalError, match="has 15 free units of C, not 16"):
        held.lowest("ann", "C", 16)
    with pytest.raises(IntervalError, match="has 15 free units of C, not 16"):
        held.take("ann", "C", 16)
    held = holdings()
    with pytest.raises(IntervalError, match="no serials of batch other as C"):
        held.remove("ann", "C", (SerialBlock("VCS", "other", 1, 1),))
    with pytest.raises(IntervalError, match="overlaps"):
        held.give("ann", "C", (TEN,))
    held.locked[7] = (("C", SerialBlock("VCS", "c-batch", 1, 5)),)
    with pytest.raises(IntervalError, match="trade 7 does not lock all of"):
        held.change_locked(7, (SerialBlock("VCS", "c-batch", 5, 6),), ())
    with pytest.raises(IntervalError, match="'highest-serial/9' is not known"):
        held.choose("highest-serial/9", "ann", (("C", 1),))
