"""What the venue knows by the rules of carbon: one field per topic."""

from __future__ import annotations

import msgspec

from exchange.domain.carbon.article6 import Article6
from exchange.domain.carbon.baskets import Baskets
from exchange.domain.carbon.corsia import Corsia
from exchange.domain.carbon.ex_ante import ExAnteBook
from exchange.domain.carbon.freezes import Freezes
from exchange.domain.carbon.issuances import Issuances
from exchange.domain.carbon.labels import Labels
from exchange.domain.carbon.offset_periods import OffsetAccounts
from exchange.domain.carbon.parties import Parties
from exchange.domain.carbon.proceeds import Proceeds
from exchange.domain.carbon.projects import Projects
from exchange.domain.carbon.reclassification import Reclassified
from exchange.domain.carbon.reversals import Reversals
from exchange.domain.carbon.technologies import Technologies


class CarbonState(msgspec.Struct, eq=False, forbid_unknown_fields=True):
    """The carbon part of the state. Every topic brings a struct that JSON carries and brings back exactly."""

    projects: Projects = msgspec.field(default_factory=Projects)
    issuances: Issuances = msgspec.field(default_factory=Issuances)
    labels: Labels = msgspec.field(default_factory=Labels)
    baskets: Baskets = msgspec.field(default_factory=Baskets)
    reclassified: dict[str, Reclassified] = msgspec.field(default_factory=dict)
    """By reference."""
    freezes: Freezes = msgspec.field(default_factory=Freezes)
    reversals: Reversals = msgspec.field(default_factory=Reversals)
    parties: Parties = msgspec.field(default_factory=Parties)
    article6: Article6 = msgspec.field(default_factory=Article6)
    corsia: Corsia = msgspec.field(default_factory=Corsia)
    ex_ante: ExAnteBook = msgspec.field(default_factory=ExAnteBook)
    offset: OffsetAccounts = msgspec.field(default_factory=OffsetAccounts)
    proceeds: Proceeds = msgspec.field(default_factory=Proceeds)
    technologies: Technologies = msgspec.field(default_factory=Technologies)
