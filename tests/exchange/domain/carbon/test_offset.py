"""The offset account: what is known, reduced and offset of a period adds up exactly, and nothing is offset twice."""

from typing import Any

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon import offset, offset_periods
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.carbon.offset_forms import (
    Activity,
    ActivityCorrected,
    ActivityRecorded,
    AllocateRetirement,
    CorrectActivity,
    OffsetPeriodOpened,
    OpenOffsetPeriod,
    RecordActivity,
    RecordReduction,
    ReductionRecorded,
    RetirementAllocated,
)
from exchange.domain.carbon.offset_statement import statement, summaries
from exchange.domain.events import Event, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.rejects import RejectCode
from tests.market import ALPHA, V19, V20, Market

POWER = Activity("electricity of the office", 2, "182500.5", "kWh", "0.000438", "MOE 2024")
"""79.935219 t."""
VAN = Activity("delivery van", 1, "400", "l", "0.00232", "MOE 2024")
"""0.928 t."""
PERIOD = "FY2025"
ACME = "Acme"


class Accounting:
    """Alpha's offset account in a market."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.by = (market.alpha.key_id, market.alpha.session, ALPHA)

    def open(self, organisation: str = ACME) -> list[Event]:
        return self.market.do(OpenOffsetPeriod(*self.by, PERIOD, organisation, "2025-04-01", "2026-03-31"))

    def record(self, entry: str, activity: Activity = POWER) -> list[Event]:
        return self.market.do(RecordActivity(*self.by, PERIOD, entry, activity))

    def correct(self, entry: str, corrects: str, activity: Activity) -> list[Event]:
        return self.market.do(CorrectActivity(*self.by, PERIOD, entry, corrects, activity, "meter misread"))

    def reduce(self, entry: str, tonnes: str, *, in_activity: bool = False) -> list[Event]:
        return self.market.do(
            RecordReduction(*self.by, PERIOD, entry, "LED lamps", tonnes, "data sheet", in_activity)
        )

    def retire(self, class_id: str, quantity: int, reference: str, beneficiary: str = ACME) -> int:
        """Seq of the retirement."""
        seq = self.market.next_seq
        self.market.do(self.market.alpha.retire_command(class_id, quantity, reference, beneficiary))
        return seq

    def allocate(self, entry: str, retirement: int, *units: tuple[str, int]) -> list[Event]:
        return self.market.do(AllocateRetirement(*self.by, PERIOD, entry, retirement, units))

    @property
    def period(self) -> offset_periods.Period:
        return self.market.state.carbon.offset.periods[ALPHA][PERIOD]


@pytest.fixture
def accounting(market: Market) -> Accounting:
    """Gives an offset account with an open period."""
    accounting = Accounting(market)
    accounting.open()
    return accounting


def refused(events: list[Event]) -> RejectCode:
    (event,) = events
    assert isinstance(event, RequestRefused), event
    return event.code


def test_three_steps(accounting: Accounting) -> None:
    """Figures are exact, what remains is rounded up to whole tonnes once, and retirements offset it."""
    assert [ActivityRecorded(ALPHA, PERIOD, "power", POWER, "79.935219")] == accounting.record("power")
    assert [ActivityRecorded(ALPHA, PERIOD, "van", VAN, "0.928")] == accounting.record("van", VAN)
    assert [
        ReductionRecorded(ALPHA, PERIOD, "led", "LED lamps", "3.5", "data sheet", in_activity=False)
    ] == accounting.reduce("led", "3.5")
    accounting.reduce("heat-pump", "9", in_activity=True)
    assert 78_000 == accounting.period.to_offset_kg
    first = accounting.retire(V19, 50, "r-1")
    second = accounting.retire(V20, 100, "r-2")
    assert [RetirementAllocated(ALPHA, PERIOD, "o-1", first, ((V19, 50),), 50_000)] == accounting.allocate(
        "o-1", first, (V19, 50)
    )
    accounting.allocate("o-2", second, (V20, 28))
    period = accounting.period
    assert ("80.863219", "3.5", 78_000) == (period.emissions, period.taken_off, period.offset_kg)
    assert {str(second): {V20: 72}} == {
        seq: left.units for seq, left in accounting.market.state.carbon.offset.retirements.items()
    }


def test_never_more_offset_than_remains(accounting: Accounting) -> None:
    """One unit beyond the last begun tonne is refused; the rest of the retirement stays free for another period."""
    accounting.record("van", VAN)
    retirement = accounting.retire(V20, 2, "r-1")
    assert RejectCode.OFFSET_EXCEEDS_REMAINDER == refused(accounting.allocate("o-1", retirement, (V20, 2)))
    accounting.allocate("o-1", retirement, (V20, 1))
    assert RejectCode.OFFSET_EXCEEDS_REMAINDER == refused(accounting.allocate("o-2", retirement, (V20, 1)))


def test_a_corrected_figure_is_a_new_event(accounting: Accounting) -> None:
    """The old figure stays where it was, marked by its successor; sums follow; what is offset already stays offset."""
    accounting.record("power")
    retirement = accounting.retire(V20, 80, "r-1")
    accounting.allocate("o-1", retirement, (V20, 80))
    less = Activity("electricity of the office", 2, "100000", "kWh", "0.000438", "MOE 2024")
    assert [
        ActivityCorrected(ALPHA, PERIOD, "power-2", "power", less, "43.8", "meter misread")
    ] == accounting.correct("power-2", "power", less)
    period = accounting.period
    assert ("power-2", "power") == (period.figures["power"].corrected_by, period.figures["power-2"].corrects)
    assert ("79.935219", "43.8") == (period.figures["power"].tonnes, period.emissions)
    assert (44_000, 80_000) == (period.to_offset_kg, period.offset_kg)
    assert RejectCode.UNKNOWN_OFFSET_ENTRY == refused(accounting.correct("power-3", "power", less))
    assert RejectCode.UNKNOWN_OFFSET_ENTRY == refused(accounting.correct("power-3", "nothing", less))


def test_reductions_never_exceed_emissions(accounting: Accounting) -> None:
    """More than what was emitted cannot be saved; a correction below the reductions leaves nothing to offset."""
    accounting.record("van", VAN)
    assert RejectCode.REDUCTION_EXCEEDS_EMISSIONS == refused(accounting.reduce("led", "0.928001"))
    accounting.reduce("led", "0.9")
    accounting.correct("van-2", "van", Activity("delivery van", 1, "1", "l", "0.00232", "MOE 2024"))
    assert (0, 0) == (accounting.period.remaining, accounting.period.to_offset_kg)


def test_the_same_entry_again_is_the_same_request(accounting: Accounting) -> None:
    """Repeating an entry answers the original event, even after a correction; another body with its id is refused."""
    accounting.record("power")
    accounting.correct("power-2", "power", VAN)
    accounting.reduce("led", "0.5")
    retirement = accounting.retire(V20, 1, "r-1")
    accounting.allocate("o-1", retirement, (V20, 1))
    market = accounting.market
    by = accounting.by
    again: list[Any] = [
        OpenOffsetPeriod(*by, PERIOD, ACME, "2025-04-01", "2026-03-31"),
        RecordActivity(*by, PERIOD, "power", POWER),
        CorrectActivity(*by, PERIOD, "power-2", "power", VAN, "meter misread"),
        RecordReduction(*by, PERIOD, "led", "LED lamps", "0.5", "data sheet", in_activity=False),
        AllocateRetirement(*by, PERIOD, "o-1", retirement, ((V20, 1),)),
    ]
    kinds = [type(market.recorded[market.execute(command).duplicate_of - 1].event) for command in again]
    assert [
        OffsetPeriodOpened,
        ActivityRecorded,
        ActivityCorrected,
        ReductionRecorded,
        RetirementAllocated,
    ] == kinds
    assert RejectCode.REFERENCE_REUSED == refused(accounting.record("power", VAN))
    assert RejectCode.REFERENCE_REUSED == refused(accounting.record("led", VAN))
    assert RejectCode.REFERENCE_REUSED == refused(accounting.open("Somebody else"))


def test_retirements_of_others_offset_nothing(accounting: Accounting) -> None:
    """Only what this account retired for this organisation counts, once, and by classes that it named."""
    accounting.record("power")
    market = accounting.market
    foreign = market.next_seq
    market.do(market.beta.retire_command(V20, 5, "r-1", ACME))
    other = accounting.retire(V20, 5, "r-2", "Somebody else")
    own = accounting.retire(V20, 5, "r-3")
    found = [
        refused(accounting.allocate("o-1", foreign, (V20, 5))),
        refused(accounting.allocate("o-1", 1, (V20, 5))),
        refused(accounting.allocate("o-1", other, (V20, 5))),
        refused(accounting.allocate("o-1", own, (V20, 6))),
        refused(accounting.allocate("o-1", own, (V20, 0))),
        refused(accounting.allocate("o-1", own, (V19, 1))),
        refused(accounting.allocate("o-1", own, ("NO-CLASS-1", 1))),
        refused(accounting.allocate("o-1", own)),
        refused(accounting.allocate("o-1", own, (V20, 1), (V20, 1))),
    ]
    assert [
        RejectCode.UNKNOWN_RETIREMENT,
        RejectCode.UNKNOWN_RETIREMENT,
        RejectCode.RETIREMENT_NOT_ALLOCABLE,
        RejectCode.RETIREMENT_NOT_ALLOCABLE,
        RejectCode.RETIREMENT_NOT_ALLOCABLE,
        RejectCode.RETIREMENT_NOT_ALLOCABLE,
        RejectCode.RETIREMENT_NOT_ALLOCABLE,
        RejectCode.INVALID_PARAMS,
        RejectCode.INVALID_PARAMS,
    ] == found
    accounting.allocate("o-1", own, (V20, 5))
    assert RejectCode.UNKNOWN_RETIREMENT == refused(accounting.allocate("o-2", own, (V20, 1)))


def test_kilograms_offset_by_the_kilogram(accounting: Accounting) -> None:
    """Units of a registry that counts kilograms count a thousandth of a tonne each."""
    market = accounting.market
    iso = CreditClass("ISO-7-2025", "ISO", "7", "Bio-oil", 2025, Unit.KILOGRAM, "US")
    market.do(commands.RegisterClass(LOCAL_OPERATOR, iso))
    market.deposit_units(ALPHA, iso.class_id, 5000)
    accounting.record("van", VAN)
    retirement = accounting.retire(iso.class_id, 1500, "r-1")
    assert RejectCode.OFFSET_EXCEEDS_REMAINDER == refused(
        accounting.allocate("o-1", retirement, (iso.class_id, 1001))
    )
    accounting.allocate("o-1", retirement, (iso.class_id, 1000))
    assert 1000 == accounting.period.offset_kg


@pytest.mark.parametrize(
    ("quantity", "factor", "scope"),
    [
        ("1.0000001", "1", 1),
        ("1", "0.0000000000001", 1),
        ("-1", "1", 1),
        ("1e3", "1", 1),
        ("", "1", 1),
        ("1000000000000", "2", 1),
        ("1", "1", 4),
    ],
)
def test_figures_of_another_scale_are_refused(
    accounting: Accounting, quantity: str, factor: str, scope: int
) -> None:
    """Too many decimals, signs, exponents, more than the world emits and unknown scopes get a number, not a rounding."""
    activity = Activity("x", scope, quantity, "kWh", factor, "y")
    assert RejectCode.EMISSION_FIGURE_INVALID == refused(accounting.record("power", activity))


def test_what_must_be_named(accounting: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources, units, factors' sources, measures, reasons and organisations are no blanks; ids and dates are proper."""
    market, by = accounting.market, accounting.by
    blank: list[commands.Command] = [
        RecordActivity(*by, PERIOD, "a", Activity(" ", 1, "1", "l", "1", "s")),
        RecordActivity(*by, PERIOD, "a", Activity("x", 1, "1", "", "1", "s")),
        RecordActivity(*by, PERIOD, "a", Activity("x", 1, "1", "l", "1", "")),
        RecordActivity(*by, PERIOD, "no id", VAN),
        RecordReduction(*by, PERIOD, "a", "", "1", "s", in_activity=True),
        RecordReduction(*by, PERIOD, "a", "m", "1", "", in_activity=True),
        OpenOffsetPeriod(*by, "other", " ", "2025-04-01", "2026-03-31"),
        OpenOffsetPeriod(*by, "no id", ACME, "2025-04-01", "2026-03-31"),
    ]
    assert [RejectCode.INVALID_PARAMS] * len(blank) == [refused(market.do(command)) for command in blank]
    assert [
        RejectCode.INVALID_DATE,
        RejectCode.EMISSION_FIGURE_INVALID,
        RejectCode.UNKNOWN_OFFSET_PERIOD,
    ] == [
        refused(market.do(OpenOffsetPeriod(*by, "other", ACME, "2026-04-01", "2026-03-31"))),
        refused(accounting.reduce("a", "0")),
        refused(market.do(RecordActivity(*by, "other", "a", VAN))),
    ]
    accounting.record("van", VAN)
    assert RejectCode.INVALID_PARAMS == refused(
        market.do(CorrectActivity(*by, PERIOD, "van-2", "van", VAN, " "))
    )
    monkeypatch.setattr(offset, "MAX_ENTRIES", 1)
    monkeypatch.setattr(offset, "MAX_PERIODS", 1)
    assert RejectCode.TOO_MANY_OFFSET_ENTRIES == refused(accounting.record("more", VAN))
    assert RejectCode.TOO_MANY_OFFSET_ENTRIES == refused(
        market.do(OpenOffsetPeriod(*by, "other", ACME, "2025-04-01", "2026-03-31"))
    )


def test_retirements_for_something_else_offset_nothing(accounting: Accounting) -> None:
    """A contribution claims nothing, so it offsets nothing; a stated compensation does."""
    accounting.record("power")
    market = accounting.market
    numbers = []
    for reference, kind in (("r-1", ClaimKind.CONTRIBUTION), ("r-2", ClaimKind.COMPENSATION)):
        numbers.append(market.next_seq)
        command = market.alpha.retire_command(V20, 5, reference, ACME)
        market.do(msgspec.structs.replace(command, claim=Claim(kind)))
    assert RejectCode.UNKNOWN_RETIREMENT == refused(accounting.allocate("o-1", numbers[0], (V20, 5)))
    assert "retirement_allocated" == accounting.allocate("o-1", numbers[1], (V20, 5))[0].kind


def test_statement(accounting: Accounting) -> None:
    """Everything that was recorded, in its order, with what stands, remains and is offset; amounts are exact text."""
    accounting.record("power")
    accounting.record("van", VAN)
    accounting.correct("van-2", "van", Activity("delivery van", 1, "300", "l", "0.00232", "MOE 2024"))
    accounting.reduce("led", "3.5")
    retirement = accounting.retire(V20, 90, "r-1")
    accounting.allocate("o-1", retirement, (V20, 70))
    shown = statement(accounting.market.state, ALPHA, PERIOD)
    assert ["power", "van", "van-2"] == [figure.entry for figure in shown.figures]
    assert [("led", "3.5")] == [(found.entry, found.tonnes) for found in shown.reductions]
    assert [("o-1", "70.000", 70)] == [
        (found.entry, found.tonnes, found.credits[0].quantity) for found in shown.allocations
    ]
    assert [(1, "0.696"), (2, "79.935219")] == [(total.scope, total.tonnes) for total in shown.scopes]
    assert ("80.631219", "3.5", "77.131219", "78.000", "70.000", "8.000", "0.000") == (
        shown.emissions,
        shown.taken_off,
        shown.remaining,
        shown.to_offset,
        shown.offset,
        shown.left_to_offset,
        shown.surplus,
    )
    (summary,) = summaries(accounting.market.state, ALPHA)
    assert ("80.631219", "78.000", "70.000") == (summary.emissions, summary.to_offset, summary.offset)


def test_only_the_owner_keeps_the_account(accounting: Accounting) -> None:
    """Somebody else's key may not write into the account."""
    market = accounting.market
    command = RecordActivity(market.beta.key_id, market.beta.session, ALPHA, PERIOD, "power", POWER)
    assert RejectCode.UNKNOWN_ACCOUNT == refused(market.do(command))
