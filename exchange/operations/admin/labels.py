"""`exchange admin labels`: what classes are labelled with, on which days."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain.carbon.label_forms import GiveLabel, WithdrawLabel
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import change, read_state
from exchange.operations.options import CommandFunction, exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


class LabelRow(msgspec.Struct, frozen=True):
    """With --json, `labels list` prints a list of these."""

    class_id: str
    label: str
    holds: bool
    """False: this takes the label back."""
    valid_from: str
    """Empty: the class was registered with it."""
    valid_until: str
    """Last day; empty: for good."""
    recorded_on: str
    """Business date from which it is known."""
    seq: int


@click.group()
def labels() -> None:
    """Give classes labels (CCP, CORSIA-PHASE-1, ARTICLE-6-AUTHORISED, CORRESPONDINGLY-ADJUSTED, SDG-13 ...), and take them back."""


@labels.command("list")
@click.argument("class_id", metavar="[CLASS]", default="")
@json_option
@exchange_options
def list_labels(exchange: Exchange, *, class_id: str, as_json: bool) -> None:
    """Print all that was ever said of labels, by class and label; of what was said of a day the last word counts."""
    rows = [
        LabelRow(
            named,
            label,
            statement.holds,
            statement.valid_from,
            statement.valid_until,
            statement.stamp.recorded_on,
            statement.stamp.seq,
        )
        for named, said in sorted(read_state(exchange).carbon.labels.statements.items())
        if class_id in ("", named)
        for label, statements in sorted(said.items())
        for statement in statements
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("class", "label", "holds", "from", "until", "recorded", "event"),
        (
            (
                row.class_id,
                row.label,
                "yes" if row.holds else "no",
                row.valid_from,
                row.valid_until,
                row.recorded_on,
                row.seq,
            )
            for row in rows
        ),
        right=("event",),
    )


def _days(function: CommandFunction) -> CommandFunction:
    function = click.option(
        "--until", "valid_until", metavar="DATE", default="", help="Last day. Default: for good."
    )(function)
    return click.option("--from", "valid_from", metavar="DATE", required=True, help="First day.")(function)


@labels.command("give")
@click.argument("class_id", metavar="CLASS")
@click.argument("label")
@_days
@click.option("--evidence", default="", help="Where it was published.")
@json_option
@exchange_options
def give(
    exchange: Exchange,
    *,
    class_id: str,
    label: str,
    valid_from: str,
    valid_until: str,
    evidence: str,
    as_json: bool,
) -> None:
    """Book that CLASS has LABEL on these days."""
    command = GiveLabel(LOCAL_OPERATOR, class_id, label, valid_from, valid_until, evidence)
    change(exchange, command, f"{class_id} has {label}", as_json=as_json)


@labels.command("withdraw")
@click.argument("class_id", metavar="CLASS")
@click.argument("label")
@_days
@click.option("--reason", default="", help="For the record.")
@json_option
@exchange_options
def withdraw(
    exchange: Exchange,
    *,
    class_id: str,
    label: str,
    valid_from: str,
    valid_until: str,
    reason: str,
    as_json: bool,
) -> None:
    """Book that CLASS has not got LABEL on these days."""
    command = WithdrawLabel(LOCAL_OPERATOR, class_id, label, valid_from, valid_until, reason)
    change(exchange, command, f"{class_id} has not got {label}", as_json=as_json)
