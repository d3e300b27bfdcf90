"""The Joint Crediting Mechanism: projects, volumes by partner country and by share of the Parties, progress to targets.

A volume is what was issued: units that came in for the first time, of classes under a cooperative approach of the JCM.
Japan's target (Plan for Global Warming Countermeasures) counts the emission reductions and removals of the JCM in total,
cumulated to the end of a fiscal year, 31 March.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.article6_forms import Mechanism
from exchange.domain.carbon.parties import JAPAN
from exchange.registry.reports.table import Table

if TYPE_CHECKING:
    from exchange.registry.reports.outcomes import Outcomes
    from exchange.registry.reports.table import Cell

Volumes = dict[tuple[str, str, str], int]
"""Units by class, Party of the account that they were issued to (empty: of none), and business date."""


def tables(outcomes: Outcomes) -> list[Table]:
    """Projects, partner countries, shares of the Parties, and targets."""
    hosts = _hosts(outcomes)
    volumes = {key: units for key, units in outcomes.issued.items() if key[0] in hosts}
    return [
        _projects(outcomes, hosts, volumes),
        _partners(outcomes, hosts, volumes),
        _shares(outcomes, volumes),
        _targets(outcomes, volumes),
    ]


def _hosts(outcomes: Outcomes) -> dict[str, str]:
    """Classes under the JCM and the partner country they are of."""
    article6 = outcomes.facts.carbon.article6
    return {
        class_id: authorisation.party
        for _, authorisation in sorted(article6.authorisations.items())
        if article6.approaches[authorisation.approach_id].mechanism is Mechanism.JCM
        for class_id in authorisation.classes
    }


def _projects(outcomes: Outcomes, hosts: dict[str, str], volumes: Volumes) -> Table:
    rows: dict[tuple[str, str, str], list[int]] = {}
    for class_id, host in hosts.items():
        credit_class = outcomes.facts.classes[class_id]
        terms = rows.setdefault((host, credit_class.registry, credit_class.project), [0, 0, 0])
        terms[0] += 1
        terms[1] += _units(volumes, class_id=class_id)
        terms[2] += _units(volumes, class_id=class_id, party=JAPAN)
    projects = outcomes.facts.carbon.projects
    return Table(
        "Projects",
        ("Party", "Registry", "Project", "Name", "Classes", "Issued (t CO2 eq)", "To Japan (t CO2 eq)"),
        tuple(
            (host, registry, project, projects.descriptions[f"{registry}/{project}"][-1].project.name, *terms)
            for (host, registry, project), terms in sorted(rows.items())
        ),
    )


def _partners(outcomes: Outcomes, hosts: dict[str, str], volumes: Volumes) -> Table:
    """All partner countries, in the order in which they joined."""
    rows: list[tuple[Cell, ...]] = []
    known = outcomes.facts.carbon.parties.known.values()
    for partner in sorted((party for party in known if party.jcm_order), key=lambda party: party.jcm_order):
        classes = [class_id for class_id, host in hosts.items() if host == partner.party]
        projects = {
            (outcomes.facts.classes[class_id].registry, outcomes.facts.classes[class_id].project)
            for class_id in classes
        }
        rows.append(
            (
                partner.jcm_order,
                partner.party,
                partner.name,
                len(projects),
                sum(_units(volumes, class_id=class_id) for class_id in classes),
                sum(_units(volumes, class_id=class_id, party=JAPAN) for class_id in classes),
                sum(_units(volumes, class_id=class_id, party=partner.party) for class_id in classes),
            )
        )
    return Table(
        "Partner countries",
        (
            "Order",
            "Party",
            "Name",
            "Projects",
            "Issued (t CO2 eq)",
            "To Japan (t CO2 eq)",
            "To the partner (t CO2 eq)",
        ),
        tuple(rows),
    )


def _shares(outcomes: Outcomes, volumes: Volumes) -> Table:
    total = sum(volumes.values())
    parties = sorted({party for _, party, _ in volumes})
    return Table(
        "Shares",
        ("Party", "Name", "Issued (t CO2 eq)", "Share (%)"),
        tuple(
            (
                party or None,
                outcomes.facts.carbon.parties.known[party].name if party else "Accounts of no Party",
                _units(volumes, party=party),
                percent(_units(volumes, party=party), total),
            )
            for party in parties
        ),
    )


def _targets(outcomes: Outcomes, volumes: Volumes) -> Table:
    rows: dict[tuple[str, int], tuple[Cell, ...]] = {}
    for target in outcomes.facts.carbon.article6.targets:
        until = f"{target.fiscal_year + 1}-03-31"
        reached = sum(units for (_, _, date), units in volumes.items() if date <= until)
        # A later target of the same year takes the place of the earlier one.
        rows[target.party, target.fiscal_year] = (
            target.party,
            target.fiscal_year,
            target.quantity,
            reached,
            percent(reached, target.quantity),
            max(target.quantity - reached, 0),
            target.document,
        )
    return Table(
        "Targets",
        (
            "Party",
            "Fiscal year",
            "Target (t CO2 eq)",
            "Reached (t CO2 eq)",
            "Reached (%)",
            "Remaining (t CO2 eq)",
            "Document",
        ),
        tuple(row for _, row in sorted(rows.items())),
    )


def _units(volumes: Volumes, *, class_id: str | None = None, party: str | None = None) -> int:
    return sum(
        units
        for (of_class, to_party, _), units in volumes.items()
        if class_id in {None, of_class} and party in {None, to_party}
    )


def percent(part: int, whole: int) -> str:
    """A share in percent, cut after four decimals; 0 of nothing."""
    millionths = part * 1_000_000 // whole if whole else 0
    return f"{millionths // 10_000}.{millionths % 10_000:04}"
