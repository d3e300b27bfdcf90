"""The measurement of appends: it measures what it says."""

import msgspec
from click.testing import CliRunner

from exchange.log.chain import GENESIS
from exchange.log.record import seal
from loadtest import append
from loadtest.event_mix import EventMix


def run(*arguments: str) -> str:
    result = CliRunner().invoke(append.main, list(arguments), catch_exceptions=False)
    assert 0 == result.exit_code
    return result.stdout


def test_every_size_is_measured_by_every_way(dsn: str) -> None:
    """The report has a row for each size with a positive time for each way, and the latency of one event."""
    report = msgspec.json.decode(
        run("--events", "20", "--rounds", "2", "--json", "--dsn", dsn), type=append.Report
    )

    assert [(size, 2 * max(1, 20 // size)) for size in append.SIZES] == [
        (row.events, row.appends) for row in report.sizes
    ]
    assert all(min(row.function_ms, row.copy_ms, row.bare_copy_ms) > 0 for row in report.sizes)
    assert 200 == report.single.appends
    assert 0 < report.single.append_p50_ms <= report.single.append_p99_ms


def test_a_table_for_people(dsn: str) -> None:
    """Without --json the figures come as a table with the circumstances below it."""
    text = run("--events", "1", "--rounds", "1", "--dsn", dsn)

    assert all(
        word in text for word in ("Appending to the log", "5,000", "bare INSERT p50", "host: ", "Postgres 1")
    )


def test_the_mix_is_always_the_same() -> None:
    """Two runs append the same events, whose kinds come in the shares that the report names."""
    first, second = EventMix().take(10_000, 1, 7), EventMix().take(10_000, 1, 7)
    kinds = [recorded.event.kind for recorded in first]

    assert first == second
    assert [48, 42, 10] == [
        round(100 * kinds.count(kind) / 10_000) for kind in ("order_accepted", "order_cancelled", "fill")
    ]
    assert list(range(1, 10_001)) == [row.seq for row in seal(first, 1, GENESIS)]
