"""`exchange ex-ante`: files of evidence, and whether an estimate recomputes from its own. For the units see `report ex-ante`."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

from exchange.operations.administering import read_state
from exchange.operations.errors import ExitCode
from exchange.operations.ex_ante_evidence import Finding, compare, read_evidence
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import opened_for_writing, print_json

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


@click.group("ex-ante")
def ex_ante() -> None:
    """Estimates of emissions that are expected to be avoided; `exchange report ex-ante` has the units."""


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
