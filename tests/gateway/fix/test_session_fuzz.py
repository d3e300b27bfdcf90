"""Sessions under fire: whatever comes, in whatever order, the rules about numbers hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.fix import msg_types, tags
from gateway.fix.framing import MAX_FRAME_BYTES
from gateway.fix.handshake import MAX_LOGON_BYTES, Drop, Handshake, LogonRequested
from gateway.fix.message import Message, text
from gateway.fix.session import MAX_WAITING_BYTES, Session, SessionSettings
from gateway.fix.session_events import Disconnect, Expect, Received, Resend, Reset, Store, Transmit
from gateway.fix.timestamps import SECOND_NS
from tests.gateway.fix.dialogue import LOGON, ORDER, OURS, PEER, Dialogue, wire
from tests.market import START_NS

if TYPE_CHECKING:
    from gateway.fix.session_events import Event

BODIES = [
    "0",
    "1|112=test",
    "2|7=1|16=0",
    "2|7=2|16=1",
    "2|7=1|16=3",
    "3|45=1",
    "4|36=3",
    "4|123=Y|36=9",
    "4|123=Y|36=1",
    "5",
    "A|98=0|108=30|141=Y",
    "A|98=0|108=30",
    f"D|{ORDER}",
    "D|11=no symbol",
    "8|37=1",
    "j|372=8|380=0",
    "ZZ|1=2",
]
MARKS = ["", "|43=Y|122=@0", "|43=Y", "|43=Y|122=@9999", "|97=Y", "|52=@9999", "|49=OTHER"]

SENT = st.builds(
    lambda body, number, mark: wire(
        body.replace("|", f"|34={number}{mark}|", 1) if "|" in body else f"{body}|34={number}{mark}"
    ),
    st.sampled_from(BODIES),
    st.integers(0, 12),
    st.sampled_from(MARKS + [""] * 12),
)
STEPS = st.one_of(
    SENT,
    SENT,
    st.binary(max_size=80),
    st.tuples(SENT, st.integers(1, 60)).map(lambda pair: pair[0][: pair[1]]),
    st.sampled_from(["send", "store", "wait", "lost", "connect", "connect", "logout"]),
)


class Watched(Dialogue):
    """A dialogue that checks after every step what must always hold."""

    def __init__(self, **settings: bool) -> None:
        super().__init__(slow_store=True, **settings)
        self.stored = 0
        self.expected = 1
        self.received = 0
        self.closing = False

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Reset):
                self.stored, self.expected, self.received = 0, 1, 0
            elif isinstance(event, Store):
                assert self.stored + 1 == event.number, "numbers have no gaps"
                self.stored = event.number
            elif isinstance(event, Expect):
                assert self.expected < event.number, "numbers go forward"
                self.expected = event.number
            elif isinstance(event, Received):
                assert self.expected == event.message.number, "messages come in order"
                assert self.received < event.message.number, "and once"
                assert event.message.problem is None
                self.received = event.message.number
            elif isinstance(event, Disconnect):
                self.closing = True
            elif isinstance(event, Transmit):
                assert not self.closing, "nothing is sent after the end"
        super()._take(events)
        assert (self.stored + 1, self.expected) == (self.session.next_outgoing, self.session.next_incoming)
        assert len(self.session._framer) <= MAX_WAITING_BYTES + MAX_FRAME_BYTES

    def step(self, what: bytes | str) -> None:
        """Do one thing."""
        if isinstance(what, bytes):
            self.feed(what)
        elif what == "connect":
            if not self.session.connected:
                self.closing = False
                self._connect(LOGON.replace("34=1", f"34={self.expected}"))
        elif what == "store":
            if self.wanted:
                self._resend()
        elif what == "send":
            self._take(self.session.send(Message("j", {372: "D", 380: 0}), self.now_ns))
        elif what == "wait":
            self.now_ns += 7 * SECOND_NS
            self._take(self.session.tick(self.now_ns))
        elif what == "logout":
            self._take(self.session.logout("the venue closes", self.now_ns))
        else:
            self._take(self.session.connection_lost("connection lost"))


@given(st.lists(STEPS, max_size=40), st.booleans())
def test_session_whatever_comes(steps: list[bytes | str], reset_on_logon: bool) -> None:
    """No exception, no gap in our numbers, no message twice or out of order, nothing sent after the end."""
    watched = Watched(reset_on_logon=reset_on_logon)
    watched.step("connect")
    for what in steps:
        watched.step(what)


@given(st.lists(st.one_of(SENT, st.binary(max_size=3000), st.just(wire(LOGON))), max_size=12))
def test_handshake_whatever_comes(chunks: list[bytes]) -> None:
    """Before a logon nothing raises, and no more than the limit is ever kept."""
    handshake = Handshake(START_NS)
    for chunk in chunks:
        asked = handshake.receive(chunk)
        if isinstance(asked, Drop):
            return
        assert len(handshake.framer) <= MAX_LOGON_BYTES
        assert (handshake.logon is not None) or not isinstance(asked, LogonRequested)


# Two sessions and a network that breaks.


class End:
    """One side: a session, its durable store, and the bytes under way to the other side."""

    def __init__(self, ours: str, theirs: str, *, initiator: bool) -> None:
        self.settings = SessionSettings(ours, theirs, initiator=initiator)
        self.session = Session(self.settings)
        self.kept: dict[int, bytes] = {}
        self.next_incoming = 1
        self.next_outgoing = 1
        self.sent: list[str] = []
        self.received: list[str] = []
        self.under_way = bytearray()
        self.wanted: list[Resend] = []
        self.broken = False

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Store):
                self.next_outgoing = event.number + 1
                if event.data:
                    self.kept[event.number] = event.data
            elif isinstance(event, Transmit):
                self.under_way += event.data
            elif isinstance(event, Received):
                self.received.append(text(event.message.fields, tags.CL_ORD_ID))
            elif isinstance(event, Expect):
                self.next_incoming = event.number
            elif isinstance(event, Resend):
                self.wanted.append(event)
            elif isinstance(event, Disconnect):
                self.broken = True

    def send(self) -> None:
        """An application message with the next name."""
        name = f"{self.settings.sender_comp_id}-{len(self.sent)}"
        self.sent.append(name)
        self.take(self.session.send(_application_message(self.settings.initiator, name), START_NS))

    def answer_store(self) -> None:
        """The store gives what was asked for first."""
        if self.wanted:
            wanted = self.wanted.pop(0)
            kept = [(number, self.kept[number]) for number in sorted(self.kept)]
            page = [item for item in kept if wanted.begin <= item[0] <= wanted.end]
            self.take(self.session.resend(wanted.begin, wanted.end, page, START_NS))

    def crash(self, skip: int) -> None:
        """Begin anew with what is stored; numbers reserved but not used may be skipped."""
        self.session = Session(self.settings, self.next_incoming, self.next_outgoing + skip)

    def cut(self) -> None:
        """The connection is gone, with all that was under way."""
        self.take(self.session.connection_lost("connection lost"))
        self.under_way.clear()
        self.wanted.clear()
        self.broken = False


def _application_message(initiator: bool, name: str) -> Message:
    if initiator:
        return Message(
            msg_types.ORDER_STATUS_REQUEST, {tags.CL_ORD_ID: name, tags.SYMBOL: "RIMBA-19", tags.SIDE: "1"}
        )
    fields = {
        tags.ORDER_ID: "1",
        tags.CL_ORD_ID: name,
        tags.ORIG_CL_ORD_ID: "x",
        tags.ORD_STATUS: "0",
        tags.CXL_REJ_RESPONSE_TO: "1",
    }
    return Message(msg_types.ORDER_CANCEL_REJECT, dict(fields))


class Network:
    """A market maker and the venue, and the connection between them."""

    def __init__(self) -> None:
        self.maker = End(PEER, OURS, initiator=True)
        self.venue = End(OURS, PEER, initiator=False)
        self.handshake: Handshake | None = None

    def connect(self) -> None:
        if not self.maker.session.connected and not self.venue.session.connected:
            self.handshake = Handshake(START_NS)
            self.maker.take(self.maker.session.connect(START_NS, 30, "maker", "secret"))

    def cut(self) -> None:
        self.handshake = None
        self.maker.cut()
        self.venue.cut()

    def deliver(self, sender: End, size: int) -> None:
        """So many bytes arrive at the other end."""
        data = bytes(sender.under_way[:size])
        del sender.under_way[:size]
        if sender is self.venue:
            self.maker.take(self.maker.session.receive(data, START_NS))
        elif self.handshake is None:
            self.venue.take(self.venue.session.receive(data, START_NS))
        elif isinstance(self.handshake.receive(data), LogonRequested):
            handshake, self.handshake = self.handshake, None
            self.venue.take(self.venue.session.accept(handshake, START_NS))
        if (self.maker.broken and not self.maker.under_way) or (
            self.venue.broken and not self.venue.under_way
        ):
            self.cut()

    def settle(self) -> None:
        """Let everything arrive."""
        for _ in range(10_000):
            self.connect()
            if self.maker.under_way or self.venue.under_way:
                self.deliver(self.maker, 10_000)
                self.deliver(self.venue, 10_000)
            elif self.maker.wanted or self.venue.wanted:
                self.maker.answer_store()
                self.venue.answer_store()
            else:
                return
        raise AssertionError("the two never come to rest")


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "maker sends",
                    "venue sends",
                    "connect",
                    "cut",
                    "maker asks its store",
                    "venue asks its store",
                ]
            ),
            st.tuples(
                st.sampled_from(["maker", "venue"]),
                st.sampled_from(["arrives", "crashes"]),
                st.integers(0, 300),
            ),
        ),
        max_size=60,
    )
)
def test_nothing_is_lost_and_nothing_invented(steps: list[str | tuple[str, str, int]]) -> None:
    """Connections break and either side crashes, anywhere: in the end each has every message once, in order."""
    network = Network()
    network.connect()
    ends = {"maker": network.maker, "venue": network.venue}
    for step in steps:
        if step == "connect":
            network.connect()
        elif step == "cut":
            network.cut()
        elif isinstance(step, tuple):
            name, what, size = step
            if what == "arrives":
                network.deliver(ends[name], size)
            else:
                network.cut()
                ends[name].crash(size % 50)
        elif step.endswith("sends"):
            ends[step.split()[0]].send()
        else:
            ends[step.split()[0]].answer_store()
    # The last connection holds; each side sends as soon as it may, before the other has asked for what it lacks.
    network.cut()
    network.connect()
    network.deliver(network.maker, 10_000)
    network.venue.send()
    network.deliver(network.venue, 10_000)
    network.maker.send()
    network.settle()
    assert network.maker.sent == network.venue.received
    assert network.venue.sent == network.maker.received
    assert network.maker.session.logged_on
    assert network.venue.session.logged_on
