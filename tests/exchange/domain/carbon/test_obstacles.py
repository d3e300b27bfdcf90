"""What the rules of carbon refuse of trading."""

from __future__ import annotations

from exchange.domain.carbon.project_forms import Crediting, Project, RegisterProject
from exchange.domain.events import OrderRejected, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import RetirementTerms
from exchange.domain.rejects import RejectCode
from tests.market import V18, V19, Market


def _expect_only(market: Market) -> None:
    project = Project("VCS", "1340", "Rimba Raya", "ID", crediting=Crediting.EX_ANTE)
    market.do(RegisterProject(LOCAL_OPERATOR, project))


def test_expected_tonnes_cannot_be_retired(market: Market) -> None:
    """Neither directly nor on fill: an ex-ante credit stands for nothing that happened."""
    _expect_only(market)

    (refused,) = market.do(market.alpha.retire_command(V18, 1, "r-1"))
    assert isinstance(refused, RequestRefused)
    assert RejectCode.EX_ANTE_NOT_RETIRABLE is refused.code

    (rejected,) = market.alpha.place(
        market.alpha.buy(1, 1000, retire_on_fill=RetirementTerms("Acme", "flights"))
    )
    assert isinstance(rejected, OrderRejected)
    assert RejectCode.EX_ANTE_NOT_RETIRABLE is rejected.code


def test_expected_tonnes_trade(market: Market) -> None:
    """Ex-ante credits are bought and sold like others."""
    _expect_only(market)
    market.beta.rest(market.beta.sell(3, 1000))

    events = market.alpha.place(market.alpha.buy(3, 1000))

    assert ["order_accepted", "fill"] == [event.kind for event in events]
    assert 100_003 == market.balance("alpha", V19)[0]
