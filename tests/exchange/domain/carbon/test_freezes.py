"""Freezes: exactly the serials that are named stop, and everything that counted on them is put in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain import events as ev
from exchange.domain.carbon.freeze_forms import (
    EndFreeze,
    FreezeCause,
    FreezeDeclared,
    FreezeEnded,
    FreezeOutcome,
    FreezeUnits,
    LockReplaced,
    TradeCancelled,
    UnitsFrozen,
    UnitsReleased,
)
from exchange.domain.carbon.issuance_forms import RecordIssuance
from exchange.domain.carbon.reversal_forms import ReportReversal, ReversalCause
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.orders import Side
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from tests.exchange.domain.carbon.parts import BETA_FIRST, LATER, code_of, deferred_trade, serials
from tests.market import ALPHA, BASKET, BETA, GAMMA, PROJECT, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.commands import Command


def freeze(market: Market, *blocks: SerialBlock, freeze_id: str = "f-1") -> list[ev.Event]:
    return market.do(FreezeUnits(LOCAL_OPERATOR, freeze_id, FreezeCause.HOLD, "under review", blocks))


def end(market: Market, outcome: FreezeOutcome, freeze_id: str = "f-1") -> list[ev.Event]:
    return market.do(EndFreeze(LOCAL_OPERATOR, freeze_id, outcome, "done"))


def test_exactly_the_named_serials_stop(market: Market) -> None:
    """Two holders are hit, a third is not; a delivery takes the serials beside the frozen ones."""
    block = serials(BETA_FIRST - 5, BETA_FIRST + 9)

    assert [
        FreezeDeclared(LOCAL_OPERATOR, "f-1", FreezeCause.HOLD, "under review", (block,)),
        UnitsFrozen("f-1", "alpha-2", V19, (serials(BETA_FIRST - 5, BETA_FIRST - 1),)),
        UnitsFrozen("f-1", BETA, V19, (serials(BETA_FIRST, BETA_FIRST + 9),)),
    ] == freeze(market, block)
    assert (UNITS, 10) == market.balance(BETA, V19)

    market.beta.rest(market.beta.sell(4, 1000))
    market.gamma.place(market.gamma.buy(4, 1000))
    assert market.state.holdings.holds(GAMMA, V19, serials(BETA_FIRST + 10, BETA_FIRST + 13))
    (retired,) = market.do(market.beta.retire_command(V19, 2, "r-1"))
    assert ((V19, serials(BETA_FIRST + 14, BETA_FIRST + 15)),) == retired.credits  # type: ignore[attr-defined]


def test_frozen_serials_do_nothing(market: Market) -> None:
    """They cannot be retired, withdrawn, cancelled, moved or block-traded by name, nor sold beyond what is left."""
    frozen = serials(BETA_FIRST, BETA_FIRST)
    market.do(
        commands.RegisterClass(
            LOCAL_OPERATOR,
            msgspec.structs.replace(market.state.classes[V19], class_id="N-1-19", registry="N"),
        )
    )
    freeze(market, frozen)
    by, beta = LOCAL_OPERATOR, market.beta

    attempts: list[Command] = [
        commands.Retire(beta.key_id, beta.session, BETA, "Acme", "x", "r", blocks=((V19, frozen),)),
        commands.WithdrawUnits(by, BETA, V19, 1, (frozen,), "w"),
        commands.CancelUnits(by, BETA, V19, (frozen,), "x", "c"),
        commands.MoveUnits(by, BETA, V19, (frozen,), "N-1-19", (SerialBlock("N", "n", 1, 1),), "m"),
    ]
    assert [RejectCode.UNITS_FROZEN] * 4 == [code_of(market.do(command)) for command in attempts]
    halves = [
        commands.KeyBlockTrade(
            trader.key_id,
            trader.session,
            trader.account,
            other,
            "bt",
            PROJECT.symbol,
            side,
            1000,
            1,
            blocks=((V19, frozen),),
        )
        for trader, other, side in ((market.alpha, BETA, Side.BUY), (beta, ALPHA, Side.SELL))
    ]
    assert ["block_trade_keyed"] == [event.kind for event in market.do(halves[0])]
    assert RejectCode.UNITS_FROZEN is code_of(market.do(halves[1]))
    assert RejectCode.INSUFFICIENT_UNITS is code_of(beta.place(beta.sell(UNITS, 1000)))
    assert ["order_accepted"] == [event.kind for event in beta.place(beta.sell(UNITS - 1, 1000))]


def test_serials_that_come_in_later(market: Market) -> None:
    """What is named and not here cannot come in, neither by a deposit nor by a move."""
    freeze(market, serials(1, 10, "elsewhere"))
    part = (serials(5, 12, "elsewhere"),)

    deposit = commands.DepositUnits(LOCAL_OPERATOR, ALPHA, V19, 8, part, "d")
    assert RejectCode.UNITS_FROZEN is code_of(market.do(deposit))
    gs = (SerialBlock("GS", "opening-2020", 1, 8),)
    move = commands.MoveUnits(LOCAL_OPERATOR, ALPHA, V20, gs, V19, part, "m")
    assert RejectCode.UNITS_FROZEN is code_of(market.do(move))


def test_serials_that_would_be_issued_here(market: Market) -> None:
    """The venue's own registry does not issue numbers that are frozen, neither to one account nor to several."""
    market.do(commands.RegisterClass(LOCAL_OPERATOR, CreditClass("EXC-7-2025", "EXC", "7", "Forest", 2025)))
    freeze(market, SerialBlock("EXC", "EXC-7-2025-{first} to {last}", 11, 11))
    issue = commands.IssueUnits(LOCAL_OPERATOR, ALPHA, "EXC-7-2025", 10, "i-1")

    codes = [
        code_of(market.do(command))
        for command in (
            msgspec.structs.replace(issue, quantity=11),
            msgspec.structs.replace(issue, buffer=1),
            commands.IssueShared(LOCAL_OPERATOR, "EXC-7-2025", ((ALPHA, 5), (BETA, 6)), "i-1"),
        )
    ]

    assert [RejectCode.UNITS_FROZEN] * 3 == codes
    assert ["units_issued"] == [event.kind for event in market.do(issue)]


def test_newest_orders_end_until_the_rest_is_covered(market: Market) -> None:
    """Orders that what is left covers stay; of the others the newest end, also those in a basket."""
    oldest = market.beta.rest(market.beta.sell(UNITS - 100, 1000))
    middle = market.beta.rest(market.beta.sell(50, 1010))
    newest = market.beta.rest(market.beta.sell(40, 1010, BASKET.symbol, deliver=((V19, 30), (V18, 10))))
    other = market.beta.rest(market.beta.sell(10, 1010, BASKET.symbol, deliver=((V18, 10),)))

    events = freeze(market, serials(BETA_FIRST, BETA_FIRST + 49))

    assert [
        ("order_cancelled", newest),
        ("freeze_declared", 0),
        ("units_frozen", 0),
    ] == [(event.kind, getattr(event, "order_id", 0)) for event in events]
    assert ev.CancelReason.UNITS_FROZEN is events[0].reason  # type: ignore[attr-defined]
    assert [oldest, middle, other] == list(market.state.account_orders[BETA])


def test_unsettled_trades_get_other_serials(market: Market) -> None:
    """A trade whose serials are frozen is delivered from the seller's others on its day."""
    trade = deferred_trade(market, 20)

    events = freeze(market, serials(BETA_FIRST + 5, BETA_FIRST + 24))

    put_in = serials(BETA_FIRST + 25, BETA_FIRST + 39)
    assert (
        LockReplaced(trade, BETA, ((V19, serials(BETA_FIRST + 5, BETA_FIRST + 19)),), ((V19, put_in),))
        == events[0]
    )
    assert ["lock_replaced", "freeze_declared", "units_frozen"] == [event.kind for event in events]
    market.close_day("2026-11-24")
    market.close_day("2026-11-25")
    assert market.state.holdings.holds(ALPHA, V19, serials(BETA_FIRST, BETA_FIRST + 4))
    assert market.state.holdings.holds(ALPHA, V19, put_in)


def test_unsettled_trades_are_undone_where_nothing_is_left(market: Market) -> None:
    """The newest trade that is hit ends first; its cash and units are free again, the older one gets other serials."""
    older = deferred_trade(market, 30)
    held = market.balance(ALPHA, "EUR")
    newer = deferred_trade(market, UNITS - 50)

    events = freeze(market, serials(BETA_FIRST, BETA_FIRST + 99))

    assert [
        TradeCancelled(
            newer,
            ALPHA,
            BETA,
            "EUR",
            (UNITS - 50) * 1000,
            (UNITS - 50) * 2,
            ((V19, UNITS - 50),),
            "its units were frozen",
        ),
        LockReplaced(
            older,
            BETA,
            ((V19, serials(BETA_FIRST, BETA_FIRST + 29)),),
            ((V19, serials(BETA_FIRST + 100, BETA_FIRST + 129)),),
        ),
    ] == events[:2]
    assert ["freeze_declared", "units_frozen"] == [event.kind for event in events[2:]]
    assert held == market.balance(ALPHA, "EUR")
    assert [older] == list(market.state.obligations)
    assert (UNITS, 130) == market.balance(BETA, V19)


def test_trades_of_others_stay(market: Market) -> None:
    """A trade of another seller, or of other serials, is not touched when one is undone."""
    market.list_instrument(LATER)
    market.gamma.rest(market.gamma.sell(UNITS // 2, 1000, LATER.symbol))
    market.deposit_cash(ALPHA, 10**9)
    market.alpha.place(market.alpha.buy(UNITS // 2, 1000, LATER.symbol))
    trade = deferred_trade(market, 10)

    events = freeze(market, serials(3 * UNITS + 1, 4 * UNITS), serials(BETA_FIRST, BETA_FIRST))

    kinds = [event.kind for event in events]
    assert ["trade_cancelled", "lock_replaced"] == kinds[:2]
    assert [trade] == list(market.state.obligations)


def test_release(market: Market) -> None:
    """What another freeze holds as well stays frozen until that one ends, too."""
    freeze(market, serials(1, 10))
    freeze(market, serials(6, 15), freeze_id="f-2")
    assert (UNITS, 15) == market.balance(ALPHA, V19)

    assert [
        FreezeEnded(LOCAL_OPERATOR, "f-1", FreezeOutcome.RELEASED, "done"),
        UnitsReleased("f-1", ALPHA, V19, (serials(1, 5),)),
    ] == end(market, FreezeOutcome.RELEASED)
    assert (UNITS, 10) == market.balance(ALPHA, V19)
    end(market, FreezeOutcome.RELEASED, "f-2")
    assert (UNITS, 0) == market.balance(ALPHA, V19)
    assert RejectCode.UNKNOWN_FREEZE is code_of(end(market, FreezeOutcome.RELEASED))


def test_cancellation(market: Market) -> None:
    """A recall that was confirmed ends the units of everybody who has them, and nobody can bring them in again."""
    block = serials(BETA_FIRST - 1, BETA_FIRST)
    freeze(market, block)

    events = end(market, FreezeOutcome.CANCELLED)

    first, second = serials(BETA_FIRST - 1, BETA_FIRST - 1), serials(BETA_FIRST, BETA_FIRST)
    assert [
        FreezeEnded(LOCAL_OPERATOR, "f-1", FreezeOutcome.CANCELLED, "done"),
        UnitsReleased("f-1", "alpha-2", V19, (first,)),
        ev.UnitsCancelled(LOCAL_OPERATOR, "alpha-2", V19, (first,), "done", f"freeze/f-1/{V19}"),
        UnitsReleased("f-1", BETA, V19, (second,)),
        ev.UnitsCancelled(LOCAL_OPERATOR, BETA, V19, (second,), "done", f"freeze/f-1/{V19}"),
    ] == events
    deposit = commands.DepositUnits(LOCAL_OPERATOR, ALPHA, V19, 1, (first,), "d")
    assert RejectCode.SERIAL_BLOCK_OVERLAPS is code_of(market.do(deposit))
    own = commands.CancelUnits(LOCAL_OPERATOR, ALPHA, V19, (serials(1, 1),), "x", "freeze/x")
    assert RejectCode.INVALID_PARAMS is code_of(market.do(own))


def test_a_freeze_is_declared_once(market: Market) -> None:
    """The same request repeated changes nothing; the id does not name other serials."""
    command = FreezeUnits(LOCAL_OPERATOR, "f-1", FreezeCause.HOLD, "under review", (serials(1, 1),))
    market.do(command)

    assert market.execute(command).duplicate_of
    assert RejectCode.REFERENCE_REUSED is code_of(freeze(market, serials(1, 2)))


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"by": "alpha-key"}, RejectCode.NOT_PERMITTED),
        ({"freeze": "no good"}, RejectCode.INVALID_PARAMS),
        ({"blocks": ()}, RejectCode.INVALID_PARAMS),
        ({"blocks": (serials(2, 1),)}, RejectCode.SERIAL_BLOCK_INVALID),
        ({"blocks": (serials(1, 2), serials(2, 3))}, RejectCode.SERIAL_BLOCK_OVERLAPS),
        ({"blocks": (SerialBlock("", "x", 1, 2),)}, RejectCode.INVALID_PARAMS),
    ],
)
def test_refused(market: Market, terms: dict[str, object], code: RejectCode) -> None:
    """A freeze is an operator's, has an id, and names serials."""
    command = FreezeUnits(LOCAL_OPERATOR, "f-1", FreezeCause.HOLD, "x", (serials(1, 1),))

    assert code is code_of(market.do(msgspec.structs.replace(command, **terms)))


def test_frozen_units_of_the_pool_stay(market: Market) -> None:
    """A pool does not give for a reversal what a freeze keeps from ending."""
    pool = SerialBlock("VCS", "pool", 1, 30)
    market.do(RecordIssuance(LOCAL_OPERATOR, V18, "2020-01-31", 100, 30, "r-1", (pool,)))
    market.do(RecordIssuance(LOCAL_OPERATOR, V19, "2020-01-31", 100, 5, "r-2"))
    freeze(market, serials(30, 40, "pool"))

    report = ReportReversal(
        LOCAL_OPERATOR, "VCS", "1340", "rev-1", ReversalCause.UNINTENTIONAL, "2026-01-01", 7, "fire"
    )
    (event,) = market.do(report)

    assert (5, 2) == (sum(draw.quantity for draw in event.drawn), event.uncovered)  # type: ignore[attr-defined]
