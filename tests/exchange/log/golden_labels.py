"""Events of labels whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.label_forms import LabelGiven, LabelWithdrawn, UnitsReclassified
from exchange.domain.forms import Event
from exchange.domain.serials import SerialBlock

LABEL_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("label_given", 1): [
        LabelGiven("ops", "CAR-CAR1568-2025", "CCP", "2026-01-31"),
        LabelGiven(
            "ops", "ART-ART102-2021", "CORSIA-PHASE-1", "2024-01-01", "2026-12-31", "ICAO, October 2024"
        ),
    ],
    ("label_withdrawn", 1): [
        LabelWithdrawn("ops", "CAR-CAR1568-2025", "CCP", "2026-06-30"),
        LabelWithdrawn("ops", "CAR-CAR1568-2025", "CCP", "2026-01-31", "2026-03-31", "given too early"),
    ],
    ("units_reclassified", 1): [
        UnitsReclassified(
            "ops",
            "CAR-CAR1568-2025",
            "CAR-CAR1568-2025-CCP",
            (SerialBlock("CAR", "CAR-1-MX-1568-42-1130-QR-2025-9680-{first} to {last}", 1, 15803),),
            "labelled by the registry",
            "ccp-1",
        )
    ],
}
