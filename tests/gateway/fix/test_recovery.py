"""Whatever ends when: numbers go on, every report reaches the maker once, and what comes again is marked and the same."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from exchange.domain.commands import RevokeKey
from exchange.domain.identity import LOCAL_OPERATOR
from gateway.fix.message import text
from gateway.fix.store import FixStore
from tests.gateway.fix.fix_exchange import (
    FixClient,
    Gone,
    new_order,
    now,
    register,
    reported,
    serving_fix,
    told,
)
from tests.market import ALPHA, PROJECT

if TYPE_CHECKING:
    from gateway.fix.store import Saved
    from tests.gateway.exchange import RunningExchange


class Doomed(Exception):  # noqa: N818
    """The store of a gateway that is killed at this moment."""


class DoomedStore(FixStore):
    """Dies at a save: before it reaches the database, or after it was committed and before anybody knows."""

    saves_left = 0
    committed = False

    async def save(self, saved: Saved) -> None:
        self.saves_left -= 1
        if self.saves_left >= 0:
            await super().save(saved)
            return
        if self.committed:
            await super().save(saved)
        raise Doomed


async def trade(client: FixClient, first: int) -> None:
    """A little of everything, as fast as it goes."""
    for number in range(first, first + 4):
        client.send("D", new_order(f"bid-{number}", "1", "9.90"))
        client.send("D", new_order(f"ask-{number}", "2", "10.10"))
        client.send(
            "G",
            {41: f"bid-{number}", 11: f"new-{number}"}
            | new_order("", "1", "9.91", 12)
            | {11: f"new-{number}"},
        )
        client.send("F", {41: f"ask-{number}", 11: f"end-{number}", 55: PROJECT.symbol, 54: "2", 60: now()})
        client.send("D", new_order(f"worse-{number}", "1", "9.999"))
        client.send("F", {41: "nothing", 11: f"bad-{number}", 55: PROJECT.symbol, 54: "2", 60: now()})
        await asyncio.sleep(0)


@pytest.mark.parametrize("committed", [False, True], ids=["not saved", "saved but not known"])
@pytest.mark.parametrize("saves", [1, 3, 8])
async def test_killed_at_a_save(exchange: RunningExchange, saves: int, committed: bool) -> None:
    """A gateway dies while orders stream in; the next one goes on with the session as if nothing had been."""
    await register(exchange, "ALPHAFIX", ALPHA, cancels_on_disconnect=False)
    trader = await exchange.client("beta-key")
    client = FixClient("ALPHAFIX")
    doomed = await DoomedStore.open(exchange.dsn)
    doomed.saves_left = 10_000
    doomed.committed = committed
    async with serving_fix(exchange.gateway, exchange.dsn, store=doomed) as port:
        await client.log_on(port)
        client.send("D", new_order("warm", "1", "9.80"))
        await client.next("8")
        doomed.saves_left = saves
        first = 0
        with contextlib.suppress(Gone):
            while not client.lost.is_set():
                await trade(client, first)
                first += 4
                # What is under way goes on a little, so that it makes several saves.
                await client.next()
        await client.gone()
    # Nobody serves FIX, and the market goes on.
    await trader.place_order(
        client_order_id="while-away", instrument=PROJECT.symbol, side="sell", quantity=3, price="9.80"
    )
    gateway, _ = await exchange.another_gateway()
    async with serving_fix(gateway, exchange.dsn) as port:
        await client.log_on(port)
        client.send("D", new_order("last", "1", "9.70"))
        while text((await client.next("8")).fields, 11) != "last":
            pass
        await client.log_out()
    events = await exchange.gateway.reader.account_events(ALPHA, limit=100_000)
    assert reported(events, "ALPHAFIX") == told(client.all)
    # What the venue never saw is refused once, too.
    refused = {message.number: text(message.fields, 11) for message in client.all if message.msg_type == "8"}
    worse = [name for name in refused.values() if name.startswith("worse-")]
    assert [f"worse-{number}" for number in range(len(worse))] == worse
    assert len(worse) > 0
    assert [] == client.refused


async def test_reports_wait_for_the_maker(exchange: RunningExchange) -> None:
    """What happens while the maker is away has numbers, and comes as resends at the next logon."""
    await register(exchange, "ALPHAFIX", ALPHA, cancels_on_disconnect=False)
    trader = await exchange.client("beta-key")
    client = FixClient("ALPHAFIX")
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        await client.log_on(port)
        client.send("D", new_order("bid", "1", "10.00"))
        await client.next("8")
        client.hang_up()
        await client.gone()
        await trader.place_order(
            client_order_id="hit", instrument=PROJECT.symbol, side="sell", quantity=3, price="10.00"
        )
        await client.log_on(port)
        filled = await client.next("8")
        assert ("F", "3", "Y") == (text(filled.fields, 150), text(filled.fields, 32), text(filled.header, 43))


async def test_resends_are_made_from_the_log(exchange: RunningExchange) -> None:
    """Asked for everything from the beginning, the venue sends the same reports again, made from their events."""
    await register(exchange, "ALPHAFIX", ALPHA)
    client = FixClient("ALPHAFIX")
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        await client.log_on(port)
        await trade(client, 0)
        client.send("H", {11: "end-3", 55: PROJECT.symbol, 54: "2"})
        while text((await client.next()).fields, 150) != "I":
            pass
        before = {message.number: message.fields for message in client.all}
        client.all.clear()
        client.session.next_incoming = 2
        client.send("H", {11: "end-3", 55: PROJECT.symbol, 54: "2"})
        while len({message.number for message in client.all}) < len(before) + 1:
            await client.next()
        again = {message.number: message.fields for message in client.all if message.poss_dup}
    assert before == again | {number: fields for number, fields in before.items() if number not in again}
    assert len(before) == len(again)


async def test_a_test_session_begins_anew(exchange: RunningExchange) -> None:
    """With reset at logon both numbers are 1 again, and nothing old comes."""
    await register(exchange, "ALPHAFIX", ALPHA, resets_on_logon=True)
    client = FixClient("ALPHAFIX", resets=True)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        for turn in range(2):
            await client.log_on(port, reset=True)
            client.send("D", new_order(f"bid-{turn}", "1", "9.90"))
            assert 2 == (await client.next("8")).number
            await client.log_out()


async def test_two_gateways_do_not_share_a_session(exchange: RunningExchange) -> None:
    """One that finds numbers given out by another one stops, and says nothing wrong before."""
    await register(exchange, "ALPHAFIX", ALPHA)
    gateway, _ = await exchange.another_gateway()
    client, other = FixClient("ALPHAFIX"), FixClient("ALPHAFIX")
    async with (
        serving_fix(exchange.gateway, exchange.dsn) as port,
        serving_fix(gateway, exchange.dsn) as other_port,
    ):
        await client.log_on(port)
        await other.connect(other_port)
        await other.gone()
        assert not other.logged_on.is_set()
        client.send("D", new_order("bid", "1", "9.90"))
        assert "0" == text((await client.next("8")).fields, 150)


async def test_a_new_registration_is_a_new_session(exchange: RunningExchange) -> None:
    """Numbers and messages of a revoked session are not those of the next one of that name."""
    await register(exchange, "ALPHAFIX", ALPHA)
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        client = FixClient("ALPHAFIX")
        await client.log_on(port)
        client.send("D", new_order("bid", "1", "9.90"))
        await client.next("8")
        await exchange.do(RevokeKey(LOCAL_OPERATOR, "ALPHAFIX"))
        await client.gone()
        await register(exchange, "ALPHAFIX", ALPHA)
        fresh = FixClient("ALPHAFIX")
        await fresh.log_on(port)
        fresh.send("D", new_order("bid-2", "1", "9.90"))
        assert 2 == (await fresh.next("8")).number


async def test_old_messages_are_forgotten(exchange: RunningExchange) -> None:
    """Their numbers are filled when somebody asks; those that are kept come again."""
    await register(exchange, "ALPHAFIX", ALPHA)
    client = FixClient("ALPHAFIX")
    async with serving_fix(exchange.gateway, exchange.dsn) as port:
        await client.log_on(port)
        for number in range(6):
            client.send("D", new_order(f"bid-{number}", "1", "9.90"))
            await client.next("8")
        store = await FixStore.open(exchange.dsn)
        await store.forget_all_but(3)
        assert [5, 6, 7] == [kept.number for kept in await store.messages("ALPHAFIX", 1, 100, 10)]
        await store.close()
        client.all.clear()
        client.session.next_incoming = 2
        client.send("D", new_order("bid-6", "1", "9.90"))
        while text((await client.next("8")).fields, 11) != "bid-6":
            pass
    assert [5, 6, 7, 8] == [message.number for message in client.all]
