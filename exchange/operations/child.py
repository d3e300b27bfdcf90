"""What every process of `exchange up` does alike, whatever its work.

Its parent writes one line of JSON to its stdin, which says what to do (not on the command line: there every user of the
machine could read the database's password), and keeps that pipe open. When the pipe ends, the parent is gone, `kill -9`
included, and the process ends at once. On stdout it reports, on stderr it logs, both as JSON lines. SIGTERM asks for an orderly end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import msgspec
import structlog

from exchange.operations.errors import ExitCode
from exchange.operations.failures import explain, is_lasting, is_lost_elsewhere
from exchange.operations.logs import write_json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

Work = TypeVar("Work", bound=msgspec.Struct)

EXIT_FAILED: Final = 1
"""Start me again."""
EXIT_LOST_ELSEWHERE: Final = 75
"""Start me again, as often as it takes: the database or the engine that I work with went away (EX_TEMPFAIL of sysexits.h)."""
EXIT_FOR_GOOD: Final = 78
"""Starting again would not help; the reason was reported."""
_EXIT_ORPHANED: Final = 79
_FEW_COLLECTIONS: Final = 50_000

log = structlog.get_logger()


class Waiting(msgspec.Struct, frozen=True, tag=True):
    """The process waits for something that may take long."""

    why: str


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The process does its work; `facts` are for the operator."""

    facts: dict[str, Any] = {}


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The process ends and should not be started again."""

    message: str
    exit_code: ExitCode


Report = Waiting | Ready | Failed


class Parent:
    """The process's view of its parent."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        """Set when an orderly end is asked for."""
        self._ready = False
        self._work: asyncio.Task[None] | None = None

    def report(self, report: Report) -> None:
        """Tells the parent."""
        if isinstance(report, Ready):
            self._ready = True
        sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
        sys.stdout.buffer.flush()

    def waits(self, why: str) -> None:
        """Tells the parent that something takes long."""
        self.report(Waiting(why))

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs the work; what is not ready yet when the end is asked for is cut short."""
        self._work = asyncio.create_task(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._asked_to_stop)
        with contextlib.suppress(asyncio.CancelledError):
            await self._work

    async def work_until_stop(self, work: Coroutine[Any, Any, None]) -> None:
        """Does work without an end of its own until the end is asked for; raises what the work raises."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.gather(working, stopping, return_exceptions=True)

    def _asked_to_stop(self) -> None:
        self.stop.set()
        if not self._ready and self._work is not None:
            self._work.cancel()


def fail_now(parent: Parent, error: Exception) -> NoReturn:
    """Ends the process on the spot: no orderly end of anything."""
    code = _tell_failure(parent, error)
    sys.stderr.flush()
    os._exit(code)


def run(work_type: type[Work], main: Callable[[Work, Parent], Coroutine[Any, Any, None]]) -> None:
    """Runs the process: reads its work, does it, ends the process."""
    # Ctrl-C is for the parent, which then stops everybody in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    write_json_lines()
    work = msgspec.json.decode(sys.stdin.buffer.readline(), type=work_type)
    threading.Thread(target=_end_with_parent, name="life line", daemon=True).start()
    code = EXIT_FAILED
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        parent = Parent()
        try:
            runner.run(parent.run(main(work, parent)))
            code = ExitCode.DONE.value
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends and its parent decides
            code = _tell_failure(parent, error)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a thread in a driver, or a pool that waits, must not keep a failed process.
    os._exit(code)


def quieten_collector() -> None:
    """Keeps the garbage collector off what lives as long as the process, and makes it come seldom.

    To be called when everything large is in place: a full collection walks over all objects it knows while the loop waits.
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(_FEW_COLLECTIONS, 20, 100)


def _tell_failure(parent: Parent, error: Exception) -> int:
    """Reports or logs why the process ends; answers its exit code."""
    explained = explain(error)
    if explained is None:
        log.error("process failed", error=repr(error), exception="".join(traceback.format_exception(error)))
        return EXIT_FAILED
    if is_lasting(explained):
        parent.report(Failed(explained.message, ExitCode(explained.exit_code)))
        return EXIT_FOR_GOOD
    log.error(explained.message)
    return EXIT_LOST_ELSEWHERE if is_lost_elsewhere(error) else EXIT_FAILED


def _end_with_parent() -> None:
    """A thread and not a task: it ends the process also while the loop is busy."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(_EXIT_ORPHANED)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
