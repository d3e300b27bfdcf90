"""Processor time of processes."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from loadtest.processor_time import MachineTime, ProcessorTime
from tests.waiting import eventually


@pytest.fixture
def busy_child() -> Iterator[subprocess.Popen[bytes]]:
    """Gives a child of this process that does nothing but work."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as child:
        yield child
        child.kill()


def test_work_counts() -> None:
    """Time that a process works from the beginning on is counted, up to the tick of the system's clock."""
    spent = ProcessorTime.of(os.getpid())
    began_s = time.process_time()
    while time.process_time() < began_s + 0.2:
        pass

    assert 0.15 < spent.spent_s() < 5


async def test_a_family_is_added_up(busy_child: subprocess.Popen[bytes]) -> None:
    """What a child works counts for its parent's family, and not for the parent."""
    family, parent = ProcessorTime.of_family(os.getpid()), ProcessorTime.of(os.getpid())

    await eventually(lambda: family.spent_s() > parent.spent_s() + 0.1, "the child's work counted")
    assert ProcessorTime.of(busy_child.pid).spent_s() < family.spent_s()


async def test_the_machine_has_all_of_it(busy_child: subprocess.Popen[bytes]) -> None:
    """What any process works counts for the machine."""
    machine, child = MachineTime(), ProcessorTime.of(busy_child.pid)

    await eventually(lambda: child.spent_s() > 0.2, "the child's work counted")
    # The ticks of the machine and those of a process are not the same.
    assert machine.spent_s() > 0.1
