"""Labels with two dates: on which days they hold, and since when that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.domain import commands
from exchange.domain import events as ev
from exchange.domain.carbon.freeze_forms import FreezeCause, FreezeUnits
from exchange.domain.carbon.knowledge import Known
from exchange.domain.carbon.label_forms import (
    GiveLabel,
    LabelGiven,
    LabelWithdrawn,
    ReclassifyUnits,
    UnitsReclassified,
    WithdrawLabel,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from tests.exchange.domain.carbon.parts import code_of, deferred_trade, serials
from tests.market import BETA, UNITS, V18, V19, V20, Market

if TYPE_CHECKING:
    from exchange.domain.serials import SerialBlock

BY = LOCAL_OPERATOR
CCP = CreditClass("VCS-1340-2019-CCP", "VCS", "1340", "Rimba Raya", 2019, country="ID", labels=("CCP",))


def test_a_label_has_two_dates(market: Market) -> None:
    """Every pair of a day and a knowledge has its answer, and no later word changes an earlier one."""
    assert [LabelGiven(BY, V19, "CCP", "2026-01-01")] == market.do(GiveLabel(BY, V19, "CCP", "2026-01-01"))
    given_at = market.state.last_seq
    market.close_day("2026-11-24")
    assert [LabelWithdrawn(BY, V19, "CCP", "2026-06-01", "2026-08-31", "audit")] == market.do(
        WithdrawLabel(BY, V19, "CCP", "2026-06-01", "2026-08-31", "audit")
    )

    labels = market.state.carbon.labels
    answers = {
        (day, known): labels.holds(V19, "CCP", day, known)
        for day in ("2025-12-31", "2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01")
        for known in (Known(on="2026-11-22"), Known(on="2026-11-23"), Known(seq=given_at), Known())
    }
    before, told, at_seq, now = Known(on="2026-11-22"), Known(on="2026-11-23"), Known(seq=given_at), Known()
    held = {pair for pair, holds in answers.items() if holds}
    assert {
        *((day, told) for day in ("2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01")),
        *((day, at_seq) for day in ("2026-05-31", "2026-06-01", "2026-08-31", "2026-09-01")),
        *((day, now) for day in ("2026-05-31", "2026-09-01")),
    } == held
    assert not any(labels.holds(V19, "CCP", day, before) for day in ("2025-12-31", "2026-09-01"))
    assert ["CCP"] == labels.of_class(V19, "2026-05-31")
    assert [] == labels.of_class(V19, "2026-07-01")


def test_labels_of_the_registration(market: Market) -> None:
    """What a class was registered with holds always, until somebody says otherwise."""
    market.do(commands.RegisterClass(BY, CCP))
    labels = market.state.carbon.labels

    assert labels.holds(CCP.class_id, "CCP", "1990-01-01")
    market.do(WithdrawLabel(BY, CCP.class_id, "CCP", "2026-11-01"))
    assert labels.holds(CCP.class_id, "CCP", "2026-10-31")
    assert not labels.holds(CCP.class_id, "CCP", "2026-11-01")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (GiveLabel("alpha-key", V19, "CCP", "2026-01-01"), RejectCode.NOT_PERMITTED),
        (GiveLabel(BY, "VCS-9-2020", "CCP", "2026-01-01"), RejectCode.UNKNOWN_CLASS),
        (GiveLabel(BY, V19, "no good", "2026-01-01"), RejectCode.INVALID_PARAMS),
        (GiveLabel(BY, V19, "CCP", "soon"), RejectCode.INVALID_DATE),
        (GiveLabel(BY, V19, "CCP", "2026-01-02", "2026-01-01"), RejectCode.INVALID_DATE),
        (GiveLabel(BY, V18, "CCP", "2026-01-01"), RejectCode.ALREADY_EXISTS),
        (WithdrawLabel(BY, V19, "CCP", "2026-01-01"), RejectCode.UNKNOWN_LABEL),
    ],
)
def test_refused(market: Market, command: GiveLabel | WithdrawLabel, code: RejectCode) -> None:
    """What says nothing, or nothing new, is refused."""
    market.do(GiveLabel(BY, V18, "CCP", "2026-01-01"))

    assert code is code_of(market.do(command))


def reclassify(*blocks: SerialBlock, **terms: object) -> ReclassifyUnits:
    known: dict[str, object] = {
        "by": BY,
        "class_id": V19,
        "to_class_id": CCP.class_id,
        "blocks": blocks,
        "reason": "labelled",
        "reference": "ccp-1",
    }
    return ReclassifyUnits(**{**known, **terms})  # type: ignore[arg-type]


def test_part_of_a_class_gets_a_label(market: Market) -> None:
    """The serials become another class with all who hold them; orders that they covered end."""
    market.do(commands.RegisterClass(BY, CCP))
    order = market.beta.rest(market.beta.sell(UNITS, 1000))
    command = reclassify(serials(2 * UNITS - 4, 2 * UNITS + 5))

    events = market.do(command)

    first, second = serials(2 * UNITS - 4, 2 * UNITS), serials(2 * UNITS + 1, 2 * UNITS + 5)
    assert [order] == [event.order_id for event in events if isinstance(event, ev.OrderCancelled)]
    assert [
        UnitsReclassified(BY, V19, CCP.class_id, command.blocks, "labelled", "ccp-1"),
        ev.UnitsWithdrawn(BY, "alpha-2", V19, 5, (first,), f"reclassified/ccp-1/{V19}"),
        ev.UnitsDeposited(BY, "alpha-2", CCP.class_id, 5, (first,), f"reclassified/ccp-1/{CCP.class_id}"),
        ev.UnitsWithdrawn(BY, BETA, V19, 5, (second,), f"reclassified/ccp-1/{V19}"),
        ev.UnitsDeposited(BY, BETA, CCP.class_id, 5, (second,), f"reclassified/ccp-1/{CCP.class_id}"),
    ] == events[1:]
    assert (5, UNITS - 5) == (market.balance(BETA, CCP.class_id)[0], market.balance(BETA, V19)[0])
    assert market.execute(command).duplicate_of


def test_refused_reclassifications(market: Market) -> None:
    """Only serials that are held, free and of a like class become another one."""
    market.do(commands.RegisterClass(BY, CCP))
    own = [CreditClass(f"EXC-7-2025{tail}", "EXC", "7", "Forest", 2025) for tail in ("", "-B")]
    for known in own:
        market.do(commands.RegisterClass(BY, known))
    deferred_trade(market, 10)
    market.do(FreezeUnits(BY, "f-1", FreezeCause.HOLD, "x", (serials(1, 1),)))
    market.do(reclassify(serials(2, 2)))
    free = serials(3, 4)

    codes = [
        code_of(market.do(command))
        for command in (
            reclassify(free, by="alpha-key", reference="r"),
            reclassify(free, reference="no good"),
            reclassify(free),
            reclassify(free, reference="r", to_class_id="VCS-9-2020"),
            reclassify(free, reference="r", to_class_id=V19),
            reclassify(free, reference="r", to_class_id=V20),
            reclassify(free, reference="r", class_id=own[0].class_id, to_class_id=own[1].class_id),
            reclassify(serials(4, 3), reference="r"),
            reclassify(serials(1, 4), reference="r"),
            reclassify(serials(2 * UNITS, 2 * UNITS + 1), reference="r"),
            reclassify(serials(1, 1, "elsewhere"), reference="r"),
        )
    ]

    assert [
        RejectCode.NOT_PERMITTED,
        RejectCode.INVALID_PARAMS,
        RejectCode.REFERENCE_REUSED,
        RejectCode.UNKNOWN_CLASS,
        *[RejectCode.NOT_PERMITTED] * 3,
        RejectCode.SERIAL_BLOCK_INVALID,
        RejectCode.UNITS_FROZEN,
        RejectCode.UNITS_LOCKED,
        RejectCode.SERIAL_BLOCK_NOT_HELD,
    ] == codes
