"""The demo market: its data are the registries', its set-up is idempotent, its traders keep to the rules, and it moves."""

import asyncio
import csv
import itertools
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import commands
from exchange.domain.carbon.parties import party_of_account
from exchange.domain.carbon.technology_search import find_technologies
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.order_entry import price_band
from exchange.domain.orders import Side
from exchange.domain.serials import SerialBlock
from exchange.domain.venue import Venue
from exchange.operations.demo.catalogue import load
from exchange.operations.demo.seeding import missing, slice_blocks
from exchange.operations.demo.stories import (
    BLUE_BASKET,
    MANGROVE_BLOCK,
    MANGROVE_CLASS,
    REFRIGERATOR_CLASS,
    SALES_ACCOUNT,
    SEA_WALL_CLASS,
    SEA_WALL_UNITS,
    story_commands,
)
from exchange.operations.demo.strategy import Limits, Stock, Walk, quotes, take
from exchange.registry.serials import parse
from tests.exchange.operations.running import RunningExchange
from tests.waiting import eventually

CATALOGUE = load()
STORY_INSTRUMENTS = len([one for one in story_commands() if isinstance(one, commands.ListInstrument)])
DEMO_DIR = Path(sys.modules["exchange.operations.demo"].__path__[0])


def seeded_venue() -> Venue:
    """A venue with the demo market set up by its own commands."""
    venue = Venue()
    venue.execute(commands.OpenVenue(LOCAL_OPERATOR, "Demo", "2026-11-20"), 1)
    for command in missing(CATALOGUE, venue.state, public_keys()):
        kinds = [event.kind for event in venue.execute(command, 2).events]
        assert "request_refused" not in kinds
    return venue


def public_keys() -> dict[str, str]:
    everybody = (*CATALOGUE.participants, *CATALOGUE.actors)
    return {participant.key_id: f"{number:064x}" for number, participant in enumerate(everybody)}


VENUE = seeded_venue()


def test_projects_and_serial_numbers_are_the_registries_own(data_dir: Path) -> None:
    """Every serial block of the demo is in the public data, with the project, name and vintage that it has there."""
    with (data_dir / "carbon" / "serial_blocks.csv").open(encoding="utf-8", newline="") as file:
        source = {row["serial"]: row for row in csv.DictReader(file)}
    classes = {credit_class.class_id: credit_class for credit_class in CATALOGUE.classes}
    with (DEMO_DIR / "serial_blocks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            original, credit_class = source[row["serial"]], classes[row["class_id"]]
            serial = parse(row["serial"])
            assert (
                original["registry"],
                original["project_id"].removeprefix(original["registry"]),
                " ".join(original["project_name"].split()),
                int(original["vintage"]),
                int(original["quantity"]),
            ) == (
                credit_class.registry,
                credit_class.project,
                credit_class.name,
                credit_class.vintage,
                serial.quantity,
            )
            assert (credit_class.country, credit_class.project) == (
                serial.fields.country,
                serial.fields.project,
            )


def test_the_set_up_hands_out_every_unit_once_and_is_idempotent() -> None:
    """All units of all blocks are somebody's, and nothing is missing afterwards."""
    venue = seeded_venue()
    state = venue.state
    state.ledger.check()
    assert {
        class_id: sum(block.quantity for block in blocks) for class_id, blocks in CATALOGUE.blocks.items()
    } == {class_id: state.ledger.supply[class_id] for class_id in CATALOGUE.blocks}
    assert [] == without_day_close(missing(CATALOGUE, state, public_keys()))
    registries = {credit_class.registry for credit_class in CATALOGUE.classes}
    assert {"VCS", "GS", "CAR", "ACR", "ART"} == registries
    assert {"EUR", "USD"} == {instrument.currency for instrument in CATALOGUE.instruments}
    assert len([instrument for instrument in CATALOGUE.instruments if len(instrument.classes) > 1]) >= 2
    for instrument in CATALOGUE.instruments:
        if instrument.rule is not None:
            delivering = set(state.listings[instrument.symbol].deliverable)
            assert set(CATALOGUE.delivers[instrument.symbol]) == delivering & set(CATALOGUE.blocks)


def test_the_stories_are_set_up(data_dir: Path) -> None:
    """The forest has its registry's serials and buffer, its shares, its label, its basket and its technology; the sea wall its
    estimate; a part of the JCM's credits went to Japan.
    """
    state, carbon = VENUE.state, VENUE.state.carbon
    with (data_dir / "carbon" / "issuances_with_buffer.csv").open(encoding="utf-8", newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["project_id"] == "CAR1428"]
    (issuance,) = carbon.issuances.of_class[MANGROVE_CLASS.class_id]
    assert (int(row["total"]), int(row["buffer"])) == (issuance.total, issuance.buffer)
    assert issuance.total - issuance.buffer == MANGROVE_BLOCK.quantity
    assert row["project_name"] == carbon.projects.of_class(MANGROVE_CLASS).name
    assert (MANGROVE_CLASS.class_id,) == state.listings[BLUE_BASKET].deliverable
    assert SALES_ACCOUNT == carbon.proceeds.terms["CAR/1428"][-1].sales_account
    assert ["ROOT-LIDAR"] == [one.technology for one in find_technologies(state, "san crisanto")]
    assert carbon.ex_ante.estimated(SEA_WALL_CLASS.class_id) > SEA_WALL_UNITS
    assert "JPN" == party_of_account(state, "HARIMA-1")
    assert 180 == state.ledger.balance("HARIMA-1", REFRIGERATOR_CLASS.class_id).total


def test_a_lost_key_is_replaced() -> None:
    """A key whose private half is another one now is revoked and registered anew."""
    state = seeded_venue().state
    keys = public_keys()
    key_id = CATALOGUE.visitor.key_id
    keys[key_id] = "f" * 64
    found = without_day_close(missing(CATALOGUE, state, keys))
    assert [commands.RevokeKey, commands.RegisterKey] == [type(command) for command in found]


def without_day_close(found: list[commands.Command]) -> list[commands.Command]:
    """The commands but the one that depends on today's date."""
    return [command for command in found if not isinstance(command, commands.CloseDay)]


@given(
    sizes=st.lists(st.integers(1, 50), min_size=1, max_size=5),
    cuts=st.lists(st.integers(0, 100), max_size=6).map(sorted),
)
def test_slices_tile_the_blocks(sizes: list[int], cuts: list[int]) -> None:
    """However blocks are cut, each unit is in exactly one slice."""
    blocks = [SerialBlock("R", f"B{number}", 10, 9 + size) for number, size in enumerate(sizes)]
    total = sum(sizes)
    bounds = [0, *(total * cut // 100 for cut in cuts), total]
    handed_out = [
        (block.batch, number)
        for begin, end in itertools.pairwise(bounds)
        for block in slice_blocks(blocks, begin, end)
        for number in range(block.first, block.last + 1)
    ]
    everything = [(block.batch, number) for block in blocks for number in range(block.first, block.last + 1)]
    assert everything == handed_out


@given(
    seed=st.integers(0, 2**32),
    surplus=st.floats(-1, 1),
    symbol=st.sampled_from(range(len(CATALOGUE.instruments))),
)
def test_traders_keep_to_the_instruments_terms(seed: int, surplus: float, symbol: int) -> None:
    """Quotes and takes lie inside the band, on the lot, within the limits; a maker's bids lie below its asks."""
    instrument = CATALOGUE.instruments[symbol]
    listing = VENUE.state.listings[instrument.symbol]
    low, high = price_band(listing)
    random = Random(seed)
    walk = Walk(listing.reference_price, Limits(listing.reference_price, low, high), random)
    stock = Stock(surplus, 1000, 3000)
    for step in range(20):
        walk.step(1.0 if step % 3 else -1.0)
        made = quotes(instrument, walk, stock, random)
        taken = take(instrument, walk, stock, random)
        bids = [quote.price for quote in made if quote.side is Side.BUY]
        asks = [quote.price for quote in made if quote.side is Side.SELL]
        assert max(bids, default=0) < min(asks, default=high + 1)
        orders = [(quote.price, quote.quantity) for quote in made]
        for price, quantity in [*orders, (taken.price, taken.quantity)]:
            assert low <= price <= high
            assert 0 == quantity % instrument.lot
            assert instrument.minimum_quantity <= quantity <= instrument.maximum_quantity
        if taken.side is Side.SELL:
            assert taken.quantity <= max(stock.available, instrument.lot)


async def traded_since(exchange: RunningExchange, seq: int) -> bool:
    """Whether a fill came after an event."""
    events = await exchange.last_events(400)
    return any(event["kind"] == "fill" and event["seq"] > seq for event in events)


async def check_scenes(exchange: RunningExchange) -> None:
    """Raise unless the mangroves' first sale was shared, and the bus company's year is offset."""
    proceeds = await exchange.command_json("report", "proceeds", "CAR/1428")
    shares = {row["Role"]: row["Amount"] for row in proceeds["Paid"]}
    # 26,400.00 less the seller's fee of 13.20.
    assert {"community": "15832.08", "developer": "10158.92", "registry_fee": "395.80"} == shares
    offset = await exchange.command_json("report", "offset", "TOWA-1", "FY2025")
    (sums,) = offset["t CO2e"]
    assert "0.000" == sums["Left to offset"]


@pytest.mark.faults
async def test_the_demo_market_moves_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Prices move at once, the printed snippet trades, the data stay without --demo, and with it the market goes on."""
    data_dir = tmp_path / "data"
    async with await RunningExchange.start(data_dir, "--demo", "--gateways", "2") as exchange:
        demo = exchange.facts["demo"]
        assert "VISITOR-1" == demo["account"]
        await eventually(lambda: traded_since(exchange, 0), "a fill")
        script = await asyncio.create_subprocess_exec(
            sys.executable, "-c", demo["snippet"], stdout=asyncio.subprocess.PIPE
        )
        stdout, _ = await script.communicate()
        assert b"OrderReport(" in stdout
        assert b"status=<OrderStatus.FILLED" in stdout
        exchange.children("gateway_process")[0].kill()
        await exchange.logged("is ready again")
        exchange.child("engine_process").kill()
        await exchange.logged("engine is ready again")
        before = (await exchange.command_json("status"))["seq"]
        await eventually(lambda: traded_since(exchange, before), "a trade after the engine's restart")
        await check_scenes(exchange)
        assert 0 == await exchange.stop()

    async with await RunningExchange.start(data_dir) as exchange:
        assert exchange.facts["demo"] is None
        kept = await exchange.command_json("status")
        assert (len(CATALOGUE.instruments) + STORY_INSTRUMENTS, len(public_keys()) + 1) == (
            len(kept["instruments"]),
            kept["participants"],
        )

    async with await RunningExchange.start(data_dir, "--demo") as exchange:
        (set_up,) = [line for line in exchange.log() if line["event"] == "demo market set up"][-1:]
        assert 0 == set_up["changes"]
        await eventually(lambda: traded_since(exchange, kept["seq"]), "a trade after the restart")
