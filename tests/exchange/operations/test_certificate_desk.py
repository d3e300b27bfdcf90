"""The desk that hands certificates out: what it keeps, how many may wait, and what operators' heads cannot cover."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from exchange.domain.rejects import Reject, RejectCode
from exchange.log.heads import LogHead, PublishedHeads, read_published, sign_head
from exchange.operations import certificate_desk
from exchange.operations.certificate_desk import CertificateDesk
from exchange.operations.head_publishing import HeadPublisher
from exchange.registry import certificate_issuing
from exchange.registry.certificate import from_json
from exchange.registry.certificate_files import FileFormat
from tests.exchange.registry.certificates import KEY, CertifiedMarket, Log, logged
from tests.market import BETA, V19
from tests.waiting import eventually

if TYPE_CHECKING:
    from exchange.domain.state import State


def desk_of(log: Log) -> CertificateDesk:
    """A desk on a log."""

    async def recovered() -> State:
        return log.market.state

    return CertificateDesk(
        log.issuer, KEY, HeadPublisher(log.reader, KEY, PublishedHeads(log.heads)), recovered
    )


def market_with(retirements: int) -> tuple[CertifiedMarket, list[int]]:
    """A market with retirements, and their seqs."""
    market = CertifiedMarket()
    return market, [market.retire((V19, 1)) for _ in range(retirements)]


async def test_only_so_many_wait(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more certificate than may be in the making is refused with the time to come again; the others are made."""
    monkeypatch.setattr(certificate_desk, "MOST_WAITING", 2)
    market, seqs = market_with(3)
    async with logged(dsn, market) as log:
        log.publish(market.state.last_seq)
        desk = desk_of(log)
        answers = await asyncio.gather(
            *(desk.file(seq, FileFormat.JSON) for seq in seqs), return_exceptions=True
        )
        assert isinstance(answers[2], Reject)
        assert (RejectCode.BUSY, 2_000) == (answers[2].code, getattr(answers[2], "retry_after_ms", 0))
        made = [from_json(answer).certificate.number for answer in answers if isinstance(answer, bytes)]
        assert seqs[:2] == made
        assert seqs[2] == from_json(await desk.file(seqs[2], FileFormat.JSON)).certificate.number


async def test_only_so_much_is_kept(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for longest ago is dropped when memory has had enough, and made again when somebody asks."""
    market, seqs = market_with(3)
    async with logged(dsn, market) as log:
        log.publish(market.state.last_seq)
        desk = desk_of(log)
        first = await desk.file(seqs[0], FileFormat.JSON)
        monkeypatch.setattr(certificate_desk, "MOST_KEPT_BYTES", 2 * len(first) + 10)
        await desk.file(seqs[1], FileFormat.JSON)
        await desk.file(seqs[0], FileFormat.JSON)
        await desk.file(seqs[2], FileFormat.JSON)
        assert [seqs[0], seqs[2]] == [seq for seq, _ in desk._kept]
        assert desk._kept_bytes == sum(map(len, desk._kept.values()))
        assert seqs[1] == from_json(await desk.file(seqs[1], FileFormat.JSON)).certificate.number


async def test_who_goes_away_takes_nothing_from_others(dsn: str) -> None:
    """A client that leaves while its certificate is made does not end it for another one."""
    market, (seq,) = market_with(1)
    async with logged(dsn, market) as log:
        log.publish(seq)
        desk = desk_of(log)
        leaving = asyncio.create_task(desk.file(seq, FileFormat.PDF))
        staying = asyncio.create_task(desk.file(seq, FileFormat.PDF))
        await eventually(lambda: desk._making, "the certificate in the making")
        leaving.cancel()
        assert b"%PDF-" == (await staying)[:5]
        assert {} == desk._making


async def test_a_head_too_far_away_is_helped(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first head lies beyond a proof's reach, one is published for the retirement itself."""
    monkeypatch.setattr(certificate_issuing, "MAX_PROOF_EVENTS", 3)
    market, (seq,) = market_with(1)
    for _ in range(5):
        market.deposit_cash(BETA, 1)
    async with logged(dsn, market) as log:
        log.publish(market.state.last_seq)
        certificate = from_json(await desk_of(log).file(seq, FileFormat.JSON)).certificate
        assert seq == certificate.proof.head.seq
        assert [market.state.last_seq, seq] == [head.seq for head in read_published(log.heads)]


async def test_a_damaged_log_gives_no_certificate(dsn: str) -> None:
    """The public hears that there is none now; what is wrong stands in the log file of the operators."""
    market, (seq,) = market_with(1)
    async with logged(dsn, market) as log:
        PublishedHeads(log.heads).publish(sign_head(LogHead(seq, "ab" * 32, 0), KEY))
        with pytest.raises(Reject, match="3013 UNAVAILABLE: this certificate cannot be issued now"):
            await desk_of(log).file(seq, FileFormat.JSON)
