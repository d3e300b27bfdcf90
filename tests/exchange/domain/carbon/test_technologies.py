"""Technology pools: who may use what for which projects, and finding it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain.carbon.project_forms import Project, RegisterProject
from exchange.domain.carbon.technology_forms import (
    GrantLicence,
    LicenceGranted,
    NameTechnologies,
    PoolRegistered,
    RegisterPool,
    RegisterTechnology,
    TechnologiesNamed,
    Technology,
    TechnologyPool,
    TechnologyRegistered,
)
from exchange.domain.carbon.technology_search import TechnologyUser, find_technologies, technologies_of
from exchange.domain.events import Event, RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.rejects import RejectCode

if TYPE_CHECKING:
    from tests.market import Market

BY = LOCAL_OPERATOR
POOL = TechnologyPool(
    "OPEN-LAND",
    "Open Land",
    "Restoring forests and soils",
    ("Acme Ltd", "Beta Ltd"),
    ("Forestry - MX", "Soil"),
)
ANY = TechnologyPool("OPEN-AIR", "Open Air", "Any reduction", ("Gamma Ltd",))
DRONES = Technology("DRONES", "OPEN-LAND", "Sowing by drone", "Acme Ltd", "Seeds in pods", ("XX 1234567 B1",))
FILTER = Technology("FILTER", "OPEN-AIR", "Passive filter", "Gamma Ltd")
FOREST = Project("CAR", "1568", "Laguna Om", "MX", "Forestry - MX")
LICENCE = GrantLicence(BY, "OPEN-LAND", "Ejido Om", "2026-11-01")
NAME = NameTechnologies(BY, "CAR", "1568", "Ejido Om", ("DRONES",))


@pytest.fixture
def pools(market: Market) -> Market:
    """Gives a market with two pools, a technology in each, a licensee of one, and a project."""
    for command in (
        RegisterPool(BY, POOL),
        RegisterPool(BY, ANY),
        RegisterTechnology(BY, DRONES),
        RegisterTechnology(BY, FILTER),
        LICENCE,
        RegisterProject(BY, FOREST),
    ):
        market.do(command)
    return market


def code(events: list[Event]) -> RejectCode:
    """The code of a refusal."""
    (event,) = events
    assert isinstance(event, RequestRefused)
    return event.code


def test_everything_is_a_fact(market: Market) -> None:
    """Pools, technologies, licences and uses stand on the log as they were said."""
    market.do(RegisterProject(BY, FOREST))

    assert [PoolRegistered(BY, POOL)] == market.do(RegisterPool(BY, POOL))
    assert [TechnologyRegistered(BY, DRONES)] == market.do(RegisterTechnology(BY, DRONES))
    assert [LicenceGranted(BY, "OPEN-LAND", "Ejido Om", "2026-11-01")] == market.do(LICENCE)
    assert [TechnologiesNamed(BY, "CAR", "1568", "Ejido Om", ("DRONES",))] == market.do(NAME)


def test_a_project_changes_what_it_uses(pools: Market) -> None:
    """What a project names last counts; one that names nothing uses nothing."""
    pools.do(NAME)
    (shown,) = technologies_of(pools.state, "CAR/1568")
    assert ("Restoring forests and soils", ("Ejido Om",), ("XX 1234567 B1",)) == (
        shown.permitted_purpose,
        shown.licensees,
        shown.patents,
    )
    assert (TechnologyUser("CAR", "1568", "Laguna Om", "Ejido Om"),) == shown.projects

    pools.do(msgspec.structs.replace(NAME, technologies=()))
    assert [] == technologies_of(pools.state, "CAR/1568")
    pools.do(msgspec.structs.replace(NAME, user="Gamma Ltd", technologies=("FILTER",)))
    assert ["FILTER"] == [one.technology for one in technologies_of(pools.state, "CAR/1568")]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["DRONES", "FILTER"]),
        ("drone", ["DRONES"]),
        ("restoring BETA", ["DRONES"]),
        ("1234567", ["DRONES"]),
        ("laguna", ["DRONES"]),
        ("ejido seeds", ["DRONES"]),
        ("open", ["DRONES", "FILTER"]),
        ("open nothing", []),
    ],
)
def test_search(pools: Market, words: str, found: list[str]) -> None:
    """Every word occurs somewhere: in a technology, its pool, its patents, or a project that uses it."""
    pools.do(NAME)

    assert found == [one.technology for one in find_technologies(pools.state, words)]


def test_a_description_is_corrected(pools: Market) -> None:
    """A pool and a technology may be described anew; nobody loses a licence by it."""
    pools.do(RegisterPool(BY, msgspec.structs.replace(POOL, members=("Acme Ltd",))))
    pools.do(RegisterTechnology(BY, msgspec.structs.replace(DRONES, patents=())))
    pools.do(NAME)

    (shown,) = technologies_of(pools.state, "CAR/1568")
    assert (("Acme Ltd",), ("Ejido Om",), ()) == (shown.members, shown.licensees, shown.patents)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (RegisterPool("alpha-key", ANY), RejectCode.NOT_PERMITTED),
        (RegisterPool(BY, POOL), RejectCode.ALREADY_EXISTS),
        (RegisterPool(BY, TechnologyPool("a b", "x", "x", ("x",))), RejectCode.INVALID_PARAMS),
        (RegisterPool(BY, TechnologyPool("p", " ", "x", ("x",))), RejectCode.INVALID_PARAMS),
        (RegisterPool(BY, TechnologyPool("p", "x", "", ("x",))), RejectCode.INVALID_PARAMS),
        (RegisterPool(BY, TechnologyPool("p", "x", "x", ())), RejectCode.INVALID_PARAMS),
        (RegisterPool(BY, TechnologyPool("p", "x", "x", ("x", "x"))), RejectCode.INVALID_PARAMS),
        (RegisterPool(BY, TechnologyPool("p", "x", "x", ("x",), ("",))), RejectCode.INVALID_PARAMS),
        (RegisterTechnology("alpha-key", DRONES), RejectCode.NOT_PERMITTED),
        (RegisterTechnology(BY, DRONES), RejectCode.ALREADY_EXISTS),
        (RegisterTechnology(BY, Technology("", "OPEN-AIR", "x", "Gamma Ltd")), RejectCode.INVALID_PARAMS),
        (RegisterTechnology(BY, Technology("x", "OPEN-AIR", "", "Gamma Ltd")), RejectCode.INVALID_PARAMS),
        (
            RegisterTechnology(BY, Technology("x", "OPEN-AIR", "x", "Gamma Ltd", patents=("1", "1"))),
            RejectCode.INVALID_PARAMS,
        ),
        (
            RegisterTechnology(BY, Technology("x", "nothing", "x", "Gamma Ltd")),
            RejectCode.UNKNOWN_TECHNOLOGY_POOL,
        ),
        (RegisterTechnology(BY, Technology("x", "OPEN-AIR", "x", "Acme Ltd")), RejectCode.NOT_A_POOL_MEMBER),
        (
            RegisterTechnology(BY, Technology("DRONES", "OPEN-AIR", "x", "Gamma Ltd")),
            RejectCode.INVALID_PARAMS,
        ),
        (GrantLicence("alpha-key", "OPEN-AIR", "x", "2026-11-01"), RejectCode.NOT_PERMITTED),
        (GrantLicence(BY, "nothing", "x", "2026-11-01"), RejectCode.UNKNOWN_TECHNOLOGY_POOL),
        (GrantLicence(BY, "OPEN-AIR", "x", "today"), RejectCode.INVALID_DATE),
        (GrantLicence(BY, "OPEN-AIR", " ", "2026-11-01"), RejectCode.INVALID_PARAMS),
        (GrantLicence(BY, "OPEN-LAND", "Acme Ltd", "2026-11-01"), RejectCode.ALREADY_EXISTS),
        (LICENCE, RejectCode.ALREADY_EXISTS),
        (msgspec.structs.replace(NAME, by="alpha-key"), RejectCode.NOT_PERMITTED),
        (msgspec.structs.replace(NAME, project="nothing"), RejectCode.UNKNOWN_PROJECT),
        (msgspec.structs.replace(NAME, technologies=("nothing",)), RejectCode.UNKNOWN_TECHNOLOGY),
        (msgspec.structs.replace(NAME, technologies=("DRONES", "DRONES")), RejectCode.INVALID_PARAMS),
        (msgspec.structs.replace(NAME, user="somebody"), RejectCode.NOT_LICENSED),
        (msgspec.structs.replace(NAME, technologies=("FILTER",)), RejectCode.NOT_LICENSED),
        (msgspec.structs.replace(NAME, technologies=()), RejectCode.ALREADY_EXISTS),
        (
            NameTechnologies(BY, "VCS", "1340", "Acme Ltd", ("DRONES",)),
            RejectCode.PURPOSE_NOT_PERMITTED,
        ),
    ],
)
def test_refused(pools: Market, command: object, expected: RejectCode) -> None:
    """Only an operator describes pools; what is named must be known, and whoever uses it be licensed for that purpose."""
    assert expected == code(pools.do(command))  # type: ignore[arg-type]


def test_naming_the_same_is_refused(pools: Market) -> None:
    """What a project names already is no news."""
    pools.do(NAME)

    assert RejectCode.ALREADY_EXISTS == code(pools.do(NAME))
