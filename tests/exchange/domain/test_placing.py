"""New orders: accepted with their holds, traded, or refused with a number."""

from __future__ import annotations

import msgspec
import pytest

from exchange.domain import executions, order_entry
from exchange.domain.events import CancelReason, OrderAccepted
from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import RejectCode
from matching.events import Refusal, Refused
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill, rejected
from tests.market import CASH, PROJECT, UNITS, V19, Market

BUY, SELL = Side.BUY, Side.SELL


def test_buy_rests_with_its_hold(market: Market) -> None:
    """A buy order holds its notional at the limit and the higher of the two fees."""
    order = market.alpha.buy(10, 1000)
    order_id = market.next_seq
    assert [accepted(market.alpha, order, hold_cash=10_020)] == market.alpha.place(order)
    assert (CASH, 10_020) == market.balance("alpha", "EUR")
    assert [(1000, 10, 1)] == market.state.books[PROJECT.symbol].depth(BUY)
    assert [order_id] == list(market.state.account_orders["alpha"])


def test_sell_rests_with_its_hold(market: Market) -> None:
    """A sell order holds the units that it would deliver, and no cash."""
    order = market.beta.sell(10, 1000)
    assert [accepted(market.beta, order)] == market.beta.place(order)
    assert (UNITS, 10) == market.balance("beta", V19)
    assert (CASH, 0) == market.balance("beta", "EUR")


def test_trade_moves_units_against_cash(market: Market) -> None:
    """Both legs and both fees move in the fill; the venue owns the fees and nothing stays held."""
    maker = market.beta.rest(market.beta.sell(10, 1000))
    order = market.alpha.buy(10, 1000)
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=10_020),
        fill(
            maker,
            taker,
            BUY,
            1000,
            10,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=20,
            seller_fee=10,
        ),
    ] == market.alpha.place(order)
    assert (CASH - 10_020, 0) == market.balance("alpha", "EUR")
    assert (UNITS + 10, 0) == market.balance("alpha", V19)
    assert (CASH + 9_990, 0) == market.balance("beta", "EUR")
    assert (UNITS - 10, 0) == market.balance("beta", V19)
    assert (30, 0) == market.balance("VENUE", "EUR")


def test_selling_taker_gets_the_makers_price(market: Market) -> None:
    """A sell order below the best bid trades at the bid; the resting buyer pays the maker's fee and no more is held."""
    maker = market.alpha.rest(market.alpha.buy(10, 1000))
    order = market.beta.sell(4, 900)
    taker = market.next_seq
    assert [
        accepted(market.beta, order),
        fill(
            maker,
            taker,
            SELL,
            1000,
            4,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=4,
            seller_fee=8,
            buyer_release=4,
        ),
    ] == market.beta.place(order)
    assert (CASH - 4_004, 6_012) == market.balance("alpha", "EUR")


def test_sweep_of_two_levels_rests_with_the_remainder(market: Market) -> None:
    """Best price first; every fill releases what the order no longer needs; the rest keeps its hold."""
    first = market.beta.rest(market.beta.sell(3, 990))
    second = market.gamma.rest(market.gamma.sell(3, 1000))
    order = market.alpha.buy(10, 1000)
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=10_020),
        fill(
            first,
            taker,
            BUY,
            990,
            3,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=6,
            seller_fee=3,
            # 10,020 - 2,970 - 6 = 7,044; open: 7,000 and ceil(5.94 + 14) - 6 = 14.
            buyer_release=30,
        ),
        fill(
            second,
            taker,
            BUY,
            1000,
            3,
            buyer=market.alpha,
            seller=market.gamma,
            buyer_fee=6,
            seller_fee=3,
        ),
    ] == market.alpha.place(order)
    assert [(1000, 4, 1)] == market.state.books[PROJECT.symbol].depth(BUY)
    assert (CASH - 5_982, 4_008) == market.balance("alpha", "EUR")


def test_immediate_or_cancel_ends_its_remainder(market: Market) -> None:
    """What does not trade at once is cancelled and its hold released."""
    maker = market.beta.rest(market.beta.sell(4, 1000))
    order = market.alpha.buy(10, 1000, time_in_force=TimeInForce.IOC)
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=10_020),
        fill(
            maker,
            taker,
            BUY,
            1000,
            4,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=8,
            seller_fee=4,
        ),
        cancelled(market.alpha, taker, 6, CancelReason.IMMEDIATE_OR_CANCEL, release_cash=6_012),
    ] == market.alpha.place(order)
    assert (CASH - 4_008, 0) == market.balance("alpha", "EUR")


def test_fill_or_kill(market: Market) -> None:
    """All of it over several levels, or nothing."""
    first = market.beta.rest(market.beta.sell(4, 1000))
    second = market.gamma.rest(market.gamma.sell(4, 1010))
    killed = market.alpha.buy(9, 1010, time_in_force=TimeInForce.FOK)
    taker = market.next_seq
    assert [
        accepted(market.alpha, killed, hold_cash=9_109),
        cancelled(market.alpha, taker, 9, CancelReason.FILL_OR_KILL, release_cash=9_109),
    ] == market.alpha.place(killed)
    filled = market.alpha.buy(8, 1010, time_in_force=TimeInForce.FOK)
    taker = market.next_seq
    assert [
        # 8,080 and ceil(16.16).
        accepted(market.alpha, filled, hold_cash=8_097),
        fill(
            first,
            taker,
            BUY,
            1000,
            4,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=8,
            seller_fee=4,
            buyer_release=40,
        ),
        fill(
            second,
            taker,
            BUY,
            1010,
            4,
            buyer=market.alpha,
            seller=market.gamma,
            buyer_fee=9,
            # ceil(4.04)
            seller_fee=5,
        ),
    ] == market.alpha.place(filled)
    assert (CASH - 8_057, 0) == market.balance("alpha", "EUR")


def test_iceberg_rests_with_its_whole_hold(market: Market) -> None:
    """The book shows the display quantity; the hold covers what is hidden too; each refill is a fill of its own."""
    maker = market.beta.rest(market.beta.sell(10, 1000, display_quantity=4))
    assert [(1000, 4, 1)] == market.state.books[PROJECT.symbol].depth(SELL)
    assert (UNITS, 10) == market.balance("beta", V19)
    order = market.alpha.buy(6, 1000)
    taker = market.next_seq
    fills = [
        fill(
            maker,
            taker,
            BUY,
            1000,
            quantity,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=2 * quantity,
            seller_fee=quantity,
        )
        for quantity in (4, 2)
    ]
    assert [accepted(market.alpha, order, hold_cash=6_012), *fills] == market.alpha.place(order)
    assert [(1000, 2, 1)] == market.state.books[PROJECT.symbol].depth(SELL)
    assert (UNITS - 6, 4) == market.balance("beta", V19)


def test_iceberg_that_hides_nothing(market: Market) -> None:
    """A display of the whole quantity is allowed and shows it all."""
    market.beta.rest(market.beta.sell(10, 1000, display_quantity=10))
    assert [(1000, 10, 1)] == market.state.books[PROJECT.symbol].depth(SELL)


def test_post_only_rests_short_of_the_other_side(market: Market) -> None:
    """A post-only order that does not trade is an order like others; one that would is refused, and remembered so."""
    market.beta.rest(market.beta.sell(10, 1001))
    market.alpha.rest(market.alpha.buy(10, 1000, post_only=True))
    crossing = market.alpha.buy(10, 1001, post_only=True)
    assert [
        rejected(market.alpha, crossing, RejectCode.POST_ONLY_WOULD_TRADE, "the order would trade at once")
    ] == market.alpha.place(crossing)


@pytest.mark.parametrize("price", [500, 1500])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_prices_at_the_edges_of_the_band(market: Market, price: int, side: Side) -> None:
    """The lowest and the highest price of the band are inside."""
    trader = market.alpha
    market.alpha.rest(trader.buy(1, price) if side is BUY else trader.sell(1, price))


@pytest.mark.parametrize(
    ("reference", "band_ppm", "low", "high"),
    [
        (1000, 333, 1000 - 1, 1000 + 1),
        (1001, 100_000, 901, 1101),
        (7, 100_000, 6, 8),
        (1, 100_000, 1, 2),
        (1, 1_000_000, 1, 2),
        (3, 1_000_000, 1, 6),
    ],
)
def test_price_band(market: Market, reference: int, band_ppm: int, low: int, high: int) -> None:
    """The band is rounded inwards, leaves at least one tick either way, and never reaches zero."""
    instrument = msgspec.structs.replace(
        PROJECT, symbol="BAND", reference_price_ticks=reference, band_ppm=band_ppm
    )
    market.list_instrument(instrument)
    assert (low, high) == order_entry.price_band(market.state.listings["BAND"])


def test_the_last_cent_can_be_held(market: Market) -> None:
    """An order that needs exactly what is available is taken; one cent less is not enough."""
    # 9,980 x 1,000 and its fee of 19,960 are 9,999,960.
    market.alpha.rest(market.alpha.buy(9_980, 1000))
    market.deposit_cash("alpha", 461)
    order = market.alpha.buy(1, 500)
    assert [
        rejected(
            market.alpha,
            msgspec.structs.replace(order, client_order_id="one-more-cent", price=501),
            RejectCode.INSUFFICIENT_FUNDS,
            "503 minor units of EUR needed, 501 available",
        )
    ] == market.alpha.place(msgspec.structs.replace(order, client_order_id="one-more-cent", price=501))
    market.alpha.rest(order)
    assert (CASH + 461, CASH + 461) == market.balance("alpha", "EUR")


def test_huge_but_possible_amounts(market: Market) -> None:
    """The largest supply, price and quantity stay exact."""
    market.list_instrument(
        msgspec.structs.replace(
            PROJECT,
            symbol="HUGE",
            tick=100,
            reference_price_ticks=10**6,
            maximum_quantity=10**12,
            maker_fee_ppm=0,
            taker_fee_ppm=1,
        )
    )
    for _ in range(999):
        market.deposit_cash("alpha", 10**15)
    market.deposit_units("beta", V19, 10**10)
    maker = market.beta.rest(market.beta.sell(9_900_000_000, 10**6, "HUGE"))
    order = market.alpha.buy(9_900_000_000, 10**6, "HUGE")
    taker = market.next_seq
    assert [
        accepted(market.alpha, order, hold_cash=990_000_990_000_000_000, fees_ppm=(0, 1)),
        fill(
            maker,
            taker,
            BUY,
            10**6,
            9_900_000_000,
            amount=99 * 10**16,
            buyer=market.alpha,
            seller=market.beta,
            buyer_fee=990_000_000_000,
            seller_fee=0,
            instrument="HUGE",
        ),
    ] == market.alpha.place(order)


def test_the_book_never_surprises(market: Market) -> None:
    """An answer of the book that a checked request cannot have stops the venue."""
    listing = market.state.listings[PROJECT.symbol]
    with pytest.raises(TypeError, match="unknown_order"):
        executions.emit_book_events(market.venue, listing, [Refused(1, Refusal.UNKNOWN_ORDER)])


def test_status_of_a_live_order(market: Market) -> None:
    """Open until its first fill, then partially filled; what the venue remembers says how it ended."""
    order = market.alpha.buy(2, 1000)
    order_id = market.alpha.rest(order)
    live = market.state.orders[order_id]
    statuses = [live.status]
    market.beta.place(market.beta.sell(1, 1000))
    statuses.append(live.status)
    assert [OrderStatus.OPEN, OrderStatus.PARTIALLY_FILLED] == statuses
    remembered = market.state.remembered["alpha"][order.client_order_id]
    market.alpha.cancel(order_id)
    assert (OrderStatus.CANCELLED, 1, order_id) == (
        remembered.status,
        remembered.filled,
        remembered.order_id,
    )


def test_order_ids_are_seqs(market: Market) -> None:
    """The id of an order is the seq of its acceptance."""
    order_id = market.alpha.rest(market.alpha.buy(1, 1000))
    (recorded,) = [one for one in market.recorded if one.seq == order_id]
    assert type(recorded.event) is OrderAccepted
