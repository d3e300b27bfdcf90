"""Checks certificates against heads and a key that the reader got elsewhere; with nothing but the file and these."""

from __future__ import annotations

import struct
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from exchange.domain.events import Retired
from exchange.domain.instruments import CreditClass
from exchange.log.codec import UnknownEvent, decode
from exchange.registry.byte_differences import describe_difference
from exchange.registry.certificate import (
    DIGEST_BYTES,
    Certificate,
    CertificateUnreadable,
    HeadReference,
    SignedCertificate,
    VersionUnknown,
    certified_claim,
    from_json,
    utc_text,
)
from exchange.registry.certificate_files import (
    FileFormat,
    carried_json,
    recognise,
    render_page,
    take_apart,
)
from exchange.registry.certificate_lines import certified_lines, certified_totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Verdict(StrEnum):
    """How a check, or all of them together, came out."""

    GOOD = "good"
    BAD = "bad"
    UNCHECKED = "unchecked"
    """It could not be told."""


class Finding(msgspec.Struct, frozen=True):
    """One check."""

    what: str
    """What was checked."""
    verdict: Verdict
    text: str
    """What was found; where something is wrong, where."""


class Report(msgspec.Struct, frozen=True):
    """What came of checking a file."""

    verdict: Verdict
    """Bad if any check was, else unchecked if any was, else good."""
    file_format: FileFormat
    number: int | None
    """Of the certificate; None where it could not be read."""
    beneficiary: str | None
    findings: tuple[Finding, ...]


class Trust(msgspec.Struct, frozen=True):
    """What the reader has from elsewhere."""

    heads: tuple[HeadReference, ...] = ()
    """Published heads of the venue's log."""
    public_key: str = ""
    """The venue's, hexadecimal text."""


def verify(data: bytes, trust: Trust) -> Report:
    """Check a file of any format."""
    file_format = recognise(data)
    signed: SignedCertificate | None = None
    try:
        if file_format is FileFormat.JSON:
            signed = from_json(data)
            findings = [_check_form(signed, data), *_check_certificate(signed, trust)]
        else:
            signed = from_json(carried_json(data, file_format))
            findings = [_check_page(signed, data, file_format, trust), *_check_certificate(signed, trust)]
    except VersionUnknown as error:
        findings = [Finding("form", Verdict.UNCHECKED, str(error))]
    except CertificateUnreadable as error:
        findings = [Finding("form", Verdict.BAD, f"this is no certificate: {error}")]
    verdicts = {finding.verdict for finding in findings}
    return Report(
        next((verdict for verdict in (Verdict.BAD, Verdict.UNCHECKED) if verdict in verdicts), Verdict.GOOD),
        file_format,
        signed.certificate.number if signed else None,
        signed.certificate.beneficiary if signed else None,
        tuple(findings),
    )


def _check_form(signed: SignedCertificate, data: bytes) -> Finding:
    written = signed.to_json()
    if written == data:
        return Finding("form", Verdict.GOOD, "every byte is as the venue writes it")
    return Finding("form", Verdict.BAD, f"not as the venue writes it: {describe_difference(written, data)}")


def _check_page(signed: SignedCertificate, data: bytes, file_format: FileFormat, trust: Trust) -> Finding:
    """Whether a page shows what its JSON says: the trusted key signed its bytes, or laying it out anew gives the same."""
    what, public_key = "page", signed.certificate.public_key
    page = take_apart(data, file_format)
    is_signed = page.is_signed(public_key)
    if is_signed and public_key == trust.public_key:
        return Finding(what, Verdict.GOOD, "the venue signed every byte of it")
    rendered = render_page(signed, file_format)
    if rendered == page.body:
        if is_signed:
            return Finding(what, Verdict.GOOD, "it shows what its JSON says")
        return Finding(
            what,
            Verdict.BAD,
            f"its signature, the last line from byte {len(page.body)} on, is not the venue's",
        )
    where = describe_difference(rendered, page.body, is_pdf=file_format is FileFormat.PDF)
    if is_signed:
        return Finding(
            what,
            Verdict.UNCHECKED,
            f"the key that it names signed it, but this program lays it out differently ({where}):"
            " give the venue's public key",
        )
    return Finding(what, Verdict.BAD, f"it was changed: {where}")


def _check_certificate(signed: SignedCertificate, trust: Trust) -> list[Finding]:
    return [
        _check_signature(signed),
        _check_key(signed.certificate, trust),
        *_check_statement(signed.certificate),
        *_check_chain(signed.certificate, trust.heads),
    ]


def _check_signature(signed: SignedCertificate) -> Finding:
    if signed.is_signed:
        return Finding("signature", Verdict.GOOD, "it fits everything that the certificate says")
    return Finding(
        "signature",
        Verdict.BAD,
        "it does not fit: something of the certificate was changed (names and trades are checked by it alone),"
        " or the key or the signature itself",
    )


def _check_key(certificate: Certificate, trust: Trust) -> Finding:
    what, key = "key", certificate.public_key
    if not trust.public_key:
        return Finding(
            what,
            Verdict.UNCHECKED,
            f"whether {key} is the venue's key; the names of venue, participant and projects, and the trades,"
            " rest on it alone: give the key that the venue published",
        )
    if key == trust.public_key:
        return Finding(what, Verdict.GOOD, f"it is the venue's: {key}")
    return Finding(what, Verdict.BAD, f"the certificate names {key}, the venue's is {trust.public_key}")


def _check_statement(certificate: Certificate) -> list[Finding]:
    """Whether the certificate says of the retirement what the log's event says."""
    what, row = "statement", certificate.proof.event
    try:
        event = decode(row.kind, row.version, row.payload.encode())
    except (UnknownEvent, UnicodeError) as error:
        newer = row.kind == Retired.kind and row.version > Retired.version
        return [
            Finding(what, Verdict.UNCHECKED if newer else Verdict.BAD, f"certificate.proof.event: {error}")
        ]
    if not isinstance(event, Retired):
        return [Finding(what, Verdict.BAD, f"certificate.proof.event: it is no retirement, but {row.kind}")]
    try:
        expected = _expected(certificate, event)
    except (ValueError, OverflowError, OSError) as error:
        return [Finding(what, Verdict.BAD, f"certificate.proof.event: {error}")]
    wrong = [
        Finding(what, Verdict.BAD, difference)
        for difference in _differences(
            "certificate", msgspec.to_builtins(expected), msgspec.to_builtins(certificate)
        )
    ]
    order_id = certificate.order.order_id if certificate.order else 0
    if order_id != event.order_id:
        wrong.append(
            Finding(
                what,
                Verdict.BAD,
                f"certificate.order: the event says order {event.order_id}, the certificate {order_id}",
            )
        )
    return wrong or [Finding(what, Verdict.GOOD, "it is what the log's event says")]


def _expected(certificate: Certificate, event: Retired) -> Certificate:
    """The certificate as it must be by its event. Raises ValueError, OverflowError and OSError for what no event says."""
    row = certificate.proof.event
    named = {line.class_id: line for line in certificate.lines}
    classes: dict[str, CreditClass] = {}
    for class_id, block in event.credits:
        line = named.get(class_id)
        if line is None:
            raise ValueError(f"class {class_id} was retired, and no line of the certificate names it")
        classes[class_id] = CreditClass(
            class_id,
            block.registry,
            line.project,
            line.name,
            line.vintage,
            line.unit,
            line.country,
            line.labels,
        )
    lines = certified_lines(event.credits, classes)
    version, claim = certified_claim(event)
    return msgspec.structs.replace(
        certificate,
        version=version,
        number=row.seq,
        retired_at=utc_text(row.recorded_at),
        beneficiary=event.beneficiary,
        purpose=event.purpose,
        account=event.account,
        reference=event.reference,
        lines=lines,
        totals=certified_totals(lines),
        rule=event.rule,
        claim=claim,
    )


def _differences(path: str, expected: Any, found: Any) -> Iterator[str]:
    """Where two values of JSON differ, each place once."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in dict.fromkeys((*expected, *found)):
            yield from _differences(f"{path}.{name}", expected.get(name), found.get(name))
    elif isinstance(expected, list | tuple) and len(expected) == len(found):
        for index, (wanted, got) in enumerate(zip(expected, found, strict=True)):
            yield from _differences(f"{path}[{index}]", wanted, got)
    elif isinstance(expected, list | tuple):
        yield f"{path}: by the log's event there are {len(expected)}, the certificate has {len(found)}"
    elif expected != found:
        yield f"{path}: by the log's event it is {expected!r}, the certificate says {found!r}"


def _check_chain(certificate: Certificate, heads: Sequence[HeadReference]) -> list[Finding]:
    """Whether the proof leads to its head, and agrees with every head that the reader has on its way."""
    what, proof = "proof", certificate.proof
    first, last = proof.event.seq, proof.head.seq
    if len(proof.digests) != DIGEST_BYTES * (last - first):
        return [
            Finding(
                what,
                Verdict.BAD,
                f"certificate.proof.digests: {len(proof.digests)} bytes do not lead from event {first} to the"
                f" head at event {last}",
            )
        ]
    try:
        hashes = dict(proof.hashes())
    except (struct.error, ValueError) as error:
        return [Finding(what, Verdict.BAD, f"certificate.proof: no event of a log can be like this: {error}")]
    if hashes[last] != proof.head.hash:
        return [
            Finding(
                what,
                Verdict.BAD,
                f"certificate.proof: event, previous hash and digests lead to {hashes[last]} at event {last},"
                f" not to the head's hash {proof.head.hash}",
            ),
            *_check_heads(hashes, first, last, heads),
        ]
    return [
        Finding(what, Verdict.GOOD, f"it leads over {last - first} events to the head at event {last}"),
        *_check_heads(hashes, first, last, heads),
    ]


def _check_heads(
    hashes: dict[int, str], first: int, last: int, heads: Sequence[HeadReference]
) -> Iterator[Finding]:
    what = "published head"
    on_the_way = [head for head in heads if first <= head.seq <= last]
    for head in on_the_way:
        if hashes[head.seq] == head.hash:
            yield Finding(
                what, Verdict.GOOD, f"the proof gives the hash that was published at event {head.seq}"
            )
        else:
            yield Finding(
                what,
                Verdict.BAD,
                f"at event {head.seq} the proof gives {hashes[head.seq]}, and {head.hash} was published",
            )
    if not on_the_way:
        given = (
            "no published head was given"
            if not heads
            else f"the published heads are of events {', '.join(str(head.seq) for head in heads[:5])}"
            + (" ..." if len(heads) > 5 else "")
        )
        yield Finding(
            what,
            Verdict.UNCHECKED,
            f"whether this is in the log that the venue published: {given}, and one of event {first} to {last}"
            " is needed",
        )
