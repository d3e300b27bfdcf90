"""An exchange that serves FIX, and clients of it: quick ones of our own protocol code, and real QuickFIX."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exchange.domain import events as ev
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.making.forms import RegisterFixSession
from gateway.fix import session_events as se
from gateway.fix.encoding import frame_message
from gateway.fix.message import Message, text
from gateway.fix.passwords import hash_password
from gateway.fix.peer import VENUE_COMP_ID
from gateway.fix.server import FixServer
from gateway.fix.session import Session, SessionSettings
from gateway.fix.standings import REPORTED
from gateway.fix.store import FixStore
from gateway.fix.timestamps import render_timestamp
from tests.market import PROJECT

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from gateway.core import Gateway
    from gateway.fix.message import Fields
    from tests.gateway.exchange import RunningExchange

PASSWORD = "a password that tests know"
HASH = hash_password(PASSWORD)
WAIT_S = 20
HEADER_TAGS = ("35", "49", "56", "34", "52")


def registration(
    comp_id: str, account: str, *, resets_on_logon: bool = False, cancels_on_disconnect: bool = True
) -> RegisterFixSession:
    """The command that lets a counterparty log on."""
    return RegisterFixSession(
        LOCAL_OPERATOR,
        comp_id,
        account,
        Role.MARKET_MAKER,
        HASH,
        resets_on_logon,
        cancels_on_disconnect,
    )


async def register(exchange: RunningExchange, comp_id: str, account: str, **terms: bool) -> None:
    """Let a counterparty log on."""
    await exchange.do(registration(comp_id, account, **terms))


@asynccontextmanager
async def serving_fix(
    gateway: Gateway,
    dsn: str,
    port: int = 0,
    *,
    store: FixStore | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    """Serves FIX; gives the port."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    store = store or await FixStore.open(dsn)
    server = FixServer(gateway, store)
    try:
        await server.start(listening, tls)
        yield listening.getsockname()[1]
    finally:
        await server.close()
        await store.close()


class Gone(Exception):  # noqa: N818 - it says what happened
    """The connection ended while a message was waited for."""


class FixClient:
    """A counterparty in this event loop. It keeps what it sent, and its numbers, across connections."""

    def __init__(
        self,
        comp_id: str,
        *,
        password: str = PASSWORD,
        resets: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.comp_id = comp_id
        settings = SessionSettings(comp_id, VENUE_COMP_ID, reset_on_logon=resets, initiator=True)
        self.session = Session(settings)
        self.received: deque[Message] = deque()
        """Application messages that nobody has looked at."""
        self.all: list[Message] = []
        self.refused: list[Message] = []
        """Rejects that the venue sent."""
        self.kept: dict[int, bytes] = {}
        self.logged_on = asyncio.Event()
        self.lost = asyncio.Event()
        self._password = password
        self._tls = tls
        self._news = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def connect(self, port: int, password: str = "", *, reset: bool = False) -> None:
        """Connect and log on; returns before there is an answer."""
        self.logged_on.clear()
        self.lost.clear()
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port, ssl=self._tls)
        self._do(
            self.session.connect(time.time_ns(), 30, self.comp_id, password or self._password, reset=reset)
        )
        self._reading = asyncio.create_task(self._read(reader))

    async def log_on(self, port: int, *, reset: bool = False) -> None:
        """Connect and wait until the session is established."""
        await self.connect(port, reset=reset)
        async with asyncio.timeout(WAIT_S):
            await self.logged_on.wait()

    async def log_out(self) -> None:
        """Log out and wait for the end of the connection."""
        self._do(self.session.logout("", time.time_ns()))
        await self.gone()

    async def gone(self) -> None:
        """Wait for the end of the connection."""
        async with asyncio.timeout(WAIT_S):
            await self.lost.wait()

    def hang_up(self) -> None:
        """Drop the connection without a word."""
        if self._writer is not None:
            self._writer.transport.abort()

    def send(self, msg_type: str, fields: Fields, *, poss_resend: bool = False) -> None:
        """Send an application message."""
        events = self.session.send(Message(msg_type, fields), time.time_ns())
        if poss_resend:
            events = [
                se.Transmit(_marked(event.data)) if isinstance(event, se.Transmit) else event
                for event in events
            ]
        self._do(events)

    def stop_reading(self) -> None:
        """Take no more bytes."""
        if self._writer is not None:
            self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream has a full transport

    async def next(self, msg_type: str = "") -> Message:
        """The next message, or the next of a type; those before it are passed over. Raises Gone when none can come."""
        async with asyncio.timeout(WAIT_S):
            while True:
                while self.received:
                    message = self.received.popleft()
                    if msg_type in ("", message.msg_type):
                        return message
                if self.lost.is_set():
                    raise Gone
                self._news.clear()
                await self._news.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "closed"
        try:
            while data := await reader.read(65536):
                self._do(self.session.receive(data, time.time_ns()))
        except OSError as error:
            reason = str(error)
        self._do(self.session.connection_lost(reason))
        self.lost.set()
        self._news.set()

    def _do(self, events: list[se.Event]) -> None:
        for event in events:
            if isinstance(event, se.Store):
                if event.data:
                    self.kept[event.number] = event.data
            elif isinstance(event, se.Transmit):
                if self._writer is not None:
                    self._writer.write(event.data)
            elif isinstance(event, se.Received):
                self.received.append(event.message)
                self.all.append(event.message)
                self._news.set()
            elif isinstance(event, se.Refused):
                self.refused.append(event.message)
            elif isinstance(event, se.Resend):
                kept = [(n, data) for n, data in self.kept.items() if event.begin <= n <= event.end]
                self._do(self.session.resend(event.begin, event.end, kept, time.time_ns()))
            elif isinstance(event, se.LoggedOn):
                self.logged_on.set()
            elif isinstance(event, se.Reset):
                self.kept.clear()
            elif isinstance(event, se.Disconnect) and self._writer is not None:
                self._writer.close()


def _marked(message: bytes) -> bytes:
    """The message with PossResend."""
    fields = message.decode("latin-1").split("\x01")
    header = [field for field in fields[2:-2] if field.partition("=")[0] in HEADER_TAGS]
    body = [field for field in fields[2:-2] if field.partition("=")[0] not in HEADER_TAGS]
    return frame_message("".join(f"{field}\x01" for field in [*header, "97=Y", *body]))


def now() -> str:
    """The present, as FIX writes it."""
    return render_timestamp(time.time_ns())


def new_order(cl_ord_id: str, side: str, price: str, quantity: int = 10) -> Fields:
    """A limit order."""
    return {11: cl_ord_id, 55: PROJECT.symbol, 54: side, 60: now(), 38: quantity, 40: "2", 44: price}


def reported(events: list[ev.Recorded], comp_id: str) -> list[str]:
    """Seqs of the events that a maker must have been told, of those that concern the account."""
    return [
        str(recorded.seq)
        for recorded in events
        if isinstance(recorded.event, REPORTED)
        or (isinstance(recorded.event, ev.RequestRefused) and recorded.event.by == comp_id)
    ]


def told(messages: list[Message]) -> list[str]:
    """Seqs of the reports that the maker got, each number of a message counted once."""
    by_number: dict[int, Message] = {}
    for message in messages:
        earlier = by_number.setdefault(message.number, message)
        assert earlier.fields == message.fields, "a message that comes again is the same"
    return [
        text(by_number[number].fields, 20002)
        for number in sorted(by_number)
        if 20002 in by_number[number].fields
    ]
