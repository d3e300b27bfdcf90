"""Random dealings over the real serial blocks: all of them deposited, then traded, split, retired, withdrawn, moved."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.orders import OrderRequest, RetirementTerms
from exchange.domain.serials import SerialBlock
from exchange.registry.serials import parse
from matching.order import Side
from tests.market import ALPHA, ALPHA_2, BETA, GAMMA, Market

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from exchange.domain.commands import Command
    from exchange.domain.events import Event
    from exchange.domain.serials import ClassBlock
    from tests.market import Trader

ACCOUNTS = (ALPHA, ALPHA_2, BETA, GAMMA)
OWN_CLASS = "EXC-7-2026"
ELSEWHERE = "NORTH-1-2026"
"""A class of another registry, to which units are moved."""
PRICE = 1000
COUNTED = frozenset({"fill", "block_trade", "retired", "units_withdrawn"})
"""Events that make up the number of dealings."""


def real_blocks(data_dir: Path) -> list[tuple[CreditClass, SerialBlock]]:
    """All rows of the file, in its order."""
    with (data_dir / "carbon" / "serial_blocks.csv").open(newline="", encoding="utf-8") as file:
        found = []
        for row in csv.DictReader(file):
            class_id = f"{row['registry']}-{row['project_id']}-{row['vintage']}"
            credit_class = CreditClass(
                class_id, row["registry"], row["project_id"], row["project_name"][:200], int(row["vintage"])
            )
            found.append((credit_class, parse(row["serial"], row["registry"]).to_block()))
        return found


def basket(symbol: str, classes: tuple[str, ...], settlement_days: int = 0) -> Instrument:
    """An instrument that any of the classes delivers into."""
    return Instrument(
        symbol=symbol,
        name=symbol,
        classes=classes,
        currency="EUR",
        tick=1,
        price_decimals=2,
        lot=1,
        minimum_quantity=1,
        maximum_quantity=10**9,
        reference_price_ticks=PRICE,
        band_ppm=500_000,
        maker_fee_ppm=1000,
        taker_fee_ppm=2000,
        settlement_days=settlement_days,
    )


class RegistryTrading:
    """A market that owns the real blocks, and random dealings of its accounts."""

    def __init__(self, blocks: list[tuple[CreditClass, SerialBlock]], random: Random) -> None:
        self.random = random
        self.market = Market()
        market = self.market
        self.traders: dict[str, Trader] = {
            ALPHA: market.alpha,
            ALPHA_2: market.alpha_2,
            BETA: market.beta,
            GAMMA: market.gamma,
        }
        self.counts: Counter[str] = Counter()
        self.parts: list[ClassBlock] = []
        """Blocks of the file that are a part of another one: they were issued with that and retired later."""
        self._number = 0
        self._withdrawn: list[ClassBlock] = []
        self._moved_here = 0
        by_registry: dict[str, list[str]] = {}
        for known in {one.class_id: one for one, _ in blocks}.values():
            self._operate(commands.RegisterClass(LOCAL_OPERATOR, known))
            by_registry.setdefault(known.registry, []).append(known.class_id)
        for known in (
            CreditClass(OWN_CLASS, "EXC", "7", "Biochar", 2026),
            CreditClass(ELSEWHERE, "NORTH", "1", "Forest", 2026),
        ):
            self._operate(commands.RegisterClass(LOCAL_OPERATOR, known))
        self.symbols: list[str] = []
        for registry, class_ids in by_registry.items():
            for symbol, days in ((f"{registry}-NOW", 0), (f"{registry}-LATER", 2)):
                market.list_instrument(basket(symbol, tuple(class_ids), days))
                self.symbols.append(symbol)
        for account in ACCOUNTS:
            market.deposit_cash(account, 10**14)
        # Larger ones first: a part of a block comes after it.
        for known, block in sorted(blocks, key=lambda one: -one[1].quantity):
            if market.state.custody.overlap(block) is not None:
                self.parts.append((known.class_id, block))
                continue
            self._operate(
                commands.DepositUnits(
                    LOCAL_OPERATOR,
                    self._account(),
                    known.class_id,
                    block.quantity,
                    (block,),
                    self._reference(),
                )
            )

    def deal(self, dealings: int) -> None:
        """So many trades, block trades, retirements and withdrawals, and whatever else comes between."""
        while sum(self.counts[kind] for kind in COUNTED) < dealings:
            self.random.choices(*_MIX)[0].__get__(self)()

    def _do(self, command: Command) -> list[Event]:
        events = self.market.execute(command).events
        self.counts.update(event.kind for event in events)
        return events

    def _operate(self, command: Command) -> None:
        (event,) = self._do(command)
        assert event.kind != "request_refused", event

    def _reference(self) -> str:
        self._number += 1
        return f"r-{self._number}"

    def _account(self) -> str:
        return self.random.choice(ACCOUNTS)

    def _others(self, account: str) -> list[str]:
        owners = self.market.state.accounts
        return [other for other in ACCOUNTS if owners[other] != owners[account]]

    def _place(self, account: str, request: OrderRequest) -> None:
        self._do(self.traders[account].place_command(request))

    def _trade(self) -> None:
        """A sell order and a buy order of somebody else; what does not meet stays."""
        random = self.random
        symbol = random.choice(self.symbols)
        seller = self._account()
        buyer = random.choice(self._others(seller))
        price = PRICE + random.randint(-2, 2)
        quantity = random.choice((1, 10, 100, random.randint(1, 3000), random.randint(1, 60_000)))
        self._place(seller, OrderRequest(self._reference(), symbol, Side.SELL, quantity, price))
        terms = RetirementTerms("Acme", "on fill") if random.random() < 0.1 else None
        bought = max(1, quantity + random.randint(-quantity // 2, 20))
        self._place(
            buyer, OrderRequest(self._reference(), symbol, Side.BUY, bought, price, retire_on_fill=terms)
        )

    def _held(self, account: str) -> ClassBlock | None:
        """Some serials that the account holds, of a class of the file."""
        random = self.random
        holdings = self.market.state.holdings
        class_ids = [class_id for owner, class_id in holdings.accounts() if owner == account]
        class_id = random.choice(class_ids)
        blocks = list(holdings.blocks(account, class_id))
        block = random.choice(blocks)
        size = random.choice((1, min(block.quantity, 50), random.randint(1, block.quantity)))
        first = random.choice(
            (block.first, block.last - size + 1, random.randint(block.first, block.last - size + 1))
        )
        return class_id, SerialBlock(block.registry, block.batch, first, first + size - 1)

    def _block_trade(self) -> None:
        """Both halves; by classes, by serials, or by what is oldest."""
        random = self.random
        seller = self._account()
        buyer = random.choice(self._others(seller))
        found = self._held(seller)
        if found is None:
            return
        class_id, block = found
        symbols = [symbol for symbol in self.symbols if symbol.startswith(f"{block.registry}-")]
        if not symbols or class_id not in self.market.state.listings[symbols[0]].instrument.classes:
            return
        reference = self._reference()
        deliver = ((class_id, block.quantity),) if random.random() < 0.4 else ()
        blocks = (found,) if not deliver and random.random() < 0.7 else ()
        halves = [(seller, buyer, Side.SELL), (buyer, seller, Side.BUY)]
        random.shuffle(halves)
        symbol = random.choice(symbols)
        for account, counterparty, side in halves:
            trader = self.traders[account]
            self._do(
                commands.KeyBlockTrade(
                    trader.key_id,
                    trader.session,
                    account,
                    counterparty,
                    reference,
                    symbol,
                    side,
                    PRICE,
                    block.quantity,
                    deliver,
                    blocks,
                )
            )

    def _retire(self) -> None:
        """By classes or by serials, of one class or two."""
        random = self.random
        account = self._account()
        chosen = [found for _ in range(random.randint(1, 2)) if (found := self._held(account))]
        trader = self.traders[account]
        units = {class_id: min(block.quantity, 5000) for class_id, block in chosen}
        named = random.random() < 0.5
        self._do(
            commands.Retire(
                trader.key_id,
                trader.session,
                account,
                "Acme",
                "footprint",
                self._reference(),
                credits=() if named else tuple(units.items()),
                blocks=tuple(chosen) if named else (),
            )
        )

    def _withdraw(self) -> None:
        account = self._account()
        found = self._held(account)
        if found is None:
            return
        class_id, block = found
        events = self._do(
            commands.WithdrawUnits(
                LOCAL_OPERATOR, account, class_id, block.quantity, (block,), self._reference()
            )
        )
        if events[0].kind == "units_withdrawn":
            self._withdrawn.append(found)

    def _deposit_again(self) -> None:
        """What was withdrawn comes back, whole or in part, to anybody."""
        random = self.random
        if not self._withdrawn:
            return
        class_id, block = self._withdrawn.pop(random.randrange(len(self._withdrawn)))
        first = random.randint(block.first, block.last)
        part = SerialBlock(block.registry, block.batch, first, random.randint(first, block.last))
        self._do(
            commands.DepositUnits(
                LOCAL_OPERATOR, self._account(), class_id, part.quantity, (part,), self._reference()
            )
        )

    def _cancel_units(self) -> None:
        account = self._account()
        found = self._held(account)
        if found is not None:
            class_id, block = found
            self._do(
                commands.CancelUnits(
                    LOCAL_OPERATOR, account, class_id, (block,), "issued in error", self._reference()
                )
            )

    def _move_units(self) -> None:
        """To another registry, whose serials are given, or to the venue's own, which are made."""
        account = self._account()
        found = self._held(account)
        if found is None:
            return
        class_id, block = found
        to_blocks: tuple[SerialBlock, ...] = ()
        target = OWN_CLASS
        if self.random.random() < 0.5:
            target = ELSEWHERE
            first = self._moved_here + 1
            self._moved_here += block.quantity
            to_blocks = (SerialBlock("NORTH", "north-1", first, self._moved_here),)
        self._do(
            commands.MoveUnits(
                LOCAL_OPERATOR, account, class_id, (block,), target, to_blocks, self._reference()
            )
        )

    def _issue(self) -> None:
        self._do(
            commands.IssueUnits(
                LOCAL_OPERATOR, self._account(), OWN_CLASS, self.random.randint(1, 500), self._reference()
            )
        )

    def _wrong(self) -> None:
        """What must not be: the serials of somebody else, or ones that are here already."""
        random = self.random
        owner = self._account()
        found = self._held(owner)
        if found is None:
            return
        class_id, block = found
        thief = random.choice(self._others(owner))
        trader = self.traders[thief]
        wrong: list[Command] = [
            commands.Retire(
                trader.key_id,
                trader.session,
                thief,
                "Acme",
                "",
                self._reference(),
                blocks=((class_id, block),),
            ),
            commands.WithdrawUnits(
                LOCAL_OPERATOR, thief, class_id, block.quantity, (block,), self._reference()
            ),
            commands.DepositUnits(
                LOCAL_OPERATOR, thief, class_id, block.quantity, (block,), self._reference()
            ),
            commands.CancelUnits(LOCAL_OPERATOR, thief, class_id, (block,), "", self._reference()),
        ]
        events = self._do(random.choice(wrong))
        assert ["request_refused"] == [event.kind for event in events]

    def _close_day(self) -> None:
        today = date.fromisoformat(self.market.state.business_date)
        self._do(commands.CloseDay(LOCAL_OPERATOR, (today + timedelta(1)).isoformat()))


_MIX = (
    (
        RegistryTrading._trade,
        RegistryTrading._block_trade,
        RegistryTrading._retire,
        RegistryTrading._withdraw,
        RegistryTrading._deposit_again,
        RegistryTrading._cancel_units,
        RegistryTrading._move_units,
        RegistryTrading._issue,
        RegistryTrading._wrong,
        RegistryTrading._close_day,
    ),
    (400, 80, 60, 20, 20, 5, 5, 5, 10, 4),
)
