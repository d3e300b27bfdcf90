"""Ex-ante credits: units by class, and what was estimated from which evidence. As of a date.

Nothing here is a credit: no other report counts these units, and this one counts nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.ex_ante_overview import ex_ante_classes
from exchange.registry.reports.table import Table

if TYPE_CHECKING:
    from exchange.domain.carbon.ex_ante_overview import ExAnteClass
    from exchange.domain.state import State
    from exchange.registry.reports.table import Cell


def tables(state: State) -> list[Table]:
    """All classes that were estimated, by id."""
    classes = ex_ante_classes(state)
    return [
        Table(
            "Ex-ante classes",
            ("Class", "Project", "Name", "Estimated", "Issued", "Outstanding", "Converted", "Expired"),
            tuple(_units(found) for found in classes),
        ),
        Table(
            "Estimates",
            ("Class", "Event", "Model", "Units", "Evidence SHA-256", "Model run SHA-256"),
            tuple(
                (
                    found.class_id,
                    one.seq,
                    one.model,
                    one.units,
                    one.evidence_sha256,
                    one.run_sha256,
                )
                for found in classes
                for one in found.estimates
            ),
        ),
        Table(
            "Years",
            ("Class", "Event", "Year", "t CO2e", "Present t CO2e"),
            tuple(
                (found.class_id, one.seq, year.year, year.tonnes, year.present_tonnes)
                for found in classes
                for one in found.estimates
                for year in one.years
            ),
        ),
    ]


def _units(found: ExAnteClass) -> tuple[Cell, ...]:
    return (
        found.class_id,
        found.project,
        found.name,
        found.estimated,
        found.issued,
        found.outstanding,
        found.converted,
        found.expired,
    )
