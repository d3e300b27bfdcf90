"""Measures our book beside books of the package index: same messages, same Python, in turns.

The others are installed in an environment of their own, which is made on first use and kept in the user's cache. Every
run is a fresh process there, ours too; a round is one run of each engine, so that what else the machine does meets all
of them alike.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from loadtest.engines import ENGINES, OURS, TimedRun

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = Path(__file__).with_name("requirements-compare.txt")


class Comparison(msgspec.Struct):
    """One engine's result beside ours."""

    engine: str
    version: str
    written_in: str
    leaves_out: str
    fills: int
    same_fills: bool
    """Whether prices and quantities of all fills are ours, in order."""
    best_per_s: float
    median_per_s: float
    ours_over_this: float
    """Median of the rounds' ratios of our speed to this engine's in the same round."""


def compare(path: Path, rounds: int, progress: Callable[[str], None]) -> list[Comparison]:
    """Run every engine `rounds` times on a file; ours first, then the others from the fastest down."""
    python = environment(progress)
    runs: dict[str, list[TimedRun]] = {name: [] for name in ENGINES}
    for number in range(1, rounds + 1):
        for name, done in runs.items():
            progress(f"round {number} of {rounds}: {name}")
            done.append(_run(python, name, path))
    ours = runs[OURS]
    results = [_result(name, theirs, ours) for name, theirs in runs.items()]
    return sorted(results, key=lambda result: (result.engine != OURS, -result.median_per_s))


def environment(progress: Callable[[str], None]) -> Path:
    """The interpreter of the environment with the engines; makes it if it is not there or its making stopped."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache / "carbon-exchange" / f"compare-{key}"
    python = folder / "bin" / "python"
    complete = folder / "complete"
    if not complete.exists():
        progress(f"installing the engines in {folder}")
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-r", REQUIREMENTS],
            check=True,
        )
        complete.touch()
    return python


def _run(python: Path, name: str, path: Path) -> TimedRun:
    done = subprocess.run(
        [python, "-m", "loadtest.engines", name, path.resolve()],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=600,
    )
    return msgspec.json.decode(done.stdout, type=TimedRun)


def _result(name: str, runs: list[TimedRun], ours: list[TimedRun]) -> Comparison:
    engine = ENGINES[name]
    speeds = [run.messages / run.seconds for run in runs]
    ratios = [theirs.seconds / our.seconds for theirs, our in zip(runs, ours, strict=True)]
    return Comparison(
        engine=name,
        version=_versions().get(name, "this checkout"),
        written_in=engine.written_in,
        leaves_out=engine.leaves_out,
        fills=runs[0].fills,
        same_fills=runs[0].fills_sha256 == ours[0].fills_sha256,
        best_per_s=max(speeds),
        median_per_s=statistics.median(speeds),
        ours_over_this=statistics.median(ratios),
    )


def _versions() -> dict[str, str]:
    pins = (line.split("==") for line in REQUIREMENTS.read_text().splitlines() if "==" in line)
    return dict(pin for pin in pins if len(pin) == 2)
