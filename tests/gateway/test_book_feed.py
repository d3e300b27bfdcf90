"""Book views, the differences between them, and the checksum by Kraken's rule."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exchange.domain.orders import Side, TimeInForce
from gateway.book_feed import BookFeed, BookView, changed_levels, checksum, checksum_of_text, view_book
from matching.book import OrderBook
from matching.order import Order
from tests.market import PROJECT

KRAKEN_ASKS = [
    ("45285.2", 100000),
    ("45286.4", 154571953),
    ("45286.6", 154571109),
    ("45289.6", 154560911),
    ("45290.2", 15890660),
    ("45291.8", 154553491),
    ("45294.7", 4454749),
    ("45296.1", 35380000),
    ("45297.5", 9945542),
    ("45299.5", 18772827),
]
KRAKEN_BIDS = [
    ("45283.5", 10000000),
    ("45283.4", 154582015),
    ("45282.1", 10000000),
    ("45281.0", 10000000),
    ("45280.3", 154592586),
    ("45279.0", 7990000),
    ("45277.6", 3310103),
    ("45277.5", 30000000),
    ("45277.3", 154602737),
    ("45276.6", 15445238),
]
KRAKEN_CHECKSUM = 3310070434
"""The example of Kraken's documentation (its quantities have eight decimals, without point and leading zeros)."""


def ticks(levels: list[tuple[str, int]]) -> list[tuple[int, int]]:
    return [(int(price.replace(".", "")), quantity) for price, quantity in levels]


def test_checksum_is_krakens() -> None:
    """The example of Kraken's documentation has its checksum, from ticks and from received text."""
    instrument = replace(PROJECT, price_decimals=1)
    assert KRAKEN_CHECKSUM == checksum(instrument, BookView(1, ticks(KRAKEN_BIDS), ticks(KRAKEN_ASKS)))
    assert KRAKEN_CHECKSUM == checksum_of_text(KRAKEN_ASKS, KRAKEN_BIDS)


def test_checksum_looks_at_ten_levels() -> None:
    """What lies beyond the tenth level of a side does not count."""
    bids = [*KRAKEN_BIDS, ("45270.0", 5)]
    asks = [*KRAKEN_ASKS, ("45300.0", 5)]
    assert KRAKEN_CHECKSUM == checksum(
        replace(PROJECT, price_decimals=1), BookView(1, ticks(bids), ticks(asks))
    )
    assert KRAKEN_CHECKSUM == checksum_of_text(asks, bids)


def test_checksum_of_an_empty_book() -> None:
    """No levels: the checksum of no bytes."""
    assert 0 == checksum(PROJECT, BookView(1, [], []))


def test_checksum_counts_price_units_not_ticks() -> None:
    """With a tick of five cents the digits are those of the price as it is sent."""
    instrument = replace(PROJECT, tick=5)
    view = BookView(1, [(199, 7)], [(1, 3)])
    assert ("9.95", "0.05") == (instrument.ticks_to_price(199), instrument.ticks_to_price(1))
    assert checksum_of_text([("0.05", 3)], [("9.95", 7)]) == checksum(instrument, view)


def test_changed_levels() -> None:
    """New and changed levels are set, gone ones are set to 0, equal ones are left out."""
    before = [(105, 1), (104, 2), (103, 3)]
    after = [(106, 9), (104, 2), (103, 4)]
    assert [(106, 9), (103, 4), (105, 0)] == changed_levels(before, after)
    assert [] == changed_levels(before, list(before))


levels = st.dictionaries(st.integers(90, 110), st.integers(1, 5), max_size=15).map(
    lambda book: sorted(book.items(), reverse=True)
)


@given(levels, levels)
def test_changes_lead_from_one_view_to_the_next(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    """Applying the changes to a copy of the old side gives the new side."""
    copy = dict(before)
    for price, quantity in changed_levels(before, after):
        if quantity:
            copy[price] = quantity
        else:
            del copy[price]
    assert dict(after) == copy


def limit_order(order_id: int, side: Side, price: int, quantity: int, display: int = 0) -> Order:
    return Order(order_id, order_id, side, price, quantity, TimeInForce.GTC, display=display)


def test_view_shows_what_is_visible_to_the_depth() -> None:
    """A view has the best levels only, and of an iceberg what it shows."""
    book = OrderBook()
    for order_id, price in enumerate((100, 99, 98), 1):
        book.submit(limit_order(order_id, Side.BUY, price, 10))
    book.submit(limit_order(4, Side.SELL, 105, 50, display=5))
    view = view_book(book, 2, 7)
    assert (7, [(100, 10), (99, 10)], [(105, 5)]) == (view.seq, view.bids, view.asks)


def test_feed_has_a_new_view_only_when_something_shown_changed() -> None:
    """Changes beyond the depth, and orders that came and went, make no new view."""
    book = OrderBook()
    for order_id, price in enumerate((100, 99, 98), 1):
        book.submit(limit_order(order_id, Side.BUY, price, 10))
    feed = BookFeed(book, 2, 7)
    first = feed.view
    book.cancel(3)
    assert not feed.refresh(8)
    book.submit(limit_order(4, Side.BUY, 101, 1))
    book.cancel(4)
    assert not feed.refresh(10)
    assert first is feed.view
    book.cancel(1)
    assert feed.refresh(11)
    assert (11, [(99, 10)], []) == (feed.view.seq, feed.view.bids, feed.view.asks)
    assert (7, [(100, 10), (99, 10)]) == (first.seq, first.bids)
