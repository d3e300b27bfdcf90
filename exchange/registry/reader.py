"""The read side of settlement: up to where the log is settled, and who does it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.registry.store import SCHEMA, SETTLING_LOCK, Checkpoint, read_checkpoint

if TYPE_CHECKING:
    from exchange.log.migrations import Connection

_WORKS: Final = """
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND classid = ($1::bigint >> 32)::oid AND objid = ($1::bigint & 4294967295)::oid
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""


class Settler(msgspec.Struct, frozen=True):
    """Who settles, or did last."""

    works: bool
    """Whether it does so now."""
    host: str
    pid: int
    since: datetime


class SettlementStatus(msgspec.Struct, frozen=True):
    """Where settlement stands, in one look at log and registry."""

    checkpoint: Checkpoint
    last_seq: int
    """Of the log."""
    last_recorded_at: int
    """Of the log's last event, nanoseconds UTC."""
    settler: Settler | None

    @property
    def lag_events(self) -> int:
        """Events that are not settled yet."""
        return self.last_seq - self.checkpoint.seq

    @property
    def lag_ms(self) -> int:
        """Time between the last event settled and the last of the log."""
        return (self.last_recorded_at - self.checkpoint.recorded_at) // 1_000_000 if self.lag_events else 0


async def read_status(connection: Connection) -> SettlementStatus | None:
    """Where settlement stands; None when nothing was ever settled here."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        if await connection.fetchval("SELECT to_regclass($1)", f"{SCHEMA}.checkpoint") is None:
            return None
        checkpoint = await read_checkpoint(connection, SCHEMA)
        last = await connection.fetchrow("SELECT seq, recorded_at FROM event ORDER BY seq DESC LIMIT 1")
        who = await connection.fetchrow(
            f"SELECT host, pid, since FROM {SCHEMA}.settler WHERE pid IS NOT NULL"
        )
        works: bool = await connection.fetchval(_WORKS, SETTLING_LOCK)
    settler = Settler(works, who["host"], who["pid"], who["since"]) if who is not None else None
    last_seq, last_recorded_at = last or (0, 0)
    return SettlementStatus(checkpoint, last_seq, last_recorded_at, settler)
