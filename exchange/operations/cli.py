"""The command `exchange`."""

from __future__ import annotations

from importlib.metadata import version

import click

from exchange.operations.admin.article6 import article6
from exchange.operations.admin.assets import cash, classes, units
from exchange.operations.admin.business_day import day
from exchange.operations.admin.calendars import calendars
from exchange.operations.admin.corsia import corsia
from exchange.operations.admin.ex_ante import ex_ante as admin_ex_ante
from exchange.operations.admin.fix import fix
from exchange.operations.admin.freezes import freezes
from exchange.operations.admin.instrument_set_command import create_set
from exchange.operations.admin.instruments import fees, instruments
from exchange.operations.admin.labels import labels
from exchange.operations.admin.participants import accounts, keys, participants
from exchange.operations.admin.parties import parties
from exchange.operations.admin.proceeds import proceeds
from exchange.operations.admin.projects import issuances, projects
from exchange.operations.admin.protection import protection
from exchange.operations.admin.reversals import reversals
from exchange.operations.admin.technologies import technologies
from exchange.operations.archive_command import archive
from exchange.operations.article6_report_commands import COMMANDS as ARTICLE6_REPORTS
from exchange.operations.carbon_report_commands import COMMANDS as CARBON_REPORTS
from exchange.operations.certificate_commands import certificate
from exchange.operations.config_commands import config
from exchange.operations.diff_command import diff
from exchange.operations.doctor_command import doctor
from exchange.operations.ex_ante_command import ex_ante
from exchange.operations.head_command import head
from exchange.operations.log_commands import log_group
from exchange.operations.offset_commands import offset
from exchange.operations.provenance_command import provenance
from exchange.operations.replay_command import replay
from exchange.operations.report_commands import report
from exchange.operations.settle_command import settle
from exchange.operations.snapshot_commands import snapshot_group
from exchange.operations.statement_command import statement
from exchange.operations.status import status
from exchange.operations.up import up
from exchange.operations.verify_command import verify
from exchange.operations.what_if_command import what_if


@click.group()
@click.version_option(version("carbon-exchange"), prog_name="exchange")
def main() -> None:
    """Run and operate an exchange for carbon credits.

    Every command finds its exchange by --data-dir (the embedded Postgres) or --dsn (a Postgres of your own), starts the
    embedded server where none runs, and takes settings from options, EXCHANGE_* variables and exchange.toml, in this order.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by the venue (with the reject code), 4 no exchange or
    database there, 5 `exchange up` runs already, 6 gave up restarting a process, 7 the log is damaged or too new,
    8 the registry is not what the log says.
    """


@main.group()
def admin() -> None:
    """Set up and change what is traded, by whom, and with what."""


for group in (
    instruments,
    fees,
    participants,
    accounts,
    keys,
    fix,
    protection,
    classes,
    cash,
    units,
    calendars,
    day,
    parties,
    article6,
    corsia,
    admin_ex_ante,
    projects,
    issuances,
    reversals,
    freezes,
    labels,
    proceeds,
    technologies,
):
    admin.add_command(group)
for command in (
    up,
    status,
    doctor,
    verify,
    replay,
    diff,
    what_if,
    settle,
    statement,
    provenance,
    report,
    log_group,
    snapshot_group,
    archive,
    certificate,
    offset,
    ex_ante,
    config,
):
    main.add_command(command)
for command in (*CARBON_REPORTS, *ARTICLE6_REPORTS):
    report.add_command(command)
log_group.add_command(head)
instruments.add_command(create_set)
