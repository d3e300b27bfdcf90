"""`exchange offset`: periods and certificates of the offset account, and the check of a certificate. For statements see `report offset`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from exchange.domain.carbon.offset_statement import OffsetStatement, statement, summaries
from exchange.domain.rejects import Reject
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import SnapshotStore
from exchange.operations.administering import read_state
from exchange.operations.errors import ExitCode, OperationError, Refused
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import opened_for_writing, print_json, print_table
from exchange.operations.venue_key import venue_key
from exchange.registry.certificate import CertificateUnreadable, HeadReference, utc_text
from exchange.registry.certificate_files import FileFormat
from exchange.registry.certificate_verification import Verdict
from exchange.registry.offset_certificate import FORMAT, VERSION, OffsetCertificate, sign

if TYPE_CHECKING:
    from exchange.domain.state import State
    from exchange.operations.finding import Exchange
    from exchange.registry.offset_certificate import SignedOffsetCertificate

_FORMATS: Final = (FileFormat.HTML, FileFormat.JSON)
_COLOURS: Final = {Verdict.GOOD: "green", Verdict.BAD: "red", Verdict.UNCHECKED: "yellow"}


@click.group()
def offset() -> None:
    """Periods of offset accounts and their certificates; `exchange report offset` has the statements."""


@offset.command("list")
@click.argument("account")
@json_option
@exchange_options
def list_periods(exchange: Exchange, *, account: str, as_json: bool) -> None:
    """Print the periods of ACCOUNT, in t CO2e."""
    rows = summaries(read_state(exchange), account)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("period", "organisation", "from", "to", "emissions", "to offset", "offset"),
        (
            (
                row.period,
                row.organisation,
                row.first_day,
                row.last_day,
                row.emissions,
                row.to_offset,
                row.offset,
            )
            for row in rows
        ),
        right=("emissions", "to offset", "offset"),
    )


@offset.command("certificate")
@click.argument("account")
@click.argument("period")
@click.option(
    "--format",
    "file_format",
    type=click.Choice([known.value for known in _FORMATS]),
    default=FileFormat.HTML.value,
    show_default=True,
)
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default: stdout.")
@exchange_options
def write_certificate(
    exchange: Exchange, *, account: str, period: str, file_format: str, output: Path | None
) -> None:
    """Write the certificate of PERIOD, signed by the venue; its retirements have certificates of their own."""
    key = venue_key(exchange.folder)

    async def work() -> SignedOffsetCertificate:
        async with exchange.database() as dsn, await LogReader.open(dsn, connections=2) as reader:
            state = (await recover(reader, SnapshotStore(dsn))).state
            stated = _statement(state, account, period)
            participant = state.accounts[account]
            certificate = OffsetCertificate(
                format=FORMAT,
                version=VERSION,
                venue=state.name,
                participant=participant,
                participant_name=state.participants[participant].name,
                as_of=utc_text(state.last_at),
                statement=stated,
                head=HeadReference(stated.seq, (await reader.hash_at(stated.seq)).hex()),
                public_key=key.public_hex,
            )
            return sign(certificate, key)

    # As for certificates of retirement: the library of pages takes its time, which every command would wait for.
    from exchange.registry.offset_certificate_files import write_file

    written = write_file(run_async(work()), FileFormat(file_format), key)
    with opened_for_writing(output) as file:
        file.write(written)


@offset.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", default="", metavar="HEX", help="The venue's public key.")
@json_option
@click.pass_context
def verify_certificate(context: click.Context, *, file: Path, public_key: str, as_json: bool) -> None:
    """Check a certificate of offset (JSON or HTML): its signature, and every product and sum in it.

    Needs no exchange and no network. Exit codes: 0 good, 1 bad, 2 not everything could be checked, such as without key.
    """
    from exchange.registry.offset_certificate_files import verify

    try:
        findings = verify(file.read_bytes(), public_key.lower())
    except (OSError, CertificateUnreadable) as error:
        raise OperationError(f"{file}: {error}", ExitCode.USAGE) from error
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            verdict = click.style(f"{finding.verdict.value:<9}", fg=_COLOURS[finding.verdict])
            click.echo(f"{verdict}  {finding.what}: {finding.text}")
    verdicts = {finding.verdict for finding in findings}
    if Verdict.BAD in verdicts:
        context.exit(ExitCode.FAILED)
    context.exit(ExitCode.USAGE if Verdict.UNCHECKED in verdicts else ExitCode.DONE)


def _statement(state: State, account: str, period: str) -> OffsetStatement:
    try:
        return statement(state, account, period)
    except Reject as reject:
        raise Refused(reject.code, reject.message) from reject
