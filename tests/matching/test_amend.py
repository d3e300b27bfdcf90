"""Amends: less quantity keeps the place, anything else enters the book anew and may trade."""

from matching.events import Amended, Cancelled, CancelReason, Filled, Refusal, Refused
from tests.matching.market import Market
from tests.matching.messages import Amend, Cancel, buy, sell


def test_amend_into_a_cross(market: Market) -> None:
    """An order amended to the other side's price trades there and rests with what is left."""
    market.answers(sell(1, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(2, 8, 99), [], bids=[(99, 8, 1)])
    market.answers(
        Amend(2, 101, 8),
        [Amended(2, 101, 8, keeps_priority=False), Filled(1, 2, 101, 5)],
        bids=[(101, 3, 1)],
        asks=[],
    )
    market.answers(sell(3, 3, 101), [Filled(2, 3, 101, 3)], bids=[])


def test_amend_into_a_cross_with_price_improvement(market: Market) -> None:
    """An order amended beyond the other side's prices trades at the makers' prices, best first."""
    market.answers(buy(1, 4, 100), [], bids=[(100, 4, 1)])
    market.answers(buy(2, 4, 99), [], bids=[(100, 4, 1), (99, 4, 1)])
    market.answers(sell(3, 6, 103), [], asks=[(103, 6, 1)])
    market.answers(
        Amend(3, 98, 6),
        [Amended(3, 98, 6, keeps_priority=False), Filled(1, 3, 100, 4), Filled(2, 3, 99, 2)],
        bids=[(99, 2, 1)],
        asks=[],
    )
    market.answers(Cancel(3), [Refused(3, Refusal.UNKNOWN_ORDER)])


def test_amend_leaves_its_siblings(market: Market) -> None:
    """Orders at the old and at the new price keep their places; the amended one goes behind those at the new one."""
    market.answers(buy(1, 1, 100), [], bids=[(100, 1, 1)])
    market.answers(buy(2, 2, 100), [], bids=[(100, 3, 2)])
    market.answers(buy(3, 3, 100), [], bids=[(100, 6, 3)])
    market.answers(buy(4, 4, 99), [], bids=[(100, 6, 3), (99, 4, 1)])
    market.answers(Amend(2, 99, 2), [Amended(2, 99, 2, keeps_priority=False)], bids=[(100, 4, 2), (99, 6, 2)])
    assert [1, 3, 4, 2] == market.queue()
    market.answers(
        sell(5, 10, 99),
        [Filled(1, 5, 100, 1), Filled(3, 5, 100, 3), Filled(4, 5, 99, 4), Filled(2, 5, 99, 2)],
        bids=[],
    )


def test_less_quantity_keeps_the_place(market: Market) -> None:
    """A smaller order still trades first."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 10, 2)])
    market.answers(Amend(1, 100, 3), [Amended(1, 100, 3, keeps_priority=True)], asks=[(100, 8, 2)])
    market.answers(buy(3, 4, 100), [Filled(1, 3, 100, 3), Filled(2, 3, 100, 1)], asks=[(100, 4, 1)])


def test_amend_that_changes_nothing_keeps_the_place(market: Market) -> None:
    """The same price and quantity is answered as amended and costs nothing."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 10, 2)])
    market.answers(Amend(1, 100, 5), [Amended(1, 100, 5, keeps_priority=True)])
    assert [1, 2] == market.queue()


def test_more_quantity_loses_the_place(market: Market) -> None:
    """A larger order goes to the back of its own queue."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 10, 2)])
    market.answers(Amend(1, 100, 6), [Amended(1, 100, 6, keeps_priority=False)], asks=[(100, 11, 2)])
    assert [2, 1] == market.queue()


def test_less_quantity_at_another_price_loses_the_place(market: Market) -> None:
    """A new price is a new queue, however small the order."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(2, 5, 99), [], bids=[(100, 5, 1), (99, 5, 1)])
    market.answers(Amend(1, 99, 1), [Amended(1, 99, 1, keeps_priority=False)], bids=[(99, 6, 2)])
    assert [2, 1] == market.queue()


def test_partially_filled_order_cancelled(market: Market) -> None:
    """Only what is open is cancelled."""
    market.answers(buy(1, 10, 100), [], bids=[(100, 10, 1)])
    market.answers(sell(2, 4, 100), [Filled(1, 2, 100, 4)], bids=[(100, 6, 1)])
    market.answers(Cancel(1), [Cancelled(1, 6, CancelReason.REQUESTED)], bids=[])


def test_partially_filled_order_amended(market: Market) -> None:
    """An amended quantity is a total: what is filled counts towards it."""
    market.answers(buy(1, 10, 100), [], bids=[(100, 10, 1)])
    market.answers(sell(2, 4, 100), [Filled(1, 2, 100, 4)], bids=[(100, 6, 1)])
    market.answers(Amend(1, 100, 9), [Amended(1, 100, 9, keeps_priority=True)], bids=[(100, 5, 1)])
    market.answers(Amend(1, 99, 12), [Amended(1, 99, 12, keeps_priority=False)], bids=[(99, 8, 1)])
    market.answers(sell(3, 8, 99), [Filled(1, 3, 99, 8)], bids=[])


def test_partially_filled_taker_amended(market: Market) -> None:
    """What an order traded on its way in counts towards its total as well."""
    market.answers(sell(1, 4, 100), [], asks=[(100, 4, 1)])
    market.answers(buy(2, 10, 100), [Filled(1, 2, 100, 4)], bids=[(100, 6, 1)], asks=[])
    market.answers(Amend(2, 100, 5), [Amended(2, 100, 5, keeps_priority=True)], bids=[(100, 1, 1)])


def test_amend_below_filled_cancels_the_rest(market: Market) -> None:
    """A total under what is already filled ends the order."""
    market.answers(buy(1, 10, 100), [], bids=[(100, 10, 1)])
    market.answers(sell(2, 4, 100), [Filled(1, 2, 100, 4)], bids=[(100, 6, 1)])
    market.answers(Amend(1, 100, 3), [Cancelled(1, 6, CancelReason.AMENDED_BELOW_FILLED)], bids=[])


def test_amend_to_exactly_filled_cancels_the_rest(market: Market) -> None:
    """A total equal to what is filled ends the order, at another price too."""
    market.answers(buy(1, 10, 100), [], bids=[(100, 10, 1)])
    market.answers(sell(2, 4, 100), [Filled(1, 2, 100, 4)], bids=[(100, 6, 1)])
    market.answers(Amend(1, 105, 4), [Cancelled(1, 6, CancelReason.AMENDED_BELOW_FILLED)], bids=[])


def test_amend_of_an_unknown_order_is_refused(market: Market) -> None:
    """An id that never rested cannot be amended."""
    market.answers(Amend(1, 100, 5), [Refused(1, Refusal.UNKNOWN_ORDER)])


def test_stale_amend_is_refused(market: Market) -> None:
    """An order that was filled meanwhile cannot be amended back to life."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(sell(2, 5, 100), [Filled(1, 2, 100, 5)], bids=[])
    market.answers(Amend(1, 100, 10), [Refused(1, Refusal.UNKNOWN_ORDER)])


def test_amend_of_a_cancelled_order_is_refused(market: Market) -> None:
    """An order that was cancelled meanwhile cannot be amended back to life."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(Cancel(1), [Cancelled(1, 5, CancelReason.REQUESTED)], bids=[])
    market.answers(Amend(1, 100, 10), [Refused(1, Refusal.UNKNOWN_ORDER)])


def test_post_only_order_amended_into_a_cross_is_refused(market: Market) -> None:
    """The order stays as it was, where it was."""
    market.answers(sell(1, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(2, 5, 100).only_post(), [], bids=[(100, 5, 1)])
    market.answers(buy(3, 5, 100), [], bids=[(100, 10, 2)])
    market.answers(Amend(2, 101, 5), [Refused(2, Refusal.POST_ONLY_WOULD_TRADE)])
    assert [2, 3, 1] == market.queue()


def test_post_only_order_amended_short_of_a_cross(market: Market) -> None:
    """A post-only order may move as long as it does not trade."""
    market.answers(sell(1, 5, 102), [], asks=[(102, 5, 1)])
    market.answers(buy(2, 5, 100).only_post(), [], bids=[(100, 5, 1)])
    market.answers(Amend(2, 101, 5), [Amended(2, 101, 5, keeps_priority=False)], bids=[(101, 5, 1)])
