"""What measurements of the pure rooms have in common: the host they ran on and the garbage collector's setting."""

from __future__ import annotations

import gc
import os
import platform
from pathlib import Path

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations before a collection of the youngest objects, and how many of those before one of the older ones.

Python's own first threshold, 700, is for short scripts: a server with a book in memory would look through its young
objects thousands of times a second for cycles that do not exist.
"""


GC_SETTING = f"what was loaded is frozen, thresholds {GC_THRESHOLDS}"


def settle_garbage_collector() -> None:
    """Set the collector as a server does after loading."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def describe_host() -> str:
    """Processor, number of cores, operating system and Python, in one line."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, {python}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
