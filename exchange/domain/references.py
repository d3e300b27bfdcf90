"""What a reference stands for: the same reference with the same body is the same request, with another body it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import events as ev
from exchange.domain.carbon import claims
from exchange.domain.serials import OWN_REGISTRY, units_by_class

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.domain.orders import Delivery
    from exchange.domain.serials import SerialBlock


FREEZE_REFERENCE = "freeze/"
"""References that the venue gives to what it cancels at the end of a freeze begin so."""
RECLASSIFICATION_REFERENCE = "reclassified/"
"""Likewise of what becomes another class."""


class Reference(msgspec.Struct, frozen=True):
    """The idempotency record of one `(account, reference)`: a payment, a movement of units, a retirement."""

    command: int
    body: tuple[str, ...]


Referenced = (
    ev.CashDeposited
    | ev.CashWithdrawn
    | ev.UnitsDeposited
    | ev.UnitsWithdrawn
    | ev.UnitsIssued
    | ev.UnitsCancelled
    | ev.UnitsMoved
    | ev.Retired
)


def reference_body(event: Referenced) -> tuple[str, ...]:
    """What must be equal for a repeated reference to mean the same request."""
    if isinstance(event, ev.CashDeposited | ev.CashWithdrawn):
        return (event.kind, event.currency, str(event.amount))
    if isinstance(event, ev.Retired):
        return retirement_body(event, units_by_class(event.credits))
    if isinstance(event, ev.UnitsIssued):
        # With no share for the pool the body is what it was before there were pools.
        buffer = () if event.buffer is None else (str(event.buffer.quantity),)
        return (event.kind, event.class_id, str(event.block.quantity), *buffer)
    if isinstance(event, ev.UnitsCancelled):
        return (event.kind, event.class_id, event.reason, *_texts(event.blocks))
    if isinstance(event, ev.UnitsMoved):
        # Serials of the own registry are the answer, not part of what was asked.
        to_blocks = [block for block in event.to_blocks if block.registry != OWN_REGISTRY]
        return (event.kind, event.class_id, *_texts(event.blocks), event.to_class_id, *_texts(to_blocks))
    return (event.kind, event.class_id, str(event.quantity), *_texts(event.blocks))


def retirement_body(event: ev.Retired, units: Delivery) -> tuple[str, ...]:
    """The body of a retirement: its units by class where a rule chose the serials, the serials where they were named."""
    if event.rule:
        named = tuple(text for class_id, quantity in units for text in (class_id, str(quantity)))
    else:
        named = tuple(text for class_id, block in event.credits for text in (class_id, *_texts((block,))))
    return (event.kind, event.beneficiary, event.purpose, *named, *claims.body(event.claim))


def _texts(blocks: Iterable[SerialBlock]) -> tuple[str, ...]:
    return tuple(str(part) for block in blocks for part in msgspec.structs.astuple(block))
