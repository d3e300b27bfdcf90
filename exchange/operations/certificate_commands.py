"""`exchange certificate`: certificates of retirement, made from the log and checked without it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from exchange.domain.rejects import RejectCode
from exchange.log.heads import HeadsUnusable, PublishedHeads, read_published
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.operations.errors import ExitCode, OperationError, Refused
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import opened_for_writing, print_facts, print_json, print_table
from exchange.operations.venue_key import venue_key
from exchange.registry import certificate_wording as wording
from exchange.registry.certificate import HeadReference, SignedCertificate
from exchange.registry.certificate_files import FileFormat, write_file
from exchange.registry.certificate_issuing import CertificateIssuer, NoRetirement, ProofTooLong
from exchange.registry.certificate_verification import Report, Trust, Verdict, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from exchange.log.signing import VenueKey
    from exchange.operations.finding import Exchange

_HASH_DIGITS: Final = 64
_EXIT_CODES: Final = {Verdict.GOOD: 0, Verdict.BAD: 1, Verdict.UNCHECKED: 2}
_VERDICTS: Final = {
    Verdict.GOOD: "Good: every byte was checked.",
    Verdict.BAD: "Bad: this is not what the venue gave out.",
    Verdict.UNCHECKED: "Not everything could be checked.",
}
_STYLES: Final[dict[Verdict, dict[str, Any]]] = {
    Verdict.GOOD: {"fg": "green"},
    Verdict.BAD: {"fg": "red", "bold": True},
    Verdict.UNCHECKED: {"fg": "yellow"},
}


@click.group()
def certificate() -> None:
    """Show, export and check certificates of retirement."""


def _issuing_options(function: Callable[..., None]) -> Callable[..., None]:
    with_heads = click.option(
        "--heads",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Published heads to prove it to. Default: heads.jsonl in the data folder.",
    )(function)
    return click.argument("seq", type=click.IntRange(min=1))(with_heads)


@certificate.command("show")
@_issuing_options
@json_option
@exchange_options
def show(exchange: Exchange, *, seq: int, heads: Path | None, as_json: bool) -> None:
    """Print the certificate of the retirement at event SEQ."""
    signed = _issue(exchange, seq, heads, venue_key(exchange.folder))
    if as_json:
        print_json(signed)
        return
    shown = signed.certificate
    click.secho(f"{wording.TITLE} {shown.number}, {shown.venue}", bold=True)
    print_facts(
        [
            *(("retired", wording.amount(total)) for total in shown.totals),
            ("for", shown.beneficiary),
            ("purpose", shown.purpose),
            *((name.lower(), value) for name, value in wording.facts(shown)),
        ]
    )
    print_table(
        ("project", "registry", "country", "vintage", "class", "serial numbers", "quantity"),
        (
            (
                line.name,
                f"{line.registry} {line.project}",
                line.country,
                line.vintage,
                line.class_id,
                block.serials,
                f"{wording.number(block.quantity)} {line.unit.value}",
            )
            for line in shown.lines
            for block in line.blocks
        ),
        right=("vintage", "quantity"),
    )
    print_facts((name.lower(), value) for name, value in wording.evidence(signed))


@certificate.command("export")
@_issuing_options
@click.option(
    "--format",
    "file_format",
    type=click.Choice([known.value for known in FileFormat]),
    default=FileFormat.PDF.value,
    show_default=True,
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default: stdout.")
@exchange_options
def export(
    exchange: Exchange, *, seq: int, heads: Path | None, file_format: str, output: Path | None
) -> None:
    """Write the certificate of the retirement at event SEQ to a file."""
    key = venue_key(exchange.folder)
    written = write_file(_issue(exchange, seq, heads, key), FileFormat(file_format), key)
    with opened_for_writing(output) as file:
        file.write(written)


def _issue(exchange: Exchange, seq: int, heads: Path | None, key: VenueKey) -> SignedCertificate:
    async def work() -> SignedCertificate:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            issuer = CertificateIssuer(reader, key, PublishedHeads(heads or exchange.folder.heads_path))
            state = (await recover(reader, SnapshotStore(dsn))).state
            try:
                return await issuer.issue(seq, state)
            except NoRetirement as error:
                raise Refused(RejectCode.UNKNOWN_RETIREMENT, str(error)) from error
            except (ProofTooLong, HeadsUnusable) as error:
                raise OperationError(str(error), ExitCode.USAGE) from error

    return run_async(work())


@certificate.command("public-key")
@exchange_options
def public_key(exchange: Exchange) -> None:
    """Print the public half of the key that signs certificates and heads."""
    click.echo(venue_key(exchange.folder).public_hex)


@certificate.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--head",
    "texts",
    metavar="SEQ:HASH",
    multiple=True,
    help="A head that the venue published, at or after the retirement. May be given several times.",
)
@click.option(
    "--heads",
    "heads_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file of heads that the venue published; it gives the venue's public key, too.",
)
@click.option("--public-key", metavar="HEX", help="The venue's public key.")
@json_option
@click.pass_context
def verify_command(
    context: click.Context,
    *,
    file: Path,
    texts: tuple[str, ...],
    heads_file: Path | None,
    public_key: str | None,
    as_json: bool,
) -> None:
    """Check a certificate (JSON, HTML or PDF) against a published head and the venue's public key.

    Needs no exchange and no network. A single changed byte is found, and told where. Exit codes: 0 good, 1 bad, 2 not
    everything could be checked, such as without head or key.
    """
    trust = _trust(texts, heads_file, public_key)
    try:
        data = file.read_bytes()
    except OSError as error:
        raise OperationError(f"cannot read {file}: {error.strerror}", ExitCode.USAGE) from error
    report = verify(data, trust)
    if as_json:
        print_json(report)
    else:
        _show_report(report)
    context.exit(_EXIT_CODES[report.verdict])


def _trust(texts: tuple[str, ...], heads_file: Path | None, key: str | None) -> Trust:
    """What the options give to check against. Raises click.UsageError and OperationError, both of exit code 2."""
    heads = [_head(text) for text in texts]
    if key is not None:
        if not _is_hash(key):
            raise click.UsageError("a public key has 64 hexadecimal digits")
        key = key.lower()
    if heads_file is not None:
        try:
            published = read_published(heads_file)
        except (HeadsUnusable, OSError) as error:
            raise OperationError(str(error), ExitCode.USAGE) from error
        for head in published:
            if not head.is_genuine or head.public_key != (key or published[0].public_key):
                raise OperationError(
                    f"{heads_file}: the head of event {head.seq} is not signed by the venue's key",
                    ExitCode.USAGE,
                )
            key = head.public_key
            heads.append(HeadReference(head.seq, head.hash))
    return Trust(tuple(heads), key or "")


def _head(text: str) -> HeadReference:
    seq, _, digest = text.partition(":")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 20 and _is_hash(digest)):
        raise click.UsageError(f"{text!r} is no head: write SEQ:HASH, the hash in 64 hexadecimal digits")
    return HeadReference(int(seq), digest.lower())


def _is_hash(text: str) -> bool:
    return len(text) == _HASH_DIGITS and set(text.lower()) <= set("0123456789abcdef")


def _show_report(report: Report) -> None:
    if report.number is not None:
        click.secho(f"Certificate {report.number} for {report.beneficiary}", bold=True)
    for finding in report.findings:
        verdict = click.style(f"{finding.verdict.value:<9}", **_STYLES[finding.verdict])
        click.echo(f"{verdict}  {finding.what}: {finding.text}")
    click.secho(_VERDICTS[report.verdict], bold=True)
