"""Random trading in a basket by rule while serials are frozen, labelled and reclassified."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from exchange.domain import commands
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.freeze_forms import EndFreeze, FreezeCause, FreezeOutcome, FreezeUnits
from exchange.domain.carbon.label_forms import GiveLabel, ReclassifyUnits, WithdrawLabel
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from tests.exchange.domain.random_trading import RandomTrading, scarce_market
from tests.market import BASKET, V18, V19, V20

if TYPE_CHECKING:
    from random import Random

    from exchange.domain.commands import Command
    from exchange.domain.serials import SerialBlock
    from tests.market import Market

BY = LOCAL_OPERATOR
RULED = msgspec.structs.replace(
    BASKET, symbol="RULED", classes=(), rule=BasketRule(labels=("CCP",)), settlement_days=1
)
CCP = CreditClass("VCS-1340-2019-CCP", "VCS", "1340", "Rimba Raya", 2019, labels=("CCP",))


class CarbonTrading:
    """Random commands: every third one is about carbon."""

    def __init__(self, market: Market, random: Random) -> None:
        self.market = market
        self.random = random
        self.trading = RandomTrading(market, random)
        self._number = 0

    def command(self) -> Command:
        """The next one."""
        what = self.random.random()
        self._number += 1
        if what < 0.55:
            return self.trading.command()
        if what < 0.75:
            return self._order_in_the_basket()
        if what < 0.82:
            return self._freeze()
        if what < 0.89:
            outcome = self.random.choices(tuple(FreezeOutcome), (4, 1))[0]
            return EndFreeze(BY, f"f-{self.random.randint(1, self._number)}", outcome, "random")
        if what < 0.97:
            return self._label()
        (block,) = self._somebodys_serials()
        return ReclassifyUnits(BY, V19, CCP.class_id, (block,), "random", f"c-{self._number}")

    def _order_in_the_basket(self) -> Command:
        trader = self.random.choice((self.market.alpha, self.market.beta, self.market.gamma))
        make = self.random.choice((trader.buy, trader.sell))
        return trader.place_command(
            make(self.random.randint(1, 30), self.random.randint(995, 1005), RULED.symbol)
        )

    def _freeze(self) -> Command:
        blocks = self._somebodys_serials()
        locked = [block for chosen in self.market.state.holdings.locked.values() for _, block in chosen]
        if locked and self.random.random() < 0.5:
            block = self.random.choice(locked)
            blocks = (msgspec.structs.replace(block, last=min(block.last, block.first + 1)),)
        return FreezeUnits(BY, f"f-{self._number}", FreezeCause.HOLD, "random", blocks)

    def _somebodys_serials(self) -> tuple[SerialBlock, ...]:
        holdings = self.market.state.holdings
        account, class_id = self.random.choice(list(holdings.accounts()))
        block = self.random.choice(list(holdings.blocks(account, class_id)))
        first = self.random.randint(block.first, block.last)
        # Beyond its end, too: into what others hold, or nobody.
        return (msgspec.structs.replace(block, first=first, last=first + self.random.randint(0, 60)),)

    def _label(self) -> Command:
        class_id = self.random.choice((V18, V19, V20, CCP.class_id))
        day = self.trading.date(self.random.randint(-2, 3))
        until = self.trading.date(self.random.randint(3, 6)) if self.random.random() < 0.5 else ""
        if self.random.random() < 0.6:
            return GiveLabel(BY, class_id, "CCP", day, until)
        return WithdrawLabel(BY, class_id, "CCP", day, until)


def carbon_market() -> Market:
    """A market whose participants own little, with the basket and the labelled class."""
    market = scarce_market()
    market.do(commands.RegisterClass(BY, CCP))
    market.list_instrument(RULED)
    return market
