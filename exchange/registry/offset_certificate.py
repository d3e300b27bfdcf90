"""Certificates of offset: the statement of a period, signed by the venue, and what of it anybody can compute again.

The venue's signature vouches for the statement as of an event of its log, whose hash stands beside it. That the credits were
retired is proved by the certificates of the retirements that it names. Everything that can be computed from the
statement itself (products, sums, the rounding up to whole tonnes) is computed again when a certificate is checked.

The canonical bytes, which the venue signs, are the JSON of the member `certificate` as in `exchange.registry.certificate`.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from exchange.domain.carbon.emissions import (
    KILOGRAMS_PER_TONNE,
    kilograms,
    product,
    read_tonnes,
    tonnes_text,
    whole_tonnes,
)
from exchange.domain.carbon.offset_statement import OffsetStatement, tonnes_of_kilograms
from exchange.domain.rejects import Reject
from exchange.log.signing import VenueKey, is_signed
from exchange.registry.certificate import CertificateUnreadable, HeadReference
from exchange.registry.certificate_verification import Finding, Verdict

FORMAT: Final = "carbon-exchange offset certificate"
VERSION: Final = 1
DOMAIN: Final = b"carbon-exchange offset certificate 1\n"


class OffsetCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a certificate says. Version 1."""

    format: Literal["carbon-exchange offset certificate"]
    version: Literal[1]
    venue: str
    participant: str
    participant_name: str
    """Whose account it is."""
    as_of: str
    """Time of the head, ISO 8601 UTC to the nanosecond."""
    statement: OffsetStatement
    head: HeadReference
    """The event as of which the statement is true."""
    public_key: str
    """The venue's, 32 bytes of Ed25519 as hexadecimal text."""

    def canonical(self) -> bytes:
        """What the venue signs."""
        return msgspec.json.encode(self)


class SignedOffsetCertificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate as the venue gives it out."""

    certificate: OffsetCertificate
    signature: str

    @property
    def is_signed(self) -> bool:
        """Whether the key that the certificate names signed it."""
        certificate = self.certificate
        return is_signed(certificate.public_key, DOMAIN, certificate.canonical(), self.signature)

    def to_json(self) -> bytes:
        """The file."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def sign(certificate: OffsetCertificate, key: VenueKey) -> SignedOffsetCertificate:
    """The certificate as the venue gives it out."""
    return SignedOffsetCertificate(certificate, key.sign(DOMAIN, certificate.canonical()))


def from_json(data: bytes) -> SignedOffsetCertificate:
    """Read a certificate, whatever the blanks between its tokens. Raises CertificateUnreadable."""
    try:
        return msgspec.json.decode(data, type=SignedOffsetCertificate)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CertificateUnreadable(str(error)) from error


def check(signed: SignedOffsetCertificate, public_key: str = "") -> list[Finding]:
    """Check a certificate against the venue's public key (hexadecimal text; empty: not known) and against itself."""
    certificate = signed.certificate
    findings = [_signature(signed, public_key)]
    problems = wrong_sums(certificate.statement)
    findings += [Finding("arithmetic", Verdict.BAD, problem) for problem in problems]
    if not problems:
        figures = len(certificate.statement.figures)
        findings.append(Finding("arithmetic", Verdict.GOOD, f"{figures} figures and all sums recomputed"))
    if certificate.head.seq != certificate.statement.seq:
        findings.append(Finding("log", Verdict.BAD, "the statement is of another event than its head"))
    return findings


def _signature(signed: SignedOffsetCertificate, public_key: str) -> Finding:
    named = signed.certificate.public_key
    if not signed.is_signed:
        return Finding("signature", Verdict.BAD, f"the key {named} did not sign this")
    if not public_key:
        return Finding("signature", Verdict.UNCHECKED, f"signed by {named}: is that the venue's key?")
    if public_key != named:
        return Finding("signature", Verdict.BAD, f"signed by {named}, which is not the venue's key")
    return Finding("signature", Verdict.GOOD, "signed by the venue's key")


def wrong_sums(statement: OffsetStatement) -> list[str]:
    """What does not follow from the statement's own figures; empty: everything does."""
    try:
        return _wrong_sums(statement)
    except (Reject, ValueError) as error:
        return [f"a figure is no decimal number: {error}"]


def _wrong_sums(statement: OffsetStatement) -> list[str]:
    problems = [
        f"{figure.entry}: {figure.activity.quantity} x {figure.activity.factor} is not {figure.tonnes} t"
        for figure in statement.figures
        if tonnes_text(product(figure.activity.quantity, figure.activity.factor)) != figure.tonnes
    ]
    emissions = sum(read_tonnes(figure.tonnes) for figure in statement.figures if not figure.corrected_by)
    taken_off = sum(read_tonnes(found.tonnes) for found in statement.reductions if not found.in_activity)
    scopes = sum(read_tonnes(total.tonnes) for total in statement.scopes)
    remaining = max(emissions - taken_off, 0)
    offset_kg = 0
    for allocation in statement.allocations:
        weight = sum(kilograms(line.quantity, line.unit) for line in allocation.credits)
        offset_kg += weight
        if tonnes_of_kilograms(weight) != allocation.tonnes:
            problems.append(f"{allocation.entry}: its credits are not {allocation.tonnes} t")
    to_offset_kg = whole_tonnes(remaining) * KILOGRAMS_PER_TONNE
    expected = {
        "emissions": tonnes_text(emissions),
        "taken_off": tonnes_text(taken_off),
        "remaining": tonnes_text(remaining),
        "to_offset": tonnes_of_kilograms(to_offset_kg),
        "offset": tonnes_of_kilograms(offset_kg),
        "left_to_offset": tonnes_of_kilograms(max(to_offset_kg - offset_kg, 0)),
        "surplus": tonnes_of_kilograms(max(offset_kg - to_offset_kg, 0)),
    }
    problems += [
        f"{name} is {getattr(statement, name)} and should be {value}"
        for name, value in expected.items()
        if getattr(statement, name) != value
    ]
    if scopes != emissions:
        problems.append("the scopes do not add up to the emissions")
    return problems
