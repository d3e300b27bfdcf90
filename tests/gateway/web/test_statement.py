"""The account's statement on the page: figures, movements, serial numbers, and files of them."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from playwright.async_api import expect

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from tests.exchange.registry.settled import settle
from tests.market import V18, V19

if TYPE_CHECKING:
    from exchange.registry.statement import Statement
    from gateway.websocket.client import ExchangeClient
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.web.conftest import OpenPage
    from tests.gateway.web.trader_page import TraderPage

RIMBA = "#RIMBA-19"
JOIN = """async (parts) => {
    const { joined } = await import("/js/statement.js");
    return parts.reduce(joined);
}"""


@pytest.fixture
async def beta(exchange: RunningExchange) -> ExchangeClient:
    """Gives a trader that sold on the first date and retired on the second; settled."""
    client, buyer = await exchange.client("beta-key"), await exchange.client("gamma-key")
    order: dict[str, Any] = {"instrument": "RIMBA-19", "quantity": 30, "price": "10.00"}
    await client.place_order(client_order_id="s", side="sell", **order)
    await buyer.place_order(client_order_id="b", side="buy", **order)
    await exchange.do(commands.CloseDay(LOCAL_OPERATOR, "2026-11-24"))
    await client.retire(credits={V19: 5}, beneficiary="Ada", purpose="=1+1", reference="footprint")
    await settle(exchange.dsn)
    return client


def without_times(statement: Statement) -> Any:
    """The statement as JSON, less the times: JavaScript has no room for nanoseconds."""
    content = msgspec.to_builtins(statement)
    for movement in content["movements"]:
        del movement["time"]
    return content


async def show(page: TraderPage, first: str, last: str) -> None:
    """Ask for the statement of a period."""
    await page.tab("statement")
    await page.page.fill("#statement-from", first)
    await page.page.fill("#statement-to", last)
    await page.page.click("#statement-show")


async def saved(page: TraderPage, button: str) -> tuple[str, str]:
    """Name and text of the file that a button saves."""
    async with page.page.expect_download() as downloading:
        await page.page.click(button)
    download = await downloading.value
    return download.suggested_filename, Path(await download.path()).read_bytes().decode()


async def test_statement_of_a_period(beta: ExchangeClient, open_page: OpenPage) -> None:
    """Balances, movements with their serial numbers, and what is held at the end; for the present date at first."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await page.tab("statement")
    await expect(page.find("#statement-from")).to_have_value("2026-11-24")
    await show(page, "2026-11-23", "2026-11-23")
    await expect(page.find("#statement-what")).to_contain_text("beta, 2026-11-23 to 2026-11-23: events ")
    await expect(page.find("#statement-what")).to_contain_text(", complete.")
    await page.rows("statement-cash", ["EUR", "0.00", "100,299.70", "0.00", "100,299.70", "0.00"])
    await page.rows(
        "statement-units",
        ["GS-7548-2020", "0", "100,000", "0", "100,000", "0"],
        [V18, "0", "100,000", "0", "100,000", "0"],
        [V19, "0", "100,000", "30", "99,970", "0"],
    )
    sale = page.find("#statement-movements tr").last.locator("td")
    await expect(sale.nth(1)).to_have_text("fill")
    await expect(sale.nth(2)).to_have_text("sold 30 RIMBA-19 at 10.00, fee 0.30")
    await expect(sale.nth(3).locator("div")).to_have_text(["+299.70 EUR", f"−30 {V19}"])  # noqa: RUF001
    await expect(sale.nth(4)).to_have_text("out 30: opening-2019 [200001 to 200030]")
    await expect(page.find("#statement-serials tr")).to_have_count(3)
    await show(page, "2026-11-24", "2026-11-24")
    await expect(page.find("#statement-what")).to_contain_text(", so far.")
    await expect(page.find("#statement-movements tr")).to_have_count(1)
    await expect(page.find("#statement-movements")).to_contain_text("for Ada, purpose =1+1")


async def test_statement_as_files(beta: ExchangeClient, open_page: OpenPage) -> None:
    """The JSON file is what the exchange answers; the CSV file has a line for each change, and no formula in it."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await show(page, "2026-11-23", "2026-11-24")
    await expect(page.find("#statement")).to_be_visible()
    name, text = await saved(page, "#statement-json")
    assert "statement-beta-2026-11-23-2026-11-24.json" == name
    found = await beta.statement(from_date="2026-11-23", date="2026-11-24")
    content = json.loads(text)
    at_ms = [datetime.fromisoformat(one.pop("time")).timestamp() * 1000 for one in content["movements"]]
    assert [one.time // 10**6 for one in found.movements] == [round(at) for at in at_ms]
    assert without_times(found) == content
    name, text = await saved(page, "#statement-csv")
    assert "statement-beta-2026-11-23-2026-11-24.csv" == name
    lines = list(csv.DictReader(text.splitlines()))
    changes = sum(len(one.cash) + len(one.units) + len(one.serials) for one in found.movements)
    assert changes == len(lines)
    assert ("retired", V19, "-5", "99965", "'=1+1") == tuple(
        lines[-2][name] for name in ("kind", "asset", "change", "balance", "purpose")
    )
    assert ("out 5", "opening-2019 [200031 to 200035]") == (lines[-1]["change"], lines[-1]["serial"])


async def test_refused_statement(exchange: RunningExchange, open_page: OpenPage) -> None:
    """A date that has not come, or a registry that is not there, shows the numbered refusal."""
    page = await open_page(path=RIMBA)
    await page.log_on("beta-key")
    await show(page, "2026-11-23", "2026-11-23")
    await expect(page.find("#statement-answer")).to_contain_text("3013 UNAVAILABLE: ")
    await settle(exchange.dsn)
    await show(page, "2026-11-23", "2026-11-30")
    await expect(page.find("#statement-answer")).to_contain_text("1009 INVALID_DATE: ")
    await expect(page.find("#statement")).to_be_hidden()


async def test_parts_of_a_statement_are_joined(beta: ExchangeClient, open_page: OpenPage) -> None:
    """A long statement comes in parts; put together they are the whole."""
    whole = await beta.statement(from_date="2026-11-23", date="2026-11-24")
    parts = []
    after_seq: int | None = 0
    while after_seq is not None:
        part = await beta.statement(from_date="2026-11-23", date="2026-11-24", after_seq=after_seq, limit=1)
        parts.append(without_times(part))
        after_seq = part.next_after_seq
    assert len(whole.movements) == len(parts)
    page = await open_page()
    assert without_times(whole) == await page.page.evaluate(JOIN, parts)
