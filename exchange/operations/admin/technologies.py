"""`exchange admin technologies`: technologies under royalty-free pools, and the projects that use them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from exchange.domain.carbon.technology_forms import (
    GrantLicence,
    NameTechnologies,
    RegisterPool,
    RegisterTechnology,
    Technology,
    TechnologyPool,
)
from exchange.domain.carbon.technology_search import find_technologies
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import change, read_state
from exchange.operations.options import exchange_options, json_option
from exchange.operations.output import print_facts, print_json

if TYPE_CHECKING:
    from exchange.domain.carbon.technology_search import PublishedTechnology
    from exchange.operations.finding import Exchange


@click.group()
def technologies() -> None:
    """Describe technologies that may be used freely, license them, and say which projects use them."""


@technologies.command("pool")
@click.argument("pool")
@click.option("--name", required=True)
@click.option("--purpose", required=True, help="What use is free.")
@click.option("--member", "members", multiple=True, required=True, help="May be repeated.")
@click.option(
    "--project-type",
    "project_types",
    multiple=True,
    help="A type of projects that the purpose covers, in the registry's words; may be repeated. Default: every type.",
)
@json_option
@exchange_options
def register_pool(
    exchange: Exchange,
    *,
    pool: str,
    name: str,
    purpose: str,
    members: tuple[str, ...],
    project_types: tuple[str, ...],
    as_json: bool,
) -> None:
    """Describe POOL, or describe it anew: its members let others use their technologies for a purpose and ask no royalties."""
    described = TechnologyPool(pool, name, purpose, members, project_types)
    change(exchange, RegisterPool(LOCAL_OPERATOR, described), f"described pool {pool}", as_json=as_json)


@technologies.command("register")
@click.argument("technology")
@click.option("--pool", required=True)
@click.option("--name", required=True)
@click.option("--contributor", required=True, help="The member of the pool that brings it in.")
@click.option("--summary", default="")
@click.option("--patent", "patents", multiple=True, help="A publication number; may be repeated.")
@json_option
@exchange_options
def register_technology(
    exchange: Exchange,
    *,
    technology: str,
    pool: str,
    name: str,
    contributor: str,
    summary: str,
    patents: tuple[str, ...],
    as_json: bool,
) -> None:
    """Describe TECHNOLOGY, or describe it anew."""
    described = Technology(technology, pool, name, contributor, summary, patents)
    command = RegisterTechnology(LOCAL_OPERATOR, described)
    change(exchange, command, f"described technology {technology}", as_json=as_json)


@technologies.command("license")
@click.argument("pool")
@click.argument("licensee")
@click.option("--granted-on", metavar="DATE", required=True)
@json_option
@exchange_options
def grant_licence(exchange: Exchange, *, pool: str, licensee: str, granted_on: str, as_json: bool) -> None:
    """Note that LICENSEE took the licence of POOL."""
    command = GrantLicence(LOCAL_OPERATOR, pool, licensee, granted_on)
    change(exchange, command, f"licensed {pool} to {licensee}", as_json=as_json)


@technologies.command("use")
@click.argument("registry")
@click.argument("project")
@click.argument("technologies", nargs=-1)
@click.option("--user", required=True, help="The member or licensee that uses them for the project.")
@json_option
@exchange_options
def name_technologies(
    exchange: Exchange,
    *,
    registry: str,
    project: str,
    technologies: tuple[str, ...],
    user: str,
    as_json: bool,
) -> None:
    """Say that PROJECT uses these TECHNOLOGIES and no others; with none named, that it uses none."""
    command = NameTechnologies(LOCAL_OPERATOR, registry, project, user, technologies)
    change(
        exchange, command, f"{registry} {project} uses {', '.join(technologies) or 'none'}", as_json=as_json
    )


@technologies.command("search")
@click.argument("words", nargs=-1)
@json_option
@exchange_options
def search(exchange: Exchange, *, words: tuple[str, ...], as_json: bool) -> None:
    """Print technologies in whose description, pool or projects all WORDS occur; without words, all technologies."""
    found = find_technologies(read_state(exchange), " ".join(words))
    if as_json:
        print_json(found)
        return
    for one in found:
        _show(one)


def _show(one: PublishedTechnology) -> None:
    click.secho(f"{one.technology}: {one.name}", bold=True)
    projects = (f"{user.registry} {user.project} {user.name} ({user.user})" for user in one.projects)
    facts = [
        ("summary", one.summary),
        ("contributor", one.contributor),
        ("patents", ", ".join(one.patents)),
        ("pool", f"{one.pool}, {one.pool_name}"),
        ("permitted purpose", one.permitted_purpose),
        ("project types", ", ".join(one.project_types)),
        ("members", ", ".join(one.members)),
        ("licensees", ", ".join(one.licensees)),
        ("projects", "; ".join(projects)),
    ]
    print_facts((name, value) for name, value in facts if value)
    click.echo()
