"""The commands `tactful decisions ...`."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tactful import settings as tactful_settings
from tactful.settings import SettingsError

app = typer.Typer(no_args_is_help=True, help="Decisions on record: what was said of whom, and whether it still is.")
console = Console(soft_wrap=True)
NOT_THE_SAME = 1

DecisionId = Annotated[str, typer.Argument(metavar="ID", help="The decision_id of an answer.")]


@app.command()
def show(decision_id: DecisionId) -> None:
    """Print a decision as JSON: what was asked, what was known, what was said, and what came of it."""
    from tactful.decisions import shown

    json.dump(shown(tactful_settings.load(), decision_id), sys.stdout, indent=1)
    sys.stdout.write("\n")


@app.command()
def replay(decision_id: DecisionId) -> None:
    """Score a decision again by its own features and model; exit code 1 where that isn't the same, or can't be done."""
    from tactful.decisions import replay as replay_decision

    outcome = replay_decision(tactful_settings.load(), decision_id)
    console.print(outcome.told, markup=False, highlight=False)
    if not outcome.is_same:
        raise typer.Exit(NOT_THE_SAME)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    day: Annotated[str, typer.Option(help="YYYY-MM-DD: the day of the moments that were decided about.")],
) -> None:
    """Write a day's decisions to a Parquet file, which `tactful erase` doesn't know of."""
    from tactful.decisions import export as export_decisions

    try:
        stated = date.fromisoformat(day)
    except ValueError:
        raise SettingsError(f"--day is {day!r}; a day as YYYY-MM-DD is needed.") from None
    rows = export_decisions(tactful_settings.load(), stated, file)
    console.print(f"{file} holds the {rows:,} decisions of {stated}.", markup=False, highlight=False)
