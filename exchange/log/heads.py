"""Published heads: what the log's hash was at some event, signed by the venue, for others to keep.

Who keeps a head can check later that everything up to it is still what it was; whatever the venue proves from its log,
it proves against a head that somebody else kept. A file of heads has one on each line, as JSON, in the order in which
they were published. A line counts once its line feed is there.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.log.chain import ChainBroken
from exchange.log.signing import VenueKey, is_signed

if TYPE_CHECKING:
    from pathlib import Path

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
    return _parse(path, data)


def publish(path: Path, head: SignedHead) -> bool:
    """Add a head to a file, durably; False if it stands there already.

    Raises HeadsUnusable when the file is damaged, or holds another hash for the same event; and OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        data = file.read()
        for published in _parse(path, data):
            if published.seq == head.seq and published.hash != head.hash:
                raise HeadsUnusable(f"{path} has another hash for event {head.seq}: {published.hash}")
            if published == head:
                return False
        # What an interrupted writer left after the last line feed was never published.
        file.truncate(data.rfind(b"\n") + 1)
        file.seek(0, os.SEEK_END)
        file.write(msgspec.json.encode(head) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def _parse(path: Path, data: bytes) -> list[SignedHead]:
    heads = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), 1):
        try:
            heads.append(msgspec.json.decode(line, type=SignedHead))
        except msgspec.DecodeError as error:
            raise HeadsUnusable(f"line {number} of {path} is no published head: {error}") from error
    return heads
