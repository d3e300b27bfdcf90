"""Random sales of a forest, at once and later, on the book and off it: what is shared is always all of it, and no serial is shared twice."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from random import Random

import pytest

from exchange.domain import commands
from exchange.domain.carbon.proceeds_forms import NameProceeds, ProceedsPaid, ProceedsShare, ShareRole
from exchange.domain.events import BlockTrade, Fill, TradeSettled, UnitsDeposited
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from matching.order import Side
from tests.exchange.domain.audit import Auditor
from tests.exchange.domain.carbon.primary_sales import (
    COMMUNITY,
    FOREST,
    LATER,
    SELLER,
    SOILS,
    SPOT,
    seller_in,
)
from tests.market import ALPHA, BETA, GAMMA, Market, Trader


class RandomSales:
    """Draws commands about a market with a sales account."""

    def __init__(self, market: Market, random: Random) -> None:
        self.market = market
        self.random = random
        self.seller = seller_in(market)
        self.traders = (self.seller, market.alpha, market.beta, market.gamma)

    def act(self, number: int) -> None:
        """One command; it may be refused."""
        random, market = self.random, self.market
        what = random.random()
        if what < 0.7:
            self._order(random.choice(self.traders), random.choice((SPOT.symbol, LATER.symbol)))
        elif what < 0.8:
            self._block(number, random.choice((SPOT.symbol, LATER.symbol)))
        elif what < 0.86:
            market.execute(self._naming())
        elif what < 0.94:
            market.deposit_units(SELLER, random.choice((FOREST, SOILS)).class_id, random.randint(1, 30))
        else:
            next_date = date.fromisoformat(market.state.business_date) + timedelta(random.randint(1, 2))
            market.execute(commands.CloseDay(LOCAL_OPERATOR, next_date.isoformat()))

    def _order(self, trader: Trader, symbol: str) -> None:
        random = self.random
        sells = random.random() < (0.9 if trader is self.seller else 0.3)
        draw = trader.sell if sells else trader.buy
        order = draw(random.randint(1, 20), random.randint(995, 1005), symbol)
        self.market.execute(trader.place_command(order))

    def _block(self, number: int, symbol: str) -> None:
        buyer = self.random.choice(self.traders[1:])
        price, quantity = self.random.randint(900, 1100), self.random.randint(1, 40)
        for trader, other, side in (
            (self.seller, buyer.account, Side.SELL),
            (buyer, SELLER, Side.BUY),
        ):
            self.market.execute(
                commands.KeyBlockTrade(
                    trader.key_id,
                    trader.session,
                    trader.account,
                    other,
                    f"block-{number}",
                    symbol,
                    side,
                    price,
                    quantity,
                )
            )

    def _naming(self) -> NameProceeds:
        accounts = self.random.sample(
            (COMMUNITY, SELLER, VENUE, ALPHA, BETA, GAMMA), self.random.randint(1, 6)
        )
        cuts = sorted(self.random.sample(range(1, 1_000_000), len(accounts) - 1))
        ppm = [end - begin for begin, end in zip([0, *cuts], [*cuts, 1_000_000], strict=True)]
        shares = tuple(
            ProceedsShare(self.random.choice(tuple(ShareRole)), account, part)
            for account, part in zip(accounts, ppm, strict=True)
        )
        project = self.random.choice((FOREST, SOILS)).project
        return NameProceeds(LOCAL_OPERATOR, "CAR", project, SELLER, shares)


def check_shares(market: Market) -> int:
    """Raise unless all that was paid for units of the forest is shared, once; answers the number of such trades."""
    brought: dict[int, int] = {}
    """What each trade brought that delivered units of the forest alone, once it was paid."""
    units = 0
    sold: dict[int, Fill | BlockTrade] = {}
    paid: Counter[int] = Counter()
    shared_units: dict[int, int] = {}
    for item in market.recorded:
        event = item.event
        if isinstance(event, Fill | BlockTrade):
            sold[item.seq] = event
        if isinstance(event, UnitsDeposited) and event.class_id == FOREST.class_id:
            units += event.quantity
        if isinstance(event, ProceedsPaid) and event.project == FOREST.project:
            paid[event.trade] += event.amount
            shared_units[event.trade] = event.units
        if isinstance(event, Fill | BlockTrade | TradeSettled) and event.seller == SELLER:
            trade = event.trade if isinstance(event, TradeSettled) else item.seq
            now = isinstance(event, TradeSettled) or not event.deferred
            if now and {FOREST.class_id} == {class_id for class_id, _ in sold[trade].delivered}:
                brought[trade] = event.amount - event.seller_fee
    assert brought == {trade: paid[trade] for trade in brought}
    assert units - market.balance(SELLER, FOREST.class_id)[0] == sum(shared_units.values())
    return len(brought)


@pytest.mark.parametrize("seed", range(4))
def test_all_that_a_sale_brings_is_shared(seed: int) -> None:
    """After every command the audit holds; at the end every paid sale was shared whole, and every other one not at all."""
    market = Market()
    sales = RandomSales(market, Random(seed))
    auditor = Auditor(market)
    for number in range(200):
        sales.act(number)
        auditor.check()

    assert check_shares(market) > 10
