"""Snapshots of the state: a shortcut for recovery, never the truth."""

from __future__ import annotations

import asyncio
import zlib
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from exchange.log.migrations import check_schema

if TYPE_CHECKING:
    from exchange.log.migrations import Connection

KEPT = 2

ANY_SEQ = 2**63 - 1
"""No snapshot lies beyond."""

_COMPRESSION_LEVEL = 1
"""States are large and repetitive: more effort saves little."""

# Only on top of the very event that the state ends with.
_SAVE = """
INSERT INTO snapshot (seq, chain_hash, program, digest, state)
SELECT seq, hash, $3, $4, $5 FROM event WHERE seq = $1 AND hash = $2
ON CONFLICT (seq) DO UPDATE SET chain_hash = excluded.chain_hash, program = excluded.program,
    taken_at = excluded.taken_at, digest = excluded.digest, state = excluded.state
"""
# What lies beyond the end of the log (it was cut off, or an older backup was restored) must not push out what does not. It
# bears witness of lost events: only who asks for it removes it.
_PRUNE_OLD = """
DELETE FROM snapshot WHERE seq <= (SELECT last_seq FROM log_head)
    AND seq NOT IN (SELECT seq FROM snapshot, log_head WHERE seq <= last_seq ORDER BY seq DESC LIMIT $1)
"""
_PRUNE_BEYOND = "DELETE FROM snapshot WHERE seq > (SELECT last_seq FROM log_head)"
_ALL = "SELECT seq, chain_hash, program, taken_at, digest, length(state) AS size_bytes FROM snapshot ORDER BY seq"
_NEWEST_FIRST = "SELECT seq, chain_hash, program, digest FROM snapshot WHERE seq < $1 ORDER BY seq DESC"
# No other event is looked at: its page, or the end of the log, may be damaged.
_BY_INDEX = {"enable_seqscan": "off", "enable_bitmapscan": "off"}


class Snapshot(msgspec.Struct, frozen=True):
    """The state after an event, as bytes whose form is the engine's affair."""

    seq: int
    chain_hash: bytes
    """Hash of the event `seq`."""
    program: str
    """Version of the program that wrote the bytes."""
    state: bytes


class KeptSnapshot(msgspec.Struct, frozen=True):
    """A snapshot as it is kept, without its bytes."""

    seq: int
    chain_hash: bytes
    """Hash of the event `seq`."""
    program: str
    taken_at: datetime
    digest: str
    """SHA-256 of the state when it was saved, hexadecimal text."""
    size_bytes: int
    """Compressed."""
    state_digest: str
    """SHA-256 of the state as it is read now; empty where it cannot be read."""


class Found(msgspec.Struct, frozen=True):
    """What a look for a snapshot gave."""

    snapshot: Snapshot | None
    problems: list[str]
    """What was wrong with the newer ones, one sentence each."""


class SnapshotRefused(Exception):  # noqa: N818 - it says what does not fit
    """The log has no such event, so the state is not the log's."""


class SnapshotStore:
    """Keeps the last two snapshots beside the log. Each call uses a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def save(self, snapshot: Snapshot) -> str:
        """Write a snapshot, and remove all but the last two of the log, in one transaction; answers the state's digest.

        Raises SnapshotRefused when the event `seq` is not in the log or has another hash.
        """
        packed, digest = await asyncio.to_thread(_pack, snapshot.state)
        connection = await asyncpg.connect(self._dsn)
        try:
            async with connection.transaction():
                saved = await connection.execute(
                    _SAVE, snapshot.seq, snapshot.chain_hash, snapshot.program, digest, packed
                )
                if saved != "INSERT 0 1":
                    raise SnapshotRefused(f"the log has no event {snapshot.seq} with the hash of this state")
                await connection.execute(_PRUNE_OLD, KEPT)
        finally:
            await connection.close()
        return digest

    async def all(self) -> list[KeptSnapshot]:
        """Every snapshot, oldest first, its bytes read and digested."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await check_schema(connection)
            return [
                KeptSnapshot(**row, state_digest=(await _read(connection, row["seq"]))[1])
                for row in await connection.fetch(_ALL)
            ]
        finally:
            await connection.close()

    async def newest_seq(self) -> int:
        """The last event of the newest snapshot, good or bad; 0 where there is none."""
        connection = await asyncpg.connect(self._dsn)
        try:
            seq: int = await connection.fetchval("SELECT coalesce(max(seq), 0) FROM snapshot")
        finally:
            await connection.close()
        return seq

    async def prune(self, keep: int) -> int:
        """Remove all but the newest `keep`, and those from beyond the end of the log; answers how many went."""
        connection = await asyncpg.connect(self._dsn)
        try:
            await check_schema(connection)
            async with connection.transaction():
                removed: list[str] = [
                    await connection.execute(_PRUNE_OLD, keep),
                    await connection.execute(_PRUNE_BEYOND),
                ]
        finally:
            await connection.close()
        return sum(int(status.removeprefix("DELETE ")) for status in removed)

    async def newest_good(self, before_seq: int = ANY_SEQ) -> Found:
        """The newest snapshot of an event before `before_seq` that is intact and of this log, if there is one."""
        problems: list[str] = []
        connection = await asyncpg.connect(self._dsn, server_settings=_BY_INDEX)
        try:
            await check_schema(connection)
            for seq, chain_hash, program, digest in await connection.fetch(_NEWEST_FIRST, before_seq):
                event_hash = await connection.fetchval("SELECT hash FROM event WHERE seq = $1", seq)
                if event_hash is None and seq > (last_seq := await _last_seq(connection)):
                    problems.append(f"snapshot {seq} lies beyond the end of the log, event {last_seq}")
                elif event_hash != chain_hash:
                    problems.append(f"snapshot {seq} belongs to another log: event {seq} has another hash")
                elif (state := await _load(connection, seq, digest)) is None:
                    problems.append(f"snapshot {seq} is damaged: its digest does not fit")
                else:
                    return Found(Snapshot(seq, chain_hash, program, state), problems)
        finally:
            await connection.close()
        return Found(None, problems)


async def _last_seq(connection: Connection) -> int:
    seq: int = await connection.fetchval("SELECT last_seq FROM log_head")
    return seq


async def _load(connection: Connection, seq: int, digest: str) -> bytes | None:
    state, found_digest = await _read(connection, seq)
    return state if found_digest == digest else None


async def _read(connection: Connection, seq: int) -> tuple[bytes, str]:
    """The state of a snapshot and its digest; of one that cannot be read, nothing."""
    try:
        packed: bytes = await connection.fetchval("SELECT state FROM snapshot WHERE seq = $1", seq)
        return await asyncio.to_thread(_unpack, packed)
    except (zlib.error, asyncpg.DataError, asyncpg.InternalServerError):
        # Damaged bytes, or a page that the server cannot read.
        return b"", ""


def _pack(state: bytes) -> tuple[bytes, str]:
    return zlib.compress(state, _COMPRESSION_LEVEL), sha256(state).hexdigest()


def _unpack(packed: bytes) -> tuple[bytes, str]:
    state = zlib.decompress(packed)
    return state, sha256(state).hexdigest()
