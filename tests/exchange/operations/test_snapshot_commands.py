"""`exchange snapshot`: taken, listed, verified against the log, removed."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import asyncpg

from exchange.domain import snapshot
from exchange.domain.state import State
from exchange.log.reader import LogReader
from exchange.log.recovery import recover
from exchange.log.snapshots import Snapshot, SnapshotStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    Cli = Callable[..., Result]
    CliJson = Callable[..., Any]


def execute(dsn: str, statement: str) -> None:
    """Runs one statement."""

    async def work() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(work())


def recovered(dsn: str) -> tuple[int, str]:
    """Where a start would begin, and the state that it would have."""

    async def work() -> tuple[int, str]:
        async with await LogReader.open(dsn) as reader:
            recovery = await recover(reader, SnapshotStore(dsn))
            return recovery.snapshot_seq, snapshot.digest(recovery.state)

    return asyncio.run(work())


def test_a_snapshot_is_where_a_start_begins(cli: Cli, cli_json: CliJson, venue_dsn: str) -> None:
    """Take saves the state at the end of the log; its digest is that of the fold."""
    assert 0 == recovered(venue_dsn)[0]
    digest = recovered(venue_dsn)[1]

    taken = cli_json("snapshot", "take")

    assert (2, digest, True) == (taken["seq"], taken["digest"], taken["intact"])
    assert (2, digest) == recovered(venue_dsn)
    assert [taken] == cli_json("snapshot", "list")
    assert ["2", "yes"] == [cli("snapshot", "list").stdout.splitlines()[3].split()[n] for n in (0, -1)]
    assert digest in cli("snapshot", "take").stdout


def test_bad_snapshots_are_named_and_removed(cli: Cli, cli_json: CliJson, venue_dsn: str) -> None:
    """List reads the bytes, verify folds the log; prune makes room for a good one."""
    cli_json("admin", "participants", "admit", "ACME", "--name", "Acme Ltd")
    cli_json("snapshot", "take")
    assert (0, "1 snapshots compared with the log\n") == (
        (result := cli("snapshot", "verify")).exit_code,
        result.stdout,
    )

    async def save_another() -> None:
        async with await LogReader.open(venue_dsn) as reader:
            other = Snapshot(2, await reader.hash_at(2), "0.1.0", snapshot.dump(State()))
            await SnapshotStore(venue_dsn).save(other)

    asyncio.run(save_another())
    last = cli_json("snapshot", "list")[-1]["seq"]
    execute(
        venue_dsn,
        f"UPDATE snapshot SET state = set_byte(state, 20, get_byte(state, 20) # 1) WHERE seq = {last}",
    )
    verified = cli("snapshot", "verify", "--json")
    assert [True, False] == [row["intact"] for row in cli_json("snapshot", "list")]
    assert 1 == verified.exit_code
    assert [(2, "snapshot 2 holds another state than the log gives"), (last, f"snapshot {last} is damaged: its bytes do not fit its digest")] == [
        (fault["seq"], fault["what"]) for fault in json.loads(verified.stdout)["faults"]
    ]  # fmt: skip
    assert f"event {last}: snapshots: snapshot {last} is damaged" in cli("snapshot", "verify").stdout

    assert {"removed": 2} == cli_json("snapshot", "prune", "--keep", "0")
    assert "0 removed\n" == cli("snapshot", "prune").stdout
    cli_json("snapshot", "take")
    assert 0 == cli("snapshot", "verify").exit_code
