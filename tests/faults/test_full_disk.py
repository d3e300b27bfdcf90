"""The disk of the exchange is full: nothing that was acknowledged is lost, and with room it goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.faults.test_whole_exchange import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.slow, pytest.mark.timeout(300)]

DISK_MB = 400


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Gives a folder that is a disk of its own, of memory; skips where none can be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root on Linux can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=711", "tmpfs", str(disk)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Takes all room there is; gives the file that has it."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for block in (1 << 20, 1 << 12, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(block))
    return ballast


async def test_a_full_disk(small_disk: Path) -> None:
    """Trading stops when the log cannot grow; with room it goes on, and every acknowledgement holds.

    The embedded Postgres, the engine and their log files are all on the disk. Where `exchange up` itself gives up, whoever runs
    it starts it again.
    """
    scene = Scene(small_disk, seed=1, gateways=1)
    await scene.start()
    try:
        await scene.trade_on()
        ballast = fill(small_disk)
        assert 0 == shutil.disk_usage(small_disk).free
        await scene.stand_still()
        ballast.unlink()
        await scene.start_again_if_ended()
        await scene.trade_on()
        await scene.stop()
    finally:
        await scene.close()
