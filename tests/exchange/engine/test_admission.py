"""Back-pressure: new work is refused at the door when too much waits, what lowers risk is still taken."""

import pytest

from exchange.domain import commands
from exchange.domain.events import CancelAfterSet, OrderAccepted, OrderCancelled, SessionClosed
from exchange.domain.rejects import Reject, RejectCode
from exchange.engine import engine as engine_module
from tests.exchange.engine.running import events_of, running
from tests.market import ALPHA, GAMMA

LIMIT = 100


@pytest.fixture(autouse=True)
def low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is quickly reached."""
    monkeypatch.setattr(engine_module, "MAX_WAITING_COMMANDS", LIMIT)


async def test_new_orders_are_refused_and_cancels_taken_when_too_much_waits(log_dsn: str) -> None:
    """The refusal is a numbered code, nothing of the refused order is in the log, and every other command is answered."""
    async with running(log_dsn) as exchange:
        submit, alpha, gamma = (
            exchange.engine.submit,
            await exchange.log_on(),
            await exchange.log_on("gamma-key", GAMMA),
        )
        (resting,) = (await submit(alpha.place_command(alpha.buy(1, 900)))).events
        # Without a turn of the loop nothing is executed, so all of these wait.
        taken = [submit(alpha.place_command(alpha.buy(1, 900))) for _ in range(LIMIT)]
        refused = submit(alpha.place_command(alpha.buy(1, 901)))
        cancel = submit(commands.CancelOrder(alpha.key_id, alpha.session, ALPHA, resting.seq))
        timer = submit(commands.SetCancelAfter(alpha.key_id, alpha.session, ALPHA, 10**12))
        # All but the session's end count, up to twice the limit.
        cancel_all = commands.CancelAll(gamma.key_id, gamma.session, GAMMA)
        taken_too = [submit(cancel_all) for _ in range(LIMIT - 2)]
        refused_too = submit(cancel_all)
        closed = submit(commands.CloseSession(gamma.session, "client left"))

        for future in (refused, refused_too):
            with pytest.raises(Reject) as caught:
                await future
            assert RejectCode.BUSY == caught.value.code
        assert [OrderCancelled] == [type(event) for event in events_of(await cancel)]
        assert [CancelAfterSet] == [type(event) for event in events_of(await timer)]
        assert [SessionClosed] == [type(event) for event in events_of(await closed)]
        assert {OrderAccepted} == {type(event) for future in taken for event in events_of(await future)}
        assert [] == [event for future in taken_too for event in events_of(await future)]

    log = await exchange.read_log()
    assert LIMIT + 1 == sum(isinstance(recorded.event, OrderAccepted) for recorded in log)


async def test_orders_are_taken_again_when_fewer_wait(log_dsn: str) -> None:
    """Busy is a state that passes."""
    async with running(log_dsn) as exchange:
        submit, alpha = exchange.engine.submit, await exchange.log_on()
        taken = [submit(alpha.place_command(alpha.buy(1, 900))) for _ in range(LIMIT)]
        order = alpha.place_command(alpha.buy(1, 901))
        with pytest.raises(Reject):
            await submit(order)
        for future in taken:
            await future

        assert [OrderAccepted] == [type(event) for event in await exchange.do(order)]
