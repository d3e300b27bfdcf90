"""The exchange's folder: what lies where, and who runs `exchange up` on it.

exchange.toml       configuration, where the operator wrote one
exchange.lock       who runs `exchange up` here (JSON), locked for as long as that lives
exchange.log[.1]    what the processes of `exchange up` say, one JSON object a line
run/engine.sock     the engine's socket: who can open it may do anything
run/signer.sock     where gateways get what the venue signs
keys/               private keys that were made here; venue.pem signs what the venue publishes
heads.jsonl         published heads of the log, one JSON object a line
postgres*           the embedded server (see `exchange.log.postgres_cluster`)
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from exchange.log.postgres_cluster import PostgresCluster
from exchange.operations.errors import ExitCode, OperationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOCKET_PATH_LIMIT_BYTES: Final = 100
"""Paths of unix sockets end at 107 bytes on Linux and 103 on macOS."""


class Running(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a running `exchange up` tells about itself."""

    pid: int
    started_at: str
    """ISO 8601, UTC."""
    http: str = ""
    """HOST:PORT; empty until everything is ready."""
    gateways: int = 0
    demo: bool = False


class DataFolder:
    """Paths below the data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_path = path / "exchange.lock"
        self.log_path = path / "exchange.log"
        self.keys_path = path / "keys"
        self.heads_path = path / "heads.jsonl"

    def make(self) -> None:
        """Makes the folder where it is missing. Raises OperationError."""
        try:
            # Also lets the embedded server's own user pass where root runs it.
            PostgresCluster(self.path).make_data_dir()
        except RuntimeError as error:
            raise OperationError(str(error), ExitCode.NOT_AVAILABLE) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise OperationError(f"cannot write to the data folder {self.path}", ExitCode.NOT_AVAILABLE)

    @property
    def has_server(self) -> bool:
        """Whether an embedded server was made here."""
        return PostgresCluster(self.path).exists

    def make_keys_folder(self) -> Path:
        """The folder of private keys, closed to others."""
        self.make()
        self.keys_path.mkdir(mode=0o700, exist_ok=True)
        return self.keys_path

    def venue_key_path(self) -> Path:
        """The key that signs for the venue; its folder is made, the key is not."""
        return self.make_keys_folder() / "venue.pem"

    def signer_socket_path(self) -> Path:
        """The socket of the process that signs, beside the engine's."""
        return self.socket_path().with_name("signer.sock")

    def socket_path(self) -> Path:
        """The engine's socket, in a folder that only its owner can enter; that folder is made."""
        path = self.path.resolve() / "run" / "engine.sock"
        if len(os.fsencode(path)) > _SOCKET_PATH_LIMIT_BYTES:
            name = hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:16]
            # Not the session's temporary folder, whose path may be long as well (macOS).
            base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
            path = base / f"exchange-{os.geteuid()}-{name}" / "engine.sock"
            if len(os.fsencode(path)) > _SOCKET_PATH_LIMIT_BYTES:
                path = Path("/tmp") / path.parent.name / path.name  # noqa: S108 - the folder is checked below
        path.parent.mkdir(mode=0o700, exist_ok=True)
        status = path.parent.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise OperationError(
                f"{path.parent} must be a folder of the user who runs the exchange, closed to all others",
                ExitCode.NOT_AVAILABLE,
            )
        return path

    def running(self) -> Running | None:
        """Who runs `exchange up` on this folder now; None when nobody does."""
        try:
            descriptor = os.open(self.lock_path, os.O_RDONLY)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                return msgspec.json.decode(os.read(descriptor, 65536), type=Running)
            except msgspec.DecodeError:
                # Between taking the lock and writing the file.
                return Running(pid=0, started_at="")
        finally:
            os.close(descriptor)
        return None

    @contextmanager
    def run_lock(self) -> Iterator[RunLock]:
        """Holds the folder for `exchange up`. Raises OperationError when another one has it."""
        descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise OperationError(self._who_runs(), ExitCode.ALREADY_RUNNING) from None
            yield RunLock(descriptor)
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _who_runs(self) -> str:
        running = self.running()
        if running is None or not running.pid:
            return f"another exchange up is just starting or ending on {self.path}"
        where = f" at http://{running.http}" if running.http else ", and is still starting"
        return f"the exchange on {self.path} runs already: process {running.pid}, since {running.started_at}{where}"


class RunLock:
    """The held lock; tells others who holds it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, running: Running) -> None:
        """Writes who runs."""
        data = msgspec.json.encode(running) + b"\n"
        os.pwrite(self._descriptor, data, 0)
        os.ftruncate(self._descriptor, len(data))
