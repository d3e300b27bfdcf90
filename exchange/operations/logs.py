"""Logging, all of it: processes of `exchange up` write JSON lines to their stderr; the supervisor keeps them.

Each line is one object with `timestamp` (ISO 8601, UTC), `level`, `event` (what happened, in words) and further fields; the
supervisor adds `process`. They go to `exchange.log` in the data folder (one older file is kept, each about 8 MiB at most), and
as short lines for people to the supervisor's own stderr. Other commands print warnings only.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
import structlog

from exchange.log.postgres_guardian import BoundedLog

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from structlog.typing import Processor

_TERMINAL_LINES: Final = 1_000
"""Lines that may wait for a terminal that does not take them (Ctrl-S); more are only in the file."""
_LEVEL_COLOURS: Final = {"warning": "yellow", "error": "red", "critical": "red"}
_NOT_SHOWN: Final = {"timestamp", "level", "event", "process", "logger", "exception"}


def write_json_lines() -> None:
    """Sets up a process of `exchange up`: structlog and the standard library's logging, as JSON lines on stderr."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def print_warnings() -> None:
    """Sets up a command that people call: what is worth a warning goes to stderr as a short line."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            lambda _logger, _name, fields: _line("", fields),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        # Found at each line: who runs a command inside a program of their own may replace it.
        logger_factory=lambda *_names: structlog.WriteLogger(sys.stderr),
    )


class LogBook:
    """The supervisor's end: takes lines of all processes, keeps them in the file and shows them to people."""

    def __init__(self, path: Path) -> None:
        self._file = BoundedLog(path)
        self._terminal: queue.Queue[str | None] = queue.Queue(_TERMINAL_LINES)
        # A terminal that is held up must not hold up the processes behind it.
        self._printer = threading.Thread(target=self._print, name="log printer", daemon=True)
        self._printer.start()

    def take(self, process: str, line: bytes) -> None:
        """Takes a line of a process; one that is not JSON (a traceback of the interpreter) becomes the event."""
        try:
            fields = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError:
            fields = {"level": "warning", "event": line.decode(errors="replace").rstrip()}
        self._keep(process, fields)

    def tell(self, event: str, level: str = "info", **fields: object) -> None:
        """Takes a line of the supervisor's own."""
        self._keep("exchange", {"level": level, "event": event, **fields})

    def close(self) -> None:
        """Shows what waits, unless the terminal is held up, and closes the file."""
        self._show(None)
        self._printer.join(timeout=1)
        self._file.close()

    def _keep(self, process: str, fields: dict[str, Any]) -> None:
        fields.setdefault("timestamp", datetime.now(UTC).isoformat())
        fields["process"] = process
        self._file.write(msgspec.json.encode(fields, enc_hook=str) + b"\n")
        self._show(_line(process, fields))

    def _show(self, line: str | None) -> None:
        try:
            self._terminal.put_nowait(line)
        except queue.Full:
            return

    def _print(self) -> None:
        while (line := self._terminal.get()) is not None:
            try:
                click.echo(line, err=True)
            except OSError:
                # The terminal is gone; the file remains.
                return


def _line(process: str, fields: Mapping[str, Any]) -> str:
    level = str(fields.get("level", "info"))
    details = " ".join(f"{name}={value}" for name, value in fields.items() if name not in _NOT_SHOWN)
    text = f"{fields.get('event', '')} {details}".rstrip()
    colour = _LEVEL_COLOURS.get(level)
    if colour is not None:
        text = click.style(f"{level}: {text}", fg=colour)
    if not process:
        return text
    at = str(fields.get("timestamp", ""))[11:19]
    return f"{click.style(at, dim=True)} {process:<11} {text}"
