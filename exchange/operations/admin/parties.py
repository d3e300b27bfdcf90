"""`exchange admin parties`: Parties to the Paris Agreement, and whose accounts stand in which Party's registry."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING

import click
import msgspec

from exchange.domain.carbon.parties import FIRST_YEAR_OF_ITMOS, JAPAN
from exchange.domain.carbon.party_forms import AssignParty, Party, RegisterParty
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.operations.administering import Done, change, execute, read_state
from exchange.operations.options import exchange_options, json_option, run_async
from exchange.operations.output import print_json, print_table

if TYPE_CHECKING:
    from exchange.operations.finding import Exchange

DEFAULT_NDC = (FIRST_YEAR_OF_ITMOS, 2030)
"""The implementation period of most first NDCs."""
_LIST = files(__package__) / "jcm_partners.csv"


def jcm_parties() -> list[Party]:
    """Japan and its partner countries in the order in which they joined the Joint Crediting Mechanism."""
    partners = [
        Party(
            row["party"],
            row["name"],
            row["country"],
            f"{row['party']}01",
            *DEFAULT_NDC,
            jcm_order=int(row["order"]),
        )
        for row in csv.DictReader(_LIST.read_text(encoding="utf-8").splitlines())
    ]
    return [Party(JAPAN, "Japan", "JP", f"{JAPAN}01", *DEFAULT_NDC), *partners]


class PartyRow(msgspec.Struct, frozen=True):
    """With --json, `parties list` prints a list of these."""

    party: str
    name: str
    country: str
    registry_id: str
    ndc_first_year: int
    ndc_last_year: int
    jcm_order: int
    participants: list[str]
    """Whose accounts stand in its registry."""


@click.group()
def parties() -> None:
    """Parties to the Paris Agreement, and whose accounts stand in which Party's registry."""


@parties.command("register")
@click.argument("party")
@click.option("--name", required=True)
@click.option("--country", required=True, help="ISO 3166 alpha-2 code.")
@click.option(
    "--registry-id", help="Its ITMO registry, such as JPN01. Default: the code of the Party with 01."
)
@click.option("--ndc-first-year", type=int, default=DEFAULT_NDC[0], show_default=True)
@click.option("--ndc-last-year", type=int, default=DEFAULT_NDC[1], show_default=True)
@click.option(
    "--jcm-order", type=int, default=0, help="It joined the JCM as the n-th partner. Default: it did not."
)
@json_option
@exchange_options
def register(
    exchange: Exchange,
    *,
    party: str,
    name: str,
    country: str,
    registry_id: str | None,
    ndc_first_year: int,
    ndc_last_year: int,
    jcm_order: int,
    as_json: bool,
) -> None:
    """Describe PARTY, an ISO 3166 alpha-3 code such as JPN; or describe it anew."""
    described = Party(
        party, name, country, registry_id or f"{party}01", ndc_first_year, ndc_last_year, jcm_order
    )
    change(exchange, RegisterParty(LOCAL_OPERATOR, described), f"registered {party}", as_json=as_json)


@parties.command("register-jcm")
@json_option
@exchange_options
def register_jcm(exchange: Exchange, *, as_json: bool) -> None:
    """Describe Japan and its 31 partner countries under the JCM, those that are not known yet."""
    known = read_state(exchange).carbon.parties.known
    new = [party for party in jcm_parties() if party.party not in known]

    async def work() -> list[Done]:
        async with exchange.database() as dsn, exchange.engine(dsn) as port:
            return [await execute(port, dsn, RegisterParty(LOCAL_OPERATOR, party)) for party in new]

    done = run_async(work())
    if as_json:
        print_json(done)
        return
    click.echo(f"registered {len(done)} Parties; {len(jcm_parties()) - len(done)} were known")


@parties.command("assign")
@click.argument("participant")
@click.argument("party")
@json_option
@exchange_options
def assign(exchange: Exchange, *, participant: str, party: str, as_json: bool) -> None:
    """Let the accounts of PARTICIPANT stand in the registry of PARTY. They own no units then."""
    command = AssignParty(LOCAL_OPERATOR, participant, party)
    change(
        exchange,
        command,
        f"accounts of {participant} stand in the registry of {party}",
        as_json=as_json,
    )


@parties.command("list")
@json_option
@exchange_options
def list_parties(exchange: Exchange, *, as_json: bool) -> None:
    """Print all Parties."""
    known = read_state(exchange).carbon.parties
    rows = [
        PartyRow(
            **msgspec.structs.asdict(party),
            participants=sorted(name for name, code in known.of_participant.items() if code == party.party),
        )
        for _, party in sorted(known.known.items())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("party", "name", "registry", "NDC", "JCM", "participants"),
        (
            (
                row.party,
                row.name,
                row.registry_id,
                f"{row.ndc_first_year}-{row.ndc_last_year}",
                row.jcm_order or "",
                ", ".join(row.participants),
            )
            for row in rows
        ),
        right=("JCM",),
    )
