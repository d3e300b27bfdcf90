"""The hash chain: every event's hash covers its whole row and the hash before it.

The hash of an event is the SHA-256 of 64 bytes: the hash of the event before (of the first event: `GENESIS`), then the
digest of the event's content. So whoever holds one event can prove to anybody who knows a later hash that it is in the
log, with nothing of the events between but their digests.

The content digest is the SHA-256 of these bytes, all numbers signed and big-endian:

    bytes  content
    24     the domain, "carbon-exchange event 1" and a line feed
    8      seq
    8      epoch
    8      command
    8      recorded_at, nanoseconds UTC
    2      version
    2      length of kind
    2      length of instrument, -1 for NULL
    2      length of account, -1 for NULL
    2      length of counterparty, -1 for NULL
    4      length of payload
    ...    kind, instrument, account, counterparty (UTF-8) and payload, one after the other

Where the row carries a request, the domain is "carbon-exchange event 2" and the SHA-256 of the request (32 bytes) follows
at the end: the event can be shown without what was asked.

`GENESIS` is the SHA-256 of "carbon-exchange genesis 1" and a line feed. Who has the table can check all of it.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exchange.log.record import StoredEvent

_DOMAIN = b"carbon-exchange event 1\n"
_DOMAIN_WITH_REQUEST = b"carbon-exchange event 2\n"
GENESIS = sha256(b"carbon-exchange genesis 1\n").digest()
"""What stands for the hash before the first event."""

_pack_header = struct.Struct(">24sqqqqhhhhhi").pack


class ChainBroken(Exception):  # noqa: N818 - it says what is wrong with the log, not with the program
    """The log was damaged or changed: at `seq`, in the way that `what` says."""

    def __init__(self, seq: int, what: str) -> None:
        super().__init__(f"the log is broken at event {seq}: {what}")
        self.seq = seq
        self.what = what


def content_digest(
    seq: int,
    epoch: int,
    command: int,
    recorded_at: int,
    kind: str,
    version: int,
    instrument: str | None,
    account: str | None,
    counterparty: str | None,
    payload: bytes,
    request_digest: bytes | None = None,
) -> bytes:
    """The digest (32 bytes) of one event's row without its hash. `request_digest`: that of its request, if it has one."""
    kind_bytes = kind.encode()
    instrument_bytes = b"" if instrument is None else instrument.encode()
    account_bytes = b"" if account is None else account.encode()
    counterparty_bytes = b"" if counterparty is None else counterparty.encode()
    header = _pack_header(
        _DOMAIN if request_digest is None else _DOMAIN_WITH_REQUEST,
        seq,
        epoch,
        command,
        recorded_at,
        version,
        len(kind_bytes),
        -1 if instrument is None else len(instrument_bytes),
        -1 if account is None else len(account_bytes),
        -1 if counterparty is None else len(counterparty_bytes),
        len(payload),
    )
    text = b"".join(
        (
            header,
            kind_bytes,
            instrument_bytes,
            account_bytes,
            counterparty_bytes,
            payload,
            request_digest or b"",
        )
    )
    return sha256(text).digest()


def digest_of_request(request: bytes | None) -> bytes | None:
    """What the content digest of a row covers of its request."""
    return None if request is None else sha256(request).digest()


def event_hash(previous: bytes, content: bytes) -> bytes:
    """The hash (32 bytes) of an event, from the hash of the event before and the digest of its own content."""
    return sha256(previous + content).digest()


def check_chain(previous: bytes, events: Iterable[StoredEvent]) -> bytes:
    """Check that each event carries the hash it must have, `previous` being that before the first.

    Answers the last hash. Raises ChainBroken at the first event that is not what was written.
    """
    for event in events:
        content = content_digest(
            event.seq,
            event.epoch,
            event.command,
            event.recorded_at,
            event.kind,
            event.version,
            event.instrument,
            event.account,
            event.counterparty,
            event.payload,
            digest_of_request(event.request),
        )
        computed = event_hash(previous, content)
        previous = event.hash
        if computed != previous:
            raise ChainBroken(event.seq, "its hash does not fit its content and the hash before it")
    return previous
