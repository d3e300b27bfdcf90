"""The command that measures the FIX codec."""

import gc
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from gateway.fix.decoding import decode
from gateway.fix.dictionary import FROM_VENUE, TO_VENUE
from gateway.fix.encoding import encode
from loadtest import fix_codec


@pytest.fixture(autouse=True)
def garbage_collector() -> Iterator[None]:
    """Gives the collector back its setting: measuring changes it for the whole process."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_json_has_a_speed_for_everything() -> None:
    """A script gets the figures as one object; ours and the bare ones handled the same messages."""
    result = CliRunner().invoke(fix_codec.main, ["--messages", "100", "--repeat", "2", "--json"])
    assert 0 == result.exit_code, result.output
    report = json.loads(result.stdout)
    assert list(fix_codec.MEASURED) == [speed["what"] for speed in report["speeds"]]
    assert (100, 2) == (report["messages"], report["runs"])
    for speed in report["speeds"]:
        assert 0 < speed["median_per_s"] <= speed["best_per_s"]


def test_text_says_what_is_measured() -> None:
    """A person reads the unit, the sizes of the messages and the host."""
    result = CliRunner().invoke(fix_codec.main, ["--messages", "20", "--repeat", "1"])
    assert 0 == result.exit_code, result.output
    assert "messages per second of processor time" in result.stdout
    assert "bytes on average" in result.stdout


def test_mix_is_valid() -> None:
    """Every message of the mix passes the dictionary: nothing is measured that would be refused."""
    for number in range(10):
        report = fix_codec.execution_report(number, fix_codec.START_NS)
        header = "49=A\x0156=B\x0134=1\x0152=20261123-00:00:00\x01"
        assert decode(encode("8", header, report.fields), FROM_VENUE).problem is None
        request = fix_codec.request(number, fix_codec.START_NS)
        assert decode(encode(request.msg_type, header, request.fields), TO_VENUE).problem is None


def test_bare_ways_do_the_same_work() -> None:
    """The bare join gives the same length as the encoder, the bare splits see every message."""
    mix = fix_codec.Mix(20)
    assert {20} == {run(mix) for run in fix_codec.MEASURED.values()}
    for report, pairs in zip(mix.reports, mix.flat_reports, strict=True):
        assert encode("8", "", report.fields).count(b"\x01") == len(pairs) + 4
