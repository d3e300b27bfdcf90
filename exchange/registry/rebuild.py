"""The registry built anew from event 1, beside the one in use, and compared with it row by row.

Then it takes the place of the one in use, or is thrown away. Settlement goes on meanwhile. Only for the last step,
comparing and changing places, it is kept out; whoever settles then is told to begin again on the new tables.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec

from exchange.log.lease import WriterIdentity
from exchange.registry.settlement import Settlement
from exchange.registry.store import FORM, SCHEMA, RegistryStore, lock_tables, read_checkpoint

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exchange.log.migrations import Connection
    from exchange.log.reader import LogReader

BESIDE: Final = "registry_rebuild"
"""The Postgres schema of the tables that are being built."""
MOST_DIFFERENCES: Final = 20
"""So many rows are named."""

_LOCK_KEY: Final = 0x65786368_72656275
"""Of the session's advisory lock of a rebuild ("exch", "rebu")."""
_CLOSE_EVENTS: Final = 20_000
"""Once so near to the checkpoint in use, the rest is settled with settlement kept out."""

TABLES: Final = {
    "checkpoint": ("only_row",),
    "credit_class": ("class_id",),
    "project": ("registry", "project", "seq"),
    "instrument": ("instrument",),
    "batch": ("batch_id",),
    "holding": ("batch_id", "first"),
    "movement": ("seq", "n"),
    "posting": ("account", "asset", "seq"),
    "balance": ("account", "asset"),
    "issuance": ("seq", "n"),
    "retirement": ("seq",),
    "business_day": ("business_date",),
    "class_total": ("class_id",),
    "deferred_trade": ("trade",),
    "settled_trade": ("trade",),
}
"""All that follows from the log, and the key of each."""


class Difference(msgspec.Struct, frozen=True):
    """A row that was not what the log says."""

    table: str
    key: dict[str, Any]
    found: dict[str, Any] | None
    """None: it was missing."""
    rebuilt: dict[str, Any] | None
    """None: there should be no such row."""


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild gave, or a verification."""

    seq: int
    movements: int
    digest_before: str | None
    """SHA-256 of all rows of the tables in use; None where there were none, or of another form."""
    digest: str
    """Likewise of the rebuilt ones."""
    differences: list[Difference]

    @property
    def identical(self) -> bool:
        """Whether the tables were what the log says."""
        return self.digest_before == self.digest


class RebuildRuns(Exception):  # noqa: N818 - another one is at work, which is no error of ours
    """Another process rebuilds the registry."""


async def rebuild(
    dsn: str, reader: LogReader, on_progress: Callable[[int, int], None] | None = None
) -> Rebuilt:
    """Build the registry anew, compare it with the one in use, and put it in its place.

    `on_progress` is told the seq reached and the one to reach. Raises RebuildRuns, and what settling raises.
    """
    return await _build_beside(dsn, reader, on_progress, _change_places)


async def verify(
    dsn: str, reader: LogReader, on_progress: Callable[[int, int], None] | None = None
) -> Rebuilt:
    """Build the registry anew and compare it with the one in use, which stays as it is. As `rebuild` in all else."""
    return await _build_beside(dsn, reader, on_progress, _throw_away)


async def _build_beside(
    dsn: str,
    reader: LogReader,
    on_progress: Callable[[int, int], None] | None,
    finish: Callable[[Connection], Awaitable[None]],
) -> Rebuilt:
    connection = await asyncpg.connect(
        dsn, server_settings={"application_name": "exchange-rebuild", "statement_timeout": "0", "jit": "off"}
    )
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY):
            raise RebuildRuns("another process rebuilds the registry")
        await _throw_away(connection)
        identity = WriterIdentity.of_this_process()
        async with await RegistryStore.open(dsn, identity, BESIDE, exclusive=False) as store:
            settlement = await Settlement.resume(reader, store)
            await _approach(connection, reader, settlement, on_progress)
            async with connection.transaction():
                await lock_tables(connection, SCHEMA)
                target = await _target(connection, reader)
                await _settle(settlement, target, on_progress)
                await settlement.verify()
                rebuilt = await _compare(connection)
                await finish(connection)
        return rebuilt
    finally:
        await connection.close()


async def digest_of(connection: Connection, schema: str) -> dict[str, str]:
    """SHA-256 of the rows of each table, as Postgres writes them as text, in the order of their keys."""
    digests: dict[str, str] = {}
    for table, key in TABLES.items():
        found = sha256()

        async def take(data: bytes, found: Any = found) -> None:
            found.update(data)

        await connection.copy_from_query(
            f"SELECT * FROM {schema}.{table} ORDER BY {', '.join(key)}", output=take
        )
        digests[table] = found.hexdigest()
    return digests


async def _approach(
    connection: Connection,
    reader: LogReader,
    settlement: Settlement,
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Settle until the checkpoint in use is near, while that one moves on."""
    while True:
        target = await _target(connection, reader)
        if target - settlement.checkpoint.seq <= _CLOSE_EVENTS:
            return
        await _settle(settlement, target, on_progress)


async def _settle(
    settlement: Settlement, target: int, on_progress: Callable[[int, int], None] | None
) -> None:
    def tell(seq: int) -> None:
        if on_progress is not None:
            on_progress(seq, target)

    await settlement.catch_up(target, tell)
    tell(settlement.checkpoint.seq)


async def _target(connection: Connection, reader: LogReader) -> int:
    """The checkpoint in use, where it can be compared with; else the end of the log."""
    end = (await reader.head()).last_seq
    if not await _comparable(connection):
        return end
    seq: int | None = await connection.fetchval(f"SELECT seq FROM {SCHEMA}.checkpoint")
    return end if seq is None else min(seq, end)


async def _comparable(connection: Connection) -> bool:
    """Whether all tables are there, as this program makes them."""
    names = [f"{SCHEMA}.{table}" for table in ("settler", *TABLES)]
    if await connection.fetchval(
        "SELECT bool_or(to_regclass(name) IS NULL) FROM unnest($1::text[]) AS name", names
    ):
        return False
    form: str | None = await connection.fetchval(f"SELECT form FROM {SCHEMA}.settler")
    return form == FORM


async def _compare(connection: Connection) -> Rebuilt:
    checkpoint = await read_checkpoint(connection, BESIDE)
    rebuilt = await digest_of(connection, BESIDE)
    before = await digest_of(connection, SCHEMA) if await _comparable(connection) else None
    differences: list[Difference] = []
    for table, key in TABLES.items():
        if before is not None and before[table] != rebuilt[table]:
            differences += await _differences(connection, table, key, MOST_DIFFERENCES - len(differences))
    return Rebuilt(
        checkpoint.seq,
        checkpoint.movements,
        None if before is None else _whole(before),
        _whole(rebuilt),
        differences,
    )


def _whole(digests: dict[str, str]) -> str:
    return sha256("".join(f"{table} {digest}\n" for table, digest in digests.items()).encode()).hexdigest()


async def _differences(
    connection: Connection, table: str, key: tuple[str, ...], limit: int
) -> list[Difference]:
    columns = ", ".join(key)
    rows = await connection.fetch(
        f"SELECT to_jsonb(used.*), to_jsonb(built.*) FROM {SCHEMA}.{table} AS used"
        f" FULL JOIN {BESIDE}.{table} AS built USING ({columns})"
        f" WHERE to_jsonb(used.*) IS DISTINCT FROM to_jsonb(built.*) ORDER BY {columns} LIMIT $1",
        limit,
    )
    found: list[Difference] = []
    for used_json, built_json in rows:
        used = None if used_json is None else msgspec.json.decode(used_json, type=dict[str, Any])
        built = None if built_json is None else msgspec.json.decode(built_json, type=dict[str, Any])
        row = built or used or {}
        found.append(Difference(table, {name: row[name] for name in key}, used, built))
    return found


async def _throw_away(connection: Connection) -> None:
    await connection.execute(f"DROP SCHEMA IF EXISTS {BESIDE} CASCADE")


async def _change_places(connection: Connection) -> None:
    """Put the rebuilt tables in the place of those in use; whoever settled into those is told by the generation."""
    generation = 0
    if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.settler") is not None:
        generation = await connection.fetchval(f"SELECT generation FROM {SCHEMA}.settler") or 0
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    await connection.execute(f"ALTER SCHEMA {BESIDE} RENAME TO {SCHEMA}")
    await connection.execute(
        f"UPDATE {SCHEMA}.settler SET generation = $1, host = NULL, pid = NULL, backend_pid = NULL, since = NULL",
        generation + 1,
    )
