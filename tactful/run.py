"""The main job from the command line: what is new is built, and the scoreboard is printed."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from ga4_export.days import REWRITTEN
from ga4_export.files import problems_of
from ga4_export.listing import ExportError, list_days
from ga4_export.sizes import shrunken_days
from tactful import claims, erasures, home, optimum, plan, scoreboard
from tactful.champions import deciding
from tactful.claims import Claim
from tactful.dbt import ensure_manifest
from tactful.jobs import Stage, run_job
from tactful.settings import Settings, SettingsError, load, variable
from tactful.source import Source, source_of

NOT_TRAINED = 3
"""Exit code of a run that ended well and still could not learn a pop-up model."""

NOT_LANDED = 4
"""Exit code of a run that ended well without a day of its export, which could not be landed."""


def settings_of(export: Path | None, is_simulated: bool, console: Console) -> Settings:
    """The settings of a run on `export` or on the simulator's shop, whichever is named, with nothing remembered.

    Where neither is, nor is one in the environment, it goes on with those of the home's last run.

    Raises:
        SettingsError: both are named, or a setting is wrong.
    """
    if is_simulated:
        if export is not None:
            raise SettingsError(f"--export names {export}, and --simulated the simulator's shop: say one of them.")
        return load(remembered=False).model_copy(update={"export": None})
    if export is not None or variable("export") in os.environ:
        return load(remembered=False, export=export)
    settings = load()
    if settings.export is not None:
        told = f"Going on with the last run's export {settings.export}; --simulated asks for the simulator's shop."
        console.print(told, markup=False, soft_wrap=True)
    return settings


def run(settings: Settings, console: Console, without_broken_days: bool = False) -> int:
    """Build what is new and print the scoreboard; returns the exit code.

    A day that can't be landed refuses the run before it begins, or, `without_broken_days`, is left out of it.

    Raises:
        ExportError, HomeError, ClaimError, ManifestError, RunError: one line says what is wrong.
    """
    home.prepare(settings)
    with home.running(settings):
        return _run(settings, console, without_broken_days)


def _run(settings: Settings, console: Console, without_broken_days: bool) -> int:
    source = source_of(settings)
    if not without_broken_days:
        _refuse_broken(settings, source)
    if set_aside := home.adopt(settings, source):
        console.print(
            "Another export was here: what was built from it, its keys and its clients' settings lie in "
            f"{set_aside}. `{home.way_back(set_aside)}` brings them back.",
            markup=False,
            soft_wrap=True,
        )
    home.remember(settings)
    _erase_asked(settings, console)
    ensure_manifest(settings, source)
    inputs, before = plan.inputs_of(settings, source), plan.recorded(settings.home)
    to_build, late = plan.plan(before, inputs, source), plan.late_days(before, inputs, source)
    summary_file = settings.home / "reports" / "summary.json"
    if to_build is None and summary_file.is_file():
        console.print("Nothing is new since the last run; this is its scoreboard.")
    else:
        days = to_build or plan.Plan(source.first, source.last, "the last run left no summary", is_rebuild=True)
        console.print(f"Building {days.first} to {days.last}: {days.reason}.")
        stages = run_job(settings, "everything", days, console)
        _add(summary_file, settings, source, stages)
        plan.record(settings.home, plan.with_days(inputs, before, late) if before else inputs)
    summary = json.loads(summary_file.read_text())
    scoreboard.show(summary, console, deciding(settings, scoreboard.models_of(summary)))
    if late:
        console.print(
            f"[bold yellow]Late:[/] {', '.join(map(str, late))} changed more than {REWRITTEN.days} days after "
            "their time (E_GA4_LATE_BEYOND_WINDOW): `tactful backfill` builds them."
        )
    return _exit_code(summary, console)


def _erase_asked(settings: Settings, console: Console) -> None:
    with claims.claimed(settings.home, Claim("tactful erase"), console.print):
        outcome = erasures.begin_with(settings)
    if outcome is not None:
        console.print(outcome.told, style=None if outcome.is_done else "bold yellow", markup=False)


def _refuse_broken(settings: Settings, source: Source) -> None:
    """Refuse what no run could land, before anything is started."""
    exported = list_days(source.folder) if source.kind == "files" else {}
    if problems := (*problems_of(exported), *map(str, shrunken_days(exported, exported).values())) if exported else ():
        more = f" There are {len(problems) - 1} more such problems." if len(problems) > 1 else ""
        command = home.run_command(settings, "--without-broken-days")
        raise ExportError(f"{problems[0]}{more} `{command}` builds the others.")


def _exit_code(summary: scoreboard.Summary, console: Console) -> int:
    refusals = [
        model["reason"]
        for name, model in summary["models"].items()
        if model["status"] == "not_trained" and name in scoreboard.POPUP_MODELS
    ]
    for refusal in refusals:
        console.print(f"[bold red]Not trained:[/] {escape(refusal)}")
    if left_out := summary["rows"].get("days_refused"):
        console.print(f"[bold red]Left out:[/] {escape('; '.join(left_out))}")
        return NOT_LANDED
    return NOT_TRAINED if refusals else 0


def _add(summary_file: Path, settings: Settings, source: Source, stages: Sequence[Stage]) -> None:
    """Add to a run's summary what is known only after it: the stages' figures, and how near models come to the best."""
    summary = json.loads(summary_file.read_text())
    summary["stages"] = [asdict(stage) for stage in stages]
    for name, shares in optimum.judge(settings, source, summary["models"]).items():
        summary["models"][name] |= optimum.as_metrics(shares)
    summary_file.write_text(json.dumps(summary, indent=1))
