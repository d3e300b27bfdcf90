"""What the supervisor tells each process of `exchange up` to do: one JSON line on its stdin."""

from __future__ import annotations

from pathlib import Path

import msgspec


class FixWork(msgspec.Struct, frozen=True):
    """For the gateway that serves FIX."""

    listening_fd: int
    tls_certificate: str
    """Path of a PEM file; empty: without TLS."""
    tls_key: str


class EngineWork(msgspec.Struct, frozen=True):
    """For `engine_process`."""

    dsn: str
    socket: str
    """Path of the engine's unix socket."""
    venue_name: str
    """Given to the venue when the log is empty."""
    listening_fd: int | None
    """Where the gateway listens that runs in the engine's process, if one does."""
    signer_socket: str = ""
    """For that gateway: path of the unix socket of `signer_process`."""
    fix: FixWork | None = None
    """For that gateway."""
    heads: str = ""
    """Path of the file of published heads; empty: the venue publishes none."""

    @property
    def heads_path(self) -> Path | None:
        """The file of published heads."""
        return Path(self.heads) if self.heads else None


class GatewayWork(msgspec.Struct, frozen=True):
    """For `gateway_process`."""

    dsn: str
    socket: str
    """Path of the engine's unix socket."""
    name: str
    listening_fd: int
    signer_socket: str
    """Path of the unix socket of `signer_process`."""
    fix: FixWork | None = None
    """One gateway serves FIX, if any does."""


class SnapshotWork(msgspec.Struct, frozen=True):
    """For `snapshot_process`."""

    dsn: str
    every_events: int


class SettlementWork(msgspec.Struct, frozen=True):
    """For `settlement_process`."""

    dsn: str


class SignerWork(msgspec.Struct, frozen=True):
    """For `signer_process`."""

    dsn: str
    socket: str
    """Path of its own unix socket, for gateways."""
    key: str
    """Path of the venue's private key."""
    heads: str
    """Path of the file of published heads."""
    makes_key: bool
    """Whether a missing key is made. A standby gets a copy: a venue signs with one key."""


class DemoWork(msgspec.Struct, frozen=True):
    """For `demo.demo_process`."""

    dsn: str
    socket: str
    """Path of the engine's unix socket, for what operators do."""
    url: str
    """Websocket of a gateway, for what traders do."""
    keys_dir: str
    seed: int
