"""Heads of the log are published by themselves, soon after whatever needs one."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exchange.log.heads import PublishedHeads, read_published
from exchange.operations import head_publishing
from exchange.operations.head_publishing import HEAD_DELAY_NS, HeadPublisher
from tests.exchange.registry.certificates import KEY, CertifiedMarket, Log, logged
from tests.market import BETA, V19

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest


class Publishing:
    """A publisher on a log, with a clock that the test sets."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.market = log.market
        self.now_ns = self.market.state.last_at
        self.start()

    def start(self) -> None:
        """A publisher that has only the log and the file to go by."""
        self.publisher = HeadPublisher(
            self.log.reader, KEY, PublishedHeads(self.log.heads), lambda: self.now_ns
        )

    async def retire(self) -> int:
        """Beta retires a unit; the seq."""
        assert isinstance(self.market, CertifiedMarket)
        seq = self.market.retire((V19, 1))
        await self.log.append()
        self.now_ns = self.market.state.last_at
        return seq

    async def go_on(self, events: int) -> None:
        """Other things happen."""
        for _ in range(events):
            self.market.deposit_cash(BETA, 1)
        await self.log.append()

    async def published(self) -> list[int]:
        """Seqs of the heads after everything was done that is due."""
        while await self.publisher.step():
            pass
        heads = read_published(self.log.heads)
        assert all(head.is_genuine and self.log.head(head.seq).hash == head.hash for head in heads)
        return [head.seq for head in heads]


@asynccontextmanager
async def publishing(dsn: str) -> AsyncIterator[Publishing]:
    """A log with events of which none needs a head."""
    async with logged(dsn, CertifiedMarket()) as log:
        yield Publishing(log)


async def test_a_head_follows_a_retirement(dsn: str) -> None:
    """After a delay, in which further retirements share it; a log without retirements needs none."""
    async with publishing(dsn) as at:
        assert [] == await at.published()
        await at.retire()
        assert [] == await at.published()
        at.now_ns += HEAD_DELAY_NS - 1
        assert [] == await at.published()
        second = await at.retire()
        at.now_ns += HEAD_DELAY_NS
        assert [second] == await at.published()
        await at.go_on(3)
        assert [second] == await at.published()


async def test_a_head_follows_the_end_of_a_day(dsn: str) -> None:
    """Whether or not anything was retired."""
    async with publishing(dsn) as at:
        at.market.close_day("2026-11-24")
        await at.log.append()
        at.now_ns += HEAD_DELAY_NS * 2
        assert [at.market.state.last_seq] == await at.published()


async def test_every_retirement_is_within_a_proofs_reach(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the log grows quickly a head comes before its time, and after a long absence each retirement gets one it can use."""
    monkeypatch.setattr(head_publishing, "MAX_PROOF_EVENTS", 10)
    monkeypatch.setattr(head_publishing, "_SOONER_EVENTS", 5)
    monkeypatch.setattr(head_publishing, "_LOOK_EVENTS", 7)
    async with publishing(dsn) as at:
        first = await at.retire()
        await at.go_on(4)
        assert [] == await at.published()
        await at.go_on(1)
        assert [first + 5] == await at.published()
        await at.go_on(25)
        second = await at.retire()
        await at.go_on(30)
        third = await at.retire()
        at.now_ns += HEAD_DELAY_NS
        at.start()
        assert [first + 5, second + 10, third] == await at.published()
