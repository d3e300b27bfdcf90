"""`exchange certificate` and `exchange log head`, from the log to a file that is checked without it."""

import asyncio
import json
import stat
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from exchange.log.heads import PublishedHeads, read_published, sign_head
from exchange.log.signing import VenueKey
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode
from tests.exchange.registry.certificates import KEY, CertifiedMarket, Log, logged
from tests.market import BETA, V19, V20

FORMATS = ["json", "html", "pdf"]


class Venue:
    """A log with one retirement and some events behind it, and the command line on it."""

    def __init__(self, dsn: str, folder: Path) -> None:
        self.dsn, self.folder = dsn, folder
        self.market = CertifiedMarket()
        self.seq = self.market.retire((V19, 5), (V20, 7))
        for _ in range(4):
            self.market.deposit_cash(BETA, 100)
        self.last_seq = self.market.state.last_seq
        self.log = asyncio.run(self._write())

    async def _write(self) -> Log:
        async with logged(self.dsn, self.market) as log:
            return log

    def run(self, *arguments: str) -> Result:
        """A command that needs the log."""
        return CliRunner().invoke(main, [*arguments, "--dsn", self.dsn, "--data-dir", str(self.folder)])

    def succeed(self, *arguments: str) -> str:
        """Standard output of a command that needs the log."""
        result = self.run(*arguments)
        assert 0 == result.exit_code, result.output
        return result.stdout

    def hash_at(self, seq: int) -> str:
        """Hash of an event, hexadecimal text."""
        return self.log.head(seq).hash

    def export(self, file_format: str) -> Path:
        """The certificate, exported."""
        path = self.folder / f"certificate.{file_format}"
        self.succeed("certificate", "export", str(self.seq), "--format", file_format, "-o", str(path))
        return path


@pytest.fixture
def venue(dsn: str, tmp_path: Path) -> Venue:
    """Gives a venue whose data folder is `tmp_path / "data"`."""
    (tmp_path / "data").mkdir()
    return Venue(dsn, tmp_path / "data")


def check(*arguments: str) -> Result:
    """`exchange certificate verify`: it needs no exchange, so it gets none."""
    return CliRunner().invoke(main, ["certificate", "verify", *arguments])


def test_the_head_is_printed(venue: Venue) -> None:
    """Seq, hash and time of the last event, or of one that is named; a seq that is not there is refused."""
    last = venue.log.head(venue.last_seq)
    assert {"seq": last.seq, "hash": last.hash, "recorded_at": last.recorded_at} == json.loads(
        venue.succeed("log", "head", "--json")
    )
    earlier = venue.succeed("log", "head", "--seq", str(venue.seq)).split()
    assert ["seq", str(venue.seq), "hash", venue.hash_at(venue.seq), "recorded", "at"] == earlier[:6]
    beyond = venue.run("log", "head", "--seq", str(venue.last_seq + 1))
    assert (
        ExitCode.USAGE,
        f"exchange: the log has no event {venue.last_seq + 1}; it ends at {venue.last_seq}\n",
    ) == (beyond.exit_code, beyond.stderr)


def test_heads_are_signed_and_published(venue: Venue, tmp_path: Path) -> None:
    """With the venue's own key or another; a file gets each head once, and never two hashes for one event."""
    other, _ = VenueKey.load_or_create(tmp_path / "other.pem")
    signed = json.loads(venue.succeed("log", "head", "--sign", str(tmp_path / "other.pem"), "--json"))
    assert signed == msgspec.to_builtins(sign_head(venue.log.head(venue.last_seq), other))
    file = tmp_path / "published.jsonl"
    for _ in range(2):
        venue.succeed("log", "head", "--publish", str(file))
    venue.succeed("log", "head", "--seq", str(venue.seq), "--publish", str(file), "--json")
    venue.succeed("log", "head", "--publish")
    own = venue.succeed("certificate", "public-key").strip()
    heads = read_published(file)
    assert [venue.last_seq, venue.seq] == [head.seq for head in heads]
    assert [(True, own)] * 2 == [(head.is_genuine, head.public_key) for head in heads]
    assert heads[:1] == read_published(venue.folder / "heads.jsonl")
    file.unlink()
    PublishedHeads(file).publish(
        sign_head(msgspec.structs.replace(venue.log.head(venue.last_seq), hash="ab" * 32), KEY)
    )
    refused = venue.run("log", "head", "--publish", str(file))
    assert ExitCode.LOG_UNUSABLE == refused.exit_code
    assert f"has another hash for event {venue.last_seq}" in refused.stderr


def test_the_venue_has_one_key(venue: Venue) -> None:
    """It is made when it is first needed, said once, and kept from others; no other folder gets one."""
    first = venue.run("certificate", "public-key")
    path = venue.folder / "keys" / "venue.pem"
    key = VenueKey.load(path).public_hex
    assert (f"{key}\n", 0o600) == (first.stdout, stat.S_IMODE(path.stat().st_mode))
    assert (
        f"exchange: made the venue's signing key {path}: keep a copy, and publish its public half {key}\n"
        == first.stderr
    )
    assert (f"{key}\n", "") == ((again := venue.run("certificate", "public-key")).stdout, again.stderr)
    path.chmod(0o644)
    assert ExitCode.USAGE == venue.run("certificate", "public-key").exit_code
    elsewhere = ["certificate", "public-key", "--dsn", venue.dsn, "--data-dir", str(venue.folder / "none")]
    assert ExitCode.NOT_AVAILABLE == CliRunner().invoke(main, elsewhere).exit_code


def test_the_certificate_is_shown(venue: Venue) -> None:
    """For people with its serial numbers, for scripts as the whole signed object."""
    shown = venue.succeed("certificate", "show", str(venue.seq))
    for text in (
        f"Certificate of Retirement {venue.seq}, Test Venue",
        "12 tonnes of CO₂ equivalent",
        "Müller & Söhne",
        "opening-2019 [200001 to 200005]",
        "GS 7548",
        venue.hash_at(venue.last_seq),
    ):
        assert text in shown
    found = json.loads(venue.succeed("certificate", "show", str(venue.seq), "--json"))
    assert found == json.loads(venue.export("json").read_bytes())
    refused = venue.run("certificate", "show", str(venue.seq + 1))
    assert (
        ExitCode.REFUSED,
        f"refused: 4015 UNKNOWN_RETIREMENT: event {venue.seq + 1} is no retirement, but of kind cash_deposited\n",
    ) == (refused.exit_code, refused.stderr)


@pytest.mark.parametrize("file_format", FORMATS)
def test_an_exported_certificate_is_checked_offline(venue: Venue, file_format: str) -> None:
    """Against the published heads, or a head and the key; without them it says what was not checked."""
    venue.succeed("log", "head", "--seq", str(venue.seq + 2), "--publish")
    venue.succeed("log", "head", "--publish")
    file = str(venue.export(file_format))
    heads = str(venue.folder / "heads.jsonl")
    head = f"{venue.seq + 2}:{venue.hash_at(venue.seq + 2)}"
    key = venue.succeed("certificate", "public-key").strip()
    good = [
        check(file, "--heads", heads),
        check(file, "--heads", heads, "--public-key", key),
        check(file, "--head", head, "--public-key", key),
        check(file, "--head", head.upper(), "--public-key", key.upper()),
    ]
    assert [0, 0, 0, 0] == [result.exit_code for result in good]
    assert "Good: every byte was checked." in good[0].stdout
    partly = [check(file), check(file, "--head", head), check(file, "--public-key", key)]
    assert [2, 2, 2] == [result.exit_code for result in partly]
    assert "no published head was given" in partly[0].stdout
    assert "whether this is in the log" not in partly[1].stdout
    wrong = [
        check(file, "--head", f"{venue.seq}:{'ab' * 32}", "--public-key", key),
        check(file, "--heads", heads, "--head", f"{venue.seq}:{'ab' * 32}"),
        check(file, "--head", head, "--public-key", KEY.public_hex),
    ]
    assert [1, 1, 1] == [result.exit_code for result in wrong]


def test_a_changed_certificate_is_reported(venue: Venue) -> None:
    """For people with the place, for scripts as an object; the exit code says it, too."""
    venue.succeed("log", "head", "--publish")
    file, heads = venue.export("json"), str(venue.folder / "heads.jsonl")
    file.write_bytes(file.read_bytes().replace("Müller".encode(), "Möller".encode(), 1))
    people, script = check(str(file), "--heads", heads), check(str(file), "--heads", heads, "--json")
    assert [1, 1] == [people.exit_code, script.exit_code]
    said = "certificate.beneficiary: by the log's event it is 'Müller & Söhne', the certificate says 'Möller & Söhne'"
    assert f"bad        statement: {said}\n" in people.stdout
    assert people.stdout.endswith("Bad: this is not what the venue gave out.\n")
    report = json.loads(script.stdout)
    assert ("bad", "json", venue.seq) == (report["verdict"], report["file_format"], report["number"])
    assert {"what": "statement", "verdict": "bad", "text": said} in report["findings"]


def test_what_cannot_be_used_to_check_is_refused(venue: Venue, tmp_path: Path) -> None:
    """Exit code 2 for options that make no sense, heads that nobody signed, and files that are not there."""
    file = str(venue.export("json"))
    venue.succeed("log", "head", "--publish")
    heads = venue.folder / "heads.jsonl"
    forged, broken = tmp_path / "forged.jsonl", tmp_path / "broken.jsonl"
    forged.write_bytes(heads.read_bytes().replace(b'"recorded_at":1', b'"recorded_at":2'))
    broken.write_bytes(b"{}\n")
    refused = [
        check(file, "--head", "12"),
        check(file, "--head", f"x:{'ab' * 32}"),
        check(file, "--head", f"1:{'zz' * 32}"),
        check(file, "--public-key", "ab"),
        check(file, "--heads", str(forged)),
        check(file, "--heads", str(broken)),
        check(file, "--heads", str(heads), "--public-key", KEY.public_hex),
        check(file, "--heads", str(tmp_path / "none")),
        check(str(tmp_path / "none")),
    ]
    assert [2] * len(refused) == [result.exit_code for result in refused]
    assert f"the head of event {venue.last_seq} is not signed by the venue's key" in refused[4].stderr
    assert "line 1 of" in refused[5].stderr


def test_a_damaged_log_gives_no_certificate(venue: Venue) -> None:
    """What was published binds: exit code 7, as for every damaged log."""
    heads = venue.folder / "lies.jsonl"
    PublishedHeads(heads).publish(
        sign_head(msgspec.structs.replace(venue.log.head(venue.seq), hash="ab" * 32), KEY)
    )
    result = venue.run("certificate", "show", str(venue.seq), "--heads", str(heads))
    assert ExitCode.LOG_UNUSABLE == result.exit_code
    assert f"broken at event {venue.seq}: its published hash is abab" in result.stderr
