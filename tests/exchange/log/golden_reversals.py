"""Events of issuances and reversals whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.issuance_forms import Draw, IssuanceRecorded
from exchange.domain.carbon.reversal_forms import ReversalCause, ReversalMadeGood, ReversalRecorded
from exchange.domain.forms import Event
from exchange.domain.serials import SerialBlock

POOL_BLOCK = SerialBlock("CAR", "CAR-1-MX-1568-42-1130-QR-2025-9681-{first} to {last}", 1, 6484)

REVERSAL_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("issuance_recorded", 1): [
        IssuanceRecorded("ops", "CAR-CAR2264-2026", "2026-03-19", 9166, 0, "9166"),
        IssuanceRecorded("ops", "CAR-CAR1568-2025", "2025-12-31", 22287, 6484, "9680", (POOL_BLOCK,)),
    ],
    ("reversal_recorded", 1): [
        ReversalRecorded(
            "ops",
            "CAR",
            "CAR1568",
            "fire-1",
            ReversalCause.UNINTENTIONAL,
            "2026-04-30",
            7000,
            "wildfire",
            rule="oldest-vintage/1",
            drawn=(Draw(77, "CAR-CAR1568-2025", 6484, (POOL_BLOCK,)), Draw(78, "CAR-CAR1863-2025", 500)),
            uncovered=16,
        ),
        ReversalRecorded(
            "ops",
            "ARB",
            "CAFR5012",
            "harvest-1",
            ReversalCause.INTENTIONAL,
            "2016-06-30",
            27150,
            "harvest",
            owed=27150,
        ),
    ],
    ("reversal_made_good", 1): [ReversalMadeGood("ops", "harvest-1", "ACME-1", 27150)],
}
