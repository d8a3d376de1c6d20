"""The rows of an export that were kept out, for people to look at and decide of."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ga4_export import days, quarantine, replay
from ga4_export.landing import Landing
from ga4_export.quarantine import Record
from ga4_export.replay import Replay
from tactful import claims, home
from tactful.claims import Claim
from tactful.landing import landing_of
from tactful.settings import Settings, SettingsError, variable

_COLUMNS = ("row", "day", "file", "reason", "detail", "status")


@dataclass(frozen=True)
class Filter:
    """Which quarantined rows are meant; what is None is not asked."""

    status: str | None = None
    day: date | None = None
    reason: str | None = None

    def fits(self, record: Record) -> bool:
        asked = ((self.status, record.status), (self.day, record.day), (self.reason, record.reason_code))
        return all(wanted in (None, found) for wanted, found in asked)


def show_list(settings: Settings, wanted: Filter, console: Console) -> None:
    """Print the quarantined rows, and the days that could not be landed at all."""
    landing = _landing(settings)
    found = [record for record in replay.records(landing) if wanted.fits(record)]
    table = Table(box=None, pad_edge=False)
    for column in _COLUMNS:
        table.add_column(column, overflow="fold", no_wrap=column == "row")
    for record in found:
        told = (record.row_id, record.day, record.source_file, record.reason_code, record.detail, record.status)
        # what a visitor sent is shown as it is, and is no markup
        table.add_row(*(escape(str(value)) for value in told))
    if found:
        console.print(table)
    console.print(f"{len(found)} rows in quarantine.")
    for day in days.refused_days(landing):
        console.print(f"Day {day.day} could not be landed: {day.code}: {day.detail}", markup=False, highlight=False)


def row_of(settings: Settings, row_id: str) -> dict[str, Any]:
    """A quarantined row as the export held it, after privacy; edited, it can be replayed.

    Raises:
        ExportError: there is none of that name.
    """
    row: dict[str, Any] = json.loads(replay.find(_landing(settings), row_id).raw)
    return row


def replay_rows(settings: Settings, row_ids: Sequence[str], row: Path | None, console: Console) -> int:
    """Land rows after all, one of them mended as the file `row` says; returns how many are still kept out.

    Raises:
        ExportError: there is no such row, it was replayed before, or the mended one is none of an export.
        SettingsError: `row` is no JSON object, or several rows are to be mended by it.
    """
    if row is not None and len(row_ids) != 1:
        raise SettingsError(f"--row mends one row, and {len(row_ids)} are named; name one.")
    mended = None if row is None else _read(row)
    with _changing(settings) as landing:
        # all are looked for before the first is changed
        found = [replay.find(landing, row_id) for row_id in row_ids]
        return _tell([replay.replay(landing, record, mended, datetime.now(UTC)) for record in found], console)


def replay_all(settings: Settings, wanted: Filter, console: Console) -> int:
    """Land what is open and meant by `wanted` after all; returns how many rows are still kept out."""
    with _changing(settings) as landing:
        found = [record for record in replay.records(landing, quarantine.OPEN) if wanted.fits(record)]
        return _tell([replay.replay(landing, record, None, datetime.now(UTC)) for record in found], console)


def drop_rows(settings: Settings, row_ids: Sequence[str], console: Console) -> None:
    """Leave rows out for good.

    Raises:
        ExportError: there is no such row, or it was replayed.
    """
    with _changing(settings) as landing:
        found = [replay.find(landing, row_id) for row_id in row_ids]
        for record in found:
            replay.drop(landing, record)
            console.print(f"{record.row_id} is dropped; it stays on record.", highlight=False)


def _tell(replays: Sequence[Replay], console: Console) -> int:
    for done in replays:
        why = f": {done.refused}" if done.refused else ""
        console.print(f"{done.row_id} of {done.day} is {done.outcome}{why}.", markup=False, highlight=False)
    if landed := sorted({done.day for done in replays if done.outcome == "loaded"}):
        console.print(
            f"Their days have changed: `tactful backfill --first {landed[0]} --last {landed[-1]}` brings them to the "
            "features.",
            highlight=False,
        )
    if not replays:
        console.print("Nothing to replay.")
    return sum(done.refused is not None for done in replays)


def _landing(settings: Settings) -> Landing:
    if settings.profile == "gcp":
        raise SettingsError(
            f"{variable('profile')} is 'gcp', where the export's own tables are read and nothing is kept out: "
            "mend rows there."
        )
    home.require_run(settings)
    return landing_of(settings)


@contextmanager
def _changing(settings: Settings) -> Iterator[Landing]:
    landing = _landing(settings)
    claim = Claim("tactful quarantine")
    with home.running(settings), claims.claimed(settings.home, claim, str, patience=0):
        yield landing


def _read(file: Path) -> dict[str, Any]:
    try:
        row = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"--row {file} can't be read as JSON: {error}.") from None
    if not isinstance(row, dict):
        raise SettingsError(f"--row {file} holds a {type(row).__name__}; a JSON object is needed.")
    return row
