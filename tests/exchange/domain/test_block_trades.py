"""Block trades: both sides key the same trade, or nothing happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import (
    BlockTrade,
    BlockTradeEnded,
    BlockTradeKeyed,
    CancelReason,
    DayClosed,
    RequestRefused,
    TradeSettled,
)
from exchange.domain.holdings import LOWEST_SERIAL
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from matching.order import Side
from tests.exchange.domain.expected import refused
from tests.market import (
    ALPHA,
    ALPHA_2,
    BASKET,
    BETA,
    BUSINESS_DATE,
    CASH,
    PROJECT,
    UNITS,
    V18,
    V19,
    V20,
    Market,
)

if TYPE_CHECKING:
    from exchange.domain.events import Event
    from tests.market import Trader

BETAS = SerialBlock("VCS", "opening-2019", 250_001, 250_500)
"""Serials out of the middle of what beta has of vintage 2019."""


def key(trader: Trader, counterparty: str, side: Side, **terms: Any) -> commands.KeyBlockTrade:
    """A half of a block trade of 500 units at 10.00."""
    fields = {
        "instrument": PROJECT.symbol,
        "price": 1000,
        "quantity": 500,
        "trade_reference": "deal-1",
        **terms,
    }
    return commands.KeyBlockTrade(
        trader.key_id, trader.session, trader.account, counterparty, side=side, **fields
    )


def keyed(trader: Trader, counterparty: str, side: Side, **terms: Any) -> BlockTradeKeyed:
    """The event of that half."""
    fields = {
        "instrument": PROJECT.symbol,
        "price": 1000,
        "quantity": 500,
        "trade_reference": "deal-1",
        **terms,
    }
    return BlockTradeKeyed(trader.account, trader.session, counterparty, side=side, **fields)


def traded(**terms: Any) -> BlockTrade:
    """The trade of both halves: alpha buys, both pay the maker's rate of 0.1 %."""
    fields: dict[str, Any] = {
        "instrument": PROJECT.symbol,
        "trade_reference": "deal-1",
        "price": 1000,
        "quantity": 500,
        "buyer": ALPHA,
        "seller": BETA,
        "currency": "EUR",
        "amount": 500_000,
        "buyer_fee": 500,
        "seller_fee": 500,
        "delivered": ((V19, 500),),
        "rule": LOWEST_SERIAL,
        "settlement_date": BUSINESS_DATE,
        **terms,
    }
    return BlockTrade(**fields)


def both(market: Market, **terms: Any) -> list[Event]:
    """Both halves, the buyer's first; the events of the second."""
    market.do(key(market.alpha, BETA, Side.BUY, **terms))
    return market.do(key(market.beta, ALPHA, Side.SELL, **terms))


def test_the_second_half_makes_the_trade(market: Market) -> None:
    """The first half holds nothing; with the second one cash, fees and units move at once."""
    first = market.do(key(market.alpha, BETA, Side.BUY))
    between = market.balance(ALPHA, "EUR")
    second = market.do(key(market.beta, ALPHA, Side.SELL))

    assert [keyed(market.alpha, BETA, Side.BUY)] == first
    assert (CASH, 0) == between
    assert [keyed(market.beta, ALPHA, Side.SELL), traded()] == second
    assert (CASH - 500_500, 0) == market.balance(ALPHA, "EUR")
    assert (CASH + 499_500, 0) == market.balance(BETA, "EUR")
    assert (UNITS + 500, 0) == market.balance(ALPHA, V19)
    assert market.state.holdings.holds(ALPHA, V19, SerialBlock("VCS", "opening-2019", 200_001, 200_500))


def test_named_serials_change_hands(market: Market) -> None:
    """The very serials that both named, though lower ones are there."""
    blocks = ((V19, BETAS),)

    events = both(market, blocks=blocks)

    assert traded(blocks=blocks) == events[1]
    assert market.state.holdings.holds(ALPHA, V19, BETAS)
    assert not market.state.holdings.holds(BETA, V19, BETAS)


def test_named_classes_and_the_default(market: Market) -> None:
    """In a basket the halves name the classes, or the seller's oldest vintages go."""
    named = both(market, instrument=BASKET.symbol, deliver=((V20, 200), (V19, 300)))
    default = both(market, instrument=BASKET.symbol, trade_reference="deal-2")

    assert ((V20, 200), (V19, 300)) == named[1].delivered  # type: ignore[attr-defined]
    assert ((V18, 500),) == default[1].delivered  # type: ignore[attr-defined]


def test_a_block_may_exceed_the_books_largest_order(market: Market) -> None:
    """Only the book has an upper limit."""
    small = msgspec.structs.replace(PROJECT, symbol="SMALL", maximum_quantity=100)
    market.list_instrument(small)

    assert traded(instrument="SMALL") == both(market, instrument="SMALL")[1]


@pytest.mark.parametrize(
    ("terms", "term"),
    [
        ({"price": 1001}, "price"),
        ({"quantity": 501}, "quantity"),
        ({"instrument": BASKET.symbol}, "instrument"),
        ({"deliver": ((V19, 500),)}, "deliver"),
        ({"blocks": ((V19, BETAS),)}, "blocks"),
    ],
)
def test_halves_that_differ(market: Market, terms: dict[str, Any], term: str) -> None:
    """The second half is refused and told what differs; the first one goes on waiting."""
    market.do(key(market.alpha, BETA, Side.BUY))

    events = market.do(key(market.beta, ALPHA, Side.SELL, **terms))

    message = f"the counterparty keyed another {term}; nothing was accepted"
    assert [refused(market.beta, "KeyBlockTrade", RejectCode.BLOCK_TRADE_DIFFERS, message)] == events
    assert traded() == market.do(key(market.beta, ALPHA, Side.SELL))[1]


def test_two_buyers_do_not_trade(market: Market) -> None:
    """Both sides must be there."""
    market.do(key(market.alpha, BETA, Side.BUY))

    events = market.do(key(market.beta, ALPHA, Side.BUY))

    message = "the counterparty keyed the same side; nothing was accepted"
    assert [refused(market.beta, "KeyBlockTrade", RejectCode.BLOCK_TRADE_DIFFERS, message)] == events


def test_repeated_halves(market: Market) -> None:
    """The same half names the first answer, whether it waits or traded; another body is refused."""
    first_seq = market.next_seq
    market.do(key(market.alpha, BETA, Side.BUY))
    waiting = market.execute(key(market.alpha, BETA, Side.BUY))
    (other,) = market.do(key(market.alpha, BETA, Side.BUY, price=1001))
    market.do(key(market.beta, ALPHA, Side.SELL))
    done = market.execute(key(market.alpha, BETA, Side.BUY))
    (side,) = market.do(key(market.alpha, BETA, Side.SELL))

    assert (first_seq, first_seq) == (waiting.duplicate_of, done.duplicate_of)
    message = "trade reference 'deal-1' was used for another block trade with this counterparty"
    assert refused(market.alpha, "KeyBlockTrade", RejectCode.REFERENCE_REUSED, message) == other == side


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"counterparty": "nobody"}, RejectCode.UNKNOWN_ACCOUNT),
        ({"counterparty": ALPHA_2}, RejectCode.UNKNOWN_ACCOUNT),
        ({"trade_reference": ""}, RejectCode.INVALID_PARAMS),
        ({"instrument": "NONE"}, RejectCode.UNKNOWN_INSTRUMENT),
        ({"price": 1501}, RejectCode.PRICE_OUTSIDE_BAND),
        ({"quantity": 0}, RejectCode.INVALID_QUANTITY),
        ({"deliver": ((V19, 500),), "blocks": ((V19, BETAS),)}, RejectCode.DELIVERY_MISMATCH),
        ({"deliver": ((V19, 499),)}, RejectCode.DELIVERY_MISMATCH),
        ({"deliver": ((V19, 200), (V19, 300))}, RejectCode.DELIVERY_MISMATCH),
        ({"deliver": ((V19, 500), (V20, 0))}, RejectCode.CLASS_NOT_DELIVERABLE),
        ({"deliver": ((V20, 500),)}, RejectCode.CLASS_NOT_DELIVERABLE),
        ({"blocks": ((V19, BETAS), (V19, BETAS))}, RejectCode.SERIAL_BLOCK_OVERLAPS),
        ({"blocks": (("VCS-0-2000", BETAS),)}, RejectCode.UNKNOWN_CLASS),
        (
            {"blocks": ((V19, SerialBlock("VCS", "opening-2019", 250_001, 250_499)),)},
            RejectCode.DELIVERY_MISMATCH,
        ),
    ],
)
def test_refused_halves(market: Market, terms: dict[str, Any], code: RejectCode) -> None:
    """Terms that could never trade are refused at once."""
    fields = dict(terms)
    counterparty = fields.pop("counterparty", BETA)

    (event,) = market.do(key(market.alpha, counterparty, Side.BUY, **fields))

    assert isinstance(event, RequestRefused)
    assert code is event.code
    assert {} == market.state.block_halves


def test_a_halted_instrument_takes_no_halves(market: Market) -> None:
    """Block trades keep to the instrument's state."""
    market.change_state(PROJECT.symbol, InstrumentState.HALTED)

    (event,) = market.do(key(market.alpha, BETA, Side.BUY))

    assert RejectCode.INSTRUMENT_HALTED is event.code  # type: ignore[attr-defined]


def test_uncovered_sides(market: Market) -> None:
    """Who cannot cover its own side hears what is missing, who meets such a side hears only that it is."""
    market.do(key(market.alpha, BETA, Side.BUY, quantity=20_000))
    (poor_buyer,) = market.do(key(market.beta, ALPHA, Side.SELL, quantity=20_000))
    market.do(key(market.beta, ALPHA, Side.SELL, quantity=20_000, trade_reference="deal-2"))
    (own,) = market.do(key(market.alpha, BETA, Side.BUY, quantity=20_000, trade_reference="deal-2"))

    covered = "the counterparty cannot cover its side now"
    missing = "20020000 minor units of EUR needed, 10000000 available"
    assert refused(market.beta, "KeyBlockTrade", RejectCode.COUNTERPARTY_NOT_COVERED, covered) == poor_buyer
    assert refused(market.alpha, "KeyBlockTrade", RejectCode.INSUFFICIENT_FUNDS, missing) == own


def test_serials_that_are_not_the_sellers(market: Market) -> None:
    """Named serials must be free with the seller, and units that orders hold stay."""
    alphas = ((V19, SerialBlock("VCS", "opening-2019", 1, 500)),)
    market.do(key(market.beta, ALPHA, Side.SELL, blocks=alphas))
    (foreign,) = market.do(key(market.alpha, BETA, Side.BUY, blocks=alphas))
    market.beta.rest(market.beta.sell(UNITS, 1400))
    market.do(key(market.alpha, BETA, Side.BUY, blocks=((V19, BETAS),), trade_reference="deal-2"))
    (held,) = market.do(key(market.beta, ALPHA, Side.SELL, blocks=((V19, BETAS),), trade_reference="deal-2"))

    covered = "the counterparty cannot cover its side now"
    assert refused(market.alpha, "KeyBlockTrade", RejectCode.COUNTERPARTY_NOT_COVERED, covered) == foreign
    message = "500 deliverable units needed, 0 available"
    assert refused(market.beta, "KeyBlockTrade", RejectCode.INSUFFICIENT_UNITS, message) == held


def test_a_half_is_withdrawn(market: Market) -> None:
    """Its owner takes it back while it waits; it cannot trade any more and cannot be withdrawn again."""
    withdraw = commands.WithdrawBlockTrade(market.alpha.key_id, market.alpha.session, ALPHA, BETA, "deal-1")
    market.do(key(market.alpha, BETA, Side.BUY))

    events = market.do(withdraw)
    second = market.do(key(market.beta, ALPHA, Side.SELL))
    (again,) = market.do(withdraw)

    assert [BlockTradeEnded(ALPHA, BETA, "deal-1", CancelReason.REQUESTED)] == events
    assert [keyed(market.beta, ALPHA, Side.SELL)] == second
    message = f"no half of yours with reference 'deal-1' waits for '{BETA}'"
    assert refused(market.alpha, "WithdrawBlockTrade", RejectCode.UNKNOWN_BLOCK_TRADE, message) == again


def test_halves_expire_with_the_day(market: Market) -> None:
    """What has not met its other half ends; ended halves are forgotten one day end later."""
    market.do(key(market.alpha, BETA, Side.BUY))
    both(market, trade_reference="deal-2")

    first = market.close_day("2026-11-24")
    remembered = len(market.state.block_halves)
    market.close_day("2026-11-25")

    assert BlockTradeEnded(ALPHA, BETA, "deal-1", CancelReason.EXPIRED) == first[0]
    assert isinstance(first[1], DayClosed)
    assert (3, 0) == (remembered, len(market.state.block_halves))


def test_a_deferred_block_trade(market: Market) -> None:
    """On an instrument that settles later cash and serials are locked until the date."""
    later = msgspec.structs.replace(PROJECT, symbol="T1", settlement_days=1)
    market.list_instrument(later)

    events = both(market, instrument="T1", blocks=((V19, BETAS),))
    trade_seq = market.state.last_seq
    locked = (market.balance(ALPHA, "EUR"), market.balance(BETA, V19))
    due = market.close_day("2026-11-24")

    expected = traded(instrument="T1", blocks=((V19, BETAS),), settlement_date="2026-11-24", deferred=True)
    assert expected == events[1]
    assert ((CASH, 500_500), (UNITS, 500)) == locked
    assert TradeSettled(trade_seq, ALPHA, BETA, "EUR", 500_000, 500, 500, ((V19, 500),)) == due[-1]
    assert market.state.holdings.holds(ALPHA, V19, BETAS)


def test_strangers_key_nothing(market: Market) -> None:
    """Only a trader's own account, and no operator."""
    command = msgspec.structs.replace(key(market.alpha, BETA, Side.BUY), by=LOCAL_OPERATOR)

    (event,) = market.do(command)

    assert RejectCode.NOT_PERMITTED is event.code  # type: ignore[attr-defined]
