"""A real QuickFIX initiator with full validation: what it does not like about a message, it rejects."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import quickfix

from gateway.fix.dictionary_xml import quickfix_dictionary_xml
from gateway.fix.encoding import encode
from gateway.fix.example_configuration import DICTIONARY_NAME, example_configuration
from tests.gateway.fix.fix_exchange import PASSWORD, WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.fix.message import Fields

SOH = "\x01"
REJECTS = ("3", "j")


class QuickFixClient(quickfix.Application):  # type: ignore[misc]  # the library has no types
    """Runs in threads of its own; messages come over into the event loop."""

    def __init__(self, comp_id: str, folder: Path, port: int, password: str = PASSWORD) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._password = password
        self.received: asyncio.Queue[str] = asyncio.Queue()
        """Application messages as text, fields ended by `|`."""
        self.admin: list[str] = []
        """Messages of the session that came."""
        self.sent_rejects: list[str] = []
        """Rejects that QuickFIX sent us, because something was wrong with what we sent it."""
        self.logged_on = asyncio.Event()
        self.logged_out = asyncio.Event()
        folder.mkdir(exist_ok=True)
        dictionary = folder / DICTIONARY_NAME
        dictionary.write_text(quickfix_dictionary_xml())
        configuration = example_configuration(comp_id, "127.0.0.1", str(port), str(folder))
        path = folder / "client.cfg"
        path.write_text(configuration.replace("ReconnectInterval=2", "ReconnectInterval=1"))
        self._settings = quickfix.SessionSettings(str(path))
        self._dictionary = quickfix.DataDictionary(str(dictionary))
        self._session_id: Any = None
        self._initiator = quickfix.SocketInitiator(
            self,
            quickfix.FileStoreFactory(self._settings),
            self._settings,
            quickfix.FileLogFactory(self._settings),
        )

    async def start(self) -> None:
        """Connect and wait for the logon."""
        await asyncio.to_thread(self._initiator.start)
        async with asyncio.timeout(WAIT_S):
            await self.logged_on.wait()

    async def stop(self) -> None:
        """Log out and end."""
        await asyncio.to_thread(self._initiator.stop)

    async def send(self, msg_type: str, fields: Fields) -> None:
        """Send an application message; QuickFIX adds header and trailer."""
        raw = encode(msg_type, "", fields).decode("latin-1")
        message = quickfix.Message(raw, self._dictionary, False)
        if not await asyncio.to_thread(quickfix.Session.sendToTarget, message, self._session_id):
            raise AssertionError("QuickFIX did not send")

    async def next(self, msg_type: str) -> dict[str, str]:
        """The fields of the next application message of a type; of groups, the last entry's."""
        async with asyncio.timeout(WAIT_S):
            while True:
                text = await self.received.get()
                fields = dict(pair.split("=", 1) for pair in text.split("|") if pair)
                if fields["35"] == msg_type:
                    return fields

    # Called by QuickFIX, in its threads.

    def onCreate(self, session_id: Any) -> None:  # noqa: N802
        self._session_id = session_id

    def onLogon(self, _session_id: Any) -> None:  # noqa: N802
        self._loop.call_soon_threadsafe(self.logged_on.set)

    def onLogout(self, _session_id: Any) -> None:  # noqa: N802
        self._loop.call_soon_threadsafe(self.logged_out.set)

    def toAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        msg_type = message.getHeader().getField(35)
        if msg_type == "A":
            message.setField(553, session_id.getSenderCompID().getValue())
            message.setField(554, self._password)
        elif msg_type in REJECTS:
            self.sent_rejects.append(_text(message))

    def fromAdmin(self, message: Any, _session_id: Any) -> None:  # noqa: N802
        self.admin.append(_text(message))

    def toApp(self, message: Any, _session_id: Any) -> None:  # noqa: N802
        if message.getHeader().getField(35) in REJECTS:
            self.sent_rejects.append(_text(message))

    def fromApp(self, message: Any, _session_id: Any) -> None:  # noqa: N802
        self._loop.call_soon_threadsafe(self.received.put_nowait, _text(message))


def _text(message: Any) -> str:
    return str(message.toString()).replace(SOH, "|")
