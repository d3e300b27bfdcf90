"""`exchange ex-ante`: what was estimated, converted and expired, and whether an estimate recomputes from its evidence."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from exchange.operations.administering import read_state
from exchange.operations.errors import ExitCode
from exchange.operations.ex_ante_evidence import Finding, compare, read_evidence
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import opened_for_writing, print_json, print_table

if TYPE_CHECKING:
    from exchange.domain.state import State
    from exchange.operations.finding import Exchange


class ExAnteRow(msgspec.Struct, frozen=True):
    """One ex-ante class, in units. With --json, `list` prints a list of these."""

    class_id: str
    project: str
    estimated: int
    """By the newest estimate."""
    issued: int
    outstanding: int
    converted: int
    expired: int
    evidence_sha256: str
    run_sha256: str


@click.group("ex-ante")
def ex_ante() -> None:
    """Credits for emissions that are expected to be avoided: show them and check their estimates."""


@ex_ante.command("list")
@json_option
@exchange_options
def list_classes(exchange: Exchange, *, as_json: bool) -> None:
    """Print all ex-ante classes with an estimate; none of them is in any total of credits."""
    rows = ex_ante_rows(read_state(exchange))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("class", "project", "estimated", "issued", "outstanding", "converted", "expired", "evidence"),
        (
            (
                row.class_id,
                row.project,
                f"{row.estimated:,}",
                f"{row.issued:,}",
                f"{row.outstanding:,}",
                f"{row.converted:,}",
                f"{row.expired:,}",
                row.evidence_sha256[:16],
            )
            for row in rows
        ),
        right=("estimated", "issued", "outstanding", "converted", "expired"),
    )


def ex_ante_rows(state: State) -> list[ExAnteRow]:
    """All ex-ante classes that were estimated, by id."""
    book = state.carbon.ex_ante
    return [
        ExAnteRow(
            class_id=class_id,
            project=state.classes[class_id].project,
            estimated=book.estimated(class_id),
            issued=state.issued.get(class_id, 0),
            outstanding=state.ledger.supply.get(class_id, 0),
            converted=book.converted.get(class_id, 0),
            expired=book.expired.get(class_id, 0),
            evidence_sha256=estimates[-1].fact.evidence_sha256,
            run_sha256=estimates[-1].fact.run_sha256,
        )
        for class_id, estimates in sorted(book.estimates.items())
    ]


@ex_ante.command("example")
@click.option("--output", "-o", type=click.Path(path_type=Path), help="File to write; default: stdout.")
def example(output: Path | None) -> None:
    """Write a file of evidence to begin from: its figures are made up."""
    text = resources.files("exchange.operations").joinpath("ex_ante_example.json").read_bytes()
    with opened_for_writing(output) as file:
        file.write(text)


@ex_ante.command("verify")
@click.argument("evidence", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
@exchange_options
@click.pass_context
def verify_evidence(context: click.Context, exchange: Exchange, *, evidence: Path, as_json: bool) -> None:
    """Recompute the estimate from the file EVIDENCE and compare it with the log, digests and all.

    Exit codes: 0 everything agrees, 1 something does not, or no estimate on the log has this evidence.
    """
    file = read_evidence(evidence)
    known = [
        estimate
        for estimates in read_state(exchange).carbon.ex_ante.estimates.values()
        for estimate in estimates
        if estimate.fact.evidence_sha256 == file.sha256
    ]
    findings = [finding for estimate in known for finding in compare(file, estimate)]
    if not known:
        findings = [Finding("evidence", good=False, text=f"no estimate on the log has SHA-256 {file.sha256}")]
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            verdict = click.style("good" if finding.good else "bad ", fg="green" if finding.good else "red")
            click.echo(f"{verdict}  {finding.what}: {finding.text}")
    good = all(finding.good for finding in findings)
    context.exit(ExitCode.DONE if good else ExitCode.FAILED)
