"""Actions on internationally transferred mitigation outcomes, as decision 2/CMA.3 annex para 20(a) has them tracked."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from exchange.domain.carbon.article6_forms import FirstTransfer
from exchange.domain.serials import SerialBlock

if TYPE_CHECKING:
    from exchange.domain.carbon.article6_forms import Authorisation


class ActionType(StrEnum):
    """As the agreed electronic format spells them (decision 6/CMA.4 annex II)."""

    FIRST_TRANSFER = "First transfer"
    TRANSFER = "Transfer"
    ACQUISITION = "Acquisition"
    USE = "Use"
    CANCELLATION = "Cancellation"


FIRST_INTERNATIONAL_TRANSFER = "First international transfer"
FIRST_TRANSFER_SUBTYPES = {
    FirstTransfer.AUTHORISATION: "Authorization",
    FirstTransfer.ISSUANCE: "Issuance",
    FirstTransfer.USE_OR_CANCELLATION: "Use or cancellation",
}


class Action(msgspec.Struct, frozen=True):
    """What was done with a block of ITMOs. Its ITMO serial numbers run in step with those of its units."""

    seq: int
    """The event that it follows from."""
    date: str
    action_type: ActionType
    authorisation_id: str
    class_id: str
    block: SerialBlock
    """The underlying units."""
    itmo_first: int
    itmo_registry: str
    """The ITMO registry that the identifiers name."""
    subtype: str = ""
    transferring: str = ""
    acquiring: str = ""
    using: str = ""
    """The Party in whose registry the ITMOs were used or cancelled."""
    entity: str = ""
    """The participant that used or cancelled them."""
    purpose: str = ""
    """The OIMP they were used or cancelled for."""
    year: int = 0
    """The calendar year for which they were used towards an NDC."""

    @property
    def quantity(self) -> int:
        """Tonnes."""
        return self.block.quantity

    @property
    def itmo_last(self) -> int:
        """Last of the ITMO serial numbers."""
        return self.itmo_first + self.quantity - 1

    @property
    def reported_by(self) -> str:
        """The Party whose action it is."""
        if self.action_type in {ActionType.FIRST_TRANSFER, ActionType.TRANSFER}:
            return self.transferring
        if self.action_type is ActionType.ACQUISITION:
            return self.acquiring
        return self.using


def itmo_id(authorisation: Authorisation, itmo_registry: str, serial: int, vintage: int) -> str:
    """The unique identifier of one ITMO (decision 6/CMA.4 annex I para 5), such as `CA0001-MNG01-MNG-17-2023`."""
    return f"{authorisation.approach_id}-{itmo_registry}-{authorisation.party}-{serial}-{vintage}"
