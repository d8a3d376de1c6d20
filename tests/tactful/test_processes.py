import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tactful import processes
from tactful.processes import MemoryWatch, started

CHILD = "import time; held = b'x' * 64 * 2**20; print('ready', flush=True); time.sleep(600)"
# Tells the ids of itself and of its child once both are ready, and stays for longer than any test.
PARENT = """
import os, subprocess, sys, time
{first}
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout=subprocess.PIPE)
print(child.stdout.readline().decode(), end="", flush=True)
os.write({told}, f"{{os.getpid()}} {{child.pid}}".encode())
time.sleep(600)
"""


@contextmanager
def _family(log: Path, first: str = "") -> Iterator[list[psutil.Process]]:
    """A started process and its child, which holds 64 MB."""
    heard, told = os.pipe()
    program = [sys.executable, "-c", PARENT.format(first=first, child=CHILD, told=told)]
    try:
        with started(program, os.environ, log.parent.parent, log, pass_fds=(told,)):
            yield [psutil.Process(int(pid)) for pid in os.read(heard, 100).split()]
    finally:
        os.close(heard)
        os.close(told)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "server.log"


def test_a_process_ends_with_the_block_and_so_do_its_children(log: Path) -> None:
    with _family(log) as family:
        assert all(member.is_running() for member in family)

    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert log.read_text() == "ready\n"


def test_a_block_that_fails_ends_it_too(log: Path) -> None:
    with pytest.raises(ZeroDivisionError), _family(log) as family:
        raise ZeroDivisionError

    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_a_process_that_won_t_end_is_killed(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_GRACE", 0.2)

    with _family(log, first="import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)") as family:
        pass

    assert psutil.wait_procs(family, timeout=5)[1] == []


def test_memory_is_that_of_a_process_and_its_children(log: Path) -> None:
    with _family(log) as (parent, child):
        watch = MemoryWatch(parent.pid)
        deadline = time.time() + 5
        while not (peak := watch.peak(0, time.time())):
            assert time.time() < deadline

        assert peak == pytest.approx(parent.memory_info().rss + child.memory_info().rss, rel=0.1)
        assert peak > 64 * 2**20


@pytest.mark.parametrize(
    ("start", "end", "peak"),
    [
        pytest.param(0, 9, 30, id="the largest of all"),
        pytest.param(4, 6, 20, id="the largest between"),
        pytest.param(6.5, 7, 20, id="the nearest where none lies between"),
    ],
)
def test_the_peak_is_that_between_two_times(
    log: Path, monkeypatch: pytest.MonkeyPatch, start: float, end: float, peak: int
) -> None:
    watch = MemoryWatch(os.getpid())
    monkeypatch.setattr(watch, "_readings", [(1, 10), (2, 30), (5, 15), (6, 20)])

    assert watch.peak(start, end) == peak
