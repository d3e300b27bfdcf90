"""The client's methods of the offset account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import offset_results
from gateway.websocket import offset_requests
from gateway.websocket.client_connection import ClientConnection
from gateway.websocket.request_forms import AccountParams, Deliver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.websocket.offset_requests import ActivityParams


class OffsetClient(ClientConnection):
    """Know, reduce, offset. Entries are idempotent by account, period and their ids."""

    async def open_offset_period(
        self, *, period: str, organisation: str, first_day: str, last_day: str, account: str = ""
    ) -> offset_results.OffsetRecorded:
        """Begin to account for a period of the organisation's emissions."""
        params = offset_requests.OffsetOpenPeriodParams(period, organisation, first_day, last_day, account)
        return await self.call(offset_requests.OffsetOpenPeriod, params, offset_results.OffsetRecorded)

    async def record_activity(
        self, *, period: str, entry: str, activity: ActivityParams, account: str = ""
    ) -> offset_results.OffsetRecorded:
        """Know: a source's activity data, emission factor and where the factor comes from."""
        params = offset_requests.OffsetRecordActivityParams(period, entry, activity, account)
        return await self.call(offset_requests.OffsetRecordActivity, params, offset_results.OffsetRecorded)

    async def correct_activity(
        self,
        *,
        period: str,
        entry: str,
        corrects: str,
        activity: ActivityParams,
        reason: str,
        account: str = "",
    ) -> offset_results.OffsetRecorded:
        """Put another figure in the place of the entry `corrects`; both stay on the log."""
        params = offset_requests.OffsetCorrectActivityParams(
            period, entry, corrects, activity, reason, account
        )
        return await self.call(offset_requests.OffsetCorrectActivity, params, offset_results.OffsetRecorded)

    async def record_reduction(
        self,
        *,
        period: str,
        entry: str,
        measure: str,
        tonnes: str,
        source: str,
        in_activity: bool,
        account: str = "",
    ) -> offset_results.OffsetRecorded:
        """Reduce: what a measure saved; `in_activity`: the activity data show it already."""
        params = offset_requests.OffsetRecordReductionParams(
            period, entry, measure, tonnes, source, in_activity, account
        )
        return await self.call(offset_requests.OffsetRecordReduction, params, offset_results.OffsetRecorded)

    async def allocate_retirement(
        self,
        *,
        period: str,
        entry: str,
        retirement_id: int,
        credits: Mapping[str, int],  # noqa: A002 - the field's name
        account: str = "",
    ) -> offset_results.OffsetRecorded:
        """Offset: let units (by class) of a retirement stand against the period, and nothing else any more."""
        named = tuple(Deliver(class_id, quantity) for class_id, quantity in credits.items())
        params = offset_requests.OffsetAllocateParams(period, entry, retirement_id, named, account)
        return await self.call(offset_requests.OffsetAllocate, params, offset_results.OffsetRecorded)

    async def offset_periods(self, account: str = "") -> offset_results.OffsetPeriodList:
        """Periods of an account."""
        return await self.call(
            offset_requests.OffsetPeriods, AccountParams(account), offset_results.OffsetPeriodList
        )

    async def offset_statement(self, period: str, account: str = "") -> offset_results.OffsetStatement:
        """A period as it stands."""
        params = offset_requests.OffsetStatementParams(period, account)
        return await self.call(offset_requests.GetOffsetStatement, params, offset_results.OffsetStatement)
