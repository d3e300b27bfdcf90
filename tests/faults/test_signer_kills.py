"""`kill -9` of the process that signs: heads stay whole and true, every retirement gets one, and certificates come again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest

from exchange.log.heads import read_published
from exchange.log.signing import VenueKey
from exchange.operations.work import SignerWork
from exchange.registry.certificate import HeadReference
from exchange.registry.certificate_verification import Trust, Verdict, verify
from tests.exchange.registry.certificates import CertifiedMarket, logged
from tests.faults.processes import ChildProcess
from tests.market import BETA, V19
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exchange.registry.certificates import Log

pytestmark = pytest.mark.faults

ROUNDS = 3


async def certificate(socket: str, seq: int, form: str) -> bytes:
    """What the process gives out."""
    async with (
        aiohttp.ClientSession("http://signer", connector=aiohttp.UnixConnector(socket)) as session,
        session.get(f"/api/v1/retirements/{seq}/certificate.{form}") as answer,
    ):
        assert 200 == answer.status, await answer.text()
        return await answer.read()


def check_heads(log: Log, heads: Path, key: VenueKey, retirements: list[int]) -> None:
    """Each head is signed by the one key and says what the log says; the last one covers all retirements."""
    published = read_published(heads)
    for head in published:
        assert (True, key.public_hex) == (head.is_genuine, head.public_key)
        assert log.head(head.seq).hash == head.hash
    assert len(published) == len({head.seq for head in published})
    assert max(head.seq for head in published) >= max(retirements)


async def test_kills_of_the_signing_process(dsn: str, tmp_path: Path) -> None:
    """Killed at random moments, once in the middle of a line, and started again each time."""
    chance = random.Random(11)
    market = CertifiedMarket()
    heads = tmp_path / "heads.jsonl"
    work = SignerWork(dsn, str(tmp_path / "s.sock"), str(tmp_path / "venue.pem"), str(heads), makes_key=True)
    retirements: list[int] = []
    async with logged(dsn, market) as log:
        for _ in range(ROUNDS):
            signer = await ChildProcess.spawn(work, "exchange.operations.signer_process")
            assert await signer.ready()
            for _ in range(chance.randrange(1, 4)):
                retirements.append(market.retire((V19, 1)))
                market.deposit_cash(BETA, 1)
                await log.append()
            size = heads.stat().st_size if heads.exists() else 0
            if chance.random() < 0.5:
                await eventually(lambda size=size: heads.exists() and heads.stat().st_size > size, "a head")  # type: ignore[misc]
            signer.kill()
            await signer.ended()
            with heads.open("ab") as file:
                file.write(b'{"seq":99,"ha')
        signer = await ChildProcess.spawn(work, "exchange.operations.signer_process")
        assert await signer.ready()

        def covered() -> bool:
            return any(head.seq >= retirements[-1] for head in read_published(heads))

        await eventually(covered, "heads of all retirements")
        key = VenueKey.load(tmp_path / "venue.pem")
        check_heads(log, heads, key, retirements)
        trust = Trust(
            tuple(HeadReference(head.seq, head.hash) for head in read_published(heads)), key.public_hex
        )
        for seq in retirements:
            assert Verdict.GOOD == verify(await certificate(work.socket, seq, "json"), trust).verdict
        assert Verdict.GOOD == verify(await certificate(work.socket, retirements[0], "pdf"), trust).verdict
        signer.kill()
        await signer.ended()


async def test_a_standby_makes_no_key(dsn: str, tmp_path: Path) -> None:
    """Where the venue's key is missing, the signing process of a standby ends for good and says what to do."""
    work = SignerWork(
        dsn,
        str(tmp_path / "s.sock"),
        str(tmp_path / "venue.pem"),
        str(tmp_path / "heads.jsonl"),
        makes_key=False,
    )
    async with logged(dsn, CertifiedMarket()):
        signer = await ChildProcess.spawn(work, "exchange.operations.signer_process")
        assert not await signer.ready()
        assert 78 == await signer.ended()
    assert "copy it from the other exchange" in str(msgspec.to_builtins(signer.reports[-1]))
    assert not (tmp_path / "venue.pem").exists()
