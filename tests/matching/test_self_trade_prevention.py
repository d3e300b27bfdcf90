"""Orders of one owner never trade with each other; the taker's mode says which of them gives way."""

import pytest

from matching.events import Amended, BookEvent, Cancelled, CancelReason, Decremented, Filled
from matching.order import SelfTradePrevention
from tests.matching.market import Market
from tests.matching.messages import Amend, Depth, buy, sell

CANCEL_TAKER = SelfTradePrevention.CANCEL_TAKER
CANCEL_MAKER = SelfTradePrevention.CANCEL_MAKER
CANCEL_BOTH = SelfTradePrevention.CANCEL_BOTH
DECREMENT = SelfTradePrevention.DECREMENT


@pytest.mark.parametrize(
    ("stp", "events", "bids", "asks"),
    [
        pytest.param(
            CANCEL_TAKER,
            [Filled(1, 9, 100, 4), Cancelled(9, 16, CancelReason.SELF_TRADE)],
            [],
            [(100, 11, 2)],
            id="cancel taker: the rest of the taker ends, what it traded before stands",
        ),
        pytest.param(
            CANCEL_MAKER,
            [Filled(1, 9, 100, 4), Cancelled(2, 5, CancelReason.SELF_TRADE), Filled(3, 9, 100, 6)],
            [(101, 10, 1)],
            [],
            id="cancel maker: the own order goes, the taker trades on and rests",
        ),
        pytest.param(
            CANCEL_BOTH,
            [
                Filled(1, 9, 100, 4),
                Cancelled(2, 5, CancelReason.SELF_TRADE),
                Cancelled(9, 16, CancelReason.SELF_TRADE),
            ],
            [],
            [(100, 6, 1)],
            id="cancel both: the own order and the rest of the taker end",
        ),
        pytest.param(
            DECREMENT,
            [Filled(1, 9, 100, 4), Decremented(2, 9, 5), Filled(3, 9, 100, 6)],
            [(101, 5, 1)],
            [],
            id="decrement: both lose the smaller quantity without a trade",
        ),
    ],
)
def test_taker_meets_its_own_order_between_others(
    market: Market, stp: SelfTradePrevention, events: list[BookEvent], bids: Depth, asks: Depth
) -> None:
    """A taker of 20 meets another's 4, its own 5 and another's 6."""
    market.answers(sell(1, 4, 100), [], asks=[(100, 4, 1)])
    market.answers(sell(2, 5, 100).by(7), [], asks=[(100, 9, 2)])
    market.answers(sell(3, 6, 100), [], asks=[(100, 15, 3)])
    market.answers(buy(9, 20, 101).by(7).prevents(stp), events, bids=bids, asks=asks)


@pytest.mark.parametrize(
    ("stp", "events", "asks"),
    [
        (CANCEL_TAKER, [Cancelled(9, 3, CancelReason.SELF_TRADE)], [(100, 5, 1)]),
        (CANCEL_MAKER, [Cancelled(1, 5, CancelReason.SELF_TRADE)], []),
        (
            CANCEL_BOTH,
            [Cancelled(1, 5, CancelReason.SELF_TRADE), Cancelled(9, 3, CancelReason.SELF_TRADE)],
            [],
        ),
        (DECREMENT, [Decremented(1, 9, 3)], [(100, 2, 1)]),
    ],
)
def test_smaller_taker_meets_its_own_order(
    market: Market, stp: SelfTradePrevention, events: list[BookEvent], asks: Depth
) -> None:
    """A taker of 3 meets its own 5: only cancel-maker lets it rest, only decrement leaves a part of the maker."""
    market.answers(sell(1, 5, 100).by(7), [], asks=[(100, 5, 1)])
    market.answers(
        buy(9, 3, 100).by(7).prevents(stp),
        events,
        bids=[(100, 3, 1)] if stp is CANCEL_MAKER else [],
        asks=asks,
    )


@pytest.mark.parametrize(
    ("stp", "events", "asks"),
    [
        (CANCEL_TAKER, [Cancelled(9, 7, CancelReason.SELF_TRADE)], [(100, 4, 2)]),
        (CANCEL_MAKER, [Cancelled(1, 10, CancelReason.SELF_TRADE), Filled(2, 9, 100, 2)], []),
        (
            CANCEL_BOTH,
            [Cancelled(1, 10, CancelReason.SELF_TRADE), Cancelled(9, 7, CancelReason.SELF_TRADE)],
            [(100, 2, 1)],
        ),
        (
            DECREMENT,
            [Decremented(1, 9, 2), Filled(2, 9, 100, 2), Decremented(1, 9, 2), Decremented(1, 9, 1)],
            [(100, 1, 1)],
        ),
    ],
)
def test_taker_meets_its_own_iceberg(
    market: Market, stp: SelfTradePrevention, events: list[BookEvent], asks: Depth
) -> None:
    """A taker of 7 meets its own iceberg of 10 that shows 2: cancels end all of it, decrements go part by part."""
    market.answers(sell(1, 10, 100).by(7).iceberg(2), [], asks=[(100, 2, 1)])
    market.answers(sell(2, 2, 100), [], asks=[(100, 4, 2)])
    market.answers(
        buy(9, 7, 100).by(7).prevents(stp),
        events,
        bids=[(100, 5, 1)] if stp is CANCEL_MAKER else [],
        asks=asks,
    )


@pytest.mark.parametrize("stp", list(SelfTradePrevention))
def test_ioc_taker_that_prevents_self_trades(market: Market, stp: SelfTradePrevention) -> None:
    """Whatever the mode, nothing of an IOC order is left on the book."""
    market.answers(sell(1, 2, 100).by(7), [], asks=[(100, 2, 1)])
    first: dict[SelfTradePrevention, list[BookEvent]] = {
        CANCEL_TAKER: [Cancelled(9, 5, CancelReason.SELF_TRADE)],
        CANCEL_MAKER: [
            Cancelled(1, 2, CancelReason.SELF_TRADE),
            Cancelled(9, 5, CancelReason.IMMEDIATE_OR_CANCEL),
        ],
        CANCEL_BOTH: [Cancelled(1, 2, CancelReason.SELF_TRADE), Cancelled(9, 5, CancelReason.SELF_TRADE)],
        DECREMENT: [Decremented(1, 9, 2), Cancelled(9, 3, CancelReason.IMMEDIATE_OR_CANCEL)],
    }
    market.answers(
        buy(9, 5, 100).by(7).ioc().prevents(stp),
        first[stp],
        asks=[(100, 2, 1)] if stp is CANCEL_TAKER else [],
    )


def test_the_takers_mode_rules(market: Market) -> None:
    """The maker's own mode has no say."""
    market.answers(sell(1, 5, 100).by(7).prevents(CANCEL_TAKER), [], asks=[(100, 5, 1)])
    market.answers(
        buy(2, 5, 100).by(7).prevents(CANCEL_MAKER),
        [Cancelled(1, 5, CancelReason.SELF_TRADE)],
        bids=[(100, 5, 1)],
        asks=[],
    )


def test_orders_of_one_owner_that_do_not_meet_stay(market: Market) -> None:
    """Prevention acts on orders that would trade, not on orders that rest on both sides."""
    market.answers(buy(1, 5, 99).by(7), [], bids=[(99, 5, 1)])
    market.answers(sell(2, 5, 101).by(7), [], asks=[(101, 5, 1)])
    market.answers(sell(3, 5, 100), [], asks=[(100, 5, 1), (101, 5, 1)])
    market.answers(buy(4, 5, 101).by(7), [Filled(3, 4, 100, 5)], asks=[(101, 5, 1)])


def test_amend_into_a_cross_with_an_own_order(market: Market) -> None:
    """An amended order is a taker like any other: its own mode ends it here."""
    market.answers(sell(1, 5, 101).by(7), [], asks=[(101, 5, 1)])
    market.answers(buy(2, 5, 99).by(7), [], bids=[(99, 5, 1)])
    market.answers(
        Amend(2, 101, 6),
        [Amended(2, 101, 6, keeps_priority=False), Cancelled(2, 6, CancelReason.SELF_TRADE)],
        bids=[],
    )


def test_a_decrement_does_not_count_as_filled(market: Market) -> None:
    """After a decrement an amended total is measured against what really traded."""
    market.answers(sell(1, 8, 100).by(7), [], asks=[(100, 8, 1)])
    market.answers(buy(2, 3, 100).by(7).prevents(DECREMENT), [Decremented(1, 2, 3)], asks=[(100, 5, 1)])
    market.answers(buy(3, 1, 100), [Filled(1, 3, 100, 1)], asks=[(100, 4, 1)])
    market.answers(Amend(1, 100, 3), [Amended(1, 100, 3, keeps_priority=True)], asks=[(100, 2, 1)])
