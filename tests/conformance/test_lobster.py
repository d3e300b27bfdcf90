"""A real hour of trading, replayed on the book."""

from pathlib import Path

import pytest

from loadtest import lobster
from matching.book import OrderBook
from matching.events import Amended, BookEvent, Cancelled, CancelReason, Filled
from matching.order import Side


@pytest.fixture(scope="module")
def hour(data_dir: Path) -> lobster.LobsterHour:
    """Gives the hour as operations."""
    return lobster.read_hour(data_dir / "lobster")


def opened(hour: lobster.LobsterHour) -> OrderBook:
    book = OrderBook()
    for add in hour.opening:
        assert [] == lobster.apply(book, add)
    return book


def levels(book: OrderBook, side: Side) -> lobster.Levels:
    return [(price, quantity) for price, quantity, _ in book.depth(side, 10)]


def test_ten_levels_agree_in_every_known_row(data_dir: Path, hour: lobster.LobsterHour) -> None:
    """After each message whose ten best levels are known, the book shows exactly these."""
    book = opened(hour)
    operations = iter(hour.operations)
    operation = next(operations, None)
    agreeing = 0
    states = lobster.read_top_ten(data_dir / "lobster")
    for state in states:
        while operation is not None and operation.row <= state.row:
            lobster.apply(book, operation)
            operation = next(operations, None)
        assert state == lobster.TopTen(state.row, levels(book, Side.BUY), levels(book, Side.SELL))
        agreeing += 1
    assert (999, 999) == (agreeing, len(states))


def test_every_message_does_what_it_says(hour: lobster.LobsterHour) -> None:
    """No add trades, every cancel and reduction finds its order, every execution is one fill at the best price."""
    book = opened(hour)
    at_best_price = 0
    for operation in hour.operations:
        expected: list[BookEvent]
        match operation:
            case lobster.Add():
                expected = []
            case lobster.Reduce(_, order_id, _, price_cents, total):
                expected = [Amended(order_id, price_cents, total, keeps_priority=True)]
            case lobster.Delete(_, order_id):
                remaining = book.orders[order_id].remaining
                expected = [Cancelled(order_id, remaining, CancelReason.REQUESTED)]
            case lobster.Execute(_, maker_id, taker_id, side, price_cents, quantity):
                best = book.best_ask if side is Side.BUY else book.best_bid
                at_best_price += best == price_cents
                expected = [Filled(maker_id, taker_id, price_cents, quantity)]
        assert expected == lobster.apply(book, operation)
        assert book.best_bid is not None
        assert book.best_ask is not None
        assert book.best_bid < book.best_ask
    assert (4067, 4067) == (at_best_price, hour.executions)


def test_what_the_reader_adapts_is_little(hour: lobster.LobsterHour) -> None:
    """The few messages that the reader leaves out or adapts are counted, so that nobody has to guess."""
    assert (45, 9) == (hour.outside, hour.passed_over)
