"""Scripted dialogues with a session, one line for each thing that goes in or comes out.

    logon                          the peer connects and logs on with number 1: the usual beginning, already checked
    > D|34=2|11=order-1            the peer sends a message: type, then fields; 8, 9, 49, 56, 52 and 10 are added
    >> 8=FIX.4.4|9=5|...           the peer sends exactly these bytes
    send j|372=D|380=0             the application sends a message
    wait 30                        so many seconds pass, and every tick that is due happens
    logout bye / lost              the application logs out / the connection is gone
    connect A|34=7|...             the peer connects anew, with this Logon

    < 3|34=2|45=2                  we transmit a message; 8, 9, 49, 56, 52 and 10 are right and left out
    kept 5                         a message was stored under this number and not transmitted
    received D 2, refused 3 2      an application message; a Reject of the peer's
    expect 3                       the next incoming number
    resend 2-4                     kept messages are wanted, and given at once unless the store is slow
    store answers                  a slow store gives them
    logged on 30, logged out: why, disconnect: why, ignored: why, reset

Times are written as seconds since the beginning: `52=@0`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.fix.encoding import LENGTH_TAGS
from gateway.fix.handshake import Drop, Handshake
from gateway.fix.message import Message
from gateway.fix.session import Session, SessionSettings
from gateway.fix.session_events import (
    Disconnect,
    Event,
    Expect,
    Ignored,
    LoggedOn,
    LoggedOut,
    Received,
    Refused,
    Resend,
    Reset,
    Store,
    Transmit,
)
from gateway.fix.timestamps import SECOND_NS, parse_timestamp, render_timestamp
from tests.market import START_NS

if TYPE_CHECKING:
    from gateway.fix.message import Fields

OURS, PEER = "CARBON", "MAKER1"
TIME_TAGS = {"52", "60", "122"}
LOGON = "A|34=1|98=0|108=30|553=maker|554=secret"
ORDER = "11=order-1|55=RIMBA-19|54=1|60=@0|38=100|40=2|44=10.00"
"""Fields of a NewOrderSingle."""
SESSION_TYPES = set("012345A")


def wire(text: str, now_ns: int = START_NS, *, sender: str = PEER, target: str = OURS) -> bytes:
    """The bytes of a message written as `type|tag=value|...`; fields of the header that are given replace ours."""
    msg_type, *pairs = text.split("|")
    fields = [tuple(pair.split("=", 1)) for pair in pairs]
    given = {tag for tag, *_ in fields}
    header = [("49", sender), ("56", target), ("52", "@now")]
    body = f"35={msg_type}\x01"
    for tag, *value in [(tag, value) for tag, value in header if tag not in given] + fields:
        joined = "=".join([tag, *(_on_the_wire(tag, item, now_ns) for item in value)])
        body += joined + "\x01"
    return closed(f"8=FIX.4.4\x019={len(body.encode('latin-1'))}\x01{body}".encode("latin-1"))


def closed(data: bytes) -> bytes:
    """The same with its check sum."""
    return data + f"10={sum(data) % 256:03d}\x01".encode()


def _on_the_wire(tag: str, value: str, now_ns: int) -> str:
    if tag in TIME_TAGS and value.startswith("@"):
        at_ns = now_ns if value == "@now" else START_NS + int(value[1:]) * SECOND_NS
        return render_timestamp(at_ns)
    return value


def show(data: bytes, *, sender: str = OURS, target: str = PEER) -> str:
    """A message of ours as it is written in a dialogue; everything that is left out is checked."""
    text = data.decode("latin-1")
    begin, length, msg_type, *rest, check, end = text.split("\x01")
    counted = text.split("\x01", 2)[2][: -len(check) - 1]
    assert ("8=FIX.4.4", f"9={len(counted)}", "") == (begin, length, end)
    assert f"10={sum(data[: -len(check) - 1]) % 256:03d}" == check
    fields = [tuple(pair.split("=", 1)) for pair in rest]
    assert [("49", sender), ("56", target)] == fields[:2]
    shown = [msg_type[3:]]
    for tag, value in fields[2:]:
        if tag in {"122", "60"}:
            at_ns = parse_timestamp(value)
            assert at_ns is not None
            shown.append(f"{tag}=@{(at_ns - START_NS) // SECOND_NS}")
        elif tag != "52":
            shown.append(f"{tag}={value}")
    return "|".join(shown)


class Dialogue:
    """A session, its store and its clock."""

    def __init__(
        self,
        next_incoming: int = 1,
        next_outgoing: int = 1,
        *,
        page: int = 1000,
        slow_store: bool = False,
        **settings: bool,
    ) -> None:
        self.session = Session(SessionSettings(OURS, PEER, **settings), next_incoming, next_outgoing)
        self.now_ns = START_NS
        self.kept: dict[int, bytes] = {}
        self.lines: list[str] = []
        self.page = page
        """Kept messages are given to the session in pages of so many numbers."""
        self.slow_store = slow_store
        self.wanted: list[Resend] = []

    def run(self, script: str) -> None:
        """Do what the script says goes in; everything that happens must be the script."""
        expected = [line.strip() for line in script.strip().splitlines() if line.strip()]
        self.lines = []
        for line in expected:
            self._do(line)
        assert [line for line in expected if line != "logon"] == self.lines

    def _do(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        if verb == "logon":
            self._connect(LOGON)
            assert ["< A|34=1|98=0|108=30|383=65536", "logged on 30", "expect 2"] == self.lines
            self.lines = []
            return
        if verb not in {">", ">>", "send", "wait", "logout", "lost", "connect", "store"}:
            return
        self.lines.append(line)
        if verb == ">":
            self.feed(wire(rest, self.now_ns))
        elif verb == ">>":
            self.feed(rest.replace("|", "\x01").encode("latin-1"))
        elif verb == "send":
            self._take(self.session.send(parse(rest), self.now_ns))
        elif verb == "wait":
            self._wait(int(rest))
        elif verb == "logout":
            self._take(self.session.logout(rest, self.now_ns))
        elif verb == "store":
            self._resend()
        elif verb == "lost":
            self._take(self.session.connection_lost("connection lost"))
        else:
            self._connect(rest)

    def feed(self, data: bytes) -> None:
        """Give bytes to the session."""
        self._take(self.session.receive(data, self.now_ns))

    def _connect(self, logon: str) -> None:
        handshake = Handshake(self.now_ns)
        asked = handshake.receive(wire(logon, self.now_ns))
        if asked is None or isinstance(asked, Drop):
            self.lines.append(f"drop: {asked and asked.reason}")
        else:
            self._take(self.session.accept(handshake, self.now_ns))

    def _wait(self, seconds: int) -> None:
        end_ns = self.now_ns + seconds * SECOND_NS
        while (deadline_ns := self.session.deadline_ns) is not None and deadline_ns <= end_ns:
            assert self.now_ns <= deadline_ns
            self.now_ns = deadline_ns
            events = self.session.tick(deadline_ns)
            assert events, "a tick that was due did nothing"
            self._take(events)
        self.now_ns = end_ns

    def _take(self, events: list[Event]) -> None:
        stored: Store | None = None
        for event in events:
            if isinstance(event, Transmit):
                if stored is not None:
                    assert stored.data in {b"", event.data}
                    assert (stored.data == b"") == (
                        event.data.split(b"\x01")[2].decode()[3:] in SESSION_TYPES
                    )
                    assert f"\x0134={stored.number}\x01".encode() in event.data
                    stored = None
                else:
                    assert b"\x0143=Y\x01" in event.data, "sent without a stored number"
                self.lines.append(f"< {show(event.data)}")
                continue
            if stored is not None:
                self.lines.append(f"kept {stored.number}")
                stored = None
            if isinstance(event, Store):
                stored = event
                if event.data:
                    self.kept[event.number] = event.data
            elif isinstance(event, Resend):
                self.lines.append(f"resend {event.begin}-{event.end}")
                self.wanted.append(event)
                if not self.slow_store:
                    self._resend()
            else:
                if isinstance(event, Reset):
                    self.kept.clear()
                self.lines.append(describe(event))
        if stored is not None:
            self.lines.append(f"kept {stored.number}")

    def _resend(self) -> None:
        wanted = self.wanted.pop(0)
        for begin in range(wanted.begin, wanted.end + 1, self.page):
            through = min(begin + self.page - 1, wanted.end)
            kept = [
                (number, self.kept[number]) for number in range(begin, through + 1) if number in self.kept
            ]
            self._take(self.session.resend(begin, through, kept, self.now_ns))


def describe(event: Event) -> str:
    """An event as a line of a dialogue."""
    match event:
        case Received(message):
            return f"received {message.msg_type} {message.number}"
        case Refused(message):
            return f"refused {message.msg_type} {message.number}"
        case Expect(number):
            return f"expect {number}"
        case LoggedOn(heartbeat_s, reset):
            return f"logged on {heartbeat_s}" + " reset" * reset
        case LoggedOut(reason):
            return f"logged out: {reason}"
        case Disconnect(reason):
            return f"disconnect: {reason}"
        case Ignored(reason):
            return f"ignored: {reason}"
        case Reset():
            return "reset"
    raise AssertionError(event)


def parse(text: str) -> Message:
    """A message to be sent, written as `type|tag=value|...`; without groups."""
    msg_type, *pairs = text.split("|")
    fields: Fields = {}
    for pair in pairs:
        tag, _, value = pair.partition("=")
        fields[int(tag)] = value.encode() if int(tag) in LENGTH_TAGS else value
    return Message(msg_type, fields)
