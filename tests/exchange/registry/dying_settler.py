"""A settler that dies: `python dying_settler.py DSN WHEN STEP` settles the log in several transactions of STEP events, and at
its database operation number WHEN (counted from 1, all that it sends on the connection that writes) ends as by kill -9: before
the operation, or right after operation -WHEN if WHEN is negative. Ends with code 0 if it does not come so far.
"""

import asyncio
import os
import signal
import sys
from typing import Any

import asyncpg

from exchange.log.lease import WriterIdentity
from exchange.log.reader import LogReader
from exchange.registry.settlement import Settlement
from exchange.registry.store import RegistryStore

OPERATIONS = ("execute", "fetch", "fetchrow", "fetchval", "copy_records_to_table")


class Dying:
    """A connection that counts its operations."""

    def __init__(self, connection: Any, when: int) -> None:
        self._connection = connection
        self._when = when
        self._operations = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._connection, name)
        if name not in OPERATIONS:
            return real

        async def operation(*arguments: Any, **named: Any) -> Any:
            self._operations += 1
            if self._operations == self._when:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await real(*arguments, **named)
            if self._operations == -self._when:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return operation


async def main(dsn: str, when: int, step: int) -> None:
    real_connect = asyncpg.connect

    async def connect(*arguments: Any, **named: Any) -> Any:
        return Dying(await real_connect(*arguments, **named), when)

    # Only the store connects like this; the reader has a pool.
    asyncpg.connect = connect
    async with await LogReader.open(dsn, connections=2) as reader:
        store = await RegistryStore.open(dsn, WriterIdentity.of_this_process())
        settlement = await Settlement.resume(reader, store)
        last = (await reader.head()).last_seq
        while settlement.checkpoint.seq < last:
            await settlement.catch_up(min(settlement.checkpoint.seq + step, last))
        await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
