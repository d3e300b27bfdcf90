"""Methods of the offset account: know, reduce, offset; and the statement of a period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exchange.domain.carbon.offset_forms import (
    Activity,
    ActivityCorrected,
    ActivityRecorded,
    AllocateRetirement,
    CorrectActivity,
    OffsetPeriodOpened,
    OpenOffsetPeriod,
    RecordActivity,
    RecordReduction,
    ReductionRecorded,
    RetirementAllocated,
)
from exchange.domain.carbon.offset_statement import statement, summaries, tonnes_of_kilograms
from gateway import offset_results
from gateway.websocket.submission import Submission
from gateway.websocket.trading import delivery, spend_order

if TYPE_CHECKING:
    import msgspec

    from exchange.domain import events as ev
    from exchange.domain.commands import Command
    from gateway.websocket import offset_requests
    from gateway.websocket.connection import Connection


def open_period(connection: Connection, request: offset_requests.OffsetOpenPeriod) -> Submission:
    """`offset.open_period`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return _submission(
        OpenOffsetPeriod(
            by, session, account, params.period, params.organisation, params.first_day, params.last_day
        )
    )


def record_activity(connection: Connection, request: offset_requests.OffsetRecordActivity) -> Submission:
    """`offset.record_activity`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return _submission(
        RecordActivity(by, session, account, params.period, params.entry, _activity(params.activity))
    )


def correct_activity(connection: Connection, request: offset_requests.OffsetCorrectActivity) -> Submission:
    """`offset.correct_activity`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return _submission(
        CorrectActivity(
            by,
            session,
            account,
            params.period,
            params.entry,
            params.corrects,
            _activity(params.activity),
            params.reason,
        )
    )


def record_reduction(connection: Connection, request: offset_requests.OffsetRecordReduction) -> Submission:
    """`offset.record_reduction`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return _submission(
        RecordReduction(
            by,
            session,
            account,
            params.period,
            params.entry,
            params.measure,
            params.tonnes,
            params.source,
            params.in_activity,
        )
    )


def allocate(connection: Connection, request: offset_requests.OffsetAllocate) -> Submission:
    """`offset.allocate`."""
    params = request.params
    by, session, account = _trader(connection, params.account)
    return _submission(
        AllocateRetirement(
            by,
            session,
            account,
            params.period,
            params.entry,
            params.retirement_id,
            delivery(params.credits),
        )
    )


def list_periods(
    connection: Connection, request: offset_requests.OffsetPeriods
) -> offset_results.OffsetPeriodList:
    """`offset.periods`."""
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, request.params.account)
    state = replica.state
    return offset_results.OffsetPeriodList(account, state.last_seq, summaries(state, account))


def show_statement(
    connection: Connection, request: offset_requests.GetOffsetStatement
) -> offset_results.OffsetStatement:
    """`offset.statement`."""
    replica = connection.gateway.replica
    account = connection.session.readable_account(replica, request.params.account)
    return statement(replica.state, account, request.params.period)


def _trader(connection: Connection, account: str) -> tuple[str, int, str]:
    """Key, session and account of somebody who may write into it; raises Reject."""
    session = connection.session
    named = session.trading_account(connection.gateway.replica, account)
    key = session.require_key()
    spend_order(connection)
    return key.key_id, session.number, named


def _activity(params: offset_requests.ActivityParams) -> Activity:
    return Activity(
        params.source, params.scope, params.quantity, params.unit, params.factor, params.factor_source
    )


def _submission(command: Command) -> Submission:
    return Submission(command, _render_recorded)


def _render_recorded(recorded: list[ev.Recorded], duplicate: bool) -> msgspec.Struct:  # noqa: FBT001
    item = recorded[0]
    event = item.event
    if isinstance(event, OffsetPeriodOpened):
        entry, tonnes = "", "0"
    elif isinstance(event, ActivityRecorded | ActivityCorrected | ReductionRecorded):
        entry, tonnes = event.entry, event.tonnes
    elif isinstance(event, RetirementAllocated):
        entry, tonnes = event.entry, tonnes_of_kilograms(event.kilograms)
    else:
        raise TypeError(f"a command of the offset account began with {event.kind}")
    return offset_results.OffsetRecorded(
        event.account, event.period, entry, item.seq, item.recorded_at, tonnes, duplicate
    )
