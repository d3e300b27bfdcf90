"""Standings follow the venue through anything, and every report they make is a valid message."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from gateway.fix.decoding import decode
from gateway.fix.dictionary import FROM_VENUE
from gateway.fix.encoding import encode
from gateway.fix.message import text
from gateway.fix.reports import execution_report
from gateway.fix.standings import REPORTED, Standing, Standings, accounts_of, standing_of
from gateway.fix.store import encode_standing
from tests.exchange.domain.random_trading import ACCOUNTS, RandomTrading, scarce_market

HEADER = "49=EXCHANGE\x0156=MAKER\x0134=2\x0152=20261123-00:00:00.000\x01"


@pytest.mark.parametrize("seed", range(3))
def test_random_trading(seed: int) -> None:
    """After each event the live standings are the venue's live orders; every report decodes without a problem."""
    market = scarce_market()
    trading = RandomTrading(market, Random(seed))
    standings = {account: Standings(account) for account in ACCOUNTS}
    exec_ids: set[str] = set()
    folded = len(market.recorded)
    for _ in range(400):
        market.execute(trading.command())
        for recorded in market.recorded[folded:]:
            if not isinstance(recorded.event, REPORTED):
                continue
            for account in accounts_of(recorded.event):
                if account not in standings:
                    continue
                for standing in standings[account].fold(recorded.seq, recorded.event):
                    report = execution_report(market.state.listings, account, recorded, standing)
                    raw = encode(report.msg_type, HEADER, report.fields)
                    decoded = decode(raw, FROM_VENUE)
                    assert decoded.problem is None, decoded
                    exec_id = text(decoded.fields, 17)
                    assert exec_id not in exec_ids
                    exec_ids.add(exec_id)
                    again = msgspec.json.decode(encode_standing(standing), type=Standing)
                    assert standing == again
        folded = len(market.recorded)
        state = market.state
        for account, known in standings.items():
            expected = {
                order_id: standing_of(
                    state.orders[order_id],
                    state.remembered[account][state.orders[order_id].request.client_order_id].name,
                )
                for order_id in state.account_orders.get(account, ())
            }
            live = {
                order_id: msgspec.structs.replace(standing, former_id="")
                for order_id, standing in known.live.items()
            }
            assert expected == live
