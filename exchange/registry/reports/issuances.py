"""Issuances by vintage with the share that went into the buffer pool, and what the pools have. As of a date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.money import render_decimal
from exchange.registry.reports.table import PERCENT_DECIMALS, Table

if TYPE_CHECKING:
    from exchange.domain.state import State


def tables(state: State) -> list[Table]:
    """Issuances by class, and buffer pools by registry."""
    return [_issuances(state), _pools(state)]


def _issuances(state: State) -> Table:
    rows = []
    for class_id, issuances in sorted(state.carbon.issuances.of_class.items()):
        credit_class = state.classes[class_id]
        project = state.carbon.projects.of_class(credit_class)
        rows += [
            (
                credit_class.registry,
                credit_class.project,
                project.name,
                project.country or None,
                project.project_type or None,
                project.methodology or None,
                project.mitigation.value if project.mitigation else None,
                (credit_class.crediting or project.crediting).value,
                class_id,
                credit_class.vintage,
                issuance.issued_on,
                issuance.total,
                issuance.buffer,
                render_decimal(issuance.buffer_ppm, PERCENT_DECIMALS),
            )
            for issuance in issuances
        ]
    return Table(
        "Issuances",
        (
            "Registry",
            "Project",
            "Name",
            "Country",
            "Type",
            "Methodology",
            "Mitigation",
            "Crediting",
            "Class",
            "Vintage",
            "Issued on",
            "Total",
            "Buffer",
            "Buffer share in %",
        ),
        tuple(rows),
    )


def _pools(state: State) -> Table:
    contributed: dict[str, int] = {}
    for class_id, issuances in state.carbon.issuances.of_class.items():
        registry = state.classes[class_id].registry
        contributed[registry] = contributed.get(registry, 0) + sum(issuance.buffer for issuance in issuances)
    left = {registry: state.carbon.issuances.pool_units(registry) for registry in contributed}
    return Table(
        "Buffer pools",
        ("Registry", "Contributed", "Retired for reversals", "Left"),
        tuple(
            (registry, units, units - left[registry], left[registry])
            for registry, units in sorted(contributed.items())
            if units
        ),
    )
