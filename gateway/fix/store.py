"""What FIX sessions must not forget, in Postgres: next numbers, and what was sent.

The gateway writes the schema `fix` and nothing else: these are not facts of the venue but its own memory of what it told
whom, and only a gateway knows that. The log and the registry it reads, as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import asyncpg
import msgspec

from gateway.fix.standings import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    # asyncpg's stubs know the pool by a type argument that the class itself does not take.
    Pool = asyncpg.Pool[asyncpg.Record]

_SETTINGS = {
    "application_name": "exchange-fix",
    # A number that was sent must never be given again.
    "synchronous_commit": "on",
    "jit": "off",
    "statement_timeout": "60s",
}
_AHEAD = "FX001"
"""The SQLSTATE that `fix.save` raises."""
_SESSIONS = """
SELECT comp_id, registered_seq, next_incoming, next_outgoing, reported_seq, dealt_with FROM fix.session
"""
_MESSAGES = """
SELECT number, sent_at, event_seq, standing, body FROM fix.message
WHERE comp_id = $1 AND number BETWEEN $2 AND $3 ORDER BY number LIMIT $4
"""
_LAST_STANDINGS = """
SELECT DISTINCT ON (order_id) order_id, standing FROM fix.message
WHERE comp_id = $1 AND order_id = ANY ($2) AND event_seq <= $3 ORDER BY order_id, number DESC
"""

_FORGET = """
DELETE FROM fix.message USING fix.session
WHERE message.comp_id = session.comp_id AND number < next_outgoing - $1
"""

encode_standing = msgspec.json.Encoder().encode
_decode_standing = msgspec.json.Decoder(Standing).decode


class AnotherGateway(Exception):  # noqa: N818 - it says that our time is over
    """Another gateway gave out numbers for a session of ours. Nothing was saved; this gateway must end."""


class SessionNumbers(msgspec.Struct, frozen=True):
    """A row of `fix.session`."""

    comp_id: str
    registered_seq: int
    next_incoming: int = 1
    next_outgoing: int = 1
    reported_seq: int = 0
    dealt_with: list[int] = []
    """Incoming numbers above the next one that need not come again."""


class SentMessage(msgspec.Struct, frozen=True, gc=False):
    """A row of `fix.message`: a report (`event_seq` and `standing`) or a whole message (`body`)."""

    comp_id: str
    number: int
    sent_at: int
    order_id: int | None
    event_seq: int | None
    standing: bytes | None
    body: bytes | None


class KeptMessage(msgspec.Struct, frozen=True, gc=False):
    """A message that is to be sent again."""

    number: int
    sent_at: int
    event_seq: int
    """0: it is no report, and `body` has it whole."""
    standing: Standing | None
    body: bytes


class Saved(msgspec.Struct, frozen=True):
    """All that changed since the last save."""

    reset: list[str]
    """Sessions that begin anew."""
    sessions: list[tuple[SessionNumbers, int]]
    """With the next outgoing number of each that was saved before."""
    messages: list[SentMessage]


class FixStore:
    """Reads and writes the tables. One gateway serves FIX at a time; another one that tries finds its saves refused."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Connect to a database that has the schema: whoever reads the log has seen to that."""
        return cls(await asyncpg.create_pool(dsn, min_size=1, max_size=3, server_settings=_SETTINGS))

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.close()

    async def sessions(self) -> dict[str, SessionNumbers]:
        """All sessions that ever sent anything, by CompID."""
        rows = await self._pool.fetch(_SESSIONS)
        return {row["comp_id"]: SessionNumbers(*row) for row in rows}

    async def save(self, saved: Saved) -> None:
        """Write everything, or nothing, in one round trip; durable when it returns. Raises AnotherGateway."""
        try:
            await self._pool.fetchval(
                "SELECT fix.save($1, $2, $3, $4)",
                saved.reset,
                [msgspec.structs.astuple(numbers) for numbers, _ in saved.sessions],
                [before for _, before in saved.sessions],
                [msgspec.structs.astuple(message) for message in saved.messages],
            )
        except asyncpg.UniqueViolationError as error:
            raise AnotherGateway(str(error)) from error
        except asyncpg.PostgresError as error:
            if error.sqlstate == _AHEAD:
                raise AnotherGateway(str(error)) from error
            raise

    async def forget_all_but(self, count: int) -> None:
        """Keep the last so many numbers of each session; older ones are filled when they are asked for."""
        await self._pool.execute(_FORGET, count)

    async def messages(self, comp_id: str, first: int, last: int, limit: int) -> list[KeptMessage]:
        """The first messages that are kept of `first` to `last`, both included, ascending."""
        rows = await self._pool.fetch(_MESSAGES, comp_id, first, last, limit)
        return [
            KeptMessage(
                number, sent_at, event_seq or 0, _decode_standing(standing) if standing else None, body or b""
            )
            for number, sent_at, event_seq, standing, body in rows
        ]

    async def last_standings(
        self, comp_id: str, order_ids: Iterable[int], up_to_seq: int
    ) -> dict[int, Standing]:
        """How orders stood in the last report that the session has of them up to an event."""
        rows = await self._pool.fetch(_LAST_STANDINGS, comp_id, list(order_ids), up_to_seq)
        return {order_id: _decode_standing(standing) for order_id, standing in rows}
