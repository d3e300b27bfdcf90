"""Block trades on the page: a half is keyed, seen by the other side, withdrawn or agreed to; and deferred trades settle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.carbon.freeze_forms import FreezeCause, FreezeUnits
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.serials import SerialBlock
from tests.market import BETA, GAMMA, PROJECT, V19

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.web.conftest import OpenPage
    from tests.gateway.web.trader_page import TraderPage

RIMBA = "#RIMBA-19"
LATER = msgspec.structs.replace(PROJECT, symbol="RIMBA-T2", settlement_days=2)
"""Settles two business days after the trade."""


async def key_half(page: TraderPage, side: str, price: str = "10.00", quantity: str = "50") -> None:
    """Fill the form with a trade with gamma, and send it."""
    await page.tab("blocks")
    await page.page.click("#new-block")
    await page.page.click(f"#block-form .{side}")
    await page.page.fill("#block-price", price)
    await page.page.fill("#block-quantity", quantity)
    await page.page.fill("#block-counterparty", GAMMA)
    await page.page.fill("#block-reference", "call-0930")
    await page.page.click("#block-submit")


async def test_a_half_is_keyed_and_withdrawn(exchange: RunningExchange, open_page: OpenPage) -> None:
    """It stands in the list until its owner withdraws it; nothing is held for it."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await key_half(page, "buy")
    await page.notice("Keyed: block trade call-0930 waits for gamma.")
    await expect(page.find("#block-dialog")).to_be_hidden()
    await page.rows(
        "halves",
        [GAMMA, "call-0930", "them", "RIMBA-19", "Buy", "10.00", "50", "the seller's oldest vintages"],
    )
    await expect(page.find("#blocks-count")).to_have_text("1")
    await page.find("#halves").get_by_role("button", name="Withdraw block trade call-0930").click()
    await expect(page.find("#halves-empty")).to_be_visible()
    assert [] == [half for half in exchange.venue.state.block_halves.values() if not half.ended_on]


async def test_agree_to_the_other_sides_half(exchange: RunningExchange, open_page: OpenPage) -> None:
    """A half that names the account is shown with the side that is left; agreeing keys the same terms and trades."""
    gamma = await exchange.client("gamma-key")
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await gamma.key_block(
        counterparty=BETA,
        trade_reference="call-0930",
        instrument="RIMBA-19",
        side="sell",
        price="10.00",
        quantity=50,
        serials=[(V19, "opening-2019 [300001 to 300050]")],
    )
    await page.notice("gamma keyed block trade call-0930 with you: see under Block trades.")
    await page.tab("blocks")
    await page.rows("halves", [GAMMA, "call-0930", "you", "RIMBA-19", "Buy", "10.00", "50", "*"])
    await page.find("#halves").get_by_role("button", name="Agree to block trade call-0930").click()
    await expect(page.find("#block-summary")).to_have_text("You buy 50 RIMBA-19 at 10.00 EUR from gamma.")
    await expect(page.find("#block-terms")).to_contain_text("opening-2019 [300001 to 300050]")
    await page.page.click("#block-submit")
    await page.notice("Bought 50 RIMBA-19 at 10.00: block trade call-0930.")
    await expect(page.find("#halves-empty")).to_be_visible()
    traded = [
        GAMMA,
        "call-0930",
        "RIMBA-19",
        "Buy",
        "10.00",
        "50",
        "500.00 EUR",
        "0.50",
        f"50 {V19}",
        "2026-11-23",
    ]
    await page.rows("block-trades", ["*", *traded])
    assert 100_050 == exchange.venue.state.ledger.balance(BETA, V19).total


async def test_refused_halves(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Missing fields are pointed at; what the exchange refuses shows its number, and the form stays as it was."""
    gamma = await exchange.client("gamma-key")
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await key_half(page, "buy", price="ten")
    await expect(page.find("#block-answer")).to_have_text("The price is not a decimal number.")
    await expect(page.find("#block-price")).to_be_focused()
    await page.page.fill("#block-price", "99.00")
    await page.page.click("#block-submit")
    await expect(page.find("#block-answer")).to_contain_text("3003 PRICE_OUTSIDE_BAND")
    await page.page.select_option("#block-deliver", f"serials of {V19}")
    await page.page.fill("#block-price", "10.00")
    await page.page.click("#block-submit")
    await expect(page.find("#block-answer")).to_have_text("Name the serial numbers.")
    await gamma.key_block(
        counterparty=BETA,
        trade_reference="call-0930",
        instrument="RIMBA-19",
        side="sell",
        price="10.00",
        quantity=51,
    )
    await page.page.fill("#block-serials", "opening-2019 [300001 to 300050]\n")
    await page.page.click("#block-submit")
    await expect(page.find("#block-answer")).to_contain_text("4012 BLOCK_TRADE_DIFFERS")
    await expect(page.find("#block-quantity")).to_have_value("50")


async def test_halves_are_there_after_a_reload(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Waiting halves and done trades are loaded, and what happens meanwhile is followed."""
    gamma, beta = await exchange.client("gamma-key"), await exchange.client("beta-key")
    terms: dict[str, Any] = {"instrument": "RIMBA-19", "price": "10.00", "quantity": 5}
    for reference in ("one", "two"):
        await gamma.key_block(counterparty=BETA, side="sell", trade_reference=reference, **terms)
    await beta.key_block(counterparty=GAMMA, side="buy", trade_reference="one", **terms)
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.tab("blocks")
    await page.rows("halves", [GAMMA, "two", "you"])
    await page.rows("block-trades", ["*", GAMMA, "one"])
    await gamma.withdraw_block(counterparty=BETA, trade_reference="two")
    await page.notice("Block trade two of gamma with beta was withdrawn.")
    await expect(page.find("#halves-empty")).to_be_visible()


async def test_deferred_trades_settle(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Until its date a trade's units are shown as locked and its date as held; then the page tells that it settled."""
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, LATER))
    gamma = await exchange.client("gamma-key")
    page = await open_page(path="#RIMBA-T2")
    await page.log_on("beta-key")
    await page.place("sell", "10.00", 60)
    await page.answer("Order is in the book")
    await gamma.place_order(
        client_order_id="1", instrument="RIMBA-T2", side="buy", quantity=60, price="10.00"
    )
    await page.tab("fills")
    await expect(page.find("#fills tr td").last).to_have_text("2026-11-25, held")
    await page.tab("balances")
    vintage_2019 = page.find("#units tr", has_text=V19)
    await expect(vintage_2019.locator("td.number")).to_have_text(["100,000", "60", "60", "99,940"])
    for date in ("2026-11-24", "2026-11-25"):
        await exchange.do(commands.CloseDay(LOCAL_OPERATOR, date))
    await page.notice(f"settled: 60 {V19} for 600.00 EUR.")
    await expect(vintage_2019.locator("td.number")).to_have_text(["99,940", "0", "0", "99,940"])
    await page.tab("fills")
    await expect(page.find("#fills tr td").last).to_have_text("2026-11-25")


async def test_a_freeze_cancels_a_deferred_trade(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Units that may not move are shown as frozen; the trade that they were for is cancelled, also after a reload."""
    await exchange.do(commands.ListInstrument(LOCAL_OPERATOR, LATER))
    gamma = await exchange.client("gamma-key")
    page = await open_page(path="#RIMBA-T2")
    await page.log_on("beta-key")
    order: dict[str, Any] = {"instrument": "RIMBA-T2", "quantity": 5_000, "price": "10.00"}
    await (await exchange.client("beta-key")).place_order(client_order_id="s", side="sell", **order)
    await gamma.place_order(client_order_id="b", side="buy", **order)
    await page.tab("fills")
    await expect(page.find("#fills tr td").last).to_have_text("2026-11-25, held")
    block = SerialBlock("VCS", "opening-2019", 200_001, 299_000)
    await exchange.do(FreezeUnits(LOCAL_OPERATOR, "recall-1", FreezeCause.RECALL, "error", (block,)))
    await page.notice("will not settle (5,000 VCS-1340-2019 for 50,000.00 EUR): its units were frozen.")
    await expect(page.find("#fills tr td").last).to_have_text("2026-11-25, cancelled")
    await page.tab("balances")
    vintage_2019 = page.find("#units tr", has_text=V19).locator("td.number")
    await expect(vintage_2019).to_have_text(["100,000", "99,000", "0, 99,000 frozen", "1,000"])
    await page.page.reload()
    await page.ready()
    await page.log_on("beta-key")
    await page.tab("fills")
    await expect(page.find("#fills tr td").last).to_have_text("2026-11-25, cancelled")
