"""Serial blocks as text, as their registries write them, and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import OWN_REGISTRY, SerialBlock, own_batch
from exchange.registry.serials import SerialRange, parse

if TYPE_CHECKING:
    from exchange.domain.instruments import CreditClass

_NUMBER = "([1-9][0-9]{0,17})"
_OPAQUE = re.compile(rf"(.+) \[{_NUMBER} to {_NUMBER}\]")
_OWN = re.compile(rf"(.+)-{_NUMBER} to {_NUMBER}")


def serial_text(block: SerialBlock) -> str:
    """The text of a block; `parse_serial` gives the block back."""
    if block.registry == OWN_REGISTRY:
        return block.batch.replace("{first}", str(block.first)).replace("{last}", str(block.last))
    return SerialRange.of_block(block).render()


def parse_serial(text: str, credit_class: CreditClass) -> SerialBlock:
    """The block that a text names, of the class's registry; raises Reject. Whether anybody holds it is not asked."""
    registry = credit_class.registry
    if registry == OWN_REGISTRY:
        own = _OWN.fullmatch(text)
        if own is None or own[1] != credit_class.class_id:
            raise Reject(
                RejectCode.SERIAL_BLOCK_INVALID,
                f"serials of {credit_class.class_id} are written {credit_class.class_id}-FIRST to LAST",
            )
        return _block(registry, own_batch(credit_class.class_id), own[2], own[3])
    named = _OPAQUE.fullmatch(text)
    if named is not None:
        return _block(registry, named[1], named[2], named[3])
    return parse(text, registry).to_block()


def _block(registry: str, batch: str, first: str, last: str) -> SerialBlock:
    block = SerialBlock(registry, batch, int(first), int(last))
    if block.quantity < 1:
        raise Reject(RejectCode.SERIAL_BLOCK_INVALID, f"the block {first} to {last} is reversed")
    return block
