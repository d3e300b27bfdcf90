"""The network of a simulation: streams that delay and break, and messages that get lost, come late or twice."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.simulation.virtual_time import VirtualLoop


class Weather(Random):
    """What the network is like; `calm` ends all faults."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.slow = self.choice((0.001, 0.005, 0.05))
        self.loss = self.choice((0.0, 0.05, 0.2))
        self.doubling = self.choice((0.0, 0.1))

    def calm(self) -> None:
        self.slow, self.loss, self.doubling = 0.001, 0.0, 0.0

    def delay_s(self) -> float:
        """Of one message: mostly short, now and then much longer."""
        return self.expovariate(1 / self.slow) * (20 if self.random() < 0.02 else 1)


class Network:
    """Who listens where. Each connection draws its delays from a source of its own."""

    def __init__(self, loop: VirtualLoop, seed: str) -> None:
        self._loop = loop
        self._seed = seed
        self._listeners: dict[str, Callable[[], asyncio.Protocol]] = {}
        self._connections = 0
        self._open: dict[str, list[Stream]] = {}
        self.weather = Weather(seed)
        self.trace: Callable[[str], None] = lambda _line: None

    def listen(self, address: str, protocol_factory: Callable[[], asyncio.Protocol]) -> None:
        """Take connections at an address."""
        self._listeners[address] = protocol_factory

    async def connect(
        self, protocol_factory: Callable[[], asyncio.Protocol], address: str
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        """Raises ConnectionRefusedError when nobody listens."""
        await asyncio.sleep(self.weather.delay_s())
        listener = self._listeners.get(address)
        if listener is None:
            raise ConnectionRefusedError(address)
        self._connections += 1
        chance = Random(f"{self._seed} connection {self._connections}")
        near, far = (Stream(self, name, chance) for name in ("client", "server"))
        near.name, far.name = f"{self._connections} to client", f"{self._connections} to server"
        near.peer, far.peer = far, near
        near.protocol, far.protocol = protocol_factory(), listener()
        self._open.setdefault(address, []).append(far)
        far.protocol.connection_made(far)
        near.protocol.connection_made(near)
        return near, near.protocol

    def listens(self, address: str) -> bool:
        """Whether somebody takes connections there."""
        return address in self._listeners

    def vanish(self, address: str) -> None:
        """The process that listened is dead: it says and hears nothing more, and its peers find their connections reset."""
        self._listeners.pop(address, None)
        for stream in self._open.pop(address, []):
            stream.die()

    def cut(self, address: str, chance: Random) -> None:
        """Break one connection to an address; both sides live on."""
        streams = [stream for stream in self._open.get(address, []) if not stream.is_closing()]
        if streams:
            chance.choice(streams).cut()

    def post(self, what: str, deliver: Callable[[], None]) -> None:
        """Send one message that stands alone: it may be lost, come late, or twice."""
        weather = self.weather
        copies = 1 + (weather.random() < weather.doubling) - (weather.random() < weather.loss)
        for _ in range(copies):
            self._loop.call_later(weather.delay_s(), self._deliver, what, deliver)

    def _deliver(self, what: str, deliver: Callable[[], None]) -> None:
        self.trace(what)
        deliver()


class Stream(asyncio.Transport):
    """One end of a connection: what is written arrives in order, late, and in other pieces."""

    peer: Stream
    protocol: asyncio.Protocol
    name: str

    def __init__(self, network: Network, name: str, chance: Random) -> None:
        super().__init__()
        self.name = name
        self._network = network
        self._chance = chance
        self._closing = False
        self._ended = False
        self._arrives_at = 0.0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing:
            return
        pieces = bytes(data)
        cut_at = self._chance.randrange(len(pieces)) if self._chance.random() < 0.2 else 0
        for piece in (pieces[:cut_at], pieces[cut_at:]):
            if piece:
                self._send(self.peer.receive, piece)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._send(self.peer.end)
            self._network._loop.call_soon(self.end)

    def abort(self) -> None:
        self.close()

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def die(self) -> None:
        """The process on this end is no more; the other one will notice."""
        if self._ended:
            return
        self._closing = self._ended = True
        self._send(self.peer.end)

    def cut(self) -> None:
        """What is on its way is lost, and both ends notice."""
        for end in (self, self.peer):
            end._closing = True
            end._send(end.end)

    def receive(self, data: bytes) -> None:
        """Bytes arrive."""
        if not self._closing:
            self._network.trace(f"{self.name} {len(data)} bytes {sha256(data).hexdigest()}")
            self.protocol.data_received(data)

    def end(self) -> None:
        """This end notices that the connection is gone."""
        self._closing = True
        if not self._ended:
            self._ended = True
            self._network.trace(f"{self.name} ended")
            self.protocol.connection_lost(None)

    def _send(self, arrive: Callable[..., None], *data: bytes) -> None:
        loop = self._network._loop
        delay_s = self._chance.expovariate(1 / self._network.weather.slow)
        self._arrives_at = max(self._arrives_at, loop.time()) + delay_s
        loop.call_at(self._arrives_at, arrive, *data)
