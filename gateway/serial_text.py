"""Serial blocks as text, as their registries write them, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.registry.serials import SerialRange, parse

if TYPE_CHECKING:
    from exchange.domain.instruments import CreditClass

_NUMBER = "([1-9][0-9]{0,17})"
_OPAQUE = re.compile(rf"(.+) \[{_NUMBER} to {_NUMBER}\]")


def serial_text(block: SerialBlock) -> str:
    """The text of a block; `parse_serial` gives the block back."""
    return SerialRange.of_block(block).render()


def parse_serial(text: str, credit_class: CreditClass) -> SerialBlock:
    """The block that a text names, of the class's registry; raises Reject. Whether anybody holds it is not asked."""
    registry = credit_class.registry
    named = _OPAQUE.fullmatch(text)
    if named is None:
        return parse(text, registry).to_block()
    block = SerialBlock(registry, named[1], int(named[2]), int(named[3]))
    if block.quantity < 1:
        raise Reject(RejectCode.SERIAL_BLOCK_INVALID, f"the block {block.first} to {block.last} is reversed")
    return block
