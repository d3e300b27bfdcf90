"""Published heads: what the log's hash was at some event, signed by the venue, for others to keep.

Who keeps a head can check later that everything up to it is still what it was; whatever the venue proves from its log,
it proves against a head that somebody else kept. A file of heads has one on each line, as JSON, in the order in which
they were published. A line counts once its line feed is there.
"""

from __future__ import annotations

import fcntl
import os
import threading
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.log.chain import ChainBroken
from exchange.log.signing import VenueKey, is_signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO

    from exchange.log.reader import LogReader

HEAD_DOMAIN: Final = b"carbon-exchange head 1\n"


class HeadsUnusable(Exception):  # noqa: N818 - it says what is wrong with the file
    """A file does not hold published heads; the text names the line."""


class LogHead(msgspec.Struct, frozen=True):
    """Where the log was: with the hash of event `seq`, every event up to it is fixed."""

    seq: int
    hash: str
    """Hexadecimal text."""
    recorded_at: int
    """When the event was recorded, nanoseconds UTC."""


class SignedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head as it is published."""

    seq: int
    hash: str
    """Hexadecimal text."""
    recorded_at: int
    """When the event was recorded, nanoseconds UTC."""
    public_key: str
    """The venue's, 32 bytes of Ed25519 as hexadecimal text."""
    signature: str
    """64 bytes as hexadecimal text, over `HEAD_DOMAIN` and the JSON of seq, hash and recorded_at."""

    @property
    def is_genuine(self) -> bool:
        """Whether the key that it names signed it."""
        head = LogHead(self.seq, self.hash, self.recorded_at)
        return is_signed(self.public_key, HEAD_DOMAIN, msgspec.json.encode(head), self.signature)


def sign_head(head: LogHead, key: VenueKey) -> SignedHead:
    """The head as it is published."""
    signature = key.sign(HEAD_DOMAIN, msgspec.json.encode(head))
    return SignedHead(head.seq, head.hash, head.recorded_at, key.public_hex, signature)


async def read_head(reader: LogReader, seq: int | None = None) -> LogHead:
    """The head as it is now, or was at an event. Raises ChainBroken where there is no such event, as in an empty log."""
    at = (await reader.head()).last_seq if seq is None else seq
    async for page in reader.pages(at - 1, up_to=at):
        return LogHead(at, page[0].hash.hex(), page[0].recorded_at)
    raise ChainBroken(at, "it is missing")


def read_published(path: Path) -> list[SignedHead]:
    """The heads of a file, none where it is missing; whoever relies on one asks first whether it `is_genuine`.

    Raises HeadsUnusable, and OSError.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return _parse(path, data[: data.rfind(b"\n") + 1].splitlines())


class PublishedHeads:
    """A file of heads for who looks at it again and again: each time only what was added is read.

    Any thread may use it. Its methods raise HeadsUnusable when the file is damaged, and OSError.
    """

    def __init__(self, path: Path) -> None:
        """The file may be missing, which is the same as empty."""
        self._path = path
        self._lock = threading.Lock()
        self._heads: list[SignedHead] = []
        """By seq."""
        self._lines = 0
        self._end = 0
        """Where the last line that was read ends, in bytes."""
        self._last_line = b""

    def since(self, seq: int, limit: int) -> list[SignedHead]:
        """The first heads, at most `limit`, of events from `seq` on, by seq."""
        with self._lock:
            self._look()
            begin = self._place(seq)
            return self._heads[begin : begin + limit]

    @property
    def last_seq(self) -> int:
        """The last event that has a head; 0 while there is none."""
        with self._lock:
            self._look()
            return self._heads[-1].seq if self._heads else 0

    def publish(self, head: SignedHead) -> bool:
        """Add a head to the file, durably; False if it stands there already.

        Raises HeadsUnusable also when the file holds another hash for the same event.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with self._lock:
                end = self._take_new(file)
                known = self._heads[self._place(head.seq) :][:1]
            if known == [head]:
                return False
            if known and known[0].seq == head.seq and known[0].hash != head.hash:
                raise HeadsUnusable(f"{self._path} has another hash for event {head.seq}: {known[0].hash}")
            # What an interrupted writer left after the last line feed was never published.
            file.truncate(end)
            file.seek(end)
            file.write(msgspec.json.encode(head) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return True

    def _place(self, seq: int) -> int:
        return bisect_left(self._heads, seq, key=lambda head: head.seq)

    def _look(self) -> None:
        try:
            with self._path.open("rb") as file:
                self._take_new(file)
        except FileNotFoundError:
            self._forget()

    def _take_new(self, file: IO[bytes]) -> int:
        """Read what was added since; answers where the last line ends."""
        file.seek(self._end - len(self._last_line))
        if file.read(len(self._last_line)) != self._last_line:
            # It was written anew, or another one was put in its place.
            self._forget()
            file.seek(0)
        data = file.read()
        lines = data[: data.rfind(b"\n") + 1].splitlines(keepends=True)
        for head in _parse(self._path, lines, self._lines + 1):
            place = self._place(head.seq)
            replaced = place < len(self._heads) and self._heads[place].seq == head.seq
            self._heads[place : place + replaced] = [head]
        self._lines += len(lines)
        self._end += sum(map(len, lines))
        self._last_line = lines[-1] if lines else self._last_line
        return self._end

    def _forget(self) -> None:
        self._heads.clear()
        self._lines = self._end = 0
        self._last_line = b""


def _parse(path: Path, lines: Sequence[bytes], first_line: int = 1) -> list[SignedHead]:
    heads = []
    for number, line in enumerate(lines, first_line):
        try:
            heads.append(msgspec.json.decode(line, type=SignedHead))
        except msgspec.DecodeError as error:
            raise HeadsUnusable(f"line {number} of {path} is no published head: {error}") from error
    return heads
