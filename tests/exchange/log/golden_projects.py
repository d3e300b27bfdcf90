"""Events of projects whose bytes stand in `golden/`; see `golden_events`."""

from exchange.domain.carbon.project_forms import Crediting, Mitigation, Project, ProjectRegistered
from exchange.domain.forms import Event

PROJECT_EVENTS: dict[tuple[str, int], list[Event]] = {
    ("project_registered", 1): [
        ProjectRegistered("ops", Project("VCS", "1340", "Cordillera Azul")),
        ProjectRegistered(
            "ops",
            Project(
                "CAR",
                "CAR1343",
                "San Bartolomé Loxicha",
                "MX",
                "Forestry - MX",
                "Mexico Forest Protocol - Version 1.5",
                Mitigation.REMOVAL,
                Crediting.EX_ANTE,
                "Ejido",
            ),
        ),
    ]
}
