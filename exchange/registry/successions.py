"""Which serial numbers were issued for which others: by moves to another registry, and as ex-ante units became ex-post ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.carbon.ex_ante_forms import UnitsConverted
from exchange.registry.serials import SerialRange

if TYPE_CHECKING:
    from exchange.domain.events import Event
    from exchange.domain.serials import SerialBlock

    Blocks = tuple[SerialBlock, ...]


def issued_as(event: Event, block: SerialBlock) -> tuple[str, ...]:
    """Texts of the serial numbers that an event issued for those of a block, and for others that ended with them."""
    before, after = _succession(event)
    return _texts(after) if _within(block, before) else ()


def issued_for(event: Event, block: SerialBlock) -> tuple[str, ...]:
    """Texts of the serial numbers that ended for those of a block, which the event issued."""
    before, after = _succession(event)
    return _texts(before) if _within(block, after) else ()


def _succession(event: Event) -> tuple[Blocks, Blocks]:
    """What ended, and what was issued for it."""
    if isinstance(event, ev.UnitsMoved):
        return event.blocks, event.to_blocks
    if isinstance(event, UnitsConverted):
        return event.blocks, (event.to_block,)
    return (), ()


def _within(block: SerialBlock, blocks: Blocks) -> bool:
    return any(
        (one.registry, one.batch) == (block.registry, block.batch)
        and one.first <= block.first
        and block.last <= one.last
        for one in blocks
    )


def _texts(blocks: Blocks) -> tuple[str, ...]:
    return tuple(SerialRange.of_block(block).render() for block in blocks)
