"""A settler with a bomb in it: `python -m tests.faults.doomed_settler STRIKE`, the address of the database on stdin.

It settles the log in transactions of a few events each. At the n-th time that it sends something over the connection that
writes, it kills itself or Postgres. It ends with code 0 if it does not come so far.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from enum import StrEnum
from typing import Any

import asyncpg
import msgspec

from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore
from tests.faults.killing import kill_postgres

TRANSACTION_EVENTS = 60
_OPERATIONS = ("execute", "fetch", "fetchrow", "fetchval", "copy_records_to_table")
_SENDING_TURNS = 3
"""Turns of the loop in which a statement goes out."""


class Moment(StrEnum):
    """Of an operation on the database."""

    BEFORE = "before"
    DURING = "during"
    """Sent, and not answered."""
    AFTER = "after"


class SettlerStrike(msgspec.Struct, frozen=True):
    """What is killed when."""

    nth: int
    """Operations count from 1, those of a start included."""
    moment: Moment
    postmaster: int = 0
    """Process id of the Postgres to kill instead of the settler."""


class _DoomedConnection:
    """A connection that counts its operations."""

    def __init__(self, connection: Any, strike: SettlerStrike) -> None:
        self._connection = connection
        self._strike = strike
        self._operations = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._connection, name)
        if name not in _OPERATIONS:
            return real

        async def operation(*arguments: Any, **named: Any) -> Any:
            self._operations += 1
            due = self._operations == self._strike.nth
            if due and self._strike.moment is Moment.BEFORE:
                self._kill()
            answer = asyncio.ensure_future(real(*arguments, **named))
            if due and self._strike.moment is Moment.DURING:
                for _ in range(_SENDING_TURNS):
                    await asyncio.sleep(0)
                self._kill()
            result = await answer
            if due and self._strike.moment is Moment.AFTER:
                self._kill()
            return result

        return operation

    def _kill(self) -> None:
        if self._strike.postmaster:
            kill_postgres(self._strike.postmaster)
        else:
            os.kill(os.getpid(), signal.SIGKILL)


async def _settle(dsn: str, strike: SettlerStrike) -> None:
    real_connect = asyncpg.connect

    async def connect(*arguments: Any, **named: Any) -> Any:
        return _DoomedConnection(await real_connect(*arguments, **named), strike)

    # Only the store connects like this; the reader has a pool.
    asyncpg.connect = connect
    async with await LogReader.open(dsn, connections=2) as reader:
        store = await RegistryStore.open(dsn, WriterIdentity.of_this_process())
        settlement = await Settlement.resume(reader, store)
        last = (await reader.head()).last_seq
        while settlement.checkpoint.seq < last:
            await settlement.catch_up(min(settlement.checkpoint.seq + TRANSACTION_EVENTS, last))
        await store.close()


if __name__ == "__main__":
    asyncio.run(_settle(sys.stdin.readline().strip(), msgspec.json.decode(sys.argv[1], type=SettlerStrike)))
