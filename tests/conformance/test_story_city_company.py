"""A city's company offsets its year with a mix of J-Credit and CER; a sea wall's potential credits are estimated, traded, half
verified and converted, half expired. Over the command line, the websocket and HTTP.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from click.testing import CliRunner

from exchange.domain import commands
from exchange.domain.carbon.project_forms import Project, RegisterProject
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.rejects import RejectCode
from exchange.log.migrations import migrate
from exchange.operations.cli import main
from exchange.registry.serials import parse
from gateway.websocket.client import ExchangeClient, RejectedError, SigningKey
from gateway.websocket.offset_requests import ActivityParams
from matching.order import TimeInForce
from tests.exchange.registry.settled import settle
from tests.gateway.exchange import Tap, running_exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from pathlib import Path

    from click.testing import Result

    from exchange.domain.commands import Command
    from gateway import results
    from tests.gateway.exchange import RunningExchange

COMPANY, FOREST, STOVES, LAB, FUND = "towa", "forest", "stoves", "lab", "fund"
ORGANISATION = "株式会社トーワ"
KEYS = {account: SigningKey.generate(f"{account}-key") for account in (COMPANY, FOREST, STOVES, LAB, FUND)}
SINK = CreditClass("JC-FM-1042-2022", "J-CREDIT", "JC-FM-1042", "四万十町 森林経営", 2022, country="JP")
CER = CreditClass("CDM-7014-2014", "CDM", "7014", "Improved cookstoves", 2014, country="RW")
SINK_SERIALS = "JC-FM-1042-1 to 500"
CER_SERIALS = "RW-5-1463953-2-2-0-7014 - RW-5-1464252-2-2-0-7014"
POTENTIAL, VERIFIED = "EXC-SEAWALL-EXANTE", "EXC-SEAWALL-2027"
YEAR = "FY2025"
EVIDENCE = {
    "project": "SEAWALL",
    "measure": "防潮堤 1.2 km",
    "damage_unit": "m2 of floor to rebuild",
    "base_year": 2026,
    "discount_rate": "0.04",
    "years": [
        {
            "year": 2026 + n,
            "probability": "0.02",
            "damage": "15000",
            "reduction_rate": "0.6",
            "emission_factor": "0.35",
        }
        for n in range(4)
    ],
    "documents": [{"title": "津波ハザードマップ", "sha256": "ab" * 32}],
}
"""63 t a year: 63, 60.57, 58.24 and 56.00 t discounted, 237 units."""


def opening() -> list[Command]:
    """Beside the market of all tests: participants with yen, two classes with serial numbers, and what one of them trades as."""
    by = LOCAL_OPERATOR
    opened: list[Command] = []
    for account, key in KEYS.items():
        name = ORGANISATION if account == COMPANY else f"{account} Ltd"
        owner = account.upper()
        opened += [
            commands.AdmitParticipant(by, owner, name),
            commands.OpenAccount(by, account, owner),
            commands.RegisterKey(by, key.key_id, owner, Role.TRADER, key.public_hex),
            commands.DepositCash(by, account, "JPY", 10_000_000, "opening"),
        ]
    opened += [
        RegisterProject(by, Project("J-CREDIT", "JC-FM-1042", SINK.name, "JP", "forest")),
        *(commands.RegisterClass(by, known) for known in (SINK, CER)),
        commands.ListInstrument(
            by,
            Instrument("CER", "CER", (CER.class_id,), "JPY", 1, 0, 1, 1, 10_000, 400, 900_000, 0, 0),
        ),
    ]
    for account, known, text in ((FOREST, SINK, SINK_SERIALS), (STOVES, CER, CER_SERIALS)):
        block = parse(text, known.registry).to_block()
        opened.append(
            commands.DepositUnits(by, account, known.class_id, block.quantity, (block,), "immobilised")
        )
    return opened


class Story:
    """The venue of the story between its scenes: its command line, and its market while somebody trades."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn = dsn
        self.folder = folder

    def invoke(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--dsn", self.dsn, "--data-dir", str(self.folder)])

    def cli(self, *arguments: str) -> Any:
        """A command that must succeed, with --json; answers the decoded object."""
        result = self.invoke(*arguments, "--json")
        assert (0, "") == (result.exit_code, result.stderr), result.stderr
        return json.loads(result.stdout)

    @asynccontextmanager
    async def market(self) -> AsyncIterator[Market]:
        """Engine and gateway at work, and a client of every participant."""
        async with running_exchange(self.dsn, Tap()) as exchange, AsyncExitStack() as stack:
            clients = {
                account: await stack.enter_async_context(await ExchangeClient.connect(exchange.url, key=key))
                for account, key in KEYS.items()
            }
            yield Market(exchange, clients)


class Market:
    """An exchange that runs, and its traders."""

    def __init__(self, exchange: RunningExchange, clients: dict[str, ExchangeClient]) -> None:
        self.exchange = exchange
        self.clients = clients
        self._orders = 0

    async def trade(self, seller: str, buyer: str, instrument: str, quantity: int, price: str) -> None:
        """One offers, the other takes."""
        for account, side in ((seller, "sell"), (buyer, "buy")):
            self._orders += 1
            await self.clients[account].place_order(
                client_order_id=f"{instrument}-{side}-{quantity}-{self._orders}",
                instrument=instrument,
                side=side,
                quantity=quantity,
                price=price,
            )

    async def close_days(self, *dates: str) -> None:
        for date in dates:
            await self.exchange.do(commands.CloseDay(LOCAL_OPERATOR, date))

    async def units(self, account: str) -> dict[str, int]:
        return {unit.class_id: unit.total for unit in (await self.clients[account].holdings()).units}

    async def http(self, path: str) -> Any:
        address = self.exchange.url.replace("ws://", "http://").removesuffix("/ws")
        async with aiohttp.ClientSession(address) as session, session.get(path) as response:
            return await response.json()


async def refused(asking: Coroutine[Any, Any, Any]) -> int:
    """Number of the refusal that a request must get."""
    with pytest.raises(RejectedError) as error:
        await asking
    return error.value.code


@pytest.fixture
def story(dsn: str, tmp_path: Path) -> Story:
    """Gives the venue on its first day."""

    async def open_it() -> None:
        await migrate(dsn)
        async with running_exchange(dsn, Tap()) as exchange:
            await exchange.do(*opening())

    asyncio.run(open_it())
    return Story(dsn, tmp_path)


async def know_and_reduce(company: ExchangeClient) -> None:
    """Steps one and two: 39.42 t of electricity after a correction and 2.32 t of fuel, 1.5 t saved: 41 t to offset."""
    await company.open_offset_period(
        period=YEAR, organisation=ORGANISATION, first_day="2025-04-01", last_day="2026-03-31"
    )
    for entry, activity in (
        ("power", ActivityParams("本社の電力", 2, "100000", "kWh", "0.000438", "環境省 令和6年度")),
        ("fuel", ActivityParams("営業車の軽油", 1, "1000", "L", "0.00232", "環境省 算定・報告マニュアル")),
    ):
        await company.record_activity(period=YEAR, entry=entry, activity=activity)
    await company.correct_activity(
        period=YEAR,
        entry="power-2",
        corrects="power",
        activity=ActivityParams("本社の電力", 2, "90000", "kWh", "0.000438", "環境省 令和6年度"),
        reason="annex counted twice",
    )
    await company.record_reduction(
        period=YEAR, entry="led", measure="LED", tonnes="1.5", source="meter", in_activity=False
    )


async def offset(company: ExchangeClient, wanted: dict[str, int]) -> results.Retirement:
    """Step three: retire a mix and let it stand against the year, and not a unit more."""
    retirement = await company.retire(
        beneficiary=ORGANISATION, purpose="FY2025", reference="retire-fy2025", credits=wanted
    )
    more = {class_id: quantity + 1 for class_id, quantity in wanted.items()}
    allocation: dict[str, Any] = {
        "period": YEAR,
        "entry": "offset",
        "retirement_id": retirement.retirement_id,
    }
    assert RejectCode.RETIREMENT_NOT_ALLOCABLE == await refused(
        company.allocate_retirement(credits=more, **allocation)
    )
    await company.allocate_retirement(credits=wanted, **allocation)
    return retirement


def test_a_company_offsets_its_year(story: Story) -> None:
    """Forest sinks bought in Tokyo's category, CER beside them; both are retired, allocated, stated, certified and checked."""
    story.cli("admin", "calendars", "set", "XJPX")
    prices = ("--reference-price", "JC-RE-MIX", "2000", "--reference-price", "JC-OTHER", "1000")
    assert 10 == len(story.cli("admin", "instruments", "create-set", "tokyo", *prices))
    retirement_id = asyncio.run(buy_and_offset(story))

    report = story.cli("report", "offset", COMPANY, YEAR)
    assert [["41.74", "1.5", "40.24", "41.000", "41.000", "0.000", "0.000"]] == [
        list(row.values()) for row in report["t CO2e"]
    ]
    assert ["power", "fuel", "power-2"] == [row["Entry"] for row in report["Known"]]
    # As it stood on the day of the trades, before anything was settled and retired.
    before = story.cli("report", "offset", COMPANY, YEAR, "--date", "2026-11-23")
    assert ([], "41.000") == (before["Offset"], before["t CO2e"][0]["Left to offset"])
    assert story.invoke("report", "offset", COMPANY, YEAR).stdout.count("41.000") == 2
    assert "6200 UNKNOWN_OFFSET_PERIOD" in story.invoke("report", "offset", COMPANY, "FY1999").stderr
    assert [("41.000", "41.000")] == [
        (row["to_offset"], row["offset"]) for row in story.cli("offset", "list", COMPANY)
    ]
    assert "FY2025" in story.invoke("offset", "list", COMPANY).stdout
    key = story.invoke("certificate", "public-key").stdout.split()[-1]
    page = story.folder / "offset.html"
    for file in (story.folder / "offset.json", page):
        story.invoke("offset", "certificate", COMPANY, YEAR, "--format", file.suffix[1:], "-o", str(file))
        checked = CliRunner().invoke(main, ["offset", "verify", str(file), "--public-key", key])
        assert 0 == checked.exit_code, checked.output
    page.write_bytes(page.read_bytes().replace(b"41.000 t of", b"51.000 t of"))
    assert 1 == CliRunner().invoke(main, ["offset", "verify", str(page), "--public-key", key]).exit_code
    shown = story.invoke("certificate", "show", str(retirement_id)).stdout
    assert "J-CREDIT: invalidation (無効化), CDM: invalidation (無効化)" in shown
    assert "JC-FM-1042-1 to 21" in shown


async def buy_and_offset(story: Story) -> int:
    """The market's part; answers the retirement's number."""
    async with story.market() as market:
        company = market.clients[COMPANY]
        await know_and_reduce(company)
        await market.trade(FOREST, COMPANY, "JC-FOREST", 21, "7200")
        await market.trade(STOVES, COMPANY, "CER", 25, "410")
        # Forest sinks settle on the sixth business day counting the trade day.
        assert {CER.class_id: 25} == await market.units(COMPANY)
        await market.close_days("2026-11-30", "2026-12-01")
        assert {CER.class_id: 25, SINK.class_id: 21} == await market.units(COMPANY)
        retirement = await offset(company, {SINK.class_id: 21, CER.class_id: 20})
        extra = await company.retire(
            beneficiary=ORGANISATION, purpose="FY2025", reference="extra", credits={CER.class_id: 1}
        )
        assert RejectCode.OFFSET_EXCEEDS_REMAINDER == await refused(
            company.allocate_retirement(
                period=YEAR, entry="extra", retirement_id=extra.retirement_id, credits={CER.class_id: 1}
            )
        )
        await settle(story.dsn)
        rows = (await market.http("/api/v1/register/retirements"))["rows"]
        assert {("J-CREDIT", 21, "invalidation (無効化)"), ("CDM", 20, "invalidation (無効化)")} <= {
            (row["registry"], row["quantity"], row["use"]) for row in rows
        }
        return retirement.retirement_id


def test_potential_credits_of_a_sea_wall(story: Story) -> None:
    """Estimated from evidence, issued up to it, traded and never retired; half becomes credits, half ends; totals stay apart."""
    evidence, verified = story.folder / "evidence.json", story.folder / "report.txt"
    evidence.write_text(json.dumps(EVIDENCE, ensure_ascii=False), encoding="utf-8")
    verified.write_text("verified for 2027")
    issue_potential(story, evidence)
    asyncio.run(trade_potential(story))

    story.cli(
        "admin",
        "ex-ante",
        "convert",
        POTENTIAL,
        VERIFIED,
        "118",
        "--report",
        str(verified),
        "--reference",
        "v-2027",
    )
    story.cli(
        "admin", "ex-ante", "expire", POTENTIAL, "119", "--reason", "not verified", "--reference", "e-2027"
    )
    report = story.cli("report", "ex-ante")
    assert [[POTENTIAL, "SEAWALL", "防潮堤", 237, 237, 0, 118, 119]] == [
        list(row.values()) for row in report["Ex-ante classes"]
    ]
    assert [2026, 2027, 2028, 2029] == [row["Year"] for row in report["Years"]]
    asyncio.run(after_verification(story))

    findings = story.cli("ex-ante", "verify", str(evidence))
    assert [True] * 4 == [finding["good"] for finding in findings]
    assert "good  figures: 237 units over 4 years" in story.invoke("ex-ante", "verify", str(evidence)).stdout
    assert POTENTIAL in story.invoke("report", "ex-ante", "--csv").stdout
    assert 2 == story.invoke("ex-ante", "verify", str(verified)).exit_code
    evidence.write_text(
        json.dumps({**EVIDENCE, "discount_rate": "0.03"}, ensure_ascii=False), encoding="utf-8"
    )
    other = story.invoke("ex-ante", "verify", str(evidence))
    assert (1, True) == (other.exit_code, "no estimate on the log has SHA-256" in other.stdout)
    assert story.cli("settle", "--rebuild")["identical"]


def issue_potential(story: Story, evidence: Path) -> None:
    """The registrar's part: both classes, the estimate, the units, the listing."""
    described = ("--registry", "EXC", "--project", "SEAWALL", "--name", "防潮堤", "--country", "JP")
    story.cli(
        "admin", "classes", "register", POTENTIAL, *described, "--vintage", "2029", "--crediting", "ex_ante"
    )
    story.cli("admin", "classes", "register", VERIFIED, *described, "--vintage", "2027")
    early = story.invoke("admin", "units", "issue", LAB, POTENTIAL, "1")
    assert "refused: 6213 EX_ANTE_BEYOND_ESTIMATE" in early.stderr
    (estimated,) = story.cli("admin", "ex-ante", "estimate", POTENTIAL, str(evidence))["events"]
    assert 237 == estimated["units"]
    story.cli("admin", "units", "issue", LAB, POTENTIAL, "237", "--reference", "issue")
    story.cli(
        "admin", "instruments", "create", "SEAWALL", "--name", "Sea wall, potential", "--class", POTENTIAL,
        "--currency", "JPY", "--tick", "1", "--reference-price", "1500", "--band-ppm", "500000",
    )  # fmt: skip


async def trade_potential(story: Story) -> None:
    """The market's part before verification: 100 to the fund, 37 to the company, an offer left."""
    async with story.market() as market:
        await market.trade(LAB, FUND, "SEAWALL", 100, "1500")
        await market.trade(LAB, COMPANY, "SEAWALL", 37, "1600")
        await market.clients[LAB].place_order(
            client_order_id="rest",
            instrument="SEAWALL",
            side="sell",
            quantity=50,
            price="1700",
            time_in_force=TimeInForce.GTC,
        )
        assert RejectCode.EX_ANTE_NOT_RETIRABLE == await refused(
            market.clients[COMPANY].retire(
                beneficiary=ORGANISATION, purpose="x", reference="too-early", credits={POTENTIAL: 1}
            )
        )


async def after_verification(story: Story) -> None:
    """Everybody has their share of what was verified, orders are gone, and the register counts the two kinds apart."""
    async with story.market() as market:
        # 118 of 237: the fund's 100 give 49.8, the lab's 100 as many, the company's 37 give 18.4.
        found = [await market.units(account) for account in (FUND, LAB, COMPANY)]
        assert [{VERIFIED: 50}, {VERIFIED: 50}, {VERIFIED: 18}] == found
        assert [] == (await market.clients[LAB].open_orders()).orders
        retired = await market.clients[COMPANY].retire(
            beneficiary=ORGANISATION, purpose="x", reference="verified", credits={VERIFIED: 18}
        )
        assert 18 == retired.quantity
        await settle(story.dsn)
        path = "/api/v1/register/projects?registry=EXC&project=SEAWALL"
        assert {
            ("ex_ante", 237, 0, 0, 118, 119),
            ("ex_post", 118, 100, 18, 0, 0),
        } == {
            tuple(
                row[name]
                for name in ("crediting", "issued", "in_circulation", "retired", "converted", "expired")
            )
            for row in (await market.http(path))["rows"]
        }
