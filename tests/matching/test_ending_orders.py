"""Cancels, ids, mass cancels and expiry."""

from matching.events import Cancelled, CancelReason, Filled, Refusal, Refused
from matching.order import Side
from tests.matching.market import Market
from tests.matching.messages import Cancel, Expire, MassCancel, buy, sell


def requested(order_id: int, quantity: int) -> Cancelled:
    return Cancelled(order_id, quantity, CancelReason.REQUESTED)


def test_unknown_id_is_refused(market: Market) -> None:
    """A cancel of an order that never was changes nothing."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(Cancel(2), [Refused(2, Refusal.UNKNOWN_ORDER)])


def test_stale_cancels_are_refused(market: Market) -> None:
    """A cancel after a fill and a second cancel change nothing."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(2, 5, 100), [], bids=[(100, 10, 2)])
    market.answers(sell(3, 5, 100), [Filled(1, 3, 100, 5)], bids=[(100, 5, 1)])
    market.answers(Cancel(1), [Refused(1, Refusal.UNKNOWN_ORDER)])
    market.answers(Cancel(3), [Refused(3, Refusal.UNKNOWN_ORDER)])
    market.answers(Cancel(2), [requested(2, 5)], bids=[])
    market.answers(Cancel(2), [Refused(2, Refusal.UNKNOWN_ORDER)])


def test_id_reuse_is_refused_while_the_order_rests(market: Market) -> None:
    """A live id is refused before matching: it neither trades nor replaces the order, on either side."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(sell(2, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(1, 9, 101), [Refused(1, Refusal.DUPLICATE_ORDER_ID)])
    market.answers(sell(1, 9, 100).only_post(), [Refused(1, Refusal.DUPLICATE_ORDER_ID)])
    market.answers(sell(3, 5, 100), [Filled(1, 3, 100, 5)], bids=[])


def test_id_of_an_order_that_ended_is_free_in_the_book(market: Market) -> None:
    """The book knows resting orders only; who remembers ended ids is the venue."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(Cancel(1), [requested(1, 5)], bids=[])
    market.answers(sell(1, 4, 100), [], asks=[(100, 4, 1)])


def test_mass_cancel_of_all(market: Market) -> None:
    """All orders end in the order of their ids, with their hidden parts."""
    market.answers(sell(3, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(4, 6, 99), [], bids=[(100, 5, 1), (99, 6, 1)])
    market.answers(sell(2, 9, 101).iceberg(2), [], asks=[(101, 7, 2)])
    market.answers(
        MassCancel(), [requested(1, 5), requested(2, 9), requested(3, 5), requested(4, 6)], bids=[], asks=[]
    )
    market.answers(MassCancel(), [])


def test_mass_cancel_of_an_owner(market: Market) -> None:
    """Other people's orders stay where they are."""
    market.answers(sell(3, 5, 101).by(7), [], asks=[(101, 5, 1)])
    market.answers(sell(4, 5, 101), [], asks=[(101, 10, 2)])
    market.answers(buy(2, 5, 100).by(7), [], bids=[(100, 5, 1)])
    market.answers(buy(1, 5, 100), [], bids=[(100, 10, 2)])
    market.answers(
        MassCancel(owner=7), [requested(2, 5), requested(3, 5)], bids=[(100, 5, 1)], asks=[(101, 5, 1)]
    )
    assert [1, 4] == market.queue()


def test_mass_cancel_of_owner_zero(market: Market) -> None:
    """Owner 0 is an owner like any other, not everybody."""
    market.answers(buy(1, 5, 100).by(0), [], bids=[(100, 5, 1)])
    market.answers(buy(2, 5, 100), [], bids=[(100, 10, 2)])
    market.answers(MassCancel(owner=0), [requested(1, 5)], bids=[(100, 5, 1)])


def test_mass_cancel_of_a_side(market: Market) -> None:
    """The other side stays."""
    market.answers(sell(3, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(2, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(1, 5, 99), [], bids=[(100, 5, 1), (99, 5, 1)])
    market.answers(MassCancel(side=Side.BUY), [requested(1, 5), requested(2, 5)], bids=[])


def test_mass_cancel_of_an_owners_side(market: Market) -> None:
    """Owner and side together narrow the cancel."""
    market.answers(sell(1, 5, 101).by(7), [], asks=[(101, 5, 1)])
    market.answers(sell(2, 5, 101), [], asks=[(101, 10, 2)])
    market.answers(buy(3, 5, 100).by(7), [], bids=[(100, 5, 1)])
    market.answers(MassCancel(owner=7, side=Side.SELL), [requested(1, 5)], asks=[(101, 5, 1)])


def test_expiry_ends_orders_of_the_date_and_of_earlier_ones(market: Market) -> None:
    """Orders good till later, or till cancelled, stay."""
    market.answers(buy(4, 5, 100).until(10), [], bids=[(100, 5, 1)])
    market.answers(buy(3, 5, 100).until(12), [], bids=[(100, 10, 2)])
    market.answers(buy(2, 5, 100), [], bids=[(100, 15, 3)])
    market.answers(sell(1, 5, 101).until(11).iceberg(1), [], asks=[(101, 1, 1)])
    market.answers(Expire(9), [])
    market.answers(
        Expire(11),
        [Cancelled(1, 5, CancelReason.EXPIRED), Cancelled(4, 5, CancelReason.EXPIRED)],
        bids=[(100, 10, 2)],
        asks=[],
    )
    assert [3, 2] == market.queue()
