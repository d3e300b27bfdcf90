"""`exchange replay --speed`: a session of the past on a read-only websocket, to ordinary clients."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from exchange.domain.events import Fill
from exchange.domain.rejects import RejectCode
from exchange.log.lease import WriterIdentity
from exchange.log.migrations import migrate
from exchange.log.writer import LogWriter
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from gateway.websocket.client import ExchangeClient, RejectedError, SigningKey
from tests.exchange.log.test_requests import rows_of
from tests.exchange.operations.running import EXCHANGE
from tests.market import PROJECT, Market

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.faults

TRADES = 6


async def session_of_trades(dsn: str) -> tuple[int, list[int]]:
    """Writes a log; answers the last seq before its trades, and the seqs of those."""
    market = Market()
    market.alpha.place(market.alpha.sell(100, 1000))
    begin = market.state.last_seq
    for _ in range(TRADES):
        # Half a second apart, so that a client has come before the last one at this speed.
        market.at += 500_000_000
        market.beta.place(market.beta.buy(2, 1000))
    await migrate(dsn)
    async with await LogWriter.open(dsn, WriterIdentity.of_this_process()) as writer:
        await writer.append(rows_of(market))
    return begin, [item.seq for item in market.recorded if isinstance(item.event, Fill)]


async def test_a_session_is_shown_again(tmp_path: Path, dsn: str) -> None:
    """A client sees the trades of then in their order, finds nothing later, and cannot log on."""
    begin, fills = await session_of_trades(dsn)
    process = await asyncio.create_subprocess_exec(
        *EXCHANGE, "replay", "--dsn", dsn, "--data-dir", str(tmp_path), "--from", str(begin), "--speed", "2x",
        "--http", "127.0.0.1:0",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(60):
        line = (await process.stdout.readline()).decode()
        found = re.fullmatch(
            rf"events {begin + 1} to (\d+) at http://\S+ and (ws://\S+); Ctrl-C ends it\n", line
        )
        assert found is not None, line
        async with await ExchangeClient.connect(found[2]) as client:
            stream = await client.trades(PROJECT.symbol)
            seen = [trade.trade_id for trade in (await client.market_trades(PROJECT.symbol)).trades]
            while seen[-1:] != fills[-1:]:
                seen += [
                    trade.trade_id
                    for trade in (await anext(stream)).data.trades
                    if trade.trade_id not in seen
                ]
        assert fills == seen
        with pytest.raises(RejectedError) as refused:
            await ExchangeClient.connect(found[2], key=SigningKey.generate("alpha-key"))
        assert RejectCode.LOGON_FAILED == refused.value.code
        process.send_signal(signal.SIGINT)
        assert 0 == await process.wait()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--speed", "fast"), "'fast' is no speed such as 10x"),
        (("--speed", "0"), "'0' is no speed"),
        (("--speed", "10x", "--book", "X"), "--speed goes with --from, --to and --http only"),
        (("--http", "127.0.0.1:0"), "--from and --http go with --speed"),
        (("--speed", "10x", "--from", "9", "--to", "9", "--http", "127.0.0.1:0"), "there is nothing to show"),
    ],
)
def test_wrong_usage(dsn: str, arguments: tuple[str, ...], message: str) -> None:
    """What cannot be shown is said in one sentence."""
    asyncio.run(session_of_trades(dsn))
    result = CliRunner().invoke(main, ["replay", "--dsn", dsn, *arguments])

    assert ExitCode.USAGE == result.exit_code
    assert message in result.stderr
