"""Technologies and what projects disclose, over HTTP: for anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.project_forms import Mitigation, Project, RegisterProject
from exchange.domain.carbon.technology_forms import (
    GrantLicence,
    NameTechnologies,
    RegisterPool,
    RegisterTechnology,
    Technology,
    TechnologyPool,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode
from tests.exchange.domain.carbon.primary_sales import opening

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

BY = LOCAL_OPERATOR
TECHNOLOGIES = "/api/v1/technologies"
PROJECTS = "/api/v1/register/projects"


async def test_a_project_and_its_technologies(exchange: RunningExchange, http: HttpClient) -> None:
    """A project tells what it is, who shares in its sales by role and never by name, and what it uses under which terms."""
    pool = TechnologyPool("OPEN-LAND", "Open Land", "Restoring forests", ("Acme Ltd",), ("Forestry - MX",))
    patents = ("XX 1234567 B1",)
    await exchange.do(
        *opening(),
        RegisterProject(
            BY, Project("CAR", "1568", "Laguna Om", "MX", "Forestry - MX", "", Mitigation.REMOVAL)
        ),
        RegisterPool(BY, pool),
        RegisterTechnology(BY, Technology("DRONES", "OPEN-LAND", "Sowing", "Acme Ltd", "", patents)),
        RegisterTechnology(BY, Technology("PROBES", "OPEN-LAND", "Soil probes", "Acme Ltd")),
        GrantLicence(BY, "OPEN-LAND", "Ejido Om", "2026-11-01"),
        NameTechnologies(BY, "CAR", "1568", "Ejido Om", ("DRONES",)),
    )

    shown = await http.json(f"{PROJECTS}/CAR/1568", "ProjectDisclosure")
    everything = (await http.json(TECHNOLOGIES, "TechnologiesFound"))["technologies"]
    found = (await http.json(TECHNOLOGIES, "TechnologiesFound", words="laguna sowing"))["technologies"]

    assert ("Laguna Om", "removal", "ex_post") == (shown["name"], shown["mitigation"], shown["crediting"])
    assert [("community", 600_000), ("developer", 385_000), ("registry_fee", 15_000)] == [
        (share["role"], share["ppm"]) for share in shown["proceeds"]
    ]
    assert {"role", "ppm"} == set(shown["proceeds"][0])
    assert ["DRONES", "PROBES"] == [one["technology"] for one in everything]
    assert everything[:1] == found == shown["technologies"]
    assert (["Acme Ltd"], ["Ejido Om"], "Restoring forests", list(patents)) == tuple(
        found[0][name] for name in ("members", "licensees", "permitted_purpose", "patents")
    )
    assert ("Laguna Om", "Ejido Om") == (found[0]["projects"][0]["name"], found[0]["projects"][0]["user"])


async def test_projects_that_disclose_nothing(http: HttpClient) -> None:
    """A project that only a class brought has a name; one that nobody knows is refused."""
    shown = await http.json(f"{PROJECTS}/VCS/1340", "ProjectDisclosure")
    code, name, _ = await http.refusal(f"{PROJECTS}/VCS/nothing", 404)

    assert ("Rimba Raya", [], []) == (shown["name"], shown["proceeds"], shown["technologies"])
    assert (RejectCode.UNKNOWN_PROJECT, "UNKNOWN_PROJECT") == (code, name)
