"""Protection of market makers: counted by the venue's own time, tripped inside the venue, reset by hand."""

import pytest

from exchange.domain.events import CancelReason, Event, Fill, OrderCancelled, OrderRejected, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.making.forms import (
    ProtectionReset,
    ProtectionSet,
    ProtectionTripped,
    ResetProtection,
    SetProtection,
)
from exchange.domain.rejects import RejectCode
from tests.market import ALPHA, BASKET, PROJECT, Market, Trader

WINDOW_NS = 1_000_000


def protect(market: Market, quantity: int, fills: int, window_ns: int = WINDOW_NS) -> list[Event]:
    alpha = market.alpha
    return market.do(
        SetProtection(alpha.key_id, alpha.session, ALPHA, PROJECT.symbol, window_ns, quantity, fills)
    )


def reset(market: Market) -> list[Event]:
    alpha = market.alpha
    return market.do(ResetProtection(alpha.key_id, alpha.session, ALPHA, PROJECT.symbol))


def take(trader: Trader, quantity: int) -> list[Event]:
    """Sell to alpha's bids."""
    return trader.place(trader.sell(quantity, 990))


def test_quantity_trips(market: Market) -> None:
    """At the limit all orders of the account in the instrument end, oldest first, in the command of the trade."""
    protect(market, quantity=10, fills=100)
    bid = market.alpha.rest(market.alpha.buy(30, 990))
    ask = market.alpha.rest(market.alpha.sell(30, 1010))
    elsewhere = market.alpha.rest(market.alpha.buy(5, 990, BASKET.symbol))
    assert ["order_accepted", "fill"] == [event.kind for event in take(market.beta, 9)]
    events = take(market.beta, 1)
    assert ["order_accepted", "fill", "protection_tripped", "order_cancelled", "order_cancelled"] == [
        event.kind for event in events
    ]
    assert ProtectionTripped(ALPHA, PROJECT.symbol, 10, 2) == events[2]
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert [(bid, CancelReason.PROTECTION), (ask, CancelReason.PROTECTION)] == [
        (event.order_id, event.reason) for event in cancelled
    ]
    assert [elsewhere] == list(market.state.account_orders[ALPHA])


def test_count_trips(market: Market) -> None:
    """So does the number of trades."""
    protect(market, quantity=1000, fills=2)
    market.alpha.rest(market.alpha.buy(30, 990))
    take(market.beta, 1)
    assert "protection_tripped" in [event.kind for event in take(market.beta, 1)]


def test_a_sweep_is_matched_to_its_end(market: Market) -> None:
    """One order that takes several levels takes them all; what is left ends."""
    protect(market, quantity=10, fills=100)
    for price in (990, 991, 992):
        market.alpha.rest(market.alpha.buy(10, price))
    events = take(market.beta, 25)
    assert 3 == sum(isinstance(event, Fill) for event in events)
    assert ProtectionTripped(ALPHA, PROJECT.symbol, 25, 3) in events
    assert {} == market.state.account_orders[ALPHA]


def test_the_taker_is_protected_too(market: Market) -> None:
    """What an aggressive order of the protected account trades counts, and its rest ends."""
    protect(market, quantity=5, fills=100)
    market.beta.rest(market.beta.sell(5, 1000))
    events = market.alpha.place(market.alpha.buy(8, 1000))
    assert "protection" in [event.reason for event in events if isinstance(event, OrderCancelled)]


def test_the_window_moves(market: Market) -> None:
    """Trades that are older than the window do not count."""
    protect(market, quantity=10, fills=100)
    market.alpha.rest(market.alpha.buy(30, 990))
    take(market.beta, 9)
    market.at += WINDOW_NS
    assert ["order_accepted", "fill"] == [event.kind for event in take(market.beta, 9)]


def test_frozen_until_reset(market: Market) -> None:
    """New orders in the instrument are refused, others are taken; a reset begins anew."""
    protect(market, quantity=5, fills=100)
    market.alpha.rest(market.alpha.buy(30, 990))
    take(market.beta, 5)
    (refused,) = market.alpha.place(market.alpha.buy(1, 990))
    assert isinstance(refused, OrderRejected)
    assert RejectCode.PROTECTION_TRIPPED is refused.code
    (again,) = protect(market, quantity=50, fills=100)
    assert isinstance(again, RequestRefused)
    assert RejectCode.PROTECTION_TRIPPED is again.code
    market.alpha.rest(market.alpha.buy(1, 990, BASKET.symbol))
    assert [ProtectionReset(ALPHA, PROJECT.symbol, market.alpha.key_id)] == reset(market)
    market.alpha.rest(market.alpha.buy(30, 990))
    assert ["order_accepted", "fill"] == [event.kind for event in take(market.beta, 4)]


def test_frozen_accounts_still_trade_out(market: Market) -> None:
    """A trade of the frozen account in another way is not counted against it."""
    protect(market, quantity=5, fills=100)
    market.alpha.rest(market.alpha.buy(5, 990))
    take(market.beta, 5)
    protection = market.state.making.protection(ALPHA, PROJECT.symbol)
    assert protection is not None
    protection.count(market.at, 3)
    assert (True, []) == (protection.frozen, protection.recent)


def test_a_protection_ends(market: Market) -> None:
    """Window 0 ends it; ending what is not there changes nothing; there is nothing to reset then."""
    protect(market, quantity=5, fills=100)
    assert [ProtectionSet(ALPHA, PROJECT.symbol, 0, 0, 0, market.alpha.key_id)] == protect(market, 7, 7, 0)
    protect(market, 7, 7, 0)
    market.alpha.rest(market.alpha.buy(30, 990))
    assert ["order_accepted", "fill"] == [event.kind for event in take(market.beta, 9)]
    (refused,) = reset(market)
    assert isinstance(refused, RequestRefused)
    assert RejectCode.NOT_PROTECTED is refused.code


def test_an_operator_sets_and_resets(market: Market) -> None:
    """For any account."""
    by = LOCAL_OPERATOR
    assert [ProtectionSet(ALPHA, PROJECT.symbol, WINDOW_NS, 5, 6, by)] == market.do(
        SetProtection(by, 0, ALPHA, PROJECT.symbol, WINDOW_NS, 5, 6)
    )
    assert [ProtectionReset(ALPHA, PROJECT.symbol, by)] == market.do(
        ResetProtection(by, 0, ALPHA, PROJECT.symbol)
    )


@pytest.mark.parametrize(
    ("instrument", "window_ns", "quantity", "fills", "code"),
    [
        ("NOTHING", WINDOW_NS, 1, 1, RejectCode.UNKNOWN_INSTRUMENT),
        (PROJECT.symbol, -1, 1, 1, RejectCode.INVALID_PARAMS),
        (PROJECT.symbol, 25 * 3600 * 10**9, 1, 1, RejectCode.INVALID_PARAMS),
        (PROJECT.symbol, WINDOW_NS, 0, 1, RejectCode.INVALID_QUANTITY),
        (PROJECT.symbol, WINDOW_NS, 1, 0, RejectCode.INVALID_QUANTITY),
        (PROJECT.symbol, WINDOW_NS, 1, 10_001, RejectCode.INVALID_QUANTITY),
    ],
)
def test_refused_protections(
    market: Market, instrument: str, window_ns: int, quantity: int, fills: int, code: RejectCode
) -> None:
    """Limits without sense are refused."""
    alpha = market.alpha
    command = SetProtection(alpha.key_id, alpha.session, ALPHA, instrument, window_ns, quantity, fills)
    (refused,) = market.do(command)
    assert isinstance(refused, RequestRefused)
    assert code is refused.code


def test_others_are_not_touched(market: Market) -> None:
    """The counterparty of a protected account, which has no protection, trades on."""
    protect(market, quantity=5, fills=100)
    market.alpha.rest(market.alpha.buy(30, 990))
    take(market.beta, 5)
    market.beta.rest(market.beta.sell(3, 1000))
    assert 1 == len(market.state.account_orders["beta"])
