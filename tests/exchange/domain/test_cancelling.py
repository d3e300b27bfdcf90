"""Cancels: one order or many, by their owner or by an operator, in every state of the instrument."""

from __future__ import annotations

import pytest

from exchange.domain import commands
from exchange.domain.events import CancelReason, InstrumentStateChanged, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from exchange.domain.rejects import RejectCode
from matching.order import Side
from tests.exchange.domain.expected import cancelled, refused
from tests.market import BASKET, CASH, PROJECT, UNITS, V18, V19, Market

BUY, SELL = Side.BUY, Side.SELL


def test_cancel_by_either_id(market: Market) -> None:
    """The venue's id or the owner's; holds are released."""
    first = market.alpha.rest(market.alpha.buy(5, 1000))
    order = market.alpha.sell(5, 1100)
    second = market.alpha.rest(order)
    assert [cancelled(market.alpha, first, 5, release_cash=5_010)] == market.alpha.cancel(first)
    assert [cancelled(market.alpha, second, 5, release_units=((V19, 5),))] == market.alpha.cancel(
        client_order_id=order.client_order_id
    )
    assert (CASH, 0) == market.balance("alpha", "EUR")
    assert (UNITS, 0) == market.balance("alpha", V19)


def test_cancel_of_a_partly_filled_order(market: Market) -> None:
    """Only what is open is cancelled."""
    order_id = market.alpha.rest(market.alpha.buy(5, 1000))
    market.beta.place(market.beta.sell(2, 1000))
    assert [cancelled(market.alpha, order_id, 3, release_cash=3_006)] == market.alpha.cancel(order_id)
    assert (CASH - 2_002, 0) == market.balance("alpha", "EUR")


def test_stale_and_foreign_cancels(market: Market) -> None:
    """An ended order, a filled one, somebody else's and an id never given: unknown, all of them."""
    ended = market.alpha.rest(market.alpha.buy(5, 1000))
    market.alpha.cancel(ended)
    foreign = market.beta.rest(market.beta.sell(5, 1100))
    for order_id in (ended, foreign, 999):
        assert [
            refused(
                market.alpha,
                "CancelOrder",
                RejectCode.UNKNOWN_ORDER,
                f"the account has no live order {order_id}",
                order_id=order_id,
            )
        ] == market.alpha.cancel(order_id)


@pytest.mark.parametrize("key_id", [LOCAL_OPERATOR, "operator-key"])
def test_operators_cancel_for_anybody(market: Market, key_id: str) -> None:
    """An operator needs no session of the owner; the event says who asked."""
    order_id = market.alpha.rest(market.alpha.buy(5, 1000))
    assert [cancelled(market.alpha, order_id, 5, release_cash=5_010, by=key_id)] == market.do(
        commands.CancelOrder(key_id, 0, "alpha", order_id)
    )
    second = market.alpha.rest(market.alpha.buy(5, 1000))
    assert [
        cancelled(market.alpha, second, 5, CancelReason.MASS_CANCEL, release_cash=5_010, by=key_id)
    ] == market.do(commands.CancelAll(key_id, 0, "alpha"))


def test_operators_need_an_account(market: Market) -> None:
    """An account that does not exist is not repeated as the account of an event."""
    message = "'nowhere' is not an account"
    for command in (
        commands.CancelOrder(LOCAL_OPERATOR, 0, "nowhere", 1),
        commands.CancelAll(LOCAL_OPERATOR, 0, "nowhere"),
    ):
        assert [
            RequestRefused(
                type(command).__name__,
                LOCAL_OPERATOR,
                "",
                RejectCode.UNKNOWN_ACCOUNT,
                message,
                order_id=getattr(command, "order_id", 0),
            )
        ] == market.do(command)


def test_cancel_all(market: Market) -> None:
    """All, by instrument, by side, by both: oldest first over all instruments, the account's own alone."""
    nature = BASKET.symbol

    def place_four() -> list[int]:
        return [
            market.alpha.rest(market.alpha.buy(1, 900)),
            market.alpha.rest(market.alpha.sell(1, 1100, nature)),
            market.alpha.rest(market.alpha.sell(1, 1100)),
            market.alpha.rest(market.alpha.buy(1, 900, nature)),
        ]

    sibling = market.alpha_2.rest(market.alpha_2.buy(1, 900))
    reason = CancelReason.MASS_CANCEL
    ids = place_four()
    events = [
        cancelled(market.alpha, ids[0], 1, reason, release_cash=902),
        cancelled(market.alpha, ids[1], 1, reason, release_units=((V18, 1),), instrument=nature),
        cancelled(market.alpha, ids[2], 1, reason, release_units=((V19, 1),)),
        cancelled(market.alpha, ids[3], 1, reason, release_cash=902, instrument=nature),
    ]
    assert events == market.alpha.cancel_all()
    for chosen, instrument, side in (
        ((0, 2), PROJECT.symbol, None),
        ((1, 2), "", SELL),
        ((3,), nature, BUY),
    ):
        ids = place_four()
        assert [ids[index] for index in chosen] == [
            event.order_id  # type: ignore[attr-defined]
            for event in market.alpha.cancel_all(instrument, side)
        ]
        market.alpha.cancel_all()
    assert [sibling] == list(market.state.orders)
    assert [] == market.alpha.cancel_all()


def test_cancel_all_of_an_unknown_instrument(market: Market) -> None:
    """A symbol that is not listed is a mistake, not an empty answer."""
    assert [
        refused(market.alpha, "CancelAll", RejectCode.UNKNOWN_INSTRUMENT, "'GOLD' is not listed")
    ] == market.alpha.cancel_all("GOLD")


def test_cancels_while_halted(market: Market) -> None:
    """A halt keeps orders on the book and lets their owners take them off."""
    first = market.alpha.rest(market.alpha.buy(5, 1000))
    market.alpha.rest(market.alpha.buy(5, 1000))
    market.change_state(PROJECT.symbol, InstrumentState.HALTED)
    assert [cancelled(market.alpha, first, 5, release_cash=5_010)] == market.alpha.cancel(first)
    assert 1 == len(market.alpha.cancel_all())


def test_closing_cancels_all_orders(market: Market) -> None:
    """The orders of everybody end, by their ids, before the instrument is closed; those of others stay."""
    bid = market.alpha.rest(market.alpha.buy(5, 1000))
    ask = market.beta.rest(market.beta.sell(5, 1100))
    other = market.beta.rest(market.beta.sell(5, 1100, BASKET.symbol))
    market.change_state(PROJECT.symbol, InstrumentState.HALTED)
    reason = CancelReason.INSTRUMENT_CLOSED
    assert [
        cancelled(market.alpha, bid, 5, reason, release_cash=5_010, by=LOCAL_OPERATOR),
        cancelled(market.beta, ask, 5, reason, release_units=((V19, 5),), by=LOCAL_OPERATOR),
        InstrumentStateChanged(LOCAL_OPERATOR, PROJECT.symbol, InstrumentState.CLOSED, "test"),
    ] == market.change_state(PROJECT.symbol, InstrumentState.CLOSED)
    assert [other] == list(market.state.orders)
