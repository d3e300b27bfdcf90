"""The command that measures the book."""

import gc
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from loadtest import book, engines, flow
from matching.book import OrderBook

ROWS = """\
action,side,ioc,quantity,seq,order_id,price
N,S,0,10,0,1,100
N,S,0,10,1,2,101
M,S,0,5,2,2,100
N,B,1,20,3,3,100
C,S,0,10,4,1,100
M,S,0,5,5,2,100
N,B,0,5,6,4,99
M,B,0,7,7,4,98
C,B,0,5,8,4,99
"""

REPORT = [
    "0,0,1,1,100,10",
    "0,1,1,2,101,10",
    "3,2,1,2,100,5",
    "0,3,0,3,100,20",
    "1,3,100,10,1,3",
    "1,3,100,5,2,3",
    "2,3,0,3,100",
    "4,4,1",
    "5,5,2",
    "0,6,0,4,99,5",
    "3,7,0,4,98,7",
    "2,8,0,4,98",
]


@pytest.fixture
def flow_file(tmp_path: Path) -> Path:
    """Gives a small file with every kind of message and report."""
    path = tmp_path / "small.csv.gz"
    path.write_bytes(gzip.compress(ROWS.encode()))
    return path


@pytest.fixture(autouse=True)
def garbage_collector() -> Iterator[None]:
    """Gives the collector back its setting: measuring changes it for the whole process."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_report_has_a_line_of_each_type(flow_file: Path) -> None:
    """Accepts, fills, cancels, modifies and both refusals are reported as the published stream has them."""
    messages = flow.read_flow(flow_file)
    assert REPORT == flow.report_lines(messages, flow.drive(OrderBook(), messages))


def test_json_has_the_figures(flow_file: Path) -> None:
    """A script gets counts, digest and speeds of every file as one object."""
    result = CliRunner().invoke(book.main, [str(flow_file), str(flow_file), "--repeat", "2", "--json"])
    assert 0 == result.exit_code
    report = json.loads(result.stdout)
    assert 2 == len(report["files"])
    for file in report["files"]:
        assert (9, 2, flow.report_sha256(REPORT), 2) == (
            file["messages"],
            file["fills"],
            file["sha256"],
            file["runs"],
        )
        assert 0 < file["median_per_s"] <= file["best_per_s"]
        assert [] == file["compared"]


def test_text_says_what_is_timed(flow_file: Path) -> None:
    """A person reads the counts, the digest, what is timed and the collector's setting."""
    result = CliRunner().invoke(book.main, [str(flow_file), "--repeat", "1"])
    assert 0 == result.exit_code
    assert flow.report_sha256(REPORT) in result.stdout
    assert "without reading and reporting" in result.stdout
    assert "garbage collector: what was loaded is frozen" in result.stdout


def test_our_engine_is_driven_like_the_others(flow_file: Path) -> None:
    """A run of the comparison counts the fills and digests their prices and quantities."""
    run = engines.timed_run(engines.OURS, flow_file)
    assert (engines.OURS, 9, 2) == (run.engine, run.messages, run.fills)
    assert hashlib.sha256(b"100,10\n100,5").hexdigest() == run.fills_sha256
