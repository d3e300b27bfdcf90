"""Cooperative approaches, authorisations, safeguards and targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import (
    ApproachRegistered,
    AuthoriseOutcomes,
    FirstTransfer,
    JcmTargetSet,
    Mechanism,
    OutcomesAuthorised,
    Purpose,
    RegisterApproach,
    ReportSafeguards,
    SafeguardsReported,
    SetJcmTarget,
)
from exchange.domain.carbon.label_forms import ReclassifyUnits
from exchange.domain.carbon.project_forms import Crediting, RegisterProject
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Unit
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from tests.exchange.domain.audit import Auditor
from tests.jcm import APPROACH, SOLAR, V23, V24, JcmMarket, authorisation, units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.commands import Command

OTHER = msgspec.structs.replace(APPROACH, approach_id="CA0002")


@pytest.fixture
def market() -> Iterator[JcmMarket]:
    """Gives a market of the JCM, and audits what the test did to it."""
    market = JcmMarket()
    yield market
    Auditor(market).check()


def refusal(market: JcmMarket, command: Command) -> RejectCode:
    (refused,) = market.do(command)
    assert isinstance(refused, RequestRefused), refused
    return refused.code


def test_an_authorisation_covers_its_classes(market: JcmMarket) -> None:
    """One of two classes; the other stays without."""
    given = authorisation((V23,))

    assert [OutcomesAuthorised(LOCAL_OPERATOR, given)] == market.authorise(given)

    article6 = market.state.carbon.article6
    assert (given, None) == (article6.authorisation(V23), article6.authorisation(V24))


def test_a_bilateral_approach_of_three_parties(market: JcmMarket) -> None:
    """Only the JCM is of two Parties, one of them Japan."""
    approach = msgspec.structs.replace(OTHER, mechanism=Mechanism.BILATERAL, parties=("MNG", "THA", "JPN"))

    assert [ApproachRegistered(LOCAL_OPERATOR, approach)] == market.do(
        RegisterApproach(LOCAL_OPERATOR, approach)
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approach_id": "CA1"}, RejectCode.INVALID_PARAMS),
        ({"name": ""}, RejectCode.INVALID_PARAMS),
        ({"approach_id": "CA0001"}, RejectCode.ALREADY_EXISTS),
        ({"parties": ("MNG", "XXX")}, RejectCode.UNKNOWN_PARTY),
        ({"parties": ("JPN",)}, RejectCode.INVALID_PARAMS),
        ({"parties": ("JPN", "JPN")}, RejectCode.INVALID_PARAMS),
        ({"parties": ("JPN", "MNG", "THA")}, RejectCode.INVALID_PARAMS),
        ({"parties": ("MNG", "THA")}, RejectCode.INVALID_PARAMS),
    ],
)
def test_approaches_that_are_refused(market: JcmMarket, changes: dict[str, object], code: RejectCode) -> None:
    """Ids of another form, Parties that are not known or named twice, and a JCM without Japan or with two partners."""
    approach = msgspec.structs.replace(OTHER, **changes)

    assert code is refusal(market, RegisterApproach(LOCAL_OPERATOR, approach))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approach_id": "CA0009"}, RejectCode.UNKNOWN_COOPERATIVE_APPROACH),
        ({"authorisation_id": "MN 1"}, RejectCode.INVALID_AUTHORISATION),
        ({"party": "THA"}, RejectCode.INVALID_AUTHORISATION),
        ({"party": "JPN"}, RejectCode.INVALID_AUTHORISATION),
        ({"authorised_on": "2026-11-24"}, RejectCode.INVALID_AUTHORISATION),
        ({"authorised_on": "yesterday"}, RejectCode.INVALID_DATE),
        ({"purposes": ()}, RejectCode.INVALID_AUTHORISATION),
        ({"purposes": (Purpose.NDC, Purpose.NDC)}, RejectCode.INVALID_AUTHORISATION),
        ({"purposes": (Purpose.OIMP,)}, RejectCode.INVALID_AUTHORISATION),
        ({"first_transfer": FirstTransfer.ISSUANCE}, RejectCode.INVALID_AUTHORISATION),
        ({"oimp": "CORSIA"}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": ()}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": (V23, V23)}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": ("EXC-NONE-2023",)}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": ("EXC-KG-2023",)}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": ("EXC-OLD-2020",)}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": ("EXC-EXPECTED-2023",)}, RejectCode.INVALID_AUTHORISATION),
        ({"classes": ("EXC-WALL-2023",)}, RejectCode.INVALID_AUTHORISATION),
        ({"entities": ("NOBODY",)}, RejectCode.INVALID_AUTHORISATION),
    ],
)
def test_authorisations_that_are_refused(
    market: JcmMarket, changes: dict[str, object], code: RejectCode
) -> None:
    """Terms that decision 2/CMA.3 does not know, and classes that cannot be outcomes of the Party."""
    by = LOCAL_OPERATOR
    for known in (
        CreditClass("EXC-KG-2023", "EXC", "KG", "Kilograms", 2023, Unit.KILOGRAM, "MN"),
        CreditClass("EXC-OLD-2020", "EXC", "OLD", "Before the Agreement", 2020, country="MN"),
        CreditClass("EXC-EXPECTED-2023", "EXC", "EXPECTED", "Expected", 2023, country="MN"),
        CreditClass("EXC-WALL-2023", "EXC", "WALL", "Wall", 2023, country="MN", crediting=Crediting.EX_ANTE),
    ):
        market.do(commands.RegisterClass(by, known))
    expected = msgspec.structs.replace(SOLAR, project="EXPECTED", crediting=Crediting.EX_ANTE)
    market.do(RegisterProject(by, expected))

    given = msgspec.structs.replace(authorisation(), **changes)

    assert code is refusal(market, AuthoriseOutcomes(by, given))


def test_a_class_has_one_authorisation(market: JcmMarket) -> None:
    """Neither the id nor a class can be used again."""
    market.authorise(authorisation((V23,)))

    assert RejectCode.ALREADY_EXISTS is refusal(
        market, AuthoriseOutcomes(LOCAL_OPERATOR, authorisation((V24,)))
    )
    assert RejectCode.INVALID_AUTHORISATION is refusal(
        market, AuthoriseOutcomes(LOCAL_OPERATOR, authorisation((V23, V24), authorisation_id="MN-2"))
    )


def test_safeguards_and_targets(market: JcmMarket) -> None:
    """Both are facts with a document."""
    by = LOCAL_OPERATOR
    safeguards = ("MNG", "CA0001", "2026-11-23", "Initial report")
    target = ("JPN", 2030, 100_000_000, "Plan")

    assert [SafeguardsReported(by, *safeguards)] == market.do(ReportSafeguards(by, *safeguards))
    assert [JcmTargetSet(by, *target)] == market.do(SetJcmTarget(by, *target))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (
            ReportSafeguards(LOCAL_OPERATOR, "MNG", "CA0009", "2026-11-23", "x"),
            RejectCode.UNKNOWN_COOPERATIVE_APPROACH,
        ),
        (
            ReportSafeguards(LOCAL_OPERATOR, "THA", "CA0001", "2026-11-23", "x"),
            RejectCode.UNKNOWN_COOPERATIVE_APPROACH,
        ),
        (ReportSafeguards(LOCAL_OPERATOR, "MNG", "CA0001", "2026-11-24", "x"), RejectCode.INVALID_DATE),
        (ReportSafeguards(LOCAL_OPERATOR, "MNG", "CA0001", "2026-11-23", ""), RejectCode.INVALID_PARAMS),
        (SetJcmTarget(LOCAL_OPERATOR, "XXX", 2030, 1, "x"), RejectCode.UNKNOWN_PARTY),
        (SetJcmTarget(LOCAL_OPERATOR, "JPN", 2020, 1, "x"), RejectCode.INVALID_PARAMS),
        (SetJcmTarget(LOCAL_OPERATOR, "JPN", 2030, 0, "x"), RejectCode.INVALID_PARAMS),
    ],
)
def test_reports_and_targets_that_are_refused(market: JcmMarket, command: Command, code: RejectCode) -> None:
    """Strangers to the approach, days that have not come, nothing to show for it."""
    assert code is refusal(market, command)


@pytest.mark.parametrize(
    "command",
    [
        RegisterApproach("alpha-key", OTHER),
        AuthoriseOutcomes("alpha-key", authorisation()),
        ReportSafeguards("alpha-key", "MNG", "CA0001", "2026-11-23", "x"),
        SetJcmTarget("alpha-key", "JPN", 2030, 1, "x"),
        commands.IssueShared("alpha-key", V23, (("mn", 1),), "x"),
    ],
)
def test_only_operators_book_them(market: JcmMarket, command: Command) -> None:
    """A trader may not."""
    assert RejectCode.NOT_PERMITTED is refusal(market, command)


def test_units_keep_their_authorisation_when_they_move(market: JcmMarket) -> None:
    """To a class under the same authorisation they may; out of it, or into another one, they may not."""
    by = LOCAL_OPERATOR
    for number in (1, 2):
        registry = f"JCM{number}"
        market.do(
            commands.RegisterClass(
                by, CreditClass(f"{registry}-MN003-2023", registry, "MN003", SOLAR.name, 2023, country="MN")
            )
        )
    market.authorise(authorisation((V23, "JCM1-MN003-2023")))
    market.issue(("mn", 10))

    def move(number: int) -> commands.MoveUnits:
        block = SerialBlock(f"JCM{number}", "MN", 1, 4)
        return commands.MoveUnits(
            by, "mn", V23, (units(1, 4),), f"JCM{number}-MN003-2023", (block,), f"move-{number}"
        )

    assert RejectCode.AUTHORISATION_DIFFERS is refusal(market, move(2))
    assert ["units_moved"] == [event.kind for event in market.do(move(1))]


def test_a_label_does_not_take_units_out_of_their_authorisation(market: JcmMarket) -> None:
    """A class of its own for labelled units is under the same authorisation, or they cannot become it."""
    by = LOCAL_OPERATOR
    plain = CreditClass("JCM-MN003-2023", "JCM", "MN003", SOLAR.name, 2023, country="MN")
    labelled = msgspec.structs.replace(plain, class_id="JCM-MN003-2023-CCP", labels=("CCP",))
    for known in (plain, labelled):
        market.do(commands.RegisterClass(by, known))
    market.authorise(authorisation((plain.class_id,)))
    block = SerialBlock("JCM", "MN", 1, 4)
    market.do(commands.DepositUnits(by, "mn", plain.class_id, 4, (block,), "in"))

    reclassify = ReclassifyUnits(by, plain.class_id, labelled.class_id, (block,), "CCP", "label")

    assert RejectCode.AUTHORISATION_DIFFERS is refusal(market, reclassify)
