"""Projects: described by operators, or by the first class that belongs to them."""

from __future__ import annotations

import pytest

from exchange.domain import commands
from exchange.domain.carbon.project_forms import (
    Crediting,
    Mitigation,
    Project,
    ProjectRegistered,
    RegisterProject,
)
from exchange.domain.carbon.projects import Description
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.rejects import RejectCode
from tests.market import BUSINESS_DATE, CLASS_2018, Market

FOREST = Project(
    "CAR",
    "CAR1343",
    "San Bartolomé Loxicha",
    "MX",
    "Forestry - MX",
    "Mexico Forest Protocol",
    Mitigation.REMOVAL,
    Crediting.EX_POST,
    "Ejido",
)


def test_a_class_brings_its_project(market: Market) -> None:
    """A project that nobody described is known by the name and country that its first class gives."""
    known = market.state.carbon.projects

    assert Project("VCS", "1340", "Rimba Raya", "ID") == known.of_class(CLASS_2018)
    assert 1 == len(known.descriptions["VCS/1340"])


def test_a_described_project_stays_described(market: Market) -> None:
    """A class that comes later belongs to the project as it was described."""
    assert [ProjectRegistered(LOCAL_OPERATOR, FOREST)] == market.do(RegisterProject(LOCAL_OPERATOR, FOREST))
    described_at = market.state.last_seq

    known = CreditClass("CAR-CAR1343-2022", "CAR", "CAR1343", "Loxicha", 2022)
    market.do(commands.RegisterClass(LOCAL_OPERATOR, known))

    assert FOREST == market.state.carbon.projects.of_class(known)
    assert [Description(described_at, BUSINESS_DATE, FOREST)] == market.state.carbon.projects.descriptions[
        "CAR/CAR1343"
    ]


def test_a_description_is_corrected(market: Market) -> None:
    """Another description is a new fact; the earlier one stays known."""
    other = Project("CAR", "CAR1343", "Loxicha", "MX")
    market.do(RegisterProject(LOCAL_OPERATOR, other))
    market.do(RegisterProject(LOCAL_OPERATOR, FOREST))

    known = market.state.carbon.projects
    assert FOREST == known.current("CAR/CAR1343")
    assert [other, FOREST] == [description.project for description in known.descriptions["CAR/CAR1343"]]


@pytest.mark.parametrize(
    ("by", "project", "code"),
    [
        ("alpha-key", FOREST, RejectCode.NOT_PERMITTED),
        (LOCAL_OPERATOR, Project("C R", "1", "x"), RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, Project("C/R", "1", "x"), RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, Project("CAR", "", "x"), RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, Project("CAR", "1", " "), RejectCode.INVALID_PARAMS),
        (LOCAL_OPERATOR, Project("VCS", "1340", "Rimba Raya", "ID"), RejectCode.ALREADY_EXISTS),
    ],
)
def test_refused(market: Market, by: str, project: Project, code: RejectCode) -> None:
    """Strangers, ids that cannot name a project, and what is known already are refused."""
    (refused,) = market.do(RegisterProject(by, project))

    assert isinstance(refused, RequestRefused)
    assert code is refused.code
