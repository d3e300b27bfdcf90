"""Reversals: what covers each of them, and the certificates that rest on units of the project. As of a date.

A certificate stays what it says: the tonnes that went back into the air are made up for by other units, those of the pool
or those that the owner turns in. It is touched as its project is, and whoever holds it may want to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.reversal_forms import ReversalCause
from exchange.registry.reports.table import Table
from exchange.registry.serials import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.carbon.reversals import Reversal
    from exchange.registry.reports.table import Cell
    from exchange.registry.reports.venue_history import VenueHistory


def tables(history: VenueHistory, reference: str = "") -> list[Table]:
    """All reversals, or the one with a reference; nothing where there is none."""
    found = [
        (name, reversal)
        for name, reversal in history.state.carbon.reversals.by_reference.items()
        if reference in ("", name)
    ]
    return [
        Table(
            "Reversals",
            (
                "Reversal",
                "Registry",
                "Project",
                "Cause",
                "Occurred on",
                "Units",
                "Retired by the pool",
                "Not covered",
                "Made good",
                "Owed",
            ),
            tuple(_reversal(name, reversal) for name, reversal in found),
        ),
        Table(
            "Buffer units retired",
            ("Reversal", "Class", "Issuance", "Units", "Serial numbers"),
            tuple(row for name, reversal in found for row in _draws(name, reversal)),
        ),
        Table(
            "Certificates touched",
            ("Reversal", "Certificate", "Retired on", "Beneficiary", "Class", "Units", "Cover"),
            tuple(row for name, reversal in found for row in _touched(history, name, reversal)),
        ),
    ]


def _reversal(name: str, reversal: Reversal) -> tuple[Cell, ...]:
    drawn = sum(draw.quantity for draw in reversal.drawn)
    intentional = reversal.cause is ReversalCause.INTENTIONAL
    return (
        name,
        reversal.registry,
        reversal.project,
        reversal.cause.value,
        reversal.occurred_on,
        reversal.quantity,
        drawn,
        reversal.uncovered,
        reversal.quantity - reversal.owed if intentional else 0,
        reversal.owed,
    )


def _draws(name: str, reversal: Reversal) -> Iterator[tuple[Cell, ...]]:
    for draw in reversal.drawn:
        serials = "; ".join(text_of(block) for block in draw.blocks)
        yield name, draw.class_id, draw.issuance, draw.quantity, serials or None


def _touched(history: VenueHistory, name: str, reversal: Reversal) -> Iterator[tuple[Cell, ...]]:
    """Retirements of the project's units of vintages up to the year of the reversal."""
    year = int(reversal.occurred_on[:4])
    for retirement in history.retirements:
        units: dict[str, int] = {}
        for class_id, block in retirement.event.credits:
            known = history.state.classes[class_id]
            if (known.registry, known.project) == (
                reversal.registry,
                reversal.project,
            ) and known.vintage <= year:
                units[class_id] = units.get(class_id, 0) + block.quantity
        for class_id, quantity in units.items():
            yield (
                name,
                retirement.seq,
                retirement.retired_on,
                retirement.event.beneficiary,
                class_id,
                quantity,
                _cover(reversal),
            )


def _cover(reversal: Reversal) -> str:
    if reversal.owed:
        return "owed by the owner"
    if reversal.uncovered:
        return "covered by the pool in part"
    intentional = reversal.cause is ReversalCause.INTENTIONAL
    return "made good by the owner" if intentional else "covered by the pool"
