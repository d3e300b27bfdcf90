"""A relay between a program and Postgres that breaks the connection between them in the ways in which networks do."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_CHUNK_BYTES = 65_536


class FaultProxy:
    """Listens on loopback and passes bytes on, both ways, until it is told otherwise.

    `delay_s`: how long bytes take either way from now on. `hold_answers`: what the server says stays here, while the
    server hears everything. `go_silent`: nothing passes any more, and nobody is told. `cut`: both sides are told at once.
    """

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._links: list[_Link] = []
        self.delay_s = 0.0
        self.answers_pass = asyncio.Event()
        self.requests_pass = asyncio.Event()
        self.heal()

    @property
    def dsn(self) -> str:
        """The address of the database, by way of this proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        user, _, _host = self._target.netloc.rpartition("@")
        return urlunsplit(self._target._replace(netloc=f"{user}@127.0.0.1:{port}", query=""))

    def retarget(self, dsn: str) -> None:
        """New connections go there: the server was started again in another place."""
        self._target = urlsplit(dsn)

    def heal(self) -> None:
        """Pass everything on again."""
        self.answers_pass.set()
        self.requests_pass.set()

    def hold_answers(self) -> None:
        """Let the server hear everything and the client nothing."""
        self.answers_pass.clear()

    def go_silent(self) -> None:
        """Half open: both sides believe in a connection that carries nothing."""
        self.answers_pass.clear()
        self.requests_pass.clear()

    def cut(self) -> None:
        """Reset all connections; what is held here is lost. New ones are taken."""
        links, self._links = self._links, []
        for link in links:
            link.cut()

    def cut_server_side(self) -> None:
        """The server is told that its clients are gone; they are not told anything."""
        for link in self._links:
            link.server.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        # Nobody waits here any more for what will never pass.
        self.heal()
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await self._connect_to_target()
        except OSError:
            # Nobody listens there: the client is told at once.
            writer.transport.abort()
            return
        link = _Link(writer, to_server)
        self._links.append(link)
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(
                self._relay(reader, to_server, self.requests_pass),
                self._relay(from_server, writer, self.answers_pass),
            )
        link.cut()

    async def _connect_to_target(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        # A folder of sockets is named in the query.
        query = parse_qs(self._target.query)
        if "host" in query:
            return await asyncio.open_unix_connection(f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}")
        return await asyncio.open_connection(self._target.hostname, self._target.port)

    async def _relay(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, passes: asyncio.Event
    ) -> None:
        async for data in _chunks(source):
            await asyncio.sleep(self.delay_s)
            await passes.wait()
            target.write(data)
            await target.drain()
        await passes.wait()
        target.close()


class _Link:
    """One connection: its two halves."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server

    def cut(self) -> None:
        self.client.transport.abort()
        self.server.transport.abort()


async def _chunks(source: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while data := await source.read(_CHUNK_BYTES):
        yield data
