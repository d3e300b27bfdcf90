"""Random messages: the fast book does what the oracle does, a replay of its facts ends where it ended."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from matching.book import BookSide, OrderBook
from matching.events import Amended, BookEvent, Cancelled, Decremented, Filled
from matching.order import SelfTradePrevention, Side, TimeInForce
from tests.matching.messages import Amend, Book, Cancel, Depth, Expire, MassCancel, Message, Submit
from tests.matching.oracle import OracleBook
from tests.matching.replay import replay

PRICES = range(97, 104)

# Few ids, owners, prices and quantities, so that messages meet each other; mostly orders that rest.
order_ids = st.integers(1, 9)
owners = st.integers(0, 3)
prices = st.sampled_from(PRICES)
quantities = st.integers(1, 9)
sides = st.sampled_from(Side)

resting_orders = st.builds(
    Submit, sides, order_ids, quantities, prices, owners, display=st.sampled_from([0, 0, 1, 2, 4])
)
any_orders = st.builds(
    Submit,
    sides,
    order_ids,
    quantities,
    prices,
    owners,
    time_in_force=st.sampled_from(TimeInForce),
    post_only=st.sampled_from([False, False, True]),
    stp=st.sampled_from(SelfTradePrevention),
    display=st.integers(0, 4),
    expiry=st.integers(0, 3),
)
messages: st.SearchStrategy[Message] = st.one_of(
    resting_orders,
    resting_orders,
    any_orders,
    any_orders,
    st.builds(Amend, order_ids, prices, st.integers(0, 15)),
    st.builds(Amend, order_ids, prices, st.integers(0, 15)),
    st.builds(Cancel, order_ids),
    st.builds(MassCancel, owners, st.none() | sides) | st.builds(Expire, st.integers(0, 3)),
)
# A list of blocks, because a single list of messages is seldom long.
sequences = st.lists(st.lists(messages, min_size=1, max_size=12), max_size=12).map(
    lambda blocks: [message for block in blocks for message in block]
)

thorough = settings(max_examples=10 * settings().max_examples)
"""Ten times as many examples as elsewhere: they are quick, and everything rests on the book."""

Shown = tuple[int | None, int | None, Depth, Depth, list[bool], str]


def shown(book: Book) -> Shown:
    """All that a book answers about its state."""
    return (
        book.best_bid,
        book.best_ask,
        book.depth(Side.BUY),
        book.depth(Side.SELL),
        [book.crosses(side, price) for side in Side for price in PRICES],
        book.digest(),
    )


@thorough
@given(sequences)
def test_fast_book_does_what_the_oracle_does(sequence: list[Message]) -> None:
    """Refusals, events, best prices, depth and digest agree after every message."""
    fast, oracle = OrderBook(), OracleBook()
    for message in sequence:
        if isinstance(message, Submit):
            assert oracle.refusal(message.order()) == fast.refusal(message.order())
        assert message.send(oracle) == message.send(fast)
        assert shown(oracle) == shown(fast)


@thorough
@given(sequences)
def test_replayed_facts_give_the_same_book(sequence: list[Message]) -> None:
    """A book that is driven by recorded facts alone has the digest and levels of the live one after every message."""
    live, replayed = OrderBook(), OrderBook()
    for message in sequence:
        replay(replayed, message, message.send(live))
        assert shown(live) == shown(replayed)
        assert_sound(replayed)


@thorough
@given(sequences)
def test_book_stays_sound(sequence: list[Message]) -> None:
    """After every message: not crossed, sums right, no empty level, links whole."""
    book = OrderBook()
    for message in sequence:
        message.send(book)
        assert book.best_bid is None or book.best_ask is None or book.best_bid < book.best_ask
        assert_sound(book)


@thorough
@given(sequences)
def test_quantities_are_conserved(sequence: list[Message]) -> None:
    """Executed + resting + cancelled + decremented = entered, per order and after every message."""
    book = OrderBook()
    ledger = QuantityLedger()
    for message in sequence:
        if isinstance(message, Submit) and book.refusal(message.order()) is None:
            ledger.enter(message.order_id, message.quantity)
        for event in message.send(book):
            ledger.record(event)
        assert {order.order_id: order.remaining for order in book.resting()} == ledger.open()
        assert {order.order_id: order.filled for order in book.resting()} == ledger.filled_of_open()


class QuantityLedger:
    """What each order entered with and where it went, from messages and events alone."""

    def __init__(self) -> None:
        self.entered: Counter[int] = Counter()
        self.executed: Counter[int] = Counter()
        self.decremented: Counter[int] = Counter()
        self.cancelled: Counter[int] = Counter()

    def enter(self, order_id: int, quantity: int) -> None:
        """Start an order; an id whose order ended may come back as another one."""
        assert order_id not in self.open()
        for account in (self.executed, self.decremented, self.cancelled):
            del account[order_id]
        self.entered[order_id] = quantity

    def record(self, event: BookEvent) -> None:
        match event:
            case Filled(maker_id, taker_id, _, quantity):
                assert maker_id != taker_id
                self.executed[maker_id] += quantity
                self.executed[taker_id] += quantity
            case Decremented(maker_id, taker_id, quantity):
                self.decremented[maker_id] += quantity
                self.decremented[taker_id] += quantity
            case Cancelled(order_id, quantity):
                self.cancelled[order_id] += quantity
            case Amended(order_id, _, quantity):
                # The new total counts what is filled, not what was decremented.
                self.entered[order_id] = quantity + self.decremented[order_id]

    def open(self) -> dict[int, int]:
        """Entered less what went elsewhere, where that is not 0."""
        rest = {
            order_id: entered
            - self.executed[order_id]
            - self.decremented[order_id]
            - self.cancelled[order_id]
            for order_id, entered in self.entered.items()
        }
        return {order_id: quantity for order_id, quantity in rest.items() if quantity}

    def filled_of_open(self) -> dict[int, int]:
        return {order_id: self.executed[order_id] for order_id in self.open()}


def assert_sound(book: OrderBook) -> None:
    """Check the structure of a book: levels, their sums and links, the best level, the index of orders."""
    seen: list[int] = []
    for side, book_side in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
        assert_prices_in_order(book_side)
        for price, level in book_side.levels.items():
            orders = list(level)
            assert orders
            assert price == level.price
            assert len(orders) == level.count
            assert sum(order.visible for order in orders) == level.visible
            assert sum(order.hidden for order in orders) == level.hidden
            assert level.last is orders[-1]
            assert [None, *orders[:-1]] == [order.ahead for order in orders]
            for order in orders:
                assert (side, price) == (order.side, order.price)
                assert order.level is level
                assert order.visible > 0
                assert order.display == 0 or order.visible <= order.display
                seen.append(order.order_id)
    assert sorted(seen) == sorted(book.orders)
    assert all(order_id == order.order_id for order_id, order in book.orders.items())


def assert_prices_in_order(book_side: BookSide) -> None:
    """The best level and the prices behind it are the prices of all levels."""
    ascending = sorted(book_side.levels)
    if not ascending:
        assert book_side.best is None
        assert [] == list(book_side.behind)
        return
    best = ascending.pop(book_side.best_index)
    assert book_side.best is book_side.levels[best]
    assert ascending == list(book_side.behind)
