"""The venue's own door: time, malformed commands, replay and snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exchange.domain import commands, snapshot, venue
from exchange.domain.carbon.freeze_forms import FreezeCause, FreezeUnits
from exchange.domain.events import EVENT_TYPES, RequestRefused, WriterStarted
from exchange.domain.identity import LOCAL_OPERATOR, Role
from exchange.domain.instruments import CreditClass
from exchange.domain.orders import OrderRequest, RetirementTerms
from exchange.domain.rejects import Reject, RejectCode
from exchange.domain.serials import SerialBlock
from exchange.domain.state import State
from exchange.domain.venue import Venue, VenueError
from matching.order import Side, TimeInForce
from tests.market import PROJECT, V19, Market

if TYPE_CHECKING:
    from exchange.domain.commands import Command
    from exchange.domain.deciding import Deciding


def test_time_never_runs_backwards(market: Market) -> None:
    """A command may share the time of the last event, and no more than that."""
    last = market.state.last_at
    market.venue.execute(commands.FireTimers(), last)
    with pytest.raises(VenueError, match="runs backwards"):
        market.venue.execute(commands.FireTimers(), last - 1)


def test_time_never_runs_backwards_after_a_replay(market: Market) -> None:
    """A venue on a replayed state goes on from the time of its last event."""
    with pytest.raises(VenueError, match="runs backwards"):
        Venue(market.replica).execute(commands.FireTimers(), market.at - 1)
    assert market.state.last_at == Venue(market.replica).at


def test_a_refusal_after_effects_stops_the_venue(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decider that refuses after it emitted an event is a bug, and is not answered as a refusal."""

    def careless(deciding: Deciding, command: commands.FireTimers) -> None:
        deciding.emit(WriterStarted("test"))
        raise Reject(RejectCode.BUSY, "too late")

    monkeypatch.setitem(venue._DECIDERS, commands.FireTimers, careless)
    with pytest.raises(VenueError, match="was refused after it had effects"):
        market.venue.execute(commands.FireTimers(), market.at)
    # The audit after the test needs a state that was not broken on purpose.
    market.venue = Venue(market.replica)


TOO_LONG = "a text has at most 256 characters"
CONTROL = "a text has no control characters"
NUMBER = f"a number lies between -{2**63 - 1} and {2**63 - 1}"


def place(**terms: Any) -> Command:
    """An order with these terms."""
    order = {"client_order_id": "x", "instrument": "RIMBA-19", "quantity": 1, "price": 1000, **terms}
    return commands.PlaceOrder("alpha-key", 1, "alpha", OrderRequest(**{"side": Side.BUY, **order}))


MALFORMED: list[tuple[Command, str]] = [
    (place(client_order_id="x" * 257), TOO_LONG),
    (place(client_order_id="x\x00"), CONTROL),
    (place(instrument="\x1b[2J"), CONTROL),
    (place(instrument="caf\x85"), CONTROL),
    (place(price=2**63), NUMBER),
    (place(quantity=-(2**63)), NUMBER),
    (place(quantity=10**4000), NUMBER),
    (place(side=Side.SELL, deliver=((V19, 10**4000),)), NUMBER),
    (place(side=Side.SELL, deliver=(("\n", 1),)), CONTROL),
    (place(side=Side.SELL, deliver=((V19, 1),) * 1001), "a list has at most 1000 items"),
    (commands.CancelOrder("alpha-key", 1, "alpha\x00", 1), CONTROL),
    (commands.CancelOrder("alpha-key", 1, "alpha", 2**70), NUMBER),
    (commands.Retire("alpha-key", 1, "alpha", "A\ud800", "p", "r", ((V19, 1),)), CONTROL),
    (commands.AdmitParticipant(LOCAL_OPERATOR, "DELTA", "x" * 257), TOO_LONG),
    (
        commands.RegisterClass(LOCAL_OPERATOR, CreditClass("A-1-2020", "A", "1", "n", 2020, labels=("\t",))),
        CONTROL,
    ),
    (
        commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 1, (SerialBlock("VCS", "b", 2**64, 2**64),), "r"),
        NUMBER,
    ),
]


@pytest.mark.parametrize(("command", "message"), MALFORMED)
def test_malformed_commands(market: Market, command: Command, message: str) -> None:
    """What the log could not carry is refused without a word of it, and not remembered."""
    assert [RequestRefused(type(command).__name__, "", "", RejectCode.INVALID_PARAMS, message)] == market.do(
        command
    )
    assert {} == market.state.remembered


def test_texts_of_all_languages(market: Market) -> None:
    """Names may be written in any script."""
    for number, name in enumerate(("東京ガス株式会社", "Ölmühle “Süd”", "شركة", "x" * 256)):
        command = market.alpha.retire_command(V19, 1, f"r-{number}", beneficiary=name)
        assert ["retired"] == [event.kind for event in market.do(command)]


def test_replay_takes_events_in_order(market: Market) -> None:
    """A gap or a repetition stops the replay."""
    state = State()
    first, second, third = market.recorded[:3]
    state.apply(first.seq, first.recorded_at, first.event)
    with pytest.raises(ValueError, match="event 3 does not follow event 1"):
        state.apply(third.seq, third.recorded_at, third.event)
    state.apply(second.seq, second.recorded_at, second.event)
    with pytest.raises(ValueError, match="event 2 does not follow event 2"):
        state.apply(second.seq, second.recorded_at, second.event)


def test_writers_leave_the_state_alone(market: Market) -> None:
    """An engine's start is an event of the log that only moves seq and time."""
    before = msgspec.json.decode(snapshot.dump(market.state))
    assert [WriterStarted("exchange 0.1.0")] == market.do(commands.StartWriter("exchange 0.1.0"))
    after = msgspec.json.decode(snapshot.dump(market.state))
    assert before | {"last_seq": market.state.last_seq, "last_at": market.at} == after


def test_applied_events_are_the_venues_own(market: Market) -> None:
    """A venue that follows a log can take over from it: it goes on where the log ends."""
    follower = Venue()
    for recorded in market.recorded:
        follower.apply(recorded.seq, recorded.recorded_at, recorded.event)
    command = market.alpha.place_command(market.alpha.buy(1, 1000))
    execution = market.execute(command)
    assert execution == follower.execute(command, market.at)
    assert snapshot.digest(market.state) == snapshot.digest(follower.state)


def lively_market() -> Market:
    """A market with something in every corner of its state."""
    market = Market()
    careful = market.logged_on("gamma-key", "gamma", cancel_on_disconnect=True)
    careful.rest(careful.sell(30, 1010, display_quantity=7, time_in_force=TimeInForce.GTC))
    market.beta.rest(market.beta.sell(9, 1010, "NATURE", deliver=(("GS-7548-2020", 9),)))
    market.alpha.place(market.alpha.buy(9, 1010))
    market.alpha.rest(market.alpha.buy(4, 990, time_in_force=TimeInForce.GTD, expire_date="2026-12-01"))
    market.alpha.cancel(market.alpha.rest(market.alpha.buy(5, 990)))
    market.alpha.cancel_after(10**9)
    market.alpha.amend(market.alpha.rest(market.alpha.buy(6, 980)), price=981, request_id="renamed")
    market.do(market.alpha.retire_command(V19, 3, "r"))
    market.do(commands.RegisterKey(LOCAL_OPERATOR, "k", "BETA", Role.TRADER, "ab" * 32))
    market.do(commands.SetCalendar(LOCAL_OPERATOR, "TEST", ("2026-11-25",)))
    market.list_instrument(
        msgspec.structs.replace(PROJECT, symbol="LATER", settlement_days=2, calendar="TEST")
    )
    market.do(commands.RegisterClass(LOCAL_OPERATOR, CreditClass("EXC-1-2026", "EXC", "1", "Biochar", 2026)))
    market.do(commands.IssueUnits(LOCAL_OPERATOR, "alpha", "EXC-1-2026", 50, "issue-1"))
    market.beta.rest(market.beta.sell(20, 1000, "LATER"))
    market.alpha.place(market.alpha.buy(20, 1000, "LATER", retire_on_fill=RetirementTerms("Acme", "flights")))
    market.do(
        commands.KeyBlockTrade(
            "alpha-key", market.alpha.session, "alpha", "beta", "bt", "LATER", Side.BUY, 1000, 7
        )
    )
    frozen = SerialBlock("GS", "opening-2020", 1, 10)
    market.do(FreezeUnits(LOCAL_OPERATOR, "hold-1", FreezeCause.HOLD, "under review", (frozen,)))
    market.close_day("2026-11-24")
    market.alpha.cancel(market.alpha.rest(market.alpha.buy(5, 990)))
    return market


def test_snapshot_is_the_whole_state() -> None:
    """Loaded, it has the same bytes and digest, and nothing of it is empty by chance."""
    market = lively_market()
    data = snapshot.dump(market.state)
    loaded = snapshot.load(data)
    assert data == snapshot.dump(loaded)
    assert snapshot.digest(market.state) == snapshot.digest(loaded)
    fields = msgspec.json.decode(data)
    assert all(fields.values())
    assert market.state.account_orders == {
        account: orders for account, orders in loaded.account_orders.items() if orders
    } | {account: {} for account, orders in market.state.account_orders.items() if not orders}


def test_digest_sees_fifo_order() -> None:
    """Two states with the same orders in another order are not the same."""
    digests = set()
    for swap in (False, True):
        market = Market()
        first = market.alpha.rest(market.alpha.buy(5, 1000))
        second = market.alpha.rest(market.alpha.buy(5, 1000))
        for order_id in (second, first) if swap else (first, second):
            market.alpha.amend(order_id, quantity=6)
        digests.add(snapshot.digest(market.state))
    assert 2 == len(digests)


def test_damaged_snapshots(market: Market) -> None:
    """Unknown or missing fields and wrong types are refused."""
    data = msgspec.json.decode(snapshot.dump(market.state))
    for damage in ({"extra": 1}, {"last_seq": "1"}, {"orders": None}):
        with pytest.raises(msgspec.ValidationError):
            snapshot.load(msgspec.json.encode({**data, **damage}))
    del data["remembered"]
    with pytest.raises(msgspec.ValidationError):
        snapshot.load(msgspec.json.encode(data))


def test_kinds_are_unique() -> None:
    """Every event type has a kind of its own in the log."""
    kinds = [event_type.kind for event_type in EVENT_TYPES]
    assert sorted(set(kinds)) == sorted(kinds)


def test_every_command_has_a_decider() -> None:
    """Nothing that can be asked is unknown to the venue."""
    assert set(venue._DECIDERS) == set(commands.Command.__args__)


def test_sides_of_the_market(market: Market) -> None:
    """A buyer and a seller meet: the smallest whole story of the venue."""
    market.beta.rest(market.beta.sell(1, 1000))
    events = market.alpha.place(market.alpha.buy(1, 1000))
    assert ["order_accepted", "fill"] == [event.kind for event in events]
    assert Side.BUY is market.state.remembered["alpha"]["order-2"].request.side
