"""Events of technology pools whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.technology_forms import (
    LicenceGranted,
    PoolRegistered,
    TechnologiesNamed,
    Technology,
    TechnologyPool,
    TechnologyRegistered,
)
from exchange.domain.forms import Event

TECHNOLOGY_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("technology_pool_registered", 1): [
        PoolRegistered("ops", TechnologyPool("OPEN-LAND", "Open Land", "Restoring forests", ("Acme Ltd",))),
        PoolRegistered(
            "ops",
            TechnologyPool(
                "OPEN-LAND", "Open Land", "Restoring forests", ("Acme Ltd", "Beta Ltd"), ("Forestry - MX",)
            ),
        ),
    ],
    ("technology_registered", 1): [
        TechnologyRegistered("ops", Technology("DRONES", "OPEN-LAND", "Sowing by drone", "Acme Ltd")),
        TechnologyRegistered(
            "ops",
            Technology(
                "DRONES",
                "OPEN-LAND",
                "Sowing by drone",
                "Acme Ltd",
                "Seeds in pods, dropped where they grow",
                ("XX 1234567 B1",),
            ),
        ),
    ],
    ("technology_licence_granted", 1): [LicenceGranted("ops", "OPEN-LAND", "Ejido Om", "2026-11-23")],
    ("technologies_named", 1): [
        TechnologiesNamed("ops", "CAR", "1568", "Ejido Om", ("DRONES",)),
        TechnologiesNamed("ops", "CAR", "1568", "", ()),
    ],
}
