"""`exchange settle`, and the process of `exchange up` that settles all the time."""

import asyncio
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import Result

from exchange.log.embedded import find_running
from exchange.log.lease import WriterIdentity
from exchange.operations.errors import ExitCode
from exchange.registry.store import RegistryStore
from tests.exchange.log.conftest import tamper
from tests.exchange.operations.running import EXCHANGE, RunningExchange, has_ended
from tests.exchange.registry.settled import execute, rows
from tests.waiting import eventually

Cli = Callable[..., Result]
CliJson = Callable[..., Any]

BLOCK = "ACR-US-499-2022-2006-1 to 100"


@pytest.fixture
def deposited(cli_json: CliJson) -> int:
    """A venue whose account has a block of a hundred units; gives the seq of the last event."""
    cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")
    cli_json("admin", "accounts", "open", "acme", "ACME")
    cli_json(
        "admin",
        "classes",
        "register",
        "ACR-499-2022",
        "--registry",
        "ACR",
        "--project",
        "499",
        "--name",
        "Prairie",
        "--vintage",
        "2022",
    )
    seq: int = cli_json("admin", "units", "deposit", "acme", "ACR-499-2022", "--block", BLOCK)["seq"]
    return seq


def test_settle_goes_to_the_end_of_the_log(
    cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str
) -> None:
    """It settles what there is, tells how far it came, and has nothing to do the second time."""
    assert ExitCode.NOT_AVAILABLE == cli("settle", "--status").exit_code

    found = cli_json("settle")

    assert (deposited, deposited, 0, 0, 1) == tuple(
        found[name] for name in ("seq", "last_seq", "lag_events", "lag_ms", "movements")
    )
    assert found["settler"]["works"] is False
    again = cli_json("settle")
    assert found | {"settler": None} == again | {"settler": None}
    assert again == cli_json("settle", "--status")
    (held,) = asyncio.run(rows(venue_dsn, "holding"))
    assert (1, 100, "ACR-499-2022", "held", "acme") == (held[1], held[2], held[4], held[5], held[6])


def test_status_shows_the_lag(cli: Cli, cli_json: CliJson, deposited: int) -> None:
    """What came since the checkpoint is counted."""
    cli_json("settle")
    cli_json("admin", "participants", "admit", "LATE", "--name", "Late Ltd")

    status = cli_json("settle", "--status")
    text = cli("settle", "--status").stdout

    assert (deposited, deposited + 2, 2) == (status["seq"], status["last_seq"], status["lag_events"])
    assert 0 < status["lag_ms"]
    assert "2 events, " in text
    assert "does not work now" in text


def test_options_that_exclude_each_other(cli: Cli) -> None:
    """One thing at a time."""
    result = cli("settle", "--status", "--rebuild")
    assert ExitCode.USAGE == result.exit_code
    assert "exclude each other" in result.stderr


def test_a_second_settler_is_refused(cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str) -> None:
    """While another process settles, the command says which."""
    cli_json("settle")

    async def while_another_settles() -> Result:
        async with await RegistryStore.open(venue_dsn, WriterIdentity("elsewhere", 4711, "")):
            return await asyncio.to_thread(cli, "settle")

    result = asyncio.run(while_another_settles())
    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert "process 4711 on elsewhere settles this log" in result.stderr


def test_rebuild_proves_that_the_tables_are_right(cli: Cli, cli_json: CliJson, deposited: int) -> None:
    """Same digest of all rows; without tables there is nothing to compare with."""
    first = cli_json("settle", "--rebuild")
    assert (None, False, deposited, 1) == tuple(
        first[name] for name in ("digest_before", "identical", "seq", "movements")
    )

    second = cli_json("settle", "--rebuild")

    assert (True, first["digest"], first["digest"], []) == tuple(
        second[name] for name in ("identical", "digest_before", "digest", "differences")
    )
    assert "verdict               identical" in cli("settle", "--rebuild").stdout


def test_a_terminal_shows_the_progress(
    cli: Cli, cli_json: CliJson, deposited: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bar on stderr with the seq reached and the one to reach; nothing of it on stdout."""
    cli_json("settle")
    monkeypatch.setenv("FORCE_COLOR", "1")

    for option, what in (("--rebuild", "rebuilding"), ("--verify", "verifying")):
        result = cli("settle", option)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", result.stderr)
        assert re.search(rf"{what} .* {deposited}/{deposited} ", shown)
        assert what not in result.stdout


def test_rebuild_names_a_changed_movement(
    cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str
) -> None:
    """Exit code 8, the row as it was and as it is; the next rebuild finds nothing."""
    cli_json("settle")
    damage = "UPDATE registry.movement SET last = 99"
    asyncio.run(execute(venue_dsn, damage))

    result = cli("settle", "--rebuild")

    assert ExitCode.REGISTRY_DAMAGED == result.exit_code
    assert f'movement {{"seq":{deposited},"n":1}}: found ' in result.stdout
    assert '"last":99' in result.stdout
    assert "the registry was not what the log says (1 rows named)" in result.stderr
    asyncio.run(execute(venue_dsn, damage))
    as_json = cli("settle", "--rebuild", "--json")
    assert ExitCode.REGISTRY_DAMAGED == as_json.exit_code
    (difference,) = json.loads(as_json.stdout)["differences"]
    assert ("movement", 99, 100) == (
        difference["table"],
        difference["found"]["last"],
        difference["rebuilt"]["last"],
    )
    assert 0 == cli("settle", "--rebuild").exit_code


def test_verify_changes_nothing(cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str) -> None:
    """It names a changed row each time it is asked, with exit code 8, until a rebuild; without tables it has nothing to do."""
    nothing = cli("settle", "--verify")
    assert (ExitCode.NOT_AVAILABLE, True) == (nothing.exit_code, "nothing was settled" in nothing.stderr)
    cli_json("settle")
    whole = cli_json("settle", "--verify")
    assert (True, [], deposited) == (whole["identical"], whole["differences"], whole["seq"])
    asyncio.run(execute(venue_dsn, "UPDATE registry.posting SET change = 99"))

    for _ in range(2):
        result = cli("settle", "--verify")
        assert ExitCode.REGISTRY_DAMAGED == result.exit_code
        assert f"verified up to event  {deposited}" in result.stdout
        assert (
            f'posting {{"account":"acme","asset":"ACR-499-2022","seq":{deposited}}}: found ' in result.stdout
        )
        assert "the registry is not what the log says (1 rows named)" in result.stderr
    assert ExitCode.REGISTRY_DAMAGED == cli("settle", "--rebuild").exit_code
    assert whole == cli_json("settle", "--verify")


def test_tables_that_cannot_be_verified(cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str) -> None:
    """Those of another version of the program are made anew, not compared."""
    cli_json("settle")
    asyncio.run(execute(venue_dsn, "UPDATE registry.settler SET form = 'another'"))

    result = cli("settle", "--verify")

    assert ExitCode.NOT_AVAILABLE == result.exit_code
    assert "the tables are not such as this program makes" in result.stderr
    cli_json("settle")
    assert cli_json("settle", "--verify")["identical"]


@pytest.mark.parametrize("option", ["--verify", "--rebuild"])
def test_a_changed_log_is_named(
    option: str, cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str
) -> None:
    """Exit code 7 and the seq of the event; the tables stay."""
    cli_json("settle")
    damage = "UPDATE event SET payload = set_byte(payload, 9, get_byte(payload, 9) # 1)"
    asyncio.run(tamper(venue_dsn, f"{damage} WHERE seq = {deposited}"))

    result = cli("settle", option)

    assert ExitCode.LOG_UNUSABLE == result.exit_code
    assert f"the log is broken at event {deposited}: its hash does not fit" in result.stderr
    assert deposited == cli_json("settle", "--status")["seq"]


def test_a_difference_from_the_ledger_stops_it(
    cli: Cli, cli_json: CliJson, deposited: int, venue_dsn: str
) -> None:
    """Account, class and seq in one sentence, exit code 8."""
    cli_json("settle")
    asyncio.run(execute(venue_dsn, "UPDATE registry.holding SET last = 99"))

    result = cli("settle")

    assert ExitCode.REGISTRY_DAMAGED == result.exit_code
    assert (
        f"account acme owns 99 units of ACR-499-2022 by the registry and 100 by the ledger at event {deposited}"
        in result.stderr
    )


async def test_follow_until_ctrl_c(venue_dsn: str, tmp_path: Path) -> None:
    """It settles as events come, and ends in order."""
    process = await asyncio.create_subprocess_exec(
        *EXCHANGE, "settle", "--follow", "--dsn", venue_dsn, "--data-dir", str(tmp_path), "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip

    async def settled() -> bool:
        try:
            return bool((await rows(venue_dsn, "checkpoint"))[0][1] == 2)
        except asyncpg.UndefinedTableError:
            return False

    await eventually(settled, "the log is settled")
    process.send_signal(signal.SIGINT)
    stdout, _ = await process.communicate()
    assert 0 == process.returncode
    assert (2, 0) == (json.loads(stdout)["seq"], json.loads(stdout)["lag_events"])


@pytest.mark.faults
async def test_up_settles_all_the_time(tmp_path: Path) -> None:
    """A deposit is settled soon; a killed settler comes back; a rebuild goes well meanwhile."""
    async with await RunningExchange.start(tmp_path / "data") as exchange:

        async def settled_up_to(seq: int) -> None:
            async def reached() -> bool:
                return bool((await exchange.command_json("settle", "--status"))["seq"] >= seq)

            await eventually(reached, f"event {seq} is settled")

        await exchange.logged("settling")
        await settled_up_to(2)
        status = await exchange.command_json("settle", "--status")
        settler = exchange.child("settlement_process")
        assert (True, settler.pid) == (status["settler"]["works"], status["settler"]["pid"])

        settler.kill()
        await settled_up_to((await exchange.admit("ACME"))["seq"])
        await exchange.logged("settling", times=2)

        rebuilt = await exchange.command_json("settle", "--rebuild")
        assert rebuilt["identical"]
        await settled_up_to((await exchange.admit("BETA"))["seq"])
        await exchange.logged("settling", times=3)
        last = exchange.child("settlement_process")
    await eventually(lambda: has_ended(last), "the settler ends with the exchange")


@pytest.mark.faults
async def test_trading_goes_on_without_settlement(tmp_path: Path) -> None:
    """A registry that disagrees with the ledger stops settlement for good, and nothing else."""
    async with await RunningExchange.start(tmp_path / "data") as exchange:
        await exchange.logged("settling")
        # With its password, which what is printed leaves out.
        dsn = find_running(tmp_path / "data")
        assert dsn
        await execute(dsn, "INSERT INTO registry.balance VALUES ('nobody', 'VCS-1-2020', 5, 1)")
        exchange.child("settlement_process").kill()
        await exchange.logged("account nobody owns 0 units of VCS-1-2020 by the registry and 5 by the ledger")
        await eventually(
            lambda: any("it is left alone" in str(line["event"]) for line in exchange.log()), "it is given up"
        )
        assert 3 == (await exchange.admit("ACME"))["seq"]
        assert [] == exchange.children("settlement_process")
        assert 0 == await exchange.stop()
