"""Stories beside the demo market, as an operator sets them up; `scenes` plays what participants do in them.

Real: the projects and their names; of San Crisanto the issuance of 2025 with its share for the buffer pool and the serial numbers,
as Climate Action Reserve shows them; the JCM's partners and Japan's targets for it. Invented: everybody who acts, all prices and
shares, the label and its days, the authorisation and what it issued, the certification number of the Hokkaido credits and their
serial numbers, every figure of the sea wall's estimate, and the technology pool.
"""

from __future__ import annotations

from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import (
    Authorisation,
    AuthoriseOutcomes,
    CooperativeApproach,
    Mechanism,
    Purpose,
    RegisterApproach,
    ReportSafeguards,
    SetJcmTarget,
)
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.ex_ante_forms import EstimateExAnte, ExAnteEvidence
from exchange.domain.carbon.issuance_forms import RecordIssuance
from exchange.domain.carbon.label_forms import GiveLabel
from exchange.domain.carbon.parties import JAPAN
from exchange.domain.carbon.party_forms import AssignParty, RegisterParty
from exchange.domain.carbon.proceeds_forms import NameProceeds, ProceedsShare, ShareRole
from exchange.domain.carbon.project_forms import Crediting, Mitigation, Project, RegisterProject
from exchange.domain.carbon.technology_forms import (
    GrantLicence,
    NameTechnologies,
    RegisterPool,
    RegisterTechnology,
    Technology,
    TechnologyPool,
)
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Instrument
from exchange.operations.admin.parties import jcm_parties
from exchange.registry.serials import parse

if TYPE_CHECKING:
    from exchange.domain.commands import Command

BY: Final = LOCAL_OPERATOR

MANGROVES: Final = Project(
    "CAR",
    "1428",
    "Manglares San Crisanto",
    "MX",
    "Forestry - MX",
    "Forestry - MX - Version 3.0",
    Mitigation.REMOVAL,
    owner="Community of San Crisanto",
)
MANGROVE_CLASS: Final = CreditClass(
    "CAR-1428-2025", "CAR", MANGROVES.project, MANGROVES.name, 2025, country="MX"
)
MANGROVE_BLOCK: Final = parse("CAR-1-MX-1428-42-993-YC-2025-10041-1 to 2631").to_block()
BLUE_BASKET: Final = "BLUE-CARBON"
SALES_ACCOUNT: Final = "PENINSULA-1"

REFRIGERATORS: Final = Project(
    "EXC",
    "ID002",
    "Project of Introducing High Efficiency Refrigerator to a Food Industry Cold Storage in Indonesia",
    "ID",
    "Energy demand",
    mitigation=Mitigation.REDUCTION,
)
REFRIGERATOR_CLASS: Final = CreditClass(
    "EXC-ID002-2024", "EXC", "ID002", REFRIGERATORS.name, 2024, country="ID"
)

THINNING: Final = Project(
    "J-CREDIT",
    "JC-FM-1071",
    "Forest thinning by four towns of Hokkaido: Ashoro, Shimokawa, Takinoue, Bihoro",
    "JP",
    "forest",
    mitigation=Mitigation.REMOVAL,
)
THINNING_CLASS: Final = CreditClass(
    "JC-FM-1071-2022", THINNING.registry, THINNING.project, THINNING.name, 2022, country="JP"
)
THINNING_BLOCK: Final = parse("JC-FM-1071-1 to 400", THINNING.registry).to_block()

SEA_WALL: Final = Project(
    "EXC", "HAMAMATSU", "Hamamatsu coastal sea wall, 17.5 km", "JP", "disaster prevention"
)
SEA_WALL_CLASS: Final = CreditClass(
    "EXC-HAMAMATSU-EXANTE",
    "EXC",
    SEA_WALL.project,
    SEA_WALL.name,
    2029,
    country="JP",
    crediting=Crediting.EX_ANTE,
)
SEA_WALL_UNITS: Final = 1_200
"""Fewer than estimated: issuing is limited by the estimate."""


def story_commands() -> list[Command]:
    """All of it, in order."""
    return [*_mangroves(), *_technology(), *_jcm(), *_thinning(), *_sea_wall()]


def _mangroves() -> list[Command]:
    """A forest with its issuance, buffer and label; a basket that it joins by rule; who shares in what it sells first."""
    rule = BasketRule(countries=("MX",), vintage_from=2024, labels=("SDG-14",), mitigation=Mitigation.REMOVAL)
    basket = msgspec.structs.replace(
        _instrument(BLUE_BASKET, "Coastal forests of Mexico labelled for life below water", "", 2240),
        rule=rule,
    )
    return [
        RegisterProject(BY, MANGROVES),
        NameProceeds(
            BY,
            MANGROVES.registry,
            MANGROVES.project,
            SALES_ACCOUNT,
            (
                ProceedsShare(ShareRole.COMMUNITY, "CRISANTO-1", 600_000),
                ProceedsShare(ShareRole.DEVELOPER, SALES_ACCOUNT, 385_000),
                ProceedsShare(ShareRole.REGISTRY_FEE, "RESERVE-1", 15_000),
            ),
        ),
        commands.RegisterClass(BY, MANGROVE_CLASS),
        RecordIssuance(BY, MANGROVE_CLASS.class_id, "2026-03-25", 3713, 1082, "demo-issuance"),
        GiveLabel(BY, MANGROVE_CLASS.class_id, "SDG-14", "2026-03-25", evidence="invented for the demo"),
        commands.ListInstrument(BY, basket),
        commands.DepositUnits(
            BY,
            SALES_ACCOUNT,
            MANGROVE_CLASS.class_id,
            MANGROVE_BLOCK.quantity,
            (MANGROVE_BLOCK,),
            "demo-units",
        ),
    ]


def _technology() -> list[Command]:
    """A royalty-free technology that the forest uses."""
    member = "Tidal Sensing (demo)"
    return [
        RegisterPool(
            BY,
            TechnologyPool(
                "OPEN-COAST",
                "Open Coast (demo)",
                "Measuring and restoring coastal forests",
                (member,),
                (MANGROVES.project_type,),
            ),
        ),
        RegisterTechnology(
            BY,
            Technology(
                "ROOT-LIDAR",
                "OPEN-COAST",
                "Biomass of mangroves from low flights",
                member,
                "Laser scans under the canopy give stems and roots without felling a tree",
                ("DEMO 1234567 B1",),
            ),
        ),
        GrantLicence(BY, "OPEN-COAST", "Community of San Crisanto (demo)", "2025-01-15"),
        NameTechnologies(
            BY,
            MANGROVES.registry,
            MANGROVES.project,
            "Community of San Crisanto (demo)",
            ("ROOT-LIDAR",),
        ),
    ]


def _jcm() -> list[Command]:
    """Indonesia authorises a project under the JCM; what is issued to Japan's account is first transferred by that."""
    parties = {party.party: party for party in jcm_parties()}
    plan = "Plan for Global Warming Countermeasures"
    return [
        *(RegisterParty(BY, parties[party]) for party in (JAPAN, "IDN")),
        AssignParty(BY, "NUSANTARA", "IDN"),
        AssignParty(BY, "HARIMA", JAPAN),
        SetJcmTarget(BY, JAPAN, 2030, 100_000_000, plan),
        SetJcmTarget(BY, JAPAN, 2040, 200_000_000, plan),
        RegisterProject(BY, REFRIGERATORS),
        commands.RegisterClass(BY, REFRIGERATOR_CLASS),
        RegisterApproach(
            BY, CooperativeApproach("CA0008", "JCM Indonesia-Japan", Mechanism.JCM, ("IDN", JAPAN))
        ),
        AuthoriseOutcomes(
            BY,
            Authorisation(
                "IDN-DEMO-1",
                "CA0008",
                "IDN",
                (Purpose.NDC,),
                (REFRIGERATOR_CLASS.class_id,),
                "2026-06-01",
                terms="invented for the demo",
            ),
        ),
        *(
            ReportSafeguards(BY, party, "CA0008", "2026-06-01", "invented for the demo")
            for party in ("IDN", JAPAN)
        ),
        commands.IssueShared(
            BY, REFRIGERATOR_CLASS.class_id, (("NUSANTARA-1", 120), ("HARIMA-1", 180)), "demo-jcm"
        ),
    ]


def _thinning() -> list[Command]:
    """J-Credits that a bus company offsets its year with."""
    return [
        RegisterProject(BY, THINNING),
        commands.RegisterClass(BY, THINNING_CLASS),
        commands.DepositUnits(
            BY,
            "TOWA-1",
            THINNING_CLASS.class_id,
            THINNING_BLOCK.quantity,
            (THINNING_BLOCK,),
            "demo-units",
        ),
    ]


def _sea_wall() -> list[Command]:
    """Emissions of rebuilding that a sea wall is expected to prevent: estimated, issued, listed."""
    evidence = resources.files(__package__).joinpath("sea_wall.json").read_bytes()
    class_id = SEA_WALL_CLASS.class_id
    return [
        RegisterProject(BY, SEA_WALL),
        commands.RegisterClass(BY, SEA_WALL_CLASS),
        EstimateExAnte(
            BY,
            class_id,
            msgspec.json.decode(evidence, type=ExAnteEvidence),
            sha256(evidence).hexdigest(),
        ),
        commands.IssueUnits(BY, "ENSHU-1", class_id, SEA_WALL_UNITS, "demo-units"),
        commands.ListInstrument(BY, _instrument(class_id, SEA_WALL.name, class_id, 650)),
    ]


def _instrument(symbol: str, name: str, class_id: str, price_cents: int) -> Instrument:
    return Instrument(
        symbol=symbol,
        name=name,
        classes=(class_id,) if class_id else (),
        currency="USD",
        tick=1,
        price_decimals=2,
        lot=1,
        minimum_quantity=1,
        maximum_quantity=100_000,
        reference_price_ticks=price_cents,
        band_ppm=300_000,
        maker_fee_ppm=500,
        taker_fee_ppm=2_000,
    )
