"""What a certificate lists: the retired serials by credit class, and their totals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.registry.certificate import CertifiedClass, CertifiedSerials, UnitTotal
from exchange.registry.serials import SerialRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exchange.domain.instruments import CreditClass, Unit
    from exchange.domain.serials import ClassBlock, SerialBlock


def certified_lines(
    blocks: Iterable[ClassBlock], classes: Mapping[str, CreditClass]
) -> tuple[CertifiedClass, ...]:
    """Classes in the order of first appearance, each with its blocks in their order. Raises KeyError for unknown classes."""
    by_class: dict[str, list[SerialBlock]] = {}
    for class_id, block in blocks:
        by_class.setdefault(class_id, []).append(block)
    return tuple(_line(classes[class_id], of_class) for class_id, of_class in by_class.items())


def certified_totals(lines: Iterable[CertifiedClass]) -> tuple[UnitTotal, ...]:
    """One total for each unit of measure, in the order of first appearance."""
    totals: dict[Unit, int] = {}
    for line in lines:
        totals[line.unit] = totals.get(line.unit, 0) + line.quantity
    return tuple(UnitTotal(unit, quantity) for unit, quantity in totals.items())


def _line(credit_class: CreditClass, blocks: list[SerialBlock]) -> CertifiedClass:
    return CertifiedClass(
        class_id=credit_class.class_id,
        registry=credit_class.registry,
        project=credit_class.project,
        name=credit_class.name,
        country=credit_class.country,
        vintage=credit_class.vintage,
        unit=credit_class.unit,
        labels=credit_class.labels,
        quantity=sum(block.quantity for block in blocks),
        blocks=tuple(
            CertifiedSerials(SerialRange.of_block(block).render(), block.first, block.last, block.quantity)
            for block in blocks
        ),
    )
