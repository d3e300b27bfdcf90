"""What market makers' messages do at the venue, and what they are answered; execution reports come from `reporting`."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

import structlog

from exchange.domain.events import OrderRejected, RequestRefused
from exchange.domain.rejects import Reject
from exchange.engine.interface import EngineStopped
from gateway.fix import msg_types, order_handlers, quote_handlers, reference_handlers
from gateway.fix.market_data import MarketDataDesk
from gateway.fix.reasons import business_reason
from gateway.fix.reporting import is_refused_change
from gateway.fix.session_messages import business_reject
from gateway.fix.status_feed import StatusFeed

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from exchange.domain.commands import Command
    from exchange.domain.events import Recorded
    from exchange.engine.interface import Answer
    from gateway.core import Gateway
    from gateway.fix.message import Message
    from gateway.fix.peer import FixPeer

log = structlog.get_logger()


class Application:
    """Deals with messages of all sessions of a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.market_data = MarketDataDesk(gateway)
        self.status = StatusFeed(gateway)

    def handle(self, peer: FixPeer, message: Message) -> None:
        """Deal with one message. An error of ours ends this session's connection and no other."""
        try:
            try:
                _HANDLERS[message.msg_type](self, peer, message)
            except Reject as reject:
                self.refuse(peer, message, reject)
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends this connection and no other
            self._fail(peer, message, error)

    def refuse(self, peer: FixPeer, message: Message, reject: Reject) -> None:
        """Answer that a message cannot be taken, for types that have no refusal of their own."""
        self.count(reject)
        peer.send(
            business_reject(
                message,
                business_reason(reject.code),
                f"{reject.code.name}: {reject.message}",
                venue_code=reject.code.value,
            )
        )
        peer.dealt_with(message)

    def count(self, reject: Reject) -> None:
        """Count a refusal."""
        errors = self.gateway.statistics.errors
        errors[reject.code] = errors.get(reject.code, 0) + 1

    def execute(
        self,
        peer: FixPeer,
        message: Message,
        command: Command,
        answered: Callable[[list[Recorded], bool], None],
        refused: Callable[[Reject], None],
    ) -> None:
        """Give the engine a command of a message; one of the two functions hears what came of it.

        `answered` gets the events of the command, and whether they are those of an earlier one that it repeats.

        The message stays undealt with until the caller says otherwise. When the engine stops, nobody hears: the message will
        come again.
        """
        future = self.gateway.engine.submit(command)
        future.add_done_callback(
            functools.partial(self._executed, peer, message, answered, refused, time.monotonic_ns())
        )

    def _executed(
        self,
        peer: FixPeer,
        message: Message,
        answered: Callable[[list[Recorded], bool], None],
        refused: Callable[[Reject], None],
        began_ns: int,
        done: asyncio.Future[Answer],
    ) -> None:
        error = done.exception()
        try:
            if isinstance(error, EngineStopped):
                self.gateway.engine_stopped()
            elif isinstance(error, Reject):
                refused(error)
            elif error is not None:
                raise error
            else:
                self.gateway.statistics.engine_latency.observe((time.monotonic_ns() - began_ns) // 1000)
                answer = done.result()
                event = answer.events[0].event if answer.events else None
                if isinstance(event, RequestRefused) and not is_refused_change(event):
                    refused(Reject(event.code, event.message))
                else:
                    if isinstance(event, RequestRefused | OrderRejected):
                        self.count(Reject(event.code, event.message))
                    answered(answer.events, bool(answer.duplicate_of))
        except Exception as failure:  # noqa: BLE001 - whatever it is, it ends this connection and no other
            self._fail(peer, message, failure)

    def _fail(self, peer: FixPeer, message: Message, error: Exception) -> None:
        log.error("internal error", comp_id=peer.comp_id, message=repr(message), exc_info=error)
        peer.dealt_with(message)
        peer.logout("internal error")

    # Rates.

    def spend_order(self, peer: FixPeer) -> None:
        """Count against the session's rate of orders; raises Reject."""
        peer.buckets.orders.demand(time.monotonic_ns(), "orders")

    def spend_cancel(self, peer: FixPeer) -> None:
        """The same for what only lowers risk."""
        peer.buckets.cancels.demand(time.monotonic_ns(), "cancels")

    def spend_request(self, peer: FixPeer) -> None:
        """The same for everything else."""
        peer.requests.demand(time.monotonic_ns(), "requests")


_HANDLERS: dict[str, Callable[[Application, FixPeer, Message], None]] = {
    msg_types.NEW_ORDER_SINGLE: order_handlers.place,
    msg_types.ORDER_CANCEL_REPLACE_REQUEST: order_handlers.replace,
    msg_types.ORDER_CANCEL_REQUEST: order_handlers.cancel,
    msg_types.ORDER_MASS_CANCEL_REQUEST: order_handlers.mass_cancel,
    msg_types.ORDER_STATUS_REQUEST: order_handlers.status,
    msg_types.ORDER_MASS_STATUS_REQUEST: order_handlers.mass_status,
    msg_types.MASS_QUOTE: quote_handlers.mass_quote,
    msg_types.QUOTE_CANCEL: quote_handlers.quote_cancel,
    msg_types.PROTECTION_REQUEST: quote_handlers.protection,
    msg_types.MARKET_DATA_REQUEST: reference_handlers.market_data,
    msg_types.SECURITY_LIST_REQUEST: reference_handlers.security_list,
    msg_types.SECURITY_DEFINITION_REQUEST: reference_handlers.security_definition,
    msg_types.SECURITY_STATUS_REQUEST: reference_handlers.security_status,
    msg_types.TRADING_SESSION_STATUS_REQUEST: reference_handlers.trading_session_status,
    msg_types.COLLATERAL_INQUIRY: reference_handlers.collateral,
}
