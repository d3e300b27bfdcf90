"""Events of Parties, cooperative approaches and CORSIA whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.article6_forms import (
    ApproachRegistered,
    Authorisation,
    CooperativeApproach,
    FirstTransfer,
    JcmTargetSet,
    Mechanism,
    OutcomesAuthorised,
    Purpose,
    SafeguardsReported,
)
from exchange.domain.carbon.corsia_forms import (
    AdjustmentReported,
    CorsiaPeriod,
    CorsiaProgramme,
    CorsiaProgrammeAdmitted,
    DeedRecorded,
)
from exchange.domain.carbon.party_forms import Party, PartyAssigned, PartyRegistered
from exchange.domain.forms import Event

ARTICLE6_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("party_registered", 1): [
        PartyRegistered("ops", Party("JPN", "Japan", "JP", "JPN01", 2021, 2030)),
        PartyRegistered("ops", Party("LAO", "Lao PDR", "LA", "LAO01", 2021, 2030, jcm_order=7)),
    ],
    ("party_assigned", 1): [PartyAssigned("ops", "ACME", "JPN")],
    ("cooperative_approach_registered", 1): [
        ApproachRegistered("ops", CooperativeApproach("CA0001", "JCM", Mechanism.JCM, ("LAO", "JPN"))),
    ],
    ("outcomes_authorised", 1): [
        OutcomesAuthorised(
            "ops",
            Authorisation("LAO-1", "CA0001", "LAO", (Purpose.NDC,), ("EXC-LA001-2023",), "2026-11-23"),
        ),
        OutcomesAuthorised(
            "ops",
            Authorisation(
                "LAO-2",
                "CA0001",
                "LAO",
                (Purpose.NDC, Purpose.OIMP),
                ("EXC-LA001-2024", "EXC-LA002-2024"),
                "2026-11-23",
                FirstTransfer.USE_OR_CANCELLATION,
                "CORSIA",
                ("ACME",),
                "Energy",
                "Solar power",
                "Until 2030",
            ),
        ),
    ],
    ("safeguards_reported", 1): [SafeguardsReported("ops", "LAO", "CA0001", "2026-11-20", "Initial report")],
    ("jcm_target_set", 1): [JcmTargetSet("ops", "JPN", 2030, 100_000_000, "Plan of 2025")],
    ("corsia_programme_admitted", 1): [
        CorsiaProgrammeAdmitted(
            "ops", CorsiaProgramme("VCS", CorsiaPeriod.FIRST, 2021, 2026, "2024-10-28", "C-DEC 233")
        )
    ],
    ("adjustment_reported", 1): [AdjustmentReported("ops", "EXC-LA001-2023", "2026-11-20", "First BTR")],
    ("accounting_deed_recorded", 1): [
        DeedRecorded("ops", "EXC-LA001-2023", "Developer", "Insurer", "P-1", "2026-01-01", "2028-01-31")
    ],
}
