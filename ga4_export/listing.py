"""Which days an export folder holds."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

# The daily tables alone: `events_intraday_` and `events_fresh_` hold the same events again.
_DAY = re.compile(r"events_(\d{8})(\.parquet)?")


class ExportError(ValueError):
    """An export or one of its files can't be read as GA4's; the message names it and what would be right."""


def list_days(folder: Path) -> Mapping[date, tuple[Path, ...]]:
    """The Parquet files of each day in `folder`, by day: `events_YYYYMMDD.parquet` or a folder `events_YYYYMMDD/`.

    Raises:
        ExportError: the folder is missing, or holds no day.
    """
    if not folder.is_dir():
        raise ExportError(f"Export folder {folder} is missing: name a folder of events_YYYYMMDD.parquet files.")
    days: dict[date, tuple[Path, ...]] = {}
    for entry in sorted(folder.iterdir()):
        if (name := _DAY.fullmatch(entry.name)) and (files := _files(entry)):
            day = _day(name[1], entry)
            days[day] = (*days.get(day, ()), *files)
    if not days:
        raise ExportError(f"Export folder {folder} holds no day: events_YYYYMMDD.parquet files are needed.")
    return days


def missing_days(days: Mapping[date, Sequence[Path]]) -> tuple[date, ...]:
    """The days between the first and the last one that have no file."""
    first, last = min(days), max(days)
    span = (first + timedelta(days=n) for n in range((last - first).days))
    return tuple(day for day in span if day not in days)


def _files(entry: Path) -> tuple[Path, ...]:
    return tuple(sorted(entry.glob("*.parquet"))) if entry.is_dir() else (entry,)


def _day(digits: str, entry: Path) -> date:
    try:
        return datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        raise ExportError(f"{entry} names no day of the calendar: events_YYYYMMDD is needed.") from None
