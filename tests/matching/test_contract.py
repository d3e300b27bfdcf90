"""The book stops with an error where it is driven against its contract; nothing of it is a client's mistake."""

import pytest

from matching.book import OrderBook
from matching.errors import BookError
from matching.order import Order
from tests.matching.messages import buy, sell


def resting(book: OrderBook, order: Order) -> Order:
    book.rest(order)
    return order


def test_removing_an_order_that_does_not_rest() -> None:
    """An order leaves once."""
    book = OrderBook()
    order = resting(book, buy(1, 5, 100).order())
    book.remove(order)
    with pytest.raises(BookError, match="order 1 does not rest"):
        book.remove(order)


def test_shrinking_an_order_that_does_not_rest() -> None:
    """Only a resting order has a place to keep."""
    with pytest.raises(BookError, match="order 1 does not rest"):
        OrderBook().shrink(buy(1, 5, 100).order(), 3)


@pytest.mark.parametrize("quantity", [5, 0])
def test_shrinking_to_no_less_or_below_filled(quantity: int) -> None:
    """Shrinking lowers a quantity: it neither raises it nor takes more than is open."""
    book = OrderBook()
    order = resting(book, buy(1, 4, 100).order())
    with pytest.raises(BookError, match="order 1 cannot shrink from 4 to"):
        book.shrink(order, quantity)


def test_moving_below_filled() -> None:
    """A total that is already filled leaves nothing to rest."""
    book = OrderBook()
    order = resting(book, buy(1, 4, 100).order())
    with pytest.raises(BookError, match="order 1 cannot move with 0, 0 of it filled"):
        book.move(order, 101, 0)


def test_taking_from_a_maker_that_does_not_rest() -> None:
    """An order that left gives nothing."""
    with pytest.raises(BookError, match="order 1 does not show 5"):
        OrderBook().take_from_maker(sell(1, 5, 100).order(), 5)


def test_taking_more_from_a_maker_than_it_shows() -> None:
    """What an iceberg hides cannot be taken before it is shown."""
    book = OrderBook()
    maker = resting(book, sell(1, 5, 100).iceberg(2).order())
    with pytest.raises(BookError, match="order 1 does not show 3"):
        book.take_from_maker(maker, 3)


def test_taking_from_a_taker_that_does_not_rest() -> None:
    """A replay rests the taker before it applies its fills."""
    with pytest.raises(BookError, match="order 1 does not have 5"):
        OrderBook().take_from_taker(buy(1, 5, 100).order(), 5)


def test_taking_more_from_a_taker_than_it_has() -> None:
    """The open quantity of an order never falls below 0."""
    book = OrderBook()
    taker = resting(book, buy(1, 5, 100).order())
    with pytest.raises(BookError, match="order 1 does not have 6"):
        book.take_from_taker(taker, 6)


def test_unlinking_the_only_order_of_a_level() -> None:
    """The last order leaves together with its level, so that no empty level stays."""
    book = OrderBook()
    order = resting(book, buy(1, 5, 100).order())
    with pytest.raises(BookError, match="order 1 is alone at 100"):
        book.bids.levels[100].unlink(order)
