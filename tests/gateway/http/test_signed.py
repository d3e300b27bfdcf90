"""Certificates, published heads and the venue's key over HTTP, signed in a process that no gateway is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from exchange.log.heads import SignedHead
from exchange.operations import certificate_desk
from exchange.registry.certificate import HeadReference
from exchange.registry.certificate_files import FileFormat, write_file
from exchange.registry.certificate_verification import Trust, Verdict, verify
from gateway.limits import Limits, Rate
from tests.exchange.registry.certificates import KEY
from tests.gateway.http.conftest import HttpClient, http_address, validator
from tests.gateway.signer import retire, running_signer

if TYPE_CHECKING:
    import pytest
    from jsonschema import Draft202012Validator

    from exchange.log.signing import VenueKey
    from exchange.registry.certificate import SignedCertificate
    from tests.gateway.conftest import StartExchange
    from tests.gateway.exchange import RunningExchange
    from tests.gateway.signer import Signer

TYPES = {"html": "text/html", "pdf": "application/pdf", "json": "application/json"}


def certificate(seq: int, suffix: str = "") -> str:
    """The path of a certificate."""
    return f"/api/v1/retirements/{seq}/certificate{suffix}"


async def test_a_stranger_checks_a_certificate(signer: Signer, http: HttpClient) -> None:
    """Certificate, head and key are fetched, by extension and by `Accept`; every byte is found good, in all three forms."""
    seq = await retire(signer.exchange)
    await signer.publish()
    _, lines = await http.get(f"/api/v1/heads.jsonl?from_seq={seq}&limit=1")
    head = msgspec.json.decode(lines, type=SignedHead)
    key = (await http.json("/api/v1/public-key", "PublicKey"))["public_key"]
    trust = Trust((HeadReference(head.seq, head.hash),), key)
    for name, media_type in TYPES.items():
        response, file = await http.get(certificate(seq, f".{name}"))
        assert (200, media_type) == (response.status, response.content_type)
        report = verify(file, trust)
        assert (Verdict.GOOD, name, seq) == (report.verdict, report.file_format, report.number), report
        by_accept, same = await http.get(certificate(seq), headers={"Accept": media_type})
        assert (file, media_type) == (same, by_accept.content_type)
        assert "Accept, Accept-Encoding" == by_accept.headers["Vary"]


async def test_headers_of_a_certificate(signer: Signer, http: HttpClient) -> None:
    """A policy under which nothing runs, a name for the file, and a tag by which it need not be sent again."""
    seq = await retire(signer.exchange)
    await signer.publish()
    for name in TYPES:
        response, file = await http.get(certificate(seq, f".{name}"))
        headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script-src" not in policy
        assert ("nosniff", "DENY") == (headers["X-Content-Type-Options"], headers["X-Frame-Options"])
        shown = "inline" if name == "html" else "attachment"
        assert f'{shown}; filename="retirement-{seq}.{name}"' == headers["Content-Disposition"]
        again, nothing = await http.get(
            certificate(seq, f".{name}"), headers={"If-None-Match": headers["ETag"]}
        )
        assert (304, b"", True) == (again.status, nothing, bool(file))
        async with http.session.head(certificate(seq, f".{name}")) as head:
            assert (200, headers["ETag"], b"") == (head.status, head.headers["ETag"], await head.read())


async def test_the_schema_describes_a_certificate(signer: Signer, http: HttpClient) -> None:
    """The JSON form conforms to the published schema."""
    seq = await retire(signer.exchange)
    await signer.publish()
    _, body = await http.get(certificate(seq, ".json"))
    checks: Draft202012Validator = validator("SignedCertificate")
    assert [] == [error.message for error in checks.iter_errors(msgspec.json.decode(body))]


async def test_what_gets_no_certificate(signer: Signer, http: HttpClient) -> None:
    """What is no retirement is refused without a word about what it is; before its head, a retirement says when to come."""
    seq = await retire(signer.exchange)
    for other in (0, seq - 1, seq + 1, 2**62):
        code, name, message = await http.refusal(certificate(other, ".json"), 404)
        assert (4015, "UNKNOWN_RETIREMENT") == (code, name)
        assert f"event {other} of the log is no retirement" == message
    response, body = await http.get(certificate(seq, ".json"))
    error = msgspec.json.decode(body)["error"]
    assert (503, 4016, "CERTIFICATE_NOT_READY", "6", 6_000) == (
        response.status,
        error["code"],
        error["name"],
        response.headers["Retry-After"],
        error["data"]["retry_after_ms"],
    )
    assert f"the head of the log that proves retirement {seq} is published by " in error["message"]
    for path, status in ((certificate(-1), 400), ("/api/v1/retirements/x/certificate.pdf", 400)):
        assert 1002 == (await http.refusal(path, status))[0]
    response, body = await http.get(certificate(seq), headers={"Accept": "image/png"})
    assert (406, 1002) == (response.status, msgspec.json.decode(body)["error"]["code"])


async def test_heads_come_in_pages(signer: Signer, http: HttpClient) -> None:
    """In the order of their events, from one on; as JSON with a place to go on, and as the lines that verification reads."""
    assert {"heads": [], "next_from_seq": None} == await http.json("/api/v1/heads", "Heads")
    seqs = []
    for number in range(3):
        seqs.append(await retire(signer.exchange, f"r-{number}"))
        await signer.publish()
    first = await http.json("/api/v1/heads", "Heads", limit=2)
    rest = await http.json("/api/v1/heads", "Heads", from_seq=first["next_from_seq"])
    heads = first["heads"] + rest["heads"]
    assert (3, None) == (len(heads), rest["next_from_seq"])
    assert all(seq <= head["seq"] for seq, head in zip(seqs, heads, strict=True))
    assert all(msgspec.convert(head, SignedHead).is_genuine for head in heads)
    _, lines = await http.get("/api/v1/heads.jsonl")
    assert heads == [msgspec.json.decode(line) for line in lines.splitlines()]
    assert signer.heads_path.read_bytes() == lines


async def test_the_public_key(signer: Signer, http: HttpClient) -> None:
    """As the text that certificates name, and as PEM that every tool reads."""
    answer = await http.json("/api/v1/public-key", "PublicKey")
    _, pem = await http.get("/api/v1/public-key.pem")
    assert {"algorithm": "Ed25519", "public_key": KEY.public_hex, "pem": pem.decode()} == answer
    raw: Any = load_pem_public_key(pem)
    assert KEY.public_hex == raw.public_bytes_raw().hex()


async def test_a_certificate_is_made_once(
    signer: Signer, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask for it at once or later."""
    made: list[tuple[int, FileFormat]] = []

    def count(signed: SignedCertificate, file_format: FileFormat, key: VenueKey) -> bytes:
        made.append((signed.certificate.number, file_format))
        return write_file(signed, file_format, key)

    monkeypatch.setattr(certificate_desk, "write_file", count)
    seq = await retire(signer.exchange)
    await signer.publish()
    bodies = await asyncio.gather(*(http.get(certificate(seq, ".pdf")) for _ in range(20)))
    await http.get(certificate(seq, ".pdf"))
    assert [(seq, FileFormat.PDF)] == made
    assert 1 == len({body for _, body in bodies})


async def test_the_signing_process_is_away(exchange: RunningExchange, http: HttpClient) -> None:
    """Everything else goes on; what is signed is refused for now, and comes when the process does."""
    for path in (certificate(5, ".pdf"), "/api/v1/heads", "/api/v1/public-key"):
        code, _, message = await http.refusal(path, 503)
        assert (3013, "what the venue signs cannot be had now; ask again in a while") == (code, message)
    await http.json("/api/v1/instruments", "Instruments")
    async with running_signer(exchange):
        await http.json("/api/v1/public-key", "PublicKey")


async def test_certificates_have_a_rate_of_their_own(start_exchange: StartExchange) -> None:
    """An address that asks for too many certificates is told to wait; it still gets market data."""
    exchange = await start_exchange(Limits(certificates=Rate(per_s=1, burst=2)))
    async with aiohttp.ClientSession(http_address(exchange)) as session, running_signer(exchange):
        http = HttpClient(session)
        statuses = [(await http.get(certificate(5, ".pdf")))[0].status for _ in range(3)]
        assert [404, 404, 429] == statuses
        await http.json("/api/v1/heads", "Heads")
