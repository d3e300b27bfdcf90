"""The process that signs for the venue: it publishes heads of the log and issues certificates. Nobody else needs its key.

It listens on a unix socket in a folder that only its user can enter. What takes it long takes nothing from trading: it
gives way to the other processes of the machine, and an order never waits for it.
"""

from __future__ import annotations

import os
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from exchange.log.heads import PublishedHeads
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.signing import VenueKey
from exchange.log.snapshots import SnapshotStore
from exchange.operations import child
from exchange.operations.certificate_desk import CertificateDesk
from exchange.operations.errors import ExitCode, OperationError
from exchange.operations.head_publishing import HeadPublisher
from exchange.operations.signer_app import create_signer_app
from exchange.operations.work import SignerWork
from exchange.registry.certificate_issuing import CertificateIssuer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from exchange.domain.state import State

log = structlog.get_logger()

_NICENESS: Final = 10


async def main(work: SignerWork, parent: child.Parent) -> None:
    """Serves until the end is asked for."""
    os.nice(_NICENESS)
    key = _venue_key(work)
    async with serve_signer(work.dsn, key, Path(work.heads), Path(work.socket)) as publisher:
        parent.report(child.Ready({"public_key": key.public_hex}))
        await parent.work_until_stop(publisher.run())


def _venue_key(work: SignerWork) -> VenueKey:
    path = Path(work.key)
    if not work.makes_key and not path.exists():
        raise OperationError(
            f"a standby signs with the key of the venue, and there is no {path}: copy it from the other exchange",
            ExitCode.USAGE,
        )
    key, created = VenueKey.load_or_create(path)
    if created:
        log.warning("made the venue's signing key: keep a copy", key=work.key, public_key=key.public_hex)
    return key


@asynccontextmanager
async def serve_signer(
    dsn: str, key: VenueKey, heads: Path, socket: Path, clock: Callable[[], int] = time.time_ns
) -> AsyncIterator[HeadPublisher]:
    """Serves on a unix socket what is signed with a key; heads are published while the publisher runs."""
    async with await LogReader.open(dsn, connections=4) as reader:

        async def recovered() -> State:
            return (await recover(reader, SnapshotStore(dsn))).state

        published = PublishedHeads(heads)
        publisher = HeadPublisher(reader, key, published, clock)
        desk = CertificateDesk(CertificateIssuer(reader, key, published), key, publisher, recovered)
        runner = web.AppRunner(create_signer_app(desk, key, published), access_log=None, shutdown_timeout=1)
        try:
            await runner.setup()
            await web.UnixSite(runner, str(socket)).start()
            yield publisher
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    child.run(SignerWork, main)
