"""Checking certificates: whatever was changed is found and named, and what was not checked is said."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange.domain.carbon.claim_forms import Claim, ClaimKind
from exchange.registry.certificate import (
    Certificate,
    HeadReference,
    SignedCertificate,
    from_json,
    sign,
)
from exchange.registry.certificate_files import (
    PAGE_DOMAIN,
    FileFormat,
    recognise,
    render_page,
    write_file,
)
from exchange.registry.certificate_verification import Finding, Trust, Verdict, verify
from tests.exchange.registry.certificates import KEY, OTHER_KEY, sample, trust_in

FORMATS = list(FileFormat)
SIGNED = sample()
TRUST = trust_in(SIGNED)
SEQ = SIGNED.certificate.number


@cache
def file_of(file_format: FileFormat) -> bytes:
    return write_file(SIGNED, file_format, KEY)


def findings(data: bytes, trust: Trust, verdict: Verdict) -> list[tuple[str, str]]:
    """What a check says in the findings of a verdict."""
    report = verify(data, trust)
    return [(finding.what, finding.text) for finding in report.findings if finding.verdict is verdict]


def changed(path: str, value: Any) -> Certificate:
    """The sample with another value at a place such as `lines.0.name`."""
    fields = msgspec.to_builtins(SIGNED.certificate)
    *names, last = [int(name) if name.isdigit() else name for name in path.split(".")]
    place = fields
    for name in names:
        place = place[name]
    place[last] = value
    return msgspec.convert(fields, Certificate)


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_genuine_file_is_good(file_format: FileFormat) -> None:
    """With a head that was kept and the venue's key every check is good."""
    report = verify(file_of(file_format), TRUST)
    assert (Verdict.GOOD, file_format, SEQ, SIGNED.certificate.beneficiary) == (
        report.verdict,
        report.file_format,
        report.number,
        report.beneficiary,
    )
    assert [Verdict.GOOD] * 6 == [finding.verdict for finding in report.findings]


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_was_not_checked_is_said(file_format: FileFormat) -> None:
    """Without a head nothing ties it to the log, without the key nothing to the venue; the rest is checked all the same."""
    last = SIGNED.certificate.proof.head.seq
    no_head = (
        "published head",
        (
            "whether this is in the log that the venue published: no published head was given,"
            f" and one of event {SEQ} to {last} is needed"
        ),
    )
    no_key = (
        "key",
        (
            f"whether {KEY.public_hex} is the venue's key; the names of venue, participant and projects, and the"
            " trades, rest on it alone: give the key that the venue published"
        ),
    )
    data = file_of(file_format)
    assert [no_key, no_head] == findings(data, Trust(), Verdict.UNCHECKED)
    assert [no_head] == findings(data, Trust((), KEY.public_hex), Verdict.UNCHECKED)
    assert [no_key] == findings(data, Trust(TRUST.heads), Verdict.UNCHECKED)
    assert [Verdict.UNCHECKED] * 3 == [
        verify(data, trust).verdict for trust in (Trust(), Trust((), KEY.public_hex), Trust(TRUST.heads))
    ]


def test_any_head_on_the_way_will_do() -> None:
    """Heads at the retirement, between and at the proof's end are checked; those before or behind cannot be."""
    hashes = dict(SIGNED.certificate.proof.hashes())
    assert [SEQ, SEQ + 1, SEQ + 2, SEQ + 3] == list(hashes)
    data = file_of(FileFormat.JSON)
    for seq, known in hashes.items():
        trust = Trust((HeadReference(seq, known),), KEY.public_hex)
        assert Verdict.GOOD == verify(data, trust).verdict
    outside = Trust((HeadReference(SEQ - 1, "0" * 64), HeadReference(SEQ + 4, "1" * 64)), KEY.public_hex)
    assert [
        (
            "published head",
            (
                "whether this is in the log that the venue published: the published heads are of events"
                f" {SEQ - 1}, {SEQ + 4}, and one of event {SEQ} to {SEQ + 3} is needed"
            ),
        )
    ] == findings(data, outside, Verdict.UNCHECKED)


@pytest.mark.parametrize("file_format", FORMATS)
def test_another_head_is_found(file_format: FileFormat) -> None:
    """A log that the venue rewrote gives other hashes than the one that was kept."""
    hashes = dict(SIGNED.certificate.proof.hashes())
    kept = HeadReference(SEQ + 2, "ab" * 32)
    trust = Trust((HeadReference(SEQ, hashes[SEQ]), kept), KEY.public_hex)
    assert [
        (
            "published head",
            f"at event {SEQ + 2} the proof gives {hashes[SEQ + 2]}, and {kept.hash} was published",
        )
    ] == findings(file_of(file_format), trust, Verdict.BAD)


@pytest.mark.parametrize("file_format", FORMATS)
def test_another_key_is_found(file_format: FileFormat) -> None:
    """Whoever changes a name and signs all of it anew does not have the venue's key."""
    forged = sign(
        msgspec.structs.replace(changed("lines.0.name", "Nicer Project"), public_key=OTHER_KEY.public_hex),
        OTHER_KEY,
    )
    data = write_file(forged, file_format, OTHER_KEY)
    assert [
        ("key", f"the certificate names {OTHER_KEY.public_hex}, the venue's is {KEY.public_hex}")
    ] == findings(data, TRUST, Verdict.BAD)
    assert Verdict.UNCHECKED == verify(data, Trust(TRUST.heads)).verdict


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("venue", "Other Venue"),
        ("participant", "ALPHA"),
        ("participant_name", "ALPHA Ltd"),
        ("lines.1.name", "Nicer Project"),
        ("lines.1.country", "DE"),
        ("lines.1.vintage", 2024),
        ("lines.1.project", "1"),
        ("lines.1.labels", ["CORSIA"]),
        ("order", {"order_id": 0, "trades": [1]}),
    ],
)
def test_changed_names_do_not_fit_the_signature(path: str, value: object) -> None:
    """What other events say is vouched for by the signature, which says so."""
    data = SignedCertificate(changed(path, value), SIGNED.signature).to_json()
    assert [
        (
            "signature",
            (
                "it does not fit: something of the certificate was changed (names and trades are checked by it alone),"
                " or the key or the signature itself"
            ),
        )
    ] == findings(data, TRUST, Verdict.BAD)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("number", 7, f"number: by the log's event it is {SEQ}, the certificate says 7"),
        ("beneficiary", "Eve", f"beneficiary: by the log's event it is {SIGNED.certificate.beneficiary!r}, the certificate says 'Eve'"),
        ("purpose", "", "purpose: by the log's event it is 'Footprint of 2026', the certificate says ''"),
        ("account", "alpha", "account: by the log's event it is 'beta', the certificate says 'alpha'"),
        ("rule", "", "rule: by the log's event it is 'lowest-serial/1', the certificate says ''"),
        ("lines.0.registry", "GS", "lines[0].registry: by the log's event it is 'VCS', the certificate says 'GS'"),
        ("lines.0.quantity", 6, "lines[0].quantity: by the log's event it is 205, the certificate says 6"),
        ("lines.0.blocks.2.last", 1, "lines[0].blocks[2].last: by the log's event it is 1000000299, the certificate says 1"),
        ("lines.1.blocks", [], "lines[1].blocks: by the log's event there are 1, the certificate has 0"),
        ("totals.0.quantity", 9, "totals[0].quantity: by the log's event it is 262, the certificate says 9"),
        ("order", {"order_id": 9, "trades": []}, "order: the event says order 0, the certificate 9"),
    ],
)  # fmt: skip
def test_changed_facts_are_named(path: str, value: object, said: str) -> None:
    """Even a signature of the venue does not hide that a certificate says other than its event."""
    data = sign(changed(path, value), KEY).to_json()
    assert [("statement", f"certificate.{said}")] == findings(data, TRUST, Verdict.BAD)


def test_a_class_that_is_not_listed_is_named() -> None:
    """All that was retired stands on the certificate."""
    data = sign(changed("lines", []), KEY).to_json()
    assert [
        (
            "statement",
            "certificate.proof.event: class VCS-1340-2019 was retired, and no line of the certificate names it",
        )
    ] == findings(data, TRUST, Verdict.BAD)


def test_a_changed_event_breaks_the_chain() -> None:
    """Who changes the event along with the statement cannot make it fit the log's hashes."""
    payload = SIGNED.certificate.proof.event.payload.replace("Footprint of 2026", "Footprint of 2027")
    certificate = msgspec.structs.replace(
        changed("proof.event.payload", payload), purpose="Footprint of 2027"
    )
    hashes = dict(certificate.proof.hashes())
    head = certificate.proof.head
    wrong = (
        f"certificate.proof: event, previous hash and digests lead to {hashes[head.seq]} at event {head.seq},"
        f" not to the head's hash {head.hash}"
    )
    published = f"at event {head.seq} the proof gives {hashes[head.seq]}, and {head.hash} was published"
    assert [("proof", wrong), ("published head", published)] == findings(
        sign(certificate, KEY).to_json(), TRUST, Verdict.BAD
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("proof.event.epoch", 2),
        ("proof.event.command", 1),
        ("proof.event.account", None),
        ("proof.event.counterparty", ""),
        ("proof.previous_hash", "00" * 32),
        ("proof.digests", "AAAA" * 32),
        ("proof.head.hash", "ab" * 32),
    ],
)
def test_a_changed_proof_does_not_lead_to_its_head(path: str, value: object) -> None:
    """Every part of the proof counts."""
    found = findings(sign(changed(path, value), KEY).to_json(), TRUST, Verdict.BAD)
    assert "proof" == found[0][0]
    assert "not to the head's hash" in found[0][1]


@pytest.mark.parametrize(
    ("path", "value", "what", "said"),
    [
        ("proof.digests", "", "proof", f"certificate.proof.digests: 0 bytes do not lead from event {SEQ} to the head at event {SEQ + 3}"),
        ("proof.head.seq", SEQ - 1, "proof", f"certificate.proof.digests: 96 bytes do not lead from event {SEQ} to the head at event {SEQ - 1}"),
        ("proof.previous_hash", "xy", "proof", "certificate.proof: no event of a log can be like this"),
        ("proof.event.epoch", 2**63, "proof", "certificate.proof: no event of a log can be like this"),
        ("proof.event.recorded_at", 10**30, "statement", "certificate.proof.event: "),
        ("proof.event.payload", "{}", "statement", "certificate.proof.event: event retired version 1: the payload does not fit"),
        ("proof.event.kind", "day_closed", "statement", "certificate.proof.event: event day_closed version 1: the payload does not fit"),
    ],
)  # fmt: skip
def test_what_no_log_has_is_named(path: str, value: object, what: str, said: str) -> None:
    """Made-up proofs are refused with where they are impossible, however wild their numbers."""
    found = findings(sign(changed(path, value), KEY).to_json(), TRUST, Verdict.BAD)
    assert [text for kind, text in found if kind == what and text.startswith(said)]


def test_an_event_of_another_kind_is_no_retirement() -> None:
    """A proof of some other event of the log proves no retirement."""
    payload = '{"by":"x","date":"2026-11-23","next_date":"2026-11-24","references":[]}'
    certificate = changed("proof.event.payload", payload)
    certificate = msgspec.structs.replace(
        certificate,
        proof=msgspec.structs.replace(
            certificate.proof, event=msgspec.structs.replace(certificate.proof.event, kind="day_closed")
        ),
    )
    found = findings(sign(certificate, KEY).to_json(), TRUST, Verdict.BAD)
    assert ("statement", "certificate.proof.event: it is no retirement, but day_closed") in found


CLAIM = Claim(ClaimKind.NDC, 2025, party="JPN")


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_claim_is_certified(file_format: FileFormat) -> None:
    """A certificate with a claim is good as a file of every kind."""
    signed = sample(claim=CLAIM)
    data = write_file(signed, file_format, KEY)
    assert (2, CLAIM) == (signed.certificate.version, signed.certificate.claim)
    assert Verdict.GOOD is verify(data, trust_in(signed)).verdict


def test_a_claim_that_the_event_does_not_make_is_named() -> None:
    """Nor can one be left out, or be another one."""
    claiming = sample(claim=CLAIM).certificate
    cases: list[tuple[Certificate, dict[str, Any], list[str]]] = [
        (SIGNED.certificate, {"claim": CLAIM}, ["claim"]),
        (SIGNED.certificate, {"claim": CLAIM, "version": 2}, ["version", "claim"]),
        (claiming, {"claim": msgspec.UNSET, "version": 1}, ["version", "claim"]),
        (claiming, {"claim": Claim(ClaimKind.NDC, 2026, party="JPN")}, ["claim.year"]),
    ]
    for certificate, change, names in cases:
        data = sign(msgspec.structs.replace(certificate, **change), KEY).to_json()
        said = [text for what, text in findings(data, TRUST, Verdict.BAD) if what == "statement"]
        assert [f"certificate.{name}" for name in names] == [text.partition(":")[0] for text in said]


def test_newer_versions_cannot_be_checked() -> None:
    """A program of today does not call bad what it does not know."""
    data = file_of(FileFormat.JSON).replace(b'"version": 1,', b'"version": 3,', 1)
    assert [("form", "version 3 of certificates is not known here, up to 2 are")] == findings(
        data, TRUST, Verdict.UNCHECKED
    )
    event = sign(changed("proof.event.version", 2), KEY).to_json()
    assert "event retired version 2" in findings(event, TRUST, Verdict.UNCHECKED)[0][1]


def test_a_page_that_an_other_program_laid_out_rests_on_the_signature() -> None:
    """Its bytes differ from ours, but who knows the venue's key knows that the venue wrote them."""
    body = file_of(FileFormat.HTML).split(b"<!-- signature")[0].replace(b"Projects and vintages", b"Credits")
    signature = KEY.sign(PAGE_DOMAIN, body)
    data = body + b"<!-- signature of the bytes above: " + signature.encode() + b" -->\n"
    assert Verdict.GOOD == verify(data, TRUST).verdict
    (page, _) = findings(data, Trust(TRUST.heads), Verdict.UNCHECKED)
    assert "page" == page[0]
    assert "this program lays it out differently (at byte" in page[1]


def test_a_page_without_its_signature_is_bad() -> None:
    """Even one that shows what it should: the venue gives out no such file."""
    for file_format in (FileFormat.HTML, FileFormat.PDF):
        body = render_page(SIGNED, file_format)
        assert [
            ("page", f"its signature, the last line from byte {len(body)} on, is not the venue's")
        ] == findings(body, TRUST, Verdict.BAD)


def test_changed_text_of_a_page_is_shown() -> None:
    """The place and both texts."""
    data = file_of(FileFormat.HTML)
    at = data.index(b">Footprint of 2026<") + 1
    line = data.count(b"\n", 0, at) + 1
    (found,) = findings(data.replace(b">Footprint of 2026<", b">Footprint of 2036<"), TRUST, Verdict.BAD)
    assert "page" == found[0]
    assert found[1].startswith(f"it was changed: at byte {at + 15}, line {line}: ")
    assert "Footprint of 2036" in found[1].split(" instead of ")[0]
    assert "Footprint of 2026" in found[1].split(" instead of ")[1]


def test_blanks_of_the_json_count() -> None:
    """A file that says the same in other bytes is not the venue's."""
    compact = msgspec.json.format(file_of(FileFormat.JSON), indent=0)
    (found,) = findings(compact, TRUST, Verdict.BAD)
    assert ("form", True) == (
        found[0],
        found[1].startswith("not as the venue writes it: at byte 1, line 1: "),
    )


@pytest.mark.parametrize(
    ("data", "file_format", "said"),
    [
        (b"", FileFormat.JSON, "Input data was truncated"),
        (b"[]", FileFormat.JSON, "Expected `object`, got `array`"),
        (b"\xff\xfe{}", FileFormat.JSON, "JSON is malformed"),
        (b"%PDF-1.7\n%%EOF\n", FileFormat.PDF, "there is no certificate's JSON inside this PDF file"),
        (b"<!DOCTYPE html>\n<html></html>", FileFormat.HTML, "there is no certificate's JSON inside this HTML file"),
    ],
)  # fmt: skip
def test_other_files_are_no_certificates(data: bytes, file_format: FileFormat, said: str) -> None:
    """Whatever is given gets an answer."""
    report = verify(data, TRUST)
    assert (Verdict.BAD, file_format, None) == (report.verdict, report.file_format, report.number)
    assert report.findings[0].text.startswith(f"this is no certificate: {said}")


def test_the_format_is_told_from_what_is_inside() -> None:
    """A damaged beginning does not hide what a file is."""
    for file_format in FORMATS:
        data = file_of(file_format)
        assert file_format is recognise(data)
        assert file_format is recognise(b"x" * 20 + data[20:])


@given(st.data())
@settings(max_examples=150)
def test_a_changed_byte_of_the_json_is_found(data: st.DataObject) -> None:
    """Wherever it is and whatever it becomes."""
    check_changed_byte(data, FileFormat.JSON)


@given(st.data())
@settings(max_examples=100)
def test_a_changed_byte_of_the_html_is_found(data: st.DataObject) -> None:
    """Visible text, markup, style, JSON or signature."""
    check_changed_byte(data, FileFormat.HTML)


@given(st.data())
@settings(max_examples=25)
def test_a_changed_byte_of_the_pdf_is_found(data: st.DataObject) -> None:
    """Pages, fonts, description, attached JSON or signature."""
    check_changed_byte(data, FileFormat.PDF)


def check_changed_byte(data: st.DataObject, file_format: FileFormat) -> None:
    """Change one byte: the verdict is not good, and says what is wrong."""
    good = file_of(file_format)
    at = data.draw(st.integers(0, len(good) - 1), label="position")
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != good[at]), label="byte")
    bad = good[:at] + bytes([byte]) + good[at + 1 :]
    report = verify(bad, TRUST)
    wrong = [finding for finding in report.findings if finding.verdict is not Verdict.GOOD]
    assert wrong
    assert all(finding.text for finding in wrong)
    # A digit of the version makes it one that is not known yet.
    assert report.verdict is Verdict.BAD or "version" in wrong[0].text


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_changed_byte_around_what_matters_is_found(file_format: FileFormat) -> None:
    """Each of the last 300 bytes, with the signature, and each of the beneficiary's name in the JSON."""
    good = file_of(file_format)
    name = good.index(b'"beneficiary": ')
    # Rendering is only done where the page itself must be looked at: a few places of the PDF are enough here.
    step = 41 if file_format is FileFormat.PDF else 1
    for at in [*range(name, name + 60, step), *range(len(good) - 300, len(good), step)]:
        assert Verdict.BAD == verify(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :], TRUST).verdict


@pytest.mark.parametrize("file_format", FORMATS)
def test_missing_and_added_bytes_are_found(file_format: FileFormat) -> None:
    """A file that ends early, goes on, or begins with something else is bad."""
    good = file_of(file_format)
    for bad in (good[:-1], good[:-200], good[: len(good) // 2], good + b"\n", good + good, b"\n" + good):
        assert Verdict.BAD == verify(bad, TRUST).verdict


@given(
    path=st.sampled_from(
        ["number", "retired_at", "venue", "lines.0.blocks.0.serials", "lines.0.vintage", "proof.event.seq",
         "proof.head.seq", "proof.event.command", "proof.event.instrument", "lines.0.quantity", "public_key"]
    ),
    value=st.one_of(st.integers(), st.text(), st.none()),
)  # fmt: skip
@example("retired_at", "")
@example("venue", "\u0000\u2028\U0001f332" * 40)
@settings(max_examples=20)
def test_a_made_up_certificate_gets_an_answer(path: str, value: object) -> None:
    """Nothing that fits the form, signed by whom you like, makes the check fail in any other way."""
    try:
        made_up = changed(path, value)
    except msgspec.ValidationError:
        return
    signed = sign(made_up, OTHER_KEY)
    for file_format in (FileFormat.JSON, FileFormat.HTML, FileFormat.PDF):
        report = verify(write_file(signed, file_format, OTHER_KEY), TRUST)
        assert made_up == SIGNED.certificate or Verdict.BAD == report.verdict
        assert all(isinstance(finding, Finding) for finding in report.findings)


def test_a_certificate_is_read_back() -> None:
    """The file holds all of it."""
    assert SIGNED == from_json(file_of(FileFormat.JSON))
