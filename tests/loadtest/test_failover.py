"""The measurement of fail-over: it measures what it says, and nothing is lost."""

import msgspec
import pytest
from click.testing import CliRunner

from loadtest import failover
from loadtest.failover import Death


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(240)
def test_each_death_once(dsn: str) -> None:
    """The engine is killed, then the whole exchange: the other opens within three seconds, and every word of it holds."""
    result = CliRunner().invoke(
        failover.main, ["--rounds", "1", "--json", "--dsn", dsn], catch_exceptions=False
    )
    assert 0 == result.exit_code
    report = msgspec.json.decode(result.stdout, type=failover.Report)

    assert [Death.ENGINE, Death.EXCHANGE] == [one.death for one in report.rounds]
    for one in report.rounds:
        assert 0 < one.opened_ms < 3000
        assert one.opened_ms < one.answered_ms
        assert one.acknowledged > 100
        assert (0, 0) == (one.lost, one.pushes_wrong)
