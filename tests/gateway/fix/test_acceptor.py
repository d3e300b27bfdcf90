"""The acceptor over real sockets: who is let in, what garbage does, slow readers, rates, and several sessions at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.making.forms import SetFixPassword
from gateway.fix.message import text
from gateway.fix.passwords import hash_password, new_password, proves_password
from gateway.limits import Limits, Rate
from tests.gateway.fix.fix_exchange import WAIT_S, FixClient, new_order, now, register, serving_fix
from tests.market import ALPHA, BETA, PROJECT
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.fix.message import Fields
    from tests.gateway.conftest import StartExchange
    from tests.gateway.exchange import RunningExchange


async def all_bytes(port: int, data: bytes) -> bytes:
    """What the acceptor answers to bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    async with asyncio.timeout(WAIT_S):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n" + b"x" * 5000,
        b"8=FIX.4.2\x019=5\x0135=0\x0110=161\x01",
        b"8=FIX.4.4\x019=5\x0135=0\x0110=163\x01",
        b"\x00" * 10_000,
    ],
    ids=["HTTP", "another version", "no logon", "zeros"],
)
async def test_garbage_before_logon(exchange: RunningExchange, data: bytes) -> None:
    """Whoever does not begin with a Logon is shown out without a word, and others notice nothing."""
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        assert b"" == await all_bytes(port, data)
        client.send("D", new_order("bid", "1", "9.90"))
        assert "0" == text((await client.next("8")).fields, 150)


async def test_who_is_not_let_in(exchange: RunningExchange) -> None:
    """A wrong password, an unknown CompID and a second connection end without an answer; numbers do not move."""
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        for comp_id, password in (("ALPHAFIX", "wrong"), ("NOBODY", "wrong")):
            stranger = FixClient(comp_id)
            await stranger.connect(port, password)
            await stranger.gone()
            assert not stranger.logged_on.is_set()
        client, second = FixClient("ALPHAFIX"), FixClient("ALPHAFIX")
        await client.log_on(port)
        await second.connect(port)
        await second.gone()
        client.send("D", new_order("bid", "1", "9.90"))
        assert 2 == (await client.next("8")).number


async def test_a_new_password_ends_the_session(exchange: RunningExchange) -> None:
    """Who is logged on is logged out; the old password is wrong then."""
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        password = new_password()
        await exchange.do(SetFixPassword(LOCAL_OPERATOR, "ALPHAFIX", hash_password(password)))
        await client.gone()
        await client.connect(port)
        await client.gone()
        assert not client.logged_on.is_set()
        await client.connect(port, password)
        async with asyncio.timeout(WAIT_S):
            await client.logged_on.wait()


def test_passwords() -> None:
    """A hash is proved by its password and by no other, and says nothing about it."""
    first, second = new_password(), new_password()
    hashed = hash_password(first)
    assert [True, False] == [proves_password(hashed, password) for password in (first, second)]
    assert first not in hashed
    assert hashed != hash_password(first)


async def test_orders_end_with_the_connection(exchange: RunningExchange) -> None:
    """By default; the reports of their cancels come at the next logon."""
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        client.send("D", new_order("bid", "1", "9.90"))
        await client.next("8")
        client.hang_up()
        await eventually(lambda: not exchange.venue.state.orders, "the order is cancelled")
        await client.log_on(port)
        ended = (await client.next("8")).fields
        assert ("4", "disconnected") == (text(ended, 150), text(ended, 58))


async def test_tls(exchange: RunningExchange, tmp_path: Path) -> None:
    """The same over TLS: the certificate is the venue's, the credentials are the maker's."""
    certificate = tmp_path / "venue.pem"
    certificate.write_bytes(self_signed_pem())
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate)
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn, tls=server) as port:
        client = FixClient("ALPHAFIX", tls=ssl.create_default_context(cafile=str(certificate)))
        await client.log_on(port)
        client.send("D", new_order("bid", "1", "9.90"))
        assert "0" == text((await client.next("8")).fields, 150)
        await client.log_out()


def self_signed_pem() -> bytes:
    """A private key and its certificate for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "venue")])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


async def test_two_makers_see_the_same_trade(exchange: RunningExchange) -> None:
    """Each side has its own report, with its own fee and liquidity, of one trade."""
    await register(exchange, "ALPHAFIX", ALPHA)
    await register(exchange, "BETAFIX", BETA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        alpha, beta = FixClient("ALPHAFIX"), FixClient("BETAFIX")
        await alpha.log_on(port)
        await beta.log_on(port)
        alpha.send("D", new_order("bid", "1", "10.00"))
        await alpha.next("8")
        beta.send("D", new_order("hit", "2", "10.00", 4))
        await beta.next("8")
        bought, sold = (await alpha.next("8")).fields, (await beta.next("8")).fields
    assert text(bought, 880) == text(sold, 880)
    assert ("1", "1", "2", "2") == (text(bought, 851), text(bought, 39), text(sold, 851), text(sold, 39))


async def test_possible_resends(exchange: RunningExchange) -> None:
    """With PossResend an order that is known is not placed again, a new one is; without it, the ClOrdID is refused."""
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        client.send("D", new_order("bid", "1", "9.90"))
        await client.next("8")
        client.send("D", new_order("bid", "1", "9.90"), poss_resend=True)
        assert ("I", "0") == _of((await client.next("8")).fields, 150, 39)
        client.send("D", new_order("bid-2", "1", "9.90"), poss_resend=True)
        assert ("0", "bid-2") == _of((await client.next("8")).fields, 150, 11)
        client.send("D", new_order("bid", "1", "9.90"))
        assert ("8", "5001") == _of((await client.next("8")).fields, 150, 20001)
        cancel: Fields = {41: "bid", 11: "end", 55: PROJECT.symbol, 54: "1", 60: now()}
        client.send("F", cancel)
        assert ("4", "end") == _of((await client.next("8")).fields, 150, 11)
        client.send("F", cancel, poss_resend=True)
        assert ("I", "4") == _of((await client.next("8")).fields, 150, 39)
        client.send("F", cancel)
        assert ("5001", "6") == _of((await client.next("9")).fields, 20001, 102)
    assert 1 == len([one for one in exchange.venue.state.remembered[ALPHA] if one == "bid"])


async def test_rates(start_exchange: StartExchange) -> None:
    """Orders beyond the rate are refused by number; cancels have a rate of their own."""
    limits = Limits(orders=Rate(1, 3), cancels=Rate(1, 100), market_maker_factor=1)
    exchange = await start_exchange(limits)
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        for number in range(4):
            client.send("D", new_order(f"bid-{number}", "1", "9.90"))
        states = {
            text(report.fields, 11): report.fields for report in [await client.next("8") for _ in range(4)]
        }
        assert "2005" == text(states["bid-3"], 20001)
        client.send("q", {11: "all", 530: "7", 60: now()})
        assert "3" == text((await client.next("r")).fields, 533)


async def test_a_slow_reader_is_cut_off_and_catches_up(start_exchange: StartExchange) -> None:
    """One that does not read loses the connection, not the reports."""
    plenty = Rate(100_000, 100_000)
    exchange = await start_exchange(
        Limits(max_unsent_bytes=64 * 1024, conflate_above_bytes=8 * 1024, requests=plenty)
    )
    await register(exchange, "ALPHAFIX", ALPHA, cancels_on_disconnect=False)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        client.stop_reading()
        client.send("D", new_order("unheard", "1", "9.90"))

        async def cut_off() -> bool:
            for _ in range(200):
                client.send("x", {320: "flood", 559: "4"})
            return exchange.gateway.statistics.sessions == 0

        await eventually(cut_off, "the connection is cut off")
        client.hang_up()
        await client.gone()
        await client.log_on(port)
        report = await client.next("8")
        assert ("unheard", "Y") == (text(report.fields, 11), text(report.header, 43))


def _of(fields: Fields, *wanted: int) -> tuple[object, ...]:
    return tuple(fields[tag] for tag in wanted)
