"""Random trading of an ex-ante class while parts of it convert and expire: whatever happens, everything adds up."""

from datetime import date, timedelta
from random import Random

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.ex_ante_forms import ConvertExAnte, ExpireExAnte, UnitsConverted, UnitsExpired
from exchange.domain.events import Fill, TradeSettled
from exchange.domain.identity import LOCAL_OPERATOR
from tests.exchange.domain.audit import Auditor
from tests.exchange.domain.carbon.potential import (
    INSTRUMENT,
    POTENTIAL,
    REPORT_SHA256,
    VERIFIED,
    estimated_market,
)
from tests.market import Market

LATER = msgspec.structs.replace(INSTRUMENT, symbol="WALL-T5", settlement_days=5)


def act(market: Market, random: Random, number: int) -> None:
    """One random command about the class."""
    trader = random.choice((market.alpha, market.alpha_2, market.beta, market.gamma))
    what = random.random()
    symbol = random.choice((INSTRUMENT.symbol, LATER.symbol))
    if what < 0.4:
        market.execute(
            trader.place_command(trader.buy(random.randint(1, 300), random.randint(495, 505), symbol))
        )
    elif what < 0.8:
        market.execute(
            trader.place_command(trader.sell(random.randint(1, 300), random.randint(495, 505), symbol))
        )
    elif what < 0.86:
        market.execute(
            ConvertExAnte(
                LOCAL_OPERATOR,
                POTENTIAL.class_id,
                VERIFIED.class_id,
                random.randint(1, 40),
                REPORT_SHA256,
                f"v-{number}",
            )
        )
    elif what < 0.92:
        market.execute(
            ExpireExAnte(LOCAL_OPERATOR, POTENTIAL.class_id, random.randint(1, 20), "random", f"e-{number}")
        )
    else:
        next_date = date.fromisoformat(market.state.business_date) + timedelta(1)
        market.execute(commands.CloseDay(LOCAL_OPERATOR, next_date.isoformat()))


@pytest.mark.parametrize("seed", range(4))
def test_units_are_issued_converted_expired_or_there(seed: int) -> None:
    """After every command the audit holds, and each unit of the class is with a holder, converted or expired."""
    market = Market()
    estimated_market(market)
    market.list_instrument(LATER)
    auditor = Auditor(market)
    random = Random(seed)
    for number in range(250):
        act(market, random, number)
        auditor.check()
        book, supply = market.state.carbon.ex_ante, market.state.ledger.supply
        converted = book.converted.get(POTENTIAL.class_id, 0)
        expired = book.expired.get(POTENTIAL.class_id, 0)
        assert market.state.issued[POTENTIAL.class_id] == supply[POTENTIAL.class_id] + converted + expired
        assert converted == supply.get(VERIFIED.class_id, 0)
    kinds = {type(item.event) for item in market.recorded}
    assert {Fill, TradeSettled, UnitsConverted, UnitsExpired} <= kinds
    assert any(
        isinstance(item.event, UnitsConverted | UnitsExpired) and item.event.trade for item in market.recorded
    )
