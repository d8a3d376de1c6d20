"""How many rows days have beside the usual number: half an upload, or an empty table, is told by that."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from ga4_export.files import open_parquet
from ga4_export.landing import Landing
from ga4_export.listing import ExportError

_BEFORE = timedelta(days=7)
_SHRUNKEN = 0.01
"""Share of the usual number of rows up to which a day is taken for damaged."""


@dataclass(frozen=True)
class Size:
    """The rows of a day beside the usual number: the median of the seven days before it, none for the first ones."""

    day: date
    rows: int
    usual: float | None

    @property
    def share(self) -> float:
        """Rows as a share of the usual number; 1 where nothing is usual yet."""
        return self.rows / self.usual if self.usual else 1.0

    @property
    def told(self) -> str:
        return f"{self.day} has {self.rows:,} rows; {self.usual or 0:,.0f} are usual"


def sizes(landing: Landing, days: Iterable[date]) -> tuple[Size, ...]:
    """The sizes of landed `days`."""
    return _sizes(_landed_rows(landing), days)


def shrunken_days(
    exported: Mapping[date, Sequence[Path]], days: Iterable[date], landing: Landing | None = None
) -> Mapping[date, ExportError]:
    """What is said of those of `days` whose files have next to none of the usual rows, as their footers state them.

    Days that the export no longer holds count as they were landed in `landing`.
    """
    asked = sorted(days)
    near = [day for day in exported if asked and asked[0] - _BEFORE <= day <= asked[-1]]
    delivered = {day: rows for day in near if (rows := _rows(exported[day])) is not None}
    known = {**(_landed_rows(landing) if landing else {}), **delivered}
    found = _sizes(known, (day for day in asked if day in delivered))
    return {size.day: _shrunken(size) for size in found if size.share <= _SHRUNKEN}


def _shrunken(size: Size) -> ExportError:
    return ExportError(f"Day {size.told}: is it an empty table, or half an upload?", "E_GA4_DAY_SHRUNKEN")


def _sizes(rows: Mapping[date, int], days: Iterable[date]) -> tuple[Size, ...]:
    before = {day: [rows[other] for other in rows if day - _BEFORE <= other < day] for day in days if day in rows}
    return tuple(Size(day, rows[day], median(others) if others else None) for day, others in before.items())


def _landed_rows(landing: Landing) -> dict[date, int]:
    return {day: landed.rows_read for day in landing.landed_days() if (landed := landing.landed(day))}


def _rows(files: Iterable[Path]) -> int | None:
    """The rows of a day's files; none where one can't be read, which is told elsewhere."""
    try:
        return sum(int(open_parquet(file).metadata.num_rows) for file in files)
    except ExportError:
        return None
