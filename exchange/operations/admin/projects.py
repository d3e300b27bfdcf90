"""`exchange admin projects|issuances`: what registries say of projects, and what they issued to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain.carbon.issuance_forms import RecordIssuance
from exchange.domain.carbon.project_forms import Crediting, Mitigation, Project, RegisterProject
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.admin.assets import parse_block
from exchange.operations.administering import change, read_state, reference_option
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange


class ProjectRow(msgspec.Struct, frozen=True):
    """With --json, `projects list` prints a list of these. Empty fields are not known."""

    registry: str
    project: str
    name: str
    country: str
    project_type: str
    methodology: str
    mitigation: str
    crediting: str
    owner: str
    owed: int
    """Units that the owner has to make good for reversals."""


@click.group()
def projects() -> None:
    """Describe and list projects."""


@projects.command("list")
@json_option
@exchange_options
def list_projects(exchange: Exchange, *, as_json: bool) -> None:
    """Print all projects as they are known now."""
    carbon = read_state(exchange).carbon
    rows = []
    for key, descriptions in sorted(carbon.projects.descriptions.items()):
        project = descriptions[-1].project
        rows.append(
            ProjectRow(
                project.registry,
                project.project,
                project.name,
                project.country,
                project.project_type,
                project.methodology,
                project.mitigation.value if project.mitigation else "",
                project.crediting.value,
                project.owner,
                carbon.reversals.owed.get(key, 0),
            )
        )
    if as_json:
        print_json(rows)
        return
    print_table(
        ("registry", "project", "name", "country", "type", "mitigation", "crediting", "owed"),
        (
            (
                row.registry,
                row.project,
                row.name,
                row.country,
                row.project_type,
                row.mitigation,
                row.crediting,
                row.owed,
            )
            for row in rows
        ),
        right=("owed",),
    )


@projects.command("register")
@click.argument("registry")
@click.argument("project")
@click.option("--name", required=True)
@click.option("--country", default="", help="ISO 3166 alpha-2 code of the host country.")
@click.option("--type", "project_type", default="", help="In the registry's words, such as: Forestry - MX.")
@click.option("--methodology", default="", help="In the registry's words, such as VM0042.")
@click.option(
    "--mitigation",
    type=click.Choice([mitigation.value for mitigation in Mitigation]),
    help="What a tonne of it is. Default: not known.",
)
@click.option(
    "--crediting",
    type=click.Choice([crediting.value for crediting in Crediting]),
    default=Crediting.EX_POST.value,
    show_default=True,
    help="Issued for what was verified, or for what is expected.",
)
@click.option("--owner", default="", help="Who answers for reversals.")
@json_option
@exchange_options
def register(
    exchange: Exchange,
    *,
    registry: str,
    project: str,
    name: str,
    country: str,
    project_type: str,
    methodology: str,
    mitigation: str | None,
    crediting: str,
    owner: str,
    as_json: bool,
) -> None:
    """Describe PROJECT (its id at REGISTRY), or describe it anew: what was known before stays on the log."""
    described = Project(
        registry,
        project,
        name,
        country,
        project_type,
        methodology,
        Mitigation(mitigation) if mitigation else None,
        Crediting(crediting),
        owner,
    )
    command = RegisterProject(LOCAL_OPERATOR, described)
    change(exchange, command, f"described {described.key}", as_json=as_json)


@click.group()
def issuances() -> None:
    """Note what registries issued, and the share that went into their buffer pools."""


@issuances.command("record")
@click.argument("class_id", metavar="CLASS")
@click.argument("total", type=int)
@click.option("--issued-on", metavar="DATE", required=True)
@click.option("--buffer", type=int, default=0, show_default=True, help="Units of TOTAL for the buffer pool.")
@click.option(
    "--buffer-block",
    "buffer_blocks",
    multiple=True,
    metavar="BLOCK",
    help="Serials of the pool, as the registry writes them; may be repeated.",
)
@reference_option
@json_option
@exchange_options
def record(
    exchange: Exchange,
    *,
    class_id: str,
    total: int,
    issued_on: str,
    buffer: int,
    buffer_blocks: tuple[str, ...],
    reference: str,
    as_json: bool,
) -> None:
    """Note that TOTAL units of CLASS were issued at its registry. What the venue itself issues is noted by `units issue`."""
    blocks = tuple(parse_block(text) for text in buffer_blocks)
    command = RecordIssuance(LOCAL_OPERATOR, class_id, issued_on, total, buffer, reference, blocks)
    change(exchange, command, f"noted {total} of {class_id}, {buffer} in the pool", as_json=as_json)
