"""The client's methods about market makers' protections."""

from __future__ import annotations

from gateway.protection_results import Protections
from gateway.websocket import protection_requests
from gateway.websocket.client_connection import ClientConnection
from gateway.websocket.request_forms import AccountParams


class ProtectionClient(ClientConnection):
    """Each method answers with all protections of the account as they stand then."""

    async def set_protection(
        self, instrument: str, *, window_ms: int, quantity: int = 0, trades: int = 0, account: str = ""
    ) -> Protections:
        """End the account's orders in an instrument once it trades so much within the window; window 0: no more."""
        params = protection_requests.ProtectionSetParams(instrument, window_ms, quantity, trades, account)
        return await self.call(protection_requests.ProtectionSet, params, Protections)

    async def reset_protection(self, instrument: str, account: str = "") -> Protections:
        """Begin to count anew, and trade again where the protection was tripped."""
        params = protection_requests.ProtectionResetParams(instrument, account)
        return await self.call(protection_requests.ProtectionReset, params, Protections)

    async def protections(self, account: str = "") -> Protections:
        """Protections of an account."""
        return await self.call(protection_requests.ProtectionList, AccountParams(account), Protections)
