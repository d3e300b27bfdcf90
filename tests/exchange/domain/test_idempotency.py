"""Client order ids and references: the same request has one effect and one answer; another one is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from exchange.domain import commands
from exchange.domain.events import RequestRefused
from exchange.domain.identity import LOCAL_OPERATOR
from exchange.domain.orders import OrderStatus, OrderType
from exchange.domain.rejects import RejectCode
from exchange.domain.serials import SerialBlock
from exchange.domain.venue import Execution
from matching.order import SelfTradePrevention, Side, TimeInForce
from tests.exchange.domain.expected import refused, rejected
from tests.market import CASH, V18, V19, Market

if TYPE_CHECKING:
    from exchange.domain.commands import Command


def test_same_order_again(market: Market) -> None:
    """The answer is the first one's, while the order lives, after it ended, and over another session."""
    command = market.alpha.place_command(market.alpha.buy(5, 1000))
    first_seq = market.next_seq
    market.do(command)
    seq = market.state.last_seq
    assert Execution([], first_seq) == market.execute(command)
    market.beta.place(market.beta.sell(5, 1000))
    again = market.logged_on("alpha-key", "alpha")
    assert Execution([], first_seq) == market.execute(again.place_command(command.order))
    assert first_seq == seq
    remembered = market.state.remembered["alpha"][command.order.client_order_id]
    assert (OrderStatus.FILLED, 5) == (remembered.status, remembered.filled)
    assert {} == market.state.orders


def test_answer_of_a_taker_is_its_command(market: Market) -> None:
    """The fills belong to the command of the order that took."""
    market.beta.rest(market.beta.sell(5, 1000))
    command = market.alpha.place_command(market.alpha.buy(5, 1000))
    first_seq = market.next_seq
    market.do(command)
    assert first_seq == market.execute(command).duplicate_of
    assert ["order_accepted", "fill"] == [
        recorded.event.kind for recorded in market.recorded if recorded.command == first_seq
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": 6},
        {"price": 1001},
        {"side": Side.SELL},
        {"instrument": "NATURE"},
        {"time_in_force": TimeInForce.GTC},
        {"order_type": OrderType.MARKET},
        {"post_only": True},
        {"display_quantity": 1},
        {"self_trade_prevention": SelfTradePrevention.DECREMENT},
        {"expire_date": "2026-11-23"},
        {"deliver": ((V19, 5),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_same_id_with_another_body(market: Market, change: dict[str, Any]) -> None:
    """Any other field makes another order: refused, and the first one stays what it was."""
    order = market.alpha.buy(5, 1000, client_order_id="mine")
    first_seq = market.next_seq
    market.alpha.rest(order)
    other = msgspec.structs.replace(order, **change)
    for _ in range(2):
        assert [
            rejected(
                market.alpha,
                other,
                RejectCode.CLIENT_ORDER_ID_REUSED,
                "client order id 'mine' was used for another order",
            )
        ] == market.alpha.place(other)
    assert first_seq == market.execute(market.alpha.place_command(order)).duplicate_of
    assert [first_seq] == list(market.state.orders)


def test_rejected_orders_are_remembered(market: Market) -> None:
    """A refusal is an answer like others, even when the order would be taken by now."""
    order = market.alpha.sell(100_001, 1000, client_order_id="mine")
    first_seq = market.next_seq
    market.alpha.place(order)
    market.deposit_units("alpha", V19, 10)
    assert first_seq == market.execute(market.alpha.place_command(order)).duplicate_of
    remembered = market.state.remembered["alpha"]["mine"]
    assert (OrderStatus.REJECTED, 0, 0) == (remembered.status, remembered.order_id, remembered.filled)
    assert [
        refused(
            market.alpha,
            "CancelOrder",
            RejectCode.UNKNOWN_ORDER,
            "the account has no live order 'mine'",
            client_order_id="mine",
        )
    ] == market.alpha.cancel(client_order_id="mine")


def test_ids_belong_to_accounts(market: Market) -> None:
    """Two accounts may use the same id, also those of one participant."""
    for trader in (market.alpha, market.alpha_2, market.beta):
        trader.rest(trader.buy(1, 900, client_order_id="mine"))
    assert 3 == len(market.state.orders)


def test_strangers_write_nothing_into_the_table(market: Market) -> None:
    """Neither a wrong account nor a wrong session leaves an id behind."""
    order = market.beta.buy(1, 1000, client_order_id="theirs")
    for command in (
        commands.PlaceOrder("beta-key", market.beta.session, "alpha", order),
        commands.PlaceOrder("alpha-key", market.beta.session, "alpha", order),
        commands.PlaceOrder("nobody", 0, "alpha", order),
    ):
        (event,) = market.do(command)
        assert isinstance(event, RequestRefused)
        assert ("", "theirs") == (event.account, event.client_order_id)
    assert {} == market.state.remembered
    market.alpha.rest(order)


@pytest.mark.parametrize("client_order_id", ["", "a b", "é", "x" * 65, "tab\t"])
def test_ids_that_name_nothing(market: Market, client_order_id: str) -> None:
    """An order without a proper id is refused and not remembered."""
    order = market.alpha.buy(1, 1000, client_order_id=client_order_id)
    (event,) = market.alpha.place(order)
    assert isinstance(event, RequestRefused)
    assert RejectCode.INVALID_PARAMS is event.code
    assert {} == market.state.remembered


def test_too_many_named_classes(market: Market) -> None:
    """A delivery list without end is refused and not remembered."""
    order = market.alpha.sell(
        101, 1000, client_order_id="long", deliver=tuple((f"C-{number}", 1) for number in range(101))
    )
    assert [
        refused(
            market.alpha,
            "PlaceOrder",
            RejectCode.INVALID_PARAMS,
            "an order names at most 100 classes",
            client_order_id="long",
        )
    ] == market.alpha.place(order)
    assert {} == market.state.remembered


def _block(first: int, last: int, batch: str = "b", registry: str = "VCS") -> SerialBlock:
    return SerialBlock(registry, batch, first, last)


PAYMENTS: list[tuple[Command, list[Command]]] = [
    (
        commands.DepositCash(LOCAL_OPERATOR, "alpha", "EUR", 100, "r"),
        [
            commands.DepositCash(LOCAL_OPERATOR, "alpha", "EUR", 101, "r"),
            commands.DepositCash(LOCAL_OPERATOR, "alpha", "USD", 100, "r"),
            commands.WithdrawCash(LOCAL_OPERATOR, "alpha", "EUR", 100, "r"),
        ],
    ),
    (
        commands.WithdrawCash(LOCAL_OPERATOR, "alpha", "EUR", 100, "r"),
        [
            commands.WithdrawCash(LOCAL_OPERATOR, "alpha", "EUR", 101, "r"),
            commands.DepositCash(LOCAL_OPERATOR, "alpha", "EUR", 100, "r"),
        ],
    ),
    (
        commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(1, 10),), "r"),
        [
            commands.DepositUnits(LOCAL_OPERATOR, "alpha", V18, 10, (_block(1, 10),), "r"),
            commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 9, (_block(1, 10),), "r"),
            commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(2, 11),), "r"),
            commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(1, 5), _block(6, 10)), "r"),
            commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(1, 10, "c"),), "r"),
            commands.DepositUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(1, 10, "b", "GS"),), "r"),
            commands.WithdrawUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(1, 10),), "r"),
        ],
    ),
    (
        commands.WithdrawUnits(LOCAL_OPERATOR, "alpha", V19, 10, (_block(1, 10, "opening-2019"),), "r"),
        [commands.WithdrawUnits(LOCAL_OPERATOR, "alpha", V19, 9, (_block(1, 9, "opening-2019"),), "r")],
    ),
]


@pytest.mark.parametrize(("first", "others"), PAYMENTS, ids=lambda value: type(value).__name__)
def test_references_of_deposits_and_withdrawals(
    market: Market, first: Command, others: list[Command]
) -> None:
    """The same payment under the same reference happens once, whoever sends it; another is refused."""
    first_seq = market.next_seq
    market.do(first)
    before = msgspec.to_builtins(market.state.ledger.accounts)
    assert Execution([], first_seq) == market.execute(first)
    by_key = msgspec.structs.replace(first, by="operator-key")
    assert Execution([], first_seq) == market.execute(by_key)
    for other in others:
        assert [
            RequestRefused(
                type(other).__name__,
                LOCAL_OPERATOR,
                "alpha",
                RejectCode.REFERENCE_REUSED,
                "reference 'r' was used for something else on this account",
            )
        ] == market.do(other)
    assert before == msgspec.to_builtins(market.state.ledger.accounts)


def test_references_of_retirements(market: Market) -> None:
    """The same retirement happens once; another beneficiary, purpose, class or quantity is another one."""
    first_seq = market.next_seq
    market.do(market.alpha.retire_command(V19, 5, "r"))
    assert Execution([], first_seq) == market.execute(market.alpha.retire_command(V19, 5, "r"))
    for other in (
        market.alpha.retire_command(V18, 5, "r"),
        market.alpha.retire_command(V19, 6, "r"),
        market.alpha.retire_command(V19, 5, "r", beneficiary="Acme 2"),
        market.alpha.retire_command(V19, 5, "r", purpose="other"),
    ):
        assert [
            refused(
                market.alpha,
                "Retire",
                RejectCode.REFERENCE_REUSED,
                "reference 'r' was used for something else on this account",
            )
        ] == market.do(other)


def test_references_belong_to_accounts(market: Market) -> None:
    """The same reference on two accounts means two payments."""
    for account in ("alpha", "alpha-2", "beta"):
        market.do(commands.DepositCash(LOCAL_OPERATOR, account, "EUR", 1, "r"))
        assert (CASH + 1, 0) == market.balance(account, "EUR")


def test_refused_payments_are_not_remembered(market: Market) -> None:
    """A withdrawal that failed for want of cash succeeds under the same reference when there is cash."""
    command = commands.WithdrawCash(LOCAL_OPERATOR, "alpha", "EUR", CASH + 1, "r")
    assert "request_refused" == market.do(command)[0].kind
    market.deposit_cash("alpha", 1)
    assert "cash_withdrawn" == market.do(command)[0].kind
