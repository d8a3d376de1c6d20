"""Real processes that are killed at random moments of their work; each prints a line as it begins a piece of it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from tactful import home
from tactful.settings import Settings
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


class RunningJob:
    """A job of a home in a process group of its own, as `tactful run` starts it."""

    def __init__(self, settings: Settings, job: str, first: date, last: date) -> None:
        self.run_id = str(uuid4())
        readable, writable = os.pipe()
        days = (str(first), str(last))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "orchestration.run", job, *days, self.run_id, str(writable)],
            env=home.environment(settings),
            cwd=PROJECT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(writable,),
            start_new_session=True,
        )
        os.close(writable)
        self._progress = os.fdopen(readable)

    def killed_in(self, step: str, after: float = 0.0) -> None:
        """Kill the process and its children so many seconds after the step has begun."""
        with self._progress as lines:
            begun = any((told["step"], told["state"]) == (step, "started") for told in map(json.loads, lines))
            assert begun, f"{step} was never begun"
            sys.stdout.write(f"killed {after:.3f} s after {step} began\n")
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(after)
            os.killpg(self._process.pid, signal.SIGKILL)
        assert self._process.wait() == -signal.SIGKILL

    def failures(self) -> Sequence[str]:
        """Why steps failed, once the process has ended by itself."""
        with self._progress as lines:
            told = [json.loads(line) for line in lines]
        self._process.wait()
        return [line["message"] for line in told if line["state"] == "failed"]
