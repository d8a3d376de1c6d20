"""Real processes that are killed at random moments of their work; each prints a line as it begins a piece of it."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conftest import PROJECT


@dataclass(frozen=True)
class Whole:
    """How a process that nobody kills goes: when each of its lines came, in seconds from the first, and its end."""

    at: Sequence[float]

    @property
    def length(self) -> float:
        return self.at[-1] - self.at[0]


class Victim:
    """A Python program in a process of its own."""

    def __init__(self, program: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )

    def left_alone(self) -> Whole:
        """Wait for the end of the process, which goes well."""
        assert self._process.stdout is not None
        at = [time.monotonic() for _ in self._process.stdout]
        assert self._process.wait() == 0
        return Whole((*at, time.monotonic()))

    def killed(self, whole: Whole, moments: random.Random) -> None:
        """Kill the process at a random moment between its first line and the middle of the time that `whole` took."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline()
        after = moments.uniform(0, whole.length / 2)
        sys.stdout.write(f"killed {after:.3f} s after its first line\n")
        try:
            self._process.wait(after)
        except subprocess.TimeoutExpired:
            self._process.kill()
        assert self._process.wait() in (0, -signal.SIGKILL)
        self._process.stdout.close()
