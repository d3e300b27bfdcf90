"""New orders: accepted with their holds, traded, or refused with a number."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from exchange.domain import order_entry
from exchange.domain.events import CancelReason, OrderAccepted
from exchange.domain.instruments import InstrumentState
from exchange.domain.orders import OrderRequest, OrderStatus, OrderType
from exchange.domain.rejects import RejectCode
from matching.events import Refusal, Refused
from matching.order import Side, TimeInForce
from tests.exchange.domain.expected import accepted, cancelled, fill, rejected
from tests.market import BASKET, CASH, PROJECT, UNITS, V18, V19, V20, Market

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


MARKET_TERMS = {"price": None, "order_type": OrderType.MARKET}
NEVER_RESTS = "an order that never rests "
TERMS: list[tuple[Side, dict[str, Any], RejectCode, str]] = [
    (BUY, {"instrument": "GOLD"}, RejectCode.UNKNOWN_INSTRUMENT, "'GOLD' is not listed"),
    (BUY, {"quantity": 0}, RejectCode.INVALID_QUANTITY, "a quantity is at least 1"),
    (SELL, {"quantity": -5}, RejectCode.INVALID_QUANTITY, "a quantity is at least 1"),
    (BUY, {"quantity": 1_000_001}, RejectCode.QUANTITY_ABOVE_MAXIMUM, "the maximum is 1000000"),
    (BUY, {"quantity": 2**63 - 1}, RejectCode.QUANTITY_ABOVE_MAXIMUM, "the maximum is 1000000"),
    (BUY, {"price": None}, RejectCode.INVALID_PRICE, "a limit order needs a price"),
    (
        BUY,
        {"price": 1501},
        RejectCode.PRICE_OUTSIDE_BAND,
        "15.01 lies outside the band 5.00 to 15.00",
    ),
    (SELL, {"price": 499}, RejectCode.PRICE_OUTSIDE_BAND, "4.99 lies outside the band 5.00 to 15.00"),
    (BUY, {"price": 0}, RejectCode.PRICE_OUTSIDE_BAND, "0.00 lies outside the band 5.00 to 15.00"),
    (BUY, {"price": -1}, RejectCode.PRICE_OUTSIDE_BAND, "-0.01 lies outside the band 5.00 to 15.00"),
    (
        SELL,
        {"price": 2**63 - 1},
        RejectCode.PRICE_OUTSIDE_BAND,
        "92233720368547758.07 lies outside the band 5.00 to 15.00",
    ),
    (
        BUY,
        {**MARKET_TERMS, "time_in_force": TimeInForce.GTC},
        RejectCode.ORDER_TERMS_CONFLICT,
        "a market order never rests, so it cannot be good till cancelled or till a date",
    ),
    (
        BUY,
        {**MARKET_TERMS, "time_in_force": TimeInForce.GTD, "expire_date": "2026-11-23"},
        RejectCode.ORDER_TERMS_CONFLICT,
        "a market order never rests, so it cannot be good till cancelled or till a date",
    ),
    (BUY, {**MARKET_TERMS, "price": 0}, RejectCode.INVALID_PRICE, "a protection price is positive"),
    (
        BUY,
        {**MARKET_TERMS, "post_only": True},
        RejectCode.ORDER_TERMS_CONFLICT,
        NEVER_RESTS + "cannot be post-only",
    ),
    (
        SELL,
        {"time_in_force": TimeInForce.IOC, "post_only": True},
        RejectCode.ORDER_TERMS_CONFLICT,
        NEVER_RESTS + "cannot be post-only",
    ),
    (
        SELL,
        {"time_in_force": TimeInForce.FOK, "display_quantity": 1},
        RejectCode.ORDER_TERMS_CONFLICT,
        NEVER_RESTS + "has no display quantity",
    ),
    (
        SELL,
        {"display_quantity": 11},
        RejectCode.ORDER_TERMS_CONFLICT,
        "the display quantity is a multiple of the lot and not above the quantity",
    ),
    (
        SELL,
        {"display_quantity": -1},
        RejectCode.ORDER_TERMS_CONFLICT,
        "the display quantity is a multiple of the lot and not above the quantity",
    ),
    (
        BUY,
        {"expire_date": "2026-11-24"},
        RejectCode.ORDER_TERMS_CONFLICT,
        "an expire date and time in force GTD go together",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD},
        RejectCode.ORDER_TERMS_CONFLICT,
        "an expire date and time in force GTD go together",
    ),
    (
        BUY,
        {"deliver": ((V19, 10),)},
        RejectCode.ORDER_TERMS_CONFLICT,
        "only a sell order names the classes that it delivers",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "2026-02-30"},
        RejectCode.INVALID_DATE,
        "'2026-02-30' is not a date such as 2026-11-23",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "20261123"},
        RejectCode.INVALID_DATE,
        "'20261123' is not a date such as 2026-11-23",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "2026-W48-1"},
        RejectCode.INVALID_DATE,
        "'2026-W48-1' is not a date such as 2026-11-23",
    ),
    (
        BUY,
        {"time_in_force": TimeInForce.GTD, "expire_date": "2026-11-22"},
        RejectCode.EXPIRY_IN_THE_PAST,
        "2026-11-22 is before the business date 2026-11-23",
    ),
    (
        BUY,
        {"quantity": 10_000, "price": 1000},
        RejectCode.INSUFFICIENT_FUNDS,
        "10020000 minor units of EUR needed, 10000000 available",
    ),
    (
        SELL,
        {"quantity": 100_001},
        RejectCode.INSUFFICIENT_UNITS,
        "100001 deliverable units needed, 100000 available",
    ),
    (
        SELL,
        {"deliver": ((V18, 10),)},
        RejectCode.CLASS_NOT_DELIVERABLE,
        f"'{V18}' does not deliver into RIMBA-19",
    ),
    (
        SELL,
        {"deliver": ((V19, 9),)},
        RejectCode.DELIVERY_MISMATCH,
        "the classes to deliver add up to 9 units (each class once, at least 1), not 10",
    ),
    (
        SELL,
        {"instrument": BASKET.symbol, "deliver": ((V18, 5), (V18, 5))},
        RejectCode.DELIVERY_MISMATCH,
        "the classes to deliver add up to 10 units (each class once, at least 1), not 10",
    ),
    (
        SELL,
        {"instrument": BASKET.symbol, "deliver": ((V18, 11), (V19, -1))},
        RejectCode.DELIVERY_MISMATCH,
        "the classes to deliver add up to 10 units (each class once, at least 1), not 10",
    ),
    (
        SELL,
        {"instrument": BASKET.symbol, "quantity": 100_005, "deliver": ((V18, 5), (V20, 100_000))},
        RejectCode.INSUFFICIENT_UNITS,
        f"100000 units of {V20} needed, 99999 available",
    ),
]


@pytest.mark.parametrize(("side", "terms", "code", "message"), TERMS)
def test_refused_orders(
    market: Market, side: Side, terms: dict[str, Any], code: RejectCode, message: str
) -> None:
    """Each is refused with its number, changes nothing but the memory of its id, and is answered the same again."""
    market.beta.rest(market.beta.sell(1, 1100, BASKET.symbol, deliver=((V20, 1),)))
    fields = {"instrument": PROJECT.symbol, "quantity": 10, "price": 1000, **terms}
    order = OrderRequest(client_order_id="refused", side=side, **fields)
    before = msgspec.to_builtins(market.state.ledger.accounts)
    first_seq = market.next_seq
    assert [rejected(market.beta, order, code, message)] == market.beta.place(order)
    assert before == msgspec.to_builtins(market.state.ledger.accounts)
    assert first_seq == market.execute(market.beta.place_command(order)).duplicate_of


def test_quantity_limits_of_the_instrument(market: Market) -> None:
    """Below the minimum and off the lot."""
    lots = msgspec.structs.replace(PROJECT, symbol="LOTS", lot=10, minimum_quantity=20)
    market.list_instrument(lots)
    small, odd = market.alpha.buy(10, 1000, "LOTS"), market.alpha.buy(25, 1000, "LOTS")
    assert [
        rejected(market.alpha, small, RejectCode.QUANTITY_BELOW_MINIMUM, "the minimum is 20")
    ] == market.alpha.place(small)
    assert [
        rejected(market.alpha, odd, RejectCode.QUANTITY_OFF_LOT, "25 is not a multiple of the lot 10")
    ] == market.alpha.place(odd)
    shown = market.alpha.buy(40, 1000, "LOTS", display_quantity=15)
    assert [
        rejected(
            market.alpha,
            shown,
            RejectCode.ORDER_TERMS_CONFLICT,
            "the display quantity is a multiple of the lot and not above the quantity",
        )
    ] == market.alpha.place(shown)


@pytest.mark.parametrize(
    ("state", "code", "message"),
    [
        (
            InstrumentState.HALTED,
            RejectCode.INSTRUMENT_HALTED,
            "RIMBA-19 is halted and takes cancels only",
        ),
        (InstrumentState.CLOSED, RejectCode.INSTRUMENT_CLOSED, "RIMBA-19 is closed"),
    ],
)
def test_no_new_orders_while_not_open(
    market: Market, state: InstrumentState, code: RejectCode, message: str
) -> None:
    """A halted or closed instrument refuses orders, until it opens again."""
    market.change_state(PROJECT.symbol, state)
    order = market.alpha.buy(1, 1000)
    assert [rejected(market.alpha, order, code, message)] == market.alpha.place(order)
    market.change_state(PROJECT.symbol, InstrumentState.OPEN)
    market.alpha.rest(market.alpha.buy(1, 1000))


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


def test_live_orders_of_an_account_are_bounded(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit counts live orders of the account alone; one that ended makes room."""
    monkeypatch.setattr(order_entry, "MAX_OPEN_ORDERS", 2)
    first = market.alpha.rest(market.alpha.buy(1, 1000))
    market.alpha.rest(market.alpha.buy(1, 1000))
    market.alpha_2.rest(market.alpha_2.buy(1, 1000))
    order = market.alpha.buy(1, 1000)
    assert [
        rejected(
            market.alpha,
            order,
            RejectCode.TOO_MANY_OPEN_ORDERS,
            "the account has 2 live orders, the most it may have",
        )
    ] == market.alpha.place(order)
    market.alpha.cancel(first)
    market.alpha.rest(market.alpha.buy(1, 1000))


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
        order_entry.emit_book_events(market.venue, listing, [Refused(1, Refusal.UNKNOWN_ORDER)])


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
