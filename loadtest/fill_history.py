"""A log of trades as settlement meets it, in any number and always the same.

Units live as they do in a registry. A developer gets a block, sells it to traders, they pass it on among themselves and
to companies, and those retire what they bought. So serials are split again and again, and leave after some trades.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.holdings import LOWEST_SERIAL, Holdings
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.orders import OrderRequest
from exchange.domain.serials import SerialBlock
from matching.order import Side

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.serials import ClassBlock

DEVELOPERS, TRADERS, COMPANIES = 20, 40, 140
CLASSES = 20
BLOCK_UNITS = 100_000
"""Of each deposit; a developer gets the next when it runs out."""
CASH_EACH = 10**15
LOT, MOST_LOTS = 100, 5
LARGEST_FILL = LOT * MOST_LOTS
RETIRED_FROM = 2_000
"""A company retires all it has of a class when it has so many units."""
DAY = "2026-11-23"
START_NS = 1_795_392_000_000_000_000
DESCRIPTION = (
    f"{CLASSES} classes of one batch each; {DEVELOPERS} developers, {TRADERS} traders, {COMPANIES} companies; fills of {LOT} to"
    f" {LARGEST_FILL} units, a quarter from developers to traders, a half among traders, a quarter to companies; deposits of"
    f" {BLOCK_UNITS:,} units; retirements of all that a company has of a class, from {RETIRED_FROM:,} units"
)


class FillHistory:
    """Makes one event after the other. `orders_per_fill`: `order_accepted` events before each fill."""

    def __init__(self, orders_per_fill: int) -> None:
        self._random = random.Random(20261123)
        self._class_ids = [f"VCS-{1000 + number}-2020" for number in range(CLASSES)]
        self._batches = {
            class_id: f"{19_000 + number}-{{first}}-{{last}}-VCS-VCU-260-VER-PE-14-{1000 + number}-01012020-31122020-0"
            for number, class_id in enumerate(self._class_ids)
        }
        self._deposited = dict.fromkeys(self._class_ids, 0)
        self._developers = [f"developer-{number}" for number in range(DEVELOPERS)]
        self._traders = [f"trader-{number}" for number in range(TRADERS)]
        self._companies = [f"company-{number}" for number in range(COMPANIES)]
        self._holdings = Holdings()
        self._units: dict[tuple[str, str], int] = {}
        self._orders_per_fill = orders_per_fill
        self._references = 0

    def opening(self) -> Iterator[ev.Event]:
        """What must be there before anything trades."""
        for number, class_id in enumerate(self._class_ids):
            yield ev.ClassRegistered(
                LOCAL_OPERATOR, CreditClass(class_id, "VCS", str(1000 + number), f"Project {number}", 2020)
            )
        for account in (*self._developers, *self._traders, *self._companies):
            yield ev.CashDeposited(LOCAL_OPERATOR, account, "USD", CASH_EACH, "opening")

    def trades(self, fills: int) -> Iterator[ev.Event]:
        """So many fills, with the orders, deposits and retirements that belong to them."""
        draw = self._random
        for _ in range(fills):
            class_id = draw.choice(self._class_ids)
            seller, buyer = self._parties(class_id)
            if self._units.get((seller, class_id), 0) < LARGEST_FILL and seller.startswith("developer"):
                yield self._deposit(seller, class_id)
            quantity = min(LOT * draw.randint(1, MOST_LOTS), self._units[seller, class_id])
            price = draw.randint(900, 1100)
            for number in range(self._orders_per_fill):
                side = Side.SELL if number % 2 else Side.BUY
                yield _accepted(draw, side, class_id, seller if number % 2 else buyer, price, quantity)
            yield self._fill(class_id, seller, buyer, price, quantity)
            if buyer.startswith("company") and self._units[buyer, class_id] >= RETIRED_FROM:
                yield self._retire(buyer, class_id)

    def _parties(self, class_id: str) -> tuple[str, str]:
        """Seller and buyer."""
        draw = self._random
        chance = draw.random()
        seller = draw.choice(self._traders)
        if chance < 0.25 or not self._units.get((seller, class_id)):
            return draw.choice(self._developers), draw.choice(self._traders)
        if chance < 0.5:
            return seller, draw.choice(self._companies)
        return seller, draw.choice([trader for trader in self._traders if trader != seller])

    def _deposit(self, account: str, class_id: str) -> ev.UnitsDeposited:
        first = 900_000_001 + self._deposited[class_id]
        self._deposited[class_id] += BLOCK_UNITS
        block = SerialBlock("VCS", self._batches[class_id], first, first + BLOCK_UNITS - 1)
        self._holdings.give(account, class_id, (block,))
        self._units[account, class_id] = self._units.get((account, class_id), 0) + BLOCK_UNITS
        self._references += 1
        return ev.UnitsDeposited(
            LOCAL_OPERATOR, account, class_id, BLOCK_UNITS, (block,), f"deposit-{self._references}"
        )

    def _fill(self, class_id: str, seller: str, buyer: str, price: int, quantity: int) -> ev.Fill:
        self._holdings.hand_over(buyer, self._holdings.choose(LOWEST_SERIAL, seller, ((class_id, quantity),)))
        self._units[seller, class_id] -= quantity
        self._units[buyer, class_id] = self._units.get((buyer, class_id), 0) + quantity
        return ev.Fill(
            instrument=class_id,
            maker_order_id=1,
            taker_order_id=2,
            taker_side=Side.BUY,
            price=price,
            quantity=quantity,
            buyer=buyer,
            seller=seller,
            currency="USD",
            amount=price * quantity,
            buyer_fee=price * quantity // 500,
            seller_fee=price * quantity // 1000,
            buyer_release=0,
            delivered=((class_id, quantity),),
            rule=LOWEST_SERIAL,
            settlement_date=DAY,
        )

    def _retire(self, account: str, class_id: str) -> ev.Retired:
        units = self._units.pop((account, class_id))
        blocks: list[ClassBlock] = [
            (class_id, block) for block in self._holdings.take(account, class_id, units)
        ]
        self._references += 1
        return ev.Retired(
            account, tuple(blocks), "Acme", "footprint", f"retirement-{self._references}", LOWEST_SERIAL
        )


def _accepted(
    draw: random.Random, side: Side, class_id: str, account: str, price: int, quantity: int
) -> ev.OrderAccepted:
    request = OrderRequest(f"{draw.getrandbits(64):016x}", class_id, side, quantity, price)
    return ev.OrderAccepted(
        account=account,
        session=17,
        order=request,
        price=price,
        expiry=DAY,
        currency="USD",
        maker_fee_ppm=1000,
        taker_fee_ppm=2000,
        hold_cash=price * quantity + price * quantity // 500 if side is Side.BUY else 0,
        deliver=() if side is Side.BUY else ((class_id, quantity),),
    )
