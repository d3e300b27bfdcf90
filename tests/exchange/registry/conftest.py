"""A market that has traded, settled into real tables."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from exchange.log.reader import LogReader
from tests.exchange.registry.settled import (
    SettledMarket,
    trade,
)
from tests.market import Market

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def settled(dsn: str) -> SettledMarket:
    """Gives a market that has traded a little, settled."""
    settled = SettledMarket(dsn, Market())
    trade(settled.market, Random(1), 20)
    await settled.settle()
    return settled


@pytest.fixture
async def reader(settled: SettledMarket) -> AsyncIterator[LogReader]:
    """Gives a reader of its log."""
    async with await LogReader.open(settled.dsn, connections=2) as log_reader:
        yield log_reader
