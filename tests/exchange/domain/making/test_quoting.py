"""Two-sided quotes: entered, replaced and withdrawn as a whole."""

import pytest

from exchange.domain.events import CancelReason, OrderAccepted, OrderAmended, OrderCancelled, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.making.forms import CancelQuotes, ReplaceQuote, SetProtection
from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import RejectCode
from matching.order import Side
from tests.market import ALPHA, BASKET, PROJECT, Market

MINUTE_NS = 60 * 10**9


def quote(
    market: Market,
    quote_id: str,
    bid: tuple[int, int] = (0, 0),
    ask: tuple[int, int] = (0, 0),
    instrument: str = PROJECT.symbol,
) -> ReplaceQuote:
    """A quote of alpha's; sides as price and quantity."""
    alpha = market.alpha
    return ReplaceQuote(alpha.key_id, alpha.session, ALPHA, quote_id, instrument, *bid, *ask)


def refusal(market: Market, command: ReplaceQuote | CancelQuotes) -> RejectCode:
    (refused,) = market.do(command)
    assert isinstance(refused, RequestRefused)
    return refused.code


def sides(market: Market) -> dict[str, tuple[int, int]]:
    """Price and open quantity of alpha's live orders by name."""
    state = market.state
    return {
        state.remembered[ALPHA][order.request.client_order_id].name or order.request.client_order_id: (
            order.price,
            order.remaining,
        )
        for order in state.orders.values()
        if order.account == ALPHA
    }


def test_a_new_quote_is_two_day_orders(market: Market) -> None:
    """Both sides enter, bid first, named after the quote."""
    bid, ask = market.do(quote(market, "q1", (990, 10), (1010, 20)))
    assert isinstance(bid, OrderAccepted)
    assert isinstance(ask, OrderAccepted)
    assert ("q1/bid", Side.BUY, True) == (bid.order.client_order_id, bid.order.side, bid.quote)
    assert ("q1/ask", Side.SELL, True) == (ask.order.client_order_id, ask.order.side, ask.quote)
    assert {"q1/bid": (990, 10), "q1/ask": (1010, 20)} == sides(market)


def test_a_quote_is_replaced_by_amending(market: Market) -> None:
    """A side that is live keeps its place when it only shrinks; the orders take the name of the new quote."""
    market.do(quote(market, "q1", (990, 10), (1010, 20)))
    bid, ask = market.do(quote(market, "q2", (990, 8), (1005, 20)))
    assert isinstance(bid, OrderAmended)
    assert isinstance(ask, OrderAmended)
    assert (True, "q2/bid") == (bid.keeps_priority, bid.request_id)
    assert (False, "q2/ask") == (ask.keeps_priority, ask.request_id)
    assert {"q2/bid": (990, 8), "q2/ask": (1005, 20)} == sides(market)


def test_sizes_are_what_is_open(market: Market) -> None:
    """A quote after a partial fill shows its whole size again."""
    market.do(quote(market, "q1", (990, 10), (1010, 20)))
    market.beta.place(market.beta.sell(4, 990))
    market.do(quote(market, "q2", (990, 10), (1010, 20)))
    assert {"q2/bid": (990, 10), "q2/ask": (1010, 20)} == sides(market)


def test_a_side_of_quantity_zero_is_withdrawn(market: Market) -> None:
    """Only the other side stays; nothing happens where there was nothing."""
    market.do(quote(market, "q1", (990, 10), (1010, 20)))
    (cancelled,) = market.do(quote(market, "q2", (0, 0), (0, 0)))[:1]
    assert isinstance(cancelled, OrderCancelled)
    assert (CancelReason.REQUESTED, "q2/bid") == (cancelled.reason, cancelled.request_id)
    assert {} == sides(market)
    assert [] == market.do(quote(market, "q3"))


@pytest.mark.parametrize(
    ("bid", "ask"), [((1012, 10), (1030, 10)), ((960, 10), (985, 10))], ids=["upwards", "downwards"]
)
def test_a_quote_never_meets_itself(market: Market, bid: tuple[int, int], ask: tuple[int, int]) -> None:
    """Moved beyond its own other side, neither order is touched by self-trade prevention."""
    market.do(quote(market, "q1", (990, 10), (1010, 10)))
    first, second = market.do(quote(market, "q2", bid, ask))
    assert isinstance(first, OrderAmended)
    assert isinstance(second, OrderAmended)
    assert {"q2/bid": bid, "q2/ask": ask} == sides(market)


def test_a_quote_that_crosses_trades(market: Market) -> None:
    """Quotes are ordinary orders: they take what is there."""
    market.beta.rest(market.beta.sell(5, 1000))
    market.do(quote(market, "q1", (1000, 8), (1010, 8)))
    assert {"q1/bid": (1000, 3), "q1/ask": (1010, 8)} == sides(market)


def test_both_sides_or_neither(market: Market) -> None:
    """One side without cover refuses the whole, and the quote before stands."""
    market.do(quote(market, "q1", (990, 10), (1010, 20)))
    assert RejectCode.INSUFFICIENT_UNITS is refusal(market, quote(market, "q2", (990, 5), (1010, 200_000)))
    assert RejectCode.INSUFFICIENT_FUNDS is refusal(market, quote(market, "q3", (1000, 500_000), (1010, 5)))
    assert {"q1/bid": (990, 10), "q1/ask": (1010, 20)} == sides(market)


@pytest.mark.parametrize(
    ("bid", "ask", "instrument", "code"),
    [
        ((1000, 1), (1000, 1), PROJECT.symbol, RejectCode.INVALID_PRICE),
        ((990, -1), (0, 0), PROJECT.symbol, RejectCode.INVALID_QUANTITY),
        ((99, 1), (1000, 1), PROJECT.symbol, RejectCode.PRICE_OUTSIDE_BAND),
        ((990, 1), (1000, 1), "NOTHING", RejectCode.UNKNOWN_INSTRUMENT),
    ],
)
def test_refused_quotes(
    market: Market, bid: tuple[int, int], ask: tuple[int, int], instrument: str, code: RejectCode
) -> None:
    """What no order could be, no quote can be."""
    assert code is refusal(market, quote(market, "q1", bid, ask, instrument))


def test_a_repeated_quote_is_a_duplicate(market: Market) -> None:
    """The same id gets the answer that it got, whether it entered or changed orders; an order's id is refused."""
    first = market.next_seq
    market.do(quote(market, "q1", (990, 10), (1010, 10)))
    second = market.next_seq
    market.do(quote(market, "q2", (991, 10), (1010, 10)))
    assert first == market.execute(quote(market, "q1", (990, 10), (1010, 10))).duplicate_of
    assert second == market.execute(quote(market, "q2", (991, 10), (1010, 10))).duplicate_of
    market.alpha.rest(market.alpha.buy(1, 900, client_order_id="q3/ask"))
    assert RejectCode.CLIENT_ORDER_ID_REUSED is refusal(market, quote(market, "q3", (991, 10), (1010, 10)))


def test_quotes_are_cancelled(market: Market) -> None:
    """In one instrument or in all, by the maker or an operator; other orders stay."""
    kept = market.alpha.rest(market.alpha.buy(1, 900))
    market.do(quote(market, "q1", (990, 10), (1010, 20)))
    market.do(quote(market, "q2", (990, 10), (1010, 20), BASKET.symbol))
    alpha = market.alpha
    one = market.do(CancelQuotes(alpha.key_id, alpha.session, ALPHA, PROJECT.symbol))
    assert [PROJECT.symbol] * 2 == [event.instrument for event in one if isinstance(event, OrderCancelled)]
    rest = market.do(CancelQuotes(LOCAL_OPERATOR, 0, ALPHA))
    assert [BASKET.symbol] * 2 == [event.instrument for event in rest if isinstance(event, OrderCancelled)]
    assert [kept] == list(market.state.account_orders[ALPHA])
    assert {} == {symbol: sides for symbol, sides in market.state.making.quotes[ALPHA].items() if sides}
    unknown = CancelQuotes(alpha.key_id, alpha.session, ALPHA, "NOTHING")
    assert RejectCode.UNKNOWN_INSTRUMENT is refusal(market, unknown)


def test_a_filled_side_is_entered_anew(market: Market) -> None:
    """The next quote places an order where the last one was taken whole."""
    market.do(quote(market, "q1", (990, 10), (1010, 20)))
    market.beta.place(market.beta.sell(10, 990))
    assert OrderStatus.FILLED is market.state.remembered[ALPHA]["q1/bid"].status
    bid, ask = market.do(quote(market, "q2", (990, 10), (1010, 20)))
    assert isinstance(bid, OrderAccepted)
    assert isinstance(ask, OrderAmended)


def test_a_protection_that_trips_on_the_first_side_ends_both(market: Market) -> None:
    """The second side is neither changed nor entered when the first one traded too much."""
    alpha = market.alpha
    market.do(SetProtection(alpha.key_id, alpha.session, ALPHA, PROJECT.symbol, MINUTE_NS, 5, 100))
    market.beta.rest(market.beta.sell(5, 1000))
    events = market.do(quote(market, "q1", (1000, 8), (1010, 8)))
    kinds = [event.kind for event in events]
    assert ["order_accepted", "fill", "protection_tripped", "order_cancelled"] == kinds
    assert {} == sides(market)
