"""Events of ex-ante credits whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.ex_ante_forms import (
    EvidenceDocument,
    ExAnteEstimated,
    ExAnteEvidence,
    ExAnteExpired,
    ExAnteVerified,
    HazardYear,
    UnitsConverted,
    UnitsExpired,
    YearEstimate,
)
from exchange.domain.forms import Event
from exchange.domain.serials import SerialBlock

EX_ANTE_BLOCK = SerialBlock("EXC", "EXC-WALL-EXANTE-{first} to {last}", 1, 900)
EX_POST_BLOCK = SerialBlock("EXC", "EXC-WALL-2027-{first} to {last}", 1, 900)

EX_ANTE_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("ex_ante_estimated", 1): [
        ExAnteEstimated(
            "ops",
            "EXC-WALL-EXANTE",
            "avoided-rebuilding/1",
            ExAnteEvidence(
                "WALL",
                "防潮堤",
                "m2 of floor",
                2026,
                "0.04",
                (HazardYear(2027, "0.02", "150000", "0.6", "0.35"),),
                (EvidenceDocument("hazard map", "ab" * 32),),
            ),
            "cd" * 32,
            (YearEstimate(2027, "630.000000", "605.769230"),),
            605,
            "ef" * 32,
        )
    ],
    ("ex_ante_verified", 1): [
        ExAnteVerified(
            "ops",
            "EXC-WALL-EXANTE",
            "EXC-WALL-2027",
            900,
            "ab" * 32,
            "pro-rata-largest-remainder/1",
            "verification-2027",
        )
    ],
    ("units_converted", 1): [
        UnitsConverted(
            "ACME-1",
            "EXC-WALL-EXANTE",
            (EX_ANTE_BLOCK,),
            "EXC-WALL-2027",
            EX_POST_BLOCK,
            742,
            "verification-2027",
        ),
        UnitsConverted(
            "ACME-1",
            "EXC-WALL-EXANTE",
            (EX_ANTE_BLOCK,),
            "EXC-WALL-2027",
            EX_POST_BLOCK,
            742,
            "verification-2027",
            700,
        ),
    ],
    ("ex_ante_expired", 1): [
        ExAnteExpired(
            "ops",
            "EXC-WALL-EXANTE",
            900,
            "not verified",
            "pro-rata-largest-remainder/1",
            "expiry-2027",
        )
    ],
    ("units_expired", 1): [UnitsExpired("ACME-1", "EXC-WALL-EXANTE", (EX_ANTE_BLOCK,), 745)],
}
