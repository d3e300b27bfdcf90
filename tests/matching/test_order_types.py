"""Immediate-or-cancel, market, fill-or-kill, post-only and iceberg orders."""

from matching.events import Amended, Cancelled, CancelReason, Filled, Refusal, Refused
from matching.order import SelfTradePrevention
from tests.matching.market import Market
from tests.matching.messages import Amend, Cancel, buy, sell

# Immediate or cancel, and market orders.


def test_ioc_remainder_is_cancelled(market: Market) -> None:
    """What an IOC order cannot trade at once never rests."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(
        buy(2, 8, 100).ioc(),
        [Filled(1, 2, 100, 5), Cancelled(2, 3, CancelReason.IMMEDIATE_OR_CANCEL)],
        asks=[],
    )
    market.answers(Cancel(2), [Refused(2, Refusal.UNKNOWN_ORDER)])


def test_ioc_that_meets_nobody_is_cancelled(market: Market) -> None:
    """An IOC order away from the market ends without a trade."""
    market.answers(sell(1, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(2, 8, 100).ioc(), [Cancelled(2, 8, CancelReason.IMMEDIATE_OR_CANCEL)])


def test_ioc_that_fills_has_no_remainder(market: Market) -> None:
    """An IOC order that trades in full has no cancel."""
    market.answers(buy(1, 9, 100), [], bids=[(100, 9, 1)])
    market.answers(sell(2, 8, 100).ioc(), [Filled(1, 2, 100, 8)], bids=[(100, 1, 1)])


def test_market_order_trades_up_to_its_protection_price(market: Market) -> None:
    """A market order is an IOC order at its protection price: it sweeps levels to there, and no further."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 105), [], asks=[(100, 5, 1), (105, 5, 1)])
    market.answers(sell(3, 5, 106), [], asks=[(100, 5, 1), (105, 5, 1), (106, 5, 1)])
    market.answers(
        buy(4, 20, 105).ioc(),
        [
            Filled(1, 4, 100, 5),
            Filled(2, 4, 105, 5),
            Cancelled(4, 10, CancelReason.IMMEDIATE_OR_CANCEL),
        ],
        asks=[(106, 5, 1)],
    )


# Fill or kill.


def test_fok_fills_over_levels(market: Market) -> None:
    """A FOK order takes the quantity of several levels at once."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 101), [], asks=[(100, 5, 1), (101, 5, 1)])
    market.answers(buy(3, 8, 101).fok(), [Filled(1, 3, 100, 5), Filled(2, 3, 101, 3)], asks=[(101, 2, 1)])


def test_fok_that_cannot_fill_kills_itself_and_leaves_the_book(market: Market) -> None:
    """One unit too much within the limit: nothing trades."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(2, 5, 99), [], bids=[(100, 5, 1), (99, 5, 1)])
    market.answers(buy(3, 5, 98), [], bids=[(100, 5, 1), (99, 5, 1), (98, 5, 1)])
    market.answers(sell(4, 11, 99).fok(), [Cancelled(4, 11, CancelReason.FILL_OR_KILL)])


def test_fok_with_more_than_the_whole_side_is_killed(market: Market) -> None:
    """A FOK order larger than all there is ends, as does one that finds an empty book."""
    market.answers(buy(1, 1, 100).fok(), [Cancelled(1, 1, CancelReason.FILL_OR_KILL)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(buy(3, 6, 200).fok(), [Cancelled(3, 6, CancelReason.FILL_OR_KILL)])


def test_fok_counts_what_icebergs_hide(market: Market) -> None:
    """The hidden part of an iceberg can be traded, so a FOK order may rely on it."""
    market.answers(sell(1, 10, 100).iceberg(2), [], asks=[(100, 2, 1)])
    market.answers(sell(2, 3, 101), [], asks=[(100, 2, 1), (101, 3, 1)])
    market.answers(
        buy(3, 12, 101).fok(),
        [*[Filled(1, 3, 100, 2)] * 5, Filled(2, 3, 101, 2)],
        asks=[(101, 1, 1)],
    )


def test_fok_counts_its_own_owners_orders_in_no_mode(market: Market) -> None:
    """An own order ahead of the quantity that is needed kills the order, whatever its mode."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 100).by(7), [], asks=[(100, 10, 2)])
    for stp in SelfTradePrevention:
        market.answers(buy(3, 6, 100).by(7).fok().prevents(stp), [Cancelled(3, 6, CancelReason.FILL_OR_KILL)])


def test_fok_that_fills_ahead_of_its_own_owners_order(market: Market) -> None:
    """An own order behind the quantity that is needed does not matter, in any mode."""
    for stp in SelfTradePrevention:
        market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
        market.answers(sell(2, 5, 100).by(7), [], asks=[(100, 10, 2)])
        market.answers(buy(3, 5, 100).by(7).fok().prevents(stp), [Filled(1, 3, 100, 5)], asks=[(100, 5, 1)])
        market.answers(Cancel(2), [Cancelled(2, 5, CancelReason.REQUESTED)], asks=[])


def test_fok_that_cancels_makers_looks_past_its_own_owners_orders(market: Market) -> None:
    """With cancel-maker the own orders go, hidden part and all, and the rest of the level fills the order."""
    market.answers(sell(1, 9, 100).by(7).iceberg(2), [], asks=[(100, 2, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 7, 2)])
    market.answers(sell(3, 5, 101), [], asks=[(100, 7, 2), (101, 5, 1)])
    market.answers(
        buy(4, 10, 101).by(7).fok().prevents(SelfTradePrevention.CANCEL_MAKER),
        [
            Cancelled(1, 9, CancelReason.SELF_TRADE),
            Filled(2, 4, 100, 5),
            Filled(3, 4, 101, 5),
        ],
        asks=[],
    )


def test_fok_that_cancels_makers_does_not_count_what_they_hide(market: Market) -> None:
    """Quantity of an own iceberg, shown or hidden, fills nobody: with too little behind it the order is killed."""
    market.answers(sell(1, 9, 100).by(7).iceberg(2), [], asks=[(100, 2, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 7, 2)])
    market.answers(
        buy(3, 6, 100).by(7).fok().prevents(SelfTradePrevention.CANCEL_MAKER),
        [Cancelled(3, 6, CancelReason.FILL_OR_KILL)],
    )


def test_fok_cannot_reach_a_refill_behind_its_own_owners_order(market: Market) -> None:
    """An iceberg's refill queues behind the own order, so only what it shows now can fill the FOK order."""
    market.answers(sell(1, 10, 100).iceberg(3), [], asks=[(100, 3, 1)])
    market.answers(sell(2, 5, 100).by(7), [], asks=[(100, 8, 2)])
    market.answers(buy(3, 4, 100).by(7).fok(), [Cancelled(3, 4, CancelReason.FILL_OR_KILL)])
    market.answers(buy(4, 3, 100).by(7).fok(), [Filled(1, 4, 100, 3)], asks=[(100, 8, 2)])
    assert [2, 1] == market.queue()


# Post-only.


def test_post_only_that_would_trade_is_refused(market: Market) -> None:
    """Post-only orders never take, on either side."""
    market.answers(buy(1, 5, 99), [], bids=[(99, 5, 1)])
    market.answers(sell(2, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(3, 5, 101).only_post(), [Refused(3, Refusal.POST_ONLY_WOULD_TRADE)])
    market.answers(sell(4, 5, 99).only_post(), [Refused(4, Refusal.POST_ONLY_WOULD_TRADE)])


def test_post_only_that_does_not_trade_rests(market: Market) -> None:
    """Post-only orders rest at every price short of the other side's best."""
    market.answers(sell(1, 5, 101), [], asks=[(101, 5, 1)])
    market.answers(buy(2, 5, 100).only_post(), [], bids=[(100, 5, 1)])
    market.answers(sell(3, 5, 100), [Filled(2, 3, 100, 5)], bids=[])


# Icebergs.


def test_iceberg_shows_its_display_only(market: Market) -> None:
    """The depth counts what is shown."""
    market.answers(buy(1, 10, 100).iceberg(4), [], bids=[(100, 4, 1)])
    market.answers(buy(2, 3, 100).iceberg(4), [], bids=[(100, 7, 2)])
    market.answers(Cancel(1), [Cancelled(1, 10, CancelReason.REQUESTED)], bids=[(100, 3, 1)])


def test_iceberg_refill_goes_to_the_back(market: Market) -> None:
    """When what is shown is gone, the next part queues behind everybody at that price."""
    market.answers(sell(1, 10, 100).iceberg(4), [], asks=[(100, 4, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 9, 2)])
    market.answers(buy(3, 4, 100), [Filled(1, 3, 100, 4)], asks=[(100, 9, 2)])
    assert [2, 1] == market.queue()
    market.answers(buy(4, 6, 100), [Filled(2, 4, 100, 5), Filled(1, 4, 100, 1)], asks=[(100, 3, 1)])
    market.answers(buy(5, 5, 100), [Filled(1, 5, 100, 3), Filled(1, 5, 100, 2)], bids=[], asks=[])


def test_one_taker_meets_an_iceberg_several_times(market: Market) -> None:
    """A large taker alternates between the iceberg's parts and the orders that queued before each refill."""
    market.answers(sell(1, 7, 100).iceberg(3), [], asks=[(100, 3, 1)])
    market.answers(sell(2, 2, 100), [], asks=[(100, 5, 2)])
    market.answers(
        buy(3, 9, 100),
        [Filled(1, 3, 100, 3), Filled(2, 3, 100, 2), Filled(1, 3, 100, 3), Filled(1, 3, 100, 1)],
        asks=[],
    )


def test_two_icebergs_take_turns(market: Market) -> None:
    """Two icebergs at one price refill behind each other."""
    market.answers(sell(1, 4, 100).iceberg(2), [], asks=[(100, 2, 1)])
    market.answers(sell(2, 4, 100).iceberg(2), [], asks=[(100, 4, 2)])
    market.answers(
        buy(3, 7, 100),
        [Filled(1, 3, 100, 2), Filled(2, 3, 100, 2), Filled(1, 3, 100, 2), Filled(2, 3, 100, 1)],
        asks=[(100, 1, 1)],
    )


def test_partly_taken_display_is_not_refilled(market: Market) -> None:
    """An iceberg refills when what it shows is gone, not before, and keeps its place till then."""
    market.answers(sell(1, 10, 100).iceberg(4), [], asks=[(100, 4, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 9, 2)])
    market.answers(buy(3, 3, 100), [Filled(1, 3, 100, 3)], asks=[(100, 6, 2)])
    assert [1, 2] == market.queue()


def test_iceberg_as_taker_rests_with_its_display(market: Market) -> None:
    """An iceberg takes with all it has; what is left rests and hides."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(buy(2, 20, 100).iceberg(4), [Filled(1, 2, 100, 5)], bids=[(100, 4, 1)], asks=[])
    market.answers(Cancel(2), [Cancelled(2, 15, CancelReason.REQUESTED)], bids=[])


def test_iceberg_amended_down_gives_up_what_it_hides_first(market: Market) -> None:
    """Less total quantity comes out of the hidden part, then out of the shown one, in place."""
    market.answers(sell(1, 10, 100).iceberg(4), [], asks=[(100, 4, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 9, 2)])
    market.answers(Amend(1, 100, 5), [Amended(1, 100, 5, keeps_priority=True)])
    market.answers(Amend(1, 100, 3), [Amended(1, 100, 3, keeps_priority=True)], asks=[(100, 8, 2)])
    assert [1, 2] == market.queue()
    market.answers(buy(3, 8, 100), [Filled(1, 3, 100, 3), Filled(2, 3, 100, 5)], asks=[])


def test_iceberg_amended_up_shows_its_display_anew(market: Market) -> None:
    """More total quantity re-enters: a full display, at the back."""
    market.answers(sell(1, 10, 100).iceberg(4), [], asks=[(100, 4, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 9, 2)])
    market.answers(buy(3, 3, 100), [Filled(1, 3, 100, 3)], asks=[(100, 6, 2)])
    market.answers(Amend(1, 100, 12), [Amended(1, 100, 12, keeps_priority=False)], asks=[(100, 9, 2)])
    assert [2, 1] == market.queue()


def test_iceberg_amended_elsewhere_with_little_hides_nothing(market: Market) -> None:
    """An iceberg that re-enters with no more than its display has no hidden part left from before."""
    market.answers(sell(1, 10, 100).iceberg(4), [], asks=[(100, 4, 1)])
    market.answers(Amend(1, 101, 3), [Amended(1, 101, 3, keeps_priority=False)], asks=[(101, 3, 1)])
    market.answers(buy(2, 4, 101), [Filled(1, 2, 101, 3)], bids=[(101, 1, 1)], asks=[])
