"""The engine's socket: many clients, one feed, and no client can harm another."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import (
    Event,
    OrderAccepted,
    OrderCancelled,
    Recorded,
    SessionClosed,
    SessionOpened,
)
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine import engine as engine_module
from exchange.engine import frames
from exchange.engine import server as server_module
from exchange.engine.client import EngineClient, EngineUnreachable
from exchange.engine.interface import Answer, EngineStopped
from exchange.engine.server import EngineServer
from tests.exchange.engine.running import (
    PROGRAM,
    LogLocked,
    Running,
    do,
    events_of,
    execute,
    log_on,
    running,
)
from tests.market import ALPHA, BETA
from tests.waiting import eventually


def framed(*items: object) -> bytes:
    """A frame of any content."""
    body = msgspec.msgpack.encode(items)
    return len(body).to_bytes(4, "big") + body


@pytest.fixture
def path() -> Iterator[Path]:
    """Gives a place for a socket; its path must be short."""
    with tempfile.TemporaryDirectory(prefix="engine") as folder:
        yield Path(folder) / "run" / "engine.sock"


@asynccontextmanager
async def serving(exchange: Running, path: Path) -> AsyncIterator[EngineServer]:
    server = EngineServer(exchange.engine, path, PROGRAM)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[EngineClient]:
    client = await EngineClient.connect(path)
    try:
        yield client
    finally:
        await client.close()


class Raw:
    """A connection that writes what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, path: Path) -> "Raw":
        return cls(*await asyncio.open_unix_connection(str(path)))

    async def frame(self) -> bytes:
        length = int.from_bytes(await self.reader.readexactly(4), "big")
        return await self.reader.readexactly(length)

    async def closed(self) -> None:
        """Returns when the other side has closed."""
        async with asyncio.timeout(30):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                pass
        self.writer.close()


async def test_greeting(log_dsn: str, path: Path) -> None:
    """A client learns the epoch and where the feed begins, and gets every event after that."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as client:
        greeted = (client.epoch, client.durable_seq)
        heard: list[Recorded] = []
        durable_seqs: list[int] = []
        client.listen(heard.extend)
        client.listen(lambda _batch: durable_seqs.append(client.durable_seq))
        trader = await exchange.log_on()
        await exchange.do(trader.place_command(trader.buy(1, 900)))
        await eventually(lambda: client.durable_seq == exchange.engine.durable_seq, "the client is told")
        log = await exchange.read_log()

    assert (1, log[-3].seq) == greeted
    assert log[-2:] == heard
    # A listener that asks is told that its batch is durable.
    assert [recorded.seq for recorded in heard] == durable_seqs


async def test_several_clients_get_their_answers_and_the_whole_feed(log_dsn: str, path: Path) -> None:
    """Each order is answered to who sent it with the events of the feed; all see the same feed, which is the log."""
    async with running(log_dsn) as exchange, serving(exchange, path):
        start = exchange.engine.durable_seq
        heard: list[list[Recorded]] = []

        async def trade(seed: int) -> list[tuple[str, Answer]]:
            chance = random.Random(seed)
            feed: list[Recorded] = []
            heard.append(feed)
            async with connected(path) as client:
                client.listen(feed.extend)
                trader = await log_on(client, "alpha-key", ALPHA)
                answers: list[tuple[str, Answer]] = []

                async def place(client_order_id: str) -> None:
                    order = trader.buy(1, chance.randint(900, 999), client_order_id=client_order_id)
                    answer = await client.submit(trader.place_command(order))
                    # Who has an answer has heard of its events before.
                    assert answer.events[-1].seq <= client.durable_seq == feed[-1].seq
                    answers.append((client_order_id, answer))

                sent = 0
                while sent < 300:
                    burst = chance.choice((1, 1, 2, 10, 100))
                    await asyncio.gather(*(place(f"{seed}-{sent + n}") for n in range(burst)))
                    sent += burst
                await everybody_is_done.wait()
                # Everybody's last event was announced to all.
                await eventually(lambda: client.durable_seq == exchange.engine.durable_seq, "the feed ends")
            return answers

        everybody_is_done = asyncio.Barrier(4)
        traded = await asyncio.gather(*(trade(seed) for seed in range(4)))
        log = await exchange.read_log()

    by_seq = {recorded.seq: recorded for recorded in log}
    for answers in traded:
        for client_order_id, answer in answers:
            (accepted,) = answer.events
            assert by_seq[accepted.seq] == accepted
            assert isinstance(accepted.event, OrderAccepted)
            assert client_order_id == accepted.event.order.client_order_id
    for feed in heard:
        assert start <= feed[0].seq - 1
        assert log[feed[0].seq - 1 : feed[-1].seq] == feed


async def test_an_answer_is_made_of_the_events_that_listeners_were_given(log_dsn: str, path: Path) -> None:
    """The very objects, so that nobody decodes twice."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as client:
        heard: list[Recorded] = []
        client.listen(heard.extend)
        answer = await client.submit(commands.OpenSession("alpha-key", "test-gateway"))

    assert 1 == len(answer.events)
    assert heard[0] is answer.events[0]


async def test_answers_never_come_after_the_next_batch(log_dsn: str, path: Path) -> None:
    """Answers refer to the batch before them: those that are ready when the next batch is durable go out first."""
    async with running(log_dsn) as exchange, serving(exchange, path) as server:
        raw = await Raw.open(path)
        await raw.frame()
        (connection,) = server._connections
        connection._answers.append(frames.Answered(1, duplicate_of=7))
        await exchange.log_on()
        first, second = [frames.decode_for_client(await raw.frame()) for _ in range(2)]
        raw.writer.close()

    assert frames.Answers([frames.Answered(1, duplicate_of=7)]) == first
    assert isinstance(second, frames.Events)


async def test_refusals_and_repetitions_come_over_the_socket(
    log_dsn: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Busy keeps its code and text, a repetition names the original."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as client:
        trader = await log_on(client, "alpha-key", ALPHA)
        order = trader.place_command(trader.buy(1, 900))
        original = await client.submit(order)
        assert Answer([], original.events[0].seq) == await client.submit(order)
        monkeypatch.setattr(engine_module, "MAX_WAITING_COMMANDS", 0)
        with pytest.raises(Reject) as caught:
            await client.submit(trader.place_command(trader.buy(1, 901)))

    assert RejectCode.BUSY == caught.value.code
    assert "too many commands wait; try again shortly" == caught.value.message


async def test_what_no_frame_can_carry_is_refused_alone(log_dsn: str, path: Path) -> None:
    """A number beyond 64 bits and half a character are refused with a number; what was sent with them is answered."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as client:
        answers = await asyncio.gather(
            client.submit(commands.DepositCash("local", "a", "EUR", 10**30, "huge")),
            client.submit(commands.OpenSession("alpha-key", "test-gateway")),
            client.submit(commands.DepositCash("local", "a", "EUR", 1, "half \udcff")),
            return_exceptions=True,
        )

    huge, opened, half = answers
    assert isinstance(opened, Answer)
    assert [SessionOpened] == [type(recorded.event) for recorded in opened.events]
    assert [
        "1002 INVALID_PARAMS: a number lies between -9223372036854775807 and 9223372036854775807",
        "1002 INVALID_PARAMS: a text has no control characters",
    ] == [str(huge), str(half)]


@pytest.mark.parametrize(
    "body",
    [
        (frames.MAX_FRAME_BYTES + 1).to_bytes(4, "big"),
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x05\xc1\xc1\xc1\xc1\xc1",
        frames.encode(frames.Hello(frames.PROTOCOL_VERSION, "client", 1, 1, False)),
        frames.encode(frames.Answers([])),
        framed("Submit", [[1, {"command": "DropTables"}]]),
        framed("Submit", [[1, {"command": "CloseSession", "session": "x", "reason": ""}]]),
    ],
    ids=["too long", "empty", "no msgpack", "hello", "answers", "unknown command", "wrong type"],
)
async def test_unreadable_frames_close_their_connection_only(body: bytes, log_dsn: str, path: Path) -> None:
    """Whoever does not speak the protocol is hung up on; others trade on, and nothing was sequenced."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as client:
        raw = await Raw.open(path)
        assert isinstance(frames.decode_for_client(await raw.frame()), frames.Hello)
        durable_seq = exchange.engine.durable_seq
        raw.writer.write(body)
        await raw.closed()
        assert durable_seq == exchange.engine.durable_seq
        answer = await client.submit(commands.OpenSession("alpha-key", "test-gateway"))

    assert [SessionOpened] == [type(event) for event in events_of(answer)]


async def test_half_a_frame_does_nothing(log_dsn: str, path: Path) -> None:
    """A client that dies in the middle of a frame has asked for nothing."""
    async with running(log_dsn) as exchange, serving(exchange, path) as server:
        durable_seq = exchange.engine.durable_seq
        raw = await Raw.open(path)
        await raw.frame()
        frame = frames.encode(frames.Submit([(1, commands.OpenSession("alpha-key", "test-gateway"))]))
        raw.writer.write(frame[:-1])
        raw.writer.close()
        await eventually(lambda: not server._connections, "the server has noticed")
        assert not exchange.engine.waiting_commands
        assert durable_seq == exchange.engine.durable_seq


@asynccontextmanager
async def stranger(path: Path, greeting: bytes) -> AsyncIterator[None]:
    """A server that greets in its own way, and hangs up when it has nothing to say."""
    connections: list[asyncio.StreamWriter] = []

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.write(greeting)
        if not greeting:
            writer.close()

    path.parent.mkdir()
    server = await asyncio.start_unix_server(greet, str(path))
    try:
        yield
    finally:
        server.close()
        for writer in connections:
            writer.close()


@pytest.mark.parametrize(
    ("greeting", "complaint"),
    [
        (
            frames.encode(frames.Hello(frames.PROTOCOL_VERSION + 1, "carbon-exchange 99", 1, 1, False)),
            rf"\(carbon-exchange 99\) speaks protocol {frames.PROTOCOL_VERSION + 1}, this program",
        ),
        (b"", "closed the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "closed the connection"),
    ],
    ids=["version", "hangs up", "other protocol"],
)
async def test_engines_that_cannot_be_spoken_to(greeting: bytes, complaint: str, path: Path) -> None:
    """A client says which engine it met and why it cannot use it."""
    async with stranger(path, greeting):
        with pytest.raises(EngineUnreachable, match=complaint):
            async with asyncio.timeout(30):
                await EngineClient.connect(path)


async def test_no_engine(path: Path) -> None:
    """A missing socket is told by its path."""
    with pytest.raises(EngineUnreachable, match=f"no engine listens at {path}"):
        await EngineClient.connect(path)


async def test_a_client_that_does_not_read_is_cut_off(
    log_dsn: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the limit the engine keeps nothing more for it and ends its sessions; others get everything."""
    monkeypatch.setattr(server_module, "MAX_UNSENT_BYTES", 64 * 1024)
    async with running(log_dsn) as exchange, serving(exchange, path) as server, connected(path) as client:
        heard: list[Recorded] = []
        client.listen(heard.extend)
        start = exchange.engine.durable_seq
        raw = await Raw.open(path)
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a stream's transport can
        raw.writer.write(
            frames.encode(frames.Submit([(1, commands.OpenSession("beta-key", "deaf gateway"))]))
        )
        await eventually(lambda: exchange.venue.state.sessions, "the deaf client is logged on")
        assert 2 == len(server._connections)
        trader = await log_on(client, "alpha-key", ALPHA)

        async def noise() -> bool:
            orders = [trader.place_command(trader.buy(1, 900)) for _ in range(200)]
            await asyncio.gather(*(client.submit(order) for order in orders))
            return len(server._connections) == 1

        await eventually(noise, "the deaf client is cut off")
        await eventually(lambda: len(exchange.venue.state.sessions) == 1, "its session is ended")
        await eventually(lambda: client.durable_seq == exchange.engine.durable_seq, "the feed ends")
        raw.writer.transport.abort()
        log = await exchange.read_log()

    assert log[start:] == heard
    assert ["gateway lost"] == [
        recorded.event.reason for recorded in log if isinstance(recorded.event, SessionClosed)
    ]


async def test_a_lost_gateway_takes_its_sessions_with_it(log_dsn: str, path: Path) -> None:
    """Sessions that a connection opened and did not close end with it, and the orders that were to go with them."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as other:
        lost = await EngineClient.connect(path)
        ended = await log_on(lost, "alpha-key", ALPHA, cancel_on_disconnect=True)
        stays = await log_on(lost, "alpha-key", ALPHA)
        goes = await log_on(lost, "beta-key", BETA, cancel_on_disconnect=True)
        elsewhere = await log_on(other, "beta-key", BETA, cancel_on_disconnect=True)
        await do(lost, ended.place_command(ended.buy(1, 901)))
        await do(lost, commands.CloseSession(ended.session, "client left"))
        await do(lost, stays.place_command(stays.buy(2, 902)))
        await do(lost, goes.place_command(goes.buy(3, 903)))
        await do(other, elsewhere.place_command(elsewhere.buy(4, 904)))
        seq = exchange.engine.durable_seq
        await lost.close()
        await eventually(
            lambda: set(exchange.venue.state.sessions) == {elsewhere.session}, "the sessions are ended"
        )
        left = [order.quantity for order in exchange.venue.state.orders.values()]
        await eventually(lambda: exchange.engine.durable_seq == seq + 3, "their ends are in the log")
        last = [recorded.event for recorded in (await exchange.read_log())[seq:]]

    assert [2, 4] == left
    expected: list[Event] = [
        SessionClosed(stays.session, "gateway lost"),
        SessionClosed(goes.session, "gateway lost"),
    ]
    assert expected == last[:2]
    assert [3] == [event.quantity for event in last[2:] if isinstance(event, OrderCancelled)]


async def test_a_session_that_opens_after_its_gateway_was_lost(log_dsn: str, path: Path) -> None:
    """A logon that was on its way when the connection broke leaves no session behind."""
    async with running(log_dsn) as exchange, serving(exchange, path) as server:
        gateway = await EngineClient.connect(path)
        async with LogLocked(log_dsn) as lock:
            logon = gateway.submit(commands.OpenSession("alpha-key", "test-gateway"))
            await eventually(lock.append_waits, "the logon is on its way to the log")
            await gateway.close()
            await eventually(lambda: not server._connections, "the server has noticed")
            assert 1 == len(exchange.venue.state.sessions)
        with pytest.raises(EngineStopped):
            await logon
        await eventually(lambda: not exchange.venue.state.sessions, "the session is ended")


async def test_an_engine_that_fails(log_dsn: str, path: Path) -> None:
    """Clients of a failed engine get no answer: their requests are unknown, they know it, and so are later ones."""
    async with running(log_dsn) as exchange, serving(exchange, path) as server:
        client, idle = await EngineClient.connect(path), await EngineClient.connect(path)
        trader = await log_on(client, "alpha-key", ALPHA)
        durable_seq = exchange.engine.durable_seq
        async with LogLocked(log_dsn) as lock:
            orders = [client.submit(trader.place_command(trader.buy(1, 900))) for _ in range(3)]
            await eventually(lock.append_waits, "the append waits in Postgres")
            backend = exchange.writer._connection.get_server_pid()
            await execute(log_dsn, f"SELECT pg_terminate_backend({backend})")
            async with asyncio.timeout(30):
                outcomes = await asyncio.gather(*orders, return_exceptions=True)
                await client.wait_lost()
        await server.close()
        async with asyncio.timeout(30):
            await idle.wait_lost()
        later = client.submit(trader.place_command(trader.buy(1, 900)))

        assert [EngineStopped] * 3 == [type(outcome) for outcome in outcomes]
        with pytest.raises(EngineStopped):
            await later
        assert durable_seq == client.durable_seq


async def test_the_socket_is_its_owners(log_dsn: str, path: Path) -> None:
    """Nobody else can enter the folder or open the socket, and it is gone with the engine."""
    async with running(log_dsn) as exchange, serving(exchange, path):
        modes = [oct(place.stat().st_mode & 0o777) for place in (path.parent, path)]
    assert ["0o700", "0o600"] == modes
    assert not path.exists()


async def test_a_new_engine_takes_the_socket_of_a_dead_one(log_dsn: str, path: Path) -> None:
    """What a killed engine left behind is replaced; an old engine that ends late leaves the new one's socket alone."""
    async with running(log_dsn) as exchange:
        async with serving(exchange, path), serving(exchange, path):
            pass
        assert not path.exists()
        async with (
            serving(exchange, path) as old,
            serving(exchange, path) as new,
            connected(path) as client,
        ):
            await old.close()
            assert path.exists()
            answer = await client.submit(commands.OpenSession("alpha-key", "test-gateway"))
            assert 1 == len(new._connections)

    assert [SessionOpened] == [type(event) for event in events_of(answer)]


async def test_a_large_batch_is_one_frame(log_dsn: str, path: Path) -> None:
    """Thousands of events of one commit arrive whole at a client that sent thousands of commands in one write."""
    async with running(log_dsn) as exchange, serving(exchange, path), connected(path) as client:
        trader = await log_on(client, "alpha-key", ALPHA)
        batches: list[int] = []
        client.listen(lambda batch: batches.append(len(batch)))
        orders = [trader.place_command(trader.buy(1, 900 + n % 50)) for n in range(5000)]
        async with LogLocked(log_dsn) as lock:
            first = client.submit(orders[0])
            await eventually(lock.append_waits, "the first append waits in Postgres")
            rest = [client.submit(order) for order in orders[1:]]
            await eventually(lambda: len(exchange.engine._batch.recorded) == 4999, "all others are executed")
        answers = await asyncio.gather(first, *rest)

    assert [1, 4999] == batches
    assert [order.order.client_order_id for order in orders] == [
        event.order.client_order_id
        for answer in answers
        for event in events_of(answer)
        if isinstance(event, OrderAccepted)
    ]
