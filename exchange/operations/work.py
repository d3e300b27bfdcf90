"""What the supervisor tells each process of `exchange up` to do: one JSON line on its stdin."""

from __future__ import annotations

import msgspec


class EngineWork(msgspec.Struct, frozen=True):
    """For `engine_process`."""

    dsn: str
    socket: str
    """Path of the engine's unix socket."""
    venue_name: str
    """Given to the venue when the log is empty."""
    listening_fd: int | None
    """Where the gateway listens that runs in the engine's process, if one does."""


class GatewayWork(msgspec.Struct, frozen=True):
    """For `gateway_process`."""

    dsn: str
    socket: str
    """Path of the engine's unix socket."""
    name: str
    listening_fd: int


class SnapshotWork(msgspec.Struct, frozen=True):
    """For `snapshot_process`."""

    dsn: str
    every_events: int


class SettlementWork(msgspec.Struct, frozen=True):
    """For `settlement_process`."""

    dsn: str


class DemoWork(msgspec.Struct, frozen=True):
    """For `demo.demo_process`."""

    dsn: str
    socket: str
    """Path of the engine's unix socket, for what operators do."""
    url: str
    """Websocket of a gateway, for what traders do."""
    keys_dir: str
    seed: int
