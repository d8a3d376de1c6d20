"""A job of the orchestrator, run here and now in a process of its own, its steps told as they happen."""

import json
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from tactful import home
from tactful.plan import Plan
from tactful.processes import MemoryWatch, started
from tactful.settings import Settings


class RunError(RuntimeError):
    """The job failed; the message says which step, and why."""


@dataclass
class Stage:
    """What a stage of the job took; memory in bytes, of all its processes together, at its highest."""

    name: str
    seconds: float = 0.0
    peak_memory: int = 0


@dataclass
class _Told:
    """What a running job has told so far."""

    stages: dict[str, Stage] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


def run_job(settings: Settings, job: str, days: Plan, console: Console) -> list[Stage]:
    """Run `job` for the days of a plan; returns what its stages took.

    Raises:
        RunError: a step failed.
    """
    run_id = str(uuid.uuid4())
    log = settings.home / "logs" / "run.log"
    readable, writable = os.pipe()
    command = [
        *(sys.executable, "-m", "orchestration.run", job, str(days.first), str(days.last)),
        *(run_id, str(writable), *(["--rebuild"] if days.is_rebuild else [])),
    ]
    with started(command, home.environment(settings), home.PROJECT, log, pass_fds=(writable,)) as process:
        os.close(writable)
        memory = MemoryWatch(process.pid)
        with os.fdopen(readable) as lines:
            told = _follow(lines, memory, console)
        code = process.wait()
    if told.failures:
        raise RunError(f"{told.failures[0]} (run {run_id}; all of it is in {log})")
    if code:
        how = f"it was killed by signal {-code}" if code < 0 else _last_line(log)
        raise RunError(f"The job ended early: {how} (all of it is in {log})")
    return list(told.stages.values())


def _follow(lines: Iterator[str], memory: MemoryWatch, console: Console) -> _Told:
    told = _Told()
    begun: dict[str, float] = {}
    shown: dict[str, TaskID] = {}
    columns = (SpinnerColumn(finished_text="[green]✔[/]"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=False) as progress:
        for line in lines:
            told_now = json.loads(line)
            step = told_now["step"]
            if told_now["state"] == "started":
                begun[step] = told_now["at"]
                shown[step] = progress.add_task(f"{told_now['stage']:<12} {step.replace('__', '/')}", total=1)
                continue
            progress.update(shown[step], completed=1)
            stage = told.stages.setdefault(told_now["stage"], Stage(told_now["stage"]))
            stage.seconds += told_now["at"] - begun[step]
            stage.peak_memory = max(stage.peak_memory, memory.peak(begun[step], told_now["at"]))
            if told_now["state"] == "failed":
                told.failures.append(f"{step.replace('__', '/')} failed: {told_now['message']}")
    return told


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
