"""Certificates of retirement: what one says, how it is proved from the log, and its canonical bytes.

A certificate is JSON. What it says of the retirement itself stands in the log's event, which it carries whole; what it
says of names (venue, participant, projects) and of trades stands in other events, and the venue's signature vouches for it.

The proof: `exchange.log.chain.content_digest` of the event, then from `previous_hash` on, for this digest and each of
`digests`, hash = SHA-256(hash, digest). What comes out must be the hash of `head`; and at the seq of any head on the way
that somebody kept, the hash that they kept.

The canonical bytes, which the venue signs, are the JSON of the member `certificate` without blanks between its tokens,
members in the order of the fields here, non-ASCII characters as they are. The file is the same with line breaks and an
indent of two blanks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from exchange.domain.carbon.claim_forms import Claim
from exchange.domain.instruments import Unit
from exchange.log.chain import content_digest, event_hash
from exchange.log.signing import VenueKey, is_signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exchange.domain.events import Retired
    from exchange.log.record import StoredEvent

FORMAT: Final = "carbon-exchange retirement certificate"
VERSION: Final = 2
"""The newest. Version 2 says what the retirement claims; one that claims nothing is of version 1."""
CERTIFICATE_DOMAIN: Final = b"carbon-exchange certificate 1\n"
DIGEST_BYTES: Final = 32


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class CertifiedSerials(_Part, frozen=True):
    """One block of serial numbers, both ends included."""

    serials: str
    """As the registry writes the block."""
    first: int
    last: int
    quantity: int


class CertifiedClass(_Part, frozen=True):
    """What was retired of one credit class: of one project and vintage."""

    class_id: str
    registry: str
    project: str
    """The project's number at its registry."""
    name: str
    country: str
    """ISO 3166 alpha-2 code, or empty."""
    vintage: int
    unit: Unit
    labels: tuple[str, ...]
    quantity: int
    blocks: tuple[CertifiedSerials, ...]
    """In the order of the event."""


class UnitTotal(_Part, frozen=True):
    """What was retired in all of one unit of measure."""

    unit: Unit
    quantity: int


class RetiredOnFill(_Part, frozen=True):
    """The buy order that asked for the retirement, and the trades that delivered what was retired."""

    order_id: int
    """Seq of the `order_accepted`."""
    trades: tuple[int, ...]
    """Seqs of the `fill` events."""


class EventRow(_Part, frozen=True):
    """The event as it stands in the log, its hash apart: all that its content digest covers."""

    seq: int
    epoch: int
    command: int
    recorded_at: int
    """Nanoseconds UTC."""
    kind: str
    version: int
    instrument: str | None
    account: str | None
    counterparty: str | None
    payload: str
    """JSON."""
    request_digest: str | None = None
    """SHA-256 of the request that stands beside the event, hexadecimal text; None where none does."""

    @classmethod
    def of(cls, stored: StoredEvent) -> EventRow:
        """The row of an event."""
        return cls(
            stored.seq,
            stored.epoch,
            stored.command,
            stored.recorded_at,
            stored.kind,
            stored.version,
            stored.instrument,
            stored.account,
            stored.counterparty,
            stored.payload.decode(),
            None if stored.request is None else sha256(stored.request).hexdigest(),
        )

    def digest(self) -> bytes:
        """The digest of its content. Raises struct.error or ValueError when no event of the log can be like this."""
        return content_digest(
            self.seq,
            self.epoch,
            self.command,
            self.recorded_at,
            self.kind,
            self.version,
            self.instrument,
            self.account,
            self.counterparty,
            self.payload.encode(),
            None if self.request_digest is None else bytes.fromhex(self.request_digest),
        )


class HeadReference(_Part, frozen=True):
    """A place in the log and the hash there."""

    seq: int
    hash: str
    """Hexadecimal text."""


class LogProof(_Part, frozen=True):
    """The retirement's event, and what leads from it to a head of the log."""

    event: EventRow
    previous_hash: str
    """Of the event before, hexadecimal text."""
    digests: bytes
    """Content digests of the events that follow, up to the head: 32 bytes each, one after the other; in JSON as base64."""
    head: HeadReference

    def hashes(self) -> Iterator[tuple[int, str]]:
        """Seq and hash of the event and of each that follows. Raises what `EventRow.digest` does, or ValueError."""
        seq = self.event.seq
        current = event_hash(bytes.fromhex(self.previous_hash), self.event.digest())
        yield seq, current.hex()
        for begin in range(0, len(self.digests), DIGEST_BYTES):
            seq += 1
            current = event_hash(current, self.digests[begin : begin + DIGEST_BYTES])
            yield seq, current.hex()

    def own_hash(self) -> str:
        """Hash of the retirement's event, hexadecimal text. Raises what `hashes` does."""
        return next(self.hashes())[1]


class Certificate(_Part, frozen=True):
    """All that a certificate says."""

    format: Literal["carbon-exchange retirement certificate"]
    version: Literal[1, 2]
    venue: str
    number: int
    """Seq of the `retired` event."""
    retired_at: str
    """ISO 8601, UTC, to the nanosecond."""
    beneficiary: str
    purpose: str
    account: str
    participant: str
    participant_name: str
    """Whose account it was."""
    reference: str
    lines: tuple[CertifiedClass, ...]
    totals: tuple[UnitTotal, ...]
    rule: str
    """The rule that chose the serials; empty where the holder named them."""
    order: RetiredOnFill | None
    proof: LogProof
    public_key: str
    """The venue's, 32 bytes of Ed25519 as hexadecimal text."""
    claim: Claim | msgspec.UnsetType = msgspec.UNSET
    """What the retirement claims; not there in version 1."""

    def canonical(self) -> bytes:
        """What the venue signs."""
        return msgspec.json.encode(self)


class SignedCertificate(_Part, frozen=True):
    """A certificate as the venue gives it out."""

    certificate: Certificate
    signature: str
    """Of the venue's key over `CERTIFICATE_DOMAIN` and the canonical bytes; 64 bytes as hexadecimal text."""

    @property
    def is_signed(self) -> bool:
        """Whether the key that the certificate names signed it."""
        certificate = self.certificate
        return is_signed(certificate.public_key, CERTIFICATE_DOMAIN, certificate.canonical(), self.signature)

    def to_json(self) -> bytes:
        """The file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


class CertificateUnreadable(Exception):  # noqa: N818 - it says what was found in the file
    """These bytes are no certificate; the text says where they go wrong."""


class VersionUnknown(CertificateUnreadable):
    """A newer program wrote this certificate."""


class _Version(msgspec.Struct):
    version: int


class _Head(msgspec.Struct):
    certificate: _Version


def certified_claim(event: Retired) -> tuple[Literal[1, 2], Claim | msgspec.UnsetType]:
    """The version of a retirement's certificate, and its claim."""
    return (1, msgspec.UNSET) if event.claim is None else (2, event.claim)


def sign(certificate: Certificate, key: VenueKey) -> SignedCertificate:
    """The certificate as the venue gives it out."""
    return SignedCertificate(certificate, key.sign(CERTIFICATE_DOMAIN, certificate.canonical()))


def from_json(data: bytes) -> SignedCertificate:
    """Read a certificate, whatever the blanks between its tokens. Raises CertificateUnreadable."""
    try:
        version = msgspec.json.decode(data, type=_Head).certificate.version
        if version > VERSION:
            raise VersionUnknown(f"version {version} of certificates is not known here, up to {VERSION} are")
        return msgspec.json.decode(data, type=SignedCertificate)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CertificateUnreadable(str(error)) from error


def utc_text(at_ns: int) -> str:
    """ISO 8601 of nanoseconds since 1970."""
    at = datetime.fromtimestamp(at_ns // 10**9, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ns % 10**9:09}Z"
