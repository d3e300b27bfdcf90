"""The checks of `exchange doctor`: what endangers a deployment, and what to do about it. Nothing is changed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket as sockets
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg
import msgspec

from exchange.domain.events import WriterStarted
from exchange.log import lease
from exchange.log.archive import Archive, ArchiveMissing
from exchange.log.chain import ChainBroken
from exchange.log.heads import HeadsUnusable, read_published
from exchange.log.migrations import OLDEST_POSTGRES
from exchange.log.reader import LogReader
from exchange.log.snapshots import SnapshotStore
from exchange.operations.cut_off import LogCutOff, demand_end
from exchange.operations.engine_runtime import PROGRAM
from exchange.registry.reader import read_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from exchange.log.migrations import Connection
    from exchange.operations.finding import Exchange

_NS: Final = 10**9
_GIB: Final = 2**30
LEAST_FREE_BYTES: Final = 5 * _GIB
"""Below, there is a warning; below a fifth of it, danger."""
MOST_CLOCK_SKEW_MS: Final = 500
"""Between this machine and the database's."""
MOST_LAG_MS: Final = 10_000
"""Of settlement."""
MOST_EVENTS_WITHOUT_SNAPSHOT: Final = 1_000_000
LEAST_OPEN_FILES: Final = 4096
MOST_HEAD_AGE_S: Final = 7 * 86_400

_DURABILITY: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "fsync": (("on",), "a crash of its machine loses what was acknowledged, or the whole log"),
    "full_page_writes": (("on",), "a crash of its machine can leave half-written pages"),
    "synchronous_commit": (("on", "remote_apply"), "others than the engine may lose what they committed"),
    "data_checksums": (("on",), "a page that rots on disk is not noticed by the server"),
    "ignore_checksum_failure": (("off",), "damaged pages are read as if they were whole"),
    "zero_damaged_pages": (("off",), "damaged pages are emptied silently: events would vanish"),
    "transaction_read_only": (("off",), "the server takes no writes: it is a replica, or was made read-only"),
}
"""Settings, their good values, and what another one means."""
_DANGEROUS: Final = frozenset({"fsync", "full_page_writes", "zero_damaged_pages", "ignore_checksum_failure"})


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    DANGER = "danger"


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at. With --json, `doctor` prints an array of these."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""
    """What to do; empty where all is well."""


def _judged(name: str, found: str, problem: Verdict | None = None, advice: str = "") -> Check:
    return Check(name, problem or Verdict.OK, found, advice if problem else "")


async def examine(exchange: Exchange, dsn: str) -> list[Check]:
    """Look at everything. Raises the driver's errors when the database is away."""
    connection = await asyncpg.connect(dsn)
    try:
        checks = [await _server_version(connection)]
        checks += [check async for check in _settings(connection)]
        checks += [await _clock(connection), await _log(connection, dsn), await _archive(connection)]
        checks.append(await _settlement(connection))
        checks += [await _end(exchange, dsn), await _lease(exchange, dsn), await _snapshots(dsn)]
        checks += await asyncio.to_thread(_this_machine, exchange)
        checks.append(await _heads(exchange))
    finally:
        await connection.close()
    return checks


async def _server_version(connection: Connection) -> Check:
    return _judged(
        "Postgres",
        f"version {await connection.fetchval('SHOW server_version')}",
        Verdict.DANGER if connection.get_server_version().major < OLDEST_POSTGRES else None,
        f"use Postgres {OLDEST_POSTGRES} or newer",
    )


async def _settings(connection: Connection) -> AsyncIterator[Check]:
    for name, (good, meaning) in _DURABILITY.items():
        value: str = await connection.fetchval("SELECT current_setting($1, true)", name) or "unknown"
        problem = Verdict.DANGER if name in _DANGEROUS else Verdict.WARNING
        yield _judged(
            name,
            f"{value}: {meaning}" if value not in good else value,
            None if value in good else problem,
            f"set {name} = {good[0]} on the server",
        )


async def _clock(connection: Connection) -> Check:
    before = time.time_ns()
    server_ns = int(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp()) * 1000000000"))
    here_ns = (before + time.time_ns()) // 2
    last_ns: int = await connection.fetchval("SELECT recorded_at FROM event ORDER BY seq DESC LIMIT 1") or 0
    skew_ms = abs(server_ns - here_ns) // 1_000_000
    ahead_ms = (last_ns - here_ns) // 1_000_000
    if ahead_ms > MOST_CLOCK_SKEW_MS:
        return Check(
            "clock",
            Verdict.DANGER,
            f"the last event was recorded {ahead_ms} ms in the future of this machine",
            "synchronise the clock (chrony, ntpd) before the engine starts here: its time never runs backwards, and"
            " dead-man timers wait until the clock has caught up",
        )
    return _judged(
        "clock",
        f"{skew_ms} ms between this machine and the database's",
        Verdict.WARNING if skew_ms > MOST_CLOCK_SKEW_MS else None,
        "synchronise the clocks of both machines (chrony, ntpd)",
    )


async def _log(connection: Connection, dsn: str) -> Check:
    async with await LogReader.open(dsn, connections=1) as reader:
        head = await reader.head()
        program = await _last_program(reader, head.last_seq)
    size: int = await connection.fetchval("SELECT pg_total_relation_size('event')")
    return _judged(
        "log",
        f"{head.last_seq} events, epoch {head.epoch}, {size / _GIB:.2f} GiB"
        + (f", last written by {program}" if program else ""),
        Verdict.WARNING if program and program != PROGRAM else None,
        f"this is {PROGRAM}: use the version that writes the log, or start the exchange with this one",
    )


async def _last_program(reader: LogReader, last_seq: int) -> str:
    """The version of the engine that wrote last; empty where nobody did, or its start is archived.

    Epochs do not fall with seq: halving finds where the last one began. Files are not searched, which takes long.
    """
    before, first = await reader.archived_up_to(), last_seq
    last = await reader.event(last_seq) if last_seq else None
    if last is None:
        return ""
    while first - before > 1:
        middle = (before + first) // 2
        row = await reader.event(middle)
        if row is not None and row.epoch == last.epoch:
            first = middle
        else:
            before = middle
    started = await reader.event(first)
    event = None if started is None else started.to_recorded().event
    return event.program if isinstance(event, WriterStarted) else ""


async def _archive(connection: Connection) -> Check:
    archived = await connection.fetchrow("SELECT up_to_seq, folder FROM archived")
    if archived is None:
        return Check("archive", Verdict.OK, "nothing is archived")
    try:
        Archive(Path(archived["folder"])).demand_files(archived["up_to_seq"])
    except ArchiveMissing as missing:
        return Check(
            "archive",
            Verdict.DANGER,
            str(missing),
            "bring the files there from where they were kept; on a standby's machine, too",
        )
    return Check("archive", Verdict.OK, f"events up to {archived['up_to_seq']} in {archived['folder']}")


async def _settlement(connection: Connection) -> Check:
    status = await read_status(connection)
    if status is None:
        return Check(
            "settlement",
            Verdict.WARNING,
            "nothing was ever settled",
            "start `exchange up`, or `exchange settle`",
        )
    works = status.settler is not None and status.settler.works
    return _judged(
        "settlement",
        f"at event {status.checkpoint.seq}, {status.lag_events} events and {status.lag_ms} ms behind",
        Verdict.WARNING if status.lag_ms > MOST_LAG_MS else None,
        "see why in the log file of `exchange up`"
        if works
        else "nobody settles: start `exchange up`, or `exchange settle`",
    )


async def _end(exchange: Exchange, dsn: str) -> Check:
    try:
        async with await LogReader.open(dsn, connections=1) as reader:
            await demand_end(dsn, reader, exchange.folder.heads_path)
    except (LogCutOff, ChainBroken) as error:
        return Check(
            "end of the log", Verdict.DANGER, str(error), "run `exchange verify`; the engine will not start"
        )
    except (HeadsUnusable, OSError):
        # The check of the published heads tells.
        pass
    return Check("end of the log", Verdict.OK, "nothing that was made of the log lies beyond it")


async def _lease(exchange: Exchange, dsn: str) -> Check:
    holder = await lease.current(dsn)
    running = exchange.folder.running()
    if holder is None:
        return _judged(
            "lease",
            "nobody writes the log",
            Verdict.DANGER if running is not None and running.http else None,
            "`exchange up` runs and its engine does not: see its log file",
        )
    writer = holder.writer
    here = "this machine" if writer.host == sockets.gethostname() else writer.host
    return _judged(
        "lease", f"process {writer.pid} on {here}, epoch {holder.epoch}, since {holder.since.isoformat()}"
    )


async def _snapshots(dsn: str) -> Check:
    store = SnapshotStore(dsn)
    found = await store.newest_good()
    async with await LogReader.open(dsn, connections=1) as reader:
        last_seq = (await reader.head()).last_seq
    seq = found.snapshot.seq if found.snapshot else 0
    if found.problems:
        return Check(
            "snapshots",
            Verdict.DANGER,
            "; ".join(found.problems),
            "run `exchange verify`; if the log is good, `exchange snapshot prune --keep 0` and `exchange snapshot take`",
        )
    return _judged(
        "snapshots",
        f"newest at event {seq}, {last_seq - seq} events ago" if seq else f"none yet, of {last_seq} events",
        Verdict.WARNING if last_seq - seq > MOST_EVENTS_WITHOUT_SNAPSHOT else None,
        "a start would take long: `exchange snapshot take`",
    )


def _this_machine(exchange: Exchange) -> list[Check]:
    path = exchange.folder.path
    there = path if path.is_dir() else path.parent
    free = shutil.disk_usage(there).free if there.is_dir() else 0
    problem = None
    if free < LEAST_FREE_BYTES:
        problem = Verdict.DANGER if free < LEAST_FREE_BYTES // 5 else Verdict.WARNING
    checks = [
        _judged(
            "disk",
            f"{free / _GIB:.1f} GiB free at {there}",
            problem,
            "make room, or `exchange archive` old events; a full disk stops the engine, and loses nothing",
        )
    ]
    if hasattr(os, "sysconf") and (files := os.sysconf("SC_OPEN_MAX")) > 0:
        checks.append(
            _judged(
                "open files",
                f"at most {files} for each process",
                Verdict.WARNING if files < LEAST_OPEN_FILES else None,
                f"raise the limit (ulimit -n, LimitNOFILE=) to {LEAST_OPEN_FILES} or more: each connection takes one",
            )
        )
    return checks


async def _heads(exchange: Exchange) -> Check:
    path = exchange.folder.heads_path
    try:
        heads = read_published(path)
    except (HeadsUnusable, OSError) as error:
        return Check(
            "published heads",
            Verdict.DANGER,
            str(error),
            "restore the file from where heads were published to",
        )
    if not heads:
        return Check(
            "published heads",
            Verdict.WARNING,
            "none yet: nobody outside could prove a change of the log",
            "run `exchange log head --publish` daily and give the line to others",
        )
    newest = max(heads, key=lambda head: head.seq)
    age_s = (time.time_ns() - newest.recorded_at) // _NS
    return _judged(
        "published heads",
        f"{len(heads)}, the newest of event {newest.seq}, {age_s // 3600} hours old",
        Verdict.WARNING if age_s > MOST_HEAD_AGE_S else None,
        "run `exchange log head --publish` daily and give the line to others",
    )
