"""Administrative commands on a venue without a running engine: each runs one for the time it needs."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from exchange.log.lease import WriterIdentity
from exchange.log.writer import LogWriter
from exchange.operations import finding
from exchange.operations.cli import main
from exchange.operations.errors import ExitCode

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

ACR_TEXT = "ACR-US-499-2022-2006-37319 to 54852"
ACR_BATCH = "ACR-US-499-2022-2006-{first} to {last}"
ACR_QUANTITY = 54852 - 37319 + 1


def set_up(cli_json: CliJson) -> None:
    """A participant with an account, a class and an instrument."""
    cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")
    cli_json("admin", "accounts", "open", "ACME-1", "ACME")
    cli_json(
        "admin", "classes", "register", "ACR-499-2022", "--registry", "ACR", "--project", "499",
        "--name", "Anew - Kootznoowoo Native Community Forestry Project", "--vintage", "2022", "--country", "US",
    )  # fmt: skip
    cli_json(
        "admin", "instruments", "create", "ACR-499-2022", "--name", "Kootznoowoo 2022", "--class", "ACR-499-2022",
        "--currency", "USD", "--tick", "0.01", "--reference-price", "14.30", "--maximum", "50000",
    )  # fmt: skip


def test_life_of_a_market(cli_json: CliJson) -> None:
    """Everything that an operator sets up is there afterwards, with the amounts that were given."""
    set_up(cli_json)
    cli_json("admin", "cash", "deposit", "ACME-1", "1250.50", "USD")
    cli_json("admin", "cash", "withdraw", "ACME-1", "250.25", "USD")
    cli_json("admin", "units", "deposit", "ACME-1", "ACR-499-2022", "--block", ACR_TEXT)
    part = f"ACR:{ACR_BATCH}:40000-40099"
    cli_json("admin", "units", "withdraw", "ACME-1", "ACR-499-2022", "--block", part)
    cli_json("admin", "fees", "change", "ACR-499-2022", "--maker-ppm", "100", "--taker-ppm", "250")
    cli_json("admin", "day", "close", "--next-date", "2026-11-23")

    assert [
        {"account": "VENUE", "participant": "VENUE", "orders": 0, "balances": []},
        {
            "account": "ACME-1",
            "participant": "ACME",
            "orders": 0,
            "balances": [
                {"asset": "ACR-499-2022", "total": "17434", "held": "0", "available": "17434"},
                {"asset": "USD", "total": "1000.25", "held": "0.00", "available": "1000.25"},
            ],
        },
    ] == cli_json("admin", "accounts", "list")
    assert [
        {
            "symbol": "ACR-499-2022",
            "name": "Kootznoowoo 2022",
            "state": "open",
            "currency": "USD",
            "unit": "t",
            "classes": ["ACR-499-2022"],
            "tick": "0.01",
            "lot": 1,
            "minimum_quantity": 1,
            "maximum_quantity": 50000,
            "reference_price": "14.30",
            "lowest_price": "11.44",
            "highest_price": "17.16",
            "last_price": "",
            "maker_fee_ppm": 100,
            "taker_fee_ppm": 250,
            "settlement_days": 0,
            "calendar": "",
            "orders": 0,
        }
    ] == cli_json("admin", "instruments", "list")
    assert 17434 == cli_json("admin", "classes", "list")[0]["supply"]
    found = cli_json("status")
    assert (False, None, "2026-11-23", 2, 1) == (
        found["running"],
        found["writer"],
        found["business_date"],
        found["participants"],
        len(found["instruments"]),
    )


def test_units_come_from_a_file(cli_json: CliJson, tmp_path: Path) -> None:
    """A CSV file names blocks by their registry's own text or by batch and numbers."""
    set_up(cli_json)
    own_texts, numbers = tmp_path / "texts.csv", tmp_path / "numbers.csv"
    own_texts.write_text(f"serial\n{ACR_TEXT}\nACR-US-499-2022-2006-37174 to 37318\n")
    numbers.write_text(f"registry,batch,first,last\nACR,{ACR_BATCH},1,10\n")
    first = cli_json("admin", "units", "deposit", "ACME-1", "ACR-499-2022", "--blocks-file", str(own_texts))
    second = cli_json("admin", "units", "deposit", "ACME-1", "ACR-499-2022", "--blocks-file", str(numbers))
    assert [ACR_QUANTITY + 145, 10] == [first["events"][0]["quantity"], second["events"][0]["quantity"]]
    assert [{"registry": "ACR", "batch": ACR_BATCH, "first": 1, "last": 10}] == second["events"][0]["blocks"]


def test_instruments_are_halted_resumed_and_closed(cli: Cli, cli_json: CliJson) -> None:
    """Each change shows in the list, and a change to the same state is refused with its number."""
    set_up(cli_json)
    seen = []
    for verb in ("halt", "resume", "close"):
        cli_json("admin", "instruments", verb, "ACR-499-2022", "--reason", "test")
        seen.append(cli_json("admin", "instruments", "list")[0]["state"])
    assert ["halted", "open", "closed"] == seen
    again = cli("admin", "instruments", "close", "ACR-499-2022")
    assert ExitCode.REFUSED == again.exit_code
    assert "refused: 3011 INSTRUMENT_STATE_UNCHANGED: ACR-499-2022 is closed already\n" == again.stderr


def test_a_repeated_reference_changes_nothing(cli: Cli, cli_json: CliJson) -> None:
    """The same request with the same reference answers the original event; another amount is refused."""
    set_up(cli_json)
    deposit = ("admin", "cash", "deposit", "ACME-1", "10", "USD", "--reference", "wire-1")
    first, second = cli_json(*deposit), cli_json(*deposit)
    assert (False, True) == (first["duplicate"], second["duplicate"])
    assert (first["seq"], first["events"]) == (second["seq"], second["events"])
    other = cli("admin", "cash", "deposit", "ACME-1", "11", "USD", "--reference", "wire-1")
    assert ExitCode.REFUSED == other.exit_code
    assert other.stderr.startswith("refused: 4006 REFERENCE_REUSED")
    assert "10.00" == cli_json("admin", "accounts", "list")[1]["balances"][0]["total"]


def test_a_reference_is_made_up_and_told(cli: Cli, cli_json: CliJson) -> None:
    """Without --reference a new one is used, and printed so that it can be repeated."""
    set_up(cli_json)
    result = cli("admin", "cash", "deposit", "ACME-1", "10", "USD")
    assert result.stdout.startswith("deposited 10 USD to ACME-1: event ")
    reference = result.stdout.split("reference ")[1].strip()
    repeated = cli_json("admin", "cash", "deposit", "ACME-1", "10", "USD", "--reference", reference)
    assert repeated["duplicate"] is True


def test_a_key_is_made_registered_and_revoked(cli_json: CliJson, tmp_path: Path) -> None:
    """The private half is a PEM file for its owner's eyes only, the public half is the registered one."""
    set_up(cli_json)
    made = cli_json("admin", "keys", "create", "acme-key", "--participant", "ACME", "--role", "market_maker")
    file = Path(made["private_key_file"])
    assert tmp_path / "keys" / "acme-key.pem" == file
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    private = load_pem_private_key(file.read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    expected = {"key_id": "acme-key", "participant": "ACME", "role": "market_maker", "public_key": public}
    assert [expected] == cli_json("admin", "keys", "list")
    cli_json("admin", "keys", "revoke", "acme-key")
    assert [] == cli_json("admin", "keys", "list")


def test_a_refused_key_leaves_no_file(cli: Cli, tmp_path: Path) -> None:
    """A key that the venue does not register is not left lying about."""
    result = cli("admin", "keys", "create", "nobody", "--participant", "NOBODY")
    assert ExitCode.REFUSED == result.exit_code
    assert result.stderr.startswith("refused: 2007 UNKNOWN_PARTICIPANT")
    assert [] == list((tmp_path / "keys").iterdir())


def test_a_key_file_is_never_overwritten(cli: Cli, tmp_path: Path) -> None:
    """A private key that exists stays as it is."""
    file = tmp_path / "precious.pem"
    file.write_text("precious")
    result = cli("admin", "keys", "create", "op", "--role", "operator", "--output", str(file))
    assert ExitCode.USAGE == result.exit_code
    assert "precious" == file.read_text()


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (("cash", "deposit", "ACME-1", "1.234", "USD"), "1008 INVALID_AMOUNT"),
        (("cash", "deposit", "ACME-1", "ten", "USD"), "1008 INVALID_AMOUNT"),
        (("cash", "deposit", "ACME-1", "1", "XXX"), "4005 UNKNOWN_CURRENCY"),
        (("cash", "withdraw", "ACME-1", "1", "USD"), "4000 INSUFFICIENT_FUNDS"),
        (("cash", "deposit", "NOBODY-1", "1", "USD"), "2004 UNKNOWN_ACCOUNT"),
        (("units", "deposit", "ACME-1", "ACR-499-2022", "--block", "what"), "4007 SERIAL_BLOCK_INVALID: "),
        (
            ("units", "deposit", "ACME-1", "ACR-499-2022", "--block", f"ACR:{ACR_TEXT}:1-9"),
            f"4007 SERIAL_BLOCK_INVALID: serial number '{ACR_TEXT}': its form is known",
        ),
        (
            ("units", "deposit", "ACME-1", "ACR-499-2022", "--block", f"ACR:{ACR_BATCH} :1-9"),
            f"4007 SERIAL_BLOCK_INVALID: serial number '{ACR_BATCH} ': it has single blanks",
        ),
        (
            ("units", "deposit", "ACME-1", "ACR-499-2022", "--block", "ACR-US-499-2022-2006-9 to 3"),
            "4007 SERIAL_BLOCK_INVALID: serial number 'ACR-US-499-2022-2006-9 to 3': the block is reversed",
        ),
        (("units", "withdraw", "ACME-1", "ACR-499-2022", "--block", ACR_TEXT), "4009 SERIAL_BLOCK_NOT_HELD"),
        (("units", "issue", "ACME-1", "ACR-499-2022", "5"), "2003 NOT_PERMITTED"),
        (
            ("units", "cancel", "ACME-1", "ACR-499-2022", "--block", ACR_TEXT, "--reason", "error"),
            "4009 SERIAL_BLOCK_NOT_HELD",
        ),
        (
            ("units", "move", "ACME-1", "ACR-499-2022", "NOPE-1", "--block", ACR_TEXT),
            "4009 SERIAL_BLOCK_NOT_HELD",
        ),
        (("participants", "admit", "ACME", "--name", "Again"), "2008 ALREADY_EXISTS"),
        (("day", "close", "--next-date", "2026-11-20"), "1009 INVALID_DATE"),
    ],
)
def test_refusals_carry_their_number(
    cli: Cli, cli_json: CliJson, arguments: tuple[str, ...], refusal: str
) -> None:
    """What the venue refuses ends with exit code 3 and the numbered reject code on stderr."""
    set_up(cli_json)
    result = cli("admin", *arguments)
    assert (ExitCode.REFUSED, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"refused: {refusal}")


async def test_an_engine_on_another_host_is_named(venue_dsn: str, tmp_path: Path) -> None:
    """Where the lease is held elsewhere, a change says by whom; reading goes on."""
    elsewhere = WriterIdentity("far-away", 4711, "/run/engine.sock")
    options = ["--dsn", venue_dsn, "--data-dir", str(tmp_path)]
    async with await LogWriter.open(venue_dsn, elsewhere):
        change = ["admin", "participants", "admit", "A", "--name", "A", *options]
        refused = await asyncio.to_thread(CliRunner().invoke, main, change)
        listed = await asyncio.to_thread(
            CliRunner().invoke, main, ["admin", "participants", "list", *options]
        )
    assert ExitCode.NOT_AVAILABLE == refused.exit_code
    assert "the engine runs on far-away (process 4711, epoch 2)" in refused.stderr
    assert 0 == listed.exit_code


async def test_an_engine_that_does_not_answer_is_named(
    venue_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an engine of this host holds the lease but its socket is silent, the change gives up with its reason."""
    monkeypatch.setattr(finding, "ENGINE_WAIT_S", 0.3)
    silent = WriterIdentity.of_this_process(str(tmp_path / "engine.sock"))
    async with await LogWriter.open(venue_dsn, silent):
        change = [
            "admin",
            "participants",
            "admit",
            "A",
            "--name",
            "A",
            "--dsn",
            venue_dsn,
            "--data-dir",
            str(tmp_path),
        ]
        result = await asyncio.to_thread(CliRunner().invoke, main, change)
    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert "cannot be reached: no engine listens at" in result.stderr
