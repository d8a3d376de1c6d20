"""Which days an export folder holds, and in which of GA4's tables."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

DAILY, FRESH, INTRADAY = KINDS = ("daily", "fresh", "intraday")
"""GA4's tables of a day, the best first: the others hold the same events again, earlier and less complete."""

_DAY = re.compile(r"events_(?:(fresh|intraday)_)?(\d{8})(\.parquet)?")


class ExportError(ValueError):
    """An export or one of its files can't be read as GA4's; the message names it and what would be right.

    `code` tells kinds of it apart for programs.
    """

    def __init__(self, message: str, code: str = "E_EXPORT") -> None:
        super().__init__(message)
        self.code = code


def list_days(folder: Path) -> Mapping[date, tuple[Path, ...]]:
    """The Parquet files of each day in `folder`, by day: `events_YYYYMMDD.parquet` or a folder `events_YYYYMMDD/`.

    Where a day has no daily table, its files are those of `events_fresh_`, else of `events_intraday_`. Tables of one
    day are never read together.

    Raises:
        ExportError: the folder is missing, can't be read, or holds no day.
    """
    try:
        tables = _tables(folder)
    except OSError as unreadable:
        why = unreadable.strerror or unreadable
        raise ExportError(f"Export folder {folder} can't be read ({why}): mend its disk or its permissions.") from None
    if not tables:
        raise ExportError(f"Export folder {folder} holds no day: events_YYYYMMDD.parquet files are needed.")
    best_last = sorted(tables, key=lambda table: (table[0], -KINDS.index(table[1])))
    return {day: tables[day, kind] for day, kind in best_last}


def kind_of(files: Sequence[Path]) -> str:
    """Which of GA4's tables the files of a day are."""
    (first, *_) = files
    name = _DAY.fullmatch(first.name) or _DAY.fullmatch(first.parent.name)
    return (name[1] if name else None) or DAILY


def name_of(file: Path) -> str:
    """A file's name in the export; one of several of its day is named with their folder."""
    return f"{file.parent.name}/{file.name}" if _DAY.fullmatch(file.parent.name) else file.name


def missing_days(days: Mapping[date, Sequence[Path]]) -> tuple[date, ...]:
    """The days between the first and the last one that have no file."""
    first, last = min(days), max(days)
    span = (first + timedelta(days=n) for n in range((last - first).days))
    return tuple(day for day in span if day not in days)


def _tables(folder: Path) -> Mapping[tuple[date, str], tuple[Path, ...]]:
    """The files of each table, by its day and kind."""
    if not folder.is_dir():
        raise ExportError(f"Export folder {folder} is missing: name a folder of events_YYYYMMDD.parquet files.")
    tables: dict[tuple[date, str], tuple[Path, ...]] = {}
    for entry in sorted(folder.iterdir()):
        if (name := _DAY.fullmatch(entry.name)) and (files := _files(entry)):
            table = (_day(name[2], entry), name[1] or DAILY)
            tables[table] = (*tables.get(table, ()), *files)
    return tables


def _files(entry: Path) -> tuple[Path, ...]:
    return tuple(sorted(entry.glob("*.parquet"))) if entry.is_dir() else (entry,)


def _day(digits: str, entry: Path) -> date:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        raise ExportError(f"{entry} names no day of the calendar: events_YYYYMMDD is needed.") from None
