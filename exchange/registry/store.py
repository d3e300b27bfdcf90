"""The registry's tables in Postgres, and the one who writes them.

A transaction holds everything that some events change, and the checkpoint behind them: after a crash at any moment the
tables are as of a checkpoint, and settling goes on from there. Whether a commit is on disk when it is answered does not
matter: what a crash takes away is settled again, from the log.
"""

from __future__ import annotations

from contextlib import contextmanager
from hashlib import sha256
from importlib import resources
from typing import TYPE_CHECKING, Final, Self

import asyncpg
import msgspec

from exchange.domain.intervals import IntervalError
from exchange.log.chain import GENESIS
from exchange.registry.projection import Projection
from exchange.registry.rows import (
    NO_MOVEMENTS,
    Balance,
    Batch,
    BusinessDay,
    ClassTotal,
    CreditClassRow,
    DeferredTrade,
    Holding,
    InstrumentRow,
    Issuance,
    Movement,
    Posting,
    ProjectRow,
    Retirement,
    SettledTrade,
)
from exchange.registry.totals import AccountAsset, is_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from exchange.log.lease import WriterIdentity
    from exchange.log.migrations import Connection
    from exchange.registry.projection import Appended, Changed

SCHEMA: Final = "registry"
"""The Postgres schema that is in use."""
_SQL: Final = resources.files("exchange.registry").joinpath("schema/registry.sql").read_text(encoding="utf-8")
FORM: Final = sha256(_SQL.encode()).hexdigest()
"""Tables that another file made are built anew."""

SETTLING_LOCK: Final = 0x65786368_7365746C
"""Of the session's advisory lock that one settling process holds ("exch", "setl")."""
_TAKEN_OVER: Final = "RG001"
"""The SQLSTATE that `lock_registry` raises."""
_LOAD_ROWS: Final = 10_000

_SETTINGS: Final = {
    "application_name": "exchange-settlement",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    # A process stopped in the middle must not keep others from settling.
    "idle_in_transaction_session_timeout": "60s",
    "jit": "off",
}

_TAKE_OVER = """
UPDATE settler SET generation = generation + 1, backend_pid = pg_backend_pid(), host = $1, pid = $2, since = now()
RETURNING generation
"""
_BATCHES = "SELECT batch_id, seq, registry, batch FROM batch ORDER BY batch_id"
_KNOWN = "SELECT batch_id, first, last FROM issuance ORDER BY seq, n"
_HOLDINGS = f"""
SELECT {", ".join(Holding._fields)} FROM holding ORDER BY batch_id, first
"""
_BALANCES = "SELECT account, asset, total, seq FROM balance ORDER BY account, asset"
_CLASS_TOTALS = f"SELECT {', '.join(ClassTotal._fields)} FROM class_total ORDER BY class_id"
_DELETE_HOLDINGS = """
DELETE FROM holding USING unnest($1::integer[], $2::bigint[]) AS gone (batch_id, first)
WHERE holding.batch_id = gone.batch_id AND holding.first = gone.first
"""
_SAVE_BALANCES = """
INSERT INTO balance (account, asset, total, seq) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
ON CONFLICT (account, asset) DO UPDATE SET total = excluded.total, seq = excluded.seq
"""
_SAVE_CLASS_TOTALS = f"""
INSERT INTO class_total ({", ".join(ClassTotal._fields)})
SELECT * FROM unnest($1::text[], {", ".join(f"${n}::bigint[]" for n in range(2, len(ClassTotal._fields) + 1))})
ON CONFLICT (class_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in ClassTotal._fields[1:])}
"""
_SAVE_CHECKPOINT = "UPDATE checkpoint SET seq = $1, hash = $2, recorded_at = $3, movements = $4, digest = $5"
_UNITS = "SELECT account, class_id, sum(last - first + 1)::bigint FROM holding WHERE place IN ('held', 'locked', 'frozen')"
_BY_CLASS = "GROUP BY account, class_id"
_OF_SOME = "AND (account, class_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
_NOT_TILED = """
SELECT batch.registry, batch.batch FROM batch
LEFT JOIN (SELECT batch_id, range_agg(int8range(first, last, '[]')) AS serials, sum(last - first + 1) AS units
    FROM issuance GROUP BY batch_id) AS arrived USING (batch_id)
LEFT JOIN (SELECT batch_id, range_agg(serials) AS serials, sum(last - first + 1) AS units
    FROM holding GROUP BY batch_id) AS placed USING (batch_id)
WHERE arrived.serials IS DISTINCT FROM placed.serials OR arrived.units IS DISTINCT FROM placed.units
ORDER BY batch_id LIMIT 1
"""


_MISCOUNTED = """
SELECT class_id FROM
    (SELECT class_id, held, locked, frozen, retired, cancelled, moved, converted, expired, withdrawn FROM class_total) AS counted
FULL JOIN
    (SELECT class_id, coalesce(sum(units) FILTER (WHERE place = 'held'), 0) AS held,
        coalesce(sum(units) FILTER (WHERE place = 'locked'), 0) AS locked,
        coalesce(sum(units) FILTER (WHERE place = 'frozen'), 0) AS frozen,
        coalesce(sum(units) FILTER (WHERE place = 'retired'), 0) AS retired,
        coalesce(sum(units) FILTER (WHERE place = 'cancelled'), 0) AS cancelled,
        coalesce(sum(units) FILTER (WHERE place = 'moved'), 0) AS moved,
        coalesce(sum(units) FILTER (WHERE place = 'converted'), 0) AS converted,
        coalesce(sum(units) FILTER (WHERE place = 'expired'), 0) AS expired,
        coalesce(sum(units) FILTER (WHERE place = 'withdrawn'), 0) AS withdrawn
    FROM (SELECT class_id, place, last - first + 1 AS units FROM holding) AS one GROUP BY class_id) AS found
USING (class_id)
WHERE (counted.held, counted.locked, counted.frozen, counted.retired, counted.cancelled, counted.moved,
    counted.converted, counted.expired, counted.withdrawn)
    IS DISTINCT FROM
    (found.held, found.locked, found.frozen, found.retired, found.cancelled, found.moved,
    found.converted, found.expired, found.withdrawn)
    -- A class all of whose units came back as another one has a total of nothing and no serials.
    AND (found.class_id IS NOT NULL OR counted.held + counted.locked + counted.frozen + counted.retired
        + counted.cancelled + counted.moved + counted.converted + counted.expired + counted.withdrawn <> 0)
ORDER BY class_id LIMIT 1
"""


class SettlementHeld(Exception):  # noqa: N818 - another process is at work, which is no error of ours
    """Another process settles this log."""


class TakenOver(Exception):  # noqa: N818 - it says that our time is over
    """Somebody else settles now, or the tables were rebuilt. Nothing was written; this process must start again."""


class RegistryDamaged(Exception):  # noqa: N818 - it says what was found
    """The tables are not what was written to them. `exchange settle --rebuild` makes them anew and names what differs."""


class ReconciliationFailed(Exception):  # noqa: N818 - it says what was found
    """The registry and the ledger disagree about what an account owns of a class. Nothing was written."""

    def __init__(self, account: str, class_id: str, seq: int, registry_units: int, ledger_units: int) -> None:
        super().__init__(
            f"account {account} owns {registry_units} units of {class_id} by the registry"
            f" and {ledger_units} by the ledger at event {seq}"
        )
        self.account = account
        self.class_id = class_id
        self.seq = seq


class Checkpoint(msgspec.Struct, frozen=True):
    """Up to where the log is settled."""

    seq: int
    hash: bytes
    """Of the event in the log's chain; `GENESIS` at 0."""
    recorded_at: int
    """Of the event, nanoseconds UTC."""
    movements: int
    digest: bytes
    """Of all movements."""


class RegistryStore:
    """The right to settle, and a connection that it depends on. After any failure it is of no use."""

    def __init__(self, connection: Connection, generation: int, checkpoint: Checkpoint) -> None:
        self._connection = connection
        self._generation = generation
        self._in_transaction = False
        self.checkpoint = checkpoint
        """The last that was committed."""

    @classmethod
    async def open(
        cls, dsn: str, identity: WriterIdentity, schema: str = SCHEMA, *, exclusive: bool = True
    ) -> Self:
        """Take the right to settle; the tables are made, empty, where there are none or such of another form.

        Raises SettlementHeld where another process settles, unless not `exclusive`: then whoever opened last may write.
        """
        connection = await asyncpg.connect(dsn, server_settings={**_SETTINGS, "search_path": schema})
        try:
            if exclusive and not await connection.fetchval("SELECT pg_try_advisory_lock($1)", SETTLING_LOCK):
                raise SettlementHeld(await _holder(connection))
            async with connection.transaction():
                await lock_tables(connection, schema)
                await _make(connection, schema)
                generation: int = await connection.fetchval(_TAKE_OVER, identity.host, identity.pid)
            checkpoint = await read_checkpoint(connection, schema)
        except BaseException:
            connection.terminate()
            raise
        return cls(connection, generation, checkpoint)

    async def load(self) -> Projection:
        """The projection as of the checkpoint. Raises RegistryDamaged or ReconciliationFailed where it cannot be that."""
        projection = Projection()
        projection.seq = self.checkpoint.seq
        projection.recorded_at = self.checkpoint.recorded_at
        projection.movement_count = self.checkpoint.movements
        projection.digest = self.checkpoint.digest
        connection = self._connection
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            batches = [Batch(*row) for row in await connection.fetch(_BATCHES)]
            known = [(row[0], row[1], row[2]) for row in await connection.fetch(_KNOWN)]
            rows = [Holding(*row) async for row in connection.cursor(_HOLDINGS, prefetch=_LOAD_ROWS)]
            balances = [Balance(*row) for row in await connection.fetch(_BALANCES)]
            class_totals = [ClassTotal(*row) for row in await connection.fetch(_CLASS_TOTALS)]
        try:
            projection.places.restore(batches, known, rows)
        except (IntervalError, KeyError) as error:
            raise RegistryDamaged(f"the registry's holdings are not whole: {error!r}") from error
        projection.totals.restore(balances)
        projection.places.class_totals.restore(class_totals)
        await self.verify(projection.totals.of_classes())
        return projection

    async def append(self, appended: Appended) -> None:
        """Write rows that are only added, in a transaction that `commit` ends. Raises TakenOver or RegistryDamaged."""
        tables: tuple[tuple[str, Sequence[tuple[object, ...]], tuple[str, ...]], ...] = (
            ("batch", appended.batches, Batch._fields),
            ("credit_class", appended.classes, CreditClassRow._fields),
            ("project", appended.projects, ProjectRow._fields),
            ("instrument", appended.instruments, InstrumentRow._fields),
            ("movement", appended.movements, Movement._fields),
            ("posting", appended.postings, Posting._fields),
            ("issuance", appended.issuances, Issuance._fields),
            ("retirement", appended.retirements, Retirement._fields),
            ("business_day", appended.business_days, BusinessDay._fields),
            ("deferred_trade", appended.deferred_trades, DeferredTrade._fields),
            ("settled_trade", appended.settled_trades, SettledTrade._fields),
        )
        with _explained():
            await self._begin()
            for table, rows, columns in tables:
                if rows:
                    await self._connection.copy_records_to_table(table, records=rows, columns=columns)

    async def commit(self, changed: Changed, checkpoint: Checkpoint) -> None:
        """Write what is other than at the last checkpoint, reconcile it with the ledger, and end the transaction.

        Raises ReconciliationFailed, RegistryDamaged or TakenOver: then nothing was written.
        """
        connection = self._connection
        with _explained():
            await self._begin()
            await self._save_holdings(changed)
            if changed.balances:
                await connection.execute(_SAVE_BALANCES, *zip(*changed.balances, strict=True))
            if changed.class_totals:
                await connection.execute(_SAVE_CLASS_TOTALS, *zip(*changed.class_totals, strict=True))
            touched = {one[:2]: one.total for one in changed.balances if is_class(one.asset)}
            if touched:
                rows = await connection.fetch(f"{_UNITS} {_OF_SOME} {_BY_CLASS}", *zip(*touched, strict=True))
                _reconcile(rows, touched, checkpoint.seq)
            await connection.execute(_SAVE_CHECKPOINT, *msgspec.structs.astuple(checkpoint))
            await connection.execute("COMMIT")
        self._in_transaction = False
        self.checkpoint = checkpoint

    async def verify(self, ledger: Mapping[AccountAsset, int]) -> None:
        """Compare all that the tables hold with the ledger as of the checkpoint, and each batch with what came in.

        Raises ReconciliationFailed or RegistryDamaged.
        """
        connection, seq = self._connection, self.checkpoint.seq
        last_moved: int | None = await connection.fetchval("SELECT max(seq) FROM movement")
        if last_moved is not None and last_moved > seq:
            raise RegistryDamaged(f"there are movements of event {last_moved}, after the checkpoint {seq}")
        _reconcile(await connection.fetch(f"{_UNITS} {_BY_CLASS}"), ledger, seq)
        torn = await connection.fetchrow(_NOT_TILED)
        if torn is not None:
            raise RegistryDamaged(
                f"the serials of {torn[0]} batch {torn[1]} are not each in exactly one place at event {seq}"
            )
        miscounted: str | None = await connection.fetchval(_MISCOUNTED)
        if miscounted is not None:
            raise RegistryDamaged(f"the totals of {miscounted} are not those of its serials at event {seq}")

    async def close(self) -> None:
        """Give the right back and close the connection. What was not committed is undone."""
        if self._in_transaction:
            self._connection.terminate()
        else:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _begin(self) -> None:
        if not self._in_transaction:
            self._in_transaction = True
            await self._connection.execute(
                f"BEGIN; SELECT lock_registry({self._generation}, {self.checkpoint.seq})"
            )

    async def _save_holdings(self, changed: Changed) -> None:
        """All that goes before anything that comes: at no moment is a serial in two rows."""
        connection = self._connection
        if changed.gone:
            done = await connection.execute(_DELETE_HOLDINGS, *zip(*changed.gone, strict=True))
            if done != f"DELETE {len(changed.gone)}":
                raise RegistryDamaged(
                    f"{len(changed.gone)} rows of holding were to change after event {self.checkpoint.seq}: {done}"
                )
        if changed.holdings:
            # Neighbours in a row: the index of the exclusion constraint takes them faster.
            await connection.copy_records_to_table(
                "holding", records=sorted(changed.holdings), columns=Holding._fields
            )


def _reconcile(rows: Sequence[asyncpg.Record], ledger: Mapping[AccountAsset, int], seq: int) -> None:
    """Compare units by account and class in the tables with the ledger."""
    found = {(row[0], row[1]): row[2] for row in rows}
    for account, class_id in sorted(found.keys() | ledger.keys()):
        registry_units, ledger_units = found.get((account, class_id), 0), ledger.get((account, class_id), 0)
        if registry_units != ledger_units:
            raise ReconciliationFailed(account, class_id, seq, registry_units, ledger_units)


async def lock_tables(connection: Connection, schema: str) -> None:
    """Keep everybody from settling into the tables of a schema until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock(x'65786368'::integer, hashtext($1))", schema)


async def read_checkpoint(connection: Connection, schema: str) -> Checkpoint:
    """The checkpoint of the tables in a schema."""
    columns = ", ".join(Checkpoint.__struct_fields__)
    row = await connection.fetchrow(f"SELECT {columns} FROM {schema}.checkpoint")
    if row is None:
        raise RegistryDamaged("the registry has no checkpoint")
    return Checkpoint(*row)


async def _make(connection: Connection, schema: str) -> None:
    """Make the tables where there are none or such of another form."""
    if await connection.fetchval("SELECT to_regnamespace($1)", schema) is not None:
        if await connection.fetchval("SELECT to_regclass($1)", f"{schema}.settler") is None:
            raise RegistryDamaged(f"the schema {schema} of the database has no table of who settles")
        if await connection.fetchval("SELECT form FROM settler") == FORM:
            return
        await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    await connection.execute(f"CREATE SCHEMA {schema}")
    await connection.execute(_SQL)
    await connection.execute("INSERT INTO settler (form, generation) VALUES ($1, 0)", FORM)
    nothing = Checkpoint(0, GENESIS, 0, 0, NO_MOVEMENTS)
    columns = ", ".join(Checkpoint.__struct_fields__)
    await connection.execute(
        f"INSERT INTO checkpoint ({columns}) VALUES ($1, $2, $3, $4, $5)", *msgspec.structs.astuple(nothing)
    )


async def _holder(connection: Connection) -> str:
    row = None
    if await connection.fetchval("SELECT to_regclass('settler')") is not None:
        row = await connection.fetchrow("SELECT host, pid, since FROM settler")
    if row is None or row["pid"] is None:
        return "a process that is just starting settles this log"
    return f"process {row['pid']} on {row['host']} settles this log since {row['since'].isoformat(timespec='seconds')}"


@contextmanager
def _explained() -> Iterator[None]:
    """Give what the server refuses its name."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise RegistryDamaged(f"the database refused what was to be written: {error}") from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == _TAKEN_OVER:
            raise TakenOver(str(error)) from error
        raise
