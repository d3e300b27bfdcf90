"""Processor time of processes, user and system, over a stretch of a measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence


class ProcessorTime:
    """Adds up the processor time of processes that live through the measurement."""

    def __init__(self, processes: Sequence[psutil.Process]) -> None:
        self._processes = processes
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
        return sum(times.user + times.system for times in (one.cpu_times() for one in self._processes))
