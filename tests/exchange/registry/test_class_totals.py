"""Units by class and place: all that came in is somewhere, after every event."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from exchange.registry.class_totals import ClassTotals, ConservationError
from exchange.registry.projection import Projection
from exchange.registry.rows import ClassTotal, Place
from tests.exchange.registry.settled import SettledMarket, execute
from tests.market import ALPHA, BETA, UNITS, V18, V19, Market

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.events import Recorded

BLOCKS = (SerialBlock("VCS", "opening-2018", 1, 50),)


def total(class_id: str, seq: int, issued: int, **places: int) -> ClassTotal:
    """Units of a class, nothing in the places that are not named."""
    return ClassTotal(class_id, seq, issued, *(places.get(place, 0) for place in ClassTotal._fields[3:]))


def totals_of(recorded: Iterable[Recorded]) -> list[ClassTotal]:
    """Of all classes, after events that are each checked."""
    projection = Projection()
    for one in recorded:
        projection.apply(one.seq, one.recorded_at, one.event)
    return projection.take_changed().class_totals


def test_every_way_out_is_counted() -> None:
    """What is retired, cancelled, withdrawn and has come back of what came in; a trade changes nothing."""
    market = Market()
    market.do(commands.WithdrawUnits(LOCAL_OPERATOR, ALPHA, V18, 50, BLOCKS, "out"))
    out = market.state.last_seq
    market.do(
        commands.DepositUnits(
            LOCAL_OPERATOR, BETA, V18, 20, (SerialBlock("VCS", "opening-2018", 11, 30),), "in"
        )
    )
    market.do(market.beta.retire_command(V18, 7, "used"))
    market.do(
        commands.CancelUnits(
            LOCAL_OPERATOR, ALPHA, V18, (SerialBlock("VCS", "opening-2018", 60, 64),), "error", "c"
        )
    )
    shown = [one for one in market.recorded if one.event.kind in {"units_deposited", "units_withdrawn"}]
    first, *_ = totals_of(
        [one for one in shown if one.seq <= out and getattr(one.event, "class_id", "") == V18]
    )

    assert total(V18, out, 4 * UNITS, held=4 * UNITS - 50, withdrawn=50) == first
    kinds = {"units_deposited", "units_withdrawn", "retired", "units_cancelled"}
    last = [
        one
        for one in totals_of([one for one in market.recorded if one.event.kind in kinds])
        if one.class_id == V18
    ]
    assert [
        total(
            V18,
            market.state.last_seq,
            4 * UNITS,
            held=4 * UNITS - 42,
            retired=7,
            cancelled=5,
            withdrawn=30,
        )
    ] == last


def test_units_that_come_back_as_another_class_are_issued_as_that() -> None:
    """They count once, where they are."""
    totals = ClassTotals()
    totals.move(V18, Place.OUTSIDE, Place.HELD, 10)
    totals.move(V18, Place.HELD, Place.WITHDRAWN, 10)
    totals.rename(V18, V19, 4)
    totals.move(V19, Place.WITHDRAWN, Place.HELD, 4)
    totals.check(9, {V19: 4})

    assert [
        total(V18, 9, 6, withdrawn=6),
        total(V19, 9, 4, held=4),
    ] == totals.take_changes()
    assert [] == totals.take_changes()


@pytest.mark.parametrize(
    ("from_place", "to_place", "message"),
    [
        (
            Place.HELD,
            Place.RETIRED,
            "accounts hold 9 units of VCS-1340-2018 by serial numbers and 10 by the ledger",
        ),
        (Place.OUTSIDE, Place.LOCKED, "accounts hold 11 units"),
        (Place.LOCKED, Place.HELD, "10 units of VCS-1340-2018 came in, their places are"),
    ],
)
def test_what_does_not_add_up_is_named(from_place: Place, to_place: Place, message: str) -> None:
    """A unit too many or too few is found with the event, not at the next checkpoint."""
    totals = ClassTotals()
    totals.restore([total(V18, 1, 10, held=10)])
    totals.move(V18, from_place, to_place, 1)

    with pytest.raises(ConservationError, match=message):
        totals.check(2, {V18: 10})


async def test_the_database_refuses_totals_that_do_not_add_up(dsn: str) -> None:
    """A unit that would be nowhere is refused by the table itself."""
    settled = SettledMarket(dsn, Market())
    await settled.settle()

    with pytest.raises(asyncpg.CheckViolationError, match="what_came_in_is_somewhere"):
        await execute(dsn, f"UPDATE registry.class_total SET held = held - 1 WHERE class_id = '{V18}'")
