"""Conversions and expiries as movements: of free units, and of units that are locked for a trade."""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.ex_ante_forms import ConvertExAnte, ExpireExAnte
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import own_batch
from exchange.registry.projection import Projection
from exchange.registry.rows import Place
from tests.exchange.domain.carbon.potential import (
    INSTRUMENT,
    POTENTIAL,
    REPORT_SHA256,
    VERIFIED,
    estimated_market,
)
from tests.exchange.registry.test_projection import Projected, apply
from tests.market import ALPHA, BETA

EX_ANTE, EX_POST = POTENTIAL.class_id, VERIFIED.class_id
ANTE, POST = own_batch(EX_ANTE), own_batch(EX_POST)
LATER = msgspec.structs.replace(INSTRUMENT, symbol="WALL-T2", settlement_days=2)


def deferred_trade(projected: Projected) -> int:
    """Alpha has 60 units and sold 40 to beta that are locked; answers the trade's id."""
    market = projected.market
    estimated_market(market, issued=100)
    market.list_instrument(LATER)
    market.alpha.rest(market.alpha.sell(40, 500, LATER.symbol))
    market.beta.place(market.beta.buy(40, 500, LATER.symbol))
    projected.follow()
    return market.state.last_seq


def test_units_convert_and_expire_where_they_are() -> None:
    """Each holder's units end and others come in; a trade goes on with what came in its units' place, and settles so."""
    projected = Projected()
    market = projected.market
    trade = deferred_trade(projected)
    market.do(ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, EX_POST, 50, REPORT_SHA256, "v-1"))
    kind = "units_converted"
    assert [
        (1, kind, EX_ANTE, ANTE, 41, 70, "held", ALPHA, "converted", ALPHA, None),
        (2, kind, EX_POST, POST, 1, 30, "outside", "", "held", ALPHA, None),
        (1, kind, EX_ANTE, ANTE, 1, 20, "locked", ALPHA, "converted", ALPHA, trade),
        (2, kind, EX_POST, POST, 31, 50, "outside", "", "locked", ALPHA, trade),
    ] == projected.follow()
    market.do(ExpireExAnte(LOCAL_OPERATOR, EX_ANTE, 50, "not verified", "e-1"))
    kind = "units_expired"
    assert [
        (1, kind, EX_ANTE, ANTE, 71, 100, "held", ALPHA, "expired", ALPHA, None),
        (1, kind, EX_ANTE, ANTE, 21, 40, "locked", ALPHA, "expired", ALPHA, trade),
    ] == projected.follow()
    market.close_day("2026-11-25")
    assert [(1, "trade_settled", EX_POST, POST, 31, 50, "locked", ALPHA, "held", BETA, trade)] == (
        projected.follow()
    )


def test_rows_change_with_the_units() -> None:
    """The table of places follows: what ended is nobody's, and a trade's rows are those of its units now."""
    projected = Projected()
    market = projected.market
    trade = deferred_trade(projected)
    projected.projection.take_changed()
    market.do(ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, EX_POST, 50, REPORT_SHA256, "v-1"))
    projected.follow()
    changed = projected.projection.take_changed()
    ids = projected.projection.places.batch_ids
    ante, post = ids["EXC", ANTE], ids["EXC", POST]
    assert {(ante, 1), (ante, 41)} == set(changed.gone)
    assert {
        (ante, 71, 100, EX_ANTE, Place.HELD.value, ALPHA, None),
        (ante, 1, 20, EX_ANTE, Place.CONVERTED.value, "", None),
        (ante, 41, 70, EX_ANTE, Place.CONVERTED.value, "", None),
        (post, 1, 30, EX_POST, Place.HELD.value, ALPHA, None),
        (ante, 21, 40, EX_ANTE, Place.LOCKED.value, ALPHA, trade),
        (post, 31, 50, EX_POST, Place.LOCKED.value, ALPHA, trade),
    } == set(changed.holdings)


def test_the_log_alone_gives_the_same_rows() -> None:
    """A projection of the recorded events from the first on comes to the same digest."""
    projected = Projected()
    market = projected.market
    deferred_trade(projected)
    market.do(ConvertExAnte(LOCAL_OPERATOR, EX_ANTE, EX_POST, 7, REPORT_SHA256, "v-1"))
    market.do(ExpireExAnte(LOCAL_OPERATOR, EX_ANTE, 93, "not verified", "e-1"))
    projected.follow()
    again = Projection()
    for recorded in market.recorded:
        apply(again, recorded.seq, recorded.event)
    again.take_appended()
    assert projected.projection.digest == again.digest
