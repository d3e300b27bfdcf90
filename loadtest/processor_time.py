"""Processor time of processes, user and system, over a stretch of a measurement."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence


class ProcessorTime:
    """Adds up the processor time of processes; one that ends meanwhile counts as of when it was last looked at."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._spent_s = dict.fromkeys(processes, 0.0)
        self._before_s = self._total_s()

    @classmethod
    def of(cls, process_id: int) -> ProcessorTime:
        """Of one process, from now on."""
        return cls([psutil.Process(process_id)])

    @classmethod
    def of_family(cls, process_id: int) -> ProcessorTime:
        """Of a process and its present children, from now on."""
        parent = psutil.Process(process_id)
        return cls([parent, *parent.children()])

    def spent_s(self) -> float:
        """Seconds since the beginning."""
        return self._total_s() - self._before_s

    def _total_s(self) -> float:
        for process in self._spent_s:
            # Postgres ends idle workers when it likes.
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self._spent_s[process] = times.user + times.system
        return sum(self._spent_s.values())


class MachineTime:
    """Adds up the processor time of the whole machine, whoever had it (time that the host kept for others included)."""

    def __init__(self) -> None:
        self._before_s = self._total_s()

    def spent_s(self) -> float:
        """Seconds of all cores since the beginning."""
        return self._total_s() - self._before_s

    @staticmethod
    def _total_s() -> float:
        times = psutil.cpu_times()
        # Linux counts waiting for a disk apart from other idleness, and a guest's time as a user's as well.
        idle_s = times.idle + getattr(times, "iowait", 0.0)
        guests_s = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        total_s: float = sum(times) - idle_s - guests_s
        return total_s
