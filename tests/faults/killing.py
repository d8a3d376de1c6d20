"""Real processes that are killed at random moments of their work."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self
from uuid import uuid4

import dagster as dg

from tactful import home
from tactful.settings import Settings
from tactful.source import source_of
from tests.conftest import PROJECT

# what a nursery does with a program: a child for each list that it reads, and for the id of a child its exit code
CHILDREN = """
import json, os, sys, traceback
print("ready", flush=True)
while line := sys.stdin.readline():
    asked = json.loads(line)
    if isinstance(asked, int):
        print(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]), flush=True)
    elif os.fork() == 0:
        os.setsid()
        print(os.getpid(), flush=True)
        os.dup2(2, 1)
        try:
            work(*asked)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
"""

RUN = """
import importlib, os, resource, sys
import dagster as dg
from orchestration import run

for name in sys.argv[1:]:
    importlib.import_module(name)
every_job = run.defs

def work(assets, file_limit, progress, job, *asked):
    if assets:
        some = dg.define_asset_job(job, [dg.AssetKey(asset.split("/")) for asset in assets.split()])
        run.defs = dg.Definitions.merge(every_job, dg.Definitions(jobs=[some]))
    if file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_limit), resource.RLIM_INFINITY))
    if run.main(job, *asked, str(os.open(progress, os.O_WRONLY))):
        raise SystemExit(1)
"""


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


class Nursery:
    """A Python program that has imported what its function `work` needs; children of it do that, and begin at once."""

    def __init__(self, program: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", program + CHILDREN, *arguments],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def begin(self, *arguments: str) -> "Child":
        """Begin the work with these arguments."""
        return Child(self, int(self.ask(arguments)))

    def left_alone(self, *arguments: str) -> None:
        """Do the work; it goes well."""
        assert self.begin(*arguments).code() == 0

    def ask(self, question: Sequence[str] | int) -> str:
        """The answer to a line of JSON."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the program."""
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


class Child:
    """A process that does a piece of work, in a group of its own with the processes that it starts."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self._pid = nursery, pid
        self._descriptor = os.pidfd_open(pid)

    def has_ended(self, within: float = 0.0) -> bool:
        """Whether it ends within so many seconds."""
        return bool(select.select([self._descriptor], [], [], within)[0])

    def killed(self, after: float = 0.0) -> None:
        """Kill it and what it has started, unless it ends within so many seconds."""
        sys.stdout.write(f"killed after {after:.3f} s\n")
        if not self.has_ended(after):
            os.killpg(self._pid, signal.SIGKILL)
        assert self.code() in (0, -signal.SIGKILL)

    def code(self) -> int:
        """The exit code, once it has ended."""
        code = int(self._nursery.ask(self._pid))
        os.close(self._descriptor)
        return code


class RunningJob:
    """A job of a home, run as `tactful run` does; the lines that it tells of its steps."""

    def __init__(self, run_id: str, child: Child, progress: Path) -> None:
        self.run_id, self._child = run_id, child
        self._progress = progress.open()

    def until(self, step: str) -> None:
        """Return as soon as the step has begun."""
        begun = any((told["step"], told["state"]) == (step, "started") for told in map(json.loads, self._progress))
        assert begun, f"{step} was never begun"

    def killed_in(self, step: str, after: float = 0.0) -> None:
        """Kill its processes so many seconds after the step has begun."""
        with self._progress:
            self.until(step)
            self._child.killed(after)

    def failures(self) -> Sequence[str]:
        """Why steps failed, once it has ended by itself; none if it went well."""
        with self._progress as lines:
            told = [json.loads(line) for line in lines]
        failed = [line["message"] for line in told if line["state"] == "failed"]
        assert self._child.code() == bool(failed)
        return failed


class Jobs:
    """The jobs of a home, and parts of its graph, each run in a process that begins at once."""

    def __init__(self, settings: Settings, *imports: str) -> None:
        self.settings = settings
        self._nursery = Nursery(RUN, *imports, environment=home.environment(settings))

    def run(self, job: str, days: int = 1, file_limit: int | None = None) -> RunningJob:
        """Begin a job for the last days of the home; no file may grow beyond `file_limit` bytes."""
        return self._begin("", job, days, file_limit)

    def build(self, *assets: str, days: int = 1, file_limit: int | None = None) -> RunningJob:
        """Begin a run of these assets and their checks alone."""
        return self._begin(" ".join(assets), "some_assets", days, file_limit)

    def _begin(self, assets: str, job: str, days: int, file_limit: int | None) -> RunningJob:
        run_id, last = str(uuid4()), source_of(self.settings).last
        progress = self.settings.home / f"{run_id}.progress"
        os.mkfifo(progress)
        asked = (job, str(last - timedelta(days=days - 1)), str(last), run_id)
        child = self._nursery.begin(assets, str(file_limit or ""), str(progress), *asked)
        return RunningJob(run_id, child, progress)

    def close(self) -> None:
        """Let go of the processes."""
        self._nursery.close()


@dataclass(frozen=True)
class OnRecord:
    """What Dagster has on record of a run: how it stands, the assets that it built and when, the checks that told."""

    status: dg.DagsterRunStatus
    built: Mapping[str, float]
    told: Set[str]

    @classmethod
    def of(cls, settings: Settings, run: RunningJob) -> Self:
        """The record in a home."""
        with dg.DagsterInstance.from_config(str(settings.home / "dagster")) as instance:
            found = instance.get_run_by_id(run.run_id)
            assert found is not None
            built = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
            told = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        return cls(
            found.status,
            {
                event.asset_key.to_user_string(): entry.timestamp
                for entry in built
                if (event := entry.get_dagster_event()).asset_key
            },
            {entry.get_dagster_event().asset_check_evaluation_data.check_name for entry in told},
        )
