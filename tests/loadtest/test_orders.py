"""The measurement of orders: against a real `exchange up`, it measures what it says."""

import msgspec
import pytest
from click.testing import CliRunner

from exchange.domain import commands
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.log.migrations import migrate
from exchange.operations.errors import Refused
from gateway.websocket.client import RejectedError
from gateway.websocket.requests import OrderAmendParams, OrderCancelParams, OrderPlaceParams
from loadtest import order_mix, orders
from loadtest.exchange_under_test import running_exchange
from loadtest.latencies import Latencies
from loadtest.order_mix import OrderMix


def run(*arguments: str) -> str:
    result = CliRunner().invoke(orders.main, list(arguments), catch_exceptions=False)
    assert 0 == result.exit_code
    return result.stdout


def is_plausible(measured: Latencies) -> bool:
    return 0 < measured.p50_ms <= measured.p99_ms <= measured.p999_ms < 60_000


def test_everything_is_measured_in_every_round(dsn: str) -> None:
    """The report has latencies, throughput over one and eight connections, and each rate, with all requests answered."""
    text = run(
        "--orders", "2000", "--rounds", "2", "--rate", "300", "--seconds", "0.5", "--json", "--dsn", dsn
    )
    report = msgspec.json.decode(text, type=orders.Report)

    one = report.one_at_a_time
    for measured in (one.place, one.cancel, one.ping, one.bare_commit):
        assert is_plausible(measured)
        assert 200 == measured.samples
    assert [(1, 800, 4000), (8, 800, 4000)] == [
        (row.connections, row.in_flight, row.requests) for row in report.throughput
    ]
    assert all(row.per_s > 0 and row.server_us > 0 and row.client_us > 0 for row in report.throughput)
    (arrivals,) = report.arrivals
    assert (300, 1.0, 300, 0) == (
        arrivals.rate_per_s,
        arrivals.duration_s,
        arrivals.answer.samples,
        arrivals.refused,
    )
    assert is_plausible(arrivals.answer)
    assert is_plausible(arrivals.late)
    assert arrivals.late.p50_ms < arrivals.answer.p50_ms


def test_a_table_for_people() -> None:
    """Without --json the figures come as tables with the circumstances below them; the server is one of its own."""
    text = run("--orders", "100", "--rounds", "1", "--rate", "100", "--seconds", "0.1")

    assert all(
        word in text
        for word in ("One at a time", "bare commit", "Many in flight", "fixed rate", "host: ", "Postgres 1")
    )


async def test_what_the_exchange_refuses_ends_the_measurement(dsn: str) -> None:
    """Neither an operator's command nor an order is refused unnoticed."""
    await migrate(dsn)
    async with running_exchange(dsn) as exchange:
        with pytest.raises(Refused, match="LOAD"):
            await exchange.operate(commands.ListInstrument(LOCAL_OPERATOR, order_mix.INSTRUMENT))
        async with await exchange.connect_trader() as client:
            with pytest.raises(RejectedError, match="UNKNOWN_ORDER"):
                await client.cancel_order(client_order_id="never-sent")


def test_the_mix_is_always_the_same() -> None:
    """Two mixes of one seed send the same requests, in the shares that the report names."""
    first, second = OrderMix(7), OrderMix(7)
    sent = [first.next_request()[1] for _ in range(20_000)]
    trades = [
        params for params in sent if isinstance(params, OrderPlaceParams) and params.time_in_force == "ioc"
    ]

    assert sent == [second.next_request()[1] for _ in range(20_000)]
    assert [60, 35, 5] == [
        round(100 * sum(isinstance(params, kind) for params in sent) / 20_000)
        for kind in (OrderPlaceParams, OrderCancelParams, OrderAmendParams)
    ]
    assert 10 == round(100 * len(trades) / 20_000)


def test_the_mix_names_only_orders_that_rest() -> None:
    """Every cancel and amend of the mix concerns an order that it placed behind the quotes and has not cancelled."""
    mix = OrderMix(7)
    resting: dict[str, OrderPlaceParams] = {}
    for _ in range(5000):
        params = mix.next_request()[1]
        if isinstance(params, OrderPlaceParams):
            if params.time_in_force == "day":
                assert params.client_order_id not in resting
                resting[params.client_order_id] = params
                price = order_mix.INSTRUMENT.price_to_ticks(params.price or "")
                assert price < order_mix.BID_TICKS if params.side == "buy" else price > order_mix.ASK_TICKS
        elif isinstance(params, OrderCancelParams):
            del resting[params.client_order_id]
        else:
            assert isinstance(params, OrderAmendParams)
            assert params.client_order_id in resting
