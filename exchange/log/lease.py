"""The writer's lease: a session advisory lock, so that it ends with the connection, and a row that tells who has it."""

from __future__ import annotations

import os
import socket as sockets
from datetime import datetime
from typing import TYPE_CHECKING, Self

import asyncpg
import msgspec

if TYPE_CHECKING:
    from exchange.log.migrations import Connection

_LOCK_KEY = 0x65786368_6C656173
"""Of the advisory lock ("exch", "leas"); Postgres keeps such keys apart by database."""

_HOLDER = """
SELECT writer.epoch, writer.host, writer.pid, writer.socket, writer.since
FROM pg_locks AS held LEFT JOIN writer ON writer.backend_pid = held.pid
WHERE held.locktype = 'advisory' AND held.granted AND held.objsubid = 1
    AND held.classid = ($1::bigint >> 32)::oid AND held.objid = ($1::bigint & 4294967295)::oid
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class WriterIdentity(msgspec.Struct, frozen=True):
    """Who wants to write: for people, and for programs that look for the engine."""

    host: str
    pid: int
    socket: str
    """Path of the engine's unix socket; empty if it has none."""

    @classmethod
    def of_this_process(cls, socket: str = "") -> Self:
        """Name this process."""
        return cls(sockets.gethostname(), os.getpid(), socket)


class Lease(msgspec.Struct, frozen=True):
    """Who writes, under which epoch, and since when."""

    writer: WriterIdentity
    epoch: int
    since: datetime


class LeaseHeld(Exception):  # noqa: N818 - another engine is at work, which is no error of ours
    """Another process writes this log. `lease` is None while that one is just taking it."""

    def __init__(self, lease: Lease | None) -> None:
        who = "a process that is just starting"
        if lease is not None:
            who = (
                f"process {lease.writer.pid} on {lease.writer.host}, epoch {lease.epoch},"
                f" since {lease.since.isoformat(timespec='seconds')}"
            )
        super().__init__(f"the log is written by {who}")
        self.lease = lease


async def acquire(connection: Connection, wait_s: float) -> None:
    """Take the lease for as long as the connection lives. Raises LeaseHeld if it is not free within `wait_s`."""
    taken: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_KEY)
    if not taken and wait_s > 0:
        taken = await _wait(connection, wait_s)
    if not taken:
        raise LeaseHeld(await _holder(connection))


async def release(connection: Connection) -> None:
    """Give the lease back at once, not only when the server notices that the connection is gone."""
    await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK_KEY)


async def current(dsn: str) -> Lease | None:
    """Who writes the log now; None when nobody does, or somebody is just starting."""
    connection = await asyncpg.connect(dsn)
    try:
        return await _holder(connection)
    finally:
        await connection.close()


async def _wait(connection: Connection, wait_s: float) -> bool:
    # The server wakes us the moment the lock is free.
    await connection.execute(f"SET lock_timeout = {max(1, round(wait_s * 1000))}")
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY)
    except asyncpg.LockNotAvailableError:
        return False
    finally:
        await connection.execute("SET lock_timeout = 0")
    return True


async def _holder(connection: Connection) -> Lease | None:
    row = await connection.fetchrow(_HOLDER, _LOCK_KEY)
    if row is None or row["epoch"] is None:
        return None
    return Lease(WriterIdentity(row["host"], row["pid"], row["socket"]), row["epoch"], row["since"])
