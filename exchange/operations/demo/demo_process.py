"""The demo market's process: sets the market up where that is still to be done, then trades like any participant."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.engine.client import EngineClient, EngineUnreachable
from exchange.engine.interface import EngineStopped
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.operations import child
from exchange.operations.admin.participants import write_key
from exchange.operations.demo.catalogue import Catalogue, load
from exchange.operations.demo.market import DemoMarket
from exchange.operations.demo.scenes import play
from exchange.operations.demo.seeding import seed
from exchange.operations.engine_runtime import wait_for_engine
from exchange.operations.work import DemoWork
from gateway.websocket.client import SigningKey

if TYPE_CHECKING:
    from exchange.domain.state import State

_SNIPPET = """\
import asyncio
from pathlib import Path
from gateway.websocket.client import ExchangeClient, SigningKey

async def main():
    key = SigningKey.from_file(Path({key_file!r}))
    async with await ExchangeClient.connect({url!r}, key=key) as client:
        print(await client.place_order(
            client_order_id="my-first", instrument={instrument!r}, side="buy", quantity=100, order_type="market"
        ))

asyncio.run(main())
"""

log = structlog.get_logger()


async def main(work: DemoWork, parent: child.Parent) -> None:
    """Runs the demo market until the end is asked for."""
    catalogue = load()
    keys_dir = Path(work.keys_dir)
    keys = {
        participant.key_id: _key(keys_dir, participant.key_id)
        for participant in (*catalogue.participants, *catalogue.actors)
    }
    changes = await _set_up(work, parent, catalogue, keys)
    log.info("demo market set up", changes=changes)
    market = DemoMarket(catalogue, work.seed, f"demo-{time.time_ns():x}")
    closer = _DayCloser(Path(work.socket))
    try:
        await market.start(work.url, keys)
        await play(work.url, keys)
        parent.report(child.Ready(_facts(work, catalogue)))
        await parent.work_until_stop(market.run(closer.look))
    finally:
        await market.close()


async def _set_up(
    work: DemoWork, parent: child.Parent, catalogue: Catalogue, keys: dict[str, SigningKey]
) -> int:
    # Where an engine answers, the database does, too.
    engine = await wait_for_engine(work.dsn, Path(work.socket), parent.waits)
    async with await LogReader.open(work.dsn, connections=2) as reader:
        state: State = (await recover(reader, SnapshotStore(work.dsn))).state
    try:
        return await seed(engine, catalogue, state, {key_id: key.public_hex for key_id, key in keys.items()})
    finally:
        await engine.close()


def _key(keys_dir: Path, key_id: str) -> SigningKey:
    path = keys_dir / f"{key_id}.pem"
    if not path.exists():
        write_key(path)
    return SigningKey.from_file(path)


def _facts(work: DemoWork, catalogue: Catalogue) -> dict[str, object]:
    """What somebody needs who wants to trade here."""
    visitor = catalogue.visitor
    key_file = Path(work.keys_dir) / f"{visitor.key_id}.pem"
    return {
        "url": work.url,
        "account": visitor.account,
        "key_id": visitor.key_id,
        "private_key_file": str(key_file),
        "instruments": [instrument.symbol for instrument in catalogue.instruments],
        "snippet": _SNIPPET.format(
            key_file=str(key_file), url=work.url, instrument=catalogue.instruments[-1].symbol
        ),
    }


class _DayCloser:
    """Closes the business date when the calendar (UTC) has moved on, as an operator would."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._closing: asyncio.Task[None] | None = None

    def look(self, business_date: str) -> None:
        """Hears the business date."""
        today = datetime.now(UTC).date().isoformat()
        if business_date < today and (self._closing is None or self._closing.done()):
            self._closing = asyncio.create_task(self._close(today))

    async def _close(self, today: str) -> None:
        try:
            engine = await EngineClient.connect(self._socket)
        except EngineUnreachable:
            # It will be heard of again.
            return
        try:
            await engine.submit(commands.CloseDay(LOCAL_OPERATOR, today))
        except EngineStopped:
            return
        finally:
            await engine.close()


if __name__ == "__main__":
    child.run(DemoWork, main)
