"""The offset account's statement of a period as tables: as of a date, also of one before a correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.offset_statement import statement
from exchange.registry.reports.table import Table

if TYPE_CHECKING:
    from exchange.domain.carbon.offset_statement import OffsetStatement
    from exchange.domain.state import State


def tables(state: State, account: str, period: str) -> list[Table]:
    """The statement of a period. Raises Reject where the account had none of this name."""
    stated = statement(state, account, period)
    return [_figures(stated), _reductions(stated), _allocations(stated), _sums(stated)]


def _figures(stated: OffsetStatement) -> Table:
    return Table(
        "Known",
        (
            "Entry",
            "Source",
            "Scope",
            "Activity",
            "Unit",
            "Factor",
            "Factor from",
            "t CO2e",
            "Corrects",
            "Reason",
            "Corrected by",
        ),
        tuple(
            (
                figure.entry,
                figure.activity.source,
                figure.activity.scope,
                figure.activity.quantity,
                figure.activity.unit,
                figure.activity.factor,
                figure.activity.factor_source,
                figure.tonnes,
                figure.corrects or None,
                figure.reason or None,
                figure.corrected_by or None,
            )
            for figure in stated.figures
        ),
    )


def _reductions(stated: OffsetStatement) -> Table:
    return Table(
        "Reduced",
        ("Entry", "Measure", "Known from", "t CO2e", "In the activity data already"),
        tuple(
            (found.entry, found.measure, found.source, found.tonnes, found.in_activity)
            for found in stated.reductions
        ),
    )


def _allocations(stated: OffsetStatement) -> Table:
    return Table(
        "Offset",
        ("Entry", "Retirement", "Class", "Project", "Vintage", "Quantity", "Unit"),
        tuple(
            (
                allocation.entry,
                allocation.retirement,
                line.class_id,
                line.name,
                line.vintage,
                line.quantity,
                line.unit.value,
            )
            for allocation in stated.allocations
            for line in allocation.credits
        ),
    )


def _sums(stated: OffsetStatement) -> Table:
    return Table(
        "t CO2e",
        ("Emissions", "Taken off", "Remaining", "To offset", "Offset", "Left to offset", "Surplus"),
        (
            (
                stated.emissions,
                stated.taken_off,
                stated.remaining,
                stated.to_offset,
                stated.offset,
                stated.left_to_offset,
                stated.surplus,
            ),
        ),
    )
