"""The main job from the command line: what is new is built, and the scoreboard is printed."""

import json
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ga4_export.landing import problems_of
from ga4_export.listing import ExportError, list_days
from tactful import home, plan, scoreboard
from tactful.dbt import ensure_manifest
from tactful.processes import MemoryWatch, started
from tactful.settings import Settings
from tactful.source import Source, source_of

JOB = "everything"
NOT_TRAINED = 3
"""Exit code of a run that ended well and still could not learn what it was asked to learn."""


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


def run(settings: Settings, console: Console) -> int:
    """Build what is new and print the scoreboard; returns the exit code.

    Raises:
        ExportError, HomeError, ManifestError, RunError: one line says what is wrong.
    """
    home.prepare(settings)
    with home.running(settings):
        return _run(settings, console)


def _run(settings: Settings, console: Console) -> int:
    source = source_of(settings)
    _refuse_broken(source)
    if set_aside := home.adopt(settings, source):
        console.print(f"Another export was here; what was built from it lies in {set_aside} and comes back with it.")
    ensure_manifest(settings, source)
    inputs = plan.inputs_of(settings, source)
    to_build = plan.plan(plan.recorded(settings.home), inputs, source)
    summary_file = settings.home / "reports" / "summary.json"
    if to_build is None and summary_file.is_file():
        console.print("Nothing is new since the last run; this is its scoreboard.")
    else:
        home.remember(settings)
        days = to_build or plan.Plan(source.first, source.last, "the last run left no summary")
        console.print(f"Building {days.first} to {days.last}: {days.reason}.")
        stages = _run_job(settings, days, console)
        _add_stages(summary_file, stages)
        plan.record(settings.home, inputs)
    summary = json.loads(summary_file.read_text())
    scoreboard.show(summary, console)
    return _exit_code(summary, console)


def _refuse_broken(source: Source) -> None:
    """Refuse what no run could land, before anything is started."""
    problems = () if source.is_simulated else problems_of(list_days(source.folder))
    if problems:
        more = f" There are {len(problems) - 1} more such problems." if len(problems) > 1 else ""
        raise ExportError(problems[0] + more)


def _exit_code(summary: scoreboard.Summary, console: Console) -> int:
    refusals = [
        model["reason"]
        for name, model in summary["models"].items()
        if model["status"] == "not_trained" and name in scoreboard.POPUP_MODELS
    ]
    for refusal in refusals:
        console.print(f"[bold red]Not trained:[/] {escape(refusal)}")
    return NOT_TRAINED if refusals else 0


def _run_job(settings: Settings, days: plan.Plan, console: Console) -> list[Stage]:
    run_id = str(uuid.uuid4())
    log = settings.home / "logs" / "run.log"
    readable, writable = os.pipe()
    command = [sys.executable, "-m", "orchestration.run", JOB, str(days.first), str(days.last), run_id, str(writable)]
    with started(command, home.environment(settings), home.PROJECT, log, pass_fds=(writable,)) as process:
        os.close(writable)
        memory = MemoryWatch(process.pid)
        with os.fdopen(readable) as lines:
            told = _follow(lines, memory, console)
        code = process.wait()
    if told.failures:
        raise RunError(f"{told.failures[0]} (run {run_id}; all of it is in {log})")
    if code:
        raise RunError(f"The job ended early: {_last_line(log)} (all of it is in {log})")
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


def _add_stages(summary_file: Path, stages: list[Stage]) -> None:
    summary = json.loads(summary_file.read_text())
    summary["stages"] = [asdict(stage) for stage in stages]
    summary_file.write_text(json.dumps(summary, indent=1))


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
