"""The commands `tactful quarantine ...`."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tactful import settings as tactful_settings
from tactful.settings import SettingsError

app = typer.Typer(no_args_is_help=True, help="Rows of the export that were kept out, and what is decided of them.")
console = Console(soft_wrap=True)
STILL_KEPT_OUT = 1

Day = Annotated[str | None, typer.Option(help="YYYY-MM-DD.")]
Reason = Annotated[str | None, typer.Option(help="A reason code, as E_TS_RANGE.")]
RowIds = Annotated[list[str] | None, typer.Argument(help="Rows by the names that `list` tells.")]


@app.command("list")
def list_rows(
    status: Annotated[str | None, typer.Option(help="open, replayed or dropped.")] = None,
    day: Day = None,
    reason: Reason = None,
) -> None:
    """List the rows, and the days that could not be landed at all."""
    from ga4_export.quarantine import DROPPED, OPEN, REPLAYED
    from tactful.quarantine import Filter, show_list

    if status not in (None, OPEN, REPLAYED, DROPPED):
        raise SettingsError(f"--status is {status!r}; {OPEN}, {REPLAYED} or {DROPPED} is needed.")
    show_list(tactful_settings.load(), Filter(status, _day(day), reason), console)


@app.command()
def show(row_id: Annotated[str, typer.Argument(help="A row by the name that `list` tells.")]) -> None:
    """Print a row as JSON, to be mended and given back to `replay --row`."""
    from tactful.quarantine import row_of

    json.dump(row_of(tactful_settings.load(), row_id), sys.stdout, indent=1)
    sys.stdout.write("\n")


@app.command()
def replay(
    row_ids: RowIds = None,
    row: Annotated[Path | None, typer.Option(help="JSON file with the row, mended.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All open rows, or those of --day and --reason.")] = False,
    day: Day = None,
    reason: Reason = None,
) -> None:
    """Land rows after all, as they are or mended."""
    from tactful.quarantine import Filter, replay_all, replay_rows

    if bool(row_ids) == everything or (row_ids and (day or reason)) or (everything and row):
        raise SettingsError("Name rows, one of them with --row, or say --all with or without --day and --reason.")
    settings = tactful_settings.load()
    if row_ids:
        kept_out = replay_rows(settings, row_ids, row, console)
    else:
        kept_out = replay_all(settings, Filter(None, _day(day), reason), console)
    raise typer.Exit(STILL_KEPT_OUT if kept_out else 0)


@app.command()
def drop(row_ids: Annotated[list[str], typer.Argument(help="Rows by the names that `list` tells.")]) -> None:
    """Leave rows out for good; they stay on record."""
    from tactful.quarantine import drop_rows

    drop_rows(tactful_settings.load(), row_ids, console)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--day is {text!r}; a day as YYYY-MM-DD is needed.") from None
