"""Runs one Postgres program as a safe child, and ends it when nobody uses the data folder any more.

A script of its own with nothing but the standard library, started as `python -I -S postgres_guardian.py SPEC`. It outlives
the process that started it by as long as Postgres needs to shut down, which is why it is a process and not a thread.

How it knows that nobody uses the server: every user holds a shared `flock` on the users file, and the kernel drops that lock
when the user ends, `kill -9` included. The guardian waits for the exclusive lock; when it gets it, the last user is gone.
That works alike on Linux and macOS. While the guardian lives it holds the server lock, which it inherits already locked: whoever can
take the server lock knows that no server is running.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import IO, Final

LOG_LIMIT_BYTES: Final = 8 * 1024 * 1024
"""The log file and one older one are kept, each at most about this long."""

SHUTDOWN_LIMIT_S: Final = 60
"""How long a fast shutdown may take before an immediate one (after which the next start recovers from the WAL)."""

CAP_DAC_OVERRIDE: Final = 1
CAP_DAC_READ_SEARCH: Final = 2

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_KEEPCAPS: Final = 8
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_RAISE: Final = 2
_LINUX_CAPABILITY_VERSION_3: Final = 0x20080522


@dataclasses.dataclass(frozen=True)
class GuardianSpec:
    """What to run and how; travels as JSON in the guardian's only argument."""

    command: list[str]
    users_path: str
    server_lock_fd: int
    log_path: str
    working_dir: str
    user_id: int | None = None
    """The user and group to become; None keeps the caller's (Postgres refuses to run as root)."""
    group_id: int | None = None
    capability: int | None = None
    """A Linux capability to keep without being root, so that folders of root on the way can be passed."""


class BoundedLog:
    """A log file that is set aside as `NAME.1` when it has grown to the limit."""

    def __init__(self, path: Path, limit_bytes: int = LOG_LIMIT_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._file = self._open()

    def _open(self) -> IO[bytes]:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "ab", buffering=0)

    def write(self, line: bytes) -> None:
        """Appends one line. Where the disk takes none it is lost: whoever logs has more important things to go on with."""
        with contextlib.suppress(OSError):
            if self._file.tell() + len(line) > self._limit_bytes:
                self._set_aside()
            self._file.write(line)

    def _set_aside(self) -> None:
        # Not there, if the disk took no new file the last time.
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        full, self._file = self._file, self._open()
        full.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def become(user_id: int, group_id: int, capability: int | None) -> None:
    """Becomes another user for good; on Linux keeps `capability` across the coming exec. Raises OSError."""
    if capability is None:
        os.setgroups([])
        os.setgid(group_id)
        os.setuid(user_id)
        return
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments) != 0:
            code = ctypes.get_errno()
            raise OSError(code, f"{name}: {os.strerror(code)}")

    call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(group_id)
    os.setuid(user_id)
    # struct __user_cap_header_struct, then two sets of (effective, permitted, inheritable), 32 bits each.
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    call("capset", header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
    call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _prepare_child(spec: GuardianSpec) -> None:
    """Runs in the child between fork and exec."""
    try:
        os.umask(0o077)
        if spec.user_id is not None and spec.group_id is not None:
            become(spec.user_id, spec.group_id, spec.capability)
        if sys.platform == "linux":
            # Should the guardian itself be killed, Postgres stops at once. To be set last: a change of user clears it.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT, 0, 0, 0)
    except OSError as error:
        # What is raised here reaches the guardian without its text.
        os.write(2, f"cannot run Postgres as user {spec.user_id}: {error}\n".encode())
        raise


def _end(child: subprocess.Popen[bytes]) -> None:
    """Fast shutdown: no new work, transactions under way are rolled back, a checkpoint is written."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGINT)
    try:
        child.wait(SHUTDOWN_LIMIT_S)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGQUIT)


def _end_when_unused(child: subprocess.Popen[bytes], users_fd: int) -> None:
    # The lock is kept until the guardian ends: a newcomer waits for the server to be down instead of finding it going.
    fcntl.flock(users_fd, fcntl.LOCK_EX)
    _end(child)


def main(specification: str) -> int:
    """Runs the command to its end; returns its exit code, 128 and more for a signal."""
    spec = GuardianSpec(**json.loads(specification))
    os.set_inheritable(spec.server_lock_fd, False)
    os.ftruncate(spec.server_lock_fd, 0)
    os.pwrite(spec.server_lock_fd, f"{os.getpid()}\n".encode(), 0)
    log = BoundedLog(Path(spec.log_path))
    users_fd = os.open(spec.users_path, os.O_RDWR)
    child = subprocess.Popen(
        spec.command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=spec.working_dir,
        # English messages in the log, and none of the caller's PG* variables.
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        preexec_fn=lambda: _prepare_child(spec),  # noqa: PLW1509 (no thread is running yet)
    )

    def on_terminate(_number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=_end, args=(child,), daemon=True).start()

    signal.signal(signal.SIGTERM, on_terminate)
    threading.Thread(target=_end_when_unused, args=(child, users_fd), daemon=True).start()

    # The pipe ends when the last process of the server is gone, also after a kill -9 of the first of them. So the
    # server lock is free only when no process can touch the files any more.
    for line in child.stdout or ():
        log.write(line)
    code = child.wait()
    log.close()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
