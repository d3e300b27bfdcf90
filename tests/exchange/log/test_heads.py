"""Published heads: read from the log, signed, and kept in a file that only grows."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.log.chain import ChainBroken
from exchange.log.heads import (
    HeadsUnusable,
    LogHead,
    PublishedHeads,
    SignedHead,
    _parse,
    read_head,
    read_published,
    sign_head,
)
from exchange.log.reader import LogReader
from exchange.log.signing import VenueKey
from exchange.log.writer import LogWriter
from tests.exchange.log.conftest import append
from tests.exchange.log.samples import SECOND_NS, START_NS, mixed

KEY = VenueKey(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
HEADS = [LogHead(seq, f"{seq:064x}", START_NS + seq) for seq in (5, 9, 14)]


async def test_the_head_is_the_last_event(writer: LogWriter, reader: LogReader) -> None:
    """Seq, hash and time are those of the last event, or of an earlier one on request; an empty log has none."""
    with pytest.raises(ChainBroken):
        await read_head(reader)
    rows = await append(writer, mixed(12))
    assert LogHead(12, rows[11].hash.hex(), START_NS + 12 * SECOND_NS) == await read_head(reader)
    assert LogHead(7, rows[6].hash.hex(), START_NS + 7 * SECOND_NS) == await read_head(reader, 7)


def test_a_signed_head_vouches_for_all_of_it() -> None:
    """Another seq, hash, time or key does not fit the signature."""
    signed = sign_head(HEADS[0], KEY)
    other = VenueKey(Ed25519PrivateKey.generate())
    assert signed.is_genuine
    changed = [
        msgspec.structs.replace(signed, **change).is_genuine
        for change in (
            {"seq": 6},
            {"hash": "0" * 64},
            {"recorded_at": 1},
            {"public_key": other.public_hex},
            {"signature": sign_head(HEADS[1], KEY).signature},
        )
    ]
    assert [False] * 5 == changed


def test_heads_are_added_in_the_order_of_publication(tmp_path: Path) -> None:
    """A file that is missing is empty; publishing the same head twice adds it once."""
    path = tmp_path / "heads.jsonl"
    signed = [sign_head(head, KEY) for head in HEADS]
    assert [] == read_published(path)
    assert [True, True, False, True] == [
        PublishedHeads(path).publish(signed[index]) for index in (0, 2, 0, 1)
    ]
    assert [signed[0], signed[2], signed[1]] == read_published(path)
    assert 3 == path.read_bytes().count(b"\n")


def test_another_hash_for_the_same_event_is_refused(tmp_path: Path) -> None:
    """The venue never publishes two stories; the file stays as it was."""
    path = tmp_path / "heads.jsonl"
    PublishedHeads(path).publish(sign_head(HEADS[0], KEY))
    before = path.read_bytes()
    with pytest.raises(HeadsUnusable, match="has another hash for event 5"):
        PublishedHeads(path).publish(sign_head(msgspec.structs.replace(HEADS[0], hash="f" * 64), KEY))
    assert before == path.read_bytes()


def test_a_line_that_was_cut_short_was_never_published(tmp_path: Path) -> None:
    """What a writer that was killed left behind is not read, and the next one writes over it."""
    path = tmp_path / "heads.jsonl"
    signed = [sign_head(head, KEY) for head in HEADS]
    PublishedHeads(path).publish(signed[0])
    whole = path.read_bytes()
    for length in (1, 40, len(whole) - 1):
        path.write_bytes(whole + whole[:length])
        assert [signed[0]] == read_published(path)
        assert PublishedHeads(path).publish(signed[1])
        assert [signed[0], signed[1]] == read_published(path)
        assert whole == path.read_bytes()[: len(whole)]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """Neither reading nor publishing passes over it."""
    path = tmp_path / "heads.jsonl"
    signed = sign_head(HEADS[0], KEY)
    PublishedHeads(path).publish(signed)
    with path.open("ab") as file:
        file.write(b'{"seq": 7}\n')
    for work in (
        lambda: read_published(path),
        lambda: PublishedHeads(path).publish(sign_head(HEADS[1], KEY)),
    ):
        with pytest.raises(HeadsUnusable, match=r"line 2 of .* is no published head"):
            work()


def test_what_was_read_once_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks at a file again reads what others added since; one that was put in its place is read from its beginning."""
    path = tmp_path / "heads.jsonl"
    signed = [sign_head(head, KEY) for head in HEADS]
    read: list[bytes] = []

    def parse(path: Path, lines: Sequence[bytes], first_line: int) -> list[SignedHead]:
        read.extend(lines)
        return _parse(path, lines, first_line)

    heads = PublishedHeads(path)
    assert ([], 0) == (heads.since(1, 9), heads.last_seq)
    for added in (2, 0, 1):
        PublishedHeads(path).publish(signed[added])
        with monkeypatch.context() as patched:
            patched.setattr("exchange.log.heads._parse", parse)
            heads.since(1, 1)

    assert [msgspec.json.encode(signed[added]) + b"\n" for added in (2, 0, 1)] == read
    assert (signed, signed[1:2], 14) == (heads.since(1, 9), heads.since(6, 1), heads.last_seq)
    path.write_bytes(read[1])
    assert signed[:1] == heads.since(1, 9)
    path.unlink()
    assert [] == heads.since(1, 9)
