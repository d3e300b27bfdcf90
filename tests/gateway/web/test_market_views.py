"""The public side of the page in a real browser: markets, book, trades, candles, and how they move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.instruments import InstrumentState
from exchange.log.migrations import migrate
from tests.gateway.exchange import running_exchange
from tests.gateway.web.trader_page import TraderPage

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.gateway.exchange import RunningExchange, Tap
    from tests.gateway.web.conftest import OpenPage


EN_DASH = "\N{EN DASH}"


async def test_quiet_market(open_page: OpenPage) -> None:
    """A market without orders or trades is shown as such, with its instruments and what they are."""
    page = await open_page()
    await expect(page.find("#venue")).to_have_text("Test Venue")
    await expect(page.find("#business-date")).to_have_text("2026-11-23")
    await expect(page.find(".market-row .symbol")).to_have_text(["NATURE", "RIMBA-19"])
    await expect(page.find(".market-row .what")).to_have_text(
        [
            f"Any of three vintages · basket of 3 classes · GS, VCS · 2018{EN_DASH}2020",
            "Rimba Raya · VCS 1340 · 2019 · ID",
        ]
    )
    await expect(page.find("#spread")).to_have_text("No orders")
    await expect(page.find("#trades-empty")).to_have_text("No trades yet.")
    await expect(page.find("#chart-empty")).to_have_text("No trades yet.")
    assert [] == await page.book("asks")


async def test_opens_where_trade_is(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Without an instrument in the address the one with the newest trade is shown, before all trade the first by name."""
    early = await open_page()
    await expect(early.find(".market-row[aria-current] .symbol")).to_have_text("NATURE")
    gamma, beta = await exchange.client("gamma-key"), await exchange.client("beta-key")
    for instrument in ("NATURE", "RIMBA-19"):
        order: dict[str, Any] = {
            "client_order_id": instrument,
            "instrument": instrument,
            "quantity": 5,
            "price": "10.00",
        }
        await beta.place_order(side="sell", **order)
        await gamma.place_order(side="buy", **order)

    late = await open_page()
    await expect(late.find(".market-row[aria-current] .symbol")).to_have_text("RIMBA-19")
    await expect(late.find("#strip-last")).to_have_text("10.00 EUR")
    named = await open_page(path="#NATURE")
    await expect(named.find(".market-row[aria-current] .symbol")).to_have_text("NATURE")


async def test_book_and_trades_move(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Orders and trades of others appear at once in book, spread, trades, ticker and candles."""
    page = await open_page(path="#RIMBA-19")
    gamma, beta = await exchange.client("gamma-key"), await exchange.client("beta-key")
    order = {"instrument": "RIMBA-19"}
    await beta.place_order(client_order_id="1", side="sell", quantity=1500, price="10.20", **order)
    await beta.place_order(client_order_id="2", side="sell", quantity=10, price="10.10", **order)
    await gamma.place_order(client_order_id="1", side="buy", quantity=7, price="9.90", **order)
    await expect(page.find("#spread")).to_have_text("Spread 0.20")
    assert [["10.20", "1,500", "1,510"], ["10.10", "10", "10"]] == await page.book("asks")
    assert [["9.90", "7", "7"]] == await page.book("bids")

    await gamma.place_order(client_order_id="2", side="buy", quantity=12, price="10.20", **order)
    await expect(page.find("#spread")).to_have_text("Spread 0.30")
    await page.rows("trades", ["10.20", "2", "*"], ["10.10", "10", "*"])
    await expect(page.find("#strip-last")).to_have_text("10.20 EUR")
    await expect(page.find("#strip-change")).to_have_text("+2.00 %")
    await expect(page.find("#strip-volume")).to_have_text("12")
    await expect(page.find("#chart")).to_have_attribute(
        "aria-label", "1m candles of RIMBA-19, last close 10.20"
    )
    assert [["10.20", "1,498", "1,498"]] == await page.book("asks")
    await expect(page.find("#book-verified")).to_have_text("✓ Verified")


async def test_choosing_instrument_and_interval(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Another instrument brings its own book, and its address; another interval its own candles."""
    beta = await exchange.client("beta-key")
    await beta.place_order(client_order_id="1", side="sell", quantity=5, price="10.50", instrument="NATURE")
    page = await open_page(path="#RIMBA-19")
    await expect(page.find("#spread")).to_have_text("No orders")
    await page.show("NATURE")
    await expect(page.find("#asks .level").last).to_have_text("10.5055")
    assert page.page.url.endswith("#NATURE")
    await page.find("#intervals label", has_text="1h").click()
    await expect(page.find("#chart")).to_have_attribute("aria-label", "1h candles of NATURE")
    # News of the instrument that was left do not come any more.
    await beta.place_order(client_order_id="2", side="sell", quantity=9, price="10.10", instrument="RIMBA-19")
    await beta.place_order(client_order_id="3", side="sell", quantity=1, price="10.40", instrument="NATURE")
    await expect(page.find("#asks .level").last).to_have_text("10.4011")
    assert [["10.50", "5", "6"], ["10.40", "1", "1"]] == await page.book("asks")


async def test_filter_and_details(open_page: OpenPage) -> None:
    """The list is searched by registry and project, too; the details name every class and the terms."""
    page = await open_page()
    await page.page.fill("#market-filter", "cookst")
    await expect(page.find(".market-row .symbol")).to_have_text(["NATURE"])
    await page.page.fill("#market-filter", "nothing of that kind")
    await expect(page.find("#markets-empty")).to_have_text("No instrument matches.")
    await page.page.click("#about")
    await page.rows(
        "about-classes",
        ["GS-7548-2020", "GS", "7548 Cookstoves", "2020", "KE", EN_DASH],
        ["VCS-1340-2018", "VCS", "1340 Rimba Raya", "2018", "ID", EN_DASH],
        ["VCS-1340-2019", "VCS", "1340 Rimba Raya", "2019", "ID", EN_DASH],
    )
    await expect(page.find("#about-terms")).to_contain_text("Taker fee0.2 %")


@pytest.mark.parametrize(
    ("state", "badge", "obstacle"),
    [
        (InstrumentState.HALTED, "Halted: cancels only", "RIMBA-19 is halted: it takes cancels only."),
        (InstrumentState.CLOSED, "Closed", "RIMBA-19 is closed."),
    ],
)
async def test_halted_and_closed(
    exchange: RunningExchange, open_page: OpenPage, state: InstrumentState, badge: str, obstacle: str
) -> None:
    """An instrument that takes no orders says so in list, head and order entry, as soon as it happens."""
    page = await open_page(path="#RIMBA-19")
    await expect(page.find("#strip-state")).to_be_hidden()
    await exchange.do(commands.ChangeInstrumentState(LOCAL_OPERATOR, "RIMBA-19", state, "news"))
    await expect(page.find("#strip-state")).to_have_text(badge)
    await expect(page.find("#ticket-banner")).to_have_text(obstacle)
    await expect(page.find("#place")).to_be_disabled()
    await expect(page.find(".market-row[aria-current] .what")).to_contain_text(state.value.capitalize())


async def test_venue_without_instruments(
    dsn: str, tap: Tap, browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A venue that lists nothing yet shows that, without errors."""
    opening = [commands.OpenVenue(LOCAL_OPERATOR, "New Venue", "2026-11-23")]
    monkeypatch.setattr("tests.gateway.exchange.opening_commands", lambda _keys: opening)
    await migrate(dsn)
    async with running_exchange(dsn, tap) as exchange:
        page = TraderPage(await browser.new_page(), tmp_path)
        await page.page.goto(exchange.url.replace("ws://", "http://").removesuffix("/ws"))
        await expect(page.find("#markets-empty")).to_have_text("No instrument is listed yet.")
        await expect(page.find("#ticket-banner")).to_have_text("No instrument is selected.")
        assert [] == page.errors
