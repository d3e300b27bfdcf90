"""Which classes an aeroplane operator may use under CORSIA for a compliance period, as of a date, and why others not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.corsia import CANCELLED_BY, obstacles
from exchange.registry.reports.table import Table

if TYPE_CHECKING:
    from exchange.domain.carbon.corsia_forms import CorsiaPeriod
    from exchange.domain.state import State


def tables(facts: State, period: CorsiaPeriod, date: str) -> list[Table]:
    """All classes, by what was known on the date."""
    rows = []
    for class_id, credit_class in sorted(facts.classes.items()):
        found = obstacles(facts, class_id, period, date)
        rows.append(
            (
                class_id,
                credit_class.registry,
                credit_class.vintage,
                period.value,
                CANCELLED_BY[period],
                not found,
                "; ".join(found) or None,
            )
        )
    return [
        Table(
            "CORSIA eligibility",
            ("Class", "Registry", "Vintage", "Compliance period", "Cancelled by", "Eligible", "Obstacles"),
            tuple(rows),
        )
    ]
