"""Events of the offset account whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.offset_forms import (
    Activity,
    ActivityCorrected,
    ActivityRecorded,
    OffsetPeriodOpened,
    ReductionRecorded,
    RetirementAllocated,
)
from exchange.domain.forms import Event

ELECTRICITY = Activity(
    "本社の電力", 2, "182500.5", "kWh", "0.000438", "環境省 令和6年度 電気事業者別排出係数"
)

OFFSET_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("offset_period_opened", 1): [
        OffsetPeriodOpened("ACME-1", "FY2025", "Acme 株式会社", "2025-04-01", "2026-03-31")
    ],
    ("activity_recorded", 1): [ActivityRecorded("ACME-1", "FY2025", "power", ELECTRICITY, "79.935219")],
    ("activity_corrected", 1): [
        ActivityCorrected(
            "ACME-1", "FY2025", "power-2", "power", ELECTRICITY, "79.935219", "meter of the annex left out"
        )
    ],
    ("reduction_recorded", 1): [
        ReductionRecorded(
            "ACME-1", "FY2025", "led", "LED lamps", "1.25", "maker's data sheet", in_activity=True
        )
    ],
    ("retirement_allocated", 1): [
        RetirementAllocated(
            "ACME-1", "FY2025", "offset-1", 742, (("JC-ER-1042-2022", 50), ("CDM-1234-2019", 28)), 78_000
        )
    ],
}
