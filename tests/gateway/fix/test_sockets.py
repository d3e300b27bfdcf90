"""The rules of the session over real sockets, byte by byte."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.fix.framing import Framer
from gateway.fix.session import MAX_WAITING_BYTES
from tests.gateway.fix.dialogue import show, wire
from tests.gateway.fix.fix_exchange import PASSWORD, register, serving_fix
from tests.market import ALPHA, PROJECT

if TYPE_CHECKING:
    from tests.gateway.exchange import RunningExchange

MAKER, VENUE = "ALPHAFIX", "EXCHANGE"
WAIT_S = 20


class RawClient:
    """A connection without any protocol but what a test writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._framer = Framer()

    @classmethod
    async def connect(cls, port: int) -> RawClient:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    def send(self, *messages: str) -> None:
        """Messages as dialogues write them, in one packet."""
        self.writer.write(b"".join(to_venue(message) for message in messages))

    async def next(self) -> str:
        """The next message as dialogues write it; `closed` when the connection ends before one."""
        async with asyncio.timeout(WAIT_S):
            while (frame := self._framer.next_frame()) is None:
                data = await self._reader.read(65536)
                if not data:
                    assert not len(self._framer)
                    return "closed"
                self._framer.feed(data)
        assert isinstance(frame, bytes)
        return show(frame, sender=VENUE, target=MAKER)

    async def expect(self, *messages: str) -> None:
        """The next messages must be these."""
        assert list(messages) == [await self.next() for _ in messages]


def to_venue(message: str) -> bytes:
    return wire(message, time.time_ns(), sender=MAKER, target=VENUE)


def logon(number: int, **changes: str) -> str:
    """A good Logon, or one with other fields."""
    fields = {"34": str(number), "98": "0", "108": "30", "554": PASSWORD}
    fields |= {tag[1:]: value for tag, value in changes.items()}
    return "|".join(["A", *(f"{tag}={value}" for tag, value in fields.items() if value)])


def order(cl_ord_id: str, number: int) -> str:
    return f"D|34={number}|11={cl_ord_id}|55={PROJECT.symbol}|54=1|60=@now|38=10|40=2|44=10.00"


async def test_who_proves_nothing_learns_and_moves_nothing(exchange: RunningExchange) -> None:
    """Garbage, strangers and wrong passwords are dropped without a byte, and no number is used."""
    await register(exchange, MAKER, ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        for first in (
            b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
            b"\x00" * 5000,
            to_venue(order("a", 1)),
            to_venue(logon(1, t554="wrong", t141="Y")),
            to_venue(logon(1, t554="")),
            to_venue(logon(1, t553="somebody else")),
            wire(logon(1), time.time_ns(), sender="STRANGER", target=VENUE),
            wire(logon(1), time.time_ns(), sender=MAKER, target="ELSEWHERE"),
            to_venue(logon(1)).replace(b"108=30", b"108=31"),
        ):
            stranger = await RawClient.connect(port)
            stranger.writer.write(first)
            await stranger.expect("closed")
        maker = await RawClient.connect(port)
        maker.send(logon(1), "5|34=2")
        await maker.expect("A|34=1|98=0|108=30|383=65536", "5|34=2", "closed")


async def test_second_connection_is_dropped(exchange: RunningExchange) -> None:
    """The first lives on, even when the second asks to reset the numbers."""
    await register(exchange, MAKER, ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        first, second = await RawClient.connect(port), await RawClient.connect(port)
        first.send(logon(1))
        await first.expect("A|34=1|98=0|108=30|383=65536")
        second.send(logon(1, t141="Y"))
        await second.expect("closed")
        first.send("1|34=2|112=still there?", "5|34=3")
        await first.expect("0|34=2|112=still there?", "5|34=3", "closed")


async def test_numbers_over_a_socket(exchange: RunningExchange) -> None:
    """Half messages, many in a packet, garbled ones, a gap and its end, rejects, resends, and a number too low."""
    await register(exchange, MAKER, ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        maker = await RawClient.connect(port)
        for byte in to_venue(logon(1)):
            maker.writer.write(bytes([byte]))
            await maker.writer.drain()
        await maker.expect("A|34=1|98=0|108=30|383=65536")
        garbled = to_venue("0|34=2").replace(b"\x0110=", b"\x0110=9")
        maker.writer.write(b"garbage" + garbled + to_venue("1|34=2|112=a") + to_venue("1|34=5|112=d"))
        await maker.expect("0|34=2|112=a", "2|34=3|7=3|16=0")
        maker.send("1|34=3|43=Y|122=@now|112=b", "1|34=4|43=Y|122=@now|112=c", "1|34=5|43=Y|122=@now|112=d")
        await maker.expect("0|34=4|112=b", "0|34=5|112=c", "0|34=6|112=d")
        maker.send("D|34=6|11=no-symbol", "E|34=7")
        await maker.expect(
            "3|34=7|45=6|371=55|372=D|373=1|58=a required field is missing",
            "j|34=8|45=7|372=E|380=3|58=this venue does not take such messages",
        )
        maker.send(order("order-1", 8))
        report = await maker.next()
        assert report.startswith("8|34=9|")
        assert "|11=order-1|" in report
        maker.send("2|34=9|7=7|16=0")
        resent = [await maker.next() for _ in range(3)]
        assert ["4|34=7|43=Y", "j|34=8|43=Y", "8|34=9|43=Y"] == [item[:11] for item in resent]
        maker.send("0|34=3")
        text = "MsgSeqNum too low, expecting 10 but received 3"
        await maker.expect(f"5|34=10|58={text}", "closed")


async def test_who_sends_on_during_a_resend_waits(exchange: RunningExchange) -> None:
    """More than may wait is not read before the resend is done; then it is, and nobody is cut off."""
    await register(exchange, MAKER, ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        maker = await RawClient.connect(port)
        maker.send(logon(1), order("order-1", 2))
        await maker.expect("A|34=1|98=0|108=30|383=65536")
        assert (await maker.next()).startswith("8|34=2|")
        heartbeat = to_venue("0|34=4")
        count = MAX_WAITING_BYTES * 3 // 2 // len(heartbeat)
        maker.send("2|34=3|7=2|16=0", *(f"0|34={number}" for number in range(4, 4 + count)))
        maker.send(f"1|34={4 + count}|112=all read")
        assert (await maker.next()).startswith("8|34=2|43=Y")
        await maker.expect("0|34=3|112=all read")


async def test_reset_needs_credentials(exchange: RunningExchange) -> None:
    """ResetSeqNumFlag begins anew for who has proved who they are, over a new connection and in the middle of one."""
    await register(exchange, MAKER, ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        maker = await RawClient.connect(port)
        maker.send(logon(1), "0|34=2", "5|34=3")
        await maker.expect("A|34=1|98=0|108=30|383=65536", "5|34=2", "closed")
        stranger = await RawClient.connect(port)
        stranger.send(logon(1, t554="wrong", t141="Y"))
        await stranger.expect("closed")
        maker = await RawClient.connect(port)
        maker.send(logon(4))
        await maker.expect("A|34=3|98=0|108=30|383=65536")
        maker.send("A|34=1|98=0|108=30|141=Y", "1|34=2|112=a", "5|34=3")
        await maker.expect("A|34=1|98=0|108=30|141=Y|383=65536", "0|34=2|112=a", "5|34=3", "closed")
