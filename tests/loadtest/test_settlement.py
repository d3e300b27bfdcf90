"""The measurement of settlement: it measures what it says."""

import msgspec
from click.testing import CliRunner

from loadtest import settlement
from loadtest.fill_history import FillHistory


def run(*arguments: str) -> str:
    result = CliRunner().invoke(settlement.main, list(arguments), catch_exceptions=False)
    assert 0 == result.exit_code
    return result.stdout


def test_every_round_settles_the_whole_log(dsn: str) -> None:
    """Speed, processor time, a bare COPY and ten looks at the memory for each round; on a server of somebody else no time of it."""
    text = run("--fills", "1000", "--rounds", "2", "--json", "--dsn", dsn)
    report = msgspec.json.decode(text, type=settlement.Report)

    assert (1000, 2) == (report.fills, len(report.rounds))
    assert report.events > 2 * report.fills
    assert report.movements > max(report.fills, report.holdings) > 0
    for one in report.rounds:
        assert min(one.fills_per_s, one.processor_us_per_fill, one.bare_copy_rows_per_s) > 0
        assert one.postgres_us_per_fill is None
        assert 10 == len(one.memory_mb)
        assert min(one.memory_mb) > 0


def test_figures_for_people() -> None:
    """Without --json there are lines with the circumstances, and a server of our own is measured, too."""
    text = run("--fills", "1000", "--rounds", "1")

    assert all(
        word in text for word in ("cores", "1,000 fills in", "bare COPY", "us/fill", "after each tenth, MB")
    )


def test_the_history_is_always_the_same() -> None:
    """Two runs settle the same events."""
    first, second = FillHistory(1), FillHistory(1)

    assert [*first.opening(), *first.trades(500)] == [*second.opening(), *second.trades(500)]
