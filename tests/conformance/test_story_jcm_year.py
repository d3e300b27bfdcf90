"""A year of the Joint Crediting Mechanism, from the authorisation to both Parties' balances, over the public interfaces."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from exchange.domain import commands
from exchange.domain.carbon.article6_forms import AuthoriseOutcomes, ReportSafeguards, SetJcmTarget
from exchange.domain.carbon.claim_forms import ClaimKind
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import OrderStatus
from exchange.domain.rejects import RejectCode
from exchange.log.migrations import migrate
from exchange.log.reader import LogReader
from exchange.operations.cli import main
from exchange.registry.reports import adjustments, aef
from exchange.registry.reports.outcomes import fold
from exchange.registry.reports.table import to_json
from gateway.websocket import requests
from gateway.websocket.client import ExchangeClient, RejectedError, SigningKey
from matching.order import Side
from tests.gateway.exchange import RunningExchange, Tap, running_exchange
from tests.jcm import ACCOUNTS, APPROACH, INSTRUMENT, V23, authorisation, opening_commands

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from exchange.domain.events import Recorded
    from gateway import results

Json = dict[str, Any]
PRICE = "10.00"


class JcmYear:
    """An exchange with the accounts of the story, each with a client."""

    def __init__(self, exchange: RunningExchange, clients: dict[str, ExchangeClient], folder: Path) -> None:
        self.exchange = exchange
        self.clients = clients
        self.folder = folder
        self._trades = 0

    async def trade(self, seller: str, buyer: str, quantity: int) -> None:
        """One account sells to another, on the book."""
        self._trades += 1
        await self._order(seller, Side.SELL, quantity)
        bought = await self._order(buyer, Side.BUY, quantity)
        assert OrderStatus.FILLED is bought.status

    async def _order(self, account: str, side: Side, quantity: int) -> results.OrderReport:
        return await self.clients[account].place_order(
            client_order_id=f"trade-{self._trades}",
            instrument=INSTRUMENT.symbol,
            side=side,
            quantity=quantity,
            price=PRICE,
        )

    async def next_day(self, date: str) -> None:
        await self.exchange.do(commands.CloseDay(LOCAL_OPERATOR, date))

    async def report(self, *arguments: str) -> bytes:
        """What `exchange report` writes as JSON."""
        result = await asyncio.to_thread(
            CliRunner().invoke,
            main,
            ["report", *arguments, "--json", "--dsn", self.exchange.dsn, "--data-dir", str(self.folder)],
        )
        assert (0, "") == (result.exit_code, result.stderr)
        return result.stdout_bytes

    async def recorded(self) -> list[Recorded]:
        """The whole log."""
        async with await LogReader.open(self.exchange.dsn, connections=1) as reader:
            return [stored.to_recorded() async for page in reader.pages() for stored in page]


@pytest.fixture
async def year(dsn: str, tmp_path: Path) -> AsyncIterator[JcmYear]:
    """Gives the exchange of the story on its first day."""
    await migrate(dsn)
    keys = {account: SigningKey.generate(f"{account}-key") for account in ACCOUNTS}
    async with running_exchange(dsn, Tap()) as exchange:
        await exchange.do(*opening_commands({account: key.public_hex for account, key in keys.items()}))
        clients = {
            account: await ExchangeClient.connect(exchange.url, key=key) for account, key in keys.items()
        }
        yield JcmYear(exchange, clients, tmp_path)
        for client in clients.values():
            await client.close()


async def tell(year: JcmYear) -> None:
    """What happens in the story."""
    operator = LOCAL_OPERATOR
    await year.exchange.do(
        AuthoriseOutcomes(operator, authorisation((V23,), entities=("JP-POWER", "JP-STEEL"))),
        SetJcmTarget(operator, "JPN", 2030, 100_000_000, "Plan for Global Warming Countermeasures"),
        ReportSafeguards(operator, "MNG", APPROACH.approach_id, "2026-11-23", "Initial report of Mongolia"),
        commands.IssueShared(operator, V23, (("mn", 3000), ("jp", 7000)), "issuance-1"),
    )
    await year.next_day("2027-03-01")
    await year.trade("mn", "jp-2", 1000)
    await year.trade("jp", "jp-2", 500)
    await year.next_day("2027-06-01")
    await year.trade("jp-2", "th", 200)
    await year.trade("mn", "jp", 50)
    await year.next_day("2027-12-20")
    claim = requests.RetirementClaim(ClaimKind.NDC, 2027)
    wish: dict[str, Any] = {"beneficiary": "Japan", "purpose": "NDC of Japan", "reference": "ndc-2027"}
    used = await year.clients["jp"].retire(credits={V23: 6000}, claim=claim, **wish)
    assert ("JPN", 2027) == (used.claim.party, used.claim.year) if used.claim else False
    with pytest.raises(RejectedError) as refused:
        await year.clients["th"].retire(credits={V23: 100}, claim=claim, **wish)
    assert RejectCode.CLAIM_NOT_OF_PARTY == refused.value.code
    await year.exchange.do(
        ReportSafeguards(operator, "JPN", APPROACH.approach_id, "2027-12-20", "Initial report of Japan")
    )


def actions(report: bytes) -> list[tuple[str, str, str, int]]:
    """Action, first and last serial number of the ITMOs, and tonnes."""
    return [
        (
            row["Action type"],
            row["First ID"].split("-")[3],
            row["Last ID"].split("-")[3],
            row["Quantity (t CO2 eq)"],
        )
        for row in json.loads(report)["3 Actions"]
    ]


async def test_a_jcm_year(year: JcmYear) -> None:
    """Authorisation, shared issuance, first transfers, trades, use; five tables and balances, twice the same."""
    await tell(year)

    # 2026: only what was issued to Japan went abroad. In 2027 Mongolia's own share followed in parts.
    assert [("First transfer", "1", "7000", 7000)] == actions(
        await year.report("aef", "MNG", "--date", "2026-12-31")
    )
    mongolia = await year.report("aef", "MNG")
    assert [("First transfer", "7001", "8000", 1000), ("First transfer", "8001", "8050", 50)] == actions(
        mongolia
    )
    japan = await year.report("aef", "JPN")
    assert [
        ("Acquisition", "7001", "8000", 1000),
        # The steel maker's lowest serials are those that came from Mongolia; what it had from another company of Japan
        # had moved within Japan, which is no action.
        ("Transfer", "7001", "7200", 200),
        ("Acquisition", "8001", "8050", 50),
        # The power company's lowest: those of the later transfer, then the rest of its share of the issuance.
        ("Use", "8001", "8050", 50),
        ("Use", "501", "6450", 5950),
    ] == actions(japan)
    holdings = json.loads(japan)["4 Holdings"]
    assert 7000 + 1050 - 200 - 6000 == sum(row["Quantity (t CO2 eq)"] for row in holdings)

    balances = json.loads(await year.report("adjustments"))
    assert [("JPN", 2027, -6000, "Consistent"), ("MNG", 2023, 8050, "Consistent")] == [
        (
            row["Party"],
            row["Calendar year"],
            row["Corresponding adjustment (t CO2 eq)"],
            row["Result of the consistency checks"],
        )
        for row in balances["Adjustments"]
    ]
    shares = json.loads(await year.report("jcm"))["Shares"]
    assert [("JPN", "70.0000"), ("MNG", "30.0000")] == [(row["Party"], row["Share (%)"]) for row in shares]


async def test_all_of_it_is_derived_from_the_log(year: JcmYear) -> None:
    """The tables of both Parties and the balances, made anew from the events alone: byte for byte what was reported."""
    await tell(year)
    reported = [await year.report(*which) for which in (("aef", "MNG"), ("aef", "JPN"), ("adjustments",))]
    date = "2027-12-20"
    again = fold(await year.recorded(), date)

    assert reported == [
        to_json(aef.tables(again, "MNG", date), party="MNG", date=date),
        to_json(aef.tables(again, "JPN", date), party="JPN", date=date),
        to_json(adjustments.tables(again), date=date),
    ]
