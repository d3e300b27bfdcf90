"""The read side of a registry under test."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exchange.registry.statement_reading import find_span, read_statement
from exchange.registry.view import RegistryReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from exchange.registry.statement import Statement
    from exchange.registry.view import RegistryView


@asynccontextmanager
async def viewed(dsn: str) -> AsyncIterator[RegistryView]:
    """All tables as of the checkpoint."""
    async with await RegistryReader.open(dsn) as reader, reader.view() as view:
        yield view


async def statement(
    dsn: str,
    account: str,
    date: str = "",
    since: str = "",
    *,
    seq: int = 0,
    after_seq: int = 0,
    limit: int | None = None,
    most_blocks: int | None = None,
) -> Statement:
    """A statement of dates, or up to an event."""
    async with viewed(dsn) as view:
        span = await find_span(view, date, since, seq, after_seq)
        return await read_statement(view, account, span, limit, most_blocks)
