"""Trading on the page in a real browser: log on with a key file, orders, fills, balances, refusals, retirement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.domain.events import Retired
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import OrderStatus
from tests.market import BETA

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gateway.exchange import RunningExchange
    from tests.gateway.web.conftest import OpenPage

RIMBA = "#RIMBA-19"


async def test_log_on_and_off(open_page: OpenPage) -> None:
    """A key file opens the account; logging off takes everything private from the page."""
    page = await open_page(path=RIMBA)
    await expect(page.find("#ticket-banner")).to_have_text("Log on to place orders.")
    await page.log_on("beta-key")
    await expect(page.find("#key-name")).to_have_text("beta-key (trader)")
    await expect(page.find("#ticket-banner")).to_be_hidden()
    await page.tab("balances")
    await page.rows("cash", ["EUR", "100,000.00", "0.00", "100,000.00"])
    await page.rows(
        "units",
        ["GS-7548-2020", "Cookstoves", "100,000", "0", "0", "100,000"],
        ["VCS-1340-2018", "Rimba Raya", "100,000", "0", "0", "100,000"],
        ["VCS-1340-2019", "Rimba Raya", "100,000", "0", "0", "100,000"],
    )
    await page.page.click("#log-off")
    await expect(page.find("#account-empty")).to_have_text("Log on to see orders, fills and balances.")
    await expect(page.find("#place")).to_be_disabled()
    await page.log_on("gamma-key")
    await expect(page.find("#key-name")).to_have_text("gamma-key (market maker)")


async def test_refused_log_on(open_page: OpenPage, tmp_path: Path) -> None:
    """A wrong key is refused with its number, a wrong file with a sentence; the next attempt may succeed."""
    page = await open_page()
    await page.choose_key("gamma-key")
    await page.page.fill("#key-id", "beta-key")
    await page.page.click("#log-on-submit")
    await expect(page.find("#log-on-answer")).to_contain_text("2001 LOGON_FAILED")
    other = tmp_path / "beta-key.pem"
    other.write_text("ssh-ed25519 AAAA")
    await page.page.set_input_files("#key-file", other)
    await page.page.click("#log-on-submit")
    await expect(page.find("#log-on-answer")).to_have_text(
        "This is not a PEM file with a private key (PKCS #8)."
    )
    await page.page.set_input_files("#key-file", page.key_file("beta-key"))
    await page.page.click("#log-on-submit")
    await page.logged_on()


async def test_place_and_cancel(exchange: RunningExchange, open_page: OpenPage) -> None:
    """An order appears in the list, in the book and in the held cash; a cancel takes it from all three."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.page.click(".sides .buy")
    await page.page.fill("#price", "9.90")
    await page.page.fill("#quantity", "100")
    await expect(page.find("#need")).to_have_text("991.98 EUR")
    await expect(page.find("#available")).to_have_text("100,000.00 EUR")
    await page.page.click("#place")
    await page.answer("Order is in the book")
    order_id = str(next(iter(exchange.venue.state.orders)))
    await page.rows("orders", ["RIMBA-19", "Buy", "Limit, day", "9.90", "100", "0", order_id])
    await expect(page.find("#bids .level.own")).to_have_count(1)
    await page.tab("balances")
    await page.rows("cash", ["EUR", "100,000.00", "991.98", "99,008.02"])
    await page.tab("orders")
    await page.find("#orders").get_by_role("button", name=f"Cancel order {order_id}").click()
    await expect(page.find("#orders-empty")).to_be_visible()
    await page.tab("balances")
    await page.rows("cash", ["EUR", "100,000.00", "0.00", "100,000.00"])
    assert {} == exchange.venue.state.orders


async def test_terms_under_more(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Time in force, post-only, iceberg, self-trade prevention and delivery reach the exchange as chosen."""
    page = await open_page(path="#NATURE")
    await page.log_on("beta-key")
    await page.page.select_option("#time-in-force", "gtd")
    await page.page.fill("#expire-date", "2026-12-31")
    await page.page.click(".more summary")
    await page.page.check("#post-only")
    await page.page.fill("#display-quantity", "10")
    await page.page.select_option("#self-trade-prevention", "cancel_both")
    await page.page.click(".sides .sell")
    await page.page.select_option("#deliver", "VCS-1340-2019")
    await page.place("sell", "11.00", 40)
    await page.answer("Order is in the book")
    (order,) = exchange.venue.state.orders.values()
    request = order.request
    assert ("gtd", "2026-12-31", True, 10, "cancel_both") == (
        request.time_in_force,
        request.expire_date,
        request.post_only,
        request.display_quantity,
        request.self_trade_prevention,
    )
    assert (("VCS-1340-2019", 40),) == request.deliver
    await expect(page.find("#asks .level").last).to_have_text("11.001010")


async def test_market_order(exchange: RunningExchange, open_page: OpenPage) -> None:
    """A market order needs no price and takes what is there; the rest is cancelled and said to be."""
    gamma = await exchange.client("gamma-key")
    await gamma.place_order(
        client_order_id="1", instrument="RIMBA-19", side="sell", quantity=30, price="10.10"
    )
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.page.select_option("#order-type", "market")
    await expect(page.find("#time-in-force")).to_have_value("ioc")
    await page.place("buy", "", 50)
    await page.answer("Order ended: 30 of 50 filled at 10.10, the rest cancelled")


async def test_fills(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Fills of a resting and of a taking order appear with money, fee and classes; order and balances follow at once."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.place("sell", "10.00", 100)
    await page.answer("Order is in the book")
    gamma = await exchange.client("gamma-key")
    await gamma.place_order(
        client_order_id="1", instrument="RIMBA-19", side="buy", quantity=60, price="10.00"
    )
    await page.notice("Sold 60 RIMBA-19 at 10.00.")
    await page.rows("orders", ["RIMBA-19", "Sell", "Limit, day", "10.00", "100", "60"])
    await gamma.place_order(
        client_order_id="2", instrument="RIMBA-19", side="sell", quantity=5, price="10.50"
    )
    await page.place("buy", "10.50", 5)
    # The own order rests at a better price: self-trade prevention cancels the new one.
    await page.answer("Order ended: 0 of 5 filled")
    await page.notice("it would have met an order of your own")
    await page.tab("fills")
    await page.rows(
        "fills",
        ["*", "RIMBA-19", "Sell", "10.00", "60", "600.00 EUR", "0.60", "60 VCS-1340-2019", "2026-11-23"],
    )
    await page.tab("balances")
    await page.rows("cash", ["EUR", "100,599.40", "0.00", "100,599.40"])
    await expect(page.find("#units tr").nth(2).locator("td").nth(2)).to_have_text("99,940")


async def test_refusals(open_page: OpenPage) -> None:
    """A refused order shows the code, its name and the sentence of the exchange; nothing else changes."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    for side, price, quantity, refusal in (
        ("buy", "15.00", "100000", "4000 INSUFFICIENT_FUNDS: "),
        ("sell", "10.00", "100001", "4001 INSUFFICIENT_UNITS: "),
        ("buy", "20.00", "1", "3003 PRICE_OUTSIDE_BAND: "),
        ("buy", "10.001", "1", "3007 PRICE_OFF_TICK: "),
        ("buy", "10.00", "2000000", "3005 QUANTITY_ABOVE_MAXIMUM: "),
    ):
        await page.place(side, price, quantity)
        await page.answer(refusal)
        await expect(page.find("#quantity")).to_have_value(quantity)
        await expect(page.find("#orders-empty")).to_be_visible()


async def test_input_that_is_no_order(open_page: OpenPage) -> None:
    """Missing and unreadable fields are pointed at without asking the exchange."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.place("buy", "", "5")
    await page.answer("A limit order needs a price.")
    await expect(page.find("#price")).to_be_focused()
    await page.place("buy", "ten", "5")
    await page.answer("The price is not a decimal number.")
    await page.place("buy", "10", "1.5")
    await page.answer("The quantity is not a whole number.")
    await expect(page.find("#quantity")).to_have_attribute("aria-invalid", "true")
    await page.page.fill("#price", "")
    await page.page.press("#price", "ArrowUp")
    await expect(page.find("#price")).to_have_value("10.01")


async def test_amend_and_cancel_all(exchange: RunningExchange, open_page: OpenPage) -> None:
    """An order is amended in price and quantity, a refused amend says why, and one button cancels all orders."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    for price in ("9.00", "9.10"):
        await page.place("buy", price, 10)
        await page.rows("orders", *[["RIMBA-19"]] * (1 if price == "9.00" else 2))
    await page.find("#orders tr").first.get_by_role("button", name="Amend").click()
    await page.page.fill("#amend-price", "99.00")
    await page.page.click("#amend-submit")
    await expect(page.find("#amend-answer")).to_contain_text("3003 PRICE_OUTSIDE_BAND")
    await page.page.fill("#amend-price", "9.50")
    await page.page.fill("#amend-quantity", "25")
    await page.page.click("#amend-submit")
    await expect(page.find("#amend-dialog")).to_be_hidden()
    await page.rows(
        "orders",
        ["RIMBA-19", "Buy", "Limit, day", "9.50", "25"],
        ["RIMBA-19", "Buy", "Limit, day", "9.00", "10"],
    )
    await page.page.click("#cancel-all")
    await page.notice("2 orders cancelled.")
    await expect(page.find("#orders-empty")).to_be_visible()
    assert {OrderStatus.CANCELLED} == {
        remembered.status for remembered in exchange.venue.state.remembered[BETA].values()
    }


@pytest.mark.usefixtures("signer")
async def test_retire(exchange: RunningExchange, open_page: OpenPage) -> None:
    """Credits are retired after a beneficiary was named and the irreversible step confirmed, and not before."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.tab("balances")
    await page.find("#units").get_by_role("button", name="Retire credits of VCS-1340-2019").click()
    await page.page.fill("#retire-quantity", "250")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-answer")).to_have_text("A retirement names its beneficiary.")
    await page.page.fill("#retire-beneficiary", "Acme <b>GmbH</b>")
    await page.page.fill("#retire-purpose", "Footprint 2026")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-summary")).to_have_text(
        "250 tonnes of CO₂e, class VCS-1340-2019 (Rimba Raya), will be retired for Acme <b>GmbH</b> (Footprint 2026)."
        " The credits leave circulation for ever."
    )
    await expect(page.find("#retire-next")).to_be_disabled()
    assert 400_000 == exchange.venue.state.ledger.supply["VCS-1340-2019"]
    await page.page.check("#retire-understood")
    await page.page.click("#retire-next")
    await expect(page.find("#certificate-what")).to_contain_text(
        "Retired: 250 VCS-1340-2019, for Acme <b>GmbH</b>."
    )
    await page.page.click("#certificate-close")
    await page.tab("retirements")
    await page.rows("retirements", ["*", "VCS-1340-2019", "250", "Acme <b>GmbH</b>", "Footprint 2026"])
    assert 399_750 == exchange.venue.state.ledger.supply["VCS-1340-2019"]


@pytest.mark.usefixtures("signer")
async def test_retire_several_classes(exchange: RunningExchange, open_page: OpenPage) -> None:
    """One retirement takes several classes, each named once; the confirmation names them all."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.tab("balances")
    await page.find("#units").get_by_role("button", name="Retire credits of VCS-1340-2019").click()
    await page.page.fill("#retire-quantity", "250")
    await page.page.fill("#retire-beneficiary", "Acme")
    await page.page.click("#retire-another")
    await page.page.select_option(".retire-other-class", "VCS-1340-2019")
    await page.page.fill(".retire-other-quantity", "5")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-answer")).to_have_text("Each class is named once.")
    await page.page.select_option(".retire-other-class", "VCS-1340-2018")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-summary")).to_have_text(
        "250 tonnes of CO₂e, class VCS-1340-2019 (Rimba Raya), and 5 tonnes of CO₂e, class VCS-1340-2018 (Rimba Raya),"
        " will be retired for Acme. The credits leave circulation for ever."
    )
    await expect(page.find("#retire-next")).to_have_text("Retire 255 for ever")
    await page.page.check("#retire-understood")
    await page.page.click("#retire-next")
    await expect(page.find("#certificate-what")).to_contain_text(
        "Retired: 250 VCS-1340-2019, 5 VCS-1340-2018, for Acme."
    )
    supply = exchange.venue.state.ledger.supply
    assert (399_750, 399_995) == (supply["VCS-1340-2019"], supply["VCS-1340-2018"])


async def test_retire_on_fill(exchange: RunningExchange, open_page: OpenPage) -> None:
    """A buy order that retires names a beneficiary, says so on its button, and is asked for each time anew."""
    seller = await exchange.client("gamma-key")
    await seller.place_order(
        client_order_id="s", instrument="RIMBA-19", side="sell", quantity=10, price="10.00"
    )
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.page.click(".more summary")
    await page.page.check("#retire-on-fill")
    await expect(page.find("#place")).to_have_text("Place buy order and retire")
    await page.place("buy", "10.00", 10)
    await page.answer("A retirement names its beneficiary.")
    await page.page.fill("#retire-on-fill-beneficiary", "Acme")
    await page.page.click("#place")
    await page.answer("What it bought is retired")
    await page.tab("retirements")
    await page.rows("retirements", ["*", "VCS-1340-2019", "10", "Acme"])
    await expect(page.find("#retire-on-fill")).not_to_be_checked()
    assert 399_990 == exchange.venue.state.ledger.supply["VCS-1340-2019"]


async def test_serial_numbers(open_page: OpenPage) -> None:
    """A click on a class lists the serial numbers that the account holds of it."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.tab("balances")
    await page.find("#units").get_by_role("button", name="Show serial numbers of VCS-1340-2019").click()
    await page.rows("serials", ["opening-2019 [200001 to 300000]", "100,000", ""])
    await expect(page.find("#serials-more")).to_be_hidden()
    await page.page.click("#serials-close")
    await expect(page.find("#serials-dialog")).to_be_hidden()


async def test_several_accounts(open_page: OpenPage) -> None:
    """A participant with two accounts sees and trades the one that is chosen."""
    page = await open_page(path=RIMBA)
    await page.log_on("alpha-key")
    await expect(page.find("#account option")).to_have_text(["alpha", "alpha-2"])
    await page.page.select_option("#account", "alpha-2")
    await page.logged_on()
    await page.place("buy", "9.00", 10)
    await page.answer("Order is in the book")
    await page.rows("orders", ["RIMBA-19"])
    await page.page.select_option("#account", "alpha")
    await expect(page.find("#orders-empty")).to_be_visible()


async def test_looking_on(open_page: OpenPage) -> None:
    """An auditor's key sees every account and can neither place, cancel nor retire."""
    page = await open_page(path=RIMBA)
    await page.log_on("auditor-key")
    await expect(page.find("#ticket-banner")).to_have_text("This key may look on but not trade.")
    await page.page.select_option("#account", "beta")
    await page.logged_on()
    await page.tab("balances")
    await page.rows("cash", ["EUR", "100,000.00", "0.00", "100,000.00"])
    await expect(page.find("#units .row-actions").first).to_be_hidden()
    await expect(page.find("#place")).to_be_disabled()


async def test_kept_key(open_page: OpenPage) -> None:
    """A key is kept on request, cannot be read out, logs on after a reload, and is forgotten on request."""
    page = await open_page(path=RIMBA)
    await page.choose_key("beta-key")
    await page.page.check("#keep-key")
    await page.page.click("#log-on-submit")
    await page.logged_on()
    await page.page.reload()
    await page.ready()
    await page.page.click("#log-on")
    await expect(page.find("#kept-key-id")).to_have_text("beta-key")
    exported = await page.page.evaluate(
        """async () => {
            const { keptKey } = await import("/js/keys.js");
            const { privateKey } = await keptKey();
            return crypto.subtle.exportKey("pkcs8", privateKey).then(() => "exported", (error) => error.name);
        }"""
    )
    assert "InvalidAccessError" == exported
    await page.page.click("#use-kept-key")
    await page.logged_on()
    await page.page.click("#log-off")
    await page.page.click("#log-on")
    await page.page.click("#forget-key")
    await expect(page.find("#kept-key")).to_be_hidden()


async def test_revoked_key(exchange: RunningExchange, open_page: OpenPage) -> None:
    """When the exchange ends the session for good, the page says why and is logged off."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await exchange.do(commands.RevokeKey(LOCAL_OPERATOR, "beta-key"))
    await page.notice("The exchange closed the connection: session ended: key revoked.")
    await page.notice("2001 LOGON_FAILED")
    await expect(page.find("#log-on")).to_be_visible()
    await expect(page.find("#account-pages")).to_be_hidden()
    await page.ready()


@pytest.mark.usefixtures("signer")
async def test_retire_with_a_claim(exchange: RunningExchange, open_page: OpenPage) -> None:
    """A claim of use asks for its year; one that the units do not support is refused with the reason."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.tab("balances")
    await page.find("#units").get_by_role("button", name="Retire credits of VCS-1340-2019").click()
    await page.page.fill("#retire-quantity", "5")
    await page.page.fill("#retire-beneficiary", "Acme")
    await page.page.select_option("#retire-claim", "ndc")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-answer")).to_have_text(
        "Name the calendar year for which the credits are used."
    )
    await page.page.fill("#retire-claim-year", "2027")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-summary")).to_contain_text(
        "will be retired for Acme, claimed as used towards the NDC of your account's Party for 2027."
    )
    await page.page.check("#retire-understood")
    await page.page.click("#retire-next")
    await expect(page.find("#retire-answer")).to_contain_text("6112")

    await page.page.click("#retire-back")
    await page.page.select_option("#retire-claim", "contribution")
    await expect(page.find("#retire-claim-year")).to_be_hidden()
    await page.page.click("#retire-next")
    await page.page.check("#retire-understood")
    await page.page.click("#retire-next")
    await expect(page.find("#certificate-what")).to_contain_text("Retired: 5 VCS-1340-2019, for Acme.")
    (retired,) = [
        stored.to_recorded().event
        async for events in exchange.gateway.reader.pages()
        for stored in events
        if stored.kind == Retired.kind
    ]
    assert isinstance(retired, Retired)
    assert Claim(ClaimKind.CONTRIBUTION) == retired.claim
