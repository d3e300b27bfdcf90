"""A corporate buyer takes 234,000 credits of the forest of Laguna Om in Quintana Roo: book, block trade, shares, certificate, reversal."""

from __future__ import annotations

import asyncio
import csv
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from click.testing import CliRunner

from exchange.domain import commands
from exchange.domain.carbon.basket_forms import BasketRule
from exchange.domain.carbon.issuance_forms import RecordIssuance
from exchange.domain.carbon.label_forms import GiveLabel
from exchange.domain.carbon.proceeds_forms import NameProceeds, ProceedsShare, ShareRole
from exchange.domain.carbon.project_forms import Mitigation, Project, RegisterProject
from exchange.domain.carbon.reversal_forms import ReportReversal, ReversalCause
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.instruments import CreditClass, Instrument
from exchange.domain.serials import SerialBlock
from exchange.log.migrations import migrate
from exchange.operations.cli import main
from exchange.registry.serials import parse, text_of
from gateway.websocket.client import ExchangeClient, SigningKey
from tests.exchange.registry.settled import settle
from tests.gateway.exchange import RunningExchange, Tap, running_exchange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from exchange.domain.commands import Command

BY = LOCAL_OPERATOR
PROJECT = "CAR1568"
V24, V25, V25_CCP = f"CAR-{PROJECT}-2024", f"CAR-{PROJECT}-2025", f"CAR-{PROJECT}-2025-CCP"
DEVELOPER, BUYER = "developer", "buyer"
EJIDO, RESERVE = "ejido", "reserve"
SHARES = (
    ProceedsShare(ShareRole.COMMUNITY, EJIDO, 615_000),
    ProceedsShare(ShareRole.DEVELOPER, DEVELOPER, 375_000),
    ProceedsShare(ShareRole.REGISTRY_FEE, RESERVE, 10_000),
)
FOREST = Instrument(
    symbol="MX-FOREST",
    name="Forest restoration in Mexico",
    classes=(),
    currency="USD",
    tick=1,
    price_decimals=2,
    lot=1,
    minimum_quantity=1,
    maximum_quantity=1_000_000,
    reference_price_ticks=2000,
    band_ppm=200_000,
    maker_fee_ppm=1000,
    taker_fee_ppm=2000,
    rule=BasketRule(
        registries=("CAR",),
        project_types=("Forestry - MX",),
        countries=("MX",),
        vintage_from=2024,
        mitigation=Mitigation.REMOVAL,
    ),
)
CASH_CENTS = 500_000_000
Json = dict[str, Any]


class Data:
    """What the public registers say of the project."""

    def __init__(self, folder: Path) -> None:
        def rows(name: str) -> list[dict[str, str]]:
            with (folder / "carbon" / name).open(encoding="utf-8", newline="") as file:
                return [row for row in csv.DictReader(file) if row["project_id"] == PROJECT]

        self.plain, self.labelled = sorted(rows("issuances_with_buffer.csv"), key=lambda row: row["ccp"])
        blocks = [parse(row["serial"], "CAR").to_block() for row in rows("serial_blocks.csv")]
        first, second = sorted({block.batch for block in blocks if "-2024-" in block.batch})
        # Batches begin with 1; what is known of this one are its parts that were retired.
        self.v24 = (_from_one(blocks, first), _from_one(blocks, second))
        (self.v25_ccp,) = [block for block in blocks if "-2025-" in block.batch]
        # Of the issuance without the label the totals are known, and no serial numbers.
        size = int(self.plain["total"]) - int(self.plain["buffer"])
        self.v25 = SerialBlock("CAR", self.v25_ccp.batch.replace("-9680-", "-9678-"), 1, size)


def _from_one(blocks: list[SerialBlock], batch: str) -> SerialBlock:
    return SerialBlock("CAR", batch, 1, max(block.last for block in blocks if block.batch == batch))


class Story:
    """The exchange, both clients, and the command line."""

    def __init__(self, exchange: RunningExchange, clients: dict[str, ExchangeClient], folder: Path) -> None:
        self.exchange = exchange
        self.clients = clients
        self.folder = folder

    async def operate(self, *asked: Command) -> None:
        """What the operator does, one after the other."""
        for command in asked:
            event = (await self.exchange.do(command))[0]
            assert not isinstance(event, RequestRefused), event

    async def run(self, *arguments: str, needs_the_exchange: bool = True) -> str:
        """What a command prints."""
        place = ["--dsn", self.exchange.dsn, "--data-dir", str(self.folder)] if needs_the_exchange else []
        result = await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *place])
        assert 0 == result.exit_code, result.output
        return result.stdout

    async def report(self, *arguments: str) -> Json:
        """A report as JSON: twice the same bytes."""
        first, again = [await self.run("report", *arguments, "--json") for _ in range(2)]
        assert first == again
        content: Json = json.loads(first)
        return content

    async def get(self, path: str) -> Json:
        """A resource of the public register."""
        address = self.exchange.url.replace("ws://", "http://").removesuffix("/ws")
        async with aiohttp.ClientSession() as session, session.get(f"{address}/api/v1{path}") as response:
            content: Json = await response.json()
            return content


@pytest.fixture
async def story(dsn: str, tmp_path: Path) -> AsyncIterator[Story]:
    """Gives an exchange with a developer and a buyer."""
    await migrate(dsn)
    keys = {account: SigningKey.generate(f"{account}-key") for account in (DEVELOPER, BUYER)}
    async with running_exchange(dsn, Tap()) as exchange:
        clients: dict[str, ExchangeClient] = {}
        told = Story(exchange, clients, tmp_path)
        for account, key in keys.items():
            await told.operate(
                commands.AdmitParticipant(BY, account.upper(), account.title()),
                commands.OpenAccount(BY, account, account.upper()),
                commands.RegisterKey(BY, f"{account}-key", account.upper(), Role.TRADER, key.public_hex),
            )
            clients[account] = await ExchangeClient.connect(exchange.url, key=key)
        yield told
        for client in clients.values():
            await client.close()


async def set_up(story: Story, data: Data) -> None:
    """The project, its issuances with what the buffer pool keeps, and what the developer brings to market."""
    about = data.plain
    name, methodology = about["project_name"], about["methodology"]
    await story.operate(
        RegisterProject(
            BY,
            Project(
                "CAR",
                PROJECT,
                name,
                "MX",
                about["project_type"],
                methodology,
                Mitigation(about["reduction_removal"].lower()),
                owner="Ejido Laguna Om",
            ),
        ),
        *[commands.AdmitParticipant(BY, account.upper(), account.title()) for account in (EJIDO, RESERVE)],
        *[commands.OpenAccount(BY, account, account.upper()) for account in (EJIDO, RESERVE)],
        NameProceeds(BY, "CAR", PROJECT, DEVELOPER, SHARES),
        commands.ListInstrument(BY, FOREST),
        *[
            commands.RegisterClass(BY, CreditClass(class_id, "CAR", PROJECT, name, vintage, country="MX"))
            for class_id, vintage in ((V24, 2024), (V25, 2025), (V25_CCP, 2025))
        ],
        GiveLabel(BY, V25_CCP, "CCP", "2025-12-31"),
        *[
            RecordIssuance(
                BY,
                class_id,
                "2025-12-31",
                int(row["total"]),
                int(row["buffer"]),
                f"issuance-{number}",
            )
            for number, (class_id, row) in enumerate(((V25, data.plain), (V25_CCP, data.labelled)))
        ],
        *[
            commands.DepositUnits(BY, DEVELOPER, class_id, block.quantity, (block,), f"deposit-{number}")
            for number, (class_id, block) in enumerate(
                ((V24, data.v24[0]), (V24, data.v24[1]), (V25, data.v25), (V25_CCP, data.v25_ccp))
            )
        ],
        commands.DepositCash(BY, BUYER, "USD", CASH_CENTS, "wire-1"),
    )


async def buy_on_the_book(story: Story) -> int:
    """34,000 credits in two orders; answers the cash for them in cents, fees included."""
    for number, (quantity, price) in enumerate(((20_000, "20.00"), (30_000, "20.10"))):
        await story.clients[DEVELOPER].place_order(
            client_order_id=f"s{number}", instrument="MX-FOREST", side="sell", quantity=quantity, price=price
        )
    for number, quantity in enumerate((20_000, 14_000)):
        report = await story.clients[BUYER].place_order(
            client_order_id=f"b{number}", instrument="MX-FOREST", side="buy", quantity=quantity, price="20.10"
        )
        assert 0 == report.remaining
    await story.clients[DEVELOPER].cancel_all()
    amount = 20_000 * 2000 + 14_000 * 2010
    return amount + 2 * amount // 1000


async def buy_a_block(story: Story, data: Data) -> int:
    """200,000 credits of three classes by serial number, agreed off the book; answers the cash in cents."""
    first, second = data.v24
    rest = SerialBlock("CAR", first.batch, 34_001, first.last)
    missing = 200_000 - rest.quantity - second.quantity - data.v25_ccp.quantity
    part = SerialBlock("CAR", data.v25.batch, 1, missing)
    serials = [(V24, rest), (V24, second), (V25, part), (V25_CCP, data.v25_ccp)]
    terms: Json = {
        "trade_reference": "LOXICHA-2026-1",
        "instrument": "MX-FOREST",
        "price": "19.50",
        "quantity": 200_000,
        "serials": [(class_id, text_of(block)) for class_id, block in serials],
    }
    await story.clients[BUYER].key_block(counterparty=DEVELOPER, side="buy", **terms)
    keyed = await story.clients[DEVELOPER].key_block(counterparty=BUYER, side="sell", **terms)
    assert keyed.trade is not None
    return 200_000 * 1950 + 200_000 * 1950 // 1000


async def check_shares(story: Story) -> None:
    """What the sales brought, less the seller's fees, is the community's, the developer's and the registry's, to the cent."""
    await settle(story.exchange.dsn)
    # 399,600.00 and 3,896,100.00 divide without a rest; of 281,118.60 the odd cents are the community's and the registry's.
    expected = {
        EJIDO: ("community", "2814743.44"),
        DEVELOPER: ("developer", "1716306.97"),
        RESERVE: ("registry_fee", "45768.19"),
    }
    report = await story.report("proceeds", f"CAR/{PROJECT}")
    assert expected == {row["Account"]: (row["Role"], row["Amount"]) for row in report["Paid"]}
    assert 3 * 3 == len(report["Primary sales"])
    for account, (_, amount) in expected.items():
        statement = json.loads(await story.run("statement", account, "--json"))
        assert [amount] == [cash["closing"] for cash in statement["cash"]]
        paid = [one for one in statement["movements"] if one["kind"] == "proceeds_paid"]
        assert (6 if account == DEVELOPER else 3) == len(paid)
    disclosed = await story.get(f"/register/projects/CAR/{PROJECT}")
    assert [615_000, 375_000, 10_000] == [share["ppm"] for share in disclosed["proceeds"]]


async def certify(story: Story, seq: int, heads: Path) -> str:
    """Export a certificate, and check it with nothing but a published head; answers what the check says."""
    file = story.folder / "certificate.pdf"
    await story.run("certificate", "export", str(seq), "--format", "pdf", "--output", str(file))
    await story.run("log", "head", "--publish", str(heads))
    return await story.run(
        "certificate", "verify", str(file), "--heads", str(heads), needs_the_exchange=False
    )


async def test_mexican_forest(story: Story, data_dir: Path) -> None:
    """What was bought on the book and as a block is paid, shared, owned, retired in part, certified; a fire is the pool's to bear."""
    data = Data(data_dir)
    await set_up(story, data)
    spent = await buy_on_the_book(story) + await buy_a_block(story, data)

    held = {one.class_id: one.total for one in (await story.clients[BUYER].holdings()).units}
    assert {V24: 157_950, V25: 60_247, V25_CCP: 15_803} == held
    assert 234_000 == sum(held.values())
    (cash,) = (await story.clients[BUYER].balances()).cash
    assert f"{(CASH_CENTS - spent) / 100:.2f}" == cash.total
    await check_shares(story)

    retired = await story.clients[BUYER].retire(
        credits={V25_CCP: 15_803, V24: 44_197},
        beneficiary="Cervecería del Valle",
        purpose="Footprint of 2025",
        reference="footprint-2025",
    )
    heads = story.folder / "published.jsonl"
    assert "Good: every byte was checked." in await certify(story, retired.retirement_id, heads)

    fire = ReportReversal(
        BY, "CAR", PROJECT, "fire-2026", ReversalCause.UNINTENTIONAL, "2026-04-30", 12_000, "wildfire"
    )
    await story.operate(fire)

    issued = await story.report("issuances")
    assert [("29.1547", 34_427), ("29.0932", 6_484)] == [
        (row["Buffer share in %"], row["Buffer"]) for row in issued["Issuances"]
    ]
    contributed = {"Registry": "CAR", "Contributed": 40_911, "Retired for reversals": 12_000, "Left": 28_911}
    assert [contributed] == issued["Buffer pools"]
    found = await story.report("reversals", "fire-2026")
    assert [(12_000, 0, 0)] == [
        (row["Retired by the pool"], row["Not covered"], row["Owed"]) for row in found["Reversals"]
    ]
    assert [
        (retired.retirement_id, "Cervecería del Valle", V25_CCP, 15_803, "covered by the pool"),
        (retired.retirement_id, "Cervecería del Valle", V24, 44_197, "covered by the pool"),
    ] == [
        (row["Certificate"], row["Beneficiary"], row["Class"], row["Units"], row["Cover"])
        for row in found["Certificates touched"]
    ]
    (public,) = (await story.get("/register/reversals"))["reversals"]
    assert (12_000, "wildfire") == (public["retired_by_pool"], public["reason"])
    assert "Good: every byte was checked." in await certify(story, retired.retirement_id, heads)
