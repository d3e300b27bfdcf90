"""The order flow with a known answer: the book reproduces the published digests."""

import gzip
from pathlib import Path

import pytest

from loadtest import flow
from matching.book import OrderBook


@pytest.mark.parametrize(
    ("name", "messages", "fills", "sha256"),
    [
        ("normal", 199_526, 7_130, "a1b4c2e8f66ff15f7168fc42ae238e11e59c8bfee1e7c764984ead369a4a6b17"),
        ("flash-crash", 199_478, 7_158, "16232b8b65288db3f84698ae7f4955f98f02d8abc43c3e2b8338f0005cf32103"),
        ("static", 199_613, 81, "294d0aaaeec65a47533da7216ba3e6ff9a0e05735f4a530e78e458f129c03f26"),
    ],
)
def test_report_stream_has_the_known_digest(
    data_dir: Path, name: str, messages: int, fills: int, sha256: str
) -> None:
    """Every accept, fill, cancel, modify and refusal is the one of the reference, in its order."""
    rows = flow.read_flow(data_dir / "flow" / f"{name}.csv.gz")
    answers = flow.drive(OrderBook(), rows)
    assert messages == len(rows)
    assert fills == flow.count_fills(answers)
    assert sha256 == flow.report_sha256(flow.report_lines(rows, answers))


def test_a_file_with_other_columns_is_refused(tmp_path: Path) -> None:
    """A file of another shape is an error, not a wrong digest."""
    path = tmp_path / "other.csv.gz"
    path.write_bytes(gzip.compress(b"side,action\nB,N\n"))
    with pytest.raises(ValueError, match="has the columns"):
        flow.read_flow(path)
