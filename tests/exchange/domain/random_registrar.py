"""Random commands about serials and settlement: issuance, cancellation, moves, calendars, block trades, named retirements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import CreditClass
from exchange.domain.orders import RetirementTerms
from exchange.domain.serials import OWN_REGISTRY, ClassBlock, SerialBlock
from matching.order import Side
from tests.market import V18, V19, V20

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from tests.exchange.domain.random_trading import RandomTrading

OWN = CreditClass("EXC-7-2026", OWN_REGISTRY, "7", "Mangroves", 2026, country="MX")
CALENDAR = "random"


def issue(trading: RandomTrading) -> Command:
    """The venue's own registry issues a few units."""
    random = trading.random
    reference = trading.new_id("issue") if random.random() < 0.9 else "issue-0"
    return commands.IssueUnits(
        LOCAL_OPERATOR, trading.account(), random.choice((OWN.class_id, V19)), random.randint(0, 9), reference
    )


def cancel_units(trading: RandomTrading) -> Command:
    """A part of what an account has ends for nobody's use."""
    account, class_id, block = held_part(trading)
    return commands.CancelUnits(
        LOCAL_OPERATOR, account, class_id, (block,), "random", trading.new_id("cancel")
    )


def move(trading: RandomTrading) -> Command:
    """A part of what an account has moves to another class, ours or foreign, or to none that exists."""
    account, class_id, block = held_part(trading)
    target = trading.random.choice((OWN.class_id, V18, V20))
    registry = trading.market.state.classes[target].registry
    first = trading.random.randint(1, 3000)
    to_blocks = (
        () if target == OWN.class_id else (SerialBlock(registry, "moved", first, first + block.quantity - 1),)
    )
    return commands.MoveUnits(
        LOCAL_OPERATOR, account, class_id, (block,), target, to_blocks, trading.new_id("move")
    )


def retire_serials(trading: RandomTrading) -> Command:
    """A part of what an account has is retired by its numbers."""
    account, class_id, block = held_part(trading)
    key_id = trading.key_of(account)
    return commands.Retire(
        key_id,
        trading.session(key_id),
        account,
        "Acme",
        "flights",
        trading.new_id("named"),
        blocks=((class_id, block),),
    )


def set_calendar(trading: RandomTrading) -> Command:
    """Some of the next days become holidays."""
    holidays = {trading.date(trading.random.randint(1, 9)) for _ in range(trading.random.randint(0, 3))}
    return commands.SetCalendar(LOCAL_OPERATOR, CALENDAR, tuple(sorted(holidays)))


def key_block_trade(trading: RandomTrading) -> Command:
    """Half of a block trade: mostly the other half of one that waits, now and then with a difference."""
    random = trading.random
    waiting = [half.keyed for half in trading.market.state.block_halves.values() if not half.ended_on]
    if waiting and random.random() < 0.7:
        keyed = random.choice(waiting)
        account, counterparty, side = (
            keyed.counterparty,
            keyed.account,
            (Side.SELL if keyed.side is Side.BUY else Side.BUY),
        )
        terms = (keyed.price + (random.random() < 0.1), keyed.quantity, keyed.deliver, keyed.blocks)
        symbol, reference = keyed.instrument, keyed.trade_reference
    else:
        account, counterparty = trading.account(), trading.account()
        side = random.choice(tuple(Side))
        instrument = trading.instrument()
        seller = account if side is Side.SELL else counterparty
        quantity = instrument.lot * random.randint(1, 8)
        deliver = trading.deliver(seller, instrument, quantity)
        blocks: tuple[ClassBlock, ...] = ()
        if random.random() < 0.2:
            _, class_id, block = held_part(trading, seller)
            deliver, blocks, quantity = (), ((class_id, block),), block.quantity
        terms = (trading.price(), quantity, deliver, blocks)
        symbol, reference = instrument.symbol, trading.new_id("block")
    key_id = trading.key_of(account)
    price, quantity, deliver, blocks = terms
    return commands.KeyBlockTrade(
        key_id,
        trading.session(key_id),
        account,
        counterparty,
        reference,
        symbol,
        side,
        price,
        quantity,
        deliver,
        blocks,
    )


def withdraw_block_trade(trading: RandomTrading) -> Command:
    """A half is taken back."""
    halves = [half.keyed for half in trading.market.state.block_halves.values()]
    if not halves:
        return key_block_trade(trading)
    keyed = trading.random.choice(halves)
    key_id = trading.key_of(keyed.account)
    return commands.WithdrawBlockTrade(
        key_id, trading.session(key_id), keyed.account, keyed.counterparty, keyed.trade_reference
    )


def retirement_terms(trading: RandomTrading) -> RetirementTerms | None:
    """Now and then a buy order retires what it buys."""
    return RetirementTerms("Acme", "flights") if trading.random.random() < 0.1 else None


def held_part(trading: RandomTrading, account: str = "") -> tuple[str, str, SerialBlock]:
    """An account, a class and a few serials that it has; of a batch that nobody knows when it has none."""
    random = trading.random
    holdings = trading.market.state.holdings
    account = account or trading.account()
    held = [
        (class_id, block)
        for owner, class_id in holdings.accounts()
        if owner == account
        for block in holdings.blocks(owner, class_id)
    ]
    if not held:
        return account, V19, SerialBlock("VCS", "unknown", 1, 3)
    class_id, block = random.choice(held)
    first = random.randint(block.first, block.last)
    last = min(first + random.randint(0, 5), block.last)
    return account, class_id, SerialBlock(block.registry, block.batch, first, last)
