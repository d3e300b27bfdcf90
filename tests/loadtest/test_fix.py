"""The measurement of orders over FIX: both protocols, the same requests, all answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from click.testing import CliRunner

from loadtest import fix

if TYPE_CHECKING:
    import pytest


def test_both_protocols_are_measured(dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Over one and eight connections, with as many requests each; every answer came. The figures make tables."""
    arguments = ["--orders", "400", "--rounds", "1", "--json", "--dsn", dsn]
    result = CliRunner().invoke(fix.main, arguments, catch_exceptions=False)
    report = msgspec.json.decode(result.stdout, type=fix.Report)
    assert [("websocket", 1, 400), ("FIX", 1, 400), ("websocket", 8, 400), ("FIX", 8, 400)] == [
        (row.protocol, row.connections, row.requests) for row in report.throughput
    ]
    assert all(row.per_s > 0 and row.server_us > 0 for row in report.throughput)
    for measured in (report.fix_place, report.websocket_place):
        assert 100 == measured.samples
        assert 0 < measured.p50_ms <= measured.p99_ms
    fix.show(report)
    shown = capsys.readouterr().out
    for words in ("One order at a time", "Many in flight", "exchange up --gateways 0 --fix", "host: "):
        assert words in shown
