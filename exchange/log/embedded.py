"""The embedded Postgres: a real server on real files below a data folder, for as long as somebody uses it.

    async with EmbeddedPostgres(Path("data")) as postgres:
        connection = await asyncpg.connect(postgres.dsn)

Any number of processes may do so with the same folder at once: the first starts the server, the others use it, and it is shut
down when the last of them stops or dies, `kill -9` included (see `postgres_guardian`, which runs it).
"""

import asyncio
import contextlib
import dataclasses
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg
import psutil

from exchange.log import postgres_guardian
from exchange.log.postgres_cluster import DATABASE, EmbeddedPostgresError, PostgresCluster, ServerUser
from exchange.log.postgres_guardian import GuardianSpec

START_LIMIT_S: Final = 600
"""How long a start may wait until the server answers. Far more than the usual second: cutting off the recovery from a
long WAL would only make the next start begin it again."""

STOP_LIMIT_S: Final = postgres_guardian.SHUTDOWN_LIMIT_S + 30
"""How long a shutdown may take, immediate one and last writes included."""

_POLL_S: Final = 0.02
_PORT_TRIES: Final = 5


def find_running(data_dir: Path) -> str | None:
    """Gives the address of the server that runs on the data folder, or None.

    It is only a look: nothing keeps the server up for the caller. To use it, use `EmbeddedPostgres`.
    """
    cluster = PostgresCluster(data_dir)
    postmaster = cluster.postmaster()
    if postmaster is None or not postmaster.ready or _is_free(cluster.lock_path):
        return None
    return cluster.dsn(postmaster.port)


class EmbeddedPostgres:
    """One process's use of the server of a data folder. Not for use by several tasks at once."""

    def __init__(self, data_dir: Path) -> None:
        self._cluster = PostgresCluster(data_dir)
        self._users_fd: int | None = None
        self._port: int | None = None
        self._guardian: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Starts the server, or joins the one that runs. Raises EmbeddedPostgresError, which says why."""
        if self._users_fd is not None:
            raise EmbeddedPostgresError("this server is started already")
        self._cluster.make_data_dir()
        self._users_fd = _open_private(self._cluster.users_path)
        try:
            # Not to be had while a server goes down; held, it keeps one up.
            deadline = time.monotonic() + STOP_LIMIT_S
            while not _try_lock(self._users_fd, fcntl.LOCK_SH):
                await self._pause(deadline, "the server that ran before does not shut down")
            deadline = time.monotonic() + START_LIMIT_S
            while not await self._join():
                lock_fd = _open_private(self._cluster.lock_path)
                try:
                    if _try_lock(lock_fd, fcntl.LOCK_EX):
                        await self._run(lock_fd, deadline)
                        return
                finally:
                    os.close(lock_fd)
                await self._pause(deadline, "the server that another process runs or starts does not answer")
        except BaseException:
            # Without a user the guardian, if there is one, ends what was begun.
            os.close(self._users_fd)
            self._users_fd = self._port = None
            raise

    async def stop(self) -> None:
        """Ends this use. When it was the last one, returns after the server has shut down in order."""
        if self._users_fd is None:
            return
        users_fd, self._users_fd, self._port = self._users_fd, None, None
        try:
            # Held exclusively until the server is down, so that no newcomer meets it on its way out.
            if _try_lock(users_fd, fcntl.LOCK_EX):
                await self._shut_down()
        finally:
            os.close(users_fd)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def dsn(self) -> str:
        """The address of the exchange's database."""
        return self.dsn_of(DATABASE)

    def dsn_of(self, database: str) -> str:
        """Gives the address of a database of this server."""
        if self._port is None:
            raise EmbeddedPostgresError("this server is not started")
        return self._cluster.dsn(self._port, database)

    @property
    def postmaster_id(self) -> int:
        """The process id of the server's first process."""
        postmaster = self._cluster.postmaster()
        if postmaster is None:
            raise EmbeddedPostgresError("the server is not running")
        return postmaster.process_id

    async def wait(self) -> str:
        """Returns when the server has ended, whatever ended it; gives the last lines of its log."""
        while not _is_free(self._cluster.lock_path):  # noqa: ASYNC110 (another process, which sends no event)
            await asyncio.sleep(_POLL_S * 5)
        self._reap()
        return self._cluster.log_tail()

    async def _join(self) -> bool:
        """Tries to use the server that runs."""
        postmaster = self._cluster.postmaster()
        if postmaster is None or not postmaster.ready or _is_free(self._cluster.lock_path):
            return False
        if not await _answers(self._cluster.dsn(postmaster.port)):
            return False
        self._port = postmaster.port
        return True

    async def _run(self, lock_fd: int, deadline: float) -> None:
        """Starts the server; its guardian takes over the lock. Returns when the server answers."""
        cluster = self._cluster
        user = cluster.server_user()
        if not cluster.exists:
            await self._make_cluster(lock_fd, user, deadline)
        await self._end_orphan(deadline)
        for attempt in range(1, _PORT_TRIES + 1):
            port = _free_port()
            self._start_guardian(cluster.server_command(port), lock_fd, user, cluster.path)
            while self._guardian is not None and self._guardian.poll() is None:
                postmaster = cluster.postmaster()
                if postmaster is not None and postmaster.port == port and await self._join():
                    return
                await self._pause(deadline, "Postgres does not become ready")
            # Another program may have taken the port between our look and the server's.
            if attempt == _PORT_TRIES or "could not bind" not in cluster.log_tail():
                break
        raise EmbeddedPostgresError(
            f"Postgres did not start. The end of {cluster.log_path}:\n{cluster.log_tail()}"
        )

    async def _make_cluster(self, lock_fd: int, user: ServerUser | None, deadline: float) -> None:
        command = self._cluster.prepare_initdb(user)
        guardian = self._start_guardian(command, lock_fd, user, self._cluster.unfinished_path)
        while guardian.poll() is None:
            await self._pause(deadline, "initdb does not end")
        if guardian.returncode != 0:
            raise EmbeddedPostgresError(
                f"initdb failed. The end of {self._cluster.log_path}:\n{self._cluster.log_tail()}"
            )
        self._cluster.finish_initdb()

    async def _end_orphan(self, deadline: float) -> None:
        """Deals with the file of a server whose guardian was killed. The caller holds the server lock."""
        postmaster = self._cluster.postmaster()
        if postmaster is None:
            return
        try:
            process = psutil.Process(postmaster.process_id)
            # Process ids are used again, after a reboot and soon in a container: only the command line tells.
            orphaned = str(self._cluster.path) in process.cmdline()
            if orphaned:
                process.send_signal(signal.SIGQUIT)
                while process.status() != psutil.STATUS_ZOMBIE:
                    await self._pause(
                        deadline, f"the server without a guardian, process {process.pid}, does not end"
                    )
        except psutil.ZombieProcess:
            orphaned = False
        except psutil.NoSuchProcess:
            return
        if not orphaned:
            # Postgres would take the stranger for its predecessor and refuse to start.
            self._cluster.postmaster_path.unlink()

    def _start_guardian(
        self, command: list[str], lock_fd: int, user: ServerUser | None, working_dir: Path
    ) -> subprocess.Popen[bytes]:
        spec = GuardianSpec(
            command=command,
            users_path=str(self._cluster.users_path),
            server_lock_fd=lock_fd,
            log_path=str(self._cluster.log_path),
            working_dir=str(working_dir),
            user_id=user.user_id if user else None,
            group_id=user.group_id if user else None,
            capability=user.capability if user else None,
        )
        log_fd = _open_private(self._cluster.log_path)
        try:
            self._guardian = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    postgres_guardian.__file__,
                    json.dumps(dataclasses.asdict(spec)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=[lock_fd],
                # Away from the terminal: Ctrl-C is for the exchange, which then stops its server in order.
                start_new_session=True,
            )
        finally:
            os.close(log_fd)
        return self._guardian

    async def _shut_down(self) -> None:
        deadline = time.monotonic() + STOP_LIMIT_S
        asked = False
        while not _is_free(self._cluster.lock_path):
            # The guardian writes its process id after it starts.
            with contextlib.suppress(ValueError, ProcessLookupError):
                if not asked:
                    os.kill(int(self._cluster.lock_path.read_text(encoding="ascii")), signal.SIGTERM)
                    asked = True
            await self._pause(deadline, "Postgres does not shut down")
        self._reap()

    def _reap(self) -> None:
        """Takes the ended guardian off the list of processes, if it was ours."""
        if self._guardian is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guardian.wait(timeout=1)
            self._guardian = None

    async def _pause(self, deadline: float, complaint: str) -> None:
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"{complaint}. The end of {self._cluster.log_path}:\n{self._cluster.log_tail()}"
            )
        await asyncio.sleep(_POLL_S)


def _open_private(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_free(lock_path: Path) -> bool:
    """Tells whether nobody holds the lock; a look that collides with no other look."""
    try:
        descriptor = os.open(lock_path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        return _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _answers(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    await connection.close()
    return True
