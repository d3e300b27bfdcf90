"""The process that settles: it follows the log and keeps the registry's tables."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.operations import child
from exchange.operations.work import SettlementWork
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore, SettlementHeld

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger()

_RETRY_S: Final = 0.5


async def main(work: SettlementWork, parent: child.Parent) -> None:
    """Settles until the end is asked for, and then what the log has by then."""

    def on_wait(why: str) -> None:
        parent.report(child.Waiting(why))

    async with await LogReader.open(work.dsn, connections=2) as reader:
        # Nobody waits for us: what comes is settled when we get to it.
        parent.report(child.Ready())
        async with await _open_store(work.dsn, parent.stop, on_wait) as store:
            settlement = await Settlement.resume(reader, store)
            log.info("settling", after_event=settlement.checkpoint.seq)
            child.quieten_collector()
            await settlement.follow(parent.stop)
            log.info("settled", seq=settlement.checkpoint.seq)


async def _open_store(dsn: str, stop: asyncio.Event, on_wait: Callable[[str], None]) -> RegistryStore:
    """The right to settle; waits while somebody else has it."""
    told = False
    while True:
        try:
            return await RegistryStore.open(dsn, WriterIdentity.of_this_process())
        except SettlementHeld as held:
            if stop.is_set():
                raise
            if not told:
                on_wait(str(held))
                told = True
        await asyncio.sleep(_RETRY_S)


if __name__ == "__main__":
    child.run(SettlementWork, main)
