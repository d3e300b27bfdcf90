"""Proceeds: what a project's units bring when they are first sold goes to those who share in it, to the last cent."""

from __future__ import annotations

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.carbon.ex_ante_forms import ExpireExAnte
from exchange.domain.carbon.freeze_forms import FreezeCause, FreezeUnits, TradeCancelled
from exchange.domain.carbon.proceeds import MAX_SHARES, ProceedsTerms
from exchange.domain.carbon.proceeds_forms import (
    NameProceeds,
    ProceedsNamed,
    ProceedsPaid,
    ProceedsShare,
    ShareRole,
)
from exchange.domain.carbon.project_forms import Project, RegisterProject
from exchange.domain.events import BlockTrade, Event, Fill, OrderRejected, RequestRefused, TradeSettled
from exchange.domain.identity import LOCAL_OPERATOR, VENUE
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import OWN_REGISTRY, SerialBlock
from matching.order import Side
from tests.exchange.domain.carbon.potential import INSTRUMENT as WALL
from tests.exchange.domain.carbon.potential import POTENTIAL, estimated_market
from tests.exchange.domain.carbon.primary_sales import (
    COMMUNITY,
    FOREST,
    LATER,
    NAME,
    SELLER,
    SHARES,
    SOILS,
    SPOT,
    seller_in,
)
from tests.market import ALPHA, BASKET, CLASS_2018, V18, Market, Trader


@pytest.fixture
def seller(market: Market) -> Trader:
    """Gives the sales account of a project that has shares, with 1,000 units."""
    return seller_in(market)


def code(events: list[Event]) -> RejectCode:
    """The code of a refusal."""
    (event,) = events
    assert isinstance(event, RequestRefused | OrderRejected)
    return event.code


def paid(market: Market) -> list[tuple[str, int]]:
    """Who got what so far."""
    events = [recorded.event for recorded in market.recorded]
    return [(event.account, event.amount) for event in events if isinstance(event, ProceedsPaid)]


def cash(market: Market, *accounts: str) -> list[int]:
    """What accounts own."""
    return [market.balance(account, "EUR")[0] for account in accounts]


def test_a_fill_is_shared(market: Market, seller: Trader) -> None:
    """What the seller gets, less the fee, goes to the shares in the same command; the odd cents go to the largest remainders."""
    seller.rest(seller.sell(7, 1003, SPOT.symbol))
    fees = market.balance(VENUE, "EUR")[0]

    _, fill, *shared = market.alpha.place(market.alpha.buy(7, 1003, SPOT.symbol))

    assert isinstance(fill, Fill)
    assert (7021, 8) == (fill.amount, fill.seller_fee)
    assert [
        ProceedsPaid(market.next_seq - 4, "CAR", "1568", 7, 7013, role, account, SELLER, "EUR", amount)
        for role, account, amount in (
            (ShareRole.COMMUNITY, COMMUNITY, 4208),
            (ShareRole.DEVELOPER, SELLER, 2700),
            (ShareRole.REGISTRY_FEE, VENUE, 105),
        )
    ] == shared
    assert [4208, 2700, fees + 105 + fill.buyer_fee + fill.seller_fee] == cash(
        market, COMMUNITY, SELLER, VENUE
    )


def test_each_fill_of_an_order_is_shared(market: Market, seller: Trader) -> None:
    """A seller who takes two orders shares twice; the retirement that a buyer asked for comes after it."""
    for price in (1002, 1001):
        market.alpha.rest(market.alpha.buy(5, price, SPOT.symbol))
    kinds = [event.kind for event in seller.place(seller.sell(10, 1001, SPOT.symbol))]

    assert ["order_accepted", *(["fill"] + 3 * ["proceeds_paid"]) * 2] == kinds


def test_a_later_sale_is_not_shared(market: Market, seller: Trader) -> None:
    """Who bought from the project sells for their own account."""
    seller.rest(seller.sell(10, 1000, SPOT.symbol))
    market.alpha.place(market.alpha.buy(10, 1000, SPOT.symbol))
    before = paid(market)
    market.alpha.rest(market.alpha.sell(10, 1100, SPOT.symbol, deliver=((FOREST.class_id, 10),)))
    kinds = [event.kind for event in market.beta.place(market.beta.buy(10, 1100, SPOT.symbol))]

    assert ["order_accepted", "fill"] == kinds
    assert before == paid(market)


def test_units_of_other_projects_are_not_shared(market: Market, seller: Trader) -> None:
    """A trade that delivers units of several projects is divided by units first; one without shares keeps its part."""
    market.deposit_units(SELLER, V18, 2)
    market.do(
        NameProceeds(
            LOCAL_OPERATOR, "CAR", "9000", SELLER, (ProceedsShare(ShareRole.COMMUNITY, COMMUNITY, 1_000_000),)
        )
    )
    market.deposit_units(SELLER, SOILS.class_id, 1)
    deliver = ((V18, 2), (FOREST.class_id, 4), (SOILS.class_id, 1))
    seller.rest(seller.sell(7, 1003, SPOT.symbol, deliver=deliver))
    market.alpha.place(market.alpha.buy(7, 1003, SPOT.symbol))

    # Of 7013: 2003.71, 4007.43 and 1001.86.
    assert [(COMMUNITY, 2404), (SELLER, 1543), (VENUE, 60), (COMMUNITY, 1002)] == paid(market)
    assert [2404 + 1002, 7013 - 2404 - 60 - 1002] == cash(market, COMMUNITY, SELLER)


def key_block(market: Market, trader: Trader, side: Side, counterparty: str, symbol: str) -> list[Event]:
    """Key half of a block trade of 100 units."""
    return market.do(
        commands.KeyBlockTrade(
            trader.key_id,
            trader.session,
            trader.account,
            counterparty,
            "block-1",
            symbol,
            side,
            1000,
            100,
        )
    )


def test_a_block_trade_is_shared(market: Market, seller: Trader) -> None:
    """A trade agreed off the book is a primary sale as well."""
    key_block(market, seller, Side.SELL, ALPHA, SPOT.symbol)
    kinds = [event.kind for event in key_block(market, market.alpha, Side.BUY, SELLER, SPOT.symbol)]

    assert ["block_trade_keyed", "block_trade", *3 * ["proceeds_paid"]] == kinds
    assert [(COMMUNITY, 59_940), (SELLER, 38_462), (VENUE, 1498)] == paid(market)


def test_a_deferred_trade_is_shared_when_it_settles(market: Market, seller: Trader) -> None:
    """The terms at the trade count, on the book and off it, whatever was named since."""
    seller.rest(seller.sell(10, 1000, LATER.symbol))
    market.alpha.place(market.alpha.buy(10, 1000, LATER.symbol))
    key_block(market, seller, Side.SELL, ALPHA, LATER.symbol)
    key_block(market, market.alpha, Side.BUY, SELLER, LATER.symbol)
    everything = (ProceedsShare(ShareRole.COMMUNITY, COMMUNITY, 1_000_000),)
    market.do(msgspec.structs.replace(NAME, shares=everything))
    assert [] == paid(market)

    kinds = [event.kind for event in market.close_day("2026-11-25")]

    assert ["day_closed", *(["trade_settled"] + 3 * ["proceeds_paid"]) * 2] == kinds
    assert [(COMMUNITY, 5994), (SELLER, 3846), (VENUE, 150)] == paid(market)[:3]
    seller.rest(seller.sell(10, 1000, SPOT.symbol))
    market.alpha.place(market.alpha.buy(10, 1000, SPOT.symbol))
    assert [(COMMUNITY, 9990)] == paid(market)[6:]


def test_a_cancelled_trade_is_not_shared(market: Market, seller: Trader) -> None:
    """Where a freeze undoes a trade, nobody is paid."""
    seller.rest(seller.sell(1000, 1000, LATER.symbol))
    market.alpha.place(market.alpha.buy(1000, 1000, LATER.symbol))
    ((_, block),) = market.state.holdings.locked[market.state.last_seq]
    events = market.do(
        FreezeUnits(LOCAL_OPERATOR, "recall-1", FreezeCause.RECALL, "issued in error", (block,))
    )

    assert any(isinstance(event, TradeCancelled) for event in events)
    market.close_day("2026-11-25")
    assert [] == paid(market)


def test_expected_units_that_expired_were_sold_all_the_same(market: Market, seller: Trader) -> None:
    """A trade of ex-ante units that expire before it settles is shared by what was sold: the buyer pays for them."""
    estimated_market(market, issued=100)
    wall = msgspec.structs.replace(WALL, symbol="WALL-T2", settlement_days=2)
    market.list_instrument(wall)
    project = msgspec.structs.replace(NAME, registry=OWN_REGISTRY, project=POTENTIAL.project)
    market.do(project)
    market.do(commands.IssueUnits(LOCAL_OPERATOR, SELLER, POTENTIAL.class_id, 20, "primary"))
    seller.rest(seller.sell(20, 500, wall.symbol))
    market.alpha.place(market.alpha.buy(20, 500, wall.symbol))
    everything = market.state.ledger.supply[POTENTIAL.class_id]
    market.do(ExpireExAnte(LOCAL_OPERATOR, POTENTIAL.class_id, everything, "no verification", "e-1"))

    _, settled, *shared = market.close_day("2026-11-25")

    assert isinstance(settled, TradeSettled)
    assert () == settled.delivered
    assert settled.amount - settled.seller_fee == sum(amount for _, amount in paid(market))
    assert 3 == len(shared)


def test_shares_too_small_for_a_cent_are_told(market: Market, seller: Trader) -> None:
    """A share that comes to nothing is told as nothing; nobody's books change by it."""
    market.do(
        msgspec.structs.replace(
            NAME,
            shares=(
                ProceedsShare(ShareRole.DEVELOPER, SELLER, 999_999),
                ProceedsShare(ShareRole.COMMUNITY, COMMUNITY, 1),
            ),
        )
    )
    seller.rest(seller.sell(1, 600, SPOT.symbol))
    market.alpha.place(market.alpha.buy(1, 600, SPOT.symbol))

    assert [(SELLER, 599), (COMMUNITY, 0)] == paid(market)
    assert [0] == cash(market, COMMUNITY)


def test_a_sales_account_does_not_buy(market: Market, seller: Trader) -> None:
    """Neither on the book nor off it: so all that it sells of the project is sold for the first time."""
    market.deposit_cash(SELLER, 100_000)

    assert RejectCode.SALES_ACCOUNT_ONLY_SELLS == code(seller.place(seller.buy(1, 1000, SPOT.symbol)))
    assert RejectCode.SALES_ACCOUNT_ONLY_SELLS == code(
        key_block(market, seller, Side.BUY, ALPHA, SPOT.symbol)
    )


def test_who_was_a_sales_account_is_one_for_good(market: Market, seller: Trader) -> None:
    """Another account may sell for the project from now on; what the first one sells of it is nobody's to share."""
    market.do(msgspec.structs.replace(NAME, sales_account=COMMUNITY))

    terms = market.state.carbon.proceeds.terms["CAR/1568"]
    assert [SELLER, COMMUNITY] == [one.sales_account for one in terms]
    assert isinstance(terms[-1], ProceedsTerms)
    seller.rest(seller.sell(1, 1000, SPOT.symbol))
    market.alpha.place(market.alpha.buy(1, 1000, SPOT.symbol))
    assert [] == paid(market)
    assert RejectCode.SALES_ACCOUNT_ONLY_SELLS == code(seller.place(seller.buy(1, 1000, SPOT.symbol)))


def test_naming_is_on_the_log(market: Market, seller: Trader) -> None:
    """Who shares is a fact; said once more it is refused."""
    named = [recorded.event for recorded in market.recorded if isinstance(recorded.event, ProceedsNamed)]

    assert [ProceedsNamed(LOCAL_OPERATOR, "CAR", "1568", SELLER, SHARES)] == named
    assert RejectCode.ALREADY_EXISTS == code(market.do(NAME))


def share(ppm: int, account: str = COMMUNITY) -> ProceedsShare:
    return ProceedsShare(ShareRole.COMMUNITY, account, ppm)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"by": "alpha-key"}, RejectCode.NOT_PERMITTED),
        ({"project": "nothing"}, RejectCode.UNKNOWN_PROJECT),
        ({"sales_account": "nobody"}, RejectCode.UNKNOWN_ACCOUNT),
        ({"shares": (share(1_000_000, "nobody"),)}, RejectCode.UNKNOWN_ACCOUNT),
        ({"shares": ()}, RejectCode.SHARES_INVALID),
        ({"shares": (share(1),) * (MAX_SHARES + 1)}, RejectCode.SHARES_INVALID),
        ({"shares": (share(500_000),) * 2}, RejectCode.SHARES_INVALID),
        ({"shares": (share(999_999),)}, RejectCode.SHARES_INVALID),
        ({"shares": (share(1_000_000), share(0, SELLER))}, RejectCode.SHARES_INVALID),
    ],
)
def test_refused_shares(
    market: Market, seller: Trader, changes: dict[str, object], expected: RejectCode
) -> None:
    """Only an operator names shares, of known accounts, each once, that add up to the whole."""
    assert expected == code(market.do(msgspec.structs.replace(NAME, **changes)))


def test_an_account_that_may_have_bought_is_no_sales_account(market: Market) -> None:
    """Neither one with units of the project, nor one with live orders, halves or unsettled trades that buy."""
    name = NameProceeds(LOCAL_OPERATOR, "CAR", "X", ALPHA, (share(1_000_000, ALPHA),))
    market.do(RegisterProject(LOCAL_OPERATOR, Project("CAR", "X", "Soils")))
    market.list_instrument(msgspec.structs.replace(BASKET, symbol="T2", settlement_days=2))

    of_known = msgspec.structs.replace(name, registry=CLASS_2018.registry, project=CLASS_2018.project)
    assert RejectCode.SALES_ACCOUNT_IN_USE == code(market.do(of_known))
    order_id = market.alpha.rest(market.alpha.buy(1, 900))
    assert RejectCode.SALES_ACCOUNT_IN_USE == code(market.do(name))
    market.alpha.cancel(order_id)
    market.alpha.rest(market.alpha.sell(1, 1100))
    key_block(market, market.alpha, Side.BUY, "beta", BASKET.symbol)
    assert RejectCode.SALES_ACCOUNT_IN_USE == code(market.do(name))
    key_block(market, market.beta, Side.SELL, ALPHA, BASKET.symbol)
    market.alpha.rest(market.alpha.buy(1, 900, "T2"))
    market.beta.place(market.beta.sell(1, 900, "T2"))
    assert RejectCode.SALES_ACCOUNT_IN_USE == code(market.do(name))
    market.close_day("2026-11-25")
    assert ["proceeds_named"] == [event.kind for event in market.do(name)]


def test_a_block_is_shared_by_what_it_names(market: Market, seller: Trader) -> None:
    """Serials that a block trade names are those of the project."""
    ((_, block),) = [
        (class_id, block)
        for owner, class_id in market.state.holdings.accounts()
        if owner == SELLER
        for block in market.state.holdings.blocks(owner, class_id)
    ]
    part = SerialBlock(block.registry, block.batch, block.first, block.first + 9)
    events: list[Event] = []
    for trader, side, other in ((seller, Side.SELL, ALPHA), (market.alpha, Side.BUY, SELLER)):
        events = market.do(
            commands.KeyBlockTrade(
                trader.key_id,
                trader.session,
                trader.account,
                other,
                "serials-1",
                SPOT.symbol,
                side,
                1000,
                10,
                blocks=((FOREST.class_id, part),),
            )
        )
    (trade,) = [event for event in events if isinstance(event, BlockTrade)]
    assert 9990 == trade.amount - trade.seller_fee == sum(amount for _, amount in paid(market))
