"""Processes beside this one: what they use, and how they are ended."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_TICK = 0.5
_GRACE = 10.0


@contextmanager
def started(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path, pass_fds: tuple[int, ...] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own, writing to `log`; it and its children are ended with the block."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    for farewell in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, farewell)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
            break
    # a child may have stayed when its parent went
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class MemoryWatch:
    """Memory in bytes of a process and its children over time, read until the process ends."""

    def __init__(self, pid: int) -> None:
        self._readings: list[tuple[float, int]] = []
        self._thread = threading.Thread(target=self._read, args=(psutil.Process(pid),), daemon=True)
        self._thread.start()

    def peak(self, start: float, end: float) -> int:
        """The largest reading between two times, as of time.time(); the nearest one where none lies between."""
        between = [memory for at, memory in self._readings if start <= at <= end]
        if between:
            return max(between)
        return min(self._readings, key=lambda reading: abs(reading[0] - end), default=(0.0, 0))[1]

    def _read(self, process: psutil.Process) -> None:
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            try:
                family = [process, *process.children(recursive=True)]
                self._readings.append((time.time(), sum(_resident(member) for member in family)))
            except psutil.NoSuchProcess:
                return
            time.sleep(_TICK)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
