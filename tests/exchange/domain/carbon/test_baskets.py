"""Baskets by rule: classes join and leave, and every pair of a day and a knowledge has its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain import events as ev
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.baskets import obstacles
from exchange.domain.carbon.knowledge import NOW, Known
from exchange.domain.carbon.label_forms import GiveLabel, WithdrawLabel
from exchange.domain.carbon.project_forms import Crediting, Mitigation, Project, RegisterProject
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.orders import RetirementTerms, Side, TimeInForce
from exchange.domain.rejects import RejectCode
from tests.exchange.domain.carbon.parts import code_of
from tests.market import BASKET, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.instruments import Instrument

BY = LOCAL_OPERATOR
RIMBA = Project("VCS", "1340", "Rimba Raya", "ID", "Forest", "VM0004", Mitigation.REDUCTION)
LABELLED = BasketRule(labels=("CCP",))


def basket(rule: BasketRule, symbol: str = "RULE") -> Instrument:
    return msgspec.structs.replace(BASKET, symbol=symbol, classes=(), rule=rule)


def members(market: Market, symbol: str = "RULE") -> tuple[str, ...]:
    return market.state.listings[symbol].deliverable


def test_a_list_stays_a_list(market: Market) -> None:
    """An instrument with a list of classes goes by that, oldest vintages first."""
    assert (V18, V19, V20) == members(market, BASKET.symbol)
    nature = market.state.listings[BASKET.symbol].instrument
    market.do(commands.RegisterClass(BY, CreditClass("VCS-1340-2017", "VCS", "1340", "Rimba Raya", 2017)))
    assert ["VCS-1340-2017 is not in the list"] == obstacles(
        market.state, nature, "VCS-1340-2017", "2026-11-23"
    )
    assert [] == obstacles(market.state, nature, V19, "2026-11-23")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (BasketRule(registries=("VCS",)), (V18, V19)),
        (BasketRule(registries=("GS", "VCS")), (V18, V19, V20)),
        (BasketRule(project_types=("Forest",)), (V18, V19)),
        (BasketRule(methodologies=("VM0004", "VM0007")), (V18, V19)),
        (BasketRule(countries=("KE",)), (V20,)),
        (BasketRule(vintage_from=2019), (V19, V20)),
        (BasketRule(vintage_to=2019), (V18, V19)),
        (BasketRule(vintage_from=2019, vintage_to=2019, registries=("GS",)), ()),
        (BasketRule(mitigation=Mitigation.REDUCTION), (V18, V19)),
        (BasketRule(registries=("VCS",), crediting=Crediting.EX_ANTE), ()),
        (BasketRule(labels=("CCP",)), ()),
    ],
)
def test_criteria(market: Market, rule: BasketRule, expected: tuple[str, ...]) -> None:
    """Each criterion picks the classes that meet it."""
    market.do(RegisterProject(BY, RIMBA))
    market.list_instrument(basket(rule))

    assert expected == members(market)


def test_classes_join_by_the_rule(market: Market) -> None:
    """A new class is in the basket at once; so is one whose project is described later, until it is described otherwise."""
    market.list_instrument(basket(BasketRule(project_types=("Forest",))))
    assert () == members(market)
    market.do(RegisterProject(BY, RIMBA))
    market.do(commands.RegisterClass(BY, CreditClass("VCS-1340-2017", "VCS", "1340", "Rimba Raya", 2017)))
    kilograms = CreditClass("VCS-1340-2021", "VCS", "1340", "Rimba Raya", 2021, Unit.KILOGRAM)
    market.do(commands.RegisterClass(BY, kilograms))
    market.do(commands.RegisterClass(BY, CreditClass("NEW-1-2021", "NEW", "1", "New", 2021)))
    assert ("VCS-1340-2017", V18, V19) == members(market)

    order = market.beta.rest(market.beta.sell(10, 1000, "RULE"))
    other = market.beta.rest(market.beta.sell(10, 1000, BASKET.symbol))
    events = market.do(RegisterProject(BY, msgspec.structs.replace(RIMBA, project_type="Peat")))

    assert ["project_registered", "order_cancelled"] == [event.kind for event in events]
    assert isinstance(events[1], ev.OrderCancelled)
    assert (order, ev.CancelReason.NOT_DELIVERABLE) == (events[1].order_id, events[1].reason)
    assert other in market.state.orders
    assert () == members(market)


def test_labels_let_classes_in_and_out(market: Market) -> None:
    """A label opens the basket; its withdrawal ends the orders that would deliver the class, and those only."""
    market.list_instrument(basket(LABELLED))
    assert RejectCode.INSUFFICIENT_UNITS is code_of(market.beta.place(market.beta.sell(5, 1000, "RULE")))
    for class_id in (V19, V20):
        market.do(GiveLabel(BY, class_id, "CCP", "2026-11-01"))
    assert (V19, V20) == members(market)
    first = market.beta.rest(market.beta.sell(5, 1000, "RULE", deliver=((V19, 5),)))
    second = market.beta.rest(market.beta.sell(5, 1001, "RULE", deliver=((V20, 5),)))

    events = market.do(WithdrawLabel(BY, V19, "CCP", "2026-11-20"))

    assert ["label_withdrawn", "order_cancelled"] == [event.kind for event in events]
    assert first not in market.state.orders
    assert second in market.state.orders
    (rejected,) = market.beta.place(market.beta.sell(5, 1000, "RULE", deliver=((V19, 5),)))
    assert RejectCode.CLASS_NOT_DELIVERABLE is rejected.code  # type: ignore[attr-defined]


def test_labels_begin_and_end_with_days(market: Market) -> None:
    """A class is in the basket on the days of its label; orders of a class that leaves end with the day."""
    market.list_instrument(basket(LABELLED))
    market.do(GiveLabel(BY, V19, "CCP", "2026-11-24", "2026-11-24"))
    assert () == members(market)
    market.close_day("2026-11-24")
    assert (V19,) == members(market)
    order = market.beta.rest(market.beta.sell(5, 1000, "RULE", time_in_force=TimeInForce.GTC))

    events = market.close_day("2026-11-25")

    assert ["day_closed", "order_cancelled"] == [event.kind for event in events]
    assert order not in market.state.orders
    assert () == members(market)


def test_deliverable_for_any_pair(market: Market) -> None:
    """At the fill, at settlement and today: three answers about one class, each from what was known then."""
    market.list_instrument(msgspec.structs.replace(basket(LABELLED), settlement_days=1))
    market.do(GiveLabel(BY, V19, "CCP", "2026-11-01"))
    market.beta.rest(market.beta.sell(5, 1000, "RULE"))
    market.alpha.place(market.alpha.buy(5, 1000, "RULE"))
    fill = market.state.last_seq
    market.close_day("2026-11-24")
    market.do(WithdrawLabel(BY, V19, "CCP", "2026-11-10"))
    market.close_day("2026-11-25")
    market.do(GiveLabel(BY, V19, "CCP", "2026-11-25"))

    state = market.state
    instrument = state.listings["RULE"].instrument
    missing = ["label CCP is missing"]
    assert [] == obstacles(state, instrument, V19, "2026-11-23", Known(seq=fill))
    assert missing == obstacles(state, instrument, V19, "2026-11-24", Known(on="2026-11-24"))
    assert [] == obstacles(state, instrument, V19, "2026-11-25", NOW)
    assert missing == obstacles(state, instrument, V19, "2026-11-23", NOW)
    assert ["RULE was not listed by then"] == obstacles(
        state, instrument, V19, "2026-11-23", Known(on="2026-11-22")
    )
    market.do(commands.RegisterClass(BY, CreditClass("VCS-1340-2021", "VCS", "1340", "Rimba Raya", 2021)))
    assert ["VCS-1340-2021 was not registered by then"] == obstacles(
        state, instrument, "VCS-1340-2021", "2026-11-24", Known(on="2026-11-24")
    )


def test_every_obstacle_is_named(market: Market) -> None:
    """Who asks why a class is not deliverable hears everything that is in the way."""
    rule = BasketRule(
        registries=("CAR", "ACR"),
        project_types=("Forest",),
        vintage_from=2020,
        labels=("CCP", "SDG-13"),
        mitigation=Mitigation.REMOVAL,
    )
    market.list_instrument(basket(rule))
    market.list_instrument(basket(BasketRule(vintage_to=2018), "OLD"))

    state = market.state
    assert [
        "registry is VCS, not CAR or ACR",
        "project type is not known, not Forest",
        "mitigation is not known, not removal",
        "vintage is 2019, before 2020",
        "label CCP is missing",
        "label SDG-13 is missing",
    ] == obstacles(state, state.listings["RULE"].instrument, V19, "2026-11-23")
    assert ["vintage is 2019, after 2018"] == obstacles(
        state, state.listings["OLD"].instrument, V19, "2026-11-23"
    )


def test_descriptions_have_their_date(market: Market) -> None:
    """A correction of a project changes no answer about what was known before it."""
    market.do(RegisterProject(BY, RIMBA))
    market.list_instrument(basket(BasketRule(project_types=("Forest",))))
    market.close_day("2026-11-24")
    market.do(RegisterProject(BY, msgspec.structs.replace(RIMBA, project_type="Peat")))

    state = market.state
    instrument = state.listings["RULE"].instrument
    assert [] == obstacles(state, instrument, V19, "2026-11-24", Known(on="2026-11-23"))
    assert ["project type is Peat, not Forest"] == obstacles(state, instrument, V19, "2026-11-24")


def test_block_trades_go_by_the_rule(market: Market) -> None:
    """A half that was keyed while a class was deliverable does not trade after it left."""
    market.list_instrument(basket(LABELLED))
    market.do(GiveLabel(BY, V19, "CCP", "2026-11-01"))

    def key(trader: object, other: str, side: Side) -> list[ev.Event]:
        return market.do(
            commands.KeyBlockTrade(
                trader.key_id,  # type: ignore[attr-defined]
                trader.session,  # type: ignore[attr-defined]
                trader.account,  # type: ignore[attr-defined]
                other,
                "bt",
                "RULE",
                side,
                1000,
                5,
                ((V19, 5),),
            )
        )

    assert ["block_trade_keyed"] == [event.kind for event in key(market.alpha, "beta", Side.BUY)]
    market.do(WithdrawLabel(BY, V19, "CCP", "2026-11-01"))
    assert RejectCode.CLASS_NOT_DELIVERABLE is code_of(key(market.beta, "alpha", Side.SELL))


def test_expected_tonnes_have_baskets_of_their_own(market: Market) -> None:
    """A basket of expectations is never retired on fill, even while nothing is in it."""
    market.list_instrument(basket(BasketRule(registries=("EXC",), crediting=Crediting.EX_ANTE)))

    order = market.alpha.buy(1, 1000, "RULE", retire_on_fill=RetirementTerms("Acme", "x"))

    assert RejectCode.EX_ANTE_NOT_RETIRABLE is code_of(market.alpha.place(order))


@pytest.mark.parametrize(
    "instrument",
    [
        basket(BasketRule()),
        basket(BasketRule(crediting=Crediting.EX_ANTE)),
        msgspec.structs.replace(basket(LABELLED), classes=(V19,)),
    ],
)
def test_refused(market: Market, instrument: Instrument) -> None:
    """A basket has a rule that asks for something, or a list, and never both."""
    assert RejectCode.INVALID_INSTRUMENT is code_of(market.list_instrument(instrument))
