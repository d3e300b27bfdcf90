"""A forest whose units are sold for the first time: who sells them, who shares in it, and where they trade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.carbon.proceeds_forms import NameProceeds, ProceedsShare, ShareRole
from exchange.domain.identity import LOCAL_OPERATOR, VENUE, Role
from exchange.domain.instruments import CreditClass
from tests.market import BASKET, V18

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from tests.market import Market, Trader

SELLER, COMMUNITY = "forest-sales", "community-1"
KEY = "forest-key"
FOREST = CreditClass("CAR-1568-2025", "CAR", "1568", "Laguna Om", 2025, country="MX")
SOILS = CreditClass("CAR-9000-2025", "CAR", "9000", "Soils", 2025, country="MX")
SHARES = (
    ProceedsShare(ShareRole.COMMUNITY, COMMUNITY, 600_000),
    ProceedsShare(ShareRole.DEVELOPER, SELLER, 385_000),
    ProceedsShare(ShareRole.REGISTRY_FEE, VENUE, 15_000),
)
NAME = NameProceeds(LOCAL_OPERATOR, "CAR", "1568", SELLER, SHARES)
SPOT = msgspec.structs.replace(BASKET, symbol="FOREST", classes=(FOREST.class_id, SOILS.class_id, V18))
LATER = msgspec.structs.replace(SPOT, symbol="FOREST-T2", settlement_days=2)


def opening(public_key: str = "0e" * 32) -> list[Command]:
    """Accounts, a key that trades for them, two projects, instruments, and the shares of one project."""
    by = LOCAL_OPERATOR
    return [
        commands.AdmitParticipant(by, "FOREST", "Forest Ltd"),
        commands.OpenAccount(by, SELLER, "FOREST"),
        commands.OpenAccount(by, COMMUNITY, "FOREST"),
        commands.RegisterKey(by, KEY, "FOREST", Role.TRADER, public_key),
        *[commands.RegisterClass(by, credit_class) for credit_class in (FOREST, SOILS)],
        *[commands.ListInstrument(by, instrument) for instrument in (SPOT, LATER)],
        NAME,
    ]


def seller_in(market: Market) -> Trader:
    """The sales account of the forest in a market, with 1,000 units, logged on."""
    for command in opening():
        market.do(command)
    market.deposit_units(SELLER, FOREST.class_id, 1000)
    return market.logged_on(KEY, SELLER)
