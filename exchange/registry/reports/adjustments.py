"""Corresponding adjustments of each Party, by calendar year.

Decision 2/CMA.3 annex para 8: a Party adds what it authorised and first transferred, for the year in which the mitigation
occurred, and subtracts what it used, for the year in which it was used. What it acquired is no term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.registry.reports.actions import ActionType
from exchange.registry.reports.consistency import flaws, result
from exchange.registry.reports.table import Table

if TYPE_CHECKING:
    from exchange.registry.reports.outcomes import Outcomes

COLUMNS = (
    "Party",
    "Calendar year",
    "First transferred (t CO2 eq)",
    "Used towards the NDC (t CO2 eq)",
    "Corresponding adjustment (t CO2 eq)",
    "Result of the consistency checks",
)


class Adjustment(msgspec.Struct):
    """The terms of a Party and year, in tonnes."""

    first_transferred: int = 0
    used: int = 0
    flaws: dict[str, None] = {}
    """Why it fails the check, in the order found."""

    @property
    def balance(self) -> int:
        """What is added to the emissions of the Party, negative where it is subtracted."""
        return self.first_transferred - self.used


def adjustments(outcomes: Outcomes) -> dict[tuple[str, int], Adjustment]:
    """By Party and calendar year, of all years that have a term."""
    found: dict[tuple[str, int], Adjustment] = {}
    for action in outcomes.actions:
        if action.action_type is ActionType.FIRST_TRANSFER:
            key = (action.reported_by, outcomes.facts.classes[action.class_id].vintage)
            adjustment = found.setdefault(key, Adjustment())
            adjustment.first_transferred += action.quantity
        elif action.action_type is ActionType.USE and action.year:
            adjustment = found.setdefault((action.using, action.year), Adjustment())
            adjustment.used += action.quantity
        else:
            continue
        adjustment.flaws.update(dict.fromkeys(flaws(outcomes.facts, action)))
    return found


def tables(outcomes: Outcomes) -> list[Table]:
    """One row for each Party and year, and each Party's balance over all years."""
    found = adjustments(outcomes)
    parties = sorted({party for party, _ in found})
    rows = [
        (
            party,
            year,
            adjustment.first_transferred,
            adjustment.used,
            adjustment.balance,
            result(list(adjustment.flaws)),
        )
        for (party, year), adjustment in sorted(found.items())
    ]
    balances = [
        (
            party,
            sum(adjustment.first_transferred for key, adjustment in found.items() if key[0] == party),
            sum(adjustment.used for key, adjustment in found.items() if key[0] == party),
            sum(adjustment.balance for key, adjustment in found.items() if key[0] == party),
        )
        for party in parties
    ]
    return [
        Table("Adjustments", COLUMNS, tuple(rows)),
        Table("Balances", (COLUMNS[0], *COLUMNS[2:5]), tuple(balances)),
    ]
