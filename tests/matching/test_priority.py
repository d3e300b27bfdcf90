"""Price-time priority: who trades, in what order, at what price, and what the book shows afterwards."""

from matching.events import Cancelled, CancelReason, Filled
from matching.order import Side
from tests.matching.market import Market
from tests.matching.messages import Cancel, buy, sell


def test_cancel_of_middle_and_head_then_sweep(market: Market) -> None:
    """A sweep meets only the orders that are left, in their order."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 6, 100), [], asks=[(100, 11, 2)])
    market.answers(sell(3, 7, 100), [], asks=[(100, 18, 3)])
    market.answers(sell(4, 8, 100), [], asks=[(100, 26, 4)])
    market.answers(Cancel(2), [Cancelled(2, 6, CancelReason.REQUESTED)], asks=[(100, 20, 3)])
    market.answers(Cancel(1), [Cancelled(1, 5, CancelReason.REQUESTED)], asks=[(100, 15, 2)])
    market.answers(buy(5, 15, 100), [Filled(3, 5, 100, 7), Filled(4, 5, 100, 8)], asks=[])


def test_cancel_of_the_last_in_the_queue_then_another_joins(market: Market) -> None:
    """Who joins after the last one left stands behind those that remain."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(2, 6, 100), [], bids=[(100, 11, 2)])
    market.answers(Cancel(2), [Cancelled(2, 6, CancelReason.REQUESTED)], bids=[(100, 5, 1)])
    market.answers(buy(3, 7, 100), [], bids=[(100, 12, 2)])
    market.answers(sell(4, 12, 100), [Filled(1, 4, 100, 5), Filled(3, 4, 100, 7)], bids=[])


def test_cancel_of_the_best_price_uncovers_the_next(market: Market) -> None:
    """No phantom best price stays behind a cancelled order, on either side."""
    market.answers(buy(1, 5, 99), [], bids=[(99, 5, 1)])
    market.answers(buy(2, 5, 100), [], bids=[(100, 5, 1), (99, 5, 1)])
    market.answers(sell(3, 5, 102), [], asks=[(102, 5, 1)])
    market.answers(sell(4, 5, 101), [], asks=[(101, 5, 1), (102, 5, 1)])
    market.answers(Cancel(2), [Cancelled(2, 5, CancelReason.REQUESTED)], bids=[(99, 5, 1)])
    market.answers(Cancel(4), [Cancelled(4, 5, CancelReason.REQUESTED)], asks=[(102, 5, 1)])
    market.answers(Cancel(1), [Cancelled(1, 5, CancelReason.REQUESTED)], bids=[])
    market.answers(Cancel(3), [Cancelled(3, 5, CancelReason.REQUESTED)], asks=[])


def test_depth_of_a_number_of_levels(market: Market) -> None:
    """Depth gives as many of the best levels as are asked for, or all there are."""
    market.answers(sell(1, 5, 102), [], asks=[(102, 5, 1)])
    market.answers(sell(2, 5, 101), [], asks=[(101, 5, 1), (102, 5, 1)])
    market.answers(sell(3, 5, 103), [], asks=[(101, 5, 1), (102, 5, 1), (103, 5, 1)])
    market.answers(buy(4, 5, 100), [], bids=[(100, 5, 1)])
    assert [(101, 5, 1), (102, 5, 1)] == market.book.depth(Side.SELL, 2)
    assert [(100, 5, 1)] == market.book.depth(Side.BUY, 2)
    assert [] == market.book.depth(Side.BUY, 0)


def test_cancel_behind_the_best_price_leaves_it(market: Market) -> None:
    """A level that is not the best one disappears from the middle of the depth."""
    for order_id, price, bids in (
        (1, 100, [(100, 5, 1)]),
        (2, 98, [(100, 5, 1), (98, 5, 1)]),
        (3, 99, [(100, 5, 1), (99, 5, 1), (98, 5, 1)]),
    ):
        market.answers(buy(order_id, 5, price), [], bids=bids)
    market.answers(Cancel(3), [Cancelled(3, 5, CancelReason.REQUESTED)], bids=[(100, 5, 1), (98, 5, 1)])


def test_scattered_cancels_in_a_deep_queue(market: Market) -> None:
    """Two of three orders of a deep queue leave from all over it; the rest trade first come first."""
    depth = 300
    for order_id in range(1, depth + 1):
        market.answers(sell(order_id, order_id, 100), [], asks=[(100, sum(range(order_id + 1)), order_id)])
    left = set(range(1, depth + 1))
    scattered = [order_id * 7 % depth + 1 for order_id in range(depth)]
    for order_id in (order_id for order_id in scattered if order_id % 3):
        left.remove(order_id)
        market.answers(
            Cancel(order_id),
            [Cancelled(order_id, order_id, CancelReason.REQUESTED)],
            asks=[(100, sum(left), len(left))],
        )
    assert list(range(3, depth + 1, 3)) == market.queue()
    market.answers(
        buy(1000, sum(left), 100), [Filled(maker, 1000, 100, maker) for maker in sorted(left)], asks=[]
    )


def test_exact_multi_level_fill_leaves_nothing(market: Market) -> None:
    """A taker of exactly the quantity of three levels leaves two empty sides."""
    market.answers(sell(1, 5, 102), [], asks=[(102, 5, 1)])
    market.answers(sell(2, 6, 100), [], asks=[(100, 6, 1), (102, 5, 1)])
    market.answers(sell(3, 7, 101), [], asks=[(100, 6, 1), (101, 7, 1), (102, 5, 1)])
    market.answers(
        buy(4, 18, 102),
        [Filled(2, 4, 100, 6), Filled(3, 4, 101, 7), Filled(1, 4, 102, 5)],
        asks=[],
    )
    assert [] == market.queue()


def test_remainder_becomes_the_best_price_and_is_fillable(market: Market) -> None:
    """What a taker could not trade rests at its limit, best of its side, and trades with the next one."""
    market.answers(buy(1, 3, 99), [], bids=[(99, 3, 1)])
    market.answers(sell(2, 4, 101), [], asks=[(101, 4, 1)])
    market.answers(buy(3, 10, 101), [Filled(2, 3, 101, 4)], bids=[(101, 6, 1), (99, 3, 1)], asks=[])
    market.answers(sell(4, 6, 101), [Filled(3, 4, 101, 6)], bids=[(99, 3, 1)])


def test_fills_are_at_the_makers_price_when_buying(market: Market) -> None:
    """A buyer who would pay more pays what the seller asked."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(buy(2, 5, 105), [Filled(1, 2, 100, 5)], asks=[])


def test_fills_are_at_the_makers_price_when_selling(market: Market) -> None:
    """A seller who would take less gets what the buyer bid."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(sell(2, 5, 95), [Filled(1, 2, 100, 5)], bids=[])


def test_limit_stops_at_its_own_price(market: Market) -> None:
    """A taker trades every level up to its limit, none beyond, and rests between them."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 101), [], asks=[(100, 5, 1), (101, 5, 1)])
    market.answers(sell(3, 5, 102), [], asks=[(100, 5, 1), (101, 5, 1), (102, 5, 1)])
    market.answers(
        buy(4, 15, 101),
        [Filled(1, 4, 100, 5), Filled(2, 4, 101, 5)],
        bids=[(101, 5, 1)],
        asks=[(102, 5, 1)],
    )


def test_limit_stops_at_its_own_price_when_selling(market: Market) -> None:
    """The same downwards."""
    market.answers(buy(1, 5, 100), [], bids=[(100, 5, 1)])
    market.answers(buy(2, 5, 99), [], bids=[(100, 5, 1), (99, 5, 1)])
    market.answers(buy(3, 5, 98), [], bids=[(100, 5, 1), (99, 5, 1), (98, 5, 1)])
    market.answers(
        sell(4, 15, 99),
        [Filled(1, 4, 100, 5), Filled(2, 4, 99, 5)],
        bids=[(98, 5, 1)],
        asks=[(99, 5, 1)],
    )


def test_fifo_is_kept_between_separate_aggressors(market: Market) -> None:
    """A partly filled maker keeps its place: the second aggressor goes on where the first one stopped."""
    market.answers(sell(1, 5, 100), [], asks=[(100, 5, 1)])
    market.answers(sell(2, 5, 100), [], asks=[(100, 10, 2)])
    market.answers(sell(3, 5, 100), [], asks=[(100, 15, 3)])
    market.answers(buy(4, 2, 100), [Filled(1, 4, 100, 2)], asks=[(100, 13, 3)])
    market.answers(sell(5, 5, 100), [], asks=[(100, 18, 4)])
    market.answers(buy(6, 6, 100), [Filled(1, 6, 100, 3), Filled(2, 6, 100, 3)], asks=[(100, 12, 3)])
    market.answers(
        buy(7, 12, 100), [Filled(2, 7, 100, 2), Filled(3, 7, 100, 5), Filled(5, 7, 100, 5)], asks=[]
    )


def test_better_price_goes_before_earlier_time(market: Market) -> None:
    """A later order at a better price trades first."""
    market.answers(buy(1, 5, 99), [], bids=[(99, 5, 1)])
    market.answers(buy(2, 5, 100), [], bids=[(100, 5, 1), (99, 5, 1)])
    market.answers(sell(3, 8, 99), [Filled(2, 3, 100, 5), Filled(1, 3, 99, 3)], bids=[(99, 2, 1)])


def test_sweep_of_5000_orders(market: Market) -> None:
    """One taker fills 5,000 orders on 50 levels in price-time order, and the book is empty afterwards."""
    makers = [(maker_id, 100 + maker_id % 50) for maker_id in range(1, 5001)]
    counts: dict[int, int] = {}
    for maker_id, price in makers:
        counts[price] = counts.get(price, 0) + 1
        market.answers(
            sell(maker_id, 2, price), [], asks=[(p, 2 * counts[p], counts[p]) for p in sorted(counts)]
        )
    market.answers(
        buy(9999, 10_000, 149),
        [Filled(maker_id, 9999, price, 2) for maker_id, price in sorted(makers, key=lambda maker: maker[1])],
        asks=[],
    )
    assert [] == market.queue()


def test_prices_and_quantities_at_their_limits(market: Market) -> None:
    """The book works at a price of 1 tick, at prices beyond 64 bits, and with quantities beyond 64 bits."""
    low, high, many = 1, 10**30, 10**25
    market.answers(buy(1, 5, low), [], bids=[(low, 5, 1)])
    market.answers(sell(2, many, high), [], asks=[(high, many, 1)])
    market.answers(
        buy(3, many + 1, high), [Filled(2, 3, high, many)], bids=[(high, 1, 1), (low, 5, 1)], asks=[]
    )
    market.answers(sell(4, 6, low), [Filled(3, 4, high, 1), Filled(1, 4, low, 5)], bids=[])
